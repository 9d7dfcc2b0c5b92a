-- name: ListResourceUsage :many
-- Windows that begin in the same bucket are one row: a chart of a long life needs no finer ones.
SELECT process_id, CAST(min(start_at) AS BIGINT) AS start_at, CAST(max(end_at) AS BIGINT) AS end_at,
    CAST(sum(observed_micros) AS BIGINT) AS observed_micros, CAST(max(rss_bytes) AS BIGINT) AS rss_bytes,
    CAST(max(rss_peak_bytes) AS BIGINT) AS rss_peak_bytes, CAST(max(managed_bytes) AS BIGINT) AS managed_bytes,
    CAST(max(spilled_bytes) AS BIGINT) AS spilled_bytes, CAST(max(memory_limit_bytes) AS BIGINT) AS memory_limit_bytes,
    CAST(sum(cpu_micros) AS BIGINT) AS cpu_micros, CAST(sum(transfer_in_bytes) AS BIGINT) AS transfer_in_bytes,
    CAST(sum(transfer_out_bytes) AS BIGINT) AS transfer_out_bytes, CAST(sum(disk_read_bytes) AS BIGINT) AS disk_read_bytes,
    CAST(sum(disk_write_bytes) AS BIGINT) AS disk_write_bytes
FROM resource_usage WHERE cluster_id = $1
GROUP BY process_id, start_at / CAST($2 AS BIGINT) ORDER BY process_id, 2;

-- name: ListGPUUsage :many
SELECT process_id, uuid, device, CAST(max(name) AS TEXT) AS name, CAST(min(start_at) AS BIGINT) AS start_at, CAST(max(end_at) AS BIGINT) AS end_at,
    CAST(sum(observed_micros) AS BIGINT) AS observed_micros, CAST(sum(util_micros) AS BIGINT) AS util_micros,
    CAST(sum(idle_micros) AS BIGINT) AS idle_micros, count(sm_micros) AS sm_known, CAST(COALESCE(sum(sm_micros), 0) AS BIGINT) AS sm_micros,
    CAST(max(memory_peak_bytes) AS BIGINT) AS memory_peak_bytes, CAST(max(memory_total_bytes) AS BIGINT) AS memory_total_bytes,
    CAST(sum(energy_millijoules) AS BIGINT) AS energy_millijoules
FROM gpu_usage WHERE cluster_id = $1
GROUP BY process_id, uuid, device, start_at / CAST($2 AS BIGINT) ORDER BY process_id, uuid, device, 5;

-- name: DeleteResourceUsage :exec
DELETE FROM resource_usage WHERE cluster_id = $1;

-- name: DeleteGPUUsage :exec
DELETE FROM gpu_usage WHERE cluster_id = $1;

-- name: OldestResourceUsage :one
SELECT CAST(COALESCE(min(end_at), 0) AS BIGINT) AS end_at FROM resource_usage WHERE whole = $1;

-- name: OldestGPUUsage :one
SELECT CAST(COALESCE(min(end_at), 0) AS BIGINT) AS end_at FROM gpu_usage WHERE whole = $1;

-- name: SumResourceUsage :exec
-- No agent has an empty epoch, so these rows meet only their like.
INSERT INTO resource_usage (
    cluster_id, process_id, start_at, epoch, end_at, whole, observed_micros, rss_bytes, rss_peak_bytes, managed_bytes, spilled_bytes,
    memory_limit_bytes, cpu_micros, transfer_in_bytes, transfer_out_bytes, disk_read_bytes, disk_write_bytes
)
SELECT r.cluster_id, r.process_id, min(r.start_at), '', max(r.end_at), CAST($1 AS BOOLEAN), CAST(sum(r.observed_micros) AS BIGINT), max(r.rss_bytes), max(r.rss_peak_bytes),
    max(r.managed_bytes), max(r.spilled_bytes), max(r.memory_limit_bytes), CAST(sum(r.cpu_micros) AS BIGINT), CAST(sum(r.transfer_in_bytes) AS BIGINT),
    CAST(sum(r.transfer_out_bytes) AS BIGINT), CAST(sum(r.disk_read_bytes) AS BIGINT), CAST(sum(r.disk_write_bytes) AS BIGINT)
FROM resource_usage r WHERE r.whole = $2 AND r.end_at < $3
GROUP BY r.cluster_id, r.process_id, r.start_at / 3600000000
ON CONFLICT (cluster_id, process_id, start_at, epoch) DO UPDATE
SET end_at = CASE WHEN excluded.end_at > resource_usage.end_at THEN excluded.end_at ELSE resource_usage.end_at END,
    observed_micros = resource_usage.observed_micros + excluded.observed_micros,
    rss_bytes = CASE WHEN excluded.rss_bytes > resource_usage.rss_bytes THEN excluded.rss_bytes ELSE resource_usage.rss_bytes END,
    rss_peak_bytes = CASE WHEN excluded.rss_peak_bytes > resource_usage.rss_peak_bytes THEN excluded.rss_peak_bytes ELSE resource_usage.rss_peak_bytes END,
    managed_bytes = CASE WHEN excluded.managed_bytes > resource_usage.managed_bytes THEN excluded.managed_bytes ELSE resource_usage.managed_bytes END,
    spilled_bytes = CASE WHEN excluded.spilled_bytes > resource_usage.spilled_bytes THEN excluded.spilled_bytes ELSE resource_usage.spilled_bytes END,
    memory_limit_bytes = CASE WHEN excluded.memory_limit_bytes > resource_usage.memory_limit_bytes THEN excluded.memory_limit_bytes ELSE resource_usage.memory_limit_bytes END,
    cpu_micros = resource_usage.cpu_micros + excluded.cpu_micros,
    transfer_in_bytes = resource_usage.transfer_in_bytes + excluded.transfer_in_bytes,
    transfer_out_bytes = resource_usage.transfer_out_bytes + excluded.transfer_out_bytes,
    disk_read_bytes = resource_usage.disk_read_bytes + excluded.disk_read_bytes,
    disk_write_bytes = resource_usage.disk_write_bytes + excluded.disk_write_bytes;

-- name: DeleteOldResourceUsage :execrows
DELETE FROM resource_usage WHERE whole = $1 AND end_at < $2;

-- name: SumGPUUsage :exec
INSERT INTO gpu_usage (
    cluster_id, process_id, start_at, epoch, key, end_at, whole, uuid, device, name, observed_micros, util_micros, idle_micros, sm_micros,
    memory_peak_bytes, memory_total_bytes, energy_millijoules
)
SELECT g.cluster_id, g.process_id, min(g.start_at), '', g.key, max(g.end_at), CAST($1 AS BOOLEAN), max(g.uuid), max(g.device), max(g.name),
    CAST(sum(g.observed_micros) AS BIGINT), CAST(sum(g.util_micros) AS BIGINT), CAST(sum(g.idle_micros) AS BIGINT), CAST(sum(g.sm_micros) AS BIGINT),
    max(g.memory_peak_bytes), max(g.memory_total_bytes), CAST(sum(g.energy_millijoules) AS BIGINT)
FROM gpu_usage g WHERE g.whole = $2 AND g.end_at < $3
GROUP BY g.cluster_id, g.process_id, g.key, g.start_at / 3600000000
ON CONFLICT (cluster_id, process_id, start_at, epoch, key) DO UPDATE
SET end_at = CASE WHEN excluded.end_at > gpu_usage.end_at THEN excluded.end_at ELSE gpu_usage.end_at END,
    observed_micros = gpu_usage.observed_micros + excluded.observed_micros,
    util_micros = gpu_usage.util_micros + excluded.util_micros,
    idle_micros = gpu_usage.idle_micros + excluded.idle_micros,
    sm_micros = gpu_usage.sm_micros + excluded.sm_micros,
    memory_peak_bytes = CASE WHEN excluded.memory_peak_bytes > gpu_usage.memory_peak_bytes THEN excluded.memory_peak_bytes ELSE gpu_usage.memory_peak_bytes END,
    memory_total_bytes = CASE WHEN excluded.memory_total_bytes > gpu_usage.memory_total_bytes THEN excluded.memory_total_bytes ELSE gpu_usage.memory_total_bytes END,
    energy_millijoules = gpu_usage.energy_millijoules + excluded.energy_millijoules;

-- name: DeleteOldGPUUsage :execrows
DELETE FROM gpu_usage WHERE whole = $1 AND end_at < $2;
