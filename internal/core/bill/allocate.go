package bill

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// work is a row of usage with its part of what its process cost in an hour.
type work struct {
	*usage.LineUsage
	hour int64
	cost cost.Nanos
}

// other is money of an hour that is on no line.
type other struct {
	Category
	hour int64
}

// weight is the time that money is divided by: the task's own thread and what libraries' threads used beside it.
func weight(l *usage.LineUsage) int64 { return l.ThreadMicros + l.NativeMicros }

// allocation is the cost of a cluster, divided over its work, over categories and over the unknown. The parts sum to the total.
type allocation struct {
	only                           *hourRange
	start                          time.Time
	total                          cost.Nanos
	work                           []work
	categories, unknown            []other
	capacityMicros, observedMicros int64
	gpuCosts                       map[string]*gpuSum
}

// allocate divides the cost of each process over its time by largest remainder, hour by hour; what was paid for and not accounted for is
// unknown. A scheduler's cost is overhead.
func allocate(in Input) allocation {
	a := allocation{only: in.only, start: in.AsOf, work: make([]work, 0, len(in.Lines)), gpuCosts: map[string]*gpuSum{}}
	lines := byProcess(in.Lines, func(l *usage.LineUsage) cluster.ProcessID { return l.ProcessID })
	windows := byProcess(in.Categories, func(w *usage.CategoryUsage) cluster.ProcessID { return w.ProcessID })
	devices := byProcess(in.GPUs, func(h *usage.GPUHour) cluster.ProcessID { return h.ProcessID })
	for _, p := range in.Processes {
		start, end, ok := p.Interval(in.AsOf)
		if !ok {
			continue
		}
		if start.Before(a.start) {
			a.start = start
		}
		a.total += p.Cost(in.AsOf)
		if p.Role == cluster.RoleScheduler {
			a.scheduler(p, start, end)
			continue
		}
		a.worker(p, start, end, reported{lines[p.ID], windows[p.ID], devices[p.ID]})
	}
	return a
}

// byProcess groups rows. Rows of one process that lie together, as the store returns them, are not copied.
func byProcess[R any](rows []R, process func(*R) cluster.ProcessID) map[cluster.ProcessID][]R {
	groups := map[cluster.ProcessID][]R{}
	for from := 0; from < len(rows); {
		id, to := process(&rows[from]), from+1
		for to < len(rows) && process(&rows[to]) == id {
			to++
		}
		if group, ok := groups[id]; ok {
			groups[id] = append(group, rows[from:to]...)
		} else {
			groups[id] = rows[from:to:to]
		}
		from = to
	}
	return groups
}

// scheduler books the cost of a scheduler.
func (a *allocation) scheduler(p cluster.Process, start, end time.Time) {
	first, last := a.only.bound(hourOf(start), hourOf(end.Add(-time.Microsecond)))
	for hour := first; hour <= last; hour++ {
		from, to := later(start, startOf(hour)), earlier(end, startOf(hour+1))
		a.categories = append(a.categories, other{Category{
			Name: usage.CategoryOverheadScheduler, Cost: p.CostBetween(from, to), ThreadMicros: to.Sub(from).Microseconds() * int64(p.Threads),
		}, hour})
	}
}

// reported is what one worker reported.
type reported struct {
	lines   []usage.LineUsage
	windows []usage.CategoryUsage
	gpus    []usage.GPUHour
}

// worker divides the cost of one run of a worker, hour by hour: an hour's cost over that hour's time. So the bill of a window of whole hours
// is the sum of theirs.
func (a *allocation) worker(p cluster.Process, start, end time.Time, of reported) {
	first, last := hourOf(start), max(hourOf(start), hourOf(end.Add(-time.Microsecond)))
	// Clocks that differ put a little time before the start or after the end.
	within := func(t time.Time) int64 { return min(max(hourOf(t), first), last) }
	lineHours := byHour(of.lines, func(l *usage.LineUsage) int64 { return within(l.HourAt) })
	categories := hourSums{}
	for _, rows := range [][]usage.CategoryUsage{gaps(start, end, p, of.windows), of.windows} {
		for i := range rows {
			categories.add(&rows[i], within)
		}
	}
	idle := idleGPUs(of.gpus)
	for hour, stop := a.only.bound(first, last); hour <= stop; hour++ {
		from, to := later(start, startOf(hour)), earlier(end, startOf(hour+1))
		total := p.CostBetween(from, to) // both counted from the start, so hours side by side sum exactly
		if unused := a.gpus(p, from, to, idle); unused > 0 {
			a.categories = append(a.categories, other{Category{Name: usage.CategoryIdleGPU, Cost: unused}, hour})
			total -= unused
		}
		a.workerHour(p, total, from, to, lineHours[hour], categories.parts(hour))
	}
}

// hourRange is some hours, the last one included.
type hourRange struct{ first, last int64 }

// bound returns what of first to last is within the range; a nil one holds all hours.
func (r *hourRange) bound(first, last int64) (from, to int64) {
	if r == nil {
		return first, last
	}
	return max(first, r.first), min(last, r.last)
}

// workerHour divides what the threads of a worker cost within one hour.
func (a *allocation) workerHour(p cluster.Process, total cost.Nanos, from, to time.Time, lines []*usage.LineUsage, parts []Category) {
	capacity := int64(p.Threads) * to.Sub(from).Microseconds()
	weights := make([]int64, 0, len(lines)+len(parts)+1)
	observed, lost := int64(0), int64(0)
	for _, l := range lines {
		weights = append(weights, weight(l))
		observed += weight(l)
	}
	for _, part := range parts {
		weights = append(weights, part.ThreadMicros)
		if isLost(part.Name) {
			lost += part.ThreadMicros
		} else {
			observed += part.ThreadMicros
		}
	}
	unseen, hour := max(capacity-observed-lost, 0), hourOf(from)
	shares := cost.Split(total, append(weights, unseen))
	for i, l := range lines {
		a.work = append(a.work, work{l, hour, shares[i]})
	}
	for i, part := range parts {
		part.Cost = shares[len(lines)+i]
		a.categories = append(a.categories, other{part, hour})
	}
	if rest := shares[len(shares)-1]; rest > 0 || unseen > 0 {
		a.unknown = append(a.unknown, other{Category{Name: KindUnknown, Cost: rest, ThreadMicros: unseen}, hour})
	}
	a.capacityMicros += capacity
	a.observedMicros += min(observed, capacity)
}

// byHour groups rows by the full hour that they are in.
func byHour[R any](rows []R, hour func(*R) int64) map[int64][]*R {
	groups := map[int64][]*R{}
	for i := range rows {
		at := hour(&rows[i])
		groups[at] = append(groups[at], &rows[i])
	}
	return groups
}

// hourSums is time by hour and category.
type hourSums map[int64]map[string]int64

// add books a window in the hours that it touches, in proportion. The lines carry the work.
func (s hourSums) add(w *usage.CategoryUsage, within func(time.Time) int64) {
	if w.Category == usage.CategoryWork {
		return
	}
	start, left := w.StartAt, w.ThreadMicros
	for {
		next := startOf(hourOf(start) + 1)
		if !next.Before(w.EndAt) {
			s.book(within(start), w.Category, left)
			return
		}
		before := next.Sub(start).Microseconds()
		part := int64(cost.Split(cost.Nanos(left), []int64{before, w.EndAt.Sub(start).Microseconds() - before})[0])
		s.book(within(start), w.Category, part)
		start, left = next, left-part
	}
}

func (s hourSums) book(hour int64, category string, micros int64) {
	sums, ok := s[hour]
	if !ok {
		sums = map[string]int64{}
		s[hour] = sums
	}
	sums[category] += micros
}

// parts are the categories of an hour.
func (s hourSums) parts(hour int64) []Category {
	parts := make([]Category, 0, len(s[hour]))
	for name, us := range s[hour] {
		if us > 0 {
			parts = append(parts, Category{Name: name, ThreadMicros: us})
		}
	}
	slices.SortFunc(parts, func(a, b Category) int { return cmp.Compare(a.Name, b.Name) })
	return parts
}

// hourOf returns the number of the hour since 1970 in which a moment lies.
func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// startOf returns when an hour begins.
func startOf(hour int64) time.Time { return time.Unix(3600*hour, 0).UTC() }

// isLost reports whether a category holds time that was paid for, not observed, and whose reason is known.
func isLost(category string) bool { return strings.HasPrefix(category, "lost.") }
