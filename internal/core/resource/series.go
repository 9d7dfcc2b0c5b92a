package resource

import (
	"cmp"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Chart shows the processes of a cluster over [Start, End) in bins of equal width.
type Chart struct {
	Start, End time.Time
	Step       time.Duration
	// Items are processes in the order in which they were given; those that reported nothing are left out.
	Items []Series
}

// Series is one process. Each list has one value for each bin, nil where nothing was reported.
type Series struct {
	Process          cluster.Process
	MemoryLimitBytes int64
	// CPUCores is an average. RSSBytes, ManagedBytes and SpilledBytes are the largest in a bin, TransferBytes and DiskBytes sums.
	CPUCores, RSSBytes, ManagedBytes, SpilledBytes, TransferBytes, DiskBytes []*float64
	GPUs                                                                     []Device
}

// Device is a GPU of a process over its life.
type Device struct {
	// GPU holds sums and peaks.
	usage.GPU
	// Utilisation is the average in each bin, from 0 to 1.
	Utilisation []*float64
}

// newChart returns a chart of all that ran, without items. Its step is 0 if nothing did.
func newChart(asOf time.Time, bins int, processes []cluster.Process) Chart {
	var c Chart
	for _, p := range processes {
		start, end, ok := p.Interval(asOf)
		if !ok {
			continue
		}
		if c.Start.IsZero() || start.Before(c.Start) {
			c.Start = start
		}
		c.End = later(c.End, end)
	}
	if c.End.After(c.Start) && bins > 0 {
		c.Step = max(c.End.Sub(c.Start)/time.Duration(bins), time.Microsecond)
	}
	return c
}

// MakeChart spreads windows over bins. What was used in a window counts as spread evenly over it.
func MakeChart(asOf time.Time, bins int, processes []cluster.Process, windows []Window, gpus []GPUWindow) Chart {
	c := newChart(asOf, bins, processes)
	if c.Step == 0 {
		return c
	}
	byProcess := map[cluster.ProcessID][]Window{}
	for _, w := range windows {
		byProcess[w.ProcessID] = append(byProcess[w.ProcessID], w)
	}
	devices := map[cluster.ProcessID][]GPUWindow{}
	for _, g := range gpus {
		devices[g.ProcessID] = append(devices[g.ProcessID], g)
	}
	for _, p := range processes {
		if len(byProcess[p.ID]) == 0 && len(devices[p.ID]) == 0 {
			continue
		}
		s := c.series(bins, byProcess[p.ID])
		s.Process, s.GPUs = p, c.devices(bins, devices[p.ID])
		c.Items = append(c.Items, s)
	}
	return c
}

// series puts the windows of one process into bins.
func (c *Chart) series(bins int, windows []Window) Series {
	s := Series{
		CPUCores: make([]*float64, bins), RSSBytes: make([]*float64, bins), ManagedBytes: make([]*float64, bins),
		SpilledBytes: make([]*float64, bins), TransferBytes: make([]*float64, bins), DiskBytes: make([]*float64, bins),
	}
	observed := make([]float64, bins)
	for _, w := range windows {
		u := w.Usage
		s.MemoryLimitBytes = max(s.MemoryLimitBytes, u.MemoryLimitBytes)
		c.overlaps(bins, w.StartAt, w.EndAt, func(bin int, part float64) {
			observed[bin] += part * float64(w.ObservedMicros)
			add(s.CPUCores, bin, part*float64(u.CPUMicros))
			add(s.TransferBytes, bin, part*float64(u.TransferInBytes+u.TransferOutBytes))
			add(s.DiskBytes, bin, part*float64(u.DiskReadBytes+u.DiskWriteBytes))
			if rss := max(u.RSSBytes, u.RSSPeakBytes); rss > 0 { // 0 was not told
				raise(s.RSSBytes, bin, float64(rss))
			}
			raise(s.ManagedBytes, bin, float64(u.ManagedBytes))
			raise(s.SpilledBytes, bin, float64(u.SpilledBytes))
		})
	}
	divide(s.CPUCores, observed)
	return s
}

// devices puts the windows of the GPUs of one process into bins, in the order of their indices.
func (c *Chart) devices(bins int, windows []GPUWindow) []Device {
	type key struct {
		uuid  string
		index int
	}
	var out []Device
	at, observed := map[key]int{}, [][]float64{}
	for _, w := range windows {
		g := w.GPU
		i, ok := at[key{g.UUID, g.Index}]
		if !ok {
			i = len(out)
			at[key{g.UUID, g.Index}] = i
			out = append(out, Device{GPU: usage.GPU{UUID: g.UUID, Index: g.Index}, Utilisation: make([]*float64, bins)})
			observed = append(observed, make([]float64, bins))
		}
		d := &out[i]
		d.Name = g.Name
		d.ObservedMicros += g.ObservedMicros
		d.UtilMicros += g.UtilMicros
		d.IdleMicros += g.IdleMicros
		d.EnergyMillijoules += g.EnergyMillijoules
		d.MemoryPeakBytes, d.MemoryTotalBytes = max(d.MemoryPeakBytes, g.MemoryPeakBytes), max(d.MemoryTotalBytes, g.MemoryTotalBytes)
		if g.SMMicros != nil {
			sum := *g.SMMicros
			if d.SMMicros != nil {
				sum += *d.SMMicros
			}
			d.SMMicros = &sum
		}
		c.overlaps(bins, w.StartAt, w.EndAt, func(bin int, part float64) {
			observed[i][bin] += part * float64(g.ObservedMicros)
			add(d.Utilisation, bin, part*float64(g.UtilMicros))
		})
	}
	for i := range out {
		divide(out[i].Utilisation, observed[i])
	}
	slices.SortStableFunc(out, func(a, b Device) int { return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.UUID, b.UUID)) })
	return out
}

// overlaps calls f for each bin that a window touches, with the part of the window that lies in it.
func (c *Chart) overlaps(bins int, start, end time.Time, f func(bin int, part float64)) {
	length := end.Sub(start)
	if length <= 0 {
		return
	}
	start, end = later(start, c.Start), earlier(end, c.End)
	if !end.After(start) {
		return
	}
	for bin := min(int(start.Sub(c.Start)/c.Step), bins-1); bin < bins; bin++ {
		from := c.Start.Add(time.Duration(bin) * c.Step)
		to := from.Add(c.Step)
		if bin == bins-1 {
			to = later(to, c.End) // what the division left over
		}
		if !from.Before(end) {
			return
		}
		if part := earlier(to, end).Sub(later(from, start)); part > 0 {
			f(bin, float64(part)/float64(length))
		}
	}
}

func add(to []*float64, bin int, value float64) {
	if to[bin] == nil {
		to[bin] = new(float64)
	}
	*to[bin] += value
}

func raise(to []*float64, bin int, value float64) {
	if to[bin] == nil || *to[bin] < value {
		to[bin] = &value
	}
}

// divide turns sums into averages; a bin that was not observed has none.
func divide(sums []*float64, by []float64) {
	for i, sum := range sums {
		switch {
		case sum == nil:
		case by[i] > 0:
			*sum /= by[i]
		default:
			sums[i] = nil
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
