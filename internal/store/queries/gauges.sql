-- name: SetGauges :exec
-- Reports that arrive late do not replace newer ones.
INSERT INTO gauges (
    cluster_id, at, workers, threads, clients, processing, queued, waiting, no_worker, in_memory, erred, managed_bytes, spilled_bytes
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (cluster_id) DO UPDATE
SET at = excluded.at, workers = excluded.workers, threads = excluded.threads, clients = excluded.clients,
    processing = excluded.processing, queued = excluded.queued, waiting = excluded.waiting, no_worker = excluded.no_worker,
    in_memory = excluded.in_memory, erred = excluded.erred, managed_bytes = excluded.managed_bytes,
    spilled_bytes = excluded.spilled_bytes
WHERE gauges.at <= excluded.at;

-- name: GetGaugesByCluster :one
SELECT * FROM gauges WHERE cluster_id = $1;
