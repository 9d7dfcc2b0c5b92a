package warehouse

import (
	"cmp"
	"slices"
	"time"
)

// span is a time of whole hours, half-open.
type span struct{ since, until time.Time }

func (s span) empty() bool { return !s.since.Before(s.until) }

// part is a piece of a window and the table that answers for it.
type part struct {
	table *table
	span
}

// catalogue is what there is to plan with: how many rows each usable table has, and whose days the rollups have.
type catalogue struct {
	rows map[*table]int64
	zone *time.Location
}

// plan divides spans into whole months, days and hours, and takes for each the smallest table that has the columns. No table coarser than coarsest is taken.
func (c catalogue) plan(spans []span, columns map[string]bool, coarsest grain) []part {
	best := map[grain]*table{hourly: lines}
	for t, rows := range c.rows {
		if t == lines || t.grain > coarsest || !t.has(columns) {
			continue
		}
		if old := best[t.grain]; old == nil || old == lines || cmp.Or(cmp.Compare(rows, c.rows[old]), cmp.Compare(t.name, old.name)) < 0 {
			best[t.grain] = t
		}
	}
	var out []part
	for _, s := range spans {
		out = append(out, c.split(s, monthly, best)...)
	}
	slices.SortStableFunc(out, func(a, b part) int { return cmp.Compare(b.table.grain, a.table.grain) })
	return merge(out)
}

// split takes whole periods of a grain out of a span; what is before and after is split by finer ones.
func (c catalogue) split(s span, g grain, best map[grain]*table) []part {
	if s.empty() {
		return nil
	}
	if g == hourly {
		return []part{{best[hourly], s}}
	}
	whole := c.whole(s, g)
	if best[g] == nil || whole.empty() {
		return c.split(s, g-1, best)
	}
	out := c.split(span{s.since, whole.since}, g-1, best)
	out = append(out, part{best[g], whole})
	return append(out, c.split(span{whole.until, s.until}, g-1, best)...)
}

// whole is the longest span within another one that consists of whole days or months of the zone.
func (c catalogue) whole(s span, g grain) span {
	begin := func(t time.Time) time.Time {
		if g == monthly {
			return monthOf(t)
		}
		return t
	}
	first := begin(dateIn(s.since, c.zone))
	for firstHour(first, c.zone).Before(s.since) {
		if g == monthly {
			first = first.AddDate(0, 1, 0)
		} else {
			first = first.AddDate(0, 0, 1)
		}
	}
	return span{firstHour(first, c.zone), firstHour(begin(dateIn(s.until, c.zone)), c.zone)}
}

// merge joins parts of one table that follow one another.
func merge(parts []part) []part {
	var out []part
	for _, p := range parts {
		if n := len(out); n > 0 && out[n-1].table == p.table && out[n-1].until.Equal(p.since) {
			out[n-1].until = p.until
			continue
		}
		out = append(out, p)
	}
	return out
}
