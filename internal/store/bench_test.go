package store_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// benchStore opens a database that syncs as a server's does. On PostgreSQL that is for the server to say.
func benchStore(b *testing.B, engine store.Engine) *store.DB {
	b.Helper()
	cfg := storetest.Config(b, engine)
	cfg.NoSync = false
	db, err := store.Open(b.Context(), cfg)
	must(b, err)
	b.Cleanup(func() { db.Close() })
	must(b, db.Migrate(b.Context()))
	return db
}

// payload is 2 KB that do not compress, about what a busy worker sends.
func payload() []byte {
	source := rand.NewChaCha8([32]byte{1})
	p := make([]byte, 2048)
	source.Read(p)
	return bytes.Clone(p)
}

// BenchmarkAppendBatches appends from one caller: each call waits for the disk.
func BenchmarkAppendBatches(b *testing.B) {
	for _, engine := range storetest.Engines(b) {
		for _, size := range []int{1, 10, 50, 100, 500} {
			b.Run(fmt.Sprintf("%s/per_call=%d", engine, size), func(b *testing.B) {
				db := benchStore(b, engine)
				c := newCluster(b, db)
				body := payload()
				var seq int64
				b.SetBytes(int64(size * len(body)))
				for b.Loop() {
					batches := make([]usage.RawBatch, size)
					for i := range batches {
						batches[i] = newBatch(c.ID, "0123456789abcdef0123456789abcdef", seq)
						batches[i].Payload = body
						seq++
					}
					_, err := db.AppendBatches(b.Context(), batches)
					must(b, err)
				}
				b.ReportMetric(float64(seq)/b.Elapsed().Seconds(), "batches/s")
			})
		}
	}
}

// BenchmarkAppendBatchesTogether appends from many callers, each with few batches, as the schedulers of many clusters do.
func BenchmarkAppendBatchesTogether(b *testing.B) {
	for _, engine := range storetest.Engines(b) {
		for _, size := range []int{1, 10} {
			b.Run(fmt.Sprintf("%s/per_call=%d", engine, size), func(b *testing.B) {
				db := benchStore(b, engine)
				c := newCluster(b, db)
				body := payload()
				var callers, total atomic.Int64
				b.SetParallelism(64)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					epoch := fmt.Sprintf("%032x", callers.Add(1))
					var seq int64
					for pb.Next() {
						batches := make([]usage.RawBatch, size)
						for i := range batches {
							batches[i] = newBatch(c.ID, epoch, seq)
							batches[i].Payload = body
							seq++
						}
						_, err := db.AppendBatches(b.Context(), batches)
						if err != nil {
							b.Error(err)
							return
						}
						total.Add(int64(size))
					}
				})
				b.ReportMetric(float64(total.Load())/b.Elapsed().Seconds(), "batches/s")
			})
		}
	}
}

// BenchmarkFold marks batches folded and adds 20 lines and 3 categories for each, 50 batches in a transaction.
func BenchmarkFold(b *testing.B) {
	const perTransaction, lines = 50, 20
	for _, engine := range storetest.Engines(b) {
		b.Run(string(engine), func(b *testing.B) {
			db := benchStore(b, engine)
			c := newCluster(b, db)
			body := payload()
			var seq int64
			for b.Loop() {
				b.StopTimer()
				batches := make([]usage.RawBatch, perTransaction)
				for i := range batches {
					batches[i] = newBatch(c.ID, "0123456789abcdef0123456789abcdef", seq)
					batches[i].Payload = body
					seq++
				}
				_, err := db.AppendBatches(b.Context(), batches)
				must(b, err)
				b.StartTimer()
				must(b, db.Atomically(b.Context(), func(ctx context.Context) error {
					var rows []usage.LineUsage
					var categories []usage.CategoryUsage
					for _, batch := range batches {
						if err := db.MarkFolded(ctx, batch); err != nil {
							return err
						}
						for line := range lines {
							rows = append(rows, usage.LineUsage{
								ClusterID: c.ID, ProcessID: batch.ProcessID, HourAt: noon, Submission: 1, Prefix: "inc",
								Line: usage.Line{File: "/home/ana/flights.py", Line: line, Function: "main"}, ThreadMicros: 1,
							})
						}
						for _, category := range []string{"work", "idle.no_work", "overhead.dask"} {
							categories = append(categories, usage.CategoryUsage{
								ClusterID: c.ID, ProcessID: batch.ProcessID, Epoch: batch.Epoch, StartAt: batch.ReceivedAt, EndAt: batch.ReceivedAt,
								Category: category, ThreadMicros: 1,
							})
						}
					}
					if err := db.AddLineUsage(ctx, rows); err != nil {
						return err
					}
					return db.AddCategoryUsage(ctx, categories)
				}))
			}
			b.ReportMetric(float64(seq)/b.Elapsed().Seconds(), "batches/s")
		})
	}
}
