-- name: ListSegments :many
SELECT * FROM warehouse_segments WHERE dropped_at IS NULL ORDER BY table_name, day_at;

-- name: MeasureSegments :one
SELECT count(*) AS files, CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes FROM warehouse_segments WHERE dropped_at IS NULL;

-- name: ListSegmentNames :many
-- Those that live and those that were dropped not before a time.
SELECT name FROM warehouse_segments WHERE dropped_at IS NULL OR dropped_at >= CAST(@dropped_since AS BIGINT) ORDER BY name;

-- name: DropSegment :execrows
UPDATE warehouse_segments SET dropped_at = CAST(@at AS BIGINT) WHERE name = @name AND dropped_at IS NULL;

-- name: CreateSegment :execrows
INSERT INTO warehouse_segments (name, table_name, day_at, row_count, bytes, nanos, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING;

-- name: ForgetSegments :execrows
DELETE FROM warehouse_segments WHERE dropped_at < CAST(@dropped_before AS BIGINT);

-- name: ListDirty :many
SELECT * FROM warehouse_dirty ORDER BY hour_at, cluster_id;

-- name: MeasureDirty :one
SELECT count(*) AS hours, CAST(coalesce(min(marked_at), 0) AS BIGINT) AS oldest FROM warehouse_dirty;

-- name: DeleteDirtyBefore :execrows
DELETE FROM warehouse_dirty WHERE hour_at < $1;

-- name: MarkStale :exec
INSERT INTO warehouse_stale (cluster_id, from_at, until_at) VALUES ($1, $2, $3)
ON CONFLICT (cluster_id) DO UPDATE
SET from_at = CASE WHEN excluded.from_at < warehouse_stale.from_at THEN excluded.from_at ELSE warehouse_stale.from_at END,
    until_at = CASE WHEN excluded.until_at > warehouse_stale.until_at THEN excluded.until_at ELSE warehouse_stale.until_at END;

-- name: MarkClusterStale :exec
-- All that the processes of a cluster have cost, and what they are going to cost if one of them runs.
INSERT INTO warehouse_stale (cluster_id, from_at, until_at)
SELECT p.cluster_id, min(p.started_at), max(CASE WHEN p.ended_at IS NULL THEN CAST(@open AS BIGINT) ELSE p.ended_at END)
FROM processes p WHERE p.cluster_id = @cluster_id AND p.started_at IS NOT NULL
GROUP BY p.cluster_id
ON CONFLICT (cluster_id) DO UPDATE
SET from_at = CASE WHEN excluded.from_at < warehouse_stale.from_at THEN excluded.from_at ELSE warehouse_stale.from_at END,
    until_at = CASE WHEN excluded.until_at > warehouse_stale.until_at THEN excluded.until_at ELSE warehouse_stale.until_at END;

-- name: MarkRunningStale :exec
-- The hours since one, of all that ran in them.
INSERT INTO warehouse_stale (cluster_id, from_at, until_at)
SELECT p.cluster_id, CASE WHEN min(p.started_at) < CAST(@since AS BIGINT) THEN CAST(@since AS BIGINT) ELSE min(p.started_at) END,
    max(CASE WHEN p.ended_at IS NULL THEN CAST(@open AS BIGINT) ELSE p.ended_at END)
FROM processes p WHERE p.started_at IS NOT NULL AND (p.ended_at IS NULL OR p.ended_at >= CAST(@since AS BIGINT))
GROUP BY p.cluster_id
ON CONFLICT (cluster_id) DO UPDATE
SET from_at = CASE WHEN excluded.from_at < warehouse_stale.from_at THEN excluded.from_at ELSE warehouse_stale.from_at END,
    until_at = CASE WHEN excluded.until_at > warehouse_stale.until_at THEN excluded.until_at ELSE warehouse_stale.until_at END;

-- name: ListStale :many
SELECT * FROM warehouse_stale WHERE from_at <= CAST(@until AS BIGINT) ORDER BY cluster_id LIMIT CAST(@max_rows AS BIGINT);

-- name: DeleteStale :exec
DELETE FROM warehouse_stale WHERE cluster_id = $1;

-- name: GetHorizon :one
SELECT hour_at FROM warehouse_horizon;

-- name: SetHorizon :exec
UPDATE warehouse_horizon SET hour_at = $1;

-- name: GetLastWindowEnd :one
-- Where the window of a process that began last ends.
SELECT u.end_at FROM category_usage u WHERE u.cluster_id = $1 AND u.process_id = $2 ORDER BY u.start_at DESC LIMIT 1;

-- name: GetOutliving :one
-- From when on the end of a cluster decides what its processes cost: where the last windows end of those that outlive a moment. 0 if none does.
SELECT CAST(coalesce(min(coalesce(
    (SELECT u.end_at FROM category_usage u WHERE u.cluster_id = p.cluster_id AND u.process_id = p.id ORDER BY u.start_at DESC LIMIT 1),
    p.started_at)), 0) AS BIGINT)
FROM processes p
WHERE p.cluster_id = @cluster_id AND p.started_at IS NOT NULL AND (p.ended_at IS NULL OR p.ended_at > CAST(@after AS BIGINT));

-- name: ListClusterLives :many
-- From when until when clusters have cost something, at most.
SELECT p.cluster_id, CAST(min(p.started_at) AS BIGINT) AS from_at,
    CAST(max(CASE WHEN p.ended_at IS NULL THEN CAST(@now AS BIGINT) ELSE p.ended_at END) AS BIGINT) AS until_at
FROM processes p WHERE p.started_at IS NOT NULL
GROUP BY p.cluster_id ORDER BY p.cluster_id;

-- name: CreateDamage :exec
INSERT INTO warehouse_damage (name, table_name, day_at, row_count, bytes, nanos, reason, found_at, unknown_nanos, missing_nanos, at_most)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING;

-- name: ListDamage :many
-- The newest first.
SELECT * FROM warehouse_damage ORDER BY found_at DESC, name LIMIT CAST(@at_most_rows AS BIGINT);

-- name: ListLosses :many
SELECT * FROM warehouse_damage WHERE unknown_nanos <> 0 OR missing_nanos <> 0 ORDER BY day_at, name;

-- name: MeasureDamage :one
SELECT count(*) AS files, CAST(coalesce(sum(CASE WHEN unknown_nanos <> 0 OR missing_nanos <> 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS losses FROM warehouse_damage;
