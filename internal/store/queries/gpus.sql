-- name: AddProcessGPU :execrows
INSERT INTO process_gpus (process_id, uuid, cluster_id, device, model, recorded_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING;

-- name: CountProcessGPUs :execrows
-- Its ledger is looked at again.
UPDATE processes SET gpus = gpus + $1, unposted = 1 WHERE id = $2;

-- name: AddGPUPrice :execrows
INSERT INTO gpu_prices (process_id, model, from_at, cluster_id, nanos_per_hour, price_source, price_as_of, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING;

-- name: ListProcessGPUs :many
SELECT * FROM process_gpus WHERE cluster_id = $1 ORDER BY process_id, device, uuid;

-- name: ListGPUPrices :many
SELECT * FROM gpu_prices WHERE cluster_id = $1 ORDER BY process_id, model, from_at;

-- name: ListGPUHolders :many
-- Who saw the devices of a cluster within [since, until): its own processes, and those of others.
SELECT o.uuid, p.id, p.started_at, p.ended_at
FROM process_gpus o
JOIN processes p ON p.id = o.process_id
WHERE o.uuid IN (SELECT g.uuid FROM process_gpus g WHERE g.cluster_id = @cluster_id)
    AND p.started_at IS NOT NULL AND p.started_at < CAST(@until AS BIGINT) AND (p.ended_at IS NULL OR p.ended_at > CAST(@since AS BIGINT))
ORDER BY o.uuid, p.id;

-- name: ListOtherHolders :many
-- Who else saw the devices of a process within [since, until].
SELECT DISTINCT p.id, p.cluster_id, p.started_at, p.ended_at, p.unposted
FROM process_gpus g
JOIN process_gpus o ON o.uuid = g.uuid AND o.process_id <> g.process_id
JOIN processes p ON p.id = o.process_id
WHERE g.process_id = @process_id
    AND p.started_at IS NOT NULL AND p.started_at <= CAST(@until AS BIGINT) AND (p.ended_at IS NULL OR p.ended_at >= CAST(@since AS BIGINT))
ORDER BY p.cluster_id, p.id;

-- name: UnsettleProcess :exec
UPDATE processes SET unposted = 1 WHERE id = $1;

-- name: ListGPUProcesses :many
-- Processes with GPUs, of those that ran within [since, until); of the clusters that somebody may see, or of all for ''.
SELECT sqlc.embed(p), c.backend
FROM processes p
JOIN clusters c ON c.id = p.cluster_id
WHERE p.gpus > 0 AND p.started_at < CAST(sqlc.arg('until') AS BIGINT) AND (p.ended_at IS NULL OR p.ended_at > CAST(sqlc.arg('since') AS BIGINT))
    AND (CAST(sqlc.arg('owner') AS TEXT) = '' OR c.owner_id = sqlc.arg('owner') OR c.group_path IN (
    SELECT b.path FROM group_paths l JOIN group_paths b ON b.path = l.path OR b.path LIKE l.path || '/%'
    WHERE CAST(sqlc.arg('led') AS TEXT) LIKE '%|' || l.path || '|%'))
ORDER BY p.cluster_id, p.id;

-- name: ListGPUHours :many
-- How long devices were watched, and did nothing, in windows that begin within [since, until), by hour.
SELECT process_id, uuid, CAST(start_at / 3600000000 AS BIGINT) AS hour, CAST(sum(observed_micros) AS BIGINT) AS observed_micros,
    CAST(sum(idle_micros) AS BIGINT) AS idle_micros
FROM gpu_usage WHERE cluster_id = @cluster_id AND start_at >= CAST(@since AS BIGINT) AND start_at < CAST(@until AS BIGINT)
GROUP BY process_id, uuid, start_at / 3600000000 ORDER BY process_id, uuid, 3;
