-- name: ListClustersWithOldReads :many
SELECT c.id FROM clusters c
WHERE c.ended_at < CAST(sqlc.arg('before') AS BIGINT) AND c.id > sqlc.arg('after') AND EXISTS (SELECT 1 FROM reads r WHERE r.cluster_id = c.id)
ORDER BY c.id
LIMIT sqlc.arg('at_most');

-- name: DeleteReads :execrows
DELETE FROM reads WHERE cluster_id = $1;

-- name: ListClustersWithOldSoftware :many
SELECT c.id FROM clusters c
WHERE c.ended_at < CAST(sqlc.arg('before') AS BIGINT) AND c.id > sqlc.arg('after')
    AND (EXISTS (SELECT 1 FROM software_uses u WHERE u.cluster_id = c.id)
        OR EXISTS (SELECT 1 FROM module_imports i WHERE i.cluster_id = c.id)
        OR EXISTS (SELECT 1 FROM module_usage m WHERE m.cluster_id = c.id))
ORDER BY c.id
LIMIT sqlc.arg('at_most');

-- name: DeleteSoftwareUses :execrows
DELETE FROM software_uses WHERE cluster_id = $1;

-- name: DeleteModuleImports :execrows
DELETE FROM module_imports WHERE cluster_id = $1;

-- name: DeleteModuleTimes :execrows
DELETE FROM module_usage WHERE cluster_id = $1;

-- name: ListClustersWithOldEvents :many
SELECT c.id FROM clusters c
WHERE c.created_at < CAST(sqlc.arg('before') AS BIGINT) AND c.id > sqlc.arg('after')
    AND EXISTS (SELECT 1 FROM events e WHERE e.cluster_id = c.id AND e.at < sqlc.arg('before'))
ORDER BY c.id
LIMIT sqlc.arg('at_most');

-- name: DeleteOldEvents :execrows
DELETE FROM events WHERE cluster_id = $1 AND at < $2;
