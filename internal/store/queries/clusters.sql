-- name: CreateCluster :execrows
INSERT INTO clusters (
    id, name, owner_id, backend, workers, threads, memory_bytes, python, env, status, target, reason, scheduler_address,
    dashboard_url, created_at, started_at, ended_at, deployment, method, scheduler_key, last_seen_at, group_id, group_path
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
ON CONFLICT DO NOTHING;

-- name: GetClusterByID :one
SELECT * FROM clusters WHERE id = $1;

-- name: GetLiveClusterByName :one
SELECT * FROM clusters
WHERE owner_id = $1 AND name = $2 AND status NOT IN ('stopped', 'failed')
ORDER BY id DESC
LIMIT 1;

-- name: ListClusters :many
-- There are six statuses; a filter of fewer repeats one. What an owner sees who leads groups: scope.go.
SELECT * FROM clusters
WHERE status IN (@status_1, @status_2, @status_3, @status_4, @status_5, @status_6)
  AND (ended_at IS NULL OR ended_at >= CAST(@alive_since AS BIGINT))
  AND created_at < CAST(@created_before AS BIGINT)
  AND (id < CAST(@before_id AS TEXT) OR CAST(@before_id AS TEXT) = '')
  AND (CAST(@owner AS TEXT) = '' OR owner_id = @owner OR group_path IN (
    SELECT b.path FROM group_paths l JOIN group_paths b ON b.path = l.path OR b.path LIKE l.path || '/%'
    WHERE CAST(@led AS TEXT) LIKE '%|' || l.path || '|%'))
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: UpdateCluster :execrows
UPDATE clusters
SET name = $1, workers = $2, threads = $3, memory_bytes = $4, python = $5, env = $6, status = $7, target = $8, reason = $9,
    scheduler_address = $10, dashboard_url = $11, started_at = $12, ended_at = $13, deployment = $14, method = $15
WHERE id = $16;

-- name: GetClusterBySchedulerKey :one
SELECT * FROM clusters WHERE owner_id = $1 AND scheduler_key = $2;

-- name: CountLiveWatchedClusters :one
SELECT count(*) FROM clusters WHERE owner_id = $1 AND backend = 'watched' AND status NOT IN ('stopped', 'failed');

-- name: ListLiveWatchedClusters :many
SELECT * FROM clusters WHERE backend = 'watched' AND status = 'running' ORDER BY id;

-- name: TouchCluster :execrows
UPDATE clusters SET last_seen_at = CAST(@seen_at AS BIGINT)
WHERE id = @id AND backend = 'watched' AND (last_seen_at IS NULL OR last_seen_at < CAST(@seen_at AS BIGINT));
