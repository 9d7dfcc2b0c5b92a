package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

func TestAppendBatches(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c, other := newCluster(t, db), newCluster(t, db)
		fresh, err := db.AppendBatches(ctx, nil)
		must(t, err)
		equal(t, fresh, []bool{})

		first := []usage.RawBatch{newBatch(c.ID, "e", 0), newBatch(c.ID, "e", 1), newBatch(c.ID, "f", 0), newBatch(other.ID, "e", 0)}
		fresh, err = db.AppendBatches(ctx, first)
		must(t, err)
		equal(t, fresh, []bool{true, true, true, true})

		again := newBatch(c.ID, "e", 1)
		again.Payload, again.ReceivedAt, again.ProcessID, again.Kind = []byte("other"), noon.Add(time.Hour), "p", "source"
		second := []usage.RawBatch{newBatch(c.ID, "e", 3), again, newBatch(c.ID, "e", 2), newBatch(c.ID, "e", 3)}
		fresh, err = db.AppendBatches(ctx, second)
		must(t, err)
		equal(t, fresh, []bool{true, false, true, false})

		got, err := db.UnfoldedBatches(ctx, c.ID, 0)
		must(t, err)
		equal(t, got, []usage.RawBatch{first[0], first[1], first[2], second[2], second[0]})
		all, err := db.UnfoldedBatches(ctx, "", 0)
		must(t, err)
		got, err = db.UnfoldedBatches(ctx, "", 4)
		must(t, err)
		equal(t, got, all[:4]) // the four of the first call; within a call, those of one epoch are in order
		equal(t, all[4:], []usage.RawBatch{second[2], second[0]})
		got, err = db.UnfoldedBatches(ctx, other.ID, 10)
		must(t, err)
		equal(t, got, []usage.RawBatch{first[3]})

		// One that cannot be kept keeps the others out too: the sender learns of one result.
		_, err = db.AppendBatches(ctx, []usage.RawBatch{newBatch(c.ID, "g", 0), newBatch("cl_nothing", "g", 0)})
		wantKind(t, err, errs.NotFound)
		got, err = db.UnfoldedBatches(ctx, "", 0)
		must(t, err)
		if len(got) != 6 {
			t.Errorf("%d batches are there, want 6", len(got))
		}
	})
}

func TestAppendManyBatches(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		const n = 64 + 64 + 16 + 4 + 3 // every size of statement
		var batches []usage.RawBatch
		for seq := range int64(n) {
			batches = append(batches, newBatch(c.ID, "e", seq))
		}
		_, err := db.AppendBatches(ctx, batches[10:100])
		must(t, err)
		fresh, err := db.AppendBatches(ctx, batches)
		must(t, err)
		for i, f := range fresh {
			if f != (i < 10 || i >= 100) {
				t.Errorf("batch %d: new = %v", i, f)
			}
		}
		got, err := db.UnfoldedBatches(ctx, c.ID, 0)
		must(t, err)
		equal(t, got, append(append(append([]usage.RawBatch{}, batches[10:100]...), batches[:10]...), batches[100:]...))
	})
}

func TestAppendBatchesTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		const senders, posts, each = 8, 10, 5
		var fresh, refused atomic.Int64
		var group sync.WaitGroup
		for sender := range senders {
			group.Go(func() {
				for post := range posts {
					// Each post is sent by two senders, in opposite orders.
					var batches []usage.RawBatch
					for i := range int64(each) {
						seq := int64(post*each) + i
						if sender%2 == 0 {
							seq = int64(post*each) + each - 1 - i
						}
						batches = append(batches, newBatch(c.ID, fmt.Sprintf("e%d", sender/2), seq))
					}
					got, err := db.AppendBatches(ctx, batches)
					if err != nil {
						t.Error(err)
					}
					for _, f := range got {
						if f {
							fresh.Add(1)
						}
					}
				}
			})
			group.Go(func() { // spoils what it shares a transaction with, if the store does not take care
				for range posts {
					_, err := db.AppendBatches(ctx, []usage.RawBatch{newBatch("cl_nothing", "e", 0)})
					if errs.Is(err, errs.NotFound) {
						refused.Add(1)
					}
				}
			})
		}
		group.Wait()
		const want = senders / 2 * posts * each
		if fresh.Load() != want || refused.Load() != senders*posts {
			t.Errorf("%d were new and %d refused, want %d and %d", fresh.Load(), refused.Load(), want, senders*posts)
		}
		got, err := db.UnfoldedBatches(ctx, c.ID, 0)
		must(t, err)
		if len(got) != want {
			t.Errorf("%d batches are there, want %d", len(got), want)
		}
	})
}

// TestAppendBatchesWithCancelledCallers: a caller that goes away takes nobody with it.
func TestAppendBatchesWithCancelledCallers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newCluster(t, db)
		var group sync.WaitGroup
		var kept sync.Map
		for i := range int64(64) {
			group.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%2 == 1 {
					go cancel()
				}
				fresh, err := db.AppendBatches(ctx, []usage.RawBatch{newBatch(c.ID, "e", i)})
				if err == nil && fresh[0] {
					kept.Store(i, true)
				} else if i%2 == 0 {
					t.Errorf("batch %d: %v", i, err)
				}
			})
		}
		group.Wait()
		there := map[int64]bool{}
		got, err := db.UnfoldedBatches(t.Context(), c.ID, 0)
		must(t, err)
		for _, b := range got {
			there[b.Seq] = true
		}
		kept.Range(func(seq, _ any) bool {
			if !there[seq.(int64)] {
				t.Errorf("batch %d was acknowledged and is not there", seq)
			}
			return true
		})
	})
}

func TestAppendBatchesInTheCallersTransaction(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		err := db.Atomically(ctx, func(ctx context.Context) error {
			fresh, err := db.AppendBatches(ctx, []usage.RawBatch{newBatch(c.ID, "e", 0)})
			must(t, err)
			equal(t, fresh, []bool{true})
			return errStop
		})
		if err == nil {
			t.Error("no error")
		}
		got, err := db.UnfoldedBatches(ctx, "", 0)
		must(t, err)
		equal(t, got, []usage.RawBatch{})
	})
}

func TestMarkFolded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		batches := []usage.RawBatch{newBatch(c.ID, "e", 0), newBatch(c.ID, "e", 1)}
		_, err := db.AppendBatches(ctx, batches)
		must(t, err)
		if err := db.MarkFolded(ctx, batches[0]); err == nil {
			t.Error("folded outside a transaction")
		}
		fold := func(b usage.RawBatch, then error) error {
			return db.Atomically(ctx, func(ctx context.Context) error {
				if err := db.MarkFolded(ctx, b); err != nil {
					return err
				}
				return then
			})
		}
		if err := fold(batches[0], errStop); err == nil {
			t.Error("no error")
		}
		must(t, fold(batches[0], nil)) // the transaction before was undone
		wantKind(t, fold(batches[0], nil), errs.Conflict)
		wantKind(t, fold(newBatch(c.ID, "e", 9), nil), errs.NotFound)
		got, err := db.UnfoldedBatches(ctx, c.ID, 10)
		must(t, err)
		equal(t, got, batches[1:])

		// A folded batch that is sent again stays folded.
		fresh, err := db.AppendBatches(ctx, batches[:1])
		must(t, err)
		equal(t, fresh, []bool{false})
		got, err = db.UnfoldedBatches(ctx, "", 10)
		must(t, err)
		equal(t, got, batches[1:])
	})
}

// TestFoldExactlyOnce lets several folders race for the same batches. Each batch adds one microsecond.
func TestFoldExactlyOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		const n, folders = 20, 4
		var batches []usage.RawBatch
		for seq := range int64(n) {
			batches = append(batches, newBatch(c.ID, "e", seq))
		}
		_, err := db.AppendBatches(ctx, batches)
		must(t, err)
		var folded, beaten atomic.Int64
		var group sync.WaitGroup
		for range folders {
			group.Go(func() {
				for _, b := range batches {
					err := db.Atomically(ctx, func(ctx context.Context) error {
						if err := db.MarkFolded(ctx, b); err != nil {
							return err
						}
						return db.AddLineUsage(ctx, []usage.LineUsage{{
							ClusterID: c.ID, ProcessID: b.ProcessID, HourAt: noon.Truncate(time.Hour), Prefix: "inc", ThreadMicros: 1,
						}})
					})
					switch errs.KindOf(err) {
					case "":
						folded.Add(1)
					case errs.Conflict:
						beaten.Add(1)
					default:
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if folded.Load() != n || beaten.Load() != n*(folders-1) {
			t.Errorf("%d folded and %d were beaten, want %d and %d", folded.Load(), beaten.Load(), n, n*(folders-1))
		}
		rows := getBy(t, ctx, db.LineUsageByCluster, c.ID)
		if len(rows) != 1 || rows[0].ThreadMicros != n {
			t.Errorf("usage = %+v, want one row of %d", rows, n)
		}
	})
}

func TestDeleteBatches(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		var batches []usage.RawBatch
		for seq := range int64(6) {
			batches = append(batches, newBatch(c.ID, "e", seq))
		}
		_, err := db.AppendBatches(ctx, batches)
		must(t, err)
		for _, b := range []usage.RawBatch{batches[0], batches[2], batches[3], batches[5]} {
			must(t, db.Atomically(ctx, func(ctx context.Context) error { return db.MarkFolded(ctx, b) }))
		}
		n, err := db.DeleteBatches(ctx, batches[3].ReceivedAt) // half-open: not that one
		must(t, err)
		equal(t, n, int64(2))
		n, err = db.DeleteBatches(ctx, batches[3].ReceivedAt)
		must(t, err)
		equal(t, n, int64(0))
		equal(t, getBy(t, ctx, db.FoldStateByCluster, c.ID).DroppedBatches, int64(2))
		got, err := db.UnfoldedBatches(ctx, c.ID, 0)
		must(t, err)
		equal(t, got, []usage.RawBatch{batches[1], batches[4]})
		fresh, err := db.AppendBatches(ctx, batches)
		must(t, err)
		equal(t, fresh, []bool{true, false, true, false, false, false}) // 0 and 2 are forgotten, 3 and 5 are not
	})
}

func TestLineUsageAddsUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c, other := newCluster(t, db), newCluster(t, db)
		row := usage.LineUsage{
			ClusterID: c.ID, ProcessID: "p", HourAt: noon.Truncate(time.Hour).UTC(), Submission: 1, Prefix: "inc",
			Line: usage.Line{File: "/a.py", Line: 1, Function: "f"}, ThreadMicros: 100, CPUMicros: 10,
			Operation: "unknown", NativeMicros: 1,
		}
		var want []usage.LineUsage
		vary := func(f func(r *usage.LineUsage)) {
			r := row
			f(&r)
			want = append(want, r)
		}
		vary(func(*usage.LineUsage) {})
		vary(func(r *usage.LineUsage) { r.Line.Function = "g" })
		vary(func(r *usage.LineUsage) { r.Line.Line = 2 })
		vary(func(r *usage.LineUsage) { r.Line.File = "/b.py" })
		vary(func(r *usage.LineUsage) { r.Line.File = "/b.p"; r.Line.Function = "yf" }) // the same letters, cut elsewhere
		vary(func(r *usage.LineUsage) { r.Prefix = "sum" })
		vary(func(r *usage.LineUsage) { r.Submission = 2; r.Line = usage.Line{} })
		vary(func(r *usage.LineUsage) { r.HourAt = r.HourAt.Add(time.Hour) })
		vary(func(r *usage.LineUsage) { r.ProcessID = "q" })
		vary(func(r *usage.LineUsage) { r.Origin = 1 })
		vary(func(r *usage.LineUsage) { r.Part = "inc-1" })
		vary(func(r *usage.LineUsage) { r.Operation = "groupby" })
		vary(func(r *usage.LineUsage) { r.Library = "pandas" })
		must(t, db.AddLineUsage(ctx, nil))
		must(t, db.AddLineUsage(ctx, want))
		must(t, db.AddLineUsage(ctx, append(want, want...))) // equal rows in one call
		foreign := row
		foreign.ClusterID = other.ID
		must(t, db.AddLineUsage(ctx, []usage.LineUsage{foreign}))

		got := getBy(t, ctx, db.LineUsageByCluster, c.ID)
		if len(got) != len(want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
		byKey := map[usage.LineUsage]bool{}
		for _, r := range got {
			byKey[r] = true
		}
		for _, r := range want {
			r.ThreadMicros, r.CPUMicros, r.NativeMicros = 3*r.ThreadMicros, 3*r.CPUMicros, 3*r.NativeMicros
			if !byKey[r] {
				t.Errorf("missing %+v", r)
			}
		}
		equal(t, getBy(t, ctx, db.LineUsageByCluster, other.ID), []usage.LineUsage{foreign})
		foreign.ClusterID = "cl_nothing"
		wantKind(t, db.AddLineUsage(ctx, []usage.LineUsage{foreign}), errs.NotFound)
	})
}

func TestCategoryUsage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		window := func(process string, start int, category string, us int64) usage.CategoryUsage {
			return usage.CategoryUsage{
				ClusterID: c.ID, ProcessID: cluster.ProcessID(process), Epoch: "e", StartAt: noon.Add(time.Duration(start) * time.Second).UTC(),
				EndAt: noon.Add(time.Duration(start+1) * time.Second).UTC(), Category: category, ThreadMicros: us,
			}
		}
		want := []usage.CategoryUsage{
			window("p", 0, "idle.no_work", 1), window("p", 0, "overhead.dask", 2), window("p", 0, "work", 3),
			window("p", 1, "work", 4), window("p", 10, "work", 5), window("q", 0, "work", 6),
		}
		must(t, db.AddCategoryUsage(ctx, []usage.CategoryUsage{want[5], want[3], want[1]}))
		must(t, db.AddCategoryUsage(ctx, []usage.CategoryUsage{want[4], want[2], want[0]}))
		equal(t, getBy(t, ctx, db.CategoryUsageByCluster, c.ID), want)

		more := want[5]
		more.ThreadMicros, more.Final, more.EndAt = 10, true, more.EndAt.Add(time.Second)
		must(t, db.AddCategoryUsage(ctx, []usage.CategoryUsage{more, want[5]}))
		want[5] = more
		want[5].ThreadMicros = 22
		equal(t, getBy(t, ctx, db.CategoryUsageByCluster, c.ID), want)
	})
}

func TestSubmissions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c, other := newCluster(t, db), newCluster(t, db)
		one := usage.Submission{ClusterID: c.ID, ID: 1, At: noon.UTC(), Client: "a", File: "/a.py", Line: 3, Function: "f", Text: "x", Tasks: 5}
		two, foreign := one, one
		two.ID, foreign.ClusterID = 2, other.ID
		must(t, db.PutSubmissions(ctx, nil))
		must(t, db.PutSubmissions(ctx, []usage.Submission{two, one, foreign}))
		two.Tasks, two.Text = 7, "y"
		must(t, db.PutSubmissions(ctx, []usage.Submission{two}))
		equal(t, getBy(t, ctx, db.SubmissionsByCluster, c.ID), []usage.Submission{one, two})
		got, err := db.SubmissionByID(ctx, c.ID, 2)
		must(t, err)
		equal(t, got, two)
		_, err = db.SubmissionByID(ctx, c.ID, 3)
		wantKind(t, err, errs.NotFound)
	})
}

func TestSources(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		a := usage.Source{ClusterID: c.ID, File: "/a.py", SHA256: "1", Text: "import a\n"}
		b := usage.Source{ClusterID: c.ID, File: "/b.py", SHA256: "2", Text: strings.Repeat("ü", 200_000)}
		must(t, db.PutSource(ctx, b))
		must(t, db.PutSource(ctx, a))
		a.SHA256, a.Text = "3", "import aa\n"
		must(t, db.PutSource(ctx, a))
		for _, want := range []usage.Source{a, b} {
			got, err := db.SourceByFile(ctx, c.ID, want.File)
			must(t, err)
			equal(t, got, want)
		}
		a.Text, b.Text = "", ""
		equal(t, getBy(t, ctx, db.ListSources, c.ID), []usage.Source{a, b})
		_, err := db.SourceByFile(ctx, c.ID, "/c.py")
		wantKind(t, err, errs.NotFound)
		a.ClusterID = "cl_nothing"
		wantKind(t, db.PutSource(ctx, a), errs.NotFound)
	})
}

func TestFilesWithoutSource(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		row := func(file string) usage.LineUsage {
			return usage.LineUsage{
				ClusterID: c.ID, ProcessID: "p", HourAt: time.Unix(0, 0), Prefix: "x", Line: usage.Line{File: file, Line: 1}, ThreadMicros: 1,
			}
		}
		must(t, db.AddLineUsage(ctx, []usage.LineUsage{row("cell:b"), row("/job.py"), row("cell:had"), row("")}))
		must(t, db.PutSubmissions(ctx, []usage.Submission{
			{ClusterID: c.ID, ID: 1, At: time.Unix(0, 0), File: "cell:a", Line: 1}, {ClusterID: c.ID, ID: 2, At: time.Unix(0, 0), File: "cell:b", Line: 2},
		}))
		must(t, db.PutSource(ctx, usage.Source{ClusterID: c.ID, File: "cell:had", SHA256: "1", Text: "x"}))
		got, err := db.FilesWithoutSource(ctx, c.ID, "cell:")
		must(t, err)
		equal(t, got, []string{"cell:a", "cell:b"})
	})
}

// TestTextsFromOutside stores texts that PostgreSQL refuses or cannot index. Telemetry that can never be stored would block what comes after.
func TestTextsFromOutside(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		bad, good := "nul\x00 latin\xfc", "nul\uFFFD latin\uFFFD"
		long := "/" + strings.Repeat("deep/", 4000)
		for _, text := range [][2]string{{bad, good}, {long, long}} {
			row := usage.LineUsage{
				ClusterID: c.ID, ProcessID: "p", HourAt: noon.Truncate(time.Hour).UTC(), Prefix: text[0],
				Line: usage.Line{File: text[0], Line: 1, Function: text[0]}, ThreadMicros: 1,
			}
			must(t, db.AddLineUsage(ctx, []usage.LineUsage{row, row}))
			must(t, db.PutSubmissions(ctx, []usage.Submission{{ClusterID: c.ID, ID: 1, At: noon, Client: text[0], File: text[0], Function: text[0], Text: text[0]}}))
			must(t, db.PutSource(ctx, usage.Source{ClusterID: c.ID, File: text[0], SHA256: text[0], Text: text[0]}))
			must(t, db.AddEvent(ctx, cluster.Event{ClusterID: c.ID, At: noon, Message: text[0]}))

			rows := getBy(t, ctx, db.LineUsageByCluster, c.ID)
			row.Prefix, row.Line.File, row.Line.Function, row.ThreadMicros = text[1], text[1], text[1], 2
			found := false
			for _, r := range rows {
				found = found || r == row
			}
			if !found {
				t.Errorf("%.20q is not in %d rows", text[1], len(rows))
			}
			source, err := db.SourceByFile(ctx, c.ID, text[0])
			must(t, err)
			equal(t, source, usage.Source{ClusterID: c.ID, File: text[1], SHA256: text[1], Text: text[1]})
			submission, err := db.SubmissionByID(ctx, c.ID, 1)
			must(t, err)
			equal(t, submission.File, text[1])
		}
		batch := newBatch(c.ID, "e\x00", 0)
		batch.Kind, batch.ProcessID = "k\x00", "p\x00"
		fresh, err := db.AppendBatches(ctx, []usage.RawBatch{batch})
		must(t, err)
		equal(t, fresh, []bool{true})
		must(t, db.Atomically(ctx, func(ctx context.Context) error { return db.MarkFolded(ctx, batch) }))
	})
}
