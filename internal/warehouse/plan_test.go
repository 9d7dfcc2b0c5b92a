package warehouse

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/spend"
)

func load(t rapid.TB, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestPartsCoverTheWindowOnce: every hour of a window is in one part, and rollups answer for whole days and months of the zone only.
func TestPartsCoverTheWindowOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"UTC", "Europe/Oslo", "Asia/Kathmandu", "America/Havana", "Pacific/Apia", "America/St_Johns", "Asia/Beirut", "Australia/Lord_Howe"}).Draw(t, "zone")
		z := load(t, name)
		since := time.Date(rapid.IntRange(1995, 2027).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), 0, 0, 0, time.UTC)
		s := span{since, since.Add(time.Duration(rapid.IntRange(1, 100*24).Draw(t, "hours")) * time.Hour)}
		usable := map[*table]int64{lines: 100}
		for i, r := range rollups {
			if rapid.Bool().Draw(t, r.name) {
				usable[r] = int64(10 + i)
			}
		}
		coarsest := rapid.SampledFrom([]grain{hourly, daily, monthly}).Draw(t, "coarsest")
		needs := rapid.SampledFrom([]map[string]bool{{}, {"user_name": true}, {"line": true}, {"leaf_file": true}, {"cluster_id": true}}).Draw(t, "needs")
		hours := map[time.Time]bool{}
		for _, p := range (catalogue{usable, z}).plan([]span{s}, needs, coarsest) {
			if p.empty() || p.table.grain > coarsest || !p.table.has(needs) {
				t.Fatalf("%v answers for %v, needs %v, coarsest %v", p.table.name, p.span, needs, coarsest)
			}
			if _, ok := usable[p.table]; !ok {
				t.Fatalf("%s may not be used", p.table.name)
			}
			for h := p.since; h.Before(p.until); h = h.Add(time.Hour) {
				if hours[h] {
					t.Fatalf("%v is there twice", h)
				}
				hours[h] = true
			}
			for _, bound := range []time.Time{p.since, p.until} {
				here, before := dateIn(bound, z), dateIn(bound.Add(-time.Hour), z)
				if p.table.grain == daily && here.Equal(before) || p.table.grain == monthly && monthOf(here).Equal(monthOf(before)) {
					t.Fatalf("%v of %s is in the middle of a period in %s", bound, p.table.name, name)
				}
			}
		}
		for h := s.since; h.Before(s.until); h = h.Add(time.Hour) {
			if !hours[h] {
				t.Fatalf("%v is in no part", h)
			}
			delete(hours, h)
		}
		if len(hours) > 0 {
			t.Fatalf("beyond the window: %v", hours)
		}
	})
}

func TestTheSmallestTableAnswers(t *testing.T) {
	t.Parallel()
	usable := map[*table]int64{}
	for name, rows := range map[string]int64{"lines": 1000, "day_lines": 300, "day_clusters": 200, "days": 100, "day_groups": 20, "hour_groups": 40, "month_lines": 30, "months": 10, "month_code": 15, "month_leaves": 40, "month_groups": 2} {
		usable[tableNamed(name)] = rows
	}
	s := span{time.Date(2026, 1, 30, 22, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)}
	for _, c := range []struct {
		by   spend.Dimension
		want []string
	}{
		{"user", []string{"months", "days", "days", "lines", "lines"}},
		{"kind", []string{"month_groups", "day_groups", "day_groups", "hour_groups", "hour_groups"}},
		{"day", []string{"day_groups", "hour_groups", "hour_groups"}},
		{"line", []string{"month_code", "day_lines", "day_lines", "lines", "lines"}},
		{"cluster", []string{"day_clusters", "lines", "lines"}},
		{"hour", []string{"hour_groups"}},
		{"name", []string{"day_clusters", "lines", "lines"}},
		{"leaf", []string{"month_leaves", "lines", "lines"}},
		{"task", []string{"month_groups", "day_groups", "day_groups", "lines", "lines"}},
	} {
		q := look(spend.Query{By: []spend.Dimension{c.by}, Since: s.since, Until: s.until, Zone: time.UTC}, spend.Everything, time.UTC)
		var got []string
		for _, p := range (catalogue{usable, time.UTC}).plan(q.spans, q.needs, q.coarsest) {
			got = append(got, p.table.name)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("by %s: %v answer, want %v", c.by, got, c.want)
		}
	}
}

func TestEveryDimensionIsRead(t *testing.T) {
	t.Parallel()
	names, _ := spend.Dimensions()
	if got, want := slices.Sorted(maps.Keys(dimensions)), slices.Sorted(slices.Values(names)); !slices.Equal(got, want) {
		t.Errorf("the warehouse reads %v; spend has %v", got, want)
	}
	for name, d := range dimensions {
		for _, c := range d.columns {
			if !slices.Contains(lines.fileColumns(), c) && c != "day" && c != "month" {
				t.Errorf("%s needs the column %s, which lines has not", name, c)
			}
		}
	}
	for _, r := range rollups {
		for _, c := range append([]string{"group_path", "kind"}, r.columns...) {
			if !slices.Contains(lines.columns, c) || !slices.Contains(r.columns, c) {
				t.Errorf("%s needs the column %s: scopes and what was not seen are asked of every table", r.name, c)
			}
		}
	}
}
