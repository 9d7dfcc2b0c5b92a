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

// work is a row of usage with its part of its process's cost.
type work struct {
	*usage.LineUsage
	cost cost.Nanos
}

// weight is the time that money is divided by: the task's own thread and what libraries' threads used beside it.
func weight(l *usage.LineUsage) int64 { return l.ThreadMicros + l.NativeMicros }

// allocation is the cost of a cluster, divided over its work, over categories and over the unknown. The parts sum to the total.
type allocation struct {
	start                          time.Time
	total, unknown                 cost.Nanos
	work                           []work
	categories                     []Category
	capacityMicros, observedMicros int64
	unknownMicros                  int64
}

// allocate divides the cost of each process over its time by largest remainder; what was paid for and not accounted for is
// unknown. A scheduler's cost is overhead.
func allocate(in Input) allocation {
	a := allocation{start: in.AsOf, work: make([]work, 0, len(in.Lines))}
	lines := byProcess(in.Lines, func(l *usage.LineUsage) cluster.ProcessID { return l.ProcessID })
	windows := byProcess(in.Categories, func(w *usage.CategoryUsage) cluster.ProcessID { return w.ProcessID })
	for _, p := range in.Processes {
		start, end, ok := p.Interval(in.AsOf)
		if !ok {
			continue
		}
		if start.Before(a.start) {
			a.start = start
		}
		total := p.Cost(in.AsOf)
		a.total += total
		if p.Role == cluster.RoleScheduler {
			a.categories = append(a.categories, Category{
				Name: usage.CategoryOverheadScheduler, Cost: total, ThreadMicros: end.Sub(start).Microseconds() * int64(p.Threads),
			})
			continue
		}
		a.worker(p, start, end, total, lines[p.ID], windows[p.ID])
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

// worker divides the cost of one run of a worker.
func (a *allocation) worker(p cluster.Process, start, end time.Time, total cost.Nanos, lines []usage.LineUsage, windows []usage.CategoryUsage) {
	capacity := int64(p.Threads) * end.Sub(start).Microseconds()
	parts := windowParts(p, start, end, windows)
	weights := make([]int64, 0, len(lines)+len(parts)+1)
	observed, lost := int64(0), int64(0)
	for i := range lines {
		weights = append(weights, weight(&lines[i]))
		observed += weight(&lines[i])
	}
	for _, part := range parts {
		weights = append(weights, part.ThreadMicros)
		if isLost(part.Name) {
			lost += part.ThreadMicros
		} else {
			observed += part.ThreadMicros
		}
	}
	unknown := max(capacity-observed-lost, 0)
	shares := cost.Split(total, append(weights, unknown))
	for i := range lines {
		a.work = append(a.work, work{&lines[i], shares[i]})
	}
	for i, part := range parts {
		part.Cost = shares[len(lines)+i]
		a.categories = append(a.categories, part)
	}
	a.unknown += shares[len(shares)-1]
	a.unknownMicros += unknown
	a.capacityMicros += capacity
	a.observedMicros += min(observed, capacity)
}

// isLost reports whether a category holds time that was paid for, not observed, and whose reason is known.
func isLost(category string) bool { return strings.HasPrefix(category, "lost.") }

// windowParts sums the windows of a worker by category, and names the gaps between them that can be understood.
func windowParts(p cluster.Process, start, end time.Time, windows []usage.CategoryUsage) []Category {
	sums := map[string]int64{}
	for _, rows := range [][]usage.CategoryUsage{gaps(start, end, p, windows), windows} {
		for i := range rows {
			if w := &rows[i]; w.Category != usage.CategoryWork { // the lines carry it
				sums[w.Category] += w.ThreadMicros
			}
		}
	}
	parts := make([]Category, 0, len(sums))
	for name, us := range sums {
		if us > 0 {
			parts = append(parts, Category{Name: name, ThreadMicros: us})
		}
	}
	slices.SortFunc(parts, func(a, b Category) int { return cmp.Compare(a.Name, b.Name) })
	return parts
}
