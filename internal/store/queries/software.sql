-- name: PutEnvironment :execrows
-- Content is known by its hash, so what is there stays.
INSERT INTO environments (id, python, implementation, platform, details) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;

-- name: GetEnvironment :one
SELECT * FROM environments WHERE id = $1;

-- name: ListEnvironmentPackages :many
SELECT * FROM environment_packages WHERE environment_id = $1 ORDER BY name, version, manager;

-- name: ListEnvironmentUses :many
-- One row for each environment and role of a cluster.
SELECT environment, role, CAST(min(first_at) AS BIGINT) AS first_at, CAST(max(last_at) AS BIGINT) AS last_at FROM software_uses
WHERE cluster_id = $1 GROUP BY environment, role ORDER BY environment, role;

-- name: ListModuleImports :many
-- Of one module, or of all for ''. When a module that was imported in an environment was last loaded: as long as its process lived.
SELECT u.environment, i.module, CAST(max(u.last_at) AS BIGINT) AS last_at FROM module_imports i
JOIN software_uses u ON u.cluster_id = i.cluster_id AND u.subject = i.subject
WHERE i.cluster_id = $1 AND (CAST($2 AS TEXT) = '' OR i.module = $2) GROUP BY u.environment, i.module ORDER BY u.environment, i.module;

-- name: ListModuleUsage :many
-- Of one module, or of all for ''.
SELECT m.process_id, u.environment, m.module, CAST(sum(m.thread_micros) AS BIGINT) AS thread_micros, CAST(max(m.hour_at) AS BIGINT) AS last_hour_at
FROM module_usage m
JOIN software_uses u ON u.cluster_id = m.cluster_id AND u.subject = m.process_id
WHERE m.cluster_id = $1 AND (CAST($2 AS TEXT) = '' OR m.module = $2) GROUP BY m.process_id, u.environment, m.module ORDER BY m.process_id, u.environment, m.module;

-- name: TouchSoftwareUse :exec
-- A client that asks for work still runs.
UPDATE software_uses SET last_at = $1 WHERE cluster_id = $2 AND subject = $3 AND last_at < $1;

-- name: CountEnvironmentSeen :one
-- Of the clusters that somebody may see, or of all for ''.
SELECT count(*) FROM software_uses u JOIN clusters c ON c.id = u.cluster_id WHERE u.environment = @environment AND (CAST(@owner AS TEXT) = '' OR c.owner_id = @owner OR c.group_path IN (
    SELECT b.path FROM group_paths l JOIN group_paths b ON b.path = l.path OR b.path LIKE l.path || '/%'
    WHERE CAST(@led AS TEXT) LIKE '%|' || l.path || '|%'));

-- name: DeleteModuleUsage :exec
DELETE FROM module_usage WHERE cluster_id = $1;
