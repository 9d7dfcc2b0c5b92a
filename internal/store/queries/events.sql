-- name: CreateEvent :exec
INSERT INTO events (cluster_id, at, kind, message) VALUES ($1, $2, $3, $4);

-- name: ListEventsByCluster :many
SELECT * FROM events WHERE cluster_id = $1 ORDER BY id DESC LIMIT CAST(@max_rows AS BIGINT);
