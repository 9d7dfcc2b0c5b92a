package ledger_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/ledger"
)

// A true-up is spread over the time that was metered: windows side by side sum exactly, the month has all of it, no time has more than its share, rounded, and none has it
// where nothing ran.
func TestTrueUpsAreSpreadOverWhatWasMetered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
		end := start.AddDate(0, 1, 0)
		at := func(name string) time.Time {
			return start.Add(time.Duration(rapid.Int64Range(-24*3600*1e6, 32*24*3600*1e6).Draw(t, name)) * time.Microsecond)
		}
		p := cluster.NewWorker(cluster.Cluster{ID: "cl_1", Options: cluster.Options{Threads: 3, MemoryBytes: 7e9}}, cost.Card{Currency: "USD", CoreHour: cost.Nanos(rapid.Int64Range(0, 1e9).Draw(t, "core"))}, "w-0", 1, start)
		p.StartedAt = at("started")
		if rapid.Bool().Draw(t, "ended") {
			p.EndedAt = p.StartedAt.Add(time.Duration(rapid.Int64Range(0, 32*24*3600*1e6).Draw(t, "life")) * time.Microsecond)
		}
		metered := p.Cost(end) - p.Cost(start)
		trueUp := cost.Nanos(rapid.Int64Range(-int64(metered), 1e15).Draw(t, "true-up"))
		if got := ledger.Spread(p, trueUp, start, end, start.AddDate(0, -1, 0), end.AddDate(0, 1, 0)); got != trueUp {
			t.Fatalf("all of it is %d, want %d", got, trueUp)
		}
		a, b, c := at("a"), at("b"), at("c")
		if b.Before(a) {
			a, b = b, a
		}
		if c.Before(b) {
			b, c = c, b
		}
		if b.Before(a) {
			a, b = b, a
		}
		of := func(since, until time.Time) cost.Nanos { return ledger.Spread(p, trueUp, start, end, since, until) }
		if of(a, b)+of(b, c) != of(a, c) {
			t.Fatalf("%d and %d make %d", of(a, b), of(b, c), of(a, c))
		}
		within := func(at time.Time) time.Time {
			if at.Before(start) {
				return start
			}
			if at.After(end) {
				return end
			}
			return at
		}
		part := p.Cost(within(c)) - p.Cost(within(a))
		if metered > 0 && part == 0 && of(a, c) != 0 {
			t.Fatalf("%d where nothing was metered", of(a, c))
		}
		if part+of(a, c) < 0 {
			t.Fatalf("%d was metered, and %d is taken from it", part, of(a, c))
		}
		if metered > 0 {
			share := float64(trueUp) * float64(part) / float64(metered)
			if off := float64(of(a, c)) - share; off > 2 || off < -2 {
				t.Fatalf("%d, want %f", of(a, c), share)
			}
		}
	})
}
