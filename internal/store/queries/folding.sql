-- name: NoteFolded :exec
INSERT INTO fold_states (cluster_id, rules_version, sampled, dropped_batches) VALUES ($1, $2, $3, 0)
ON CONFLICT (cluster_id) DO UPDATE
SET sampled = (fold_states.sampled OR excluded.sampled),
    rules_version = CASE WHEN excluded.rules_version < fold_states.rules_version THEN excluded.rules_version ELSE fold_states.rules_version END
WHERE excluded.rules_version < fold_states.rules_version OR (excluded.sampled AND NOT fold_states.sampled);

-- name: NoteDropped :exec
INSERT INTO fold_states (cluster_id, rules_version, sampled, dropped_batches) VALUES ($1, 0, $2, $3)
ON CONFLICT (cluster_id) DO UPDATE SET dropped_batches = fold_states.dropped_batches + excluded.dropped_batches;

-- name: GetFoldState :one
SELECT * FROM fold_states WHERE cluster_id = $1;

-- name: ListOutdatedClusters :many
SELECT cluster_id FROM fold_states WHERE rules_version < @version AND dropped_batches = 0
ORDER BY cluster_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: SetRulesVersion :exec
UPDATE fold_states SET rules_version = @version WHERE cluster_id = @cluster_id;

-- name: DeleteLineUsageByCluster :exec
DELETE FROM line_usage WHERE cluster_id = $1;

-- name: DeleteCategoryUsageByCluster :exec
DELETE FROM category_usage WHERE cluster_id = $1;

-- name: UnfoldWorkerBatches :exec
INSERT INTO unfolded_batches (batch_id, cluster_id, again)
SELECT b.id, b.cluster_id, TRUE FROM batches b
WHERE b.cluster_id = $1 AND b.kind = 'worker'
  AND NOT EXISTS (SELECT 1 FROM unfolded_batches u WHERE u.batch_id = b.id);
