package e2e_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	core "github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/sdk"
)

// TestKilledWhileWritingTheWarehouse gives a server a past of half a year, as one has that is new to the warehouse, and kills it again and again while it writes
// that. At the end every question is answered to the nano-unit as the processes cost, and the files are those of the catalogue.
func TestKilledWhileWritingTheWarehouse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	me, err := s.client.Me(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.terminate()
	since := time.Now().UTC().Truncate(time.Hour).AddDate(0, -6, 0)
	givePast(t, s.data, identity.UserID(me.User.ID), since)

	for _, moment := range []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 700 * time.Millisecond, time.Second} {
		s.start()
		pause(t, moment)
		s.kill()
	}
	s.restart()
	wantSpent(t, s, since)
	s.eventually(time.Minute, "all but the hour that goes on is written", func() bool { return dirtyHours(t, s.data) <= 2*pastClusters })
	wantSpent(t, s, since)
	s.kill() // now it has files and nothing to write
	s.restart()
	wantSpent(t, s, since)
	if files, rows := parquetFiles(t, s.data), liveSegments(t, s.data); files < rows || rows < 150 {
		t.Errorf("%d files of %d segments", files, rows)
	}
}

// terminate ends the server in good order.
func (s *server) terminate() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatal(err)
	}
}

const pastClusters = 4

func openStore(t *testing.T, data string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(data, "lineitem.db"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// givePast writes clusters that worked for an hour in four, the last of which still runs, to a server's database.
func givePast(t *testing.T, data string, owner identity.UserID, since time.Time) {
	t.Helper()
	db := openStore(t, data)
	defer func() { _ = db.Close() }()
	ctx, now := t.Context(), time.Now().UTC()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range pastClusters {
		c := core.Cluster{
			ID: core.ID(fmt.Sprintf("cl_past%d", n)), Name: fmt.Sprintf("past-%d", n), OwnerID: owner, Backend: core.BackendWatched,
			Options: core.Options{Workers: 1, Threads: 2}, Status: core.StatusRunning, Target: core.TargetRunning,
			CreatedAt: since, StartedAt: since, SchedulerKey: fmt.Sprint(n), LastSeenAt: now,
		}
		must(db.CreateCluster(ctx, c))
		p := core.Process{
			ID: core.ProcessID(c.ID + "-w-1"), ClusterID: c.ID, Role: core.RoleWorker, Name: "w", Generation: 1, Status: core.StatusRunning,
			Target: core.TargetRunning, Threads: 2, Rate: cost.Rate{NanosPerHour: 123_456_789, Currency: "USD"}, CreatedAt: since,
			StartedAt: since.Add(time.Duration(n) * 7 * time.Minute),
		}
		if n > 0 {
			p.EndedAt, p.Status = now.AddDate(0, -n, 0), core.StatusStopped
		}
		must(db.CreateProcess(ctx, p))
		var lines []usage.LineUsage
		var windows []usage.CategoryUsage
		for at := since.Add(time.Hour); at.Before(now); at = at.Add(4 * time.Hour) {
			lines = append(lines, usage.LineUsage{
				ClusterID: c.ID, ProcessID: p.ID, HourAt: at, Operation: "read.csv", Line: usage.Line{File: "/home/ana/flights.py", Line: at.Day(), Function: "main"},
				ThreadMicros: time.Hour.Microseconds(),
			})
			windows = append(windows, usage.CategoryUsage{
				ClusterID: c.ID, ProcessID: p.ID, Epoch: "a", StartAt: at, EndAt: at.Add(time.Hour), Category: "idle.no_work", ThreadMicros: time.Hour.Microseconds(),
			})
		}
		must(db.AddLineUsage(ctx, lines))
		must(db.AddCategoryUsage(ctx, windows))
	}
}

// wantSpent asks for all that was spent, in several ways, and compares with what the processes cost.
func wantSpent(t *testing.T, s *server, since time.Time) {
	t.Helper()
	until := time.Now().UTC().Truncate(time.Hour) // what runs goes on costing
	costs, err := s.client.Costs(t.Context(), sdk.CostOptions{Since: since, Until: until})
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range [][]string{{"cluster"}, {"month", "kind"}, {"line", "day"}, {"hour"}} {
		b, err := s.client.CostBreakdown(t.Context(), sdk.BreakdownOptions{By: by, Since: since, Until: until, Limit: 10_000})
		if err != nil {
			t.Fatal(err)
		}
		if b.TotalNanos != costs.TotalNanos || b.TotalNanos == 0 {
			t.Errorf("by %v: %d nano-units, the processes cost %d", by, b.TotalNanos, costs.TotalNanos)
		}
		if by[0] != "cluster" {
			continue
		}
		of := map[string]int64{}
		for _, row := range b.Rows {
			of[row.Keys[0]] = row.CostNanos
		}
		for _, item := range costs.Items {
			if of[item.ClusterID] != item.CostNanos {
				t.Errorf("%s: %d nano-units, its processes cost %d", item.ClusterID, of[item.ClusterID], item.CostNanos)
			}
		}
	}
}

func dirtyHours(t *testing.T, data string) int64 {
	t.Helper()
	db := openStore(t, data)
	defer func() { _ = db.Close() }()
	hours, _, err := db.DirtyHours(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return hours
}

func liveSegments(t *testing.T, data string) int {
	t.Helper()
	db := openStore(t, data)
	defer func() { _ = db.Close() }()
	n, _, err := db.MeasureSegments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func parquetFiles(t *testing.T, data string) (files int) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(data, "warehouse"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".parquet") {
			files++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
