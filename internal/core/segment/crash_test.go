package segment_test

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
	"github.com/lineitem/lineitem/internal/warehouse"
)

var errCrash = errors.New("the server was killed")

// fate ends a server at one of its steps: before the step is taken, or after it and before anybody hears of it. Then nothing works any more.
type fate struct {
	mu    sync.Mutex
	steps int // until the end
	after bool
	dead  bool
}

func (f *fate) take(step func() error) error {
	f.mu.Lock()
	last := f.steps == 0
	f.steps--
	dead := f.dead
	f.dead = f.dead || last
	f.mu.Unlock()
	if dead || (last && !f.after) {
		return errCrash
	}
	if err := step(); err != nil || !last {
		return err
	}
	return errCrash
}

// mortalStore and mortalFiles are the real ones in a server that may be killed.
type mortalStore struct {
	*store.DB
	fate *fate
}

func (m mortalStore) MarkRunning(ctx context.Context, now time.Time) error {
	return m.fate.take(func() error { return m.DB.MarkRunning(ctx, now) })
}

func (m mortalStore) Catalogue(ctx context.Context) (c segment.Catalogue, err error) {
	err = m.fate.take(func() error {
		c, err = m.DB.Catalogue(ctx)
		return err
	})
	return c, err
}

func (m mortalStore) SwapSegments(ctx context.Context, change segment.Change, clean []segment.Mark, at time.Time) error {
	return m.fate.take(func() error { return m.DB.SwapSegments(ctx, change, clean, at) })
}

func (m mortalStore) ForgetSegments(ctx context.Context, before time.Time) error {
	return m.fate.take(func() error { return m.DB.ForgetSegments(ctx, before) })
}

type mortalFiles struct {
	warehouse.Files
	fate *fate
}

func (m mortalFiles) Replace(ctx context.Context, live []segment.Segment, drop []segment.Pair, facts iter.Seq[spend.Fact]) (c segment.Change, err error) {
	err = m.fate.take(func() error {
		c, err = m.Files.Replace(ctx, live, drop, facts)
		return err
	})
	return c, err
}

func (m mortalFiles) Facts(ctx context.Context, live []segment.Segment, pairs []segment.Pair) (facts []spend.Fact, err error) {
	err = m.fate.take(func() error {
		facts, err = m.Files.Facts(ctx, live, pairs)
		return err
	})
	return facts, err
}

func (m mortalFiles) Sweep(ctx context.Context, names []string, olderThan time.Time) (n int, err error) {
	err = m.fate.take(func() error {
		n, err = m.Files.Sweep(ctx, names, olderThan)
		return err
	})
	return n, err
}

// server is a keeper with a warehouse of its own, on the folder and the store that all servers share.
type server struct {
	*segment.Keeper
	files *warehouse.Warehouse
	fate  *fate
	// found is what was found damaged.
	found *findings
}

// findings collects damage.
type findings struct {
	mu   sync.Mutex
	list []segment.Damage
	err  error
}

func (f *findings) add(found []segment.Damage, failure error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list, f.err = append(f.list, found...), errors.Join(f.err, failure)
}

func (f *findings) all() []segment.Damage {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

const immortal = 1 << 30

func newServer(t testing.TB, w *world, folder string, steps int, after bool) *server {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	files, err := warehouse.Open(t.Context(), folder, warehouse.Options{MemoryBytes: 256 << 20, Threads: 1, Zone: zone, Currency: "USD"})
	if err != nil {
		t.Fatal(err)
	}
	end, found := &fate{steps: steps, after: after}, &findings{}
	keeper := segment.NewKeeper(t.Context(), segment.Config{
		Store: mortalStore{w.db, end}, Bills: w, Folder: w, Files: mortalFiles{warehouse.Files{Warehouse: files}, end}, Now: w.clock,
		Damaged: found.add,
	})
	return &server{keeper, files, end, found}
}

func (s *server) close(t testing.TB) {
	if err := errors.Join(s.Keeper.Close(), s.files.Close()); err != nil {
		t.Error(err)
	}
}

// wantAnswers asks a server about anything, and compares with the bills.
func wantAnswers(rt *rapid.T, w *world, s *server) {
	facts, err := w.truth(rt.Context())
	if err != nil {
		rt.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		rt.Fatal(err)
	}
	var sum int64
	for _, f := range facts {
		sum += int64(f.Cost)
	}
	for _, by := range [][]spend.Dimension{
		{"day"}, {"month", "user"}, {"cluster", "hour"}, {"line", "operation", "project", "kind", "category", "function"}, {"leaf", "task"}, {"name", "backend", "library"},
	} {
		q := spend.Query{By: by, Since: begin.AddDate(0, 0, -3).Truncate(time.Hour), Until: w.now.Truncate(time.Hour).Add(3 * time.Hour), Zone: zone, Limit: spend.MaxRows}
		g := spend.NewGrouping(q, "USD")
		for _, f := range facts {
			g.Add(f.Of, []bill.Hour{f.Hour})
		}
		want := g.Answer()
		got, err := s.Answer(rt.Context(), q, spend.Everything)
		if err != nil {
			rt.Fatalf("by %v: %v", by, err)
		}
		if int64(got.Total) != sum {
			rt.Fatalf("by %v: total %d, the bills sum to %d", by, got.Total, sum)
		}
		got.AsOf, got.SQL, got.ReadRows, got.Segments, got.Losses = time.Time{}, "", 0, 0, nil
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
			rt.Fatalf("by %v (-bills +warehouse):\n%s", by, diff)
		}
	}
}

// wantTidy sweeps as if much time had passed, and looks that just the catalogue's files are left.
func wantTidy(rt *rapid.T, w *world, s *server, folder string) {
	catalogue, err := w.db.Catalogue(rt.Context())
	if err != nil {
		rt.Fatal(err)
	}
	names := make([]string, len(catalogue.Segments))
	for i, one := range catalogue.Segments {
		names[i] = one.Name
	}
	if _, err := (warehouse.Files{Warehouse: s.files}).Sweep(rt.Context(), names, time.Now().Add(time.Hour)); err != nil {
		rt.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".parquet") {
			files++
		}
		return err
	})
	if err != nil || files != len(names) {
		rt.Fatalf("%d files are left of %d segments (%v)", files, len(names), err)
	}
}

// few bounds how many worlds are tried with real files, each of which takes a second.
type few struct {
	left   int
	failed bool
}

func (f *few) enough(rt *rapid.T) bool {
	if f.failed {
		return false // rapid looks for the smallest world that fails
	}
	f.left--
	rt.Cleanup(func() { f.failed = f.failed || rt.Failed() })
	return f.left < 0
}

func eachEngine(t *testing.T, f func(t *testing.T, engine store.Engine)) {
	for _, engine := range storetest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			f(t, engine)
		})
	}
}

func worlds(engine store.Engine) *few {
	if engine == store.Postgres {
		return &few{left: 3}
	}
	return &few{left: 8}
}

// TestKilledAtAnyStep kills servers at any step of writing and starts others on what they left, while anything happens to clusters. All questions are
// answered as the bills say, and no file is left that nobody needs.
func TestKilledAtAnyStep(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, engine store.Engine) {
		tries := worlds(engine)
		rapid.Check(t, func(rt *rapid.T) {
			if tries.enough(rt) {
				return
			}
			w := newWorld(t, storetest.Open(t, engine))
			folder := t.TempDir()
			steps := w.steps(t)
			live := func(rt *rapid.T) {
				s := newServer(t, w, folder, rapid.IntRange(0, 12).Draw(rt, "steps of life"), rapid.Bool().Draw(rt, "after"))
				defer s.close(t)
				for range 3 {
					if err := s.Settle(t.Context()); err != nil && !errors.Is(err, errCrash) {
						rt.Fatal(err)
					}
					if _, err := s.Sweep(t.Context()); err != nil && !errors.Is(err, errCrash) {
						rt.Fatal(err)
					}
				}
			}
			steps["live"], steps["live too"], steps["live on"] = live, live, live
			rt.Repeat(steps)
			s := newServer(t, w, folder, immortal, false)
			defer s.close(t)
			wantAnswers(rt, w, s)
			w.now = w.now.Add(2 * time.Hour)
			if err := s.Settle(t.Context()); err != nil {
				rt.Fatal(err)
			}
			wantAnswers(rt, w, s)
			wantTidy(rt, w, s, folder)
		})
	})
}

// TestTwoServers lets two servers write to one folder for one store, one after the other and at once.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, engine store.Engine) {
		tries := worlds(engine)
		rapid.Check(t, func(rt *rapid.T) {
			if tries.enough(rt) {
				return
			}
			w := newWorld(t, storetest.Open(t, engine))
			folder := t.TempDir()
			servers := []*server{newServer(t, w, folder, immortal, false), newServer(t, w, folder, immortal, false)}
			defer servers[0].close(t)
			defer servers[1].close(t)
			steps := w.steps(t)
			steps["one settles"] = func(rt *rapid.T) {
				if err := rapid.SampledFrom(servers).Draw(rt, "server").Settle(t.Context()); err != nil {
					rt.Fatal(err)
				}
			}
			steps["both settle"] = func(rt *rapid.T) {
				var both sync.WaitGroup
				failures := make([]error, len(servers))
				for i, s := range servers {
					both.Go(func() { failures[i] = s.Settle(t.Context()) })
				}
				both.Wait()
				if err := errors.Join(failures...); err != nil {
					rt.Fatal(err)
				}
			}
			rt.Repeat(steps)
			for range 2 {
				for _, s := range servers {
					wantAnswers(rt, w, s)
					if err := s.Settle(t.Context()); err != nil {
						rt.Fatal(err)
					}
					wantAnswers(rt, w, s)
				}
				w.now = w.now.Add(2 * time.Hour)
			}
			wantTidy(rt, w, servers[1], folder)
		})
	})
}
