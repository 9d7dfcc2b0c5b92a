package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

const (
	// clustersAtOnce is of how many clusters rows are dropped in one transaction, so that others get their turn.
	clustersAtOnce = 50
	// gpusAtOnce is how much time of all GPUs is dropped in one.
	gpusAtOnce = 24 * time.Hour
)

// DropRows drops what one of the tables segment.Reads, Packages, GPU and Events has of before a time, and returns how many rows that were. Reads and packages belong
// to clusters, and go if the cluster ended before. Clusters, processes and prices, which the books stand on, stay.
func (db *DB) DropRows(ctx context.Context, table string, before time.Time) (int64, error) {
	at := micros(before)
	switch table {
	case segment.Reads:
		return db.dropByCluster(ctx, "drop old reads", func(q *sqlcgen.Queries, ctx context.Context, after string) ([]string, error) {
			return q.ListClustersWithOldReads(ctx, sqlcgen.ListClustersWithOldReadsParams{Before: at, After: after, AtMost: clustersAtOnce})
		}, (*sqlcgen.Queries).DeleteReads)
	case segment.Packages:
		return db.dropByCluster(ctx, "drop old packages", func(q *sqlcgen.Queries, ctx context.Context, after string) ([]string, error) {
			return q.ListClustersWithOldSoftware(ctx, sqlcgen.ListClustersWithOldSoftwareParams{Before: at, After: after, AtMost: clustersAtOnce})
		}, (*sqlcgen.Queries).DeleteSoftwareUses, (*sqlcgen.Queries).DeleteModuleImports, (*sqlcgen.Queries).DeleteModuleTimes)
	case segment.Events:
		return db.dropByCluster(ctx, "drop old events", func(q *sqlcgen.Queries, ctx context.Context, after string) ([]string, error) {
			return q.ListClustersWithOldEvents(ctx, sqlcgen.ListClustersWithOldEventsParams{Before: at, After: after, AtMost: clustersAtOnce})
		}, func(q *sqlcgen.Queries, ctx context.Context, id string) (int64, error) {
			return q.DeleteOldEvents(ctx, sqlcgen.DeleteOldEventsParams{ClusterID: id, At: at})
		})
	case segment.GPU:
		n, err := db.dropGPUs(ctx, before)
		return n, fail("drop the old use of GPUs", err)
	default:
		return 0, fmt.Errorf("drop rows: the table %q is not kept here", table)
	}
}

// dropByCluster finds clusters with rows that are too old, by id after one, and deletes them, some clusters at a time.
func (db *DB) dropByCluster(ctx context.Context, op string, list func(q *sqlcgen.Queries, ctx context.Context, after string) ([]string, error),
	deletes ...func(q *sqlcgen.Queries, ctx context.Context, id string) (int64, error),
) (int64, error) {
	dropped, after := int64(0), ""
	for {
		var ids []string
		n := int64(0)
		err := db.Atomically(ctx, func(ctx context.Context) (err error) {
			n = 0 // it may be tried again
			q := db.write(ctx)
			if ids, err = list(q, ctx, after); err != nil {
				return err
			}
			for _, id := range ids {
				for _, del := range deletes {
					m, err := del(q, ctx, id)
					if err != nil {
						return err
					}
					n += m
				}
			}
			return nil
		})
		if err != nil {
			return dropped, fail(op, err)
		}
		dropped += n
		if len(ids) < clustersAtOnce {
			return dropped, nil
		}
		after = ids[len(ids)-1]
	}
}

// dropGPUs drops windows that had ended at a time.
func (db *DB) dropGPUs(ctx context.Context, before time.Time) (int64, error) {
	dropped, end := int64(0), micros(before)+1
	for _, whole := range []bool{true, false} {
		for {
			var n int64
			err := db.Atomically(ctx, func(ctx context.Context) error {
				oldest, err := db.read(ctx).OldestGPUUsage(ctx, whole)
				n = 0
				if err != nil || oldest == 0 || oldest >= end {
					return err
				}
				until := min(oldest+gpusAtOnce.Microseconds(), end)
				n, err = db.write(ctx).DeleteOldGPUUsage(ctx, sqlcgen.DeleteOldGPUUsageParams{Whole: whole, EndAt: until})
				return err
			})
			if err != nil {
				return dropped, err
			}
			if n == 0 {
				break
			}
			dropped += n
		}
	}
	return dropped, nil
}
