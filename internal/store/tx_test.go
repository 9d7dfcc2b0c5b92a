package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

var errStop = errors.New("stop")

func user(name string) identity.User {
	return identity.User{ID: identity.UserID("us_" + name), Name: name, Role: identity.RoleUser, CreatedAt: noon.UTC()}
}

func TestAtomicallyCommitsOrLeavesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(t, db.Atomically(ctx, func(ctx context.Context) error {
			must(t, db.CreateUser(ctx, user("ana")))
			equal(t, getBy(t, ctx, db.UserByName, "ana"), user("ana")) // sees its own writes
			return nil
		}))
		err := db.Atomically(ctx, func(ctx context.Context) error {
			must(t, db.CreateUser(ctx, user("bob")))
			return errStop
		})
		if !errors.Is(err, errStop) {
			t.Errorf("error = %v, want %v", err, errStop)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = db.Atomically(ctx, func(ctx context.Context) error {
				must(t, db.CreateUser(ctx, user("carla")))
				panic("out of f")
			})
		}()
		cancelled, cancel := context.WithCancel(ctx)
		err = db.Atomically(cancelled, func(ctx context.Context) error {
			must(t, db.CreateUser(ctx, user("dora")))
			cancel()
			return nil
		})
		if err == nil {
			t.Error("a cancelled transaction committed")
		}
		equal(t, get(t, ctx, db.CountUsers), 1)
	})
}

func TestAtomicallyNested(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(t, db.Atomically(ctx, func(ctx context.Context) error {
			must(t, db.CreateUser(ctx, user("outer")))
			must(t, db.Atomically(ctx, func(ctx context.Context) error {
				must(t, db.CreateUser(ctx, user("inner")))
				return db.Atomically(ctx, func(ctx context.Context) error { return db.CreateUser(ctx, user("innermost")) })
			}))
			err := db.Atomically(ctx, func(ctx context.Context) error {
				must(t, db.CreateUser(ctx, user("undone")))
				return errStop
			})
			if !errors.Is(err, errStop) {
				t.Errorf("error = %v, want %v", err, errStop)
			}
			// A statement that fails in the nested transaction leaves the outer one usable.
			err = db.Atomically(ctx, func(ctx context.Context) error {
				return db.AddEvent(ctx, cluster.Event{ClusterID: "cl_nothing", At: noon})
			})
			wantKind(t, err, errs.NotFound)
			return db.CreateUser(ctx, user("last"))
		}))
		for name, kind := range map[string]errs.Kind{"outer": "", "inner": "", "innermost": "", "last": "", "undone": errs.NotFound} {
			_, err := db.UserByName(ctx, name)
			wantKind(t, err, kind)
		}

		// If the outer one fails, the inner one that succeeded goes too.
		err := db.Atomically(ctx, func(ctx context.Context) error {
			must(t, db.Atomically(ctx, func(ctx context.Context) error { return db.CreateUser(ctx, user("gone")) }))
			return errStop
		})
		if !errors.Is(err, errStop) {
			t.Errorf("error = %v, want %v", err, errStop)
		}
		_, err = db.UserByName(ctx, "gone")
		wantKind(t, err, errs.NotFound)
	})
}

func TestConflictLeavesTheTransactionUsable(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(t, db.CreateUser(ctx, user("ana")))
		must(t, db.Atomically(ctx, func(ctx context.Context) error {
			wantKind(t, db.CreateUser(ctx, user("ana")), errs.Conflict)
			return db.CreateUser(ctx, user("bob"))
		}))
		equal(t, get(t, ctx, db.CountUsers), 2)
	})
}

// TestAtomicallyIsSerial lets transactions read, decide and write at once. Were two of them to decide on the same state, one scaling would be
// lost.
func TestAtomicallyIsSerial(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		c.Options.Workers = 0
		must(t, db.UpdateCluster(ctx, c))
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 5 {
					err := db.Atomically(ctx, func(ctx context.Context) error {
						c, err := db.ClusterByID(ctx, c.ID)
						if err != nil {
							return err
						}
						c.Options.Workers++
						return db.UpdateCluster(ctx, c)
					})
					if errs.Is(err, errs.Unavailable) {
						t.Logf("gave up: %v", err)
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		equal(t, getBy(t, ctx, db.ClusterByID, c.ID).Options.Workers, 40)
	})
}

// TestAtomicallySeesWhatItDidNotFind makes two transactions each insert if nothing is there: on what is missing there is no row to lock.
func TestAtomicallySeesWhatItDidNotFind(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana := newUser(t, db, "ana")
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				err := db.Atomically(ctx, func(ctx context.Context) error {
					_, err := db.LiveClusterByName(ctx, ana.ID, "flights")
					if !errs.Is(err, errs.NotFound) {
						return err
					}
					c := fullCluster(ana.ID, "flights", noon.Add(time.Duration(i)*time.Second))
					c.Status = cluster.StatusPending
					return db.CreateCluster(ctx, c)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		clusters, err := db.ListClusters(ctx, cluster.ListFilter{})
		must(t, err)
		if len(clusters) != 1 {
			t.Errorf("%d clusters are there, want 1", len(clusters))
		}
	})
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(t, db.CreateUser(ctx, user("ana")))
		must(t, db.Snapshot(ctx, func(snap context.Context) error {
			equal(t, get(t, snap, db.CountUsers), 1)
			must(t, db.CreateUser(ctx, user("bob"))) // another transaction, which is not held up
			equal(t, get(t, snap, db.CountUsers), 1)
			equal(t, get(t, ctx, db.CountUsers), 2)
			if err := db.Atomically(snap, func(context.Context) error { return nil }); err == nil {
				t.Error("a snapshot became a transaction that writes")
			}
			return db.Snapshot(snap, func(ctx context.Context) error {
				equal(t, get(t, ctx, db.CountUsers), 1)
				return nil
			})
		}))
		err := db.Snapshot(ctx, func(ctx context.Context) error { return db.CreateUser(ctx, user("carla")) })
		if err == nil {
			t.Error("a snapshot wrote")
		}
		equal(t, get(t, ctx, db.CountUsers), 2)
		must(t, db.Atomically(ctx, func(ctx context.Context) error {
			must(t, db.CreateUser(ctx, user("dora")))
			return db.Snapshot(ctx, func(ctx context.Context) error {
				equal(t, get(t, ctx, db.CountUsers), 3)
				return nil
			})
		}))
	})
}

// TestInBubble runs a simulated day of writes: nothing of the store may wait for real time.
func TestInBubble(t *testing.T) {
	t.Parallel()
	for _, engine := range storetest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db := storetest.Open(t, engine)
				c := newCluster(t, db)
				ticker := time.NewTicker(time.Hour)
				defer ticker.Stop()
				start := time.Now()
				for range 24 {
					now := <-ticker.C
					must(t, db.SetGauges(t.Context(), c.ID, cluster.Gauges{At: now, Workers: int64(now.Sub(start).Minutes())}))
				}
				equal(t, getBy(t, t.Context(), db.GaugesByCluster, c.ID).Workers, int64(24*60))
			})
		})
	}
}
