package segment_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// question is asked where only what it looks at matters.
func question(w *world) spend.Query {
	return spend.Query{By: []spend.Dimension{"day"}, Since: begin.AddDate(0, 0, -1), Until: w.now.Add(24 * time.Hour), Zone: time.UTC, Limit: 100}
}

// TestSegmentsFollowTheStore lets anything happen to clusters, in any order, with reports that come late, twice or before what they name. At any moment, what
// segments and the delta say together is what the bills say, fact by fact: nothing that changes a figure forgets to mark it.
func TestSegmentsFollowTheStore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, storetest.Open(t, store.SQLite))
		files := newMemory()
		keeper := segment.NewKeeper(t.Context(), segment.Config{Store: w.db, Bills: w, Folder: w, Files: files, Now: w.clock})
		steps := w.steps(t)
		steps["settle"] = func(rt *rapid.T) {
			if err := keeper.Settle(t.Context()); err != nil {
				rt.Fatal(err)
			}
		}
		steps["settle too"] = steps["settle"]
		steps[""] = func(rt *rapid.T) {
			if _, err := keeper.Answer(t.Context(), question(w), spend.Everything); err != nil {
				rt.Fatal(err)
			}
			want, err := w.truth(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			wantSame(rt, "segments and delta", files.seen(), want)
		}
		rt.Repeat(steps)
	})
}

func TestPlan(t *testing.T) {
	t.Parallel()
	mark := func(c cluster.ID, hours int) segment.Mark {
		return segment.Mark{Pair: segment.Pair{Cluster: c, Hour: begin.Add(time.Duration(hours) * time.Hour)}, Stamp: int64(hours)}
	}
	settled, open := segment.Plan(begin.Add(5*time.Hour+2*time.Minute), []segment.Mark{mark("b", 5), mark("b", 4), mark("a", 4), mark("a", -30), mark("b", 0)})
	if diff := cmp.Diff([][]segment.Mark{{mark("a", -30), mark("b", 0), mark("a", 4), mark("b", 4)}}, settled); diff != "" {
		t.Errorf("settled -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]segment.Mark{mark("b", 5)}, open); diff != "" {
		t.Errorf("open -want +got:\n%s", diff)
	}
	if settled, _ := segment.Plan(begin.Add(5*time.Hour+2*time.Minute-1), []segment.Mark{mark("a", 4)}); len(settled) > 0 {
		t.Errorf("%v is settled though reports of it may be on their way", settled)
	}
	// A day is never cut, few days are written together, and nothing is left out.
	var many []segment.Mark
	for n := range 5000 {
		many = append(many, mark(cluster.ID(fmt.Sprint(n%100)), n/100))
	}
	settled, _ = segment.Plan(begin.AddDate(0, 1, 0), many)
	seen, days := 0, map[string]int{}
	for i, marks := range settled {
		seen += len(marks)
		for _, m := range marks {
			day := m.Hour.Format(time.DateOnly)
			if was, ok := days[day]; ok && was != i {
				t.Fatalf("%s is written twice", day)
			}
			days[day] = i
		}
	}
	if seen != len(many) || len(settled) < 2 {
		t.Errorf("%d of %d marks in %d parts", seen, len(many), len(settled))
	}
}

// TestRetention drops whole months that are closed in the books, and does not write them again when something about them changes.
func TestRetention(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, store.SQLite))
	ctx := t.Context()
	p := cluster.Process{
		ID: processID("cl_0", 1), ClusterID: "cl_0", Role: cluster.RoleWorker, Name: "w-1", Generation: 1, Status: cluster.StatusRunning,
		Target: cluster.TargetRunning, Threads: 2, Rate: cost.Rate{NanosPerHour: 1000, Currency: "USD"}, CreatedAt: begin, StartedAt: begin,
	}
	must(t, w.db.CreateProcess(ctx, p))
	files := newMemory()
	open := time.Time{}
	keep := func(months int) map[time.Month]int {
		t.Helper()
		keeper := segment.NewKeeper(ctx, segment.Config{
			Store: w.db, Bills: w, Folder: w, Files: files, Now: w.clock, Retain: segment.Retainer{Retention: segment.Retention{Lines: months}, Books: booksSince(open)},
		})
		must(t, keeper.Settle(ctx))
		_, err := keeper.Answer(ctx, question(w), spend.Everything)
		must(t, err)
		must(t, keeper.Close())
		hours := map[time.Month]int{}
		for _, f := range files.seen() {
			hours[f.Start.Month()]++
		}
		return hours
	}
	w.now = time.Date(2026, time.May, 2, 12, 30, 0, 0, time.UTC)
	all := map[time.Month]int{time.March: 28, time.April: 720, time.May: 37}
	if diff := cmp.Diff(all, keep(0)); diff != "" {
		t.Errorf("kept for ever -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(all, keep(2)); diff != "" {
		t.Errorf("kept for two months and this one -want +got:\n%s", diff)
	}
	open = time.Date(2026, time.March, 31, 22, 0, 0, 0, time.UTC) // April begins then in Oslo, and is not closed
	if diff := cmp.Diff(all, keep(1)); diff != "" {
		t.Errorf("kept for a month and this one, with books open -want +got:\n%s", diff)
	}
	open = open.AddDate(0, 1, 0)
	delete(all, time.March)
	if diff := cmp.Diff(all, keep(1)); diff != "" {
		t.Errorf("kept for a month and this one -want +got:\n%s", diff)
	}
	p.Rate.NanosPerHour = 2000
	must(t, w.db.UpdateProcess(ctx, p))
	if diff := cmp.Diff(all, keep(1)); diff != "" {
		t.Errorf("after a change of all -want +got:\n%s", diff)
	}
}

// TestQuestionsShareWhatIsFresh asks at once from many sides: the store is looked at once.
func TestQuestionsShareWhatIsFresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, store.SQLite))
	looks := &counting{DB: w.db}
	keeper := segment.NewKeeper(t.Context(), segment.Config{
		Store: looks, Bills: w, Folder: w, Files: newMemory(), Now: w.clock, MaxAge: 2 * time.Second,
	})
	defer func() { must(t, keeper.Close()) }()
	ask := func() {
		t.Helper()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := keeper.Answer(t.Context(), question(w), spend.Everything); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	for i, after := range []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second} {
		w.now = begin.Add(after)
		ask()
		if want := int64([]int{1, 1, 2, 2}[i]); looks.n.Load() != want {
			t.Errorf("after %v the store was looked at %d times, want %d", after, looks.n.Load(), want)
		}
	}
}

type counting struct {
	*store.DB
	n atomic.Int64
}

func (c *counting) Catalogue(ctx context.Context) (segment.Catalogue, error) {
	c.n.Add(1)
	return c.DB.Catalogue(ctx)
}

// TestQuestionsDoNotWaitForEver holds a refresh up: a question is answered from what is known, or refused with a sentence where nothing is.
func TestQuestionsDoNotWaitForEver(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, db)
		files := &held{memory: newMemory(), release: make(chan struct{})}
		keeper := segment.NewKeeper(t.Context(), segment.Config{Store: w.db, Bills: w, Folder: w, Files: files, Now: w.clock, MaxAge: time.Second})
		ask := func() error {
			_, err := keeper.Answer(t.Context(), question(w), spend.Everything)
			return err
		}
		if err := ask(); errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "Ask again in a minute") {
			t.Errorf("before anything is known: %v", err)
		}
		close(files.release)
		must(t, ask())
		files.release = make(chan struct{})
		w.now = w.now.Add(time.Minute)
		must(t, ask()) // from what was known
		close(files.release)
		must(t, keeper.Close())
	})
}

// held holds refreshes up until they are released.
type held struct {
	*memory
	release chan struct{}
}

func (h *held) Refresh(ctx context.Context, v segment.View) error {
	<-h.release
	return h.memory.Refresh(ctx, v)
}
