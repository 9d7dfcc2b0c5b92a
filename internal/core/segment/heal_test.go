package segment_test

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

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// harms are what happens to files.
var harms = map[string]func(rt *rapid.T, path string) error{
	"delete": func(_ *rapid.T, path string) error { return os.Remove(path) },
	"empty":  func(_ *rapid.T, path string) error { return os.Truncate(path, 0) },
	"truncate": func(rt *rapid.T, path string) error {
		return harmBytes(rt, path, func(b []byte, at int) []byte { return b[:at] })
	},
	"flip": func(rt *rapid.T, path string) error {
		return harmBytes(rt, path, func(b []byte, at int) []byte {
			b[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
			return b
		})
	},
	"grow": func(rt *rapid.T, path string) error {
		return harmBytes(rt, path, func(b []byte, _ int) []byte { return append(b, 'x') })
	},
	"replace by a folder": func(_ *rapid.T, path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
}

func harmBytes(rt *rapid.T, path string, harm func(b []byte, at int) []byte) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, harm(b, rapid.IntRange(0, len(b)-1).Draw(rt, "at")), 0o600)
}

// wantWhole looks that the catalogue has all files that it must have, and that they are sound.
func wantWhole(rt *rapid.T, w *world, s *server) {
	catalogue, err := w.db.Catalogue(rt.Context())
	if err != nil {
		rt.Fatal(err)
	}
	files := warehouse.Files{Warehouse: s.files}
	if err := files.Verify(rt.Context(), catalogue.Segments, 1<<40); err != nil {
		rt.Fatalf("not whole: %v", err)
	}
	change, err := files.Rebuild(rt.Context(), catalogue.Segments)
	if err != nil || len(change.Fresh)+len(change.Gone) > 0 {
		rt.Fatalf("rollups are missing: %+v, %v", change, err)
	}
}

// TestDamagedFilesHeal damages files of any table in any way, while a server runs or before one starts. Questions that are asked at once are all answered as the bills
// say, nobody is told that anything is unavailable, and after the next settling all files are there again.
func TestDamagedFilesHeal(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, engine store.Engine) {
		tries := worlds(engine)
		rapid.Check(t, func(rt *rapid.T) {
			if tries.enough(rt) {
				return
			}
			w := newWorld(t, storetest.Open(t, engine))
			folder := t.TempDir()
			rt.Repeat(w.steps(t))
			if rapid.Bool().Draw(rt, "a day later") {
				w.now = w.now.Add(26 * time.Hour)
			}
			s := newServer(t, w, folder, immortal, false)
			if err := s.Settle(t.Context()); err != nil {
				rt.Fatal(err)
			}
			wantAnswers(rt, w, s)
			catalogue, err := w.db.Catalogue(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			if len(catalogue.Segments) == 0 {
				s.close(t)
				return // nothing ran
			}
			hurt := map[string]bool{}
			for range rapid.IntRange(1, 4).Draw(rt, "files") {
				one := rapid.SampledFrom(catalogue.Segments).Draw(rt, "file")
				kind := rapid.SampledFrom(slices.Sorted(keysOf(harms))).Draw(rt, "harm")
				if hurt[one.Name] {
					continue
				}
				hurt[one.Name] = true
				if err := harms[kind](rt, filepath.Join(folder, one.Name)); err != nil {
					rt.Fatal(err)
				}
			}
			if rapid.Bool().Draw(rt, "restart") {
				s.close(t)
				s = newServer(t, w, folder, immortal, false)
				if rapid.Bool().Draw(rt, "rebuild first") {
					if err := s.Rebuild(t.Context()); err != nil {
						rt.Fatal(err)
					}
				}
			} else if err := s.Verify(t.Context()); err != nil { // a flipped byte shows when it is looked for
				rt.Fatal(err)
			}
			defer s.close(t)
			askAtOnce(rt, w, s)
			wantAnswers(rt, w, s)
			if err := s.Settle(t.Context()); err != nil {
				rt.Fatal(err)
			}
			wantAnswers(rt, w, s)
			wantWhole(rt, w, s)
			wantTidy(rt, w, s, folder)
			found := map[string]bool{}
			for _, d := range s.found.all() {
				found[d.Name] = true
				if d.Unknown != 0 || d.Missing != 0 {
					rt.Errorf("all could be written again, and %+v", d)
				}
				if !hurt[d.Name] || d.Reason == "" {
					rt.Errorf("%s was not damaged: %s", d.Name, d.Reason)
				}
			}
			// A rollup that went with the lines that it was made of needs not be found.
			if len(found) == 0 || s.found.err != nil {
				rt.Errorf("found %v (%v) of %v", found, s.found.err, hurt)
			}
			if _, err := os.ReadDir(filepath.Join(folder, "damaged")); err != nil {
				rt.Error(err)
			}
		})
	})
}

func keysOf[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// askAtOnce asks many questions at the same time: none fails, and all say the same total.
func askAtOnce(rt *rapid.T, w *world, s *server) {
	facts, err := w.truth(rt.Context())
	if err != nil {
		rt.Fatal(err)
	}
	var want cost.Nanos
	for _, f := range facts {
		want += f.Cost
	}
	var all sync.WaitGroup
	errList := make(chan error, 12)
	for i := range 12 {
		all.Go(func() {
			by := []spend.Dimension{"day", "leaf", "line", "user"}[i%4]
			a, err := s.Answer(rt.Context(), spend.Query{By: []spend.Dimension{by}, Since: begin.AddDate(0, 0, -3).Truncate(time.Hour), Until: w.now.Truncate(time.Hour).Add(3 * time.Hour), Zone: time.UTC, Limit: 100}, spend.Everything)
			if err == nil && a.Total != want {
				err = errors.New("another total: " + a.Total.Text("USD", 9))
			}
			errList <- err
		})
	}
	all.Wait()
	close(errList)
	for err := range errList {
		if err != nil {
			rt.Errorf("asked at once: %v", err)
		}
	}
}

// TestFilesVanishUnderALiveServer: without any check, the question that needs a file finds out, and is answered.
func TestFilesVanishUnderALiveServer(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, engine store.Engine) {
		for name, harm := range map[string]func(path string) error{
			"deleted": os.Remove, "cut": func(path string) error { return os.Truncate(path, 40) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w, s, folder := running(t, engine)
				catalogue, err := w.db.Catalogue(t.Context())
				must(t, err)
				for _, one := range catalogue.Segments {
					must(t, harm(filepath.Join(folder, one.Name)))
				}
				var want cost.Nanos
				facts, err := w.truth(t.Context())
				must(t, err)
				for _, f := range facts {
					want += f.Cost
				}
				q := question(w)
				q.By = []spend.Dimension{"line"}
				a, err := s.Answer(t.Context(), q, spend.Everything)
				if err != nil || a.Total != want || len(a.Losses) > 0 {
					t.Fatalf("%d, want %d (%v)", a.Total, want, err)
				}
				select {
				case <-s.Damaged():
				default:
					t.Error("nobody is told to settle")
				}
				must(t, s.Settle(t.Context()))
				a, err = s.Answer(t.Context(), q, spend.Everything)
				if err != nil || a.Total != want || a.Segments == 0 {
					t.Errorf("after settling: %d from %d files, want %d (%v)", a.Total, a.Segments, want, err)
				}
			})
		}
	})
}

// running is a server with a worker that has reported two days of work, all of it settled.
func running(t *testing.T, engine store.Engine) (*world, *server, string) {
	t.Helper()
	w := newWorld(t, storetest.Open(t, engine))
	p := cluster.Process{
		ID: processID("cl_0", 1), ClusterID: "cl_0", Role: cluster.RoleWorker, Name: "w-1", Generation: 1, Status: cluster.StatusRunning,
		Target: cluster.TargetRunning, Threads: 2, Rate: cost.Rate{NanosPerHour: 1_000_000, Currency: "USD"}, CreatedAt: begin, StartedAt: begin,
	}
	must(t, w.db.CreateProcess(t.Context(), p))
	w.now = begin.AddDate(0, 0, 2)
	w.report(t, begin, 40*time.Hour)
	folder := t.TempDir()
	s := newServer(t, w, folder, immortal, false)
	t.Cleanup(func() { s.close(t) })
	must(t, s.Settle(t.Context()))
	if _, err := s.Answer(t.Context(), question(w), spend.Everything); err != nil {
		t.Fatal(err)
	}
	return w, s, folder
}

// forgetUsage makes the store forget all that was ever reported, as a retention would: what the processes cost is known, and not what for.
func (w *world) forgetUsage(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	_, err := w.db.DeleteBatches(ctx, w.now.Add(time.Hour))
	must(t, err)
	must(t, w.db.Atomically(ctx, func(ctx context.Context) error { return w.db.Unfold(ctx, "cl_0", 1) }))
	must(t, w.db.MarkRunning(ctx, w.now))
	catalogue, err := w.db.Catalogue(ctx)
	must(t, err)
	settled, _ := segment.Plan(w.now, catalogue.Marks)
	for _, marks := range settled { // it has changed no figure of the past
		must(t, w.db.SwapSegments(ctx, segment.Change{}, marks, w.now))
	}
}

// TestWhatIsNotKeptIsSaid loses the file of a day whose telemetry the store has forgotten: the total stays that of the processes, what was seen is unknown, and answers say so.
func TestWhatIsNotKeptIsSaid(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, engine store.Engine) {
		for _, rollupsToo := range []bool{false, true} {
			w, s, folder := running(t, engine)
			ask := func(kind string, scope spend.Scope) spend.Answer {
				t.Helper()
				q := question(w)
				q.By = []spend.Dimension{"kind"}
				if kind != "" {
					q.Where = []spend.Filter{{Dimension: "kind", Values: []string{kind}}}
				}
				a, err := s.Answer(t.Context(), q, scope)
				must(t, err)
				return a
			}
			before, workBefore := ask("", spend.Everything), ask("work", spend.Everything)
			w.forgetUsage(t)
			catalogue, err := w.db.Catalogue(t.Context())
			must(t, err)
			day := begin.Truncate(24 * time.Hour)
			for _, one := range catalogue.Segments {
				if one.Table == segment.Lines && one.Day.Equal(day) || rollupsToo && one.Table != segment.Lines {
					must(t, os.Remove(filepath.Join(folder, one.Name)))
				}
			}
			must(t, s.Verify(t.Context()))
			for range 2 { // from the store, and then from the files
				after, workAfter := ask("", spend.Everything), ask("work", spend.Everything)
				if after.Total != before.Total {
					t.Errorf("the total was %d and is %d", before.Total, after.Total)
				}
				lost := workBefore.Total - workAfter.Total
				if lost <= 0 || after.Unseen-before.Unseen < lost {
					t.Fatalf("%d of work is gone, and %d more is unseen", lost, after.Unseen-before.Unseen)
				}
				if len(after.Losses) != 1 || !after.Losses[0].Day.Equal(day) || after.Losses[0].Missing != 0 || after.Losses[0].AtMost != rollupsToo {
					t.Fatalf("losses: %+v", after.Losses)
				}
				if l := after.Losses[0]; l.Unknown < after.Unseen-before.Unseen || (!rollupsToo && l.Unknown != after.Unseen-before.Unseen) {
					t.Errorf("%d is said to be unknown, and %d is", l.Unknown, after.Unseen-before.Unseen)
				}
				notes := spend.Notes(after.Losses, "USD")
				if len(notes) != 1 || !strings.Contains(notes[0], day.Format(time.DateOnly)) || !strings.Contains(notes[0], "counts as unknown") {
					t.Errorf("%q", notes)
				}
				// Users learn the day and no amount of others'.
				theirs := ask("", spend.Scope{Users: []identity.UserID{"us_1"}}).Losses
				if len(theirs) != 1 || theirs[0] != (spend.Loss{Day: day}) {
					t.Errorf("users see %+v", theirs)
				}
				must(t, s.Settle(t.Context()))
			}
			q := question(w)
			q.Since = day.AddDate(0, 0, 1)
			if a, err := s.Answer(t.Context(), q, spend.Everything); err != nil || len(a.Losses) != 0 {
				t.Errorf("a window without the day speaks of it: %+v (%v)", a.Losses, err)
			}
			if d := s.found.all(); len(d) == 0 || d[0].Reason != "is missing" {
				t.Errorf("found %+v", d)
			}
		}
	})
}

// TestWhatNobodyKnowsIsSaid loses the file of a day that no process of the store has spent, as in a folder that another store wrote.
func TestWhatNobodyKnowsIsSaid(t *testing.T) {
	t.Parallel()
	w, s, folder := running(t, store.SQLite)
	ctx := t.Context()
	day := begin.Truncate(24*time.Hour).AddDate(0, 0, -3)
	old := spend.Facts(spend.Of{Cluster: "cl_1", Name: "flights-1", Backend: "local", UserID: "us_1", User: "ana"},
		[]bill.Hour{{Start: day.Add(5 * time.Hour), Kind: bill.KindWork, Category: bill.KindWork, Operation: "merge", Cost: 7_000_000_000, ThreadMicros: 5}})
	catalogue, err := w.db.Catalogue(ctx)
	must(t, err)
	files := warehouse.Files{Warehouse: s.files}
	change, err := files.Replace(ctx, catalogue.Segments, nil, slices.Values(old))
	must(t, err)
	must(t, w.db.SwapSegments(ctx, change, nil, w.now))
	q := question(w)
	q.Since = day
	before, err := s.Answer(ctx, q, spend.Everything)
	must(t, err)
	at := slices.IndexFunc(change.Fresh, func(one segment.Segment) bool { return one.Table == segment.Lines && one.Day.Equal(day) })
	must(t, os.Truncate(filepath.Join(folder, change.Fresh[at].Name), 50))
	must(t, s.Verify(ctx))
	must(t, s.Settle(ctx))
	after, err := s.Answer(ctx, q, spend.Everything)
	must(t, err)
	if before.Total-after.Total != 7_000_000_000 || len(after.Losses) != 1 || after.Losses[0].Missing != 7_000_000_000 || after.Losses[0].Unknown != 0 {
		t.Errorf("%d before, %d after, %+v", before.Total, after.Total, after.Losses)
	}
	if notes := spend.Notes(after.Losses, "USD"); len(notes) != 1 || !strings.Contains(notes[0], "$7.00 is in no figure") {
		t.Errorf("%q", notes)
	}
}

// TestLossIsNoMoreThanThereWas compares anything with anything.
func TestLossIsNoMoreThanThereWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		day := begin.Truncate(24 * time.Hour)
		draw := func(name string) (facts []spend.Fact) {
			for range rapid.IntRange(0, 6).Draw(t, name) {
				facts = append(facts, spend.Fact{Hour: bill.Hour{
					Start: day.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "hour")) * time.Hour), Cost: cost.Nanos(rapid.Int64Range(0, 9).Draw(t, "cost")),
					Kind: rapid.SampledFrom([]string{bill.KindWork, bill.KindUnknown, bill.KindLost}).Draw(t, "kind"),
				}})
			}
			return facts
		}
		was, is := draw("was"), draw("is")
		s := segment.Segment{Table: segment.Lines, Day: day, Rows: int64(len(was))}
		held := segment.Held{Known: rapid.Bool().Draw(t, "known"), Hours: map[time.Time]segment.Sum{}}
		for _, f := range was {
			sum := held.Hours[f.Start]
			sum.Cost, s.Nanos = sum.Cost+f.Cost, s.Nanos+f.Cost
			held.Day.Cost += f.Cost
			if f.Kind != bill.KindWork {
				sum.Unseen, held.Day.Unseen = sum.Unseen+f.Cost, held.Day.Unseen+f.Cost
			}
			held.Hours[f.Start] = sum
		}
		if !held.Known || rapid.Bool().Draw(t, "day only") {
			held.Hours = nil
		}
		dirty := map[time.Time]bool{}
		if rapid.Bool().Draw(t, "dirty") {
			dirty[day] = true
		}
		unknown, missing, _ := segment.Loss(s, held, is, dirty)
		if unknown < 0 || missing < 0 || unknown > s.Nanos || missing > s.Nanos {
			t.Fatalf("unknown %d, missing %d of %d", unknown, missing, s.Nanos)
		}
		if u, m, most := segment.Loss(s, held, was, nil); u != 0 || m != 0 || most {
			t.Fatalf("the same facts lose %d and %d", u, m)
		}
		if nothing, gone, _ := segment.Loss(s, held, nil, nil); nothing != 0 || gone != s.Nanos {
			t.Fatalf("without facts %d is unknown and %d missing of %d", nothing, gone, s.Nanos)
		}
	})
}
