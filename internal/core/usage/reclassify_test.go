package usage_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// rules call all work by their version.
type rules int

func (r rules) Version() int { return int(r) }

func (r rules) Classify(*usage.Batch, int, string) (operation, library string) {
	return fmt.Sprintf("v%d", r), ""
}

// counter is a sink that adds up.
type counter struct{ taken map[cluster.ID]int }

func (c *counter) Take(_ context.Context, batches []usage.Received) error {
	for _, b := range batches {
		if b.Batch.Kind == usage.KindWorker {
			c.taken[b.Raw.ClusterID]++
		}
	}
	return nil
}

func (c *counter) Forget(_ context.Context, id cluster.ID) error {
	delete(c.taken, id)
	return nil
}

// passer is a sink that keeps nothing which rules decide: what is folded again does not concern it.
type passer struct{ taken int }

func (p *passer) Take(_ context.Context, batches []usage.Received) error {
	p.taken += len(batches)
	return nil
}

const second = 1_000_000

// decodeNumbers decodes payloads that are numbers: worker batches of a second, of which half is work; a "s" before it makes it a scheduler's.
func decodeNumbers(payload []byte) (*usage.Batch, error) {
	number, scheduler := strings.CutPrefix(string(payload), "s")
	var i int64
	if _, err := fmt.Sscan(number, &i); err != nil {
		return nil, err
	}
	t0 := int64(1_790_000_000_000_000) + i*second
	if scheduler {
		return &usage.Batch{
			Version: 1, Kind: usage.KindScheduler, T0Micros: t0, T1Micros: t0 + second,
			Submissions: []usage.Submission{{ID: 1, At: time.UnixMicro(t0).UTC(), File: "job.py", Line: 9, Tasks: i}},
			Sessions:    []usage.Session{{Client: "c", Path: fmt.Sprint(i)}},
			Origins:     []usage.Origin{{ID: 1, File: "job.py", Line: 3}},
			Parts:       []usage.Part{{Submission: 1, Name: "p", Origin: 1}},
			Reads:       []usage.Read{{Submission: 1, Direction: "read", Path: "a.csv", Tasks: i}},
		}, nil
	}
	return &usage.Batch{
		Version: 1, Kind: usage.KindWorker, Process: "cl_test-w-0-1", Epoch: "e", Seq: i, T0Micros: t0, T1Micros: t0 + second, Threads: 1,
		Strings: []string{"read"}, Ledger: []usage.LedgerRow{{Submission: 1, SlotMicros: 500_000, ThreadMicros: 400_000, NativeMicros: 100_000, Origin: 1}},
		Idle: map[string]int64{"no_work": 400_000},
	}, nil
}

func TestReclassify(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		user := identity.User{ID: "us_1", Name: "ana", Role: identity.RoleAdmin, CreatedAt: time.Now()}
		if err := db.CreateUser(ctx, user); err != nil {
			t.Fatal(err)
		}
		const batches = 60
		received := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		for _, id := range []cluster.ID{"cl_a", "cl_b"} {
			c := cluster.Cluster{
				ID: id, Name: string(id), OwnerID: user.ID, Backend: "fake", Status: cluster.StatusRunning, Target: cluster.TargetRunning, CreatedAt: received,
			}
			raw := make([]usage.RawBatch, batches+2)
			for i := range raw {
				raw[i] = usage.RawBatch{
					ClusterID: id, ProcessID: "cl_test-w-0-1", Kind: usage.KindWorker, Epoch: "e", Seq: int64(i), ReceivedAt: received.Add(time.Duration(i) * time.Microsecond),
					Payload: fmt.Append(nil, i),
				}
			}
			for i := range 2 { // what a scheduler says is replaced, not added
				raw[batches+i].Kind, raw[batches+i].Payload = usage.KindScheduler, fmt.Append(nil, "s", i)
			}
			if err := db.CreateCluster(ctx, c); err != nil {
				t.Fatal(err)
			}
			if _, err := db.AppendBatches(ctx, raw); err != nil {
				t.Fatal(err)
			}
		}
		var other passer
		folder := func(version int) (*usage.Folder, *counter) {
			sink := &counter{map[cluster.ID]int{"cl_a": batches, "cl_b": batches}}
			if version == 1 {
				sink.taken = map[cluster.ID]int{}
			}
			return usage.NewFolder(db, db, db.Relaxed(), decodeNumbers, rules(version), func(_ usage.RawBatch, err error) { t.Error(err) }, sink, &other), sink
		}
		check := func(id cluster.ID, operation string, version int) {
			t.Helper()
			lines, err := db.LineUsageByCluster(ctx, id)
			windows, err2 := db.CategoryUsageByCluster(ctx, id)
			state, err3 := db.FoldStateByCluster(ctx, id)
			if err := errors.Join(err, err2, err3); err != nil {
				t.Fatal(err)
			}
			var threads, native, all int64
			for _, l := range lines {
				threads += l.ThreadMicros
				native += l.NativeMicros
				if l.Operation != operation || l.Origin != 1 {
					t.Errorf("%s: operation %q of origin %d, want %q", id, l.Operation, l.Origin, operation)
				}
			}
			for _, w := range windows {
				all += w.ThreadMicros
			}
			if threads != batches*400_000 || native != batches*100_000 || all != batches*second {
				t.Errorf("%s: %d us of threads, %d native, %d in all", id, threads, native, all)
			}
			if state.RulesVersion != version {
				t.Errorf("%s: rules of version %d, want %d", id, state.RulesVersion, version)
			}
		}
		old, sink := folder(1)
		if err := old.FoldAll(ctx, ""); err != nil {
			t.Fatal(err)
		}
		check("cl_a", "v1", 1)
		if sink.taken["cl_a"] != batches {
			t.Errorf("the sink took %d batches", sink.taken["cl_a"])
		}
		reads, err := db.ReadsByCluster(ctx, "cl_a")
		if err != nil || len(reads) != 1 || reads[0].Tasks != 1 {
			t.Errorf("reads %+v, %v", reads, err)
		}

		// Nothing to do for the rules that folded; newer ones take the newest cluster first.
		if again, err := old.ReclassifyOutdated(ctx); again || err != nil {
			t.Errorf("the same rules classified again: %v", err)
		}
		newer, sink := folder(2)
		if again, err := newer.ReclassifyOutdated(ctx); !again || err != nil {
			t.Fatalf("no cluster was classified again: %v", err)
		}
		check("cl_b", "v2", 2)
		check("cl_a", "v1", 1)
		if sink.taken["cl_b"] != batches || other.taken != 2*(batches+2) {
			t.Errorf("the sinks hold %d and %d batches, want %d and %d", sink.taken["cl_b"], other.taken, batches, 2*(batches+2))
		}

		// A cluster of which one batch is gone keeps its classes, and says so.
		if n, err := db.DeleteBatches(ctx, received.Add(time.Microsecond)); n != 2 || err != nil {
			t.Fatalf("deleted %d batches, %v", n, err)
		}
		if err := newer.Reclassify(ctx, "cl_a"); !errs.Is(err, errs.Conflict) {
			t.Errorf("want it refused, got %v", err)
		}
		if again, err := newer.ReclassifyOutdated(ctx); again || err != nil {
			t.Errorf("a cluster without all its batches was classified again: %v", err)
		}
		check("cl_a", "v1", 1)
	})
}
