-- name: ListPrices :many
-- Of one provider, region and name, or of all for ''; in force at a moment, or of all times for NULL.
SELECT * FROM prices
WHERE (CAST(sqlc.arg('provider') AS TEXT) = '' OR provider = sqlc.arg('provider')) AND (CAST(sqlc.arg('region') AS TEXT) = '' OR region = sqlc.arg('region')) AND (CAST(sqlc.arg('name') AS TEXT) = '' OR name = sqlc.arg('name'))
    AND (CAST(sqlc.narg('at') AS BIGINT) IS NULL OR (valid_from <= sqlc.narg('at') AND (valid_to IS NULL OR valid_to > sqlc.narg('at'))))
ORDER BY provider, region, unit, name, purchase, valid_from, id
LIMIT sqlc.arg('at_most');

-- name: EndPrice :execrows
UPDATE prices SET valid_to = $1 WHERE id = $2;

-- name: ListPricedTime :many
-- How long processes ran within [since, until) that were priced in one way all their life; of the clusters that somebody may see, or of all for ''.
SELECT c.backend, p.core_hour_nanos, p.gigabyte_hour_nanos, p.price_source, p.price_as_of, p.nanos_per_hour, p.currency,
    CAST(sum(CASE WHEN p.ended_at IS NULL OR p.ended_at > CAST(sqlc.arg('until') AS BIGINT) THEN CAST(sqlc.arg('until') AS BIGINT) ELSE p.ended_at END
        - CASE WHEN p.started_at < CAST(sqlc.arg('since') AS BIGINT) THEN CAST(sqlc.arg('since') AS BIGINT) ELSE p.started_at END) AS BIGINT) AS micros
FROM processes p
JOIN clusters c ON c.id = p.cluster_id
WHERE p.started_at < sqlc.arg('until') AND (p.ended_at IS NULL OR p.ended_at > sqlc.arg('since')) AND (CAST(sqlc.arg('owner') AS TEXT) = '' OR c.owner_id = sqlc.arg('owner') OR c.group_path IN (
    SELECT b.path FROM group_paths l JOIN group_paths b ON b.path = l.path OR b.path LIKE l.path || '/%'
    WHERE CAST(sqlc.arg('led') AS TEXT) LIKE '%|' || l.path || '|%'))
    AND p.repricings = 0
GROUP BY c.backend, p.core_hour_nanos, p.gigabyte_hour_nanos, p.price_source, p.price_as_of, p.nanos_per_hour, p.currency
ORDER BY c.backend, p.price_source, p.price_as_of, p.nanos_per_hour, p.core_hour_nanos, p.gigabyte_hour_nanos, p.currency;

-- name: ListRepricedProcesses :many
-- Processes whose prices changed, of those that ran within [since, until); of the clusters that somebody may see, or of all for ''.
SELECT sqlc.embed(p), c.backend
FROM processes p
JOIN clusters c ON c.id = p.cluster_id
WHERE p.repricings > 0 AND p.started_at < CAST(sqlc.arg('until') AS BIGINT) AND (p.ended_at IS NULL OR p.ended_at > CAST(sqlc.arg('since') AS BIGINT))
    AND (CAST(sqlc.arg('owner') AS TEXT) = '' OR c.owner_id = sqlc.arg('owner') OR c.group_path IN (
    SELECT b.path FROM group_paths l JOIN group_paths b ON b.path = l.path OR b.path LIKE l.path || '/%'
    WHERE CAST(sqlc.arg('led') AS TEXT) LIKE '%|' || l.path || '|%'))
ORDER BY p.cluster_id, p.id;
