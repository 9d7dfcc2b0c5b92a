package warehouse

import (
	"fmt"
	"strings"
	"time"
)

// stamp is a literal of an instant.
func stamp(t time.Time) string { return "TIMESTAMP '" + t.UTC().Format("2006-01-02 15:04:05") + "'" }

// date is a literal of a calendar date.
func date(t time.Time) string { return "DATE '" + t.Format(time.DateOnly) + "'" }

// dateIn is the calendar date that an instant has in a zone, as midnight UTC of that date.
func dateIn(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// firstHour is the first whole UTC hour whose date in a zone is that date or later: where the date's hours begin, as rows count them. Midnight itself may be in
// the middle of a UTC hour, or be left out when clocks go forward.
func firstHour(date time.Time, zone *time.Location) time.Time {
	t := date.Add(-16 * time.Hour)
	for dateIn(t, zone).Before(date) {
		t = t.Add(time.Hour)
	}
	return t
}

// period is a time in which a zone's clocks are not changed.
type period struct {
	until  time.Time // zero: for ever
	offset int       // seconds east of UTC
	suffix string    // as Go writes it: Z, +02:00
}

// periods are those of a zone that cover [since, until).
func periods(zone *time.Location, since, until time.Time) []period {
	var out []period
	for t := since; ; {
		at := t.In(zone)
		_, offset := at.Zone()
		_, end := at.ZoneBounds()
		p := period{offset: offset, suffix: at.Format("Z07:00")}
		if n := len(out); n > 0 && out[n-1].offset == p.offset {
			out = out[:n-1]
		}
		if end.IsZero() || !end.Before(until) {
			return append(out, p)
		}
		p.until = end
		out = append(out, p)
		t = end
	}
}

// byPeriod is an expression that has another value in each period of the column hour.
func byPeriod(ps []period, value func(p period) string) string {
	if len(ps) == 1 {
		return value(ps[0])
	}
	var b strings.Builder
	b.WriteString("CASE")
	for _, p := range ps[:len(ps)-1] {
		fmt.Fprintf(&b, " WHEN hour < %s THEN %s", stamp(ceilSecond(p.until)), value(p))
	}
	fmt.Fprintf(&b, " ELSE %s END", value(ps[len(ps)-1]))
	return b.String()
}

// ceilSecond: bounds of zones are whole seconds; a literal has no more.
func ceilSecond(t time.Time) time.Time { return t.Add(time.Second - 1).Truncate(time.Second) }

// localTime is an expression of the column hour's time on a zone's clocks, for rows within [since, until).
func localTime(zone *time.Location, since, until time.Time) string {
	ps := periods(zone, since, until)
	if len(ps) == 1 && ps[0].offset == 0 {
		return "hour"
	}
	return "hour + " + byPeriod(ps, func(p period) string { return fmt.Sprintf("to_seconds(%d)", p.offset) })
}

// zoneSuffix is an expression of what Go writes after a time: Z or +02:00.
func zoneSuffix(zone *time.Location, since, until time.Time) string {
	return byPeriod(periods(zone, since, until), func(p period) string { return "'" + p.suffix + "'" })
}
