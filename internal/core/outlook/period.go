package outlook

import (
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
)

// maxPeriod bounds how long a period may be: what is asked by day has to fit into one answer.
const maxPeriod = 400 * 24 * time.Hour

// Period is a stretch of time that an overview is of.
type Period struct {
	// Since and End bound it; they lie on the beginnings of days in Zone.
	Since, End time.Time
	Zone       *time.Location
	// Month is its name where it is one of the calendar, 2026-11; empty else.
	Month string
}

// monthLayout is how months are written.
const monthLayout = "2006-01"

// MonthOf is the month that a moment lies in.
func MonthOf(t time.Time, zone *time.Location) Period {
	y, m, _ := t.In(zone).Date()
	first := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	return Period{Since: startOf(first, zone), End: startOf(first.AddDate(0, 1, 0), zone), Zone: zone, Month: first.Format(monthLayout)}
}

// ParseMonth reads a month: 2026-11.
func ParseMonth(text string, zone *time.Location) (Period, error) {
	first, err := time.Parse(monthLayout, text)
	if err != nil || first.Year() < 1970 {
		return Period{}, errs.InvalidFields(errs.Field{Name: "month", Message: fmt.Sprintf("%.20q is no month, such as 2026-11.", text)})
	}
	return MonthOf(startOf(first, zone), zone), nil
}

// Between is the whole days that a window touches.
func Between(since, until time.Time, zone *time.Location) (Period, error) {
	if !since.Before(until) {
		return Period{}, errs.InvalidFields(errs.Field{Name: "since", Message: "The period must start before it ends: since before until."})
	}
	if until.Sub(since) > maxPeriod {
		return Period{}, errs.InvalidFields(errs.Field{Name: "since", Message: "The period is longer than 400 days; choose a shorter one."})
	}
	p := Period{Since: startOf(dayOf(since, zone), zone), End: startOf(dayOf(until, zone), zone), Zone: zone}
	if p.End.Before(until) {
		p.End = startOf(dayOf(until, zone).AddDate(0, 0, 1), zone)
	}
	if m := MonthOf(p.Since, zone); m.Since.Equal(p.Since) && m.End.Equal(p.End) {
		return m, nil
	}
	return p, nil
}

// Until is where the period ends as far as it has come: its end, or now.
func (p Period) Until(now time.Time) time.Time {
	if now.Before(p.End) {
		return now
	}
	return p.End
}

// Before is what the period is compared with: as much of the month before, of a month; else as many days directly before it.
func (p Period) Before(now time.Time) (since, until time.Time) {
	first, until := dayOf(p.Since, p.Zone), p.Until(now)
	if p.Month != "" {
		since = startOf(first.AddDate(0, -1, 0), p.Zone)
		if !now.Before(p.End) {
			return since, p.Since
		}
		until = since.Add(until.Sub(p.Since)).Truncate(time.Hour)
		if until.After(p.Since) {
			until = p.Since
		}
		return since, until
	}
	days := int(dayOf(p.End, p.Zone).Sub(first) / (24 * time.Hour))
	since = startOf(first.AddDate(0, 0, -days), p.Zone)
	if !now.Before(p.End) {
		return since, p.Since
	}
	return since, since.Add(until.Sub(p.Since)).Truncate(time.Hour)
}

// DayStart is the moment at which a day of the calendar, given as midnight UTC, begins in the period's zone.
func (p Period) DayStart(day time.Time) time.Time { return startOf(day, p.Zone) }
