package console_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	core "github.com/lineitem/lineitem/internal/core/console"
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

func load(_ context.Context, t core.Table, _ string) (core.Content, error) {
	if t.Name != "events" {
		return core.Content{Rows: rowsOf()}, nil
	}
	return core.Content{Rows: rowsOf(
		event(hour, "ana", "created", `says "hello", and
goes`), event(hour.Add(time.Minute), "ana", "stopped", ""), event(hour.Add(2*time.Minute), "bo", "created", "x,y"))}, nil
}

func open(t testing.TB, change func(*console.Bounds)) *console.Engine {
	t.Helper()
	b := console.DefaultBounds()
	if change != nil {
		change(&b)
	}
	e, err := console.New(t.TempDir()+"/statements", b)
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
	for _, c := range a.Columns {
		fmt.Fprintf(&b, "%s %s|", c.Name, c.Type)
	}
	for _, r := range a.Rows {
		b.WriteString("\n" + string(r))
	}
	return b.String()
}

func TestTry(t *testing.T) {
	e := open(t, nil)
	for _, q := range []string{"select * from events order by at", "select 1 as a, 2.5 b, sum(range) c from range(10)", "explain select count(*) from events", "select nope from events", "select user_name, count(*) n from events group by all order by n desc; -- x",
		"select * from range(200)", "describe events", "summarize events", "select now() - interval 3 day, date '2026-01-01', [1,2], {'a': 1}, map {'k': 2}, 'x'::blob, interval 3 day, 170141183460469231731687303715884105727::hugeint, 1.5::decimal(10,2), uuid() is not null, time '10:00', null",
		"select * from a.b", "select count(*) from range(1000000000) a, range(1000000000) b", "select string_agg(range::varchar) from range(1000000000)", "select sum(length(repeat('x', 1000000000)||a.range)) from range(100) a"} {
		t0 := time.Now()
		a, err := ask(t, e, q)
		t.Logf("%s => %v %v more=%v %s\n%v", q, time.Since(t0), a.RowCount, a.More, text(a), err)
	}
}
