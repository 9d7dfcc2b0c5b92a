package price

import (
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
)

// Row is an entry as a price list has it, with the line it stands on. An open ValidTo means: until the next price of the same key.
type Row struct {
	Entry
	Line int
}

// Ending says that an entry stops being in force at a moment.
type Ending struct {
	Entry Entry
	At    time.Time
}

// Change is what an import does to the book.
type Change struct {
	Added []Entry
	Ended []Ending
	// Unchanged counts the rows that the book says already.
	Unchanged int
}

// Plan says what the rows of a list change about the entries that are there, now. It refuses, in a sentence, what would change the past
// and what would leave two prices in force at once; nothing is to be imported then. The same rows again change nothing. The rows stay as they are.
func Plan(existing []Entry, rows []Row, now time.Time) (Change, error) {
	p := planner{now: now, segments: make(map[Key][]*segment, len(existing))}
	for _, e := range existing {
		k := e.Key.fold()
		p.segments[k] = append(p.segments[k], &segment{Entry: e})
	}
	for _, list := range p.segments {
		slices.SortStableFunc(list, compareSegments)
	}
	lists := byKey(rows)
	for _, k := range sortedKeys(lists) {
		list, err := closeRows(lists[k])
		if err != nil {
			return Change{}, err
		}
		for _, r := range list {
			if err := p.row(k, r); err != nil {
				return Change{}, err
			}
		}
	}
	slices.SortFunc(p.out.Added, compareEntries)
	return p.out, nil
}

// segment is an entry of the book, or one that this import adds to it, as the import leaves it.
type segment struct {
	Entry
}

func compareSegments(a, b *segment) int { return a.ValidFrom.Compare(b.ValidFrom) }

func (s *segment) empty() bool { return !s.ValidTo.IsZero() && !s.ValidTo.After(s.ValidFrom) }

type planner struct {
	now      time.Time
	segments map[Key][]*segment
	out      Change
}

func byKey(rows []Row) map[Key][]Row {
	lists := map[Key][]Row{}
	for _, r := range rows {
		k := r.Key.fold()
		lists[k] = append(lists[k], r)
	}
	return lists
}

func sortedKeys(lists map[Key][]Row) []Key {
	keys := make([]Key, 0, len(lists))
	for k := range lists {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// planned is a row and what its end means.
type planned struct {
	Row
	// open rows hold until the next price, whoever has that; where stop is set, nothing is known after the row.
	open, stop bool
}

// closeRows puts the rows of one key in order, ends each open one where the next begins, and refuses those that overlap.
func closeRows(rows []Row) ([]planned, error) {
	slices.SortStableFunc(rows, func(a, b Row) int { return a.ValidFrom.Compare(b.ValidFrom) })
	out := make([]planned, len(rows))
	for i, r := range rows {
		out[i] = planned{Row: r, open: r.ValidTo.IsZero(), stop: !r.ValidTo.IsZero()}
		if i+1 == len(rows) {
			break
		}
		next := rows[i+1]
		if r.ValidFrom.Equal(next.ValidFrom) || r.ValidTo.After(next.ValidFrom) {
			return nil, errs.New(errs.Invalid, "overlapping_prices",
				"Lines %d and %d both price %s from %s on. Nothing was imported; let one end where the other begins.",
				r.Line, next.Line, r.Key, moment(next.ValidFrom))
		}
		if out[i].open {
			out[i].ValidTo = next.ValidFrom
		} else if r.ValidTo.Equal(next.ValidFrom) {
			out[i].stop = false
		}
	}
	return out, nil
}

// row walks over what is in force in the time of a row, and makes the book say in all of it what the row says.
func (p *planner) row(k Key, r planned) error {
	for _, s := range p.segments[k] {
		if r.open && !s.empty() && s.ValidFrom.After(r.ValidFrom) && (r.ValidTo.IsZero() || s.ValidFrom.Before(r.ValidTo)) {
			r.ValidTo = s.ValidFrom
			break
		}
	}
	changed := false
	for cursor := r.ValidFrom; r.ValidTo.IsZero() || cursor.Before(r.ValidTo); {
		s := p.next(k, cursor)
		if s == nil || before(r.ValidTo, s.ValidFrom) {
			p.add(k, r.Row, cursor, r.ValidTo)
			changed = true
			break
		}
		if s.ValidFrom.After(cursor) {
			p.add(k, r.Row, cursor, s.ValidFrom)
			changed = true
			cursor = s.ValidFrom
		}
		if s.samePrice(r.Entry) {
			if r.stop && (s.ValidTo.IsZero() || s.ValidTo.After(r.ValidTo)) {
				if err := p.end(s, r.Row, r.ValidTo); err != nil {
					return err
				}
				changed = true
			}
			if s.ValidTo.IsZero() {
				break
			}
			cursor = s.ValidTo
			continue
		}
		if s.ValidFrom.After(r.ValidFrom) {
			return errs.New(errs.Invalid, "overlapping_prices",
				"Line %d prices %s until %s, but entry %s has another price for it from %s on. Nothing was imported; end the line there, or leave its end out.",
				r.Line, r.Key, moment(r.ValidTo), s.ID, moment(s.ValidFrom))
		}
		if err := p.end(s, r.Row, cursor); err != nil {
			return err
		}
		changed = true
	}
	if !changed {
		p.out.Unchanged++
	}
	return nil
}

// before reports whether a row that ends at end, open if zero, ends before another entry begins.
func before(end, begin time.Time) bool { return !end.IsZero() && !begin.Before(end) }

// next finds the first entry that is in force at the moment or later.
func (p *planner) next(k Key, at time.Time) *segment {
	for _, s := range p.segments[k] {
		if !s.empty() && (s.ValidTo.IsZero() || s.ValidTo.After(at)) {
			return s
		}
	}
	return nil
}

func (p *planner) add(k Key, r Row, from, to time.Time) {
	e := r.Entry
	e.ValidFrom, e.ValidTo = from, to
	p.out.Added = append(p.out.Added, e)
	p.segments[k] = append(p.segments[k], &segment{Entry: e})
	slices.SortStableFunc(p.segments[k], compareSegments)
}

// end ends an entry of the book, from now on or later: what was in force stays what it was.
func (p *planner) end(s *segment, r Row, at time.Time) error {
	if at.Before(p.now) {
		return errs.New(errs.Invalid, "price_of_the_past",
			"Line %d would change the past: it ends entry %s, the price of %s, at %s. Nothing was imported; let the new price begin now or later (--valid-from).",
			r.Line, s.ID, r.Key, moment(at))
	}
	s.ValidTo = at
	p.out.Ended = append(p.out.Ended, Ending{Entry: s.Entry, At: at})
	return nil
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
