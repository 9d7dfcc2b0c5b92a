package warehouse_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/lineitem/lineitem/internal/bucket"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/seed"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// TestABucketKeepsSegments writes two months through a bucket whose folder holds a fraction of them, and asks the same of it as of a warehouse that has all
// in its folder: at once, after the folder was lost, and after a late correction.
func TestABucketKeepsSegments(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	backend := s3mem.New()
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	if err := backend.CreateBucket("segments"); err != nil {
		t.Fatal(err)
	}
	address, err := bucket.ParseAddress(server.URL + "/segments/warehouse")
	if err != nil {
		t.Fatal(err)
	}
	b, err := bucket.Open(ctx, address, bucket.Credentials{AccessKey: "test", SecretKey: "only-for-this-test", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	const bound = 60_000
	open := func(folder string) (*warehouse.Warehouse, *bucket.Shelf) {
		shelf, err := bucket.NewShelf(b, folder, ".parquet", bound)
		if err != nil {
			t.Fatal(err)
		}
		w, err := warehouse.Open(ctx, folder, warehouse.Options{Currency: "USD", Blobs: shelf})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Close() })
		return w, shelf
	}
	plain, err := warehouse.Open(ctx, t.TempDir(), warehouse.Options{Currency: "USD"})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	until := time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
	org, err := seed.New(seed.Options{Seed: 7, Until: until, Days: 12, Rows: 6000, Users: 20, Groups: 5, Currency: "USD", RulesVersion: 1})
	if err != nil {
		t.Fatal(err)
	}
	var all []spend.Fact
	for d := range org.Days() {
		for f := range org.Facts(d) {
			all = append(all, f)
		}
	}

	folder := filepath.Join(t.TempDir(), "cache")
	kept, shelf := open(folder)
	var live, plainLive []warehouse.Segment
	change := func(drop []warehouse.Pair, facts []spend.Fact) {
		t.Helper()
		give := func(yield func(spend.Fact) bool) {
			for _, f := range facts {
				if !yield(f) {
					return
				}
			}
		}
		c, err := kept.Replace(ctx, live, drop, give)
		if err != nil {
			t.Fatal(err)
		}
		live = apply(t, live, c)
		if c, err = plain.Replace(ctx, plainLive, drop, give); err != nil {
			t.Fatal(err)
		}
		plainLive = apply(t, plainLive, c)
	}
	same := func(w *warehouse.Warehouse, when string) {
		t.Helper()
		view := warehouse.View{Segments: live, AsOf: until}
		if err := w.Refresh(ctx, view); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		view.Segments = plainLive
		if err := plain.Refresh(ctx, view); err != nil {
			t.Fatal(err)
		}
		for _, by := range []spend.Dimension{"user", "day", "leaf", "line", "cluster", "kind", "hour"} {
			for _, since := range []time.Time{until.AddDate(0, 0, -12), until.AddDate(0, 0, -2)} {
				q := spend.Query{By: []spend.Dimension{by}, Since: since, Until: until, Zone: time.UTC, Limit: 1000}
				want, err := plain.Answer(ctx, q, spend.Everything)
				if err != nil {
					t.Fatal(err)
				}
				got, err := w.Answer(ctx, q, spend.Everything)
				if err != nil {
					t.Fatalf("%s, by %s: %v", when, by, err)
				}
				if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
					t.Errorf("%s, by %s: %s", when, by, diff)
				}
			}
		}
	}
	change(nil, all)
	same(kept, "at once")
	if shelf.Bytes() > bound {
		t.Errorf("the folder holds %d bytes, more than %d, and nobody uses them", shelf.Bytes(), bound)
	}
	pair := warehouse.Pair{Cluster: all[len(all)/2].Cluster, Hour: all[len(all)/2].Start}
	change([]warehouse.Pair{pair}, nil)
	same(kept, "after a correction")

	other, _ := open(filepath.Join(t.TempDir(), "another"))
	same(other, "on another machine")
	removed, err := other.Sweep(ctx, live, time.Now().Add(time.Hour))
	if err != nil || removed == 0 {
		t.Errorf("%d files were swept: %v", removed, err)
	}
	left := map[string]bool{}
	for f, err := range b.List(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		left[f.Name] = true
	}
	for _, s := range live {
		if !left[s.Name] {
			t.Errorf("%s was swept and lives", s.Name)
		}
		delete(left, s.Name)
	}
	if len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	same(other, "after the sweep")

	// One that is nowhere is named, so that it can be written again.
	if err := b.Remove(ctx, live[0].Name); err != nil {
		t.Fatal(err)
	}
	fourth, _ := open(filepath.Join(t.TempDir(), "fourth"))
	_, err = fourth.Facts(ctx, live[:1], []warehouse.Pair{{Hour: live[0].Day}})
	if bad := (*warehouse.BadSegment)(nil); !errors.As(err, &bad) || bad.Segment != live[0] {
		t.Errorf("a file that is nowhere: %v", err)
	}

	// A copy in the folder that is damaged is brought again, and is no damage.
	held := live[len(live)-1]
	copied := filepath.Join(folder, held.Name)
	if err := os.MkdirAll(filepath.Dir(copied), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, []byte("PAR1 and nothing else"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, again, err := kept.Inspect(ctx, live, &warehouse.BadSegment{Segment: held, Err: errors.New("no Parquet")})
	if info, stat := os.Stat(copied); err != nil || !again || len(found) > 0 || stat != nil || info.Size() != held.Bytes {
		t.Errorf("a damaged copy: %+v, %v, %v", found, again, err)
	}
	if found, _, err := fourth.Inspect(ctx, live, &warehouse.BadSegment{Segment: live[0], Err: errors.New("gone")}); err != nil || len(found) != 1 || !strings.Contains(found[0].Reason, "bucket") {
		t.Errorf("one that is nowhere: %+v, %v", found, err)
	}

	// A file that is not what was written is found when it is brought.
	damaged := filepath.Join(t.TempDir(), "damaged.parquet")
	if err := os.WriteFile(damaged, []byte("PAR1 and nothing else"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range live {
		if s.Table == "lines" {
			if err := b.Put(ctx, s.Name, damaged); err != nil {
				t.Fatal(err)
			}
		}
	}
	third, _ := open(filepath.Join(t.TempDir(), "third"))
	err = third.Refresh(ctx, warehouse.View{Segments: live, AsOf: until})
	if err == nil {
		_, err = third.Answer(ctx, spend.Query{By: []spend.Dimension{"leaf"}, Since: until.AddDate(0, 0, -1), Until: until, Zone: time.UTC, Limit: 10}, spend.Everything)
	}
	if bad := (*warehouse.BadSegment)(nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), bad.Segment.Name) {
		t.Errorf("a damaged file: %v", err)
	}
}
