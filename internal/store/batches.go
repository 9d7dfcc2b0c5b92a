package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// deleteChunk bounds how many batches go in one transaction, so that others get their turn.
const deleteChunk = 5000

var (
	insertBatches = newBulk(
		`INSERT INTO batches (cluster_id, process_id, kind, epoch, seq, received_at, payload)`, 7,
		`ON CONFLICT DO NOTHING RETURNING id, cluster_id, epoch, seq`)
	insertUnfolded = newBulk(`INSERT INTO unfolded_batches (batch_id, cluster_id)`, 2, ``)
)

// batchKey identifies a batch.
type batchKey struct {
	clusterID, epoch string
	seq              int64
}

func keyOf(b usage.RawBatch) batchKey {
	return batchKey{string(b.ClusterID), text(b.Epoch), b.Seq}
}

func compareKeys(a, b batchKey) int {
	return cmp.Or(cmp.Compare(a.clusterID, b.clusterID), cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.seq, b.seq))
}

// AppendBatches makes batches durable in one transaction and tells for each whether it was new; of equal ones in one call the first is. Outside
// a transaction, calls that come together share one.
func (db *DB) AppendBatches(ctx context.Context, batches []usage.RawBatch) ([]bool, error) {
	if len(batches) == 0 {
		return []bool{}, nil
	}
	batches = packed(batches) // before the transaction, for which others wait
	if db.txFrom(ctx) != nil {
		return db.appendBatches(ctx, batches)
	}
	if db.engine == SQLite {
		return db.appends.do(ctx, batches, db.appendInOwn)
	}
	return db.appendInOwn(ctx, batches) // PostgreSQL joins the commits of concurrent transactions by itself
}

// packed returns the batches with their payloads as they are kept.
func packed(batches []usage.RawBatch) []usage.RawBatch {
	out := slices.Clone(batches)
	for i := range out {
		out[i].Payload = payloadToDB(out[i].Payload)
	}
	return out
}

// appendInOwn appends in a transaction of its own, and returns only after its commit. It needs no more isolation than a statement has.
func (db *DB) appendInOwn(ctx context.Context, batches []usage.RawBatch) ([]bool, error) {
	var fresh []bool
	err := db.transact(ctx, db.writer, sql.TxOptions{Isolation: db.isolation(sql.LevelReadCommitted)}, func(ctx context.Context) error {
		var err error
		fresh, err = db.appendBatches(ctx, batches)
		return err
	})
	if err != nil {
		return nil, err
	}
	return fresh, nil
}

func (db *DB) appendBatches(ctx context.Context, batches []usage.RawBatch) ([]bool, error) {
	keys := make([]batchKey, len(batches))
	order := make([]int, len(batches))
	for i, b := range batches {
		keys[i], order[i] = keyOf(b), i
	}
	// In one order everywhere, so that two transactions with the same batches do not wait for each other in a circle.
	slices.SortStableFunc(order, func(a, b int) int { return compareKeys(keys[a], keys[b]) })

	run := db.runner(ctx, db.writer)
	ids := make(map[batchKey]int64, len(batches))
	err := insertBatches.each(db.engine, len(order), func(to []any, i int) []any {
		b, key := batches[order[i]], keys[order[i]]
		return append(to, key.clusterID, text(string(b.ProcessID)), text(b.Kind), key.epoch, key.seq, micros(b.ReceivedAt), b.Payload)
	}, func(text string, args []any) error {
		rows, err := run.QueryContext(ctx, text, args...)
		if err != nil {
			return err
		}
		return collectIDs(rows, ids)
	})
	if err != nil {
		return nil, fail("append batches", err)
	}

	fresh := make([]bool, len(batches))
	added := make([]int, 0, len(ids))
	seen := make(map[batchKey]bool, len(ids))
	for i, key := range keys {
		if _, ok := ids[key]; ok && !seen[key] {
			fresh[i], seen[key] = true, true
			added = append(added, i)
		}
	}
	slices.SortFunc(added, func(a, b int) int { return cmp.Compare(ids[keys[a]], ids[keys[b]]) })
	err = insertUnfolded.each(db.engine, len(added), func(to []any, i int) []any {
		key := keys[added[i]]
		return append(to, ids[key], key.clusterID)
	}, func(text string, args []any) error {
		_, err := run.ExecContext(ctx, text, args...)
		return err
	})
	if err != nil {
		return nil, fail("append batches", err)
	}
	return fresh, nil
}

func collectIDs(rows *sql.Rows, ids map[batchKey]int64) error {
	defer rows.Close()
	for rows.Next() {
		var id int64
		var key batchKey
		if err := rows.Scan(&id, &key.clusterID, &key.epoch, &key.seq); err != nil {
			return err
		}
		ids[key] = id
	}
	return rows.Err()
}

// UnfoldedBatches returns up to limit batches that are not folded yet, oldest first, those to be folded again last; of one cluster if id is not empty. A
// limit of 0 means all.
func (db *DB) UnfoldedBatches(ctx context.Context, id cluster.ID, limit int) ([]usage.RawBatch, error) {
	if id == "" {
		rows, err := db.read(ctx).ListUnfoldedBatches(ctx, limitToDB(limit))
		return convert(rows, func(r sqlcgen.ListUnfoldedBatchesRow) usage.RawBatch {
			return batchFromDB(r.Batch, r.Again)
		}), fail("list unfolded batches", err)
	}
	rows, err := db.read(ctx).ListUnfoldedBatchesByCluster(ctx, sqlcgen.ListUnfoldedBatchesByClusterParams{
		ClusterID: string(id), MaxRows: limitToDB(limit),
	})
	return convert(rows, func(r sqlcgen.ListUnfoldedBatchesByClusterRow) usage.RawBatch {
		return batchFromDB(r.Batch, r.Again)
	}), fail("list unfolded batches", err)
}

// MarkFolded records in the caller's transaction that a batch has been folded. Of two transactions that fold one batch, one gets
// errs.Conflict.
func (db *DB) MarkFolded(ctx context.Context, b usage.RawBatch) error {
	if db.txFrom(ctx) == nil {
		return errors.New("mark a batch folded: it must be part of the transaction that folds it")
	}
	key := keyOf(b)
	n, err := db.write(ctx).MarkBatchFolded(ctx, sqlcgen.MarkBatchFoldedParams{ClusterID: key.clusterID, Epoch: key.epoch, Seq: key.seq})
	if err != nil {
		return fail("mark a batch folded", err)
	}
	if n > 0 {
		return nil
	}
	n, err = db.read(ctx).CountBatchesByKey(ctx, sqlcgen.CountBatchesByKeyParams{ClusterID: key.clusterID, Epoch: key.epoch, Seq: key.seq})
	if err != nil {
		return fail("mark a batch folded", err)
	}
	if n == 0 {
		return notFound("batch")
	}
	return errs.New(errs.Conflict, "", "This batch has been folded already; nothing was changed.")
}
