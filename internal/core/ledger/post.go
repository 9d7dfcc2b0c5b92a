package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
)

// Grace is how long after its end an hour is posted: watched processes that fell silent are known to have ended some minutes later.
const Grace = 10 * time.Minute

// State is how far a process is posted, and by what it was metered then.
type State struct {
	// Until is where the posted time ends; zero if nothing was posted.
	Until time.Time
	// Meter is what the amounts of posted hours depend on. Where it is no longer what it was, posted hours are looked at again.
	Meter string
}

// meterOf writes down what the amounts of hours depend on that are posted until a moment. Prices that come later are not in it: they never touch posted hours.
func meterOf(p cluster.Process, until time.Time) string {
	ended := int64(0)
	if !p.EndedAt.IsZero() {
		ended = p.EndedAt.UnixMicro()
	}
	meter := fmt.Sprintf("%d %d %d %d %d", p.StartedAt.UnixMicro(), ended, p.Rate.NanosPerHour, p.Threads, p.MemoryBytes)
	if len(p.GPUs) > 0 {
		meter += " " + gpusOf(p, until)
	}
	return meter
}

// gpusOf is a hash of the GPUs that a process held until a moment, by which prices and with how many others: whoever sees the same devices changes that.
func gpusOf(p cluster.Process, until time.Time) string {
	hash := sha256.New()
	if start, end, ok := p.Interval(until); ok {
		for _, s := range p.Spans(start, end) {
			for _, g := range s.GPUs {
				fmt.Fprintf(hash, "%d %q %q %d %q %v\n", s.Start.UnixMicro(), g.UUID, g.Model, g.Price.Hour, g.Price.Source, g.Share)
			}
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}

// HourSum is what is posted of a process for one hour, true-ups aside.
type HourSum struct {
	Hour   time.Time
	Cost   cost.Nanos
	Micros int64
	// Corrections is how many of the entries are corrections.
	Corrections int
}

// goal is up to when a process is to be posted now: to its end, or to the end of the last hour that is over for good.
func goal(p cluster.Process, s State, now time.Time) time.Time {
	until := now.Add(-Grace).UTC().Truncate(time.Hour)
	if !p.EndedAt.IsZero() && !p.EndedAt.After(now) {
		until = p.EndedAt
	}
	// What was posted is never taken back by looking less far: the hour in which a process seemed to end stays posted if it lives on.
	return later(until, s.Until)
}

// due reports whether there may be something to post, and whether all of the process's life is posted.
func due(p cluster.Process, s State, now time.Time) (post, settled bool) {
	if p.StartedAt.IsZero() {
		return false, p.Status.Ended() || !p.EndedAt.IsZero()
	}
	until := goal(p, s, now)
	if s.Until.IsZero() {
		post = p.StartedAt.Before(until)
	} else {
		post = until.After(s.Until) || s.Meter != meterOf(p, s.Until)
	}
	return post, !post && !p.EndedAt.IsZero() && !p.EndedAt.After(now)
}

// fresh reports whether only hours that were never posted are to be looked at.
func fresh(p cluster.Process, s State) bool {
	return s.Until.IsZero() || (s.Meter == meterOf(p, s.Until) && s.Until.Equal(s.Until.Truncate(time.Hour)))
}

// Post returns the entries that bring the ledger of a process up to now, and how far it is then. posted holds what the ledger says of its hours,
// unless only new hours are to be looked at. At most about limit entries are made; more follow with the next call. The entries have no month yet.
//
// After it, the entries of the process sum to p.Cost(state.Until) to the nano-unit, and so does each hour.
func Post(p cluster.Process, s State, posted []HourSum, now time.Time, limit int) ([]Entry, State) {
	if p.StartedAt.IsZero() {
		return nil, s
	}
	until := goal(p, s, now)
	at := p.StartedAt.UTC().Truncate(time.Hour)
	if fresh(p, s) {
		at = later(at, s.Until)
	}
	sums := make(map[int64]HourSum, len(posted))
	last := until
	for _, h := range posted {
		sums[h.Hour.Unix()] = h
		at, last = earlier(at, h.Hour), later(last, h.Hour.Add(time.Hour))
	}
	var entries []Entry
	for ; at.Before(last); at = at.Add(time.Hour) {
		if len(entries) >= limit && len(posted) == 0 {
			return entries, State{Until: at, Meter: meterOf(p, at)}
		}
		was, known := sums[at.Unix()]
		if known {
			entries = append(entries, correct(p, was, until)...)
		} else {
			entries = append(entries, charge(p, at, until)...)
		}
	}
	return entries, State{Until: until, Meter: meterOf(p, until)}
}

// charge makes the entries of an hour of which nothing is posted: one for each rate that held in it.
func charge(p cluster.Process, hour, until time.Time) []Entry {
	start, end, ok := p.Interval(earlier(hour.Add(time.Hour), until))
	start = later(start, hour)
	if !ok || !start.Before(end) {
		return nil
	}
	spans := p.Spans(start, end)
	entries := make([]Entry, 0, len(spans))
	for i, s := range spans {
		e := entryOf(p, hour, s)
		e.Kind, e.Sequence = Charge, i+1
		e.Cost, e.Micros = p.CostBetween(s.Start, s.End), s.End.UnixMicro()-s.Start.UnixMicro()
		entries = append(entries, e)
	}
	return entries
}

// correct makes the entry that brings a posted hour to what it costs now, if that is something else.
func correct(p cluster.Process, was HourSum, until time.Time) []Entry {
	end := earlier(was.Hour.Add(time.Hour), until)
	amount := p.Cost(end) - p.Cost(earlier(was.Hour, end)) - was.Cost
	micros := -was.Micros
	span := cluster.PricedSpan{Span: cost.Span{Rate: p.Rate}, Basis: p.Basis}
	if start, stop, ok := p.Interval(end); ok {
		if start = later(start, was.Hour); start.Before(stop) {
			micros += stop.UnixMicro() - start.UnixMicro()
			spans := p.Spans(start, stop)
			span = spans[len(spans)-1]
		}
	}
	if amount == 0 && micros == 0 {
		return nil
	}
	e := entryOf(p, was.Hour, span)
	e.Kind, e.Sequence = Correction, was.Corrections+1
	e.Cost, e.Micros = amount, micros
	switch {
	case micros < 0:
		e.Reason = fmt.Sprintf("It ran %s less in this hour than was posted.", time.Duration(-micros)*time.Microsecond)
	case micros > 0:
		e.Reason = fmt.Sprintf("It ran %s longer in this hour than was posted.", time.Duration(micros)*time.Microsecond)
	default:
		e.Reason = "Its cores, its memory or its part of a GPU were corrected after the hour was posted, and so was its rate."
	}
	return []Entry{e}
}

func entryOf(p cluster.Process, hour time.Time, s cluster.PricedSpan) Entry {
	return Entry{Process: p.ID, Cluster: p.ClusterID, Hour: hour, Rate: s.Rate, Source: s.Source(), AsOf: s.Basis.AsOf}
}

// book gives an entry its month: that in which its hour begins, or the first open one if that is closed. What comes after the close of its month
// is a correction, even if nothing was posted of its hour.
func book(e Entry, closed Month, zone *time.Location) Entry {
	e.Month = MonthOf(e.Hour, zone)
	if e.Month > closed {
		return e
	}
	if e.Kind == Charge {
		e.Kind, e.Reason = Correction, fmt.Sprintf("It became known after %s was closed.", e.Month)
		e.Sequence += lateSequence
	}
	e.Month = closed.Next()
	return e
}

// lateSequence keeps late charges, which are corrections, apart from corrections of posted hours.
const lateSequence = 1 << 20

// Prices says what processes cost an hour, and when that may have changed.
type Prices interface {
	// ByBook returns the prices on a backend at a moment, and whether the price book said them.
	ByBook(backend string, at time.Time) (card cost.Card, byBook bool)
	// Changes returns when they may change in (after, until], in the order of time.
	Changes(backend string, after, until time.Time) []time.Time
	// GPU returns what an hour of a model of GPU costs on a backend at a moment, and GPUChanges when that may change in (after, until].
	GPU(backend, model string, currency cost.Currency, at time.Time) cluster.GPUPrice
	GPUChanges(backend, model string, after, until time.Time) []time.Time
}

// Reprice returns the prices that have come into force for a process since its newest ones. They begin where the book says, but never within
// time that is posted: an hour once posted is not priced again.
func Reprice(p cluster.Process, backend string, s State, prices Prices, now time.Time) []cluster.Repricing {
	after, newest := p.CreatedAt, time.Time{}
	if n := len(p.Repricings); n > 0 {
		newest = p.Repricings[n-1].From
		after = newest
	}
	end := now
	if !p.EndedAt.IsZero() && p.EndedAt.Before(now) {
		end = p.EndedAt
	}
	_, basis := p.Price()
	var out []cluster.Repricing
	add := func(at time.Time, card cost.Card, byBook bool) {
		// The options say the same in other words where the book has half of what is needed.
		same := card.Basis() == basis || (!byBook && card.CoreHour == basis.CoreHour && card.GigabyteHour == basis.GigabyteHour)
		if same || card.Currency != p.Rate.Currency || !at.Before(end) || !at.After(newest) {
			return
		}
		basis = card.Basis()
		out = append(out, cluster.Repricing{From: at, Basis: basis})
	}
	// A list may fill in a past that had no price: what is not posted yet is priced by it.
	first := later(after, s.Until)
	if card, byBook := prices.ByBook(backend, first); byBook {
		add(first, card, true)
	}
	for _, at := range prices.Changes(backend, first, end) {
		card, byBook := prices.ByBook(backend, at)
		add(at, card, byBook)
	}
	return slices.Clip(out)
}

// RepriceGPUs is Reprice for the GPUs of a process, by model.
func RepriceGPUs(p cluster.Process, backend string, s State, prices Prices, now time.Time) map[string][]cluster.GPUPrice {
	end := now
	if !p.EndedAt.IsZero() && p.EndedAt.Before(now) {
		end = p.EndedAt
	}
	out := map[string][]cluster.GPUPrice{}
	done := map[string]bool{}
	for _, g := range p.GPUs {
		if done[g.Model] || len(g.Prices) == 0 {
			continue
		}
		done[g.Model] = true
		newest := g.Prices[len(g.Prices)-1]
		first := later(later(p.StartedAt, newest.From), s.Until)
		for _, at := range append([]time.Time{first}, prices.GPUChanges(backend, g.Model, first, end)...) {
			price := prices.GPU(backend, g.Model, p.Rate.Currency, at)
			if price.Same(newest) || !at.Before(end) || !at.After(newest.From) {
				continue
			}
			newest = price
			out[g.Model] = append(out[g.Model], price)
		}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
