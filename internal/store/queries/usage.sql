-- name: ListLineUsageByCluster :many
SELECT * FROM line_usage WHERE cluster_id = $1
ORDER BY process_id, hour_at, submission, prefix, file, line, function, origin, part, operation, library;

-- name: ListCategoryUsageByCluster :many
SELECT * FROM category_usage WHERE cluster_id = $1 ORDER BY process_id, start_at, epoch, category;

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
