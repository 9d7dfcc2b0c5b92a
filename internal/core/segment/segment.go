// Package segment keeps the warehouse in step with the store: what a cluster spent in an hour that is over is written to immutable segments, once and again whenever
// something that it depends on changes; what the segments do not say yet is put beside them when a question is asked. Every figure is thereby that of the
// bills, to the nano-unit, at any moment.
package segment

import (
	"cmp"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
)

// Pair is what is written at once: an hour of a cluster.
type Pair struct {
	Cluster cluster.ID
	// Hour begins it, UTC.
	Hour time.Time
}

// Mark says that the segments do not hold what is right for a pair.
type Mark struct {
	Pair
	// Stamp is another one each time something changes that the pair's facts depend on.
	Stamp int64
}

// Segment is a row of the catalogue: one immutable file. What Table and Day mean is the warehouse's to know; of each table a day has one.
type Segment struct {
	Table       string
	Day         time.Time
	Name        string
	Rows, Bytes int64
	Nanos       cost.Nanos
}

// Lines is the table that holds the facts themselves; all others are made of it.
const Lines = "lines"

// Change is what a catalogue becomes: Gone leave it and Fresh enter it.
type Change struct {
	Fresh, Gone []Segment
}

// Catalogue is what the store says at one moment.
type Catalogue struct {
	Segments []Segment
	Marks    []Mark
	// Losses are the damaged segments of which something could not be written again, by day.
	Losses []Damage
}

// Grace is how long after its end an hour is settled: reports of its last seconds are on their way.
const Grace = 2 * time.Minute

// maxPairs bounds how many pairs are written at once, where they are of several days: their facts are in memory.
const maxPairs = 2000

// Plan splits marks into what can be written now, whole days at once and few days together, oldest first, and what is still going on.
func Plan(now time.Time, marks []Mark) (settled [][]Mark, open []Mark) {
	over := make([]Mark, 0, len(marks))
	for _, m := range marks {
		if m.Hour.Add(time.Hour + Grace).After(now) {
			open = append(open, m)
		} else {
			over = append(over, m)
		}
	}
	slices.SortFunc(over, func(a, b Mark) int { return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.Cluster, b.Cluster)) })
	for start := 0; start < len(over); {
		end := start
		for end < len(over) {
			day := endOfDay(over, end)
			if end > start && day-start > maxPairs {
				break
			}
			end = day
		}
		settled = append(settled, over[start:end:end])
		start = end
	}
	return settled, open
}

// endOfDay returns the index after the last mark of the day that begins at from.
func endOfDay(marks []Mark, from int) int {
	day := dayOf(marks[from].Hour)
	for from < len(marks) && dayOf(marks[from].Hour).Equal(day) {
		from++
	}
	return from
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// Retire lists the segments of whole months before a time.
func Retire(live []Segment, before time.Time) []Segment {
	var out []Segment
	for _, s := range live {
		if s.Day.Before(before) {
			out = append(out, s)
		}
	}
	return out
}

// byCluster groups the hours of marks by cluster.
func byCluster(marks []Mark) map[cluster.ID][]time.Time {
	hours := map[cluster.ID][]time.Time{}
	for _, m := range marks {
		hours[m.Cluster] = append(hours[m.Cluster], m.Hour)
	}
	return hours
}
