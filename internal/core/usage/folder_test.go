package usage_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// TestFoldingIsExactlyOnce lets several folders work on the same batches at the same time, as two servers and readers of bills do.
func TestFoldingIsExactlyOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		user := identity.User{ID: "us_1", Name: "ana", Role: identity.RoleAdmin, CreatedAt: time.Now()}
		c := cluster.Cluster{ID: clusterID, Name: "x", OwnerID: user.ID, Backend: "fake", Status: cluster.StatusRunning, Target: cluster.TargetRunning, CreatedAt: time.Now()}
		if err := errors.Join(db.CreateUser(ctx, user), db.CreateCluster(ctx, c)); err != nil {
			t.Fatal(err)
		}
		const batches, capacity = 170, 1_000_000
		raw := make([]usage.RawBatch, batches)
		for i := range raw {
			raw[i] = usage.RawBatch{
				ClusterID: clusterID, ProcessID: "cl_test-w-0-1", Kind: usage.KindWorker, Epoch: "e", Seq: int64(i), ReceivedAt: time.Now(),
				Payload: fmt.Append(nil, i),
			}
		}
		raw[7].Payload = []byte("rubbish")
		if _, err := db.AppendBatches(ctx, raw); err != nil {
			t.Fatal(err)
		}
		decode := func(payload []byte) (*usage.Batch, error) {
			var i int64
			if _, err := fmt.Sscan(string(payload), &i); err != nil {
				return nil, err
			}
			t0 := int64(1_790_000_000_000_000) + i*capacity
			return &usage.Batch{
				Version: 1, Kind: usage.KindWorker, Process: "cl_test-w-0-1", Epoch: "e", Seq: i, T0Micros: t0, T1Micros: t0 + capacity, Threads: 1,
				Strings: []string{"read"}, Files: []usage.File{{Path: "job.py", Class: "u"}}, Frames: []usage.Frame{{Line: int(i % 3)}}, Stacks: [][]int{{0}},
				Ledger:  []usage.LedgerRow{{Submission: 1, SlotMicros: 600_000, ThreadMicros: 500_000}},
				Samples: []usage.SampleRow{{Submission: 1, WallMicros: 1, CPUMicros: 1}},
				Idle:    map[string]int64{"no_work": 400_000},
			}, nil
		}
		var folders sync.WaitGroup
		for range 4 {
			folder := usage.NewFolder(db, db, db.Relaxed(), decode, usage.Unclassified{}, func(usage.RawBatch, error) {})
			folders.Go(func() {
				if err := folder.FoldAll(ctx, clusterID); err != nil {
					t.Error(err)
				}
			})
		}
		folders.Wait()
		lines, err := db.LineUsageByCluster(ctx, clusterID)
		if err != nil {
			t.Fatal(err)
		}
		var threads, categories int64
		for _, l := range lines {
			threads += l.ThreadMicros
		}
		rows, err := db.CategoryUsageByCluster(ctx, clusterID)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			categories += r.ThreadMicros
		}
		if want := int64(batches-1) * 500_000; threads != want {
			t.Errorf("lines hold %d us, want %d", threads, want)
		}
		if want := int64(batches-1) * capacity; categories != want {
			t.Errorf("categories hold %d us, want %d", categories, want)
		}
		if left, err := db.UnfoldedBatches(ctx, clusterID, 1); err != nil || len(left) != 0 {
			t.Errorf("%d batches still wait: %v", len(left), err)
		}
	})
}
