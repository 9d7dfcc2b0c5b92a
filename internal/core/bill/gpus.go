package bill

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// GPUCost is what a cluster paid for GPUs of one model. It is a part of the bill, not beside it.
type GPUCost struct {
	Model string
	// Devices is how many different ones its processes held.
	Devices int
	// GPUTime is the cluster's part of their time: what others shared is theirs.
	cluster.GPUTime
	// Idle is what of the cost was for time in which nothing ran on a device. Time that nobody watched is not idle.
	Idle cost.Nanos
}

// GPUHour is what a process paid for one device within (a part of) one hour of UTC.
type GPUHour struct {
	Start time.Time
	cluster.GPUTime
	Idle cost.Nanos
}

// gpuHour prices [from, to) of a device that a process held, of which nothing ran on it for idleMicros.
func gpuHour(g cluster.GPU, from, to time.Time, idleMicros int64) GPUHour {
	h := GPUHour{Start: from.UTC().Truncate(time.Hour), GPUTime: g.Between(from, to)}
	run := to.UnixMicro() - from.UnixMicro()
	idle := min(max(idleMicros, 0), run) // a window that reaches over the hour counts where it begins
	h.Idle = cost.Split(h.Cost, []int64{idle, run - idle})[0]
	return h
}

// GPUHours returns what a process paid for one of its devices within [since, until), by hour. idle is for how long nothing ran on it, by the begin of the hour in
// microseconds since 1970. Hours side by side sum exactly.
func GPUHours(p cluster.Process, g cluster.GPU, since, until time.Time, idle map[int64]int64) []GPUHour {
	start, end, ok := p.Interval(until)
	if !ok {
		return nil
	}
	var out []GPUHour
	for at := later(start, since); at.Before(end); {
		next := earlier(startOf(hourOf(at)+1), end)
		out = append(out, gpuHour(g, at, next, idle[startOf(hourOf(at)).UnixMicro()]))
		at = next
	}
	return out
}

// deviceHour names a device and an hour.
type deviceHour struct {
	uuid string
	hour int64
}

// idleGPUs is for how long nothing ran on the devices of a process. What clocks that differ put outside its life is nobody's.
func idleGPUs(hours []usage.GPUHour) map[deviceHour]int64 {
	if len(hours) == 0 {
		return nil
	}
	idle := make(map[deviceHour]int64, len(hours))
	for _, h := range hours {
		idle[deviceHour{h.UUID, hourOf(h.HourAt)}] += h.IdleMicros
	}
	return idle
}

// gpus books what a worker paid for its devices within [from, to) of an hour, and returns how much of that was for devices on which nothing ran: that is no cost
// of what its threads did.
func (a *allocation) gpus(p cluster.Process, from, to time.Time, idle map[deviceHour]int64) cost.Nanos {
	var sum cost.Nanos
	for _, g := range p.GPUs {
		h := gpuHour(g, from, to, idle[deviceHour{g.UUID, hourOf(from)}])
		of := getOrMake(a.gpuCosts, g.Model, gpuSum{GPUCost: GPUCost{Model: g.Model}, devices: map[string]bool{}})
		of.devices[g.UUID] = true
		of.GPUTime = of.Plus(h.GPUTime)
		of.Idle += h.Idle
		sum += h.Idle
	}
	return sum
}

// gpuSum is a GPUCost that is being added up.
type gpuSum struct {
	GPUCost
	devices map[string]bool
}

// gpuList returns the sums, dearest first.
func gpuList(sums map[string]*gpuSum) []GPUCost {
	var out []GPUCost
	for _, model := range slices.Sorted(maps.Keys(sums)) {
		s := sums[model]
		s.Devices = len(s.devices)
		out = append(out, s.GPUCost)
	}
	slices.SortStableFunc(out, func(a, b GPUCost) int { return cmp.Compare(b.Cost, a.Cost) })
	return out
}
