// Package outlook looks at spend from some way off: what a period will have cost at its end, what changed against the one before, which days were unusual, what
// was wasted and who can mend it. Its rules are functions of amounts by day; Service asks for those amounts and puts the answers together.
package outlook

import (
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Series is money by day: Days[0] was spent on First, the others follow.
type Series struct {
	// First is a day of the calendar, as midnight UTC whatever the zone is in which days begin.
	First time.Time
	Days  []cost.Nanos
}

// Day returns the i-th day.
func (s Series) Day(i int) time.Time { return s.First.AddDate(0, 0, i) }

// Index returns where a day stands; it may lie outside.
func (s Series) Index(day time.Time) int { return int(day.Sub(s.First) / (24 * time.Hour)) }

// Sum adds up days [from, to), those outside being nothing.
func (s Series) Sum(from, to int) cost.Nanos {
	var sum cost.Nanos
	for i := max(from, 0); i < min(to, len(s.Days)); i++ {
		sum += s.Days[i]
	}
	return sum
}

// trimmed leaves out the days before anything was spent: they say nothing of what is usual.
func (s Series) trimmed() Series {
	for i, n := range s.Days {
		if n != 0 {
			return Series{First: s.Day(i), Days: s.Days[i:]}
		}
	}
	return Series{First: s.Day(len(s.Days))}
}

// dayOf is the day of the calendar that a moment lies on in a zone.
func dayOf(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// startOf is the moment at which a day of the calendar begins in a zone. Where clocks skip midnight, it is the first moment after it.
func startOf(day time.Time, zone *time.Location) time.Time {
	y, m, d := day.Date()
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if t.Day() != d {
		t = t.Add(time.Hour)
	}
	return t
}
