package seed

import (
	"math/bits"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// categoriesPerHour is about how many facts of an hour are on no line.
const categoriesPerHour = 7

// writer makes the facts of one hour after the other, in the same memory.
type writer struct {
	facts   []spend.Fact
	weights []float64
	micros  []int64
}

// hour returns what a session spent within an hour: what its workers cost, divided over the time of their slots, and its scheduler. The sum is
// what the processes cost in that hour, so hours side by side sum to the whole.
func (w *writer) hour(org *Organisation, s *session, hour time.Time) []spend.Fact {
	w.facts, w.weights, w.micros = w.facts[:0], w.weights[:0], w.micros[:0]
	from, to := later(s.start, hour), earlier(s.end, hour.Add(time.Hour))
	capacity := to.Sub(from).Microseconds() * int64(s.threads())
	c := org.stream(ofHour, s.hours, uint64(hour.Unix()))

	left := capacity
	part := func(kind, category string, share float64) {
		if us := min(int64(share*float64(capacity)), left); us > 0 {
			left -= us
			w.add(s, hour, spend.Fact{Hour: bill.Hour{Kind: kind, Category: category, ThreadMicros: us}}, us)
		}
	}
	switch lost := org.trouble.lost(s, hour); {
	case !s.observed:
		part(bill.KindUnknown, bill.KindUnknown, 1)
	case lost > 0 && c.Float64() < 0.8:
		part(bill.KindLost, usage.CategoryLostTelemetry, lost)
	}
	if left > 0 {
		org.idle(c, s, from, to, part)
		part(bill.KindOverhead, usage.CategoryOverheadDask, c.between(0.01, 0.05))
		if c.Float64() < 0.15 {
			part(bill.KindUnknown, bill.KindUnknown, c.between(0.001, 0.06))
		}
		if c.Float64() < 0.004 {
			part(bill.KindLost, usage.CategoryLostWorker, c.between(0.01, 0.2))
		}
		w.work(org, c, s, hour, left)
	}

	workers, scheduler := org.rates(s.Backend, s.start, s.threads(), int64(s.threads()*s.memoryGB)*1e9)
	divide(w.facts, w.micros, between(workers, s.start, from, to))
	w.add(s, hour, spend.Fact{Hour: bill.Hour{
		Kind: bill.KindOverhead, Category: usage.CategoryOverheadScheduler, Cost: between(scheduler, s.start, from, to),
		ThreadMicros: to.Sub(from).Microseconds(),
	}}, 0)
	return w.facts
}

// between is what [from, to) costs of something that runs since start: both counted from the start, so that hours side by side sum exactly.
func between(r cost.Rate, start, from, to time.Time) cost.Nanos {
	return r.Over(start, to) - r.Over(start, from)
}

func (w *writer) add(s *session, hour time.Time, f spend.Fact, weight int64) {
	f.Of, f.Start = s.Of, hour
	w.facts = append(w.facts, f)
	w.micros = append(w.micros, weight)
}

// idle divides free slots over the reasons that there are.
func (org *Organisation) idle(c chance, s *session, from, to time.Time, part func(kind, category string, share float64)) {
	reason := func(name string, share float64) { part(bill.KindIdle, usage.CategoryIdlePrefix+name, share) }
	if from.Equal(s.start) {
		reason("starting", c.between(0.005, 0.04))
	}
	if to.Equal(s.end) {
		reason("closing", c.between(0.001, 0.01))
	}
	if s.spare {
		reason("holding", 0.004)
		reason("no_work", 0.98)
		return
	}
	idle := min(max(s.idle+0.12*c.NormFloat64(), 0.01), 0.97)
	starved := c.between(0.02, 0.3)
	reason("starved", idle*starved)
	waiting := c.between(0, 0.25)
	reason("waiting_data", idle*waiting)
	if c.Float64() < 0.12 {
		reason("paused", idle*0.05)
	}
	if c.Float64() < 0.3 {
		reason("holding", idle*0.1)
	}
	reason("no_work", idle*max(0.1, 0.9-starved-waiting))
}

// work divides time over lines. What of them an hour shows, and how much, differs from hour to hour.
func (w *writer) work(org *Organisation, c chance, s *session, hour time.Time, left int64) {
	first, sum := len(w.facts), 0.0
	keep := uint64(min(s.keep, 1) * (1 << 16))
	for _, f := range s.files {
		for i := range f.sites {
			one, draw := &f.sites[i], c.Uint64()
			if draw&0xffff >= keep {
				continue
			}
			weight := one.share * (0.5 + float64(draw>>16&0xffff)/(1<<16)) * org.trouble.slower(one, hour)
			sum += weight
			w.weights = append(w.weights, weight)
			w.add(s, hour, spend.Fact{Hour: bill.Hour{
				Kind: bill.KindWork, Category: bill.KindWork, Leaf: one.leaf, Origin: one.origin, Created: one.created,
				Operation: one.operation, Library: one.library, Prefix: one.prefix, Project: s.project,
				NativeMicros: int64(one.native), CPUMicros: int64(one.cpu),
			}}, 0)
		}
	}
	// A little has no frame of user code and no known submission; it is also where work goes that no line shows.
	rest := left
	for i, weight := range w.weights {
		us := int64(float64(left) * 0.995 * weight / sum)
		rest -= us
		f := &w.facts[first+i]
		f.NativeMicros = us * f.NativeMicros >> 8
		f.ThreadMicros = us - f.NativeMicros
		f.CPUMicros = f.ThreadMicros * f.CPUMicros >> 8
		w.micros[first+i] = us
	}
	if rest > 0 {
		w.add(s, hour, spend.Fact{Hour: bill.Hour{
			Kind: bill.KindUnattributed, Category: usage.CategoryUnattributed, Operation: usage.OperationUnknown, Prefix: "run",
			ThreadMicros: rest, CPUMicros: rest / 2,
		}}, rest)
	}
}

// divide gives each fact its part of an amount, in proportion to the weights: the rounded sum up to it less the rounded sum before it, so that the
// parts sum to the whole.
func divide(facts []spend.Fact, weights []int64, amount cost.Nanos) {
	sum := uint64(0)
	for _, weight := range weights {
		sum += uint64(weight) //nolint:gosec // Never negative.
	}
	if sum == 0 {
		return
	}
	upTo, before := uint64(0), uint64(0)
	for i, weight := range weights {
		upTo += uint64(weight)                        //nolint:gosec // Never negative.
		high, low := bits.Mul64(uint64(amount), upTo) //nolint:gosec // Never negative.
		part, _ := bits.Div64(high, low, sum)         // upTo is at most sum, so it fits
		facts[i].Cost = cost.Nanos(part - before)     //nolint:gosec // At most the amount.
		before = part
	}
}
