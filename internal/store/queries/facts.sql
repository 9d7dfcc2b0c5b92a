-- name: ListClientSessionsByCluster :many
SELECT * FROM client_sessions WHERE cluster_id = $1 ORDER BY client;

-- name: ListOriginsByCluster :many
SELECT * FROM origins WHERE cluster_id = $1 ORDER BY id;

-- name: ListPartsByCluster :many
SELECT * FROM parts WHERE cluster_id = $1 ORDER BY submission, name;

-- name: ListReadsByCluster :many
SELECT * FROM reads WHERE cluster_id = $1 ORDER BY submission, prefix, origin, direction, path;

-- name: CountChangedParts :one
SELECT count(*) FROM parts WHERE cluster_id = $1 AND submission = $2 AND key = $3 AND origin <> $4;
