package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

var firstHour = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

// metered is a cluster with a worker that started ten minutes into the first hour.
func metered(t *testing.T, db *store.DB) cluster.Process {
	t.Helper()
	c := newCluster(t, db)
	c.EndedAt = time.Time{}
	must(t, db.UpdateCluster(t.Context(), c))
	p := fullProcess(c.ID, cluster.RoleWorker, "w-0", 1)
	p.StartedAt, p.EndedAt = firstHour.Add(10*time.Minute), time.Time{}
	must(t, db.CreateProcess(t.Context(), p))
	return p
}

// clean takes all marks away, as if what they name had been written.
func clean(t *testing.T, db *store.DB, now time.Time) {
	t.Helper()
	must(t, db.MarkRunning(t.Context(), now))
	must(t, db.SwapSegments(t.Context(), segment.Change{}, get(t, t.Context(), db.Catalogue).Marks, now))
	if marks := marked(t, db, now); len(marks) > 0 {
		t.Fatalf("%v is still marked", marks)
	}
}

// marked returns which hours are marked, counted from the first.
func marked(t *testing.T, db *store.DB, now time.Time) []int {
	t.Helper()
	must(t, db.MarkRunning(t.Context(), now))
	hours := []int{}
	for _, m := range get(t, t.Context(), db.Catalogue).Marks {
		hours = append(hours, int(m.Hour.Sub(firstHour)/time.Hour))
	}
	return hours
}

func at(hour, minute int) time.Time {
	return firstHour.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

func TestMarks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, p := t.Context(), metered(t, db)
		window := func(from, to time.Time) {
			t.Helper()
			must(t, db.AddCategoryUsage(ctx, []usage.CategoryUsage{
				{ClusterID: p.ClusterID, ProcessID: p.ID, Epoch: "e", StartAt: from, EndAt: to, Category: "idle.no_work", ThreadMicros: 1},
			}))
		}
		now := at(2, 30)
		equal(t, marked(t, db, now), []int{0, 1, 2}) // all that it has cost
		clean(t, db, now)
		equal(t, marked(t, db, at(2, 59)), []int{})
		now = at(4, 0)
		equal(t, marked(t, db, now), []int{3, 4}) // time goes by
		now = at(9, 30)
		clean(t, db, now)

		window(at(2, 0), at(2, 10))
		equal(t, marked(t, db, now), []int{0, 1, 2}) // it was starting until then
		clean(t, db, now)
		window(at(7, 0), at(7, 10))
		equal(t, marked(t, db, now), []int{2, 3, 4, 5, 6, 7}) // nothing was heard since the one before
		clean(t, db, now)
		window(at(5, 0), at(5, 10))
		equal(t, marked(t, db, now), []int{2, 3, 4, 5, 6}) // what is between its neighbours
		clean(t, db, now)
		window(at(7, 10), at(7, 20))
		equal(t, marked(t, db, now), []int{7}) // a report as most are
		clean(t, db, now)

		same := p
		same.Reason, same.Handle = "Nothing that costs anything.", "4712"
		must(t, db.UpdateProcess(ctx, same))
		equal(t, marked(t, db, now), []int{})
		ended := p
		ended.EndedAt = at(8, 30)
		must(t, db.UpdateProcess(ctx, ended))
		equal(t, marked(t, db, now), []int{7, 8, 9}) // it was lost after its last report
		clean(t, db, now)
		dearer := ended
		dearer.Rate.NanosPerHour++
		must(t, db.UpdateProcess(ctx, dearer))
		equal(t, marked(t, db, now), []int{0, 1, 2, 3, 4, 5, 6, 7, 8})
		clean(t, db, now)

		told := usage.Submission{ClusterID: p.ClusterID, ID: 1, File: "a.py", Line: 1}
		must(t, db.PutSubmissions(ctx, []usage.Submission{told}))
		equal(t, marked(t, db, now), []int{}) // nothing names it yet: MarkSince says since when something may
		must(t, db.MarkSince(ctx, p.ClusterID, at(8, 2)))
		equal(t, marked(t, db, now), []int{7, 8, 9}) // clocks differ
		clean(t, db, now)
		told.Line = 2
		must(t, db.PutSubmissions(ctx, []usage.Submission{told}))
		equal(t, marked(t, db, now), []int{0, 1, 2, 3, 4, 5, 6, 7, 8})
		clean(t, db, now)
		must(t, db.Atomically(ctx, func(ctx context.Context) error { return db.Unfold(ctx, p.ClusterID, 2) }))
		equal(t, marked(t, db, now), []int{0, 1, 2, 3, 4, 5, 6, 7, 8})
	})
}

func TestSwapSegments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, p := t.Context(), metered(t, db)
		day := firstHour.Truncate(24 * time.Hour)
		one := segment.Segment{Table: "lines", Day: day, Name: "one", Rows: 1, Bytes: 2, Nanos: 3}
		two := segment.Segment{Table: "lines", Day: day, Name: "two", Rows: 4, Bytes: 5, Nanos: 6}
		equal(t, marked(t, db, at(1, 0)), []int{0, 1})
		marks := get(t, ctx, db.Catalogue).Marks
		// Something changes after the marks were read: that mark stays.
		must(t, db.AddCategoryUsage(ctx, []usage.CategoryUsage{
			{ClusterID: p.ClusterID, ProcessID: p.ID, Epoch: "e", StartAt: at(0, 10), EndAt: at(0, 20), Category: "idle.no_work", ThreadMicros: 1},
		}))
		must(t, db.SwapSegments(ctx, segment.Change{Fresh: []segment.Segment{one}}, marks, at(1, 0)))
		equal(t, marked(t, db, at(1, 0)), []int{0})

		// Whoever comes second changes nothing.
		marks = get(t, ctx, db.Catalogue).Marks
		for _, change := range []segment.Change{
			{Fresh: []segment.Segment{two}},
			{Gone: []segment.Segment{{Name: "none"}}, Fresh: []segment.Segment{{Table: "days", Day: day, Name: "three"}}},
		} {
			wantKind(t, db.SwapSegments(ctx, change, marks, at(1, 0)), errs.Conflict)
		}
		equal(t, get(t, ctx, db.Catalogue).Segments, []segment.Segment{one})
		equal(t, marked(t, db, at(1, 0)), []int{0})

		must(t, db.SwapSegments(ctx, segment.Change{Gone: []segment.Segment{one}, Fresh: []segment.Segment{two}}, marks, at(1, 1)))
		equal(t, get(t, ctx, db.Catalogue).Segments, []segment.Segment{two})
		count, bytes, err := db.MeasureSegments(ctx)
		must(t, err)
		equal(t, []int64{count, bytes}, []int64{1, 5})
		hours, _, err := db.DirtyHours(ctx)
		must(t, err)
		equal(t, hours, int64(0))
		// Questions may read the old file for a while.
		equal(t, getBy(t, ctx, db.SegmentNames, at(1, 1)), []string{"one", "two"})
		equal(t, getBy(t, ctx, db.SegmentNames, at(1, 2)), []string{"two"})
		must(t, db.ForgetSegments(ctx, at(1, 2)))
		equal(t, getBy(t, ctx, db.SegmentNames, at(1, 1)), []string{"two"})

		now := at(30, 0)
		clean(t, db, now)
		must(t, db.MarkUncovered(ctx, "lines", now))
		equal(t, marked(t, db, now), []int{})
		must(t, db.SwapSegments(ctx, segment.Change{Gone: []segment.Segment{two}}, nil, now))
		must(t, db.MarkUncovered(ctx, "lines", now))
		equal(t, marked(t, db, now), []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}) // the first day; the second is not over
		must(t, db.ForgetMarks(ctx, at(12, 0)))
		equal(t, marked(t, db, now), []int{12, 13})
	})
}

func TestSetAside(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, p := t.Context(), metered(t, db)
		day := firstHour.Truncate(24 * time.Hour)
		lines := segment.Segment{Table: "lines", Day: day, Name: "lines-1", Rows: 1, Bytes: 2, Nanos: 3}
		rollup := segment.Segment{Table: "months", Day: day.AddDate(0, 0, 1-day.Day()), Name: "months-1", Rows: 1, Bytes: 2, Nanos: 3}
		now := at(5, 30)
		clean(t, db, now)
		must(t, db.SwapSegments(ctx, segment.Change{Fresh: []segment.Segment{lines, rollup}}, nil, now))

		// A rollup has nothing in the store.
		bad := segment.Damage{Segment: rollup, Reason: "is missing", FoundAt: now}
		must(t, db.SetAside(ctx, []segment.Damage{bad}, []segment.Segment{rollup}, now))
		equal(t, marked(t, db, now), []int{})
		equal(t, get(t, ctx, db.Catalogue).Losses, []segment.Damage{})
		// Whoever comes second changes nothing.
		both := []segment.Segment{lines, rollup}
		wantKind(t, db.SetAside(ctx, []segment.Damage{{Segment: lines, FoundAt: now}}, both, now), errs.Conflict)
		equal(t, get(t, ctx, db.Catalogue).Segments, []segment.Segment{lines})

		worse := segment.Damage{Segment: lines, Reason: "has other bytes", FoundAt: now.Add(time.Second), Unknown: 1, Missing: 2, AtMost: true}
		must(t, db.SetAside(ctx, []segment.Damage{worse}, []segment.Segment{lines}, now))
		equal(t, marked(t, db, now), []int{0, 1, 2, 3, 4, 5})
		catalogue := get(t, ctx, db.Catalogue)
		equal(t, catalogue.Segments, []segment.Segment{})
		equal(t, catalogue.Losses, []segment.Damage{worse})
		equal(t, getBy(t, ctx, func(ctx context.Context, n int) ([]segment.Damage, error) { return db.Damage(ctx, n) }, 10), []segment.Damage{worse, bad})
		files, losses, err := db.MeasureDamage(ctx)
		must(t, err)
		equal(t, []int64{files, losses}, []int64{2, 1})

		pairs, err := db.HoursOn(ctx, day, now)
		must(t, err)
		equal(t, len(pairs), 6)
		equal(t, pairs[5], segment.Pair{Cluster: p.ClusterID, Hour: at(5, 0)})
		pairs, err = db.HoursOn(ctx, day.AddDate(0, 0, 1), now)
		must(t, err)
		equal(t, len(pairs), 0)
	})
}
