package ledger

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// TruedUp is what the true-ups of one month add to one process.
type TruedUp struct {
	Month   Month
	Process cluster.ProcessID
	Cluster cluster.ID
	Owner   identity.UserID
	// Group is the path of the group that paid, "" for none.
	Group   string
	Backend string
	Nanos   cost.Nanos
}

// SpreadStore is what spreading true-ups reads.
type SpreadStore interface {
	// MonthAfter returns the first month after one in which anything is booked, "" if there is none.
	MonthAfter(ctx context.Context, after Month) (Month, error)
	Closings(ctx context.Context) ([]Closing, error)
	// TrueUps returns what true-ups add to the processes within a scope in the months from one to another, by month, cluster and process; not those that add nothing.
	TrueUps(ctx context.Context, scope identity.Scope, first, last Month) ([]TruedUp, error)
	// ImportsWithin returns the invoices that were imported for the months from one to another, by month, the oldest first.
	ImportsWithin(ctx context.Context, first, last Month) ([]Imported, error)
	ProcessesByCluster(ctx context.Context, id cluster.ID) ([]cluster.Process, error)
}

// Spread says which part of a process's true-up of a month, the hours [start, end), belongs to [since, until): the part of what it was metered at. Up to any moment it is
// that part rounded down, so windows side by side sum exactly, and the whole month is the whole true-up. What was metered at nothing has it where it began, or at the month's begin.
func Spread(p cluster.Process, trueUp cost.Nanos, start, end, since, until time.Time) cost.Nanos {
	since, until = later(since, start), earlier(until, end)
	if !since.Before(until) || trueUp == 0 {
		return 0
	}
	before := p.Cost(start)
	whole := p.Cost(end) - before
	if whole == 0 {
		at := later(start, p.StartedAt)
		if !at.Before(end) {
			at = start
		}
		if at.Before(since) || !at.Before(until) {
			return 0
		}
		return trueUp
	}
	upTo := func(at time.Time) cost.Nanos {
		part := new(big.Int).Mul(big.NewInt(int64(trueUp)), big.NewInt(int64(p.Cost(at)-before)))
		return cost.Nanos(part.Div(part, big.NewInt(int64(whole))).Int64()) // rounded down, of amounts below nothing too
	}
	return upTo(until) - upTo(since)
}

// Spreader spreads what is booked by month over the time that it is for.
type Spreader struct {
	store SpreadStore
	tx    identity.Snapshotter
	zone  *time.Location
}

// NewSpreader makes a Spreader. The zone is where months begin.
func NewSpreader(store SpreadStore, tx identity.Snapshotter, zone *time.Location) *Spreader {
	return &Spreader{store: store, tx: tx, zone: zone}
}

// bounds are the hours of months: those of closed ones as they were when they were closed.
type bounds struct {
	closed map[Month]Closing
	zone   *time.Location
}

func (b bounds) of(m Month) (start, end time.Time) {
	if c, ok := b.closed[m]; ok {
		return c.Start, c.End
	}
	return m.Window(b.zone)
}

// reading is what the books have of a window's months.
type reading struct {
	bounds
	months  []Month
	trueUps []TruedUp
	imports []Imported
}

// read reads what is booked of the months that [since, until) touches, as far as anything is booked in them.
func (s *Spreader) read(ctx context.Context, scope identity.Scope, since, until time.Time) (reading, error) {
	out := reading{bounds: bounds{map[Month]Closing{}, s.zone}}
	closings, err := s.store.Closings(ctx)
	if err != nil {
		return out, err
	}
	for _, c := range closings {
		out.closed[c.Month] = c
	}
	booked, err := s.store.MonthAfter(ctx, "")
	if err != nil || booked == "" {
		return out, err
	}
	// Hours before the first full one of a month are of the month before; a closed month may have begun elsewhere.
	first, last := max(booked, MonthOf(since.Add(-24*time.Hour), s.zone)), MonthOf(until.Add(24*time.Hour), s.zone)
	for m := first; m <= last; m = m.Next() {
		if start, end := out.of(m); start.Before(until) && since.Before(end) {
			out.months = append(out.months, m)
		}
	}
	if len(out.months) == 0 {
		return out, nil
	}
	first, last = out.months[0], out.months[len(out.months)-1]
	if out.trueUps, err = s.store.TrueUps(ctx, scope, first, last); err != nil {
		return out, err
	}
	out.imports, err = s.store.ImportsWithin(ctx, first, last)
	return out, err
}

// TrueUps returns what invoices changed, within what the actor may see: spend.Books.
func (s *Spreader) TrueUps(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time, per []spend.Slice, byCluster bool) (spend.Booked, error) {
	var out spend.Booked
	err := s.tx.Snapshot(ctx, func(ctx context.Context) error {
		in, err := s.read(ctx, actor.Scope(), since, until)
		if err != nil {
			return err
		}
		out = spend.Booked{ByCluster: byCluster || !in.uniform()}
		whole := []spend.Slice{{Since: since, Until: until}}
		cells, all, months := newCells(out.ByCluster), newCells(out.ByCluster), map[Month]cost.Nanos{}
		var processes []cluster.Process
		var of cluster.ID
		for _, t := range in.trueUps {
			start, end := in.of(t.Month)
			if !holds(per, start, end) || !holds(whole, start, end) {
				if t.Cluster != of {
					if processes, err = s.store.ProcessesByCluster(ctx, t.Cluster); err != nil {
						return err
					}
					of = t.Cluster
				}
			}
			p := processNamed(processes, t.Process)
			cells.add(t, p, start, end, per)
			months[t.Month] += all.add(t, p, start, end, whole)
		}
		out.Per, out.All = cells.list(), all.list()
		for _, m := range in.months {
			start, end := in.of(m)
			out.Months = append(out.Months, spend.InvoicedMonth{
				Name: string(m), Since: start, Until: end, Over: !now.Before(end), TrueUp: months[m], Invoices: in.invoices(m, actor.Scope().All),
			})
		}
		return nil
	})
	if err != nil {
		return spend.Booked{}, fmt.Errorf("spread true-ups: %w", err)
	}
	return out, nil
}

// uniform tells whether whatever was invoiced was so for whole backends: then all clusters of one that ran in a month were, at one factor.
func (r reading) uniform() bool {
	return !slices.ContainsFunc(r.imports, func(i Imported) bool {
		return i.Result.Groups > len(i.Result.Factors) || slices.ContainsFunc(i.Result.Factors, func(f Factor) bool { return !f.ofBackend() })
	})
}

func (f Factor) ofBackend() bool { return strings.HasPrefix(f.Target, targetBackend+" ") }

// maxFactors is how many factors of one invoice are listed beside costs.
const maxFactors = 20

// invoices lists what was imported for a month. Only who sees everything sees factors of single clusters and processes.
func (r reading) invoices(m Month, everything bool) []spend.Invoice {
	var out []spend.Invoice
	for _, i := range r.imports {
		if i.Month != m {
			continue
		}
		v := spend.Invoice{ID: i.ID, Source: i.Source, At: i.At, Groups: i.Result.Groups}
		for _, f := range i.Result.Factors {
			if len(v.Factors) < maxFactors && (everything || f.ofBackend()) {
				v.Factors = append(v.Factors, spend.Factor{Target: f.Target, Ratio: f.Ratio()})
			}
		}
		out = append(out, v)
	}
	return out
}

// holds tells whether a month lies in one of some slices as a whole, or in none: then nothing need be known of its processes.
func holds(per []spend.Slice, start, end time.Time) bool {
	at := firstAfter(per, start)
	if at == len(per) || !per[at].Since.Before(end) {
		return true
	}
	return !per[at].Since.After(start) && !end.After(per[at].Until)
}

// firstAfter finds the first slice that ends after a moment.
func firstAfter(per []spend.Slice, at time.Time) int {
	found, _ := slices.BinarySearchFunc(per, at, func(s spend.Slice, at time.Time) int {
		if s.Until.After(at) {
			return 1
		}
		return -1
	})
	return found
}

func processNamed(processes []cluster.Process, id cluster.ProcessID) cluster.Process {
	if at := slices.IndexFunc(processes, func(p cluster.Process) bool { return p.ID == id }); at >= 0 {
		return processes[at]
	}
	return cluster.Process{}
}

// cells adds true-ups up.
type cells struct {
	byCluster bool
	sums      map[spend.Cell]cost.Nanos
}

func newCells(byCluster bool) *cells { return &cells{byCluster, map[spend.Cell]cost.Nanos{}} }

// add books a true-up in the slices that it is for, and returns how much of it is in them.
func (c *cells) add(t TruedUp, p cluster.Process, start, end time.Time, per []spend.Slice) cost.Nanos {
	var sum cost.Nanos
	for _, s := range per[firstAfter(per, start):] {
		if !s.Since.Before(end) {
			break
		}
		part := t.Nanos
		if s.Since.After(start) || s.Until.Before(end) {
			part = Spread(p, t.Nanos, start, end, s.Since, s.Until)
		}
		if part == 0 {
			continue
		}
		key := spend.Cell{Month: t.Month.first(time.UTC), At: s.At}
		if c.byCluster {
			key.Cluster = t.Cluster
		} else {
			key.UserID, key.Group, key.Backend = t.Owner, t.Group, t.Backend
		}
		c.sums[key] += part
		sum += part
	}
	return sum
}

// list lists what adds up to something, in an order that depends on it alone.
func (c *cells) list() []spend.Cell {
	out := make([]spend.Cell, 0, len(c.sums))
	for cell, sum := range c.sums {
		if sum != 0 {
			cell.Nanos = sum
			out = append(out, cell)
		}
	}
	slices.SortFunc(out, func(a, b spend.Cell) int {
		return cmp.Or(a.Month.Compare(b.Month), a.At.Compare(b.At), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Backend, b.Backend))
	})
	return out
}

// ProcessTrueUps says what invoices add to processes at any time of a window.
type ProcessTrueUps struct {
	bounds
	sums map[cluster.ProcessID][]TruedUp
}

// Of reads what invoices changed in a window for the processes that an actor may see.
func (s *Spreader) Of(ctx context.Context, actor identity.Actor, since, until time.Time) (ProcessTrueUps, error) {
	out := ProcessTrueUps{sums: map[cluster.ProcessID][]TruedUp{}}
	err := s.tx.Snapshot(ctx, func(ctx context.Context) error {
		in, err := s.read(ctx, actor.Scope(), since, until)
		out.bounds = in.bounds
		clear(out.sums)
		for _, t := range in.trueUps {
			out.sums[t.Process] = append(out.sums[t.Process], t)
		}
		return err
	})
	if err != nil {
		return out, fmt.Errorf("read true-ups: %w", err)
	}
	return out, nil
}

// Within is what invoices add to a process in [since, until), which lies in the window.
func (t ProcessTrueUps) Within(p cluster.Process, since, until time.Time) cost.Nanos {
	var sum cost.Nanos
	for _, of := range t.sums[p.ID] {
		start, end := t.of(of.Month)
		sum += Spread(p, of.Nanos, start, end, since, until)
	}
	return sum
}
