-- name: CreateSignInCode :execrows
INSERT INTO sign_in_codes (hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: TakeSignInCode :one
DELETE FROM sign_in_codes WHERE hash = $1 RETURNING *;

-- name: DeleteSignInCodesByExpiry :exec
DELETE FROM sign_in_codes WHERE expires_at < $1;

-- name: CreateSession :execrows
INSERT INTO sessions (hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: GetSessionByHash :one
SELECT * FROM sessions WHERE hash = $1;

-- name: DeleteSession :execrows
DELETE FROM sessions WHERE hash = $1;

-- name: DeleteSessionsByExpiry :exec
DELETE FROM sessions WHERE expires_at < $1;

-- name: CreateToken :execrows
INSERT INTO tokens (id, user_id, name, hash, created_at, expires_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING;

-- name: GetTokenByHash :one
SELECT * FROM tokens WHERE hash = $1;

-- name: ListTokensByUser :many
SELECT * FROM tokens WHERE user_id = $1 ORDER BY id DESC;

-- name: DeleteToken :execrows
DELETE FROM tokens WHERE id = $1 AND user_id = $2;

-- name: TouchToken :execrows
UPDATE tokens SET last_used_at = $1 WHERE id = $2;

-- name: DeleteTokensByExpiry :exec
DELETE FROM tokens WHERE expires_at < $1;
