package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

func watchedCluster(owner identity.UserID, key string, at time.Time) cluster.Cluster {
	c := fullCluster(owner, key, at)
	c.Backend, c.Status, c.SchedulerKey, c.EndedAt, c.LastSeenAt = cluster.BackendWatched, cluster.StatusRunning, key, time.Time{}, time.Time{}
	return c
}

func TestWatchedClusters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana, ben := newUser(t, db, "ana"), newUser(t, db, "ben")
		c := watchedCluster(ana.ID, "S-1", noon)
		must(t, db.CreateCluster(ctx, c))
		twin := watchedCluster(ana.ID, "S-1", noon.Add(time.Second))
		wantKind(t, db.CreateCluster(ctx, twin), errs.Conflict)
		theirs := watchedCluster(ben.ID, "S-1", noon.Add(2*time.Second))
		must(t, db.CreateCluster(ctx, theirs))
		for i := range 2 { // of ordinary clusters there may be many without a key
			ours := fullCluster(ana.ID, fmt.Sprint("ours-", i), noon.Add(time.Duration(3+i)*time.Second))
			ours.SchedulerKey, ours.Status = "", cluster.StatusRunning
			must(t, db.CreateCluster(ctx, ours))
			must(t, db.TouchCluster(ctx, ours.ID, noon.Add(time.Hour)))
			equal(t, getBy(t, ctx, db.ClusterByID, ours.ID).LastSeenAt, ours.LastSeenAt)
		}

		got, err := db.ClusterBySchedulerKey(ctx, ana.ID, "S-1")
		must(t, err)
		equal(t, got, c)
		_, err = db.ClusterBySchedulerKey(ctx, ana.ID, "S-2")
		wantKind(t, err, errs.NotFound)
		equal(t, getBy(t, ctx, db.CountLiveWatched, ana.ID), 1)
		equal(t, get(t, ctx, db.ListLiveWatched), []cluster.Cluster{c, theirs})

		// The last report is the latest, whatever the order; nothing else writes it.
		for _, after := range []time.Duration{time.Minute, time.Second, time.Hour, 0} {
			must(t, db.TouchCluster(ctx, c.ID, noon.Add(after)))
		}
		c.Deployment, c.Method, c.Status = "kubernetes", cluster.MethodAgent, cluster.StatusStopped
		must(t, db.UpdateCluster(ctx, c))
		c.LastSeenAt = noon.Add(time.Hour).UTC()
		equal(t, getBy(t, ctx, db.ClusterByID, c.ID), c)
		equal(t, getBy(t, ctx, db.CountLiveWatched, ana.ID), 0)
	})
}

func TestWatchTokens(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := newCluster(t, db), newCluster(t, db)
		must(t, db.AddWatchToken(ctx, b.ID, "other", noon, 2))
		for i := range 5 {
			must(t, db.AddWatchToken(ctx, a.ID, identity.Hash(fmt.Sprint(i)), noon.Add(time.Duration(i)*time.Second), 2))
		}
		for i := range 5 {
			id, err := db.ClusterByAgentToken(ctx, identity.Hash(fmt.Sprint(i)))
			if i < 3 {
				wantKind(t, err, errs.NotFound)
				continue
			}
			must(t, err)
			equal(t, id, a.ID)
		}
		must(t, db.ForgetWatchTokens(ctx, a.ID))
		_, err := db.ClusterByAgentToken(ctx, "4")
		wantKind(t, err, errs.NotFound)
		equal(t, getBy(t, ctx, db.ClusterByAgentToken, "other"), b.ID)
	})
}

func TestProcessesChangeTheirSize(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		p := fullProcess(c.ID, cluster.RoleWorker, "w-0", 1)
		must(t, db.CreateProcess(ctx, p))
		equal(t, getBy(t, ctx, db.ProcessByID, p.ID), p)
		p.Threads, p.MemoryBytes, p.Rate.NanosPerHour, p.Rate.Currency = 7, 9, 11, "CHF"
		must(t, db.UpdateProcess(ctx, p))
		equal(t, getBy(t, ctx, db.ProcessByID, p.ID), p)
		_, err := db.ProcessByID(ctx, "nobody")
		wantKind(t, err, errs.NotFound)
	})
}
