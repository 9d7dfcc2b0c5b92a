-- +goose Up

-- Of clusters that Lineitem did not start (backend 'watched'); the key is the scheduler's own id, NULL for all other clusters.
ALTER TABLE clusters ADD COLUMN deployment TEXT NOT NULL DEFAULT '';
ALTER TABLE clusters ADD COLUMN method TEXT NOT NULL DEFAULT 'agent';
ALTER TABLE clusters ADD COLUMN scheduler_key TEXT;
ALTER TABLE clusters ADD COLUMN last_seen_at BIGINT;
CREATE UNIQUE INDEX clusters_scheduler ON clusters (owner_id, scheduler_key);

-- Every announcement of a watched cluster makes a token; earlier ones stay valid.
CREATE TABLE watch_tokens (
    hash       TEXT    NOT NULL PRIMARY KEY,
    cluster_id TEXT    NOT NULL REFERENCES clusters (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX watch_tokens_cluster ON watch_tokens (cluster_id, created_at);

-- +goose Down
DROP TABLE watch_tokens;
DROP INDEX clusters_scheduler;
ALTER TABLE clusters DROP COLUMN last_seen_at;
ALTER TABLE clusters DROP COLUMN scheduler_key;
ALTER TABLE clusters DROP COLUMN method;
ALTER TABLE clusters DROP COLUMN deployment;
