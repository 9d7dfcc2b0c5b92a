-- name: SetCredentials :exec
INSERT INTO credentials (cluster_id, role, ca, certificate, private_key) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (cluster_id, role) DO UPDATE
SET ca = excluded.ca, certificate = excluded.certificate, private_key = excluded.private_key;

-- name: ListCredentialsByCluster :many
SELECT * FROM credentials WHERE cluster_id = $1;

-- name: DeleteCredentials :execrows
DELETE FROM credentials WHERE cluster_id = $1;

-- name: SetAgentToken :exec
INSERT INTO agent_tokens (cluster_id, hash, text) VALUES ($1, $2, $3)
ON CONFLICT (cluster_id) DO UPDATE SET hash = excluded.hash, text = excluded.text;

-- name: GetAgentTokenByCluster :one
SELECT * FROM agent_tokens WHERE cluster_id = $1;

-- name: GetClusterIDByAgentToken :one
SELECT cluster_id FROM agent_tokens WHERE agent_tokens.hash = CAST(@hash AS TEXT)
UNION ALL
SELECT cluster_id FROM watch_tokens WHERE watch_tokens.hash = CAST(@hash AS TEXT);

-- name: CreateWatchToken :exec
INSERT INTO watch_tokens (hash, cluster_id, created_at) VALUES ($1, $2, $3);

-- name: DeleteOldWatchTokens :exec
-- Keeps the newest so many.
DELETE FROM watch_tokens
WHERE watch_tokens.cluster_id = CAST(@cluster_id AS TEXT) AND watch_tokens.hash NOT IN (
    SELECT t.hash FROM watch_tokens t WHERE t.cluster_id = CAST(@cluster_id AS TEXT)
    ORDER BY t.created_at DESC, t.hash LIMIT CAST(@keep AS BIGINT)
);

-- name: DeleteWatchTokens :exec
DELETE FROM watch_tokens WHERE cluster_id = $1;

-- name: ForgetAgentTokenText :execrows
UPDATE agent_tokens SET text = '' WHERE cluster_id = $1;
