package ledger_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/ledger"
)

var begin = time.Date(2026, 10, 30, 21, 17, 3, 250_000_000, time.UTC)

// book is a price book whose prices begin at moments.
type book struct {
	options cost.Card
	entries []bookEntry
}

type bookEntry struct {
	from time.Time
	core cost.Nanos
}

func (b *book) ByBook(_ string, at time.Time) (cost.Card, bool) {
	card, found := b.options, false
	for _, e := range b.entries {
		if !e.from.After(at) {
			card.CoreHour, card.Source, found = e.core, fmt.Sprintf("list of %s", e.from), true
		}
	}
	return card, found
}

func (b *book) GPU(_, _ string, _ cost.Currency, at time.Time) cluster.GPUPrice {
	price := cluster.GPUPrice{From: at}
	for _, e := range b.entries {
		if !e.from.After(at) {
			price.Hour, price.Source = e.core, fmt.Sprintf("list of %s", e.from)
		}
	}
	return price
}

func (b *book) GPUChanges(backend, _ string, after, until time.Time) []time.Time {
	return b.Changes(backend, after, until)
}

func (b *book) Changes(_ string, after, until time.Time) []time.Time {
	var times []time.Time
	for _, e := range b.entries {
		if e.from.After(after) && !e.from.After(until) {
			times = append(times, e.from)
		}
	}
	return times
}

// TestPostingFollowsTheMeter steers processes at random: they start, end, turn out to have ended or started at another time, come back, change their size, and prices
// change. Whenever something was posted, the entries of each process and of each of its hours sum to what it is metered at up to there; no hour that was posted is
// priced again; and every posting again posts nothing.
func TestPostingFollowsTheMeter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		prices := &book{options: cost.Card{Currency: "USD", CoreHour: 40_000_007, GigabyteHour: 5_000_003, Source: "Options."}}
		now := begin
		p := cluster.NewWorker(cluster.Cluster{ID: "cl_1", Options: cluster.Options{Threads: 3, MemoryBytes: 7_777_777_777}}, prices.options, "w-0", 1, now)
		p.StartedAt = now
		var state ledger.State
		var entries []ledger.Entry
		var others []cluster.GPUHolder
		duration := func(name string, most time.Duration) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(most/time.Microsecond)).Draw(t, name)) * time.Microsecond
		}
		post := func(limit int) int {
			repricings := ledger.Reprice(p, "local", state, prices, now)
			for _, r := range repricings {
				if r.From.Before(state.Until) {
					t.Fatalf("priced anew since %s, posted until %s", r.From, state.Until)
				}
			}
			p.Repricings = append(p.Repricings, repricings...)
			for _, price := range ledger.RepriceGPUs(p, "local", state, prices, now)["H200"] {
				if price.From.Before(state.Until) {
					t.Fatalf("GPUs are priced anew since %s, posted until %s", price.From, state.Until)
				}
				for i := range p.GPUs {
					p.GPUs[i].Prices = append(slices.Clone(p.GPUs[i].Prices), price)
				}
			}
			shareGPUs(p, others)
			fresh, next := ledger.Post(p, state, hourSums(entries), now, limit)
			for _, e := range fresh {
				if e.Kind == ledger.Correction && e.Reason == "" {
					t.Fatalf("no reason: %+v", e)
				}
			}
			entries, state = append(entries, fresh...), next
			checkEntries(t, p, state, entries)
			return len(fresh)
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"wait", "wait", "post", "price", "end", "back", "resize", "earlier", "gpu", "other"}).Draw(t, "step") {
			case "wait":
				now = now.Add(duration("wait", 5*time.Hour))
			case "post":
				post(1000)
				if n := post(1000); n != 0 {
					t.Fatalf("posting again posts %d entries", n)
				}
			case "price":
				// It may be known late: a list fills in a time that had no price, or another server read it.
				if at := now.Add(duration("in", 5*time.Hour) - 3*time.Hour); len(prices.entries) == 0 || at.After(prices.entries[len(prices.entries)-1].from) {
					prices.entries = append(prices.entries, bookEntry{at, cost.Nanos(rapid.Int64Range(0, 1e9).Draw(t, "core"))})
				}
			case "end":
				p.EndedAt = p.StartedAt.Add(duration("life", now.Sub(p.StartedAt)))
			case "back":
				p.EndedAt = time.Time{}
			case "resize":
				p.Threads = rapid.IntRange(1, 64).Draw(t, "threads")
				p.Rate = cost.Card{Currency: "USD", CoreHour: p.Basis.CoreHour, GigabyteHour: p.Basis.GigabyteHour}.Price(p.Threads, p.MemoryBytes)
			case "gpu": // it is seen to hold one more
				if len(p.GPUs) < 3 {
					g := cluster.GPU{UUID: fmt.Sprintf("GPU-%d", len(p.GPUs)), Model: "H200", Prices: []cluster.GPUPrice{prices.GPU("local", "H200", "USD", p.StartedAt)}}
					g.Prices[0].From = time.Time{}
					if len(p.GPUs) > 0 {
						g.Prices = p.GPUs[0].Prices
					}
					p.GPUs = append(p.GPUs, g)
				}
			case "other": // somebody else turns out to see them, or to have gone
				if n := len(others); n > 0 && rapid.Bool().Draw(t, "gone") {
					others[n-1].End = others[n-1].Start.Add(duration("other's life", now.Sub(others[n-1].Start)))
				} else {
					others = append(others, cluster.GPUHolder{Process: cluster.ProcessID(fmt.Sprintf("other-%d", n)), Start: now.Add(-duration("other's start", 3*time.Hour))})
				}
			case "earlier":
				p.StartedAt = p.StartedAt.Add(-duration("by", time.Hour))
			}
		}
		p.EndedAt = now
		post(1000)
		shareGPUs(p, others)
		if want, got := p.Cost(now), total(entries); got != want || state.Until.Before(now) {
			t.Fatalf("in the end %d is posted up to %s, it cost %d", got, state.Until, want)
		}
	})
}

// shareGPUs divides the devices of a process over it and all others.
func shareGPUs(p cluster.Process, others []cluster.GPUHolder) {
	shares := cluster.ShareGPU(append(slices.Clone(others), cluster.GPUHolder{Process: p.ID, Start: p.StartedAt, End: p.EndedAt}))
	for i := range p.GPUs {
		p.GPUs[i].Shares = shares[p.ID]
	}
}

// TestPostingInParts posts a long life in parts: the same entries, whatever the limit.
func TestPostingInParts(t *testing.T) {
	t.Parallel()
	p := cluster.NewWorker(cluster.Cluster{ID: "cl_1", Options: cluster.Options{Threads: 3, MemoryBytes: 1e9}}, cost.Card{Currency: "USD", CoreHour: 7}, "w-0", 1, begin)
	p.StartedAt = begin
	now := begin.Add(100 * time.Hour)
	whole, reached := ledger.Post(p, ledger.State{}, nil, now, 1000)
	if len(whole) != 100 || !reached.Until.Equal(now.Add(-ledger.Grace).Truncate(time.Hour)) {
		t.Fatalf("%d entries up to %s", len(whole), reached.Until)
	}
	var parts []ledger.Entry
	var state ledger.State
	for rounds := 0; !state.Until.Equal(reached.Until); rounds++ {
		var some []ledger.Entry
		some, state = ledger.Post(p, state, nil, now, 7)
		if parts = append(parts, some...); len(some) > 7 || rounds > 20 {
			t.Fatalf("%d entries in round %d", len(some), rounds)
		}
	}
	if !slices.Equal(parts, whole) {
		t.Errorf("in parts it is %d entries, and not the same", len(parts))
	}
}

// TestComingBackTakesNothingBack posts the end of a process that lives on: the hour in which it seemed to end stays posted, and is completed by a correction.
func TestComingBackTakesNothingBack(t *testing.T) {
	t.Parallel()
	p := cluster.NewWorker(cluster.Cluster{ID: "cl_1", Options: cluster.Options{Threads: 3, MemoryBytes: 1e9}}, cost.Card{Currency: "USD", CoreHour: 3_600_000_000}, "w-0", 1, begin)
	p.StartedAt, p.EndedAt = begin, begin.Add(time.Minute)
	entries, state := ledger.Post(p, ledger.State{}, nil, begin.Add(2*time.Minute), 10)
	if len(entries) != 1 || entries[0].Cost != p.Cost(p.EndedAt) || !state.Until.Equal(p.EndedAt) {
		t.Fatalf("at its end: %+v, %+v", entries, state)
	}
	p.EndedAt = time.Time{}
	more, next := ledger.Post(p, state, hourSums(entries), begin.Add(3*time.Minute), 10)
	if len(more) != 0 || !next.Until.Equal(state.Until) {
		t.Fatalf("when it came back: %+v, %+v", more, next)
	}
	more, _ = ledger.Post(p, next, hourSums(entries), begin.Add(time.Hour), 10)
	if len(more) != 1 || more[0].Kind != ledger.Correction || more[0].Reason != "It ran 41m56.75s longer in this hour than was posted." {
		t.Fatalf("when the hour was over: %+v", more)
	}
}

func hourSums(entries []ledger.Entry) []ledger.HourSum {
	sums := map[time.Time]*ledger.HourSum{}
	for _, e := range entries {
		s := sums[e.Hour]
		if s == nil {
			s = &ledger.HourSum{Hour: e.Hour}
			sums[e.Hour] = s
		}
		s.Cost += e.Cost
		s.Micros += e.Micros
		if e.Kind == ledger.Correction {
			s.Corrections++
		}
	}
	out := make([]ledger.HourSum, 0, len(sums))
	for _, at := range slices.SortedFunc(maps.Keys(sums), time.Time.Compare) {
		out = append(out, *sums[at])
	}
	return out
}

func total(entries []ledger.Entry) (sum cost.Nanos) {
	for _, e := range entries {
		sum += e.Cost
	}
	return sum
}

func checkEntries(t *rapid.T, p cluster.Process, s ledger.State, entries []ledger.Entry) {
	if want, got := p.Cost(s.Until), total(entries); got != want {
		t.Fatalf("the entries sum to %d, up to %s it cost %d", got, s.Until, want)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		key := fmt.Sprint(e.Hour, e.Kind, e.Sequence)
		if seen[key] || e.Hour != e.Hour.Truncate(time.Hour) {
			t.Fatalf("twice, or no hour: %+v", e)
		}
		seen[key] = true
	}
	for _, h := range hourSums(entries) {
		next := h.Hour.Add(time.Hour)
		if s.Until.Before(next) {
			next = s.Until
		}
		if want := p.Cost(next) - p.Cost(h.Hour); h.Cost != want {
			t.Fatalf("hour %s: posted %d, it cost %d", h.Hour, h.Cost, want)
		}
	}
}

func TestMonths(t *testing.T) {
	t.Parallel()
	kolkata, err := time.LoadLocation("Asia/Kolkata") // half an hour off
	if err != nil {
		t.Fatal(err)
	}
	for _, zone := range []*time.Location{time.UTC, kolkata} {
		// Months meet, and an hour is in the month that its beginning lies in.
		month := ledger.Month("2025-11")
		_, end := month.Window(zone)
		for range 24 {
			next := month.Next()
			start, stop := next.Window(zone)
			if !start.Equal(end) || start != start.Truncate(time.Hour) {
				t.Errorf("%s ends %s, %s begins %s", month, end, next, start)
			}
			if got := ledger.MonthOf(start, zone); got != next {
				t.Errorf("hour %s is in %s, want %s", start, got, next)
			}
			if got := ledger.MonthOf(start.Add(-time.Hour), zone); got != month {
				t.Errorf("hour before %s is in %s, want %s", start, got, month)
			}
			month, end = next, stop
		}
	}
	for text, ok := range map[string]bool{"2026-10": true, "2026-13": false, "2026-1": false, "": false, "now": false, "2026-10-01": false, "0001-01": false, "9999-12": false} {
		if _, err := ledger.ParseMonth(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
