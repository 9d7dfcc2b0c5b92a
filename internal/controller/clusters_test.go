package controller_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/backend/fake"
	"github.com/lineitem/lineitem/internal/controller"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/pki"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

var card = cost.Card{Currency: "USD", CoreHour: 40_000_000, GigabyteHour: 5_000_000, SchedulerCore: 1, SchedulerMem: 1e9}

// rig is a server without its API: real database, real decisions, machines steered by data. It runs inside a synctest bubble.
type rig struct {
	db       *store.DB
	machines *fake.Machines
	service  *cluster.Service
	actor    identity.Actor
	stop     func()
}

type noLogs struct{}

func (noLogs) ReadLog(context.Context, cluster.Cluster, cluster.ProcessID, int64) ([]byte, bool, error) {
	return nil, false, errors.New("no logs here")
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{db: storetest.Open(t, store.SQLite), machines: fake.NewMachines(time.Now)}
	r.actor = identity.Actor{User: identity.User{ID: "us_1", Name: "ana", Role: identity.RoleAdmin, CreatedAt: time.Now()}}
	if err := r.db.CreateUser(t.Context(), r.actor.User); err != nil {
		t.Fatal(err)
	}
	r.start(t)
	t.Cleanup(func() { r.stop() })
	return r
}

// start begins a server life: a new loop over the same database and machines.
func (r *rig) start(t *testing.T) {
	t.Helper()
	loop := controller.NewClusters(controller.ClustersConfig{
		Store: r.db, Tx: r.db, Backends: map[string]backend.Backend{"fake": fake.New(r.machines, "in_1")},
		Policy: cluster.DefaultPolicy(card), Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Env: func(cluster.Cluster, cluster.Process) map[string]string {
			return map[string]string{"LINEITEM_SERVER": "http://here"}
		},
	})
	r.service = cluster.NewService(cluster.ServiceConfig{
		Store: r.db, Tx: r.db, Users: r.db, Groups: identity.NewGroups(r.db, r.db), Mint: pki.Mint, Logs: noLogs{}, Backends: []string{"fake"}, Prices: card,
		DefaultMemory: 1e9, Wake: loop.Wake,
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = loop.Run(ctx)
	}()
	r.stop = func() { cancel(); <-done }
}

func (r *rig) create(t *testing.T, workers int, env map[string]string) cluster.Cluster {
	t.Helper()
	v, err := r.service.Create(t.Context(), time.Now(), r.actor, cluster.CreateInput{Options: cluster.Options{Workers: workers, Env: env}})
	if err != nil {
		t.Fatal(err)
	}
	return v.Cluster
}

func (r *rig) get(t *testing.T, id cluster.ID) cluster.View {
	t.Helper()
	v, err := r.service.Get(t.Context(), time.Now(), r.actor, string(id))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (r *rig) alive(t *testing.T) int {
	t.Helper()
	processes, err := fake.New(r.machines, "in_1").List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(slices.DeleteFunc(processes, func(p backend.Process) bool { return p.State == backend.StateEnded }))
}

func pass(d time.Duration) {
	<-time.After(d) // in the bubble, where time is free
	synctest.Wait()
}

func TestAClusterRunsCostsAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.create(t, 2, nil)
		pass(time.Minute)
		v := r.get(t, c.ID)
		if v.Cluster.Status != cluster.StatusRunning || v.WorkersRunning != 2 || v.Rate != 3*45_000_000 {
			t.Fatalf("after a minute: %s, %d workers, %d/h", v.Cluster.Status, v.WorkersRunning, v.Rate)
		}
		if _, err := r.service.Stop(t.Context(), time.Now(), r.actor, c.Name); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		v = r.get(t, c.ID)
		if v.Cluster.Status != cluster.StatusStopped || r.alive(t) != 0 || v.Rate != 0 {
			t.Fatalf("stopped: %s, %d alive, %d/h", v.Cluster.Status, r.alive(t), v.Rate)
		}
		final := v.Cost
		pass(time.Hour)
		if v = r.get(t, c.ID); v.Cost != final || final == 0 {
			t.Errorf("a stopped cluster costs %d, then %d", final, v.Cost)
		}
		if _, _, err := r.service.Credentials(t.Context(), r.actor, string(c.ID)); err == nil {
			t.Error("the credentials of a stopped cluster are still handed out")
		}
	})
}

func TestScalingAddsAndRemoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.create(t, 1, nil)
		pass(time.Minute)
		for _, n := range []int{4, 2, 0, 3} {
			if _, err := r.service.Scale(t.Context(), time.Now(), r.actor, string(c.ID), cluster.ScaleInput{Workers: n}); err != nil {
				t.Fatal(err)
			}
			pass(2 * time.Minute)
			if v := r.get(t, c.ID); v.WorkersRunning != n || r.alive(t) != n+1 {
				t.Fatalf("scaled to %d: %d running, %d processes alive", n, v.WorkersRunning, r.alive(t))
			}
		}
	})
}

func TestALostWorkerComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.create(t, 2, nil)
		pass(time.Minute)
		if !r.machines.Crash(cluster.ProcessID(string(c.ID)+"-w-1-1"), 137) {
			t.Fatal("there is no such worker")
		}
		pass(time.Minute)
		if v := r.get(t, c.ID); v.WorkersRunning != 2 {
			t.Fatalf("%d workers run", v.WorkersRunning)
		}
		events, err := r.service.Events(t.Context(), r.actor, string(c.ID), 0)
		if err != nil || !slices.ContainsFunc(events, func(e cluster.Event) bool { return e.Kind == cluster.EventWorkerLost }) {
			t.Errorf("nobody is told: %v %v", events, err)
		}
	})
}

// TestTheNextServerAdoptsAndSweeps kills the server at every moment of a cluster's start, and lets another one go on.
func TestTheNextServerAdoptsAndSweeps(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 90 * time.Millisecond, 150 * time.Millisecond, time.Second, 5 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				c := r.create(t, 2, nil)
				pass(after)
				r.stop()
				r.machines.Plant("in_1", backend.Process{
					ID: "cl_lost-w-0-1", ClusterID: "cl_lost", Role: cluster.RoleWorker, Name: "w-0", State: backend.StateRunning, StartedAt: time.Now(),
				})
				pass(time.Hour)
				r.start(t)
				pass(time.Minute)
				if v := r.get(t, c.ID); v.Cluster.Status != cluster.StatusRunning || v.WorkersRunning != 2 || r.alive(t) != 3 {
					t.Fatalf("adopted: %s, %d workers, %d alive (the orphan must be gone)", v.Cluster.Status, v.WorkersRunning, r.alive(t))
				}
				if _, err := r.service.Stop(t.Context(), time.Now(), r.actor, string(c.ID)); err != nil {
					t.Fatal(err)
				}
				r.stop()
				r.start(t)
				pass(time.Minute)
				if r.alive(t) != 0 {
					t.Fatalf("%d processes are left", r.alive(t))
				}
			})
		})
	}
}

func TestWhatCannotStartIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.create(t, 1, map[string]string{fake.EnvStart: fake.StartInvalid})
		pass(time.Minute)
		if v := r.get(t, c.ID); v.Cluster.Status != cluster.StatusFailed || v.Cluster.Reason == "" || r.alive(t) != 0 || v.Cost != 0 {
			t.Fatalf("%s (%s), %d alive, cost %d", v.Cluster.Status, v.Cluster.Reason, r.alive(t), v.Cost)
		}
	})
}

func TestWantOfCapacityWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.machines.FailNext("Start", backend.ErrCapacity)
		c := r.create(t, 1, nil)
		pass(time.Minute)
		if v := r.get(t, c.ID); v.Cluster.Status != cluster.StatusRunning {
			t.Fatalf("%s (%s)", v.Cluster.Status, v.Cluster.Reason)
		}
	})
}
