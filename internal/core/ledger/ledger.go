// Package ledger keeps the books: append-only entries of what every process cost in every hour, corrections where that turns out to have been
// otherwise, months that are closed and never change again, and true-ups to what a provider invoiced. docs/ledger.md has the rules.
package ledger

import (
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Kind says why an entry is there.
type Kind string

// Kinds of entries.
const (
	// Charge is what an hour cost, as it was first known.
	Charge Kind = "charge"
	// Correction is a difference that came out after the hour was posted, or after its month was closed.
	Correction Kind = "correction"
	// TrueUp is the difference between what was metered and what a provider invoiced.
	TrueUp Kind = "true_up"
)

// Entry is a row of the ledger. It is written once, and never changed or deleted.
type Entry struct {
	// ID counts entries in the order of writing.
	ID      int64
	Kind    Kind
	Process cluster.ProcessID
	Cluster cluster.ID
	Owner   identity.UserID
	Backend string
	// Hour begins the hour that the entry is for, UTC.
	Hour time.Time
	// Sequence counts the entries of one kind of one process and hour from 1: it makes posting twice impossible.
	Sequence int
	// Month is where it is booked: the month in which the hour begins, or the first open one if that was closed.
	Month Month
	Cost  cost.Nanos
	// Micros is the metered time; of a correction the difference, of a true-up 0.
	Micros int64
	Rate   cost.Rate
	// Source says where the rate comes from, AsOf when it was true there.
	Source     string
	AsOf       time.Time
	RecordedAt time.Time
	// Reason says in words why an entry that is no charge is there; Import names the invoice of a true-up.
	Reason, Import string
}

// Month is a month of the organisation's zone: "2026-10".
type Month string

const monthForm = "2006-01"

// ParseMonth reads "2026-10".
func ParseMonth(text string) (Month, error) {
	if at, err := time.Parse(monthForm, text); err != nil || at.Year() < 1970 || at.Year() > 9998 {
		return "", errs.InvalidFields(errs.Field{Name: "month", Message: fmt.Sprintf("%.40q is no month; write it like 2026-10. Nothing was changed.", text)})
	}
	return Month(text), nil
}

// MonthOf returns the month in which a moment lies.
func MonthOf(at time.Time, zone *time.Location) Month { return Month(at.In(zone).Format(monthForm)) }

// Next returns the month after this one.
func (m Month) Next() Month { return Month(m.first(time.UTC).AddDate(0, 1, 0).Format(monthForm)) }

// Window returns the hours that begin in the month, as [since, until): in zones that are off by half an hour it begins with the first full
// hour of UTC.
func (m Month) Window(zone *time.Location) (since, until time.Time) {
	return fullHour(m.first(zone)), fullHour(m.Next().first(zone))
}

func (m Month) first(zone *time.Location) time.Time {
	at, err := time.Parse(monthForm, string(m))
	if err != nil {
		return time.Time{} // months are made by ParseMonth and MonthOf
	}
	return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, zone)
}

// fullHour returns the first full hour of UTC that does not begin before a moment.
func fullHour(at time.Time) time.Time {
	hour := at.UTC().Truncate(time.Hour)
	if hour.Before(at) {
		return hour.Add(time.Hour)
	}
	return hour
}

// Sums are amounts by kind of entry.
type Sums struct {
	Charges, Corrections, TrueUps cost.Nanos
	Entries                       int64
}

// Total is what all entries sum to.
func (s Sums) Total() cost.Nanos { return s.Charges + s.Corrections + s.TrueUps }

// add books an amount of a kind.
func (s *Sums) add(kind Kind, amount cost.Nanos, entries int64) {
	switch kind {
	case Charge:
		s.Charges += amount
	case Correction:
		s.Corrections += amount
	case TrueUp:
		s.TrueUps += amount
	}
	s.Entries += entries
}
