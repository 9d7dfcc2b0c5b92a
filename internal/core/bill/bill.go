// Package bill says where the money of a cluster went: to lines of user code, to idle time by reason, to overhead, or to the
// unknown. The parts always sum to the cluster's cost to the nano-unit.
package bill

import (
	"cmp"
	"maps"
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
	// Lines are lines of user code by the line that created the work and by kind of work, dearest first.
	Lines []Line
	// Categories are idle time by reason, overhead, losses and unattributed work, dearest first.
	Categories []Category
	// Unknown is what was not observed, and why is not known; UnknownMicros is its thread-time.
	Unknown       cost.Nanos
	UnknownMicros int64
	// CapacityMicros is the thread-time of all workers that was paid for, ObservedMicros the part of it that agents accounted for.
	CapacityMicros, ObservedMicros int64
	// WorkMicros is the time of all work, native parallelism included; OriginMicros the part of it whose creating line is known.
	WorkMicros, OriginMicros int64
	// RulesVersion is the oldest version of the rules that named operations.
	RulesVersion int
	// Method is usage.MethodSampled if any worker was only looked at from outside.
	Method string
	// Prices are what the processes were charged by; their costs sum to Total.
	Prices []PriceUse
	// GPUs say how much of the total was for GPUs, by model, dearest first.
	GPUs []GPUCost
}

// Line is what one line of user code cost, in work of one kind that one line created.
type Line struct {
	// Line is where the threads stood.
	usage.Line
	// Text is the line's source, empty where it is not known.
	Text string
	// Origin is the line that created the work, or the one that submitted it where Created is false.
	Origin     usage.Line
	OriginText string
	Created    bool
	// SharedWith are other lines that asked for exactly the same work, as file:line.
	SharedWith []string
	// Operation and Library say what kind of work it is.
	Operation, Library                    string
	Cost                                  cost.Nanos
	ThreadMicros, CPUMicros, NativeMicros int64
	// Prefixes splits the cost by task prefix, dearest first.
	Prefixes []Prefix
}

// Prefix is the part of a line spent in tasks of one prefix.
type Prefix struct {
	Prefix                                string
	Cost                                  cost.Nanos
	ThreadMicros, CPUMicros, NativeMicros int64
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
	Origins     []usage.Origin
	Parts       []usage.Part
	State       usage.FoldState
	// GPUs say for how long nothing ran on which device.
	GPUs []usage.GPUHour
	// only bounds the hours that are divided, if it is not nil.
	only *hourRange
}

// Compute makes the bill.
func Compute(in Input) Bill {
	a := allocate(in)
	c := computer{
		bill: Bill{
			ClusterID: in.ClusterID, Card: in.Card, Start: a.start, AsOf: in.AsOf, Total: a.total,
			CapacityMicros: a.capacityMicros, ObservedMicros: a.observedMicros, RulesVersion: in.State.RulesVersion, Method: usage.MethodAgent,
			GPUs: gpuList(a.gpuCosts),
		},
		places: newPlaces(in), lines: map[lineKey]*lineSum{}, categories: map[string]*Category{},
	}
	if in.State.Sampled {
		c.bill.Method = usage.MethodSampled
	}
	for _, k := range a.unknown {
		c.bill.Unknown += k.Cost
		c.bill.UnknownMicros += k.ThreadMicros
	}
	for _, k := range a.categories {
		c.category(k.Category)
	}
	for _, w := range a.work {
		c.line(w)
	}
	return c.done()
}

type lineKey struct {
	leaf, origin       usage.Line
	operation, library string
}

// lineSum is a line that is being added up.
type lineSum struct {
	Line
	createdMicros int64
	shared        map[string]bool
	prefixes      map[string]*Prefix
}

type computer struct {
	bill       Bill
	places     places
	lines      map[lineKey]*lineSum
	categories map[string]*Category
}

// line books work on its line; what is on none is unattributed.
func (c *computer) line(w work) {
	micros := weight(w.LineUsage)
	c.bill.WorkMicros += micros
	at, ok := c.places.of(w.LineUsage)
	if !ok {
		c.category(Category{Name: usage.CategoryUnattributed, Cost: w.cost, ThreadMicros: micros})
		return
	}
	key := lineKey{at.leaf, at.origin, w.Operation, w.Library}
	sum, ok := c.lines[key]
	if !ok {
		sum = &lineSum{
			Line:   Line{Line: at.leaf, Origin: at.origin, Operation: w.Operation, Library: w.Library},
			shared: map[string]bool{}, prefixes: map[string]*Prefix{},
		}
		c.lines[key] = sum
	}
	if at.created {
		c.bill.OriginMicros += micros
		sum.createdMicros += micros
		for _, other := range c.places.shared(c.places.originOf(w.LineUsage)) {
			sum.shared[other] = true
		}
	}
	sum.Cost += w.cost
	sum.ThreadMicros += w.ThreadMicros
	sum.CPUMicros += w.CPUMicros
	sum.NativeMicros += w.NativeMicros
	prefix := getOrMake(sum.prefixes, w.Prefix, Prefix{Prefix: w.Prefix})
	prefix.Cost += w.cost
	prefix.ThreadMicros += w.ThreadMicros
	prefix.CPUMicros += w.CPUMicros
	prefix.NativeMicros += w.NativeMicros
}

func (c *computer) category(k Category) {
	sum := getOrMake(c.categories, k.Name, Category{Name: k.Name})
	sum.Cost += k.Cost
	sum.ThreadMicros += k.ThreadMicros
}

func (c *computer) done() Bill {
	for _, sum := range c.lines {
		l := sum.Line
		// A line that both created work and submitted other work (df.sum().compute()) is one entry: what most of it is counts.
		l.Created = 2*sum.createdMicros >= l.ThreadMicros+l.NativeMicros && sum.createdMicros > 0
		l.SharedWith = slices.Sorted(maps.Keys(sum.shared))
		for _, p := range sum.prefixes {
			l.Prefixes = append(l.Prefixes, *p)
		}
		slices.SortFunc(l.Prefixes, func(a, b Prefix) int {
			return cmp.Or(cmp.Compare(b.Cost, a.Cost), cmp.Compare(a.Prefix, b.Prefix))
		})
		c.bill.Lines = append(c.bill.Lines, l)
	}
	for _, k := range c.categories {
		c.bill.Categories = append(c.bill.Categories, *k)
	}
	slices.SortFunc(c.bill.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), compareLine(a.Origin, b.Origin), compareLine(a.Line, b.Line),
			strings.Compare(a.Operation, b.Operation), strings.Compare(a.Library, b.Library))
	})
	slices.SortFunc(c.bill.Categories, func(a, b Category) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), strings.Compare(a.Name, b.Name))
	})
	return c.bill
}

func compareLine(a, b usage.Line) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Function, b.Function))
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
