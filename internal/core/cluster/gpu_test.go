package cluster_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
)

// sharedGPUs are processes of many clusters that come and go on one machine, and the devices that each of them sees.
type sharedGPUs struct {
	processes []cluster.Process
	prices    map[string][]cluster.GPUPrice // by device
	holders   map[string][]cluster.GPUHolder
}

func drawGPUs(t *rapid.T, begin time.Time) sharedGPUs {
	s := sharedGPUs{prices: map[string][]cluster.GPUPrice{}, holders: map[string][]cluster.GPUHolder{}}
	at := func(label string) time.Time {
		return begin.Add(time.Duration(rapid.OneOf(rapid.Int64Range(0, 5*3600*1e6), rapid.Custom(func(t *rapid.T) int64 {
			return rapid.Int64Range(0, 5).Draw(t, "hour") * 3600 * 1e6 // full hours, and several things at one moment
		})).Draw(t, label)) * time.Microsecond)
	}
	devices := rapid.IntRange(1, 3).Draw(t, "devices")
	for d := range devices {
		uuid := fmt.Sprintf("GPU-%d", d)
		from := []time.Time{{}}
		for range rapid.IntRange(0, 2).Draw(t, "price changes") {
			from = append(from, at("price change"))
		}
		slices.SortFunc(from, time.Time.Compare)
		for i, moment := range slices.CompactFunc(from, time.Time.Equal) {
			p := cluster.GPUPrice{From: moment}
			if rapid.IntRange(0, 4).Draw(t, "known") > 0 {
				p.Hour, p.Source = cost.Nanos(rapid.Int64Range(0, 1e15).Draw(t, "price")), fmt.Sprintf("list %d", i)
			}
			s.prices[uuid] = append(s.prices[uuid], p)
		}
	}
	for n := range rapid.IntRange(1, 6).Draw(t, "processes") {
		id := cluster.ProcessID(fmt.Sprintf("cl_%d-w-%d", rapid.IntRange(0, 2).Draw(t, "cluster"), n))
		p := cluster.Process{ID: id, Role: cluster.RoleWorker, Threads: 1, StartedAt: at("start"), Rate: cost.Rate{NanosPerHour: cost.Nanos(rapid.Int64Range(0, 1e10).Draw(t, "rate"))}}
		if rapid.Bool().Draw(t, "ended") {
			p.EndedAt = p.StartedAt.Add(time.Duration(rapid.Int64Range(0, 4*3600*1e6).Draw(t, "life")) * time.Microsecond)
		}
		for d := range devices {
			if uuid := fmt.Sprintf("GPU-%d", d); rapid.IntRange(0, 3).Draw(t, "sees it") > 0 {
				p.GPUs = append(p.GPUs, cluster.GPU{UUID: uuid, Model: "H200", Prices: s.prices[uuid]})
				s.holders[uuid] = append(s.holders[uuid], cluster.GPUHolder{Process: id, Start: p.StartedAt, End: p.EndedAt})
			}
		}
		s.processes = append(s.processes, p)
	}
	for uuid, holders := range s.holders {
		shares := cluster.ShareGPU(holders)
		for _, p := range s.processes {
			for j := range p.GPUs {
				if p.GPUs[j].UUID == uuid {
					p.GPUs[j].Shares = shares[p.ID]
				}
			}
		}
	}
	return s
}

// deviceCost is what a device costs up to a moment, found out without any shares: microsecond by microsecond it is held by somebody or not, at one price.
func (s sharedGPUs) deviceCost(uuid string, asOf time.Time) cluster.GPUTime {
	cuts := []time.Time{asOf}
	for _, h := range s.holders[uuid] {
		cuts = append(cuts, h.Start, h.End)
	}
	for _, p := range s.prices[uuid] {
		cuts = append(cuts, p.From)
	}
	slices.SortFunc(cuts, time.Time.Compare)
	var sum cluster.GPUTime
	for i := range cuts[1:] {
		from, to := cuts[i], cuts[i+1]
		held := slices.ContainsFunc(s.holders[uuid], func(h cluster.GPUHolder) bool {
			return !from.Before(h.Start) && (h.End.IsZero() || from.Before(h.End))
		})
		if !held || !from.Before(to) || !from.Before(asOf) {
			continue
		}
		micros := to.Sub(from).Microseconds()
		price := s.prices[uuid][0]
		for _, p := range s.prices[uuid] {
			if !p.From.After(from) {
				price = p
			}
		}
		sum.Micros += micros
		if price.Source == "" {
			sum.UnpricedMicros += micros
		}
		sum.Cost += cost.Rate{NanosPerHour: price.Hour}.Between(from, to)
	}
	return sum
}

// TestGPUsAreChargedOnce: whoever sees a device, and whenever they come and go, what they pay for it sums to its time at its price, up to any moment, to the
// nano-unit; what a process pays never shrinks, and is the same however its time is cut.
func TestGPUsAreChargedOnce(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		s := drawGPUs(t, begin)
		moments := []time.Time{begin, begin.Add(20 * time.Hour)}
		for range 4 {
			moments = append(moments, begin.Add(time.Duration(rapid.Int64Range(0, 9*3600*1e6).Draw(t, "as of"))*time.Microsecond))
		}
		slices.SortFunc(moments, time.Time.Compare)
		for i, asOf := range moments {
			paid := map[string]cluster.GPUTime{}
			for _, p := range s.processes {
				start, end, ok := p.Interval(asOf)
				if !ok {
					if p.Cost(asOf) != 0 {
						t.Fatalf("%s costs %d before it began", p.ID, p.Cost(asOf))
					}
					continue
				}
				var sum cost.Nanos
				for _, g := range p.GPUs {
					paid[g.UUID] = paid[g.UUID].Plus(g.Between(start, end))
					sum += g.Between(start, end).Cost
				}
				if sum != p.GPUCostBetween(begin, asOf) || p.Cost(asOf) != sum+p.Rate.Over(start, end) {
					t.Fatalf("%s: %d for GPUs, %d in all, want %d and %d", p.ID, p.GPUCostBetween(begin, asOf), p.Cost(asOf), sum, sum+p.Rate.Over(start, end))
				}
				if i > 0 {
					before := moments[i-1]
					if between := p.CostBetween(before, asOf); between < 0 || between != p.Cost(asOf)-p.Cost(before) {
						t.Fatalf("%s costs %d from %s to %s, and %d of %d up to there", p.ID, between, before, asOf, p.Cost(before), p.Cost(asOf))
					}
				}
				spansAndUses(t, p, start, end)
			}
			for uuid := range s.prices {
				if want := s.deviceCost(uuid, asOf); paid[uuid] != want {
					t.Fatalf("%s up to %s: paid %+v, costs %+v", uuid, asOf, paid[uuid], want)
				}
			}
		}
	})
}

// spansAndUses holds the two other views of a process's money against its cost.
func spansAndUses(t *rapid.T, p cluster.Process, start, end time.Time) {
	at := start
	for _, span := range p.Spans(start, end) {
		hours := float64(span.End.Sub(span.Start)) / float64(time.Hour)
		paid := float64(p.Cost(span.End) - p.Cost(span.Start))
		// A rate is a whole number an hour, and so is each part of one; amounts are cut off at both ends.
		if off := paid - hours*float64(span.Rate.NanosPerHour); !span.Start.Equal(at) || off > 1e-9*paid+100 || off < -1e-9*paid-100 {
			t.Fatalf("%s from %s to %s: %f at %d an hour", p.ID, span.Start, span.End, paid, span.Rate.NanosPerHour)
		}
		at = span.End
	}
	middle := start.Add(end.Sub(start) / 3).Truncate(time.Microsecond)
	var whole, parts cluster.GPUTime
	for _, u := range p.GPUUses(start, end) {
		whole = whole.Plus(u.GPUTime)
	}
	for _, uses := range [][]cluster.GPUUse{p.GPUUses(start, middle), p.GPUUses(middle, end)} {
		for _, u := range uses {
			parts = parts.Plus(u.GPUTime)
		}
	}
	if !at.Equal(end) || whole != parts || whole.Cost != p.GPUCostBetween(start, end) {
		t.Fatalf("%s: spans end at %s, want %s; uses %+v, in two parts %+v, of %d", p.ID, at, end, whole, parts, p.GPUCostBetween(start, end))
	}
}

// A full hour of a device costs what an hour costs, and parts of an hour add up to it.
func TestGPUHourCostsItsPrice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := cost.Rate{NanosPerHour: cost.Nanos(rapid.Int64Range(0, 1e15).Draw(t, "price"))}
		hours := rapid.IntRange(0, 5000).Draw(t, "hours")
		begin := time.UnixMicro(rapid.Int64Range(0, 2e15).Draw(t, "begin")).UTC()
		end := begin.Add(time.Duration(hours) * time.Hour)
		middle := begin.Add(time.Duration(rapid.Int64Range(0, int64(hours)*3600*1e6).Draw(t, "middle")) * time.Microsecond)
		if got := rate.Between(begin, middle) + rate.Between(middle, end); got != rate.NanosPerHour*cost.Nanos(hours) {
			t.Fatalf("%d hours cost %d at %d", hours, got, rate.NanosPerHour)
		}
		of := rapid.IntRange(1, 64).Draw(t, "of")
		amount := cost.Nanos(rapid.Int64Range(0, 1e18).Draw(t, "amount"))
		var sum, least, most cost.Nanos
		for rank := range of {
			part := cost.Share{Rank: rank, Of: of}.Part(amount)
			sum += part
			if rank == 0 {
				least, most = part, part
			}
			least, most = min(least, part), max(most, part)
		}
		if sum != amount || most-least > 1 {
			t.Fatalf("%d parts of %d sum to %d, from %d to %d", of, amount, sum, least, most)
		}
	})
}
