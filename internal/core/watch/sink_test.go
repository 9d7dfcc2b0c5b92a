package watch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/core/watch"
	"github.com/lineitem/lineitem/internal/pki"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

type rig struct {
	db      *store.DB
	service *cluster.Service
	actor   identity.Actor
}

func newRig(t *testing.T, db *store.DB) *rig {
	t.Helper()
	r := &rig{db: db, actor: identity.Actor{User: identity.User{ID: "us_1", Name: "ana", Role: identity.RoleUser, CreatedAt: noon}}}
	if err := db.CreateUser(t.Context(), r.actor.User); err != nil {
		t.Fatal(err)
	}
	r.service = cluster.NewService(cluster.ServiceConfig{
		Store: db, Tx: db, Users: db, Groups: identity.NewGroups(db, db), Mint: pki.Mint, Backends: []string{"fake"}, Prices: card, DefaultMemory: 1e9, Wake: func() {},
	})
	return r
}

func (r *rig) announce(t *testing.T, key string) (cluster.Watching, error) {
	t.Helper()
	return r.service.Watch(t.Context(), noon, r.actor, cluster.WatchInput{SchedulerKey: key, SchedulerAddress: "tcp://lab:8786"})
}

// take folds batches as the folder does: in one transaction.
func (r *rig) take(t *testing.T, batches ...*usage.Batch) {
	t.Helper()
	var received []usage.Received
	for _, b := range batches {
		id, _ := strings.CutSuffix(string(b.Process), "-scheduler-1")
		received = append(received, usage.Received{Raw: usage.RawBatch{ClusterID: cluster.ID(id), ReceivedAt: time.UnixMicro(b.T1Micros).UTC()}, Batch: b})
	}
	sink := watch.NewSink(r.db, card)
	err := r.db.Atomically(t.Context(), func(ctx context.Context) error { return sink.Take(ctx, received) })
	if err != nil {
		t.Fatal(err)
	}
}

func report(c cluster.Cluster, rows ...cluster.ReportedWorker) *usage.Batch {
	return &usage.Batch{
		Kind: usage.KindScheduler, Process: cluster.ProcessID(c.ID) + "-scheduler-1", T0Micros: noon.UnixMicro(), T1Micros: noon.Add(time.Minute).UnixMicro(), Workers: rows,
	}
}

// Of a cluster that Lineitem started, a scheduler's rows are not believed: its processes are the controller's. Losses are told.
func TestReportsOfOurOwnClusters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newRig(t, db)
		view, err := r.service.Create(t.Context(), noon, r.actor, cluster.CreateInput{Options: cluster.Options{Workers: 1}})
		if err != nil {
			t.Fatal(err)
		}
		c := view.Cluster
		before, err := db.ProcessesByCluster(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		stranger := cluster.ReportedWorker{Process: cluster.ProcessID(c.ID) + "-x-1", Name: "x", Threads: 1, StartedAt: noon}
		lost := cluster.ReportedWorker{Process: before[1].ID, Name: "w-0", Threads: 9, StartedAt: noon, EndedAt: noon.Add(time.Second), LostTasks: 2}
		final := report(c, stranger, lost)
		final.Final = true
		r.take(t, final)
		after, err := db.ProcessesByCluster(t.Context(), c.ID)
		if err != nil || len(after) != len(before) || after[1].Status != before[1].Status || after[1].Threads != before[1].Threads {
			t.Errorf("processes: %+v, %v", after, err)
		}
		if row, err := db.ClusterByID(t.Context(), c.ID); err != nil || row.Status.Ended() {
			t.Errorf("cluster: %+v, %v", row, err)
		}
		events, err := db.EventsByCluster(t.Context(), c.ID, 10)
		if err != nil || len(events) != 2 || events[0].Kind != cluster.EventWorkerLost || events[0].Message != "Worker w-0 vanished while 2 tasks ran on it" {
			t.Errorf("events: %+v, %v", events, err)
		}
	})
}

// Many workers that come at once are so many processes; those of a cluster that has ended end with it.
func TestManyWorkersAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newRig(t, db)
		w, err := r.announce(t, "S-1")
		if err != nil {
			t.Fatal(err)
		}
		c := w.View.Cluster
		rows := make([]cluster.ReportedWorker, 300)
		for i := range rows {
			rows[i] = cluster.ReportedWorker{
				Process: cluster.ProcessID(fmt.Sprintf("%s-w-%08d", c.ID, i)), Name: fmt.Sprint("w-", i%100), Threads: 2, MemoryBytes: 1e9, StartedAt: noon.Add(time.Second),
			}
		}
		r.take(t, report(c, rows[:200]...), report(c, rows...)) // told again changes nothing
		processes, err := db.ProcessesByCluster(t.Context(), c.ID)
		if err != nil || len(processes) != 301 {
			t.Fatalf("%d processes, %v", len(processes), err)
		}
		generations := map[int]int{}
		for _, p := range processes[1:] {
			generations[p.Generation]++
			if p.Status != cluster.StatusRunning || !p.StartedAt.Equal(noon.Add(time.Second)) {
				t.Fatalf("%+v", p)
			}
		}
		if generations[1] != 100 || generations[2] != 100 || generations[3] != 100 {
			t.Errorf("generations: %v", generations)
		}
		final := report(c)
		final.Final = true
		r.take(t, final)
		late := rows[0]
		late.Process += "9"
		r.take(t, report(c, late, rows[1]))
		processes, err = db.ProcessesByCluster(t.Context(), c.ID)
		if err != nil || slices.ContainsFunc(processes, func(p cluster.Process) bool { return !p.Status.Ended() }) {
			t.Errorf("something of an ended cluster lives: %v", err)
		}
	})
}

// Programs that announce one scheduler at the same moment watch one cluster.
func TestAnnouncedByManyAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newRig(t, db)
		var mu sync.Mutex
		var failures []error
		ids, tokens := map[cluster.ID]bool{}, map[identity.Hash]bool{}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				w, err := r.announce(t, "S-1")
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
				ids[w.View.Cluster.ID], tokens[w.Token.Hash] = true, true
			})
		}
		group.Wait()
		if err := errors.Join(failures...); err != nil || len(ids) != 1 || len(tokens) != 8 {
			t.Errorf("%d clusters, %d tokens, %v", len(ids), len(tokens), err)
		}
		for h := range tokens {
			if id, err := db.ClusterByAgentToken(t.Context(), h); err != nil || !ids[id] {
				t.Errorf("a token: %q, %v", id, err)
			}
		}
	})
}

// TestWatchedClustersAreLimited lets a user have a thousand alive, and announce those again at any time.
func TestWatchedClustersAreLimited(t *testing.T) {
	t.Parallel()
	r := newRig(t, storetest.Open(t, store.SQLite))
	for i := range 1000 {
		if _, err := r.announce(t, fmt.Sprint("S-", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.announce(t, "S-1000"); err == nil || errs.CodeOf(err) != "too_many_watched" {
		t.Errorf("one more: %v", err)
	}
	w, err := r.announce(t, "S-7")
	if err != nil {
		t.Fatal(err)
	}
	final := report(w.View.Cluster)
	final.Final = true
	r.take(t, final)
	if _, err := r.announce(t, "S-1000"); err != nil {
		t.Errorf("one ended, one more: %v", err)
	}
}
