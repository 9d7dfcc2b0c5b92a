package outlook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/outlook"
)

// people makes the spend of ten users of very different sizes, and their sum.
func people(seed uint64, noise float64) (map[outlook.Subject]outlook.Series, outlook.Series) {
	subjects := map[outlook.Subject]outlook.Series{}
	var total outlook.Series
	for i := range 10 {
		s := story{level: 10 * float64(i+1) * float64(i+1), noise: noise, weekend: 0.3}.days(90, seed*100+uint64(i))
		subjects[outlook.Subject{Dimension: "user", Key: fmt.Sprintf("user%d", i)}] = s
		total.First = s.First
		if total.Days == nil {
			total.Days = make([]cost.Nanos, len(s.Days))
		}
		for k, n := range s.Days {
			total.Days[k] += n
		}
	}
	return subjects, total
}

// TestSteadyNoiseIsNoAnomaly looks at a month of ten users in each of many years.
func TestSteadyNoiseIsNoAnomaly(t *testing.T) {
	t.Parallel()
	for noise, most := range map[float64]int{0.1: 0, 0.2: 2, 0.3: 2, 0.5: 8} {
		found := 0
		const months = 200 // seen: 0, 1, 1 and 4
		for seed := range uint64(months) {
			subjects, total := people(seed, noise)
			found += len(outlook.Anomalies(subjects, total, total.Day(60)))
		}
		t.Logf("noise of %.0f %%: %d false anomalies in %d months of ten users", 100*noise, found, months)
		if found > most {
			t.Errorf("noise of %.0f %%: %d anomalies in %d months, want at most %d", 100*noise, found, months, most)
		}
	}
}

func TestAnomaliesThatMatterAreFound(t *testing.T) {
	t.Parallel()
	subjects, total := people(3, 0.3)
	raise := func(key string, day int, amount cost.Nanos) {
		subjects[outlook.Subject{Dimension: "user", Key: key}].Days[day] += amount
		total.Days[day] += amount
	}
	read := outlook.Series{First: total.First, Days: make([]cost.Nanos, len(total.Days))}
	for i := range read.Days {
		read.Days[i] = 50 * dollar
	}
	raise("user2", 70, 2000*dollar) // a Monday
	raise("user2", 71, 1500*dollar)
	read.Days[70] += 1800 * dollar
	read.Days[71] += 1500 * dollar
	raise("user0", 80, 5*dollar) // nobody minds
	subjects[outlook.Subject{Dimension: "operation", Key: "read.csv"}] = read
	subjects[outlook.Subject{Dimension: "user", Key: "new"}] = outlook.Series{First: total.First, Days: append(make([]cost.Nanos, 85), 900*dollar, 0, 0, 0, 0)}
	total.Days[85] += 900 * dollar

	found := outlook.Anomalies(subjects, total, total.Day(60))
	if len(found) != 2 {
		t.Fatalf("%d anomalies: %+v", len(found), found)
	}
	a := found[0]
	if a.Key != "user2" || !a.First.Equal(total.Day(70)) || !a.Last.Equal(total.Day(71)) || a.Excess() < 3300*dollar {
		t.Errorf("the dearest is %+v", a)
	}
	if len(a.Also) != 1 || a.Also[0].Key != "read.csv" {
		t.Errorf("the same money is seen in %+v too, want read.csv", a.Also)
	}
	for _, want := range []string{"user2 spent $3,", "from Mon 10 Aug to Tue 11 Aug", "no day of the 56 before cost more than $", "Unusual then, too: read.csv."} {
		if text := a.Sentence("USD"); !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if text := found[1].Sentence("USD"); text != "new spent $900 on Tue 25 Aug, and nothing in the 56 days before." {
		t.Errorf("the new user: %q", text)
	}
}

// A new installation has no past to be unusual against.
func TestFirstDaysAreNotUnusual(t *testing.T) {
	t.Parallel()
	total := outlook.Series{First: monday, Days: make([]cost.Nanos, 90)}
	for i := 70; i < 83; i++ {
		total.Days[i] = cost.Nanos(i) * dollar
	}
	total.Days[83] = 100_000 * dollar
	if found := outlook.Anomalies(map[outlook.Subject]outlook.Series{{Dimension: "user", Key: "ana"}: total}, total, total.Day(60)); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

// However wild the spend, anomalies are few, lie in the period, and exceed all of their past.
func TestAnomaliesAreFew(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subjects := map[outlook.Subject]outlook.Series{}
		total := outlook.Series{First: monday, Days: make([]cost.Nanos, 80)}
		for i := range rapid.IntRange(0, 8).Draw(t, "users") {
			s := outlook.Series{First: monday}
			for k, n := range rapid.SliceOfN(rapid.Int64Range(0, 1e13), 80, 80).Draw(t, "days") {
				s.Days = append(s.Days, cost.Nanos(n))
				total.Days[k] += cost.Nanos(n)
			}
			subjects[outlook.Subject{Dimension: "user", Key: fmt.Sprint(i)}] = s
		}
		found := outlook.Anomalies(subjects, total, total.Day(50))
		if len(found) > 5 {
			t.Fatalf("%d anomalies", len(found))
		}
		for _, a := range found {
			if a.First.Before(total.Day(50)) || a.Last.Before(a.First) || a.Cost < a.Most || a.Excess() <= 0 || a.Sentence("USD") == "" {
				t.Fatalf("%+v", a)
			}
		}
	})
}

func TestMovers(t *testing.T) {
	t.Parallel()
	got := outlook.Movers(map[string]cost.Nanos{"up": 9, "new": 5, "same": 7}, map[string]cost.Nanos{"up": 1, "same": 7, "gone": 5, "down": 3}, 3)
	want := []outlook.Change{{Key: "up", Now: 9, Before: 1}, {Key: "gone", Before: 5}, {Key: "new", Now: 5}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	parts := outlook.Split([]outlook.Part{
		{Kind: bill.KindUnknown, Name: "unknown", Cost: 100},
		{Kind: bill.KindLost, Name: "lost.telemetry", Cost: 3},
		{Kind: bill.KindLost, Name: "lost.worker", Cost: 2},
		{Kind: bill.KindIdle, Name: "idle.no_work", Cost: 50},
		{Kind: bill.KindWork, Name: "read.csv", Cost: 1},
		{Kind: bill.KindWork, Name: "groupby", Cost: 4},
		{Kind: bill.KindOverhead, Name: "overhead.scheduler", Cost: 5},
		{Kind: bill.KindIdle, Name: "idle.of_a_new_kind", Cost: 1},
	})
	var names []string
	for _, p := range parts {
		names = append(names, p.Name)
		fixer, what := p.Mend()
		if (fixer == outlook.FixerNobody) != (p.Kind == bill.KindWork) || (what == "") != (p.Kind == bill.KindWork) {
			t.Errorf("%s is mended by %q: %q", p.Name, fixer, what)
		}
		if p.Waste() && p.Unseen() {
			t.Errorf("%s is both waste and unseen", p.Name)
		}
	}
	if got := strings.Join(names, " "); got != "groupby read.csv idle.no_work idle.of_a_new_kind overhead.scheduler lost.telemetry lost.worker unknown" {
		t.Error(got)
	}
}

func TestPeriods(t *testing.T) {
	t.Parallel()
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		when, err := time.ParseInLocation("2006-01-02 15:04", text, oslo)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	now := at("2026-11-19 14:32")
	november, err := outlook.ParseMonth("2026-11", oslo)
	if err != nil || !november.Since.Equal(at("2026-11-01 00:00")) || !november.End.Equal(at("2026-12-01 00:00")) || november != outlook.MonthOf(now, oslo) {
		t.Errorf("%+v, %v", november, err)
	}
	// The clocks go back in October: the same stretch is counted in hours.
	if since, until := november.Before(now); !since.Equal(at("2026-10-01 00:00")) || !until.Equal(at("2026-10-19 14:00")) {
		t.Errorf("before: %v to %v", since, until)
	}
	if since, until := november.Before(at("2026-12-24 00:00")); !since.Equal(at("2026-10-01 00:00")) || !until.Equal(november.Since) {
		t.Errorf("before a month that is over: %v to %v", since, until)
	}
	// February is shorter than what March has come to.
	march, _ := outlook.ParseMonth("2026-03", oslo)
	if _, until := march.Before(at("2026-03-31 12:00")); !until.Equal(march.Since) {
		t.Errorf("before March ends %v", until)
	}
	week, err := outlook.Between(at("2026-11-09 00:00"), at("2026-11-15 18:00"), oslo)
	if err != nil || !week.End.Equal(at("2026-11-16 00:00")) || week.Month != "" {
		t.Errorf("week %+v, %v", week, err)
	}
	if since, until := week.Before(now); !since.Equal(at("2026-11-02 00:00")) || !until.Equal(week.Since) {
		t.Errorf("before the week: %v to %v", since, until)
	}
	if p, err := outlook.Between(november.Since, november.End, oslo); err != nil || p != november {
		t.Errorf("a whole month is %+v, %v", p, err)
	}
	for _, text := range []string{"", "2026", "2026-13", "2026-11-01", "0000-01", "November"} {
		if _, err := outlook.ParseMonth(text, oslo); err == nil {
			t.Errorf("%q is a month", text)
		}
	}
	if _, err := outlook.Between(now, now, oslo); err == nil {
		t.Error("nothing is a period")
	}
	if _, err := outlook.Between(now, now.AddDate(2, 0, 0), oslo); err == nil {
		t.Error("two years are a period")
	}
}

// Days of every zone begin once, and periods are made of whole ones.
func TestDaysBeginOnce(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Oslo", "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		when := time.Unix(rapid.Int64Range(1_000_000_000, 2_000_000_000).Draw(t, "at"), 0)
		p, err := outlook.Between(when, when.Add(time.Second), zone)
		if err != nil {
			t.Fatal(err)
		}
		if p.Since.After(when) || !p.End.After(when) || p.End.Sub(p.Since) < 22*time.Hour || p.End.Sub(p.Since) > 26*time.Hour {
			t.Fatalf("the day of %v is [%v, %v)", when.In(zone), p.Since, p.End)
		}
		if again, err := outlook.Between(p.End, p.End.Add(time.Second), zone); err != nil || !again.Since.Equal(p.End) {
			t.Fatalf("the day after begins %v, not %v: %v", again.Since, p.End, err)
		}
	})
}
