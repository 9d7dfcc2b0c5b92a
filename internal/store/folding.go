package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// NoteFolded remembers by which rules worker batches of a cluster were folded (the oldest count) and whether any was sampled.
func (db *DB) NoteFolded(ctx context.Context, state usage.FoldState) error {
	was, err := db.read(ctx).GetFoldState(ctx, string(state.ClusterID))
	fresh := errors.Is(err, sql.ErrNoRows)
	switch {
	case err != nil && !fresh:
		return fail("read how a cluster was folded", err)
	case fresh || int64(state.RulesVersion) < was.RulesVersion:
		if err := db.markCluster(ctx, string(state.ClusterID)); err != nil {
			return err
		}
	}
	return fail("note a fold", db.write(ctx).NoteFolded(ctx, sqlcgen.NoteFoldedParams{
		ClusterID: string(state.ClusterID), RulesVersion: int64(state.RulesVersion), Sampled: state.Sampled,
	}))
}

// FoldStateByCluster returns what is remembered about the folding of a cluster; errs.NotFound if nothing was folded yet.
func (db *DB) FoldStateByCluster(ctx context.Context, id cluster.ID) (usage.FoldState, error) {
	row, err := db.read(ctx).GetFoldState(ctx, string(id))
	if err != nil {
		return usage.FoldState{}, found("read how a cluster was folded", "telemetry of this cluster", err)
	}
	return usage.FoldState{
		ClusterID: cluster.ID(row.ClusterID), RulesVersion: int(row.RulesVersion), Sampled: row.Sampled, DroppedBatches: row.DroppedBatches,
	}, nil
}

// OutdatedClusters returns up to limit clusters that were folded by rules before version and have all their batches, newest first.
func (db *DB) OutdatedClusters(ctx context.Context, version, limit int) ([]cluster.ID, error) {
	rows, err := db.read(ctx).ListOutdatedClusters(ctx, sqlcgen.ListOutdatedClustersParams{Version: int64(version), MaxRows: limitToDB(limit)})
	return convert(rows, func(id string) cluster.ID { return cluster.ID(id) }), fail("list clusters of older rules", err)
}

// Unfold drops a cluster's line and category usage, makes all its worker batches wait again, and notes the version, in the caller's transaction.
func (db *DB) Unfold(ctx context.Context, id cluster.ID, version int) error {
	if db.txFrom(ctx) == nil {
		return errors.New("unfold a cluster: it must be part of a transaction")
	}
	if err := db.markCluster(ctx, string(id)); err != nil {
		return err
	}
	q := db.write(ctx)
	if err := q.DeleteLineUsageByCluster(ctx, string(id)); err != nil {
		return fail("drop line usage", err)
	}
	if err := q.DeleteCategoryUsageByCluster(ctx, string(id)); err != nil {
		return fail("drop category usage", err)
	}
	if err := q.UnfoldWorkerBatches(ctx, string(id)); err != nil {
		return fail("unfold batches", err)
	}
	return fail("note the rules' version", q.SetRulesVersion(ctx, sqlcgen.SetRulesVersionParams{ClusterID: string(id), Version: int64(version)}))
}

// DeleteBatches drops folded batches received before a time and returns how many. Each cluster's FoldState counts its dropped worker batches. It works
// in several transactions; where one fails, what went before stays dropped. A dropped batch that is sent again counts as new, so keep batches
// longer than an agent does.
func (db *DB) DeleteBatches(ctx context.Context, before time.Time) (int64, error) {
	var total int64
	for {
		n := 0
		err := db.Atomically(ctx, func(ctx context.Context) error {
			q := db.write(ctx)
			rows, err := q.DeleteFoldedBatches(ctx, sqlcgen.DeleteFoldedBatchesParams{ReceivedBefore: micros(before), MaxRows: deleteChunk})
			if err != nil {
				return err
			}
			n = len(rows)
			dropped := map[string]int64{}
			for _, r := range rows {
				if r.Kind == usage.KindWorker {
					dropped[r.ClusterID]++
				}
			}
			for _, id := range slices.Sorted(maps.Keys(dropped)) {
				if err := q.NoteDropped(ctx, sqlcgen.NoteDroppedParams{ClusterID: id, DroppedBatches: dropped[id]}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return total, fail(fmt.Sprintf("delete batches, after %d", total), err)
		}
		total += int64(n)
		if n < deleteChunk {
			return total, nil
		}
	}
}
