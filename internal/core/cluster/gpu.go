package cluster

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// GPU is a device that a process sees, and holds for all its life: what CUDA shows to a process is settled when it starts.
type GPU struct {
	UUID, Model string
	// Index is its number on the machine.
	Index int
	// Prices are those of an hour of the whole device, in the order of time. The first holds from the beginning; they are only ever added.
	Prices []GPUPrice
	// Shares say with how many processes it was shared when, in the order of time, for as long as the process runs.
	Shares []GPUShare
}

// GPUPrice is what an hour of a device costs since a moment.
type GPUPrice struct {
	From time.Time
	Hour cost.Nanos
	// Source says where that comes from. It is empty where no price is known: such time is never taken for free.
	Source string
	AsOf   time.Time
}

// Known reports whether there is a price.
func (p GPUPrice) Known() bool { return p.Source != "" }

// Same reports whether two prices say the same, since whenever.
func (p GPUPrice) Same(other GPUPrice) bool {
	return p.Hour == other.Hour && p.Source == other.Source && p.AsOf.Equal(other.AsOf)
}

// GPUShare is the part of a device that a process pays for in [Start, End); a zero End is open.
type GPUShare struct {
	Start, End time.Time
	cost.Share
}

// GPUHolder is a process that sees a device; a zero End is that of one that runs.
type GPUHolder struct {
	Process    ProcessID
	Start, End time.Time
}

// ShareGPU divides the time of one device over the processes that see it: equally at every moment, whoever they belong to. Each coming and going begins a new
// share for all, from which on their parts are counted; so what they pay sums to what the device costs, to the nano-unit, up to any moment.
func ShareGPU(holders []GPUHolder) map[ProcessID][]GPUShare {
	coming, going := map[int64][]ProcessID{}, map[int64][]ProcessID{}
	times := map[int64]bool{}
	for _, h := range holders {
		if h.Start.IsZero() || (!h.End.IsZero() && !h.End.After(h.Start)) {
			continue
		}
		at := h.Start.UnixMicro()
		coming[at], times[at] = append(coming[at], h.Process), true
		if !h.End.IsZero() {
			at := h.End.UnixMicro()
			going[at], times[at] = append(going[at], h.Process), true
		}
	}
	shares := map[ProcessID][]GPUShare{}
	var there []ProcessID // in order
	for _, us := range slices.Sorted(maps.Keys(times)) {
		at := time.UnixMicro(us).UTC()
		for _, id := range there {
			shares[id][len(shares[id])-1].End = at
		}
		there = slices.DeleteFunc(there, func(id ProcessID) bool { return slices.Contains(going[us], id) })
		there = append(there, coming[us]...)
		slices.Sort(there)
		for rank, id := range there {
			shares[id] = append(shares[id], GPUShare{Start: at, Share: cost.Share{Rank: rank, Of: len(there)}})
		}
	}
	return shares
}

// HeldGPU is a device at a moment: what it costs, and which part of that a process pays.
type HeldGPU struct {
	UUID, Model string
	Price       GPUPrice
	Share       cost.Share
}

// hour is the process's part of an hour of the device.
func (g HeldGPU) hour() cost.Nanos { return g.Share.Part(g.Price.Hour) }

// piece is time of a device at one price and one share.
type piece struct {
	start, end time.Time // a zero end is open
	price      GPUPrice
	share      cost.Share
}

// pieces cuts the time of a device at its prices, and returns what touches [from, to).
func (g GPU) pieces(from, to time.Time) []piece {
	first := sort.Search(len(g.Shares), func(i int) bool {
		end := g.Shares[i].End
		return end.IsZero() || end.After(from)
	})
	var out []piece
	for _, s := range g.Shares[first:] {
		if !s.Start.Before(to) {
			break
		}
		for i, p := range g.Prices {
			start, end := s.Start, s.End
			if i > 0 && p.From.After(start) {
				start = p.From
			}
			if i+1 < len(g.Prices) {
				if next := g.Prices[i+1].From; end.IsZero() || next.Before(end) {
					end = next
				}
			}
			if (end.IsZero() || (start.Before(end) && from.Before(end))) && start.Before(to) {
				out = append(out, piece{start, end, p, s.Share})
			}
		}
	}
	return out
}

// GPUTime is what a process pays of a device, or of several, within some time.
type GPUTime struct {
	Cost cost.Nanos
	// Micros is its part of the time of the devices. Of that, UnpricedMicros have no price: what they cost is not known.
	Micros, UnpricedMicros int64
}

// Plus adds up.
func (t GPUTime) Plus(other GPUTime) GPUTime {
	return GPUTime{t.Cost + other.Cost, t.Micros + other.Micros, t.UnpricedMicros + other.UnpricedMicros}
}

// Minus takes off what was counted up to an earlier moment.
func (t GPUTime) Minus(earlier GPUTime) GPUTime {
	return GPUTime{t.Cost - earlier.Cost, t.Micros - earlier.Micros, t.UnpricedMicros - earlier.UnpricedMicros}
}

// Between returns what a process pays of the device within [from, to). Stretches side by side sum exactly.
func (g GPU) Between(from, to time.Time) GPUTime {
	var sum GPUTime
	for _, p := range g.pieces(from, to) {
		sum = sum.Plus(p.between(from, to))
	}
	return sum
}

// between returns what of a piece lies within [from, to).
func (p piece) between(from, to time.Time) GPUTime {
	if !p.end.IsZero() && p.end.Before(to) {
		to = p.end
	}
	t := p.upto(to)
	if p.start.Before(from) {
		t = t.Minus(p.upto(from))
	}
	return t
}

// upto returns what a process has paid of a piece up to a moment within it: its part is one of all that the piece has cost by then.
func (p piece) upto(at time.Time) GPUTime {
	t := GPUTime{Micros: int64(p.share.Part(cost.Nanos(at.UnixMicro() - p.start.UnixMicro())))}
	if !p.price.Known() {
		t.UnpricedMicros = t.Micros
		return t
	}
	t.Cost = p.share.Part(cost.Rate{NanosPerHour: p.price.Hour}.Between(p.start, at))
	return t
}

// GPUUse is what a process pays of its devices of one model at one price.
type GPUUse struct {
	Model string
	// Price has no From: the same price at two times is one.
	Price   GPUPrice
	Devices int
	GPUTime
}

// GPUUses says what the GPUs of the process cost within [since, until), by model and price, in that order. Windows side by side sum exactly.
func (p Process) GPUUses(since, until time.Time) []GPUUse {
	_, until, ok := p.Interval(until)
	if !ok {
		return nil
	}
	type key struct {
		model, source string
		hour          cost.Nanos
		asOf          int64
	}
	sums := map[key]*GPUUse{}
	for _, g := range p.GPUs {
		seen := map[key]bool{}
		for _, piece := range g.pieces(since, until) {
			k := key{g.Model, piece.price.Source, piece.price.Hour, piece.price.AsOf.UnixMicro()}
			use, ok := sums[k]
			if !ok {
				use = &GPUUse{Model: g.Model, Price: piece.price}
				use.Price.From = time.Time{}
				sums[k] = use
			}
			if !seen[k] {
				seen[k] = true
				use.Devices++
			}
			use.GPUTime = use.Plus(piece.between(since, until))
		}
	}
	keys := slices.SortedFunc(maps.Keys(sums), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.model, b.model), cmp.Compare(a.source, b.source), cmp.Compare(a.hour, b.hour), cmp.Compare(a.asOf, b.asOf))
	})
	out := make([]GPUUse, len(keys))
	for i, k := range keys {
		out[i] = *sums[k]
	}
	return out
}

// GPUCostBetween returns what the process pays of its GPUs within [from, to).
func (p Process) GPUCostBetween(from, to time.Time) cost.Nanos {
	if len(p.GPUs) == 0 {
		return 0
	}
	_, end, ok := p.Interval(to)
	if !ok || !from.Before(end) {
		return 0
	}
	var sum cost.Nanos
	for _, g := range p.GPUs {
		sum += g.Between(from, end).Cost
	}
	return sum
}

// gpuCuts are the moments within (start, end) at which the rate of the GPUs changes.
func (p Process) gpuCuts(start, end time.Time) []time.Time {
	var cuts []time.Time
	for _, g := range p.GPUs {
		for _, piece := range g.pieces(start, end) {
			if piece.start.After(start) {
				cuts = append(cuts, piece.start)
			}
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	return slices.CompactFunc(cuts, time.Time.Equal)
}

// gpusAt are the GPUs that the process holds at a moment.
func (p Process) gpusAt(at time.Time) []HeldGPU {
	var held []HeldGPU
	for _, g := range p.GPUs {
		for _, piece := range g.pieces(at, at.Add(time.Microsecond)) {
			held = append(held, HeldGPU{UUID: g.UUID, Model: g.Model, Price: piece.price, Share: piece.share})
		}
	}
	return held
}

func (p Process) withGPUs(s PricedSpan) PricedSpan {
	s.GPUs = p.gpusAt(s.Start)
	for _, g := range s.GPUs {
		s.Rate.NanosPerHour += g.hour()
	}
	return s
}
