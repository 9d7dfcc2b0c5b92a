-- name: CreateProcess :execrows
INSERT INTO processes (
    id, cluster_id, role, name, generation, status, target, threads, memory_bytes, nanos_per_hour, currency, handle, exit_code,
    reason, created_at, started_at, retire_at, ended_at, core_hour_nanos, gigabyte_hour_nanos, price_source, price_as_of
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
ON CONFLICT DO NOTHING;

-- name: ListProcessesByCluster :many
-- Shorter names first puts w-2 before w-10.
SELECT * FROM processes WHERE cluster_id = $1 ORDER BY role, length(name), name, generation;

-- name: UpdateProcess :execrows
UPDATE processes
SET status = $1, target = $2, handle = $3, exit_code = $4, reason = $5, started_at = $6, retire_at = $7, ended_at = $8,
    threads = $9, memory_bytes = $10, nanos_per_hour = $11, currency = $12, core_hour_nanos = $13, gigabyte_hour_nanos = $14,
    price_source = $15, price_as_of = $16, unposted = 1
WHERE id = $17;

-- name: GetProcessByID :one
SELECT * FROM processes WHERE id = $1;
