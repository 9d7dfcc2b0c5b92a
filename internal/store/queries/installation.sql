-- name: CreateInstallation :exec
INSERT INTO installation (singleton, id, created_at) VALUES (1, $1, $2) ON CONFLICT DO NOTHING;

-- name: GetInstallationID :one
SELECT id FROM installation;
