// Package bill says where the money of a cluster went: to lines of user code, to idle time by reason, to overhead, or to the
// unknown. The parts always sum to the cluster's cost to the nano-unit.
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

// Bill is the whole account of one cluster over [Start, AsOf).
type Bill struct {
	ClusterID   cluster.ID
	Card        cost.Card
	Start, AsOf time.Time
	Total       cost.Nanos
	// Lines are named lines of user code, dearest first.
	Lines []Line
	// Categories are idle time by reason, overhead and unattributed work, dearest first.
	Categories []Category
	// Unknown is what was not observed.
	Unknown cost.Nanos
	// CapacityMicros is the thread-time of all workers that was paid for, ObservedMicros the part of it that agents accounted for.
	CapacityMicros, ObservedMicros int64
}

// Line is what one line of user code cost.
type Line struct {
	usage.Line
	// Text is the line's source, empty where it is not known.
	Text                    string
	Cost                    cost.Nanos
	ThreadMicros, CPUMicros int64
	// Prefixes splits the cost by task prefix, dearest first.
	Prefixes []Prefix
}

// Prefix is the part of a line spent in tasks of one prefix.
type Prefix struct {
	Prefix       string
	Cost         cost.Nanos
	ThreadMicros int64
}

// Category is money that is on no line, by reason.
type Category struct {
	Name         string
	Cost         cost.Nanos
	ThreadMicros int64
}

// Input is everything a bill is computed from.
type Input struct {
	ClusterID   cluster.ID
	Card        cost.Card
	AsOf        time.Time
	Processes   []cluster.Process
	Lines       []usage.LineUsage
	Categories  []usage.CategoryUsage
	Submissions []usage.Submission
}

// Compute makes the bill. Each process's cost is divided over its thread-time by largest remainder; the thread-time that was paid for and not
// accounted for is unknown. A scheduler's cost is overhead.
func Compute(in Input) Bill {
	c := computer{
		bill:        Bill{ClusterID: in.ClusterID, Card: in.Card, Start: in.AsOf, AsOf: in.AsOf},
		lines:       map[usage.Line]*Line{},
		prefixes:    map[prefixKey]*Prefix{},
		categories:  map[string]*Category{},
		submissions: map[int64]usage.Submission{},
	}
	for _, s := range in.Submissions {
		c.submissions[s.ID] = s
	}
	lines, categories := map[cluster.ProcessID][]usage.LineUsage{}, map[cluster.ProcessID][]usage.CategoryUsage{}
	for _, l := range in.Lines {
		lines[l.ProcessID] = append(lines[l.ProcessID], l)
	}
	for _, w := range in.Categories {
		categories[w.ProcessID] = append(categories[w.ProcessID], w)
	}
	for _, p := range in.Processes {
		start, end, ok := p.Interval(in.AsOf)
		if !ok {
			continue
		}
		if start.Before(c.bill.Start) {
			c.bill.Start = start
		}
		total := p.Cost(in.AsOf)
		c.bill.Total += total
		if p.Role == cluster.RoleScheduler {
			c.category(usage.CategoryOverheadScheduler, total, end.Sub(start).Microseconds()*int64(p.Threads))
			continue
		}
		c.worker(p, start, end, total, lines[p.ID], categories[p.ID])
	}
	return c.done()
}

type prefixKey struct {
	line   usage.Line
	prefix string
}

type computer struct {
	bill        Bill
	lines       map[usage.Line]*Line
	prefixes    map[prefixKey]*Prefix
	categories  map[string]*Category
	submissions map[int64]usage.Submission
}

// worker places the cost of one run of a worker.
func (c *computer) worker(p cluster.Process, start, end time.Time, total cost.Nanos, lines []usage.LineUsage, windows []usage.CategoryUsage) {
	capacity := int64(p.Threads) * end.Sub(start).Microseconds()
	parts := windowParts(p, start, end, windows)
	weights := make([]int64, 0, len(lines)+len(parts)+1)
	observed := int64(0)
	for _, l := range lines {
		weights = append(weights, l.ThreadMicros)
		observed += l.ThreadMicros
	}
	for _, part := range parts {
		weights = append(weights, part.ThreadMicros)
		observed += part.ThreadMicros
	}
	unknown := max(capacity-observed, 0)
	shares := cost.Split(total, append(weights, unknown))
	for i, l := range lines {
		c.line(l, shares[i])
	}
	for i, part := range parts {
		c.category(part.Name, shares[len(lines)+i], part.ThreadMicros)
	}
	c.bill.Unknown += shares[len(shares)-1]
	c.bill.CapacityMicros += capacity
	c.bill.ObservedMicros += min(observed, capacity)
}

// windowParts sums the windows of a worker by category, and names two gaps that need no report to be understood: from the launch to the
// first window the worker was starting, and after an epoch's last window it was closing.
func windowParts(p cluster.Process, start, end time.Time, windows []usage.CategoryUsage) []Category {
	sums := map[string]int64{}
	for _, w := range append(gaps(start, end, p, windows), windows...) {
		if w.Category != usage.CategoryWork { // the lines carry it
			sums[w.Category] += w.ThreadMicros
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

// line books thread-time on its line, or on the line that submitted the work where the stack held no user code.
func (c *computer) line(l usage.LineUsage, share cost.Nanos) {
	key := l.Line
	if key.File == "" {
		if s, ok := c.submissions[l.Submission]; ok && s.File != "" {
			key = usage.Line{File: s.File, Line: s.Line, Function: s.Function}
		}
	}
	if key.File == "" {
		c.category(usage.CategoryUnattributed, share, l.ThreadMicros)
		return
	}
	sum := getOrMake(c.lines, key, Line{Line: key})
	sum.Cost += share
	sum.ThreadMicros += l.ThreadMicros
	sum.CPUMicros += l.CPUMicros
	prefix := getOrMake(c.prefixes, prefixKey{key, l.Prefix}, Prefix{Prefix: l.Prefix})
	prefix.Cost += share
	prefix.ThreadMicros += l.ThreadMicros
}

func (c *computer) category(name string, share cost.Nanos, micros int64) {
	sum := getOrMake(c.categories, name, Category{Name: name})
	sum.Cost += share
	sum.ThreadMicros += micros
}

func (c *computer) done() Bill {
	for key, p := range c.prefixes {
		line := c.lines[key.line]
		line.Prefixes = append(line.Prefixes, *p)
	}
	for _, l := range c.lines {
		slices.SortFunc(l.Prefixes, func(a, b Prefix) int {
			return cmp.Or(cmp.Compare(b.Cost, a.Cost), cmp.Compare(a.Prefix, b.Prefix))
		})
		c.bill.Lines = append(c.bill.Lines, *l)
	}
	for _, k := range c.categories {
		c.bill.Categories = append(c.bill.Categories, *k)
	}
	slices.SortFunc(c.bill.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), strings.Compare(a.File, b.File), cmp.Compare(a.Line.Line, b.Line.Line),
			strings.Compare(a.Function, b.Function))
	})
	slices.SortFunc(c.bill.Categories, func(a, b Category) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), strings.Compare(a.Name, b.Name))
	})
	return c.bill
}

func getOrMake[K comparable, V any](m map[K]*V, key K, fresh V) *V {
	v, ok := m[key]
	if !ok {
		v = &fresh
		m[key] = v
	}
	return v
}

// Gap returns total − (lines + categories + unknown): always 0. Tests and readers of bills check it.
func (b Bill) Gap() cost.Nanos {
	gap := b.Total - b.Unknown
	for _, l := range b.Lines {
		gap -= l.Cost
	}
	for _, k := range b.Categories {
		gap -= k.Cost
	}
	return gap
}
