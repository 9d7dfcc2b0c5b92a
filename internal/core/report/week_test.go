package report_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/report"
)

func TestWeeks(t *testing.T) {
	t.Parallel()
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	w, err := report.ParseWeek("2026-W47")
	if err != nil {
		t.Fatal(err)
	}
	p := w.Period(oslo)
	if want := time.Date(2026, 11, 16, 0, 0, 0, 0, oslo); !p.Since.Equal(want) || !p.End.Equal(want.AddDate(0, 0, 7)) || p.Month != "" {
		t.Errorf("week 47 is [%v, %v)", p.Since, p.End)
	}
	if due := w.Due(oslo); !due.Equal(time.Date(2026, 11, 23, 7, 0, 0, 0, oslo)) {
		t.Errorf("due %v", due)
	}
	for week, want := range map[string]string{
		"2026-W47": "week 47, 16 to 22 November 2026", "2026-W49": "week 49, 30 November to 6 December 2026", "2026-W53": "week 53, 28 December 2026 to 3 January 2027",
	} {
		w, err := report.ParseWeek(week)
		if err != nil || w.Words() != want {
			t.Errorf("%s is %q, %v; want %q", week, w.Words(), err, want)
		}
	}
	for _, text := range []string{"", "2026", "2026-W00", "2026-W54", "2025-W53", "2026-w47", "2026-W7", "0000-W01", "last week"} {
		if w, err := report.ParseWeek(text); err == nil {
			t.Errorf("%q is %v", text, w)
		}
	}
}

// Every moment lies in the week that it is of, and weeks follow each other without gap.
func TestEveryMomentHasItsWeek(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Oslo", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(100_000_000, 4_000_000_000).Draw(t, "at"), 0)
		w := report.WeekOf(at, zone)
		p := w.Period(zone)
		if at.Before(p.Since) || !at.Before(p.End) {
			t.Fatalf("%v is not in %s: [%v, %v)", at.In(zone), w, p.Since, p.End)
		}
		if again, err := report.ParseWeek(w.String()); err != nil || again != w {
			t.Fatalf("%s is read as %v, %v", w, again, err)
		}
		if before := w.Before().Period(zone); !before.End.Equal(p.Since) {
			t.Fatalf("the week before %s ends %v", w, before.End)
		}
	})
}

func TestDue(t *testing.T) {
	t.Parallel()
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, oslo)
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {7*time.Hour - 1, false}, {7 * time.Hour, true}, {54 * time.Hour, true}, {55 * time.Hour, false}, {6 * 24 * time.Hour, false}} {
		w, since, ok := report.Due(monday.Add(c.after), oslo)
		if ok != c.want || ok && (w.String() != "2026-W47" || !since.Equal(monday.Add(7*time.Hour))) {
			t.Errorf("%v after Monday begins: %v since %v, %v; want %v", c.after, w, since, ok, c.want)
		}
	}
}

func FuzzParseWeek(f *testing.F) {
	f.Add("2026-W47")
	f.Add("9999-W53")
	f.Fuzz(func(t *testing.T, text string) {
		if w, err := report.ParseWeek(text); err == nil && w.String() != text {
			t.Errorf("%q is read as %s", text, w)
		}
	})
}

func FuzzCheckAddress(f *testing.F) {
	f.Add("ana@example.org")
	f.Add("Ana <ana@example.org>")
	f.Add("ana@example.org\r\nBcc: all@example.org")
	f.Fuzz(func(t *testing.T, text string) {
		address, err := report.CheckAddress(text)
		if err != nil {
			return
		}
		for _, r := range address {
			if r == '\r' || r == '\n' {
				t.Errorf("%q is taken as %q", text, address)
			}
		}
		if again, err := report.CheckAddress(address); err != nil || again != address {
			t.Errorf("%q is taken as %q, that as %q: %v", text, address, again, err)
		}
	})
}
