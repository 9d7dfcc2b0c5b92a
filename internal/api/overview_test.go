package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// person is somebody in a story of many days, with what their clusters do.
type person struct {
	name   string
	client *sdk.Client
	file   string
	hours  float64 // on a weekday
}

// liveADay lets a cluster of a person run for some hours from now on, and moves the clock to its end: eight threads, of whose time most is work of two lines.
func liveADay(t *testing.T, s *servertest.Server, p person, day int, hours float64) {
	t.Helper()
	began := s.Clock.Now()
	answer := announce(t, p.client, fmt.Sprintf("Scheduler-%s-%d", p.name, day))
	o, id := newObserver(s, answer), answer.Cluster.ID
	worker := id + "-w-0123abcd"
	s.Clock.Advance(time.Duration(3600*hours) * time.Second)
	now := s.Clock.Now()
	capacity := 8 * now.Sub(began).Microseconds()
	slots, native := capacity/10*6, capacity/20
	_, rejected := o.post(t, schedulerBatch(answer.Process, began, now, map[string]any{
		"workers": []any{map[string]any{"process": worker, "name": "w", "nthreads": 8, "memory_bytes": int64(32e9), "started_us": began.UnixMicro()}},
		"submissions": []any{map[string]any{
			"id": 1, "at_us": began.Add(time.Second).UnixMicro(), "client": "Client-a", "file": p.file, "line": 9, "function": "main", "text": "df.compute()", "tasks": 12,
		}},
		"origins": []any{map[string]any{"id": 1, "file": p.file, "line": 3, "function": "load", "text": "df = dd.read_csv(path)"}},
		"parts":   []any{[]any{1, "read_csv-0f1e2d3c4b5a69788796a5b4c3d2e1f0", 1}},
	}), map[string]any{
		"kind": "worker", "process": worker, "t0_us": began.UnixMicro(), "t1_us": now.UnixMicro(), "nthreads": 8,
		"strings": []string{"fused", "read_csv", "read_csv-0f1e2d3c4b5a69788796a5b4c3d2e1f0", "clean"},
		"files":   []any{[]any{"/venv/lib/python3.11/site-packages/pandas/io/parsers/readers.py", "p"}, []any{p.file, "u"}},
		"frames":  []any{[]any{0, 1, 900}, []any{1, 3, 20}},
		"stacks":  []any{[]int{0}, []int{1}},
		"ledger":  []any{[]any{1, 0, slots, slots / 10 * 9, 12, 0, 0, native}},
		"samples": []any{[]any{1, 0, 0, 3, 3, 0, 3}, []any{1, 0, 1, 1, 0, 0, 0}},
		"idle":    map[string]int64{"no_work": capacity - slots - native - capacity/10, "holding": capacity / 10},
	})
	if len(rejected) > 0 {
		t.Fatalf("rejected: %v", rejected)
	}
}

// live lets days pass up to the last, which stays half over. On weekends there is less to do, and on one day much more.
func live(t *testing.T, s *servertest.Server, people []person, days, odd int) {
	t.Helper()
	for day := range days {
		morning := s.Clock.Now()
		for i, p := range people {
			hours := p.hours * (1 + 0.2*float64((day*7+i*3)%5-2)/2)
			if w := morning.Weekday(); w == time.Saturday || w == time.Sunday {
				hours *= 0.3
			}
			if day == odd && i == 1 {
				hours = 14
			}
			liveADay(t, s, p, day, hours)
		}
		s.Clock.Advance(6 * time.Minute)
		s.Tick(t)
		if day < days-1 {
			s.Clock.Advance(morning.AddDate(0, 0, 1).Sub(s.Clock.Now()))
		}
	}
}

// TestOverview lets two people work for seven weeks, and compares all that the overview says with questions of cost.
func TestOverview(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, func(c *config.Config) { c.TimeZone = "Europe/Oslo" })
	ben, _ := s.AddUser(t, "ben")
	people := []person{{"ana", s.User, "/home/ana/etl.py", 3}, {"ben", ben, "/home/ben/train.py", 1}}
	live(t, s, people, 45, 40) // from Monday 5 January to Wednesday 18 February; on the 14th, ben did much
	ctx := t.Context()
	o, err := s.Admin.Overview(ctx, sdk.OverviewOptions{})
	if err != nil {
		t.Fatal(err)
	}
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Date(2026, 2, 1, 0, 0, 0, 0, oslo)
	if o.Month != "2026-02" || !o.Start.Equal(begun) || o.FirstDay != "2026-02-01" || len(o.Days) != 18 || !o.Until.Equal(s.Clock.Now()) || !o.Whole || o.Zone != "Europe/Oslo" {
		t.Errorf("period: %s, %v to %v, %d days from %s, whole %v, %s", o.Month, o.Start, o.Until, len(o.Days), o.FirstDay, o.Whole, o.Zone)
	}
	ask := func(client *sdk.Client, since, until time.Time, where string, by ...string) sdk.CostBreakdown {
		t.Helper()
		q := sdk.BreakdownOptions{By: by, Since: since, Until: until}
		if where != "" {
			q.Where = []string{where}
		}
		b, err := client.CostBreakdown(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	total := ask(s.Admin, o.Start, o.Until, "", "user")
	if o.TotalNanos == 0 || o.TotalNanos != total.TotalNanos || sum(o.Days) != o.TotalNanos {
		t.Errorf("total %d, by day %d, asked %d", o.TotalNanos, sum(o.Days), total.TotalNanos)
	}
	if before := ask(s.Admin, o.BeforeStart, o.BeforeEnd, "", "user"); o.BeforeNanos != before.TotalNanos || o.BeforeNanos == 0 {
		t.Errorf("before %d, asked %d", o.BeforeNanos, before.TotalNanos)
	}

	var split, waste int64
	for _, p := range o.Split {
		split += p.CostNanos
		if p.Waste {
			waste += p.CostNanos
		}
		if p.Waste && (p.Fixer == "" || p.Advice == "") {
			t.Errorf("nobody mends %s", p.Name)
		}
	}
	if split != o.TotalNanos || waste != o.WasteNanos || waste == 0 {
		t.Errorf("the split sums to %d of %d, waste %d of %d", split, o.TotalNanos, waste, o.WasteNanos)
	}
	if o.By != "user" || len(o.Payers) != 2 || o.Payers[0].Key != "ana" || o.Payers[0].CostNanos+o.Payers[1].CostNanos != o.TotalNanos {
		t.Errorf("payers by %s: %+v", o.By, o.Payers)
	}
	for day := range o.Days {
		if a, b := o.Payers[0].Days[day], o.Payers[1].Days[day]; a+b != o.Days[day] {
			t.Errorf("day %d: %d and %d are not %d", day, a, b, o.Days[day])
		}
	}

	if f := o.Forecast; f == nil || f.LowNanos > f.MidNanos || f.MidNanos > f.HighNanos || f.LowNanos < o.TotalNanos || f.HistoryDays != 44 || len(f.Path) != 11 {
		t.Errorf("forecast %+v", f)
	}
	if len(o.Anomalies) != 1 || o.Anomalies[0].Key != "ben" || o.Anomalies[0].FirstDay != "2026-02-14" || !strings.HasPrefix(o.Anomalies[0].Sentence, "ben spent $") {
		t.Errorf("anomalies %+v", o.Anomalies)
	}
	lines := ask(s.Admin, o.Start, o.Until, "kind=work", "line")
	var listed int64
	for i, l := range o.Lines {
		listed += l.CostNanos
		if got := fmt.Sprintf("%s:%d", l.File, l.Line); got != lines.Rows[i].Keys[0] || l.CostNanos != lines.Rows[i].CostNanos || l.ClusterID == "" || l.Payer == "" {
			t.Errorf("line %d is %+v, want %+v", i, l, lines.Rows[i])
		}
	}
	if len(o.Lines) != 4 || listed+o.RestNanos != o.LinesNanos || o.LinesNanos != lines.TotalNanos || o.RestLines != 0 {
		t.Errorf("%d lines of %d and %d of %d others are not %d", len(o.Lines), listed, o.RestNanos, o.RestLines, o.LinesNanos)
	}
	if o.Lines[0].Operation != "read.csv" || o.Lines[0].File != "/home/ana/etl.py" {
		t.Errorf("the dearest line is %+v", o.Lines[0])
	}
	for _, m := range o.Movers {
		before := map[string]int64{}
		for _, row := range ask(s.Admin, o.BeforeStart, o.BeforeEnd, "", m.By).Rows {
			before[row.Keys[0]] = row.CostNanos
		}
		now := map[string]int64{}
		for _, row := range ask(s.Admin, o.Start, o.Until, "", m.By).Rows {
			now[row.Keys[0]] = row.CostNanos
		}
		for _, item := range m.Items {
			if item.CostNanos != now[item.Key] || item.BeforeNanos != before[item.Key] {
				t.Errorf("%s %s went from %d to %d; asked: %d to %d", m.By, item.Key, item.BeforeNanos, item.CostNanos, before[item.Key], now[item.Key])
			}
		}
	}
	if len(o.Movers) != 3 {
		t.Errorf("movers %+v, want by user, operation and line", o.Movers)
	}
	// Every question can be asked again, and answers what it did.
	for _, q := range o.Questions {
		r := newRequest(t, http.MethodGet, s.URL+q.Path, "")
		r.Header.Set("Authorization", "Bearer "+s.AdminToken)
		response, body := s.Do(t, r)
		if want := fmt.Sprintf(`"total_nanos":%d,`, q.TotalNanos); response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s: %d, want %s in %.300s", q.About, q.Path, response.StatusCode, want, body)
		}
	}

	// A user sees what is theirs, and nothing of others.
	mine, err := s.User.Overview(ctx, sdk.OverviewOptions{Month: "2026-01"})
	if err != nil {
		t.Fatal(err)
	}
	january := ask(s.Admin, mine.Start, mine.End, "user=ana", "user")
	if mine.Whole || mine.TotalNanos != january.TotalNanos || len(mine.Payers) != 1 || mine.Forecast != nil || mine.NoForecast != "The period is over." || len(mine.Days) != 31 {
		t.Errorf("ana's January: %d of %d, %+v, %q", mine.TotalNanos, january.TotalNanos, mine.Payers, mine.NoForecast)
	}
	for _, l := range mine.Lines {
		if l.File != "/home/ana/etl.py" {
			t.Errorf("ana sees %+v", l)
		}
	}
}

func sum(amounts []int64) int64 {
	var total int64
	for _, n := range amounts {
		total += n
	}
	return total
}

func TestOverviewOfNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, o := range []sdk.OverviewOptions{{}, {Month: "2020-02"}, {Month: "2030-01"}, {Since: s.Clock.Now().AddDate(0, 0, -7)}} {
		got, err := s.User.Overview(t.Context(), o)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		if got.TotalNanos != 0 || got.Currency != "USD" || len(got.Anomalies) != 0 || got.Forecast != nil || got.NoForecast == "" || got.Days == nil || got.Payers == nil {
			t.Errorf("%+v: %+v", o, got)
		}
	}
	if _, err := s.Client(t, "").Overview(t.Context(), sdk.OverviewOptions{}); err == nil {
		t.Error("nobody has an overview")
	}
}

func TestPeriodsThatAreNone(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for query, want := range map[string]string{
		"month=2026-13": "is no month, such as 2026-11",
		"month=2026-01&since=2026-01-01T00:00:00Z": "not both",
		"until=2026-01-01T00:00:00Z":               "needs a start",
		"since=2027-01-01T00:00:00Z":               "must start before it ends",
		"since=2020-01-01T00:00:00Z":               "longer than 400 days",
		"zone=Mars/Olympus":                        "is no IANA time zone",
	} {
		r := newRequest(t, http.MethodGet, s.URL+"/api/v1/overview?"+query, "")
		r.Header.Set("Authorization", "Bearer "+s.UserToken)
		response, body := s.Do(t, r)
		if response.StatusCode != http.StatusUnprocessableEntity && response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s, want %q", query, response.StatusCode, body, want)
		}
	}
}
