package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Kinds of events.
const (
	EventCreated       EventKind = "created"
	EventStarted       EventKind = "started"
	EventScaled        EventKind = "scaled"
	EventWorkerLost    EventKind = "worker_lost"
	EventGaveUp        EventKind = "gave_up"
	EventStopRequested EventKind = "stop_requested"
	EventStopped       EventKind = "stopped"
	EventFailed        EventKind = "failed"
	EventAdopted       EventKind = "adopted"
	EventOrphanEnded   EventKind = "orphan_ended"
)

const schedulerName = "scheduler"

// WorkerName returns the name of the nth worker in Dask.
func WorkerName(n int) string { return "w-" + strconv.Itoa(n) }

func workerNumber(name string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "w-"))
	if err != nil {
		return -1
	}
	return n
}

// NewScheduler returns the first run of a cluster's scheduler, wanted since now.
func NewScheduler(c Cluster, card cost.Card, now time.Time) Process {
	return Process{
		ID: processID(c.ID, schedulerName, 1), ClusterID: c.ID, Role: RoleScheduler, Name: schedulerName, Generation: 1,
		Status: StatusPending, Target: TargetRunning, Threads: card.SchedulerCore, MemoryBytes: card.SchedulerMem,
		Rate: card.Price(card.SchedulerCore, card.SchedulerMem), Basis: card.Basis(), CreatedAt: now,
	}
}

// NewWorker returns a run of a worker, wanted since now.
func NewWorker(c Cluster, card cost.Card, name string, generation int, now time.Time) Process {
	return Process{
		ID: processID(c.ID, name, generation), ClusterID: c.ID, Role: RoleWorker, Name: name, Generation: generation,
		Status: StatusPending, Target: TargetRunning, Threads: c.Options.Threads, MemoryBytes: c.Options.MemoryBytes,
		Rate: card.Price(c.Options.Threads, c.Options.MemoryBytes), Basis: card.Basis(), CreatedAt: now,
	}
}

func processID(id ID, name string, generation int) ProcessID {
	return ProcessID(fmt.Sprintf("%s-%s-%d", id, name, generation))
}

// Metered reports whether the process costs money now.
func (p Process) Metered() bool { return !p.StartedAt.IsZero() && p.EndedAt.IsZero() }

// Interval returns the metered interval [start, end) up to asOf; ok is false if the process was never launched or
// was launched after asOf.
func (p Process) Interval(asOf time.Time) (start, end time.Time, ok bool) {
	if p.StartedAt.IsZero() || !p.StartedAt.Before(asOf) {
		return time.Time{}, time.Time{}, false
	}
	end = asOf
	if !p.EndedAt.IsZero() && p.EndedAt.Before(asOf) {
		end = p.EndedAt
	}
	return p.StartedAt, end, end.After(p.StartedAt)
}

// Cost returns what the process has cost up to asOf: its cores and memory, and its part of the GPUs that it holds.
func (p Process) Cost(asOf time.Time) cost.Nanos {
	return p.BaseCost(asOf) + p.GPUCostBetween(p.StartedAt, asOf)
}

// CostBetween is Cost(to) - Cost(from), without looking at all that was before.
func (p Process) CostBetween(from, to time.Time) cost.Nanos {
	return p.BaseCost(to) - p.BaseCost(from) + p.GPUCostBetween(from, to)
}

// BaseCost returns what the cores and the memory of the process have cost up to asOf.
func (p Process) BaseCost(asOf time.Time) cost.Nanos {
	start, end, ok := p.Interval(asOf)
	if !ok {
		return 0
	}
	if len(p.Repricings) == 0 {
		return p.Rate.Over(start, end)
	}
	priced := p.BaseSpans(start, end)
	spans := make([]cost.Span, len(priced))
	for i, s := range priced {
		spans[i] = s.Span
	}
	return cost.Sum(spans)
}

// PricedSpan is metered time at one rate, and what that was made of.
type PricedSpan struct {
	cost.Span
	// Basis is what the rate of cores and memory was made of.
	Basis cost.Basis
	// GPUs are the devices that were held; their parts are in the rate.
	GPUs []HeldGPU
}

// Source says where the prices of a span come from, those of its GPUs too.
func (s PricedSpan) Source() string {
	source := s.Basis.Source
	var named []string
	for _, g := range s.GPUs {
		if words := "GPU " + g.Model + ": " + g.Price.Source; g.Price.Known() && !slices.Contains(named, words) {
			named = append(named, words)
			source += " " + words
		}
	}
	return strings.TrimSpace(source)
}

// BaseSpans splits [start, end), which lies within the metered interval, by the rates of cores and memory that hold in it.
func (p Process) BaseSpans(start, end time.Time) []PricedSpan {
	var spans []PricedSpan
	add := func(rate cost.Rate, basis cost.Basis, start, end time.Time) {
		spans = append(spans, PricedSpan{Span: cost.Span{Rate: rate, Start: start, End: end}, Basis: basis})
	}
	rate, basis := p.Rate, p.Basis
	for _, r := range p.Repricings {
		if r.From.After(start) {
			if !r.From.Before(end) {
				break
			}
			add(rate, basis, start, r.From)
			start = r.From
		}
		rate, basis = p.rateBy(r.Basis), r.Basis
	}
	add(rate, basis, start, end)
	return spans
}

// Spans splits [start, end), which lies within the metered interval, by all that changes the rate: prices, and with how many others GPUs are shared.
func (p Process) Spans(start, end time.Time) []PricedSpan {
	base := p.BaseSpans(start, end)
	if len(p.GPUs) == 0 {
		return base
	}
	cuts := p.gpuCuts(start, end)
	spans := make([]PricedSpan, 0, len(base)+len(cuts))
	for _, s := range base {
		for _, cut := range cuts {
			if cut.After(s.Start) && cut.Before(s.End) {
				before := s
				before.End, s.Start = cut, cut
				spans = append(spans, p.withGPUs(before))
			}
		}
		spans = append(spans, p.withGPUs(s))
	}
	return spans
}

// Price returns the newest rate of the process's cores and memory, and what it is made of.
func (p Process) Price() (cost.Rate, cost.Basis) {
	if n := len(p.Repricings); n > 0 {
		return p.rateBy(p.Repricings[n-1].Basis), p.Repricings[n-1].Basis
	}
	return p.Rate, p.Basis
}

// RateAt is what an hour of the process costs at a moment, or cost at its end: its newest prices, and its part of the GPUs that it holds then.
func (p Process) RateAt(at time.Time) cost.Nanos {
	if !p.EndedAt.IsZero() && !at.Before(p.EndedAt) {
		at = p.EndedAt.Add(-time.Microsecond)
	}
	rate, _ := p.Price()
	for _, g := range p.gpusAt(at) {
		rate.NanosPerHour += g.hour()
	}
	return rate.NanosPerHour
}

// rateBy is the rate of the process by other prices.
func (p Process) rateBy(b cost.Basis) cost.Rate {
	return cost.Card{Currency: p.Rate.Currency, CoreHour: b.CoreHour, GigabyteHour: b.GigabyteHour}.Price(p.Threads, p.MemoryBytes)
}
