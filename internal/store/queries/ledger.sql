-- name: ListUnpostedClusters :many
SELECT DISTINCT cluster_id FROM processes WHERE unposted = 1 AND cluster_id > $1 ORDER BY cluster_id LIMIT $2;

-- name: ListUnpostedProcesses :many
-- Of the clusters from one to another.
SELECT sqlc.embed(p), c.owner_id, c.backend, s.until_at, s.meter
FROM processes p
JOIN clusters c ON c.id = p.cluster_id
LEFT JOIN ledger_states s ON s.process_id = p.id
WHERE p.cluster_id >= sqlc.arg('first') AND p.cluster_id <= sqlc.arg('last') AND p.unposted = 1
ORDER BY p.cluster_id, p.id;

-- name: SettleProcess :execrows
UPDATE processes SET unposted = 0 WHERE id = $1;

-- name: AddProcessPrice :execrows
INSERT INTO process_prices (process_id, from_at, cluster_id, core_hour_nanos, gigabyte_hour_nanos, price_source, price_as_of, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING;

-- name: CountRepricings :execrows
UPDATE processes SET repricings = repricings + $1 WHERE id = $2;

-- name: ListProcessPricesByCluster :many
SELECT * FROM process_prices WHERE cluster_id = $1 ORDER BY process_id, from_at;

-- name: PutLedgerState :exec
INSERT INTO ledger_states (process_id, until_at, meter) VALUES ($1, $2, $3)
ON CONFLICT (process_id) DO UPDATE SET until_at = excluded.until_at, meter = excluded.meter;

-- name: ListPostedHours :many
SELECT hour_at, CAST(sum(cost_nanos) AS BIGINT) AS cost_nanos, CAST(sum(micros) AS BIGINT) AS micros,
    CAST(sum(CASE WHEN kind = 'correction' THEN 1 ELSE 0 END) AS BIGINT) AS corrections
FROM ledger_entries
WHERE process_id = $1 AND kind <> 'true_up'
GROUP BY hour_at
ORDER BY hour_at;

-- name: GetClosedThrough :one
SELECT CAST(COALESCE(max(month), '') AS TEXT) AS month FROM ledger_months;

-- name: ListLedgerEntries :many
-- Of one month, cluster and kind, or of all for ''; the newest first, before an id. What an owner sees who leads groups: scope.go.
SELECT e.* FROM ledger_entries e
WHERE (CAST(sqlc.arg('month') AS TEXT) = '' OR e.month = sqlc.arg('month'))
    AND (CAST(sqlc.arg('cluster') AS TEXT) = '' OR e.cluster_id = sqlc.arg('cluster'))
    AND (CAST(sqlc.arg('kind') AS TEXT) = '' OR e.kind = sqlc.arg('kind'))
    AND (CAST(sqlc.arg('owner') AS TEXT) = '' OR e.owner_id = sqlc.arg('owner') OR e.cluster_id IN (
        SELECT k.id FROM clusters k WHERE k.group_path IN (
            SELECT b.path FROM group_paths l JOIN group_paths b ON b.path = l.path OR b.path LIKE l.path || '/%'
            WHERE CAST(sqlc.arg('led') AS TEXT) LIKE '%|' || l.path || '|%')))
    AND e.id < CAST(sqlc.arg('before') AS BIGINT)
ORDER BY e.id DESC
LIMIT sqlc.arg('at_most');

-- name: LedgerTotalsPerMonth :many
-- Of months after one.
SELECT e.month, e.kind, e.currency, count(*) AS entries, CAST(sum(e.cost_nanos) AS BIGINT) AS cost_nanos
FROM ledger_entries e
WHERE e.month > sqlc.arg('after') AND (CAST(sqlc.arg('owner') AS TEXT) = '' OR e.owner_id = sqlc.arg('owner') OR e.cluster_id IN (
        SELECT k.id FROM clusters k WHERE k.group_path IN (
            SELECT b.path FROM group_paths l JOIN group_paths b ON b.path = l.path OR b.path LIKE l.path || '/%'
            WHERE CAST(sqlc.arg('led') AS TEXT) LIKE '%|' || l.path || '|%')))
GROUP BY e.month, e.kind, e.currency
ORDER BY e.month, e.kind, e.currency;

-- name: LedgerTotalsPerOwner :many
-- Entries are added up by cluster before their groups are looked up.
SELECT s.owner_id, c.group_path, s.backend, s.kind, s.currency, COALESCE(u.name, '') AS owner, CAST(sum(s.entries) AS BIGINT) AS entries,
    CAST(sum(s.micros) AS BIGINT) AS micros, CAST(sum(s.cost_nanos) AS BIGINT) AS cost_nanos
FROM (
    SELECT e.cluster_id, e.owner_id, e.backend, e.kind, e.currency, count(*) AS entries, CAST(sum(e.micros) AS BIGINT) AS micros,
        CAST(sum(e.cost_nanos) AS BIGINT) AS cost_nanos
    FROM ledger_entries e
    WHERE e.month = sqlc.arg('month') AND (CAST(sqlc.arg('owner') AS TEXT) = '' OR e.owner_id = sqlc.arg('owner') OR e.cluster_id IN (
            SELECT k.id FROM clusters k WHERE k.group_path IN (
                SELECT b.path FROM group_paths l JOIN group_paths b ON b.path = l.path OR b.path LIKE l.path || '/%'
                WHERE CAST(sqlc.arg('led') AS TEXT) LIKE '%|' || l.path || '|%')))
    GROUP BY e.cluster_id, e.owner_id, e.backend, e.kind, e.currency
) s
JOIN clusters c ON c.id = s.cluster_id
LEFT JOIN users u ON u.id = s.owner_id
GROUP BY s.owner_id, c.group_path, s.backend, s.kind, s.currency, u.name
ORDER BY s.owner_id, c.group_path, s.backend, s.kind, s.currency;

-- name: GetLedgerExtent :one
SELECT count(*) AS entries, CAST(COALESCE(max(id), 0) AS BIGINT) AS newest FROM ledger_entries WHERE month = $1;

-- name: AddLedgerMonth :execrows
INSERT INTO ledger_months (month, start_at, end_at, closed_at, closed_by) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;

-- name: GetMonthAfter :one
SELECT CAST(COALESCE(min(month), '') AS TEXT) AS month FROM ledger_entries WHERE month > $1;

-- name: ListLedgerMonths :many
SELECT * FROM ledger_months ORDER BY month;

-- name: ListClosedTotals :many
-- Of one month, or of all for ''.
SELECT * FROM ledger_totals t
WHERE (CAST(sqlc.arg('month') AS TEXT) = '' OR t.month = sqlc.arg('month')) AND (CAST(sqlc.arg('owner') AS TEXT) = '' OR t.owner_id = sqlc.arg('owner')
    OR t.group_path IN (
        SELECT b.path FROM group_paths l JOIN group_paths b ON b.path = l.path OR b.path LIKE l.path || '/%'
        WHERE CAST(sqlc.arg('led') AS TEXT) LIKE '%|' || l.path || '|%'))
ORDER BY t.month, t.owner_id, t.group_path, t.backend, t.kind, t.currency;

-- name: PostedPerProcess :many
-- What is posted for the hours that begin within [since, until), true-ups aside, by process.
SELECT process_id, CAST(sum(cost_nanos) AS BIGINT) AS cost_nanos
FROM ledger_entries
WHERE hour_at >= sqlc.arg('since') AND hour_at < sqlc.arg('until') AND kind <> 'true_up'
GROUP BY process_id
ORDER BY process_id;

-- name: ListLedgerStates :many
-- Of processes that ran within [since, until), by cluster and process.
SELECT p.id, s.until_at FROM processes p
JOIN ledger_states s ON s.process_id = p.id
WHERE p.started_at < sqlc.arg('until') AND (p.ended_at IS NULL OR p.ended_at > sqlc.arg('since'))
ORDER BY p.id;

-- name: ListUnpostedWithin :many
-- Clusters with processes that began before a moment and are not posted up to it, or to their end.
SELECT DISTINCT c.id, c.name FROM processes p
JOIN clusters c ON c.id = p.cluster_id
LEFT JOIN ledger_states s ON s.process_id = p.id
WHERE p.unposted = 1 AND p.started_at < CAST(sqlc.arg('before') AS BIGINT)
    AND (s.until_at IS NULL OR (s.until_at < sqlc.arg('before') AND (p.ended_at IS NULL OR s.until_at < p.ended_at)))
ORDER BY c.id
LIMIT sqlc.arg('at_most');

-- name: ListMonthByProcess :many
-- What is booked in a month for its own hours, by process: the first of them, the metered amount, true-ups so far and how many they are in that hour.
SELECT e.process_id, e.cluster_id, e.owner_id, e.backend, e.currency, p.handle, CAST(min(e.hour_at) AS BIGINT) AS hour_at,
    CAST(sum(CASE WHEN e.kind = 'true_up' THEN 0 ELSE e.cost_nanos END) AS BIGINT) AS metered_nanos,
    CAST(sum(CASE WHEN e.kind = 'true_up' THEN e.cost_nanos ELSE 0 END) AS BIGINT) AS trued_up_nanos,
    CAST(max(CASE WHEN e.kind = 'true_up' THEN e.sequence ELSE 0 END) AS BIGINT) AS last_true_up
FROM ledger_entries e
JOIN processes p ON p.id = e.process_id
WHERE e.month = sqlc.arg('month') AND e.hour_at >= CAST(sqlc.arg('since') AS BIGINT)
GROUP BY e.process_id, e.cluster_id, e.owner_id, e.backend, e.currency, p.handle
ORDER BY e.process_id;

-- name: AddLedgerImport :execrows
INSERT INTO ledger_imports (id, month, source, sha256, rules, result, imported_at, imported_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING;

-- name: ListLedgerImports :many
SELECT * FROM ledger_imports WHERE month = $1 ORDER BY id;

-- name: ListLedgerImportsWithin :many
SELECT * FROM ledger_imports WHERE month >= sqlc.arg('first') AND month <= sqlc.arg('last') ORDER BY month, id;

-- name: ListTrueUps :many
-- What true-ups add to processes in the months from one to another. What an owner sees who leads groups: scope.go.
SELECT e.month, e.process_id, e.cluster_id, c.owner_id, c.group_path, c.backend, CAST(sum(e.cost_nanos) AS BIGINT) AS cost_nanos
FROM ledger_entries e
JOIN clusters c ON c.id = e.cluster_id
WHERE e.kind = 'true_up' AND e.month >= sqlc.arg('first') AND e.month <= sqlc.arg('last')
    AND (CAST(sqlc.arg('owner') AS TEXT) = '' OR c.owner_id = sqlc.arg('owner') OR c.group_path IN (
        SELECT b.path FROM group_paths l JOIN group_paths b ON b.path = l.path OR b.path LIKE l.path || '/%'
        WHERE CAST(sqlc.arg('led') AS TEXT) LIKE '%|' || l.path || '|%'))
GROUP BY e.month, e.process_id, e.cluster_id, c.owner_id, c.group_path, c.backend
HAVING sum(e.cost_nanos) <> 0
ORDER BY e.month, e.cluster_id, e.process_id;
