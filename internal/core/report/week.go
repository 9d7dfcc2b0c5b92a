package report

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/outlook"
)

// Week is one of ISO 8601: it begins on Monday, and belongs to the year that its Thursday lies in.
type Week struct{ Year, Number int }

// dueHour is the hour of Monday at which the week before is reported.
const dueHour = 7

var weekPattern = regexp.MustCompile(`^(\d{4})-W(\d{2})$`)

// ParseWeek reads 2026-W47.
func ParseWeek(text string) (Week, error) {
	wrong := errs.InvalidFields(errs.Field{Name: "week", Message: fmt.Sprintf("%.20q is no week, such as 2026-W47.", text)})
	parts := weekPattern.FindStringSubmatch(text)
	if parts == nil {
		return Week{}, wrong
	}
	year, err := strconv.Atoi(parts[1])
	if err != nil || year < 1970 {
		return Week{}, wrong
	}
	number, err := strconv.Atoi(parts[2])
	if err != nil {
		return Week{}, wrong
	}
	w := Week{Year: year, Number: number}
	if WeekOf(w.monday(), time.UTC) != w {
		return Week{}, wrong
	}
	return w, nil
}

// WeekOf is the week that a moment lies in.
func WeekOf(t time.Time, zone *time.Location) Week {
	year, number := t.In(zone).ISOWeek()
	return Week{Year: year, Number: number}
}

// String writes 2026-W47.
func (w Week) String() string { return fmt.Sprintf("%04d-W%02d", w.Year, w.Number) }

// monday is the week's first day, as midnight UTC. The fourth of January lies in every year's first week.
func (w Week) monday() time.Time {
	fourth := time.Date(w.Year, time.January, 4, 0, 0, 0, 0, time.UTC)
	since := (int(fourth.Weekday()) + 6) % 7
	return fourth.AddDate(0, 0, 7*(w.Number-1)-since)
}

// Before is the week before.
func (w Week) Before() Week { return WeekOf(w.monday().AddDate(0, 0, -7), time.UTC) }

// Period is the week in a zone.
func (w Week) Period(zone *time.Location) outlook.Period {
	p := outlook.Period{Zone: zone}
	p.Since, p.End = p.DayStart(w.monday()), p.DayStart(w.monday().AddDate(0, 0, 7))
	return p
}

// Due is when the week is reported: at seven on the Monday after it.
func (w Week) Due(zone *time.Location) time.Time {
	y, m, d := w.monday().AddDate(0, 0, 7).Date()
	return time.Date(y, m, d, dueHour, 0, 0, 0, zone)
}

// Words names the week: "week 47, 16 to 22 November 2026".
func (w Week) Words() string {
	first := w.monday()
	last := first.AddDate(0, 0, 6)
	layout := "2"
	switch {
	case first.Year() != last.Year():
		layout = "2 January 2006"
	case first.Month() != last.Month():
		layout = "2 January"
	}
	return fmt.Sprintf("week %d, %s to %s", w.Number, first.Format(layout), last.Format("2 January 2006"))
}
