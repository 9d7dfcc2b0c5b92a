-- name: ListReportSubscribers :many
SELECT s.address, s.token, s.updated_at, u.id, u.name, u.role, u.created_at
FROM report_subscriptions s
JOIN users u ON u.id = s.user_id
WHERE s.weekly = 1 AND s.address <> ''
ORDER BY u.id;

-- name: ListReportLeads :many
-- The groups that subscribers lead.
SELECT m.user_id, m.group_id
FROM group_members m
JOIN report_subscriptions s ON s.user_id = m.user_id
JOIN groups g ON g.id = m.group_id
WHERE m.role = 'lead' AND s.weekly = 1 AND s.address <> ''
ORDER BY m.user_id, g.path;

-- name: GetReportSubscription :one
SELECT address, weekly FROM report_subscriptions WHERE user_id = $1;

-- name: PutReportSubscription :exec
-- The token stays what it was: links in old mails go on working.
INSERT INTO report_subscriptions (user_id, address, weekly, token, updated_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (user_id) DO UPDATE SET address = excluded.address, weekly = excluded.weekly, updated_at = excluded.updated_at;

-- name: EndReportSubscription :execrows
UPDATE report_subscriptions SET weekly = 0, updated_at = sqlc.arg('updated_at') WHERE token = sqlc.arg('token');

-- name: ListSettledReportDeliveries :many
-- What nobody has to look at again.
SELECT user_id, scope FROM report_deliveries WHERE week = $1 AND status IN ('sent', 'sending', 'nothing');

-- name: ClaimReportDelivery :one
-- The attempt that it is; no row if it is done, somebody else's, or resting.
INSERT INTO report_deliveries (week, user_id, scope, status, attempts, changed_at, note)
VALUES (sqlc.arg('week'), sqlc.arg('user_id'), sqlc.arg('scope'), 'claimed', 1, sqlc.arg('now'), '')
ON CONFLICT (week, user_id, scope) DO UPDATE
SET status = 'claimed', attempts = report_deliveries.attempts + 1, changed_at = excluded.changed_at
WHERE report_deliveries.attempts < CAST(sqlc.arg('most') AS BIGINT) AND (
    (report_deliveries.status = 'claimed' AND report_deliveries.changed_at <= CAST(sqlc.arg('lease_before') AS BIGINT)) OR
    (report_deliveries.status = 'failed' AND report_deliveries.changed_at <= CAST(sqlc.arg('retry_before') AS BIGINT)))
RETURNING attempts;

-- name: MoveReportDelivery :execrows
UPDATE report_deliveries SET status = sqlc.arg('to_status'), changed_at = sqlc.arg('now'), note = sqlc.arg('note')
WHERE week = sqlc.arg('week') AND user_id = sqlc.arg('user_id') AND scope = sqlc.arg('scope') AND status = sqlc.arg('from_status') AND attempts = sqlc.arg('attempt');
