package warehouse_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
			if !errors.As(err, &bad) || bad.Segment != live[0] || !strings.Contains(err.Error(), live[0].Name) {
				t.Fatalf("refreshed from a damaged file: %v", err)
			}
			if got := total(t, w); got != 0 {
				t.Errorf("answered %d from nothing", got)
			}
			found, renewed, err2 := w.Inspect(t.Context(), live, err)
			if err2 != nil || renewed || len(found) != 1 || found[0].Segment != live[0] || found[0].Reason == "" {
				t.Errorf("inspected: %+v, %v, %v", found, renewed, err2)
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

// TestAllDamageIsFoundAtOnce: a refresh names every bad file, so that they can be set aside together.
func TestAllDamageIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	dir, w, live := filled(t, time.UTC)
	if err := os.Remove(filepath.Join(dir, live[0].Name)); err != nil {
		t.Fatal(err)
	}
	for _, s := range live[1:] {
		if err := os.Truncate(filepath.Join(dir, s.Name), 30); err != nil {
			t.Fatal(err)
		}
	}
	found, _, err := w.Inspect(t.Context(), live, w.Refresh(t.Context(), warehouse.View{Segments: live}))
	if err != nil || len(found) != len(live) {
		t.Fatalf("%d of %d are found: %v", len(found), len(live), err)
	}
	for _, d := range found {
		if rollups := len(d.With); (d.Table == "lines") != (rollups > 0) || d.Table == "lines" && rollups != 10 {
			t.Errorf("%s of %s takes %d rollups along", d.Table, d.Day, rollups)
		}
	}
}

// TestWhatIsNoDamage: errors that name files which are as they were written, or are not live any more.
func TestWhatIsNoDamage(t *testing.T) {
	t.Parallel()
	dir, w, live := filled(t, time.UTC)
	named := func(s warehouse.Segment) error {
		return errors.Join(errors.New("something else"), &warehouse.BadSegment{Segment: s, Err: errors.New("too many open files")})
	}
	if found, again, err := w.Inspect(t.Context(), live, named(live[0])); err != nil || again || len(found) > 0 {
		t.Errorf("a sound file: %+v, %v, %v", found, again, err)
	}
	if found, again, err := w.Inspect(t.Context(), live[1:], named(live[0])); err != nil || !again || len(found) > 0 {
		t.Errorf("a file that is not live: %+v, %v, %v", found, again, err)
	}
	if found, again, err := w.Inspect(t.Context(), live, errors.New("no file")); err != nil || again || len(found) > 0 {
		t.Errorf("no file: %+v, %v, %v", found, again, err)
	}
	year := filepath.Dir(filepath.Join(dir, live[0].Name))
	if err := errors.Join(os.Rename(year, year+"-away"), os.WriteFile(year, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if found, _, err := w.Inspect(t.Context(), live, named(live[0])); err == nil || len(found) > 0 {
		t.Errorf("a file that cannot be looked at: %+v, %v", found, err)
	}
}

// TestFilesThatAreSetAsideAreFew: the newest are kept, the sweep leaves them alone, and what is missing is no error.
func TestFilesThatAreSetAsideAreFew(t *testing.T) {
	t.Parallel()
	dir, w, live := filled(t, time.UTC)
	for i := range 12 {
		s := warehouse.Segment{Table: "lines", Name: fmt.Sprintf("lines/2026/2026-11-%02d.parquet", i+1), Bytes: int64(i)}
		if err := os.WriteFile(filepath.Join(dir, s.Name), make([]byte, i), 0o600); err != nil {
			t.Fatal(err)
		}
		live = append(live, s)
	}
	for range 3 {
		if err := w.SetAside(live); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Sweep(t.Context(), nil, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "damaged"))
	if err != nil || len(left) != 20 || len(live) <= 20 {
		t.Errorf("%d of %d files are kept: %v", len(left), len(live), err)
	}
	newest := live[len(live)-1]
	if info, err := os.Stat(w.Aside(newest)); err != nil || info.Size() != newest.Bytes {
		t.Errorf("the newest is not kept: %v", err)
	}
	if err := w.SetAside([]warehouse.Segment{{Name: "../outside.parquet"}}); err == nil {
		t.Error("a file of another folder was moved")
	}
}

// TestVerifyGoesRound reads a part of the files each time, and finds a flipped byte in any of them in the end.
func TestVerifyGoesRound(t *testing.T) {
	t.Parallel()
	dir, w, live := filled(t, time.UTC)
	if err := w.Refresh(t.Context(), warehouse.View{Segments: live}); err != nil {
		t.Fatal(err)
	}
	var bytes int64
	for _, s := range live {
		bytes += s.Bytes
	}
	for range 8 {
		if err := w.Verify(t.Context(), live, bytes/3); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range live {
		path := filepath.Join(dir, s.Name)
		sound, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rotten := slices.Clone(sound)
		rotten[(i*37)%len(rotten)] ^= 1
		if err := os.WriteFile(path, rotten, 0o600); err != nil {
			t.Fatal(err)
		}
		var found error
		for range 5 {
			if found = w.Verify(t.Context(), live, bytes/3); found != nil {
				break
			}
		}
		var bad *warehouse.BadSegment
		if !errors.As(found, &bad) || bad.Segment != s {
			t.Fatalf("%s: %v", s.Name, found)
		}
		if err := os.WriteFile(path, sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAFlippedByteUnderALiveWarehouse: an answer from files that have rotted since they were looked at is right, or an error that names a file which is bad. Where DuckDB reads
// another number out of it, rows and total contradict one another, as they come from different rollups.
func TestAFlippedByteUnderALiveWarehouse(t *testing.T) {
	t.Parallel()
	dir, w, live := filled(t, time.UTC)
	all := spend.Query{By: []spend.Dimension{"leaf"}, Since: begin.AddDate(0, 0, 1-begin.Day()), Until: begin.AddDate(0, 1, 1-begin.Day()), Zone: time.UTC, Limit: 10}
	refused, tries := 0, 40
	for i := range tries {
		s := live[slices.IndexFunc(live, func(s warehouse.Segment) bool { return s.Table == "month_leaves" })]
		path := filepath.Join(dir, s.Name)
		sound, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fresh := reopen(t, dir, time.UTC)
		if err := fresh.Refresh(t.Context(), warehouse.View{Segments: live}); err != nil {
			t.Fatal(err)
		}
		rotten := slices.Clone(sound)
		rotten[i*len(rotten)/tries] ^= 0x55
		if err := os.WriteFile(path, rotten, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := fresh.Answer(t.Context(), all, spend.Everything)
		if err == nil && a.Total != sum(ten()) {
			t.Errorf("byte %d: answered %d, want %d", i*len(rotten)/tries, a.Total, sum(ten()))
		}
		if err != nil {
			refused++
			found, _, err2 := w.Inspect(t.Context(), live, err)
			if err2 != nil || len(found) != 1 || found[0].Segment != s {
				t.Errorf("byte %d: %v; inspected %+v, %v", i*len(rotten)/tries, err, found, err2)
			}
		}
		if err := os.WriteFile(path, sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d flipped bytes were refused", refused, tries)
}
