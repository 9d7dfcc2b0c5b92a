package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

func TestClusters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana := newUser(t, db, "ana")
		c := fullCluster(ana.ID, "flights", noon)
		must(t, db.CreateCluster(ctx, c))
		equal(t, getBy(t, ctx, db.ClusterByID, c.ID), c)
		wantKind(t, db.CreateCluster(ctx, c), errs.Conflict)

		bare := cluster.Cluster{
			ID: "cl_bare", Name: "flights", OwnerID: ana.ID, Backend: "local", Status: cluster.StatusPending, Target: cluster.TargetRunning, CreatedAt: noon.UTC(),
			Method: cluster.MethodAgent,
		}
		must(t, db.CreateCluster(ctx, bare))
		equal(t, getBy(t, ctx, db.ClusterByID, bare.ID), bare)

		changed := fullCluster("us_thief", "trains", noon.Add(time.Hour))
		changed.ID, changed.Backend = bare.ID, "slurm"
		must(t, db.UpdateCluster(ctx, changed))
		changed.OwnerID, changed.Backend, changed.CreatedAt = bare.OwnerID, bare.Backend, bare.CreatedAt
		changed.SchedulerKey, changed.LastSeenAt = "", time.Time{}
		equal(t, getBy(t, ctx, db.ClusterByID, bare.ID), changed)
		changed.ID = "cl_nothing"
		wantKind(t, db.UpdateCluster(ctx, changed), errs.NotFound)
		equal(t, getBy(t, ctx, db.ClusterByID, c.ID), c)

		c.ID, c.OwnerID = "cl_other", "us_nobody"
		wantKind(t, db.CreateCluster(ctx, c), errs.NotFound)
		_, err := db.ClusterByID(ctx, "cl_other")
		wantKind(t, err, errs.NotFound)
	})
}

func TestLiveClusterByName(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana, bob := newUser(t, db, "ana"), newUser(t, db, "bob")
		_, err := db.LiveClusterByName(ctx, ana.ID, "flights")
		wantKind(t, err, errs.NotFound)
		var made []cluster.Cluster
		for i, status := range []cluster.Status{cluster.StatusRunning, cluster.StatusStopping, cluster.StatusFailed, cluster.StatusStopped} {
			c := fullCluster(ana.ID, "flights", noon.Add(time.Duration(i)*time.Second))
			c.Status = status
			must(t, db.CreateCluster(ctx, c))
			made = append(made, c)
		}
		got, err := db.LiveClusterByName(ctx, ana.ID, "flights")
		must(t, err)
		equal(t, got, made[1])
		_, err = db.LiveClusterByName(ctx, bob.ID, "flights")
		wantKind(t, err, errs.NotFound)
		_, err = db.LiveClusterByName(ctx, ana.ID, "flight")
		wantKind(t, err, errs.NotFound)
	})
}

func TestListClusters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana, bob := newUser(t, db, "ana"), newUser(t, db, "bob")
		var all []cluster.Cluster
		for i := range 9 {
			c := fullCluster(ana.ID, "flights", noon.Add(time.Duration(i)*time.Hour))
			c.Status = allStatuses[i%len(allStatuses)]
			if i%3 == 0 {
				c.OwnerID = bob.ID
			}
			c.EndedAt = time.Time{}
			if c.Status.Ended() {
				c.EndedAt = c.CreatedAt.Add(time.Minute)
			}
			must(t, db.CreateCluster(ctx, c))
			all = append(all, c)
		}
		for name, test := range map[string]struct {
			filter cluster.ListFilter
			want   []int
		}{
			"all":            {cluster.ListFilter{}, []int{8, 7, 6, 5, 4, 3, 2, 1, 0}},
			"limit":          {cluster.ListFilter{Limit: 2}, []int{8, 7}},
			"before":         {cluster.ListFilter{Before: all[7].ID, Limit: 2}, []int{6, 5}},
			"owner":          {cluster.ListFilter{Scope: &identity.Scope{User: bob.ID}}, []int{6, 3, 0}},
			"everybody":      {cluster.ListFilter{Scope: &identity.Scope{All: true}}, []int{8, 7, 6, 5, 4, 3, 2, 1, 0}},
			"no scope":       {cluster.ListFilter{Scope: &identity.Scope{}}, nil},
			"one status":     {cluster.ListFilter{Statuses: []cluster.Status{cluster.StatusRunning}}, []int{8, 2}},
			"two statuses":   {cluster.ListFilter{Statuses: []cluster.Status{cluster.StatusRunning, cluster.StatusFailed}}, []int{8, 5, 2}},
			"repeated":       {cluster.ListFilter{Statuses: repeat(cluster.StatusFailed, 20)}, []int{5}},
			"all statuses":   {cluster.ListFilter{Statuses: allStatuses}, []int{8, 7, 6, 5, 4, 3, 2, 1, 0}},
			"unknown status": {cluster.ListFilter{Statuses: []cluster.Status{"lost"}}, nil},
			"alive since":    {cluster.ListFilter{AliveSince: all[4].EndedAt}, []int{8, 7, 6, 5, 4, 3, 2, 1, 0}},
			"alive after":    {cluster.ListFilter{AliveSince: all[4].EndedAt.Add(time.Microsecond)}, []int{8, 7, 6, 5, 3, 2, 1, 0}},
			"created before": {cluster.ListFilter{CreatedBefore: all[2].CreatedAt.In(noon.Location())}, []int{1, 0}},
			"several": {cluster.ListFilter{
				Scope: &identity.Scope{User: ana.ID}, Statuses: []cluster.Status{cluster.StatusRunning, cluster.StatusStarting}, Before: all[8].ID, CreatedBefore: all[7].CreatedAt,
			}, []int{2, 1}},
			"nothing": {cluster.ListFilter{Scope: &identity.Scope{User: "us_nobody"}}, nil},
		} {
			got, err := db.ListClusters(ctx, test.filter)
			must(t, err)
			want := []cluster.Cluster{}
			for _, i := range test.want {
				want = append(want, all[i])
			}
			t.Log(name)
			equal(t, got, want)
		}
	})
}

var allStatuses = []cluster.Status{
	cluster.StatusPending, cluster.StatusStarting, cluster.StatusRunning, cluster.StatusStopping, cluster.StatusStopped, cluster.StatusFailed,
}

func repeat[T any](v T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c, other := newCluster(t, db), newCluster(t, db)
		equal(t, getBy(t, ctx, db.ProcessesByCluster, c.ID), []cluster.Process{})
		want := []cluster.Process{
			fullProcess(c.ID, cluster.RoleScheduler, "scheduler", 1),
			fullProcess(c.ID, cluster.RoleWorker, "w-0", 1),
			fullProcess(c.ID, cluster.RoleWorker, "w-2", 1),
			fullProcess(c.ID, cluster.RoleWorker, "w-2", 2),
			fullProcess(c.ID, cluster.RoleWorker, "w-2", 10),
			fullProcess(c.ID, cluster.RoleWorker, "w-10", 1),
		}
		want[1] = cluster.Process{
			ID: want[1].ID, ClusterID: c.ID, Role: cluster.RoleWorker, Name: "w-0", Generation: 1,
			Status: cluster.StatusPending, Target: cluster.TargetRunning, CreatedAt: noon.UTC(),
		}
		for _, i := range []int{5, 3, 0, 4, 2, 1} {
			must(t, db.CreateProcess(ctx, want[i]))
		}
		must(t, db.CreateProcess(ctx, fullProcess(other.ID, cluster.RoleWorker, "w-0", 1)))
		equal(t, getBy(t, ctx, db.ProcessesByCluster, c.ID), want)

		wantKind(t, db.CreateProcess(ctx, want[2]), errs.Conflict)
		twin := want[2]
		twin.ID += "x"
		wantKind(t, db.CreateProcess(ctx, twin), errs.Conflict)
		twin.ClusterID = "cl_nothing"
		wantKind(t, db.CreateProcess(ctx, twin), errs.NotFound)

		changed := fullProcess(c.ID, cluster.RoleScheduler, "thief", 99)
		changed.ID, changed.Threads, changed.MemoryBytes, changed.Rate.NanosPerHour = want[1].ID, 99, 99, 99
		changed.Basis.CoreHour, changed.Basis.Source = 99, "another list"
		must(t, db.UpdateProcess(ctx, changed))
		p := &want[1]
		p.Status, p.Target, p.Handle, p.ExitCode, p.Reason = changed.Status, changed.Target, changed.Handle, changed.ExitCode, changed.Reason
		p.Threads, p.MemoryBytes, p.Rate, p.Basis = changed.Threads, changed.MemoryBytes, changed.Rate, changed.Basis
		p.StartedAt, p.RetireAt, p.EndedAt = changed.StartedAt, changed.RetireAt, changed.EndedAt
		equal(t, getBy(t, ctx, db.ProcessesByCluster, c.ID), want)
		changed.ID = "nothing"
		wantKind(t, db.UpdateProcess(ctx, changed), errs.NotFound)
	})
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c, other := newCluster(t, db), newCluster(t, db)
		_, _, err := db.CredentialsByCluster(ctx, c.ID)
		wantKind(t, err, errs.NotFound)
		wantKind(t, db.DeleteCredentials(ctx, c.ID), errs.NotFound)
		wantKind(t, db.SetCredentials(ctx, "cl_nothing", credentialSet("x"), cluster.AgentToken{Hash: "h"}), errs.NotFound)

		token := cluster.AgentToken{Hash: "h1", Text: "t1"}
		must(t, db.SetCredentials(ctx, other.ID, credentialSet("other"), cluster.AgentToken{Hash: "h0", Text: "t0"}))
		must(t, db.SetCredentials(ctx, c.ID, credentialSet("old"), cluster.AgentToken{Hash: "old", Text: "old"}))
		must(t, db.SetCredentials(ctx, c.ID, credentialSet("new"), token))
		set, got, err := db.CredentialsByCluster(ctx, c.ID)
		must(t, err)
		equal(t, set, credentialSet("new"))
		equal(t, got, token)
		equal(t, getBy(t, ctx, db.ClusterByAgentToken, "h1"), c.ID)
		_, err = db.ClusterByAgentToken(ctx, "old")
		wantKind(t, err, errs.NotFound)
		wantKind(t, db.SetCredentials(ctx, c.ID, credentialSet("x"), cluster.AgentToken{Hash: "h0"}), errs.Conflict)
		set, _, err = db.CredentialsByCluster(ctx, c.ID)
		must(t, err)
		equal(t, set, credentialSet("new")) // the conflict has changed nothing

		for range 2 { // the second time is no error
			must(t, db.DeleteCredentials(ctx, c.ID))
			_, _, err = db.CredentialsByCluster(ctx, c.ID)
			wantKind(t, err, errs.NotFound)
			equal(t, getBy(t, ctx, db.ClusterByAgentToken, "h1"), c.ID)
		}
		set, _, err = db.CredentialsByCluster(ctx, other.ID)
		must(t, err)
		equal(t, set, credentialSet("other"))
	})
}

// TestDeletedKeysLeaveTheFile looks for deleted keys in the bytes of the database.
func TestDeletedKeysLeaveTheFile(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, store.SQLite)
	db, err := store.Open(t.Context(), cfg)
	must(t, err)
	must(t, db.Migrate(t.Context()))
	c := newCluster(t, db)
	must(t, db.SetCredentials(t.Context(), c.ID, credentialSet("SESAME"), cluster.AgentToken{Hash: "h", Text: "SESAME"}))
	must(t, db.DeleteCredentials(t.Context(), c.ID))
	must(t, db.Close())
	files, err := filepath.Glob(cfg.Path + "*")
	must(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		if bytes.Contains(content, []byte("SESAME")) {
			t.Errorf("%s still has a deleted key", filepath.Base(file))
		}
		if len(content) == 0 {
			t.Errorf("%s is empty", filepath.Base(file))
		}
	}
	if len(files) == 0 {
		t.Error("found no file")
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c, other := newCluster(t, db), newCluster(t, db)
		for _, message := range []string{"one", "two", "three"} {
			must(t, db.AddEvent(ctx, cluster.Event{ClusterID: c.ID, At: noon, Kind: "created", Message: message}))
			must(t, db.AddEvent(ctx, cluster.Event{ClusterID: other.ID, At: noon, Kind: "failed", Message: message}))
		}
		wantKind(t, db.AddEvent(ctx, cluster.Event{ClusterID: "cl_nothing", At: noon}), errs.NotFound)
		for limit, want := range map[int][]string{0: {"three", "two", "one"}, 2: {"three", "two"}, 9: {"three", "two", "one"}} {
			events, err := db.EventsByCluster(ctx, c.ID, limit)
			must(t, err)
			var got []string
			for _, e := range events {
				got = append(got, e.Message)
			}
			equal(t, got, want)
		}
	})
}

func TestGauges(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		_, err := db.GaugesByCluster(ctx, c.ID)
		wantKind(t, err, errs.NotFound)
		first := cluster.Gauges{At: noon.UTC(), Workers: 1, SpilledBytes: 1 << 40}
		must(t, db.SetGauges(ctx, c.ID, first))
		second := cluster.Gauges{At: noon.Add(time.Second).UTC(), Workers: 2}
		must(t, db.SetGauges(ctx, c.ID, second))
		must(t, db.SetGauges(ctx, c.ID, first)) // late
		equal(t, getBy(t, ctx, db.GaugesByCluster, c.ID), second)
		wantKind(t, db.SetGauges(ctx, "cl_nothing", first), errs.NotFound)
	})
}
