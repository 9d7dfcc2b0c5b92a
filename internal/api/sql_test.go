package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

func TestSQL(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx := t.Context()
	mine, err := s.User.CreateCluster(ctx, sdk.CreateClusterRequest{Name: "mine", Options: sdk.ClusterOptions{Workers: 1, Threads: 2, MemoryBytes: 4e9}})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := s.Admin.CreateCluster(ctx, sdk.CreateClusterRequest{Name: "theirs", Options: sdk.ClusterOptions{Workers: 2, Threads: 2, MemoryBytes: 4e9}})
	if err != nil {
		t.Fatal(err)
	}
	s.Settle(t)
	s.Clock.Advance(3 * time.Hour)
	if _, err := s.Admin.ImportPrices(ctx, []byte(ownPrices), sdk.ImportPricesOptions{}); err != nil {
		t.Fatal(err)
	}
	run := func(client *sdk.Client, sql string) []string {
		t.Helper()
		result, err := client.SQL(ctx, sdk.SQLRequest{SQL: sql})
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if result.RowCount != len(result.Rows) || result.More || result.AsOf.IsZero() {
			t.Errorf("%s answers %+v", sql, result)
		}
		rows := make([]string, len(result.Rows))
		for i, row := range result.Rows {
			encoded, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			rows[i] = string(encoded)
		}
		return rows
	}
	total := func(client *sdk.Client) int64 {
		t.Helper()
		answer, err := client.CostBreakdown(ctx, sdk.BreakdownOptions{By: []string{"user"}})
		if err != nil || answer.TotalNanos == 0 {
			t.Fatalf("breakdown: %+v, %v", answer, err)
		}
		return answer.TotalNanos
	}
	// Tables of money sum to what questions of cost say, for each who asks.
	for name, client := range map[string]*sdk.Client{"user": s.User, "admin": s.Admin} {
		want := fmt.Sprintf("[%d]", total(client))
		for _, table := range []string{"lines", "usage"} {
			if got := run(client, "select sum(cost_nanos) from "+table); len(got) != 1 || got[0] != want {
				t.Errorf("for the %s %s sums to %v, want %s", name, table, got, want)
			}
		}
	}
	for sql, want := range map[string]string{
		"select cluster, user_name, workers from clusters":                                   `["mine","ana",1]`,
		"select distinct cluster_id from lines":                                              `["` + mine.ID + `"]`,
		"select distinct cluster from usage":                                                 `["mine"]`,
		"select count(distinct hour), count(*) from usage":                                   `[4,8]`,
		"select distinct cluster_id from events":                                             `["` + mine.ID + `"]`,
		"select kind from events where kind = 'created'":                                     `["created"]`,
		"select count(*) from packages":                                                      `[0]`,
		"select count(*) from reads r join gpu g using (cluster_id)":                         `[0]`,
		"select provider, unit, nanos_per_hour, source from prices where unit = 'core_hour'": `["fake","core_hour",20000000,"Finance"]`,
	} {
		if got := run(s.User, sql); len(got) != 1 || got[0] != want {
			t.Errorf("%s answers %v, want %s", sql, got, want)
		}
	}
	if got := run(s.Admin, "select cluster_id from clusters order by cluster_id"); len(got) != 2 {
		t.Errorf("an admin sees %v, want %s and %s", got, mine.ID, theirs.ID)
	}
	// A window bounds every table.
	since := s.Clock.Now().Add(-time.Hour).Truncate(time.Hour)
	result, err := s.User.SQL(ctx, sdk.SQLRequest{SQL: "select min(hour) from usage", Since: &since})
	if err != nil || string(result.Rows[0][0]) != fmt.Sprintf("%q", since.Format(time.RFC3339)) || strings.Join(result.Tables, ",") != "usage" || result.LoadedRows != 4 {
		t.Errorf("a window gives %+v, %v", result, err)
	}
	result, err = s.User.SQL(ctx, sdk.SQLRequest{SQL: "from range(10)", Limit: 3})
	if err != nil || !result.More || result.Cut == "" || len(result.Rows) != 3 {
		t.Errorf("a limit gives %+v, %v", result, err)
	}
	file, err := s.User.SQLParquet(ctx, sdk.SQLRequest{SQL: "from lines"})
	if err != nil || !strings.HasPrefix(string(file), "PAR1") {
		t.Errorf("a file of %d bytes, %v", len(file), err)
	}
	tables, err := s.User.SQLTables(ctx)
	if err != nil || len(tables.Items) != 8 || tables.Items[0].Name != "lines" || tables.Items[0].Columns[0].About == "" {
		t.Errorf("tables are %+v, %v", tables, err)
	}
	for sql, code := range map[string]string{
		"select * from read_text('/etc/passwd')": "sql_refused", "copy lines to '/tmp/x'": "sql_refused", "selec": "sql_wrong", " ": "invalid", "select \x00": "malformed",
	} {
		_, err := s.User.SQL(ctx, sdk.SQLRequest{SQL: sql})
		if !sdk.IsCode(err, code) {
			t.Errorf("%q is answered with %v, want the code %s", sql, err, code)
		}
	}
	// Who asked what is in the log, and not what was answered.
	log := s.Log()
	if !strings.Contains(log, "read_text") || !strings.Contains(log, "outcome=refused") || !strings.Contains(log, "select distinct cluster from usage") || !strings.Contains(log, "outcome=answered") {
		t.Errorf("the log does not say who ran what:\n%.3000s", log)
	}
}

// So many statements of one user run at a time; who goes away gives a place back.
func TestSQLTakesTurns(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			err := error(&sdk.APIError{Code: "busy"})
			for sdk.IsCode(err, "busy") { // the question below may be in the way
				_, err = s.User.SQL(ctx, sdk.SQLRequest{SQL: "select count(*) from range(1000000000) a, range(1000000000) b where a.range % 7 = b.range % 11"})
			}
			if !errors.Is(err, context.Canceled) && !sdk.IsCode(err, "sql_too_large") {
				t.Errorf("a statement that was given up ends with %v", err)
			}
		})
	}
	until := func(what string, reached func(error) bool) {
		t.Helper()
		deadline := time.After(20 * time.Second)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			_, err := s.User.SQL(t.Context(), sdk.SQLRequest{SQL: "select 1"})
			if reached(err) {
				return
			}
			select {
			case <-ticker.C:
			case <-deadline:
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	until("a third statement is not refused", func(err error) bool { return sdk.IsCode(err, "busy") })
	if _, err := s.Admin.SQL(t.Context(), sdk.SQLRequest{SQL: "select 1"}); err != nil {
		t.Errorf("somebody else's statement gives %v", err)
	}
	cancel()
	running.Wait()
	until("no place was given back", func(err error) bool { return err == nil })
}

// The answer is JSON that any reader takes exactly.
func TestSQLNumbers(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	result, err := s.User.SQL(t.Context(), sdk.SQLRequest{SQL: "select 9007199254740992, 9007199254740993, 0.1::decimal(9, 2), null"})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s", result.Rows[0]); got != `[9007199254740992 "9007199254740993" "0.1" null]` {
		t.Errorf("the row is %s", got)
	}
}

// TestSQLOfGroups holds that tables with money say which group paid, and that a lead sees the rows of the led group and of those below it, and no others: not those
// of a group whose name begins like it.
func TestSQLOfGroups(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx := t.Context()
	lea, _ := s.AddUser(t, "lea")
	makeGroups(t, s)
	for _, g := range []string{"researchers", "research-x"} {
		if _, err := s.Admin.CreateGroup(ctx, sdk.CreateGroupRequest{Name: g}); err != nil {
			t.Fatal(err)
		}
	}
	run := func(client *sdk.Client, name, group string) {
		s.RunCluster(t, client, sdk.CreateClusterRequest{Name: name, Group: group, Options: sdk.ClusterOptions{Workers: 1, Threads: 2, MemoryBytes: 4e9}})
	}
	run(s.User, "genomics", "") // ana's default
	run(lea, "research", "/research")
	run(s.Admin, "admins-genomics", "/research/genomics")
	run(s.Admin, "researchers", "/researchers")
	run(s.Admin, "research-x", "/research-x")
	run(s.Admin, "nobodys", "")
	s.Clock.Advance(3 * time.Hour)
	all := []string{
		`["admins-genomics","/research/genomics"]`, `["genomics","/research/genomics"]`, `["nobodys",""]`, `["research","/research"]`, `["research-x","/research-x"]`, `["researchers","/researchers"]`,
	}
	for who, try := range map[string]struct {
		client *sdk.Client
		want   []string
	}{
		"lead":   {lea, []string{all[0], all[1], all[3]}},
		"member": {s.User, []string{all[1]}},
		"admin":  {s.Admin, all},
		"nobody": {other(t, s, "carl"), []string{}},
	} {
		sums := map[string]string{}
		for _, table := range []string{"lines", "usage", "clusters"} {
			result, err := try.client.SQL(ctx, sdk.SQLRequest{SQL: "select distinct cluster, group_path from " + table + " order by cluster"})
			if err != nil {
				t.Fatalf("%s of %s: %v", table, who, err)
			}
			got := make([]string, len(result.Rows))
			for i, row := range result.Rows {
				encoded, err := json.Marshal(row)
				if err != nil {
					t.Fatal(err)
				}
				got[i] = string(encoded)
			}
			if !slices.Equal(got, try.want) {
				t.Errorf("the %s sees in %s\n%v, want\n%v", who, table, got, try.want)
			}
			if table == "clusters" {
				continue
			}
			result, err = try.client.SQL(ctx, sdk.SQLRequest{SQL: "select group_path, sum(cost_nanos)::text from " + table + " group by all order by all"})
			if err != nil {
				t.Fatalf("%s of %s: %v", table, who, err)
			}
			sums[table] = fmt.Sprintf("%s", result.Rows)
		}
		if sums["lines"] != sums["usage"] {
			t.Errorf("for the %s groups paid\n%s by lines and\n%s by usage", who, sums["lines"], sums["usage"])
		}
	}
}
