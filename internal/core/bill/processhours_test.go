package bill_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
)

// TestHoursSumToTheCost splits any life of a process in any window: its hours sum to what it cost, do not overlap, and windows side by side sum to
// the whole.
func TestProcessHoursSumToTheCost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := cluster.NewWorker(cl(1), card, "w-0", 1, begin)
		p.Rate.NanosPerHour = cost.Nanos(rapid.Int64Range(0, 1e13).Draw(t, "rate"))
		p.StartedAt = begin.Add(time.Duration(rapid.Int64Range(0, 1e13).Draw(t, "start")))
		if rapid.Bool().Draw(t, "ended") {
			p.EndedAt = p.StartedAt.Add(time.Duration(rapid.Int64Range(0, 2e13).Draw(t, "life")))
		}
		since := begin.Add(time.Duration(rapid.Int64Range(-1e13, 2e13).Draw(t, "since")))
		until := since.Add(time.Duration(rapid.Int64Range(0, 4e13).Draw(t, "window")))
		between := since.Add(time.Duration(rapid.Int64Range(0, int64(until.Sub(since))).Draw(t, "between")))
		sum := func(from, to time.Time) (total cost.Nanos, micros int64) {
			last := from
			for h := range bill.ProcessHours(p, from, to) {
				if h.Start.Before(last) || !h.End.After(h.Start) || h.End.After(to) || h.Start.Truncate(time.Hour) != h.End.Add(-1).Truncate(time.Hour) {
					t.Fatalf("[%v, %v) after %v, of [%v, %v)", h.Start, h.End, last, from, to)
				}
				if h.Micros < 0 || h.Micros > h.End.Sub(h.Start).Microseconds()+1 || h.Cost < 0 || h.Process.ID != p.ID {
					t.Fatalf("%d us in [%v, %v) for %d", h.Micros, h.Start, h.End, h.Cost)
				}
				last = h.End
				total += h.Cost
				micros += h.Micros
			}
			return total, micros
		}
		whole, micros := sum(since, until)
		if want := p.Cost(until) - p.Cost(since); whole != want {
			t.Fatalf("hours sum to %d, want %d", whole, want)
		}
		first, firstMicros := sum(since, between)
		second, secondMicros := sum(between, until)
		if first+second != whole || firstMicros+secondMicros != micros {
			t.Fatalf("%d and %d make %d; %d us and %d us make %d", first, second, whole, firstMicros, secondMicros, micros)
		}
	})
}
