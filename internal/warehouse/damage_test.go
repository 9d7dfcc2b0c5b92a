package warehouse_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/warehouse"
)

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

// TestAFlippedByteMakesNoWrongSum: files rot. Whatever byte of a new segment is another one, it is refused, or what it costs is right.
func TestAFlippedByteMakesNoWrongSum(t *testing.T) {
	t.Parallel()
	dir, w, live := filled(t, time.UTC)
	detail := live[slices.IndexFunc(live, func(s warehouse.Segment) bool { return s.Table == "lines" })]
	path := filepath.Join(dir, detail.Name)
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		rotten := slices.Clone(sound)
		rotten[rapid.IntRange(0, len(rotten)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		// A new file each time: DuckDB remembers what a file of this name begins and ends with.
		s := detail
		s.Name = strings.Replace(s.Name, "/2026-10", "/"+rand.Text()+"-2026-10", 1)
		if err := os.WriteFile(filepath.Join(dir, s.Name), rotten, 0o600); err != nil {
			t.Fatal(err)
		}
		segments := append(slices.DeleteFunc(slices.Clone(live), func(o warehouse.Segment) bool { return o == detail }), s)
		if err := w.Refresh(context.Background(), warehouse.View{Segments: segments}); err != nil {
			var bad *warehouse.BadSegment
			if !errors.As(err, &bad) || bad.Segment != s {
				t.Fatalf("refused without a name: %v", err)
			}
			refused++
			return
		}
		a, err := w.Answer(context.Background(), spend.Query{By: []spend.Dimension{"leaf"}, Since: begin, Until: begin.AddDate(0, 0, 3), Zone: time.UTC, Limit: 10}, spend.Everything)
		if err == nil && (a.Total != a.All || a.Total != sum(ten())) {
			t.Fatalf("a rotten file adds up to %d, all %d; want %d", a.Total, a.All, sum(ten()))
		}
	})
	if refused == 0 {
		t.Error("no flipped byte was noticed")
	}
}

// TestAFileThatIsTakenAwayIsNamed: while it is live.
func TestAFileThatIsTakenAwayIsNamed(t *testing.T) {
	t.Parallel()
	dir, w, live := filled(t, time.UTC)
	if err := w.Refresh(t.Context(), warehouse.View{Segments: live}); err != nil {
		t.Fatal(err)
	}
	for _, s := range live {
		if err := os.Remove(filepath.Join(dir, s.Name)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Answer(t.Context(), spend.Query{By: []spend.Dimension{"leaf"}, Since: begin, Until: begin.AddDate(0, 0, 3), Zone: time.UTC, Limit: 10}, spend.Everything)
	var bad *warehouse.BadSegment
	if !errors.As(err, &bad) || bad.Segment.Table != "lines" {
		t.Errorf("answered without its files: %v", err)
	}
}
