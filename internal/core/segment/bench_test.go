package segment_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// BenchmarkAnswerWhileClustersRun asks a server on which clusters have run for two days, with windows of ten seconds and 30 lines an hour on each worker: what
// is not in segments yet is computed for each question.
func BenchmarkAnswerWhileClustersRun(b *testing.B) {
	const clusters, workers, days = 10, 10, 2
	w := newWorld(b, storetest.Open(b, store.SQLite))
	since := begin
	w.now = since.AddDate(0, 0, days).Add(20 * time.Minute)
	for n := range clusters {
		id := cluster.ID(fmt.Sprintf("cl_b%d", n))
		must(b, w.db.CreateCluster(b.Context(), cluster.Cluster{
			ID: id, Name: string(id), OwnerID: "us_1", Backend: "local", Status: cluster.StatusRunning, Target: cluster.TargetRunning, CreatedAt: since, SchedulerKey: string(id),
		}))
		for i := range workers {
			p := cluster.Process{
				ID: cluster.ProcessID(fmt.Sprintf("%s-w-%d-1", id, i)), ClusterID: id, Role: cluster.RoleWorker, Name: fmt.Sprintf("w-%d", i), Generation: 1,
				Status: cluster.StatusRunning, Target: cluster.TargetRunning, Threads: 2, Rate: cost.Rate{NanosPerHour: 1e8, Currency: "USD"}, CreatedAt: since, StartedAt: since,
			}
			must(b, w.db.CreateProcess(b.Context(), p))
			var lines []usage.LineUsage
			var windows []usage.CategoryUsage
			for at := since; at.Before(w.now); at = at.Add(10 * time.Second) {
				windows = append(windows, usage.CategoryUsage{
					ClusterID: id, ProcessID: p.ID, Epoch: "e", StartAt: at, EndAt: at.Add(10 * time.Second), Category: "idle.no_work", ThreadMicros: 10e6,
				})
				if at.Truncate(time.Hour).Equal(at) {
					for line := range 30 {
						lines = append(lines, usage.LineUsage{
							ClusterID: id, ProcessID: p.ID, HourAt: at, Line: usage.Line{File: "/home/ana/flights.py", Line: line}, Operation: "merge", ThreadMicros: 60e6,
						})
					}
				}
			}
			must(b, w.db.AddLineUsage(b.Context(), lines))
			must(b, w.db.AddCategoryUsage(b.Context(), windows))
		}
	}
	files, err := warehouse.Open(b.Context(), b.TempDir(), warehouse.Options{Threads: 2, Currency: "USD"})
	must(b, err)
	keeper := segment.NewKeeper(b.Context(), segment.Config{Store: w.db, Bills: w, Folder: w, Files: warehouse.Files{Warehouse: files}, Now: w.clock})
	b.Cleanup(func() {
		must(b, keeper.Close())
		must(b, files.Close())
	})
	started := time.Now()
	must(b, keeper.Settle(b.Context()))
	backfill := time.Since(started)
	for b.Loop() {
		_, err := keeper.Answer(b.Context(), question(w), spend.Everything)
		must(b, err)
	}
	b.ReportMetric(backfill.Seconds(), "s/backfill")
	b.ReportMetric(clusters*workers, "workers")
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
