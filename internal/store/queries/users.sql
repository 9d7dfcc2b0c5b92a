-- name: CreateUser :execrows
INSERT INTO users (id, name, role, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: GetUserByID :one
SELECT * FROM users WHERE id = $1;

-- name: GetUserByName :one
SELECT * FROM users WHERE name = $1;

-- name: CountUsers :one
SELECT count(*) FROM users;

-- name: ListUsers :many
SELECT * FROM users ORDER BY name;
