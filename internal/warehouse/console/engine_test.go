package console_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	core "github.com/lineitem/lineitem/internal/core/console"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/warehouse/console"
)

func rowsOf(rows ...[]any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// event is a row of the table events.
func event(at time.Time, user, kind, message string) []any {
	return []any{at, "cl_1", "flights", "u_" + user, user, kind, message}
}

var hour = time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)

func load(_ context.Context, t core.Table, _ []string, _ string) (core.Content, error) {
	if t.Name != "events" {
		return core.Content{Rows: rowsOf()}, nil
	}
	return core.Content{Rows: rowsOf(
		event(hour, "ana", "created", "says \"hello\", and\r\ngoes 😀"), event(hour.Add(time.Minute), "ana", "stopped", ""), event(hour.Add(2*time.Minute), "bo", "created", `\N`))}, nil
}

func open(t testing.TB, change func(*console.Bounds)) *console.Engine {
	t.Helper()
	b := console.DefaultBounds()
	b.MemoryBytes = 128 << 20
	if change != nil {
		change(&b)
	}
	e, err := console.New(filepath.Join(t.TempDir(), "statements"), b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ask(t testing.TB, e *console.Engine, sql string) (core.Answer, error) {
	t.Helper()
	return e.Run(t.Context(), core.Job{SQL: sql, Limit: 100, Load: load})
}

func text(a core.Answer) string {
	var b strings.Builder
	for i, c := range a.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", c.Name, c.Type)
	}
	for _, r := range a.Rows {
		b.WriteString("\n" + string(r))
	}
	return b.String()
}

// What people write is answered, whatever it is made of.
func TestAnswers(t *testing.T) {
	t.Parallel()
	e := open(t, nil)
	for sql, want := range map[string]string{
		"select user_name, count(*) n from events group by all order by n desc; -- so":                                                                                               "user_name VARCHAR, n BIGINT\n[\"ana\",2]\n[\"bo\",1]",
		"SELECT message FROM main.Events ORDER BY happened_at":                                                                                                                       "message VARCHAR\n[\"says \\\"hello\\\", and\\r\\ngoes 😀\"]\n[\"\"]\n[\"\\\\N\"]",
		"/* a */ from events e -- b\n select max(happened_at) as m;;":                                                                                                                "m TIMESTAMP\n[\"2026-11-02T10:02:00Z\"]",
		"with x as (select kind k from events), y as (from x) select count(distinct k) c from y":                                                                                     "c BIGINT\n[2]",
		"with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select sum(n) s from r":                                                                         "s HUGEINT\n[15]",
		"with x as materialized (select 1 a) select * from x union all select 2 order by 1":                                                                                          "a INTEGER\n[1]\n[2]",
		"values (1, 'a;b'), (2, '--c')":                                                                                                                                              "col0 INTEGER, col1 VARCHAR\n[1,\"a;b\"]\n[2,\"--c\"]",
		"select e'it\\'s' a, $$x;y$$ b, \"kind\" from events limit 1":                                                                                                                "a VARCHAR, b VARCHAR, kind VARCHAR\n[\"it's\",\"x;y\",\"created\"]",
		"select kind, row_number() over (partition by kind order by happened_at) r from events qualify r = 2":                                                                        "kind VARCHAR, r BIGINT\n[\"created\",2]",
		"pivot events on kind in ('created', 'stopped') using count(*) group by user_name order by 1":                                                                                "user_name VARCHAR, created BIGINT, stopped BIGINT\n[\"ana\",1,1]\n[\"bo\",1,0]",
		"select [x + 1 for x in [1, 2] if x > 1] l, {'a': 1, 'b': [true]} s, map {'k': 2} m":                                                                                         "l INTEGER[], s STRUCT(\"a\" INTEGER, \"b\" BOOLEAN[]), m MAP(VARCHAR, INTEGER)\n[[3],{\"a\":1,\"b\":[true]},{\"k\":2}]",
		"select 9007199254740993::bigint a, 9007199254740992::bigint b, true c, 'nan'::double d, 1.50::decimal(9,2) e, date '2026-01-02' f, time '01:02:03' g, null h, 'ab'::blob i": "a BIGINT, b BIGINT, c BOOLEAN, d DOUBLE, e DECIMAL(9,2), f DATE, g TIME, h INTEGER, i BLOB\n[\"9007199254740993\",9007199254740992,true,\"NaN\",\"1.5\",\"2026-01-02\",\"01:02:03\",null,\"6162\"]",
		"select (select count(*) from events i where i.kind = o.kind) n from events o order by 1 limit 1":                                                                            "n BIGINT\n[1]",
		"select * from (values (1)) t(a) join range(3) r(b) on a = b, unnest(['x']) u(c)":                                                                                            "a INTEGER, b BIGINT, c VARCHAR\n[1,1,\"x\"]",
		"select 1 as a, 2 as a": "a INTEGER, a_1 INTEGER\n[1,2]",
		"select now() > timestamp '2020-01-01' - interval 3 day as n": "n BOOLEAN\n[true]",
		"select column_name from (describe prices) limit 1":           "column_name VARCHAR\n[\"provider\"]",
		"select count(*) from (summarize events)":                     "count_star() BIGINT\n[7]",
	} {
		a, err := ask(t, e, sql)
		if err != nil || text(a) != want {
			t.Errorf("%s\nanswers %v\n%s\nwant\n%s", sql, err, text(a), want)
		}
	}
	a, err := ask(t, e, "explain select count(*) from events")
	if err != nil || !strings.Contains(text(a), "UNGROUPED_AGGREGATE") {
		t.Errorf("EXPLAIN answers %v\n%s", err, text(a))
	}
	if a, err = ask(t, e, "select * from range(101)"); err != nil || a.RowCount != 100 || !a.More || a.Cut == "" {
		t.Errorf("101 rows with a limit of 100 give %d rows, %v, %q, %v", a.RowCount, a.More, a.Cut, err)
	}
	if a, err = ask(t, e, "select * from range(100)"); err != nil || a.RowCount != 100 || a.More {
		t.Errorf("100 rows with a limit of 100 give %d rows, %v, %v", a.RowCount, a.More, err)
	}
}

// A mistake is answered with DuckDB's own words, and its line is that of the statement.
func TestMistakes(t *testing.T) {
	t.Parallel()
	e := open(t, nil)
	for sql, want := range map[string]string{
		"select\n nope from events":    "LINE 2:",
		"select 1e400":                 "beyond the range",
		"selec 1":                      "syntax error",
		"select 'a'::int":              "Could not convert string",
		"select sum(kind) from events": "No function matches",
		"":                             "no statement",
		"-- nothing":                   "no statement",
		"select * from events where '": "unterminated",
	} {
		_, err := ask(t, e, sql)
		var refused *errs.Error
		if !errors.As(err, &refused) || refused.Code != "sql_wrong" || !strings.Contains(refused.Message, want) {
			t.Errorf("%q fails with %v, want words like %q", sql, err, want)
		}
	}
}

// A file is Parquet and bounded like rows.
func TestParquet(t *testing.T) {
	t.Parallel()
	e := open(t, nil)
	a, err := e.Run(t.Context(), core.Job{SQL: "select * from range(1000)", Limit: 5_000, Parquet: true, Load: load})
	if err != nil || a.RowCount != 1000 || a.More || !strings.HasPrefix(string(a.Parquet), "PAR1") || int64(len(a.Parquet)) != a.Bytes {
		t.Errorf("a file has %d rows, %d bytes, more %v, %v", a.RowCount, len(a.Parquet), a.More, err)
	}
	if _, err = e.Run(t.Context(), core.Job{SQL: "explain select 1", Limit: 10, Parquet: true, Load: load}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("EXPLAIN as a file gives %v", err)
	}
}

// Nothing is left of a statement, and what a server that was killed left is gone when the next one starts.
func TestFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "statements")
	if err := os.MkdirAll(filepath.Join(folder, "q-old"), 0o700); err != nil {
		t.Fatal(err)
	}
	e, err := console.New(folder, console.DefaultBounds())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, e, "select * from events"); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
