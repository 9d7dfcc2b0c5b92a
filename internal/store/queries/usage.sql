-- name: ListLineUsageByCluster :many
SELECT * FROM line_usage WHERE cluster_id = $1
ORDER BY process_id, hour_at, submission, prefix, file, line, function, origin, part, operation, library;

-- name: ListCategoryUsageByCluster :many
SELECT * FROM category_usage WHERE cluster_id = $1 ORDER BY process_id, start_at, epoch, category;

-- name: ListLineUsageOfHours :many
-- What is on the lines of a cluster in the hours [since, until), as of a moment. What clocks put before the first hour of a process counts in that, and what they put
-- after its last one in that.
SELECT u.* FROM processes p
CROSS JOIN line_usage u -- SQLite keeps the order of a cross join: first the process
WHERE u.cluster_id = p.cluster_id AND u.process_id = p.id
  AND u.hour_at >= CASE WHEN p.started_at >= CAST(@since AS BIGINT) THEN 0 ELSE CAST(@since AS BIGINT) END
  AND u.hour_at < CASE WHEN CAST(@as_of AS BIGINT) <= CAST(@until AS BIGINT) OR p.ended_at <= CAST(@until AS BIGINT) THEN CAST(@forever AS BIGINT) ELSE CAST(@until AS BIGINT) END
  AND p.cluster_id = CAST(@cluster_id AS TEXT) AND p.started_at < CAST(@until AS BIGINT) AND (p.ended_at IS NULL OR p.ended_at > CAST(@since AS BIGINT))
ORDER BY u.process_id, u.hour_at, u.submission, u.prefix, u.file, u.line, u.function, u.origin, u.part, u.operation, u.library;

-- name: ListCategoryUsageOfHours :many
-- The windows of the same hours, and those around them that say what the time between windows was: the one before with what may reach further, none of which is
-- longer than an hour, and the one after.
SELECT u.* FROM processes p
CROSS JOIN category_usage u -- SQLite keeps the order of a cross join: first the process
WHERE u.cluster_id = p.cluster_id AND u.process_id = p.id
  AND u.start_at >= CASE WHEN p.started_at >= CAST(@since AS BIGINT) THEN 0 ELSE coalesce(
    (SELECT b.start_at FROM category_usage b WHERE b.cluster_id = p.cluster_id AND b.process_id = p.id AND b.start_at < CAST(@since AS BIGINT)
     ORDER BY b.start_at DESC LIMIT 1) - CAST(@hour AS BIGINT), 0) END
  AND u.start_at <= CASE WHEN CAST(@as_of AS BIGINT) <= CAST(@until AS BIGINT) OR p.ended_at <= CAST(@until AS BIGINT) THEN CAST(@forever AS BIGINT) ELSE coalesce(
    (SELECT a.start_at FROM category_usage a WHERE a.cluster_id = p.cluster_id AND a.process_id = p.id AND a.start_at >= CAST(@until AS BIGINT)
     ORDER BY a.start_at LIMIT 1), CAST(@forever AS BIGINT)) END
  AND p.cluster_id = CAST(@cluster_id AS TEXT) AND p.started_at < CAST(@until AS BIGINT) AND (p.ended_at IS NULL OR p.ended_at > CAST(@since AS BIGINT))
ORDER BY u.process_id, u.start_at, u.epoch, u.category;

-- name: PutSubmission :exec
INSERT INTO submissions (cluster_id, id, at, client, file, line, function, text, tasks, tags, span, levels)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (cluster_id, id) DO UPDATE
SET at = excluded.at, client = excluded.client, file = excluded.file, line = excluded.line, function = excluded.function,
    text = excluded.text, tasks = excluded.tasks, tags = excluded.tags, span = excluded.span, levels = excluded.levels;

-- name: GetSubmissionByID :one
SELECT * FROM submissions WHERE cluster_id = $1 AND id = $2;

-- name: ListSubmissionsByCluster :many
SELECT * FROM submissions WHERE cluster_id = $1 ORDER BY id;

-- name: PutSource :exec
INSERT INTO sources (cluster_id, key, file, sha256, text) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (cluster_id, key) DO UPDATE SET sha256 = excluded.sha256, text = excluded.text;

-- name: ListSourcesByCluster :many
SELECT cluster_id, file, sha256 FROM sources WHERE cluster_id = $1 ORDER BY file;

-- name: GetSourceByFile :one
SELECT * FROM sources WHERE cluster_id = $1 AND key = $2;

-- name: ListFilesWithoutSource :many
SELECT DISTINCT u.file FROM line_usage u
WHERE u.cluster_id = $1 AND u.file LIKE $2
    AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.cluster_id = u.cluster_id AND s.file = u.file)
UNION
SELECT DISTINCT b.file FROM submissions b
WHERE b.cluster_id = $1 AND b.file LIKE $2
    AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.cluster_id = b.cluster_id AND s.file = b.file)
UNION
SELECT DISTINCT o.file FROM origins o
WHERE o.cluster_id = $1 AND o.file LIKE $2
    AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.cluster_id = o.cluster_id AND s.file = o.file)
ORDER BY 1;
