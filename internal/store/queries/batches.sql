-- name: ListUnfoldedBatches :many
SELECT sqlc.embed(b), u.again FROM unfolded_batches u JOIN batches b ON b.id = u.batch_id
ORDER BY u.again, u.batch_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListUnfoldedBatchesByCluster :many
SELECT sqlc.embed(b), u.again FROM unfolded_batches u JOIN batches b ON b.id = u.batch_id
WHERE u.cluster_id = @cluster_id
ORDER BY u.batch_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: MarkBatchFolded :execrows
DELETE FROM unfolded_batches
WHERE batch_id = (SELECT b.id FROM batches b WHERE b.cluster_id = $1 AND b.epoch = $2 AND b.seq = $3);

-- name: CountBatchesByKey :one
SELECT count(*) FROM batches WHERE cluster_id = $1 AND epoch = $2 AND seq = $3;

-- name: DeleteFoldedBatches :many
DELETE FROM batches WHERE id IN (
    SELECT b.id FROM batches b
    WHERE b.received_at < @received_before
      AND NOT EXISTS (SELECT 1 FROM unfolded_batches u WHERE u.batch_id = b.id)
    ORDER BY b.received_at
    LIMIT CAST(@max_rows AS BIGINT)
)
RETURNING cluster_id, kind;
