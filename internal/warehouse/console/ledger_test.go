package console_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	core "github.com/lineitem/lineitem/internal/core/console"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/warehouse"
	"github.com/lineitem/lineitem/internal/warehouse/console"
)

// spent makes facts of one hour of one cluster.
func spent(id cluster.ID, user, group string, at time.Time, nanos ...cost.Nanos) []spend.Fact {
	hours := make([]bill.Hour, len(nanos))
	for i, n := range nanos {
		hours[i] = bill.Hour{
			Start: at, Kind: bill.KindWork, Category: bill.KindWork, Operation: "read.csv", Cost: n, ThreadMicros: 7,
			Origin: usage.Line{File: "/home/" + user + "/it's.py", Line: i + 1}, Created: true,
		}
	}
	return spend.Facts(spend.Of{Cluster: id, Name: "etl", UserID: identity.UserID(user), User: user, Group: group, RulesVersion: 3}, hours)
}

// The table lines is what the warehouse answers from, row for row: segments, what is newer than they are, and what replaces some of their hours; and of that, what
// the asker may see.
func TestLedger(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w, err := warehouse.Open(t.Context(), folder, warehouse.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	next, day := hour.Add(time.Hour), hour.AddDate(0, 0, 1)
	kept := slices.Concat(
		spent("cl_a", "1", "/research/genomics", hour, 10, 20), spent("cl_a", "1", "/research/genomics", next, 100), spent("cl_b", "bo", "/research", hour, 1_000),
		spent("cl_c", "cy", "/researchers", day, 10_000, 5),
	)
	change, err := w.Replace(t.Context(), nil, nil, slices.Values(kept))
	if err != nil {
		t.Fatal(err)
	}
	// The first hour of cl_a was computed again, and cl_d is running.
	now := slices.Concat(spent("cl_a", "1", "/research/genomics", hour, 11, 22, 33), spent("cl_d", "bo", "", day, 7))
	view := warehouse.View{
		Segments: change.Fresh, Pairs: []warehouse.Pair{{Cluster: "cl_a", Hour: hour}, {Cluster: "cl_d", Hour: day}}, Facts: now, AsOf: day.Add(time.Hour),
	}
	if err := w.Refresh(t.Context(), view); err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(now, kept[2:])
	e, err := console.New(folder+"/sql", console.DefaultBounds())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(scope spend.Scope, since, until time.Time, sql string) (core.Answer, error) {
		ledger := console.Ledger{
			Warehouse: w, Refresh: func(context.Context) error { return nil }, Scope: func(identity.Actor) spend.Scope { return scope },
		}
		return e.Run(t.Context(), core.Job{SQL: sql, Limit: 1_000, Load: func(ctx context.Context, table core.Table, columns []string, folder string) (core.Content, error) {
			return ledger.Lines(ctx, day, identity.Actor{}, since, until, columns, folder)
		}})
	}
	const rows = "select hour, cluster_id, user_name, line, cost_nanos, created, file, thread_us from lines order by all"
	for name, scope := range map[string]spend.Scope{
		"everything": spend.Everything, "nothing": {}, "a user": {Users: []identity.UserID{"1"}}, "a group and those below": {Groups: []string{"/research"}},
		"a user and a group": {Users: []identity.UserID{"cy"}, Groups: []string{"/research/genomics"}}, "nobody": {Users: []identity.UserID{"x' or true --"}, Groups: []string{"'"}},
	} {
		for _, since := range []time.Time{{}, next, day} {
			var want []string
			for _, f := range all {
				if scope.Sees(f.Of) && !f.Start.Before(since) {
					want = append(want, fmt.Sprintf("[%q,%q,%q,%d,%d,true,%q,7]", f.Start.Format(time.RFC3339), f.Cluster, f.User, f.Origin.Line, f.Cost, f.Origin.File))
				}
			}
			slices.Sort(want)
			a, err := ask(scope, since, day.Add(time.Hour), rows)
			got := make([]string, len(a.Rows))
			for i, r := range a.Rows {
				got[i] = string(r)
			}
			slices.Sort(got)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s since %v sees\n%s\nwant\n%s\n%v", name, since, strings.Join(got, "\n"), strings.Join(want, "\n"), err)
			}
		}
	}
	// A condition that fails on rows of others would tell of them. User 1 has a number for a name, the others have not.
	mine := spend.Scope{Users: []identity.UserID{"1"}}
	for _, sql := range []string{
		"select count(*) n from lines where cast(user_name as integer) >= 0", "select sum(1 / (cost_nanos - 1000)) n from lines", "select max(user_name::int) n from lines where user_name::int > 0",
		"select count(*) n from lines where case when cluster_id = 'cl_b' then 'x'::int else 1 end = 1",
	} {
		if a, err := ask(mine, time.Time{}, day.Add(time.Hour), sql); err != nil || a.RowCount != 1 {
			t.Errorf("%s\ntells of others: %v", sql, err)
		}
	}
	// Nor do a plan, statistics or samples.
	for _, sql := range []string{"explain select * from lines", "summarize lines", "describe lines", "select * from lines using sample 100%"} {
		a, err := ask(mine, time.Time{}, day.Add(time.Hour), sql)
		if err != nil || strings.Contains(text(a), "bo") && strings.Contains(text(a), "cl_b") || strings.Contains(text(a), folder) {
			t.Errorf("%s\ntells %v\n%s", sql, err, text(a))
		}
	}
}

// Every column of every table comes out as it went in.
func TestTables(t *testing.T) {
	t.Parallel()
	e := open(t, nil)
	at := time.Date(2026, 11, 2, 10, 30, 15, 123456000, time.UTC)
	for _, table := range core.Tables() {
		row, nulls, want := make([]any, len(table.Columns)), make([]any, len(table.Columns)), make([]string, len(table.Columns))
		for i, c := range table.Columns {
			switch c.Type {
			case core.Text:
				row[i], want[i] = c.Name+" '\"\n", fmt.Sprintf("%q", c.Name+" '\"\n")
			case core.Integer:
				row[i], want[i] = int64(i), fmt.Sprint(i)
			case core.Big:
				row[i], want[i] = int64(-1)<<40, fmt.Sprint(int64(-1)<<40)
			case core.Double:
				row[i], want[i] = 0.5, "0.5"
			case core.Boolean:
				row[i], want[i] = true, "true"
			case core.Timestamp:
				row[i], want[i] = at, `"2026-11-02T10:30:15.123456Z"`
			}
		}
		a, err := e.Run(t.Context(), core.Job{SQL: "from " + table.Name, Limit: 9, Load: func(context.Context, core.Table, []string, string) (core.Content, error) {
			return core.Content{Rows: rowsOf(row, nulls)}, nil
		}})
		if err != nil || a.RowCount != 2 {
			t.Fatalf("%s: %d rows, %v", table.Name, a.RowCount, err)
		}
		if got, want := string(a.Rows[0]), "["+strings.Join(want, ",")+"]"; got != want {
			t.Errorf("%s gives %s, want %s", table.Name, got, want)
		}
		if got, want := string(a.Rows[1]), "["+strings.TrimSuffix(strings.Repeat("null,", len(row)), ",")+"]"; got != want {
			t.Errorf("%s gives %s, want %s", table.Name, got, want)
		}
		for i, c := range a.Columns {
			if c.Name != table.Columns[i].Name || c.Type != string(table.Columns[i].Type) {
				t.Errorf("column %d of %s is %v, want %v", i, table.Name, c, table.Columns[i])
			}
		}
	}
}

// What cannot be loaded ends the statement with its reason.
func TestLoadFails(t *testing.T) {
	t.Parallel()
	e := open(t, nil)
	var none iter.Seq2[[]any, error] = func(yield func([]any, error) bool) { yield(nil, fmt.Errorf("the disk is on fire")) }
	_, err := e.Run(t.Context(), core.Job{SQL: "from events", Limit: 9, Load: func(context.Context, core.Table, []string, string) (core.Content, error) {
		return core.Content{Rows: none}, nil
	}})
	if err == nil || !strings.Contains(err.Error(), "the disk is on fire") {
		t.Errorf("a table that cannot be loaded gives %v", err)
	}
}
