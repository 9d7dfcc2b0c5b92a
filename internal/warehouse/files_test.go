package warehouse_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// some facts: ten hours of two clusters on either side of a day's end.
func ten() []spend.Fact {
	var out []spend.Fact
	for i := range 10 {
		for _, of := range owners[:2] {
			out = append(out, spend.Facts(of, []bill.Hour{
				{Start: begin.Add(time.Duration(20+i) * time.Hour), Kind: bill.KindWork, Category: bill.KindWork, Operation: "merge", Origin: usage.Line{File: "a.py", Line: i}, Cost: cost.Nanos(1000 + i)},
				{Start: begin.Add(time.Duration(20+i) * time.Hour), Kind: bill.KindIdle, Category: "idle.no_work", Cost: 5},
			})...)
		}
	}
	return out
}

// total is what a warehouse says that all costs.
func total(t *testing.T, w *warehouse.Warehouse) cost.Nanos {
	t.Helper()
	a, err := w.Answer(t.Context(), spend.Query{By: []spend.Dimension{"user"}, Since: begin, Until: begin.AddDate(0, 0, 60), Zone: time.UTC, Limit: 10}, spend.Everything)
	if err != nil {
		t.Fatal(err)
	}
	return a.Total
}

func sum(facts []spend.Fact) (nanos cost.Nanos) {
	for _, f := range facts {
		nanos += f.Cost
	}
	return nanos
}

// filled is a warehouse in a folder, with ten.
func filled(t *testing.T, zone *time.Location) (dir string, w *warehouse.Warehouse, live []warehouse.Segment) {
	t.Helper()
	dir = t.TempDir()
	w = reopen(t, dir, zone)
	c, err := w.Replace(t.Context(), nil, nil, slices.Values(ten()))
	if err != nil {
		t.Fatal(err)
	}
	return dir, w, c.Fresh
}

func reopen(t *testing.T, dir string, zone *time.Location) *warehouse.Warehouse {
	t.Helper()
	w, err := warehouse.Open(t.Context(), dir, warehouse.Options{Threads: 2, MemoryBytes: 256 << 20, Zone: zone, Currency: "NOK"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestADamagedFileIsNamedAndNotCounted(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string) error{
		"missing":   os.Remove,
		"truncated": func(path string) error { return os.Truncate(path, 100) },
		"empty":     func(path string) error { return os.Truncate(path, 0) },
		"no parquet": func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("not parquet at all ", 100)), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, w, live := filled(t, time.UTC)
			if err := damage(filepath.Join(dir, live[0].Name)); err != nil {
				t.Fatal(err)
			}
			err := w.Refresh(t.Context(), warehouse.View{Segments: live})
			var bad *warehouse.BadSegment
			if !errors.As(err, &bad) || bad.Segment != live[0] || !strings.Contains(err.Error(), live[0].Name) || !strings.Contains(err.Error(), "warehouse_segments") {
				t.Fatalf("refreshed from a damaged file: %v", err)
			}
			if got := total(t, w); got != 0 {
				t.Errorf("answered %d from nothing", got)
			}
			if _, err := w.Replace(t.Context(), live, []warehouse.Pair{{Cluster: "cl_a", Hour: begin.Add(20 * time.Hour)}}, slices.Values([]spend.Fact(nil))); !errors.As(err, &bad) {
				t.Errorf("a damaged file was written again: %v", err)
			}
			// Without its row, and with what it held given again, all is well.
			whole := slices.DeleteFunc(slices.Clone(live), func(s warehouse.Segment) bool { return s.Table == "lines" && s.Day.Equal(live[0].Day) })
			again := slices.DeleteFunc(ten(), func(f spend.Fact) bool { return !f.Start.UTC().Truncate(24 * time.Hour).Equal(live[0].Day) })
			c, err := w.Replace(t.Context(), whole, nil, slices.Values(again))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Refresh(t.Context(), warehouse.View{Segments: apply(t, whole, c)}); err != nil {
				t.Fatal(err)
			}
			if got, want := total(t, w), sum(ten()); got != want {
				t.Errorf("%d after the repair, want %d", got, want)
			}
		})
	}
}

// TestAWrongFileIsNotCounted: a file that is sound and not the one that the catalogue means.
func TestAWrongFileIsNotCounted(t *testing.T) {
	t.Parallel()
	_, w, live := filled(t, time.UTC)
	if err := w.Refresh(t.Context(), warehouse.View{Segments: live}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(s *warehouse.Segment){
		"rows":    func(s *warehouse.Segment) { s.Rows++ },
		"nanos":   func(s *warehouse.Segment) { s.Nanos-- },
		"bytes":   func(s *warehouse.Segment) { s.Bytes-- },
		"outside": func(s *warehouse.Segment) { s.Name = "../" + s.Name },
		"pattern": func(s *warehouse.Segment) { s.Name = "lines/*.parquet" },
	} {
		wrong := slices.Clone(live)
		change(&wrong[0])
		if err := w.Refresh(t.Context(), warehouse.View{Segments: wrong}); err == nil {
			t.Errorf("%s: a wrong catalogue was believed", name)
		}
		if got, want := total(t, w), sum(ten()); got != want {
			t.Errorf("%s: %d after a refused refresh, want %d as before", name, got, want)
		}
	}
}

func TestTheSameFactsMakeTheSameRows(t *testing.T) {
	t.Parallel()
	_, w, live := filled(t, zone(t, "Europe/Oslo"))
	all := ten()
	slices.Reverse(all)
	other := reopen(t, t.TempDir(), zone(t, "Europe/Oslo"))
	half, err := other.Replace(t.Context(), nil, nil, slices.Values(all[:17]))
	if err != nil {
		t.Fatal(err)
	}
	rest, err := other.Replace(t.Context(), half.Fresh, nil, slices.Values(all[17:]))
	if err != nil {
		t.Fatal(err)
	}
	shape := func(segments []warehouse.Segment) []warehouse.Segment {
		out := slices.Clone(segments)
		for i := range out {
			out[i].Name, out[i].Bytes = "", 0
		}
		slices.SortFunc(out, func(a, b warehouse.Segment) int {
			if c := strings.Compare(a.Table, b.Table); c != 0 {
				return c
			}
			return a.Day.Compare(b.Day)
		})
		return out
	}
	after := apply(t, half.Fresh, rest)
	if d := cmp.Diff(shape(live), shape(after)); d != "" {
		t.Error(d)
	}
	pairs := make([]warehouse.Pair, 0, len(all))
	for _, f := range all {
		pairs = append(pairs, warehouse.Pair{Cluster: f.Cluster, Hour: f.Start})
	}
	a, err := w.Facts(t.Context(), live, pairs)
	if err != nil {
		t.Fatal(err)
	}
	b, err := other.Facts(t.Context(), after, pairs)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a, b); d != "" || len(a) != len(all) || sum(a) != sum(all) {
		t.Errorf("%d facts of %d are held: %s", len(a), len(all), d)
	}
	few, err := w.Facts(t.Context(), live, []warehouse.Pair{{Cluster: "cl_b", Hour: begin.Add(25 * time.Hour)}})
	if err != nil || len(few) != 2 || few[0].Cluster != "cl_b" {
		t.Errorf("facts of one pair: %v, %v", few, err)
	}
}

func TestDroppingAllLeavesNothing(t *testing.T) {
	t.Parallel()
	dir, w, live := filled(t, time.UTC)
	var pairs []warehouse.Pair
	for _, f := range ten() {
		pairs = append(pairs, warehouse.Pair{Cluster: f.Cluster, Hour: f.Start})
	}
	c, err := w.Replace(t.Context(), live, pairs, slices.Values([]spend.Fact(nil)))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Fresh) != 0 || len(c.Gone) != len(live) {
		t.Errorf("%d segments are written of nothing, %d of %d gone", len(c.Fresh), len(c.Gone), len(live))
	}
	again, err := w.Replace(t.Context(), nil, pairs, slices.Values([]spend.Fact(nil)))
	if err != nil || len(again.Fresh)+len(again.Gone) != 0 {
		t.Errorf("nothing for nothing gave %v, %v", again, err)
	}
	// Files without a row go when they are old enough, and those with one stay.
	future := time.Now().Add(time.Hour)
	if n, err := w.Sweep(t.Context(), live, future); err != nil || n != 0 {
		t.Errorf("swept %d files that the catalogue has: %v", n, err)
	}
	if n, err := w.Sweep(t.Context(), nil, time.Now().Add(-time.Hour)); err != nil || n != 0 {
		t.Errorf("swept %d young files: %v", n, err)
	}
	if n, err := w.Sweep(t.Context(), nil, future); err != nil || n != len(live) {
		t.Errorf("swept %d files of %d: %v", n, len(live), err)
	}
	if _, err := os.Stat(filepath.Join(dir, live[0].Name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there after the sweep: %v", live[0].Name, err)
	}
}

func TestAnotherZoneAsksForRollupsAnew(t *testing.T) {
	t.Parallel()
	dir, w, live := filled(t, time.UTC)
	if c, err := w.Rebuild(t.Context(), live); err != nil || len(c.Fresh)+len(c.Gone) != 0 {
		t.Fatalf("rebuilt what was well: %v, %v", c, err)
	}
	oslo := reopen(t, dir, zone(t, "Europe/Oslo"))
	tables := func() int {
		if err := oslo.Refresh(t.Context(), warehouse.View{Segments: live}); err != nil {
			t.Fatal(err)
		}
		if got, want := total(t, oslo), sum(ten()); got != want {
			t.Errorf("%d, want %d", got, want)
		}
		a, err := oslo.Answer(t.Context(), spend.Query{By: []spend.Dimension{"day"}, Since: begin.Add(-10 * 24 * time.Hour), Until: begin.AddDate(0, 0, 60), Zone: zone(t, "Europe/Oslo"), Limit: 10}, spend.Everything)
		if err != nil || len(a.Rows) != 2 {
			t.Fatalf("%v, %v", a.Rows, err)
		}
		return strings.Count(a.SQL, "FROM day_")
	}
	if n := tables(); n != 0 {
		t.Errorf("days of UTC answered for days of Oslo")
	}
	c, err := oslo.Rebuild(t.Context(), live)
	if err != nil || len(c.Fresh) != len(c.Gone) || len(c.Fresh) == 0 {
		t.Fatalf("%v, %v", c, err)
	}
	live = apply(t, live, c)
	if n := tables(); n != 1 {
		t.Errorf("%d rollups answered after they were made anew", n)
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	day := func(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, time.UTC) }
	live := []warehouse.Segment{{Table: "lines", Day: day(3, 31)}, {Table: "months", Day: day(3, 1)}, {Table: "lines", Day: day(4, 1)}, {Table: "months", Day: day(4, 1)}}
	if got := warehouse.Retire(live, day(4, 30)); !slices.Equal(got, live[:2]) {
		t.Errorf("before 30 April: %v", got)
	}
	if got := warehouse.Retire(live, day(3, 31)); len(got) != 0 {
		t.Errorf("before 31 March: %v", got)
	}
}

// TestRefreshWhileAsked: a question sees all of one view or all of another.
func TestRefreshWhileAsked(t *testing.T) {
	t.Parallel()
	_, w, live := filled(t, time.UTC)
	pair := warehouse.Pair{Cluster: "cl_a", Hour: begin.Add(20 * time.Hour)}
	held, err := w.Facts(t.Context(), live, []warehouse.Pair{pair})
	if err != nil {
		t.Fatal(err)
	}
	base := sum(ten())
	view := func(i int) warehouse.View {
		if i == 0 {
			return warehouse.View{Segments: live}
		}
		now := held[0]
		now.Cost = sum(held) + cost.Nanos(i)*7
		return warehouse.View{Segments: live, Pairs: []warehouse.Pair{pair}, Facts: []spend.Fact{now}}
	}
	if err := w.Refresh(t.Context(), view(0)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			for ctx.Err() == nil {
				q := spend.Query{By: []spend.Dimension{"operation", "line"}, Since: begin, Until: begin.AddDate(0, 0, 60), Zone: time.UTC, Limit: 3}
				a, err := w.Answer(t.Context(), q, spend.Everything)
				if err != nil {
					t.Error(err)
					return
				}
				if off := a.Total - base; off%7 != 0 || a.Total != a.All {
					t.Errorf("total %d, all %d of a half view", a.Total, a.All)
				}
			}
		})
	}
	for i := range 20 {
		if err := w.Refresh(t.Context(), view(i)); err != nil {
			t.Error(err)
		}
	}
	stop()
	wait.Wait()
}

func TestAQuestionEndsWithItsContext(t *testing.T) {
	t.Parallel()
	_, w, _ := filled(t, time.UTC)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := w.Answer(ctx, spend.Query{By: []spend.Dimension{"user"}, Since: begin, Until: begin.Add(time.Hour), Zone: time.UTC, Limit: 1}, spend.Everything); !errors.Is(err, context.Canceled) {
		t.Errorf("answered after the end: %v", err)
	}
}

// FuzzTexts: whatever a text holds, it is kept, found and shown as itself, and ends no literal.
func FuzzTexts(f *testing.F) {
	for _, seed := range []string{"a.py", "it's", `"`, "*", "a:1", "x'; DROP TABLE lines; --", "\x00", "\xff", "é\n", "$$", "\\'", "%"} {
		f.Add(seed)
	}
	w, err := warehouse.Open(f.Context(), f.TempDir(), warehouse.Options{Threads: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := w.Close(); err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, text string) {
		of := spend.Of{Cluster: "cl_a", User: text, UserID: identity.UserID(text), Group: "/" + text}
		facts := spend.Facts(of, []bill.Hour{
			{Start: begin, Kind: bill.KindWork, Category: bill.KindWork, Operation: text, Origin: usage.Line{File: text, Line: 7}, Cost: 3},
			{Start: begin, Kind: bill.KindIdle, Category: "idle.no_work", Cost: 4},
		})
		if err := w.Refresh(t.Context(), warehouse.View{Facts: facts}); err != nil {
			t.Fatal(err)
		}
		for _, where := range []spend.Filter{
			{Dimension: "user", Values: []string{text}}, {Dimension: "file", Values: []string{text}}, {Dimension: "line", Values: []string{text + ":7"}}, {Dimension: "operation", Values: []string{text + "*"}},
		} {
			q := spend.Query{By: []spend.Dimension{"kind"}, Where: []spend.Filter{where}, Since: begin, Until: begin.Add(time.Hour), Zone: time.UTC, Limit: 10}
			a, err := w.Answer(t.Context(), q, spend.Scope{Users: []identity.UserID{identity.UserID(text)}, Groups: []string{text}})
			if err != nil {
				t.Fatalf("%v\n%s", err, a.SQL)
			}
			if want := oracle(q, spend.Everything, map[warehouse.Pair][]spend.Fact{{}: facts}); a.Total != want.Total && text == strings.ToValidUTF8(text, "") && !strings.Contains(text, "\x00") {
				t.Errorf("%s=%q: %d, want %d\n%s", where.Dimension, where.Values, a.Total, want.Total, a.SQL)
			}
			if a.All != 7 {
				t.Errorf("%q: all is %d", text, a.All)
			}
		}
	})
}
