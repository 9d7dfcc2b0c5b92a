-- +goose Up
-- The key of a row now begins the SHA-256 of the new columns too; rows from before keep theirs, and sums of both add up.
ALTER TABLE line_usage ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE line_usage ADD COLUMN part TEXT NOT NULL DEFAULT '';
ALTER TABLE line_usage ADD COLUMN operation TEXT NOT NULL DEFAULT 'unknown';
ALTER TABLE line_usage ADD COLUMN library TEXT NOT NULL DEFAULT '';
ALTER TABLE line_usage ADD COLUMN native_micros INTEGER NOT NULL DEFAULT 0;

-- JSON: an object of texts, a list of texts, an object of counts.
ALTER TABLE submissions ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
ALTER TABLE submissions ADD COLUMN span TEXT NOT NULL DEFAULT '[]';
ALTER TABLE submissions ADD COLUMN levels TEXT NOT NULL DEFAULT '{}';

-- What a client said of itself; key is the start of the SHA-256 of client.
CREATE TABLE client_sessions (
    cluster_id  TEXT    NOT NULL REFERENCES clusters (id),
    key         BLOB    NOT NULL,
    client      TEXT    NOT NULL,
    user_name   TEXT    NOT NULL,
    host        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    path        TEXT    NOT NULL,
    commit_id   TEXT    NOT NULL,
    dirty       INTEGER NOT NULL,
    environment TEXT    NOT NULL,
    PRIMARY KEY (cluster_id, key)
) STRICT, WITHOUT ROWID;

-- callers and shared are JSON: a list of [file, line, function], a list of ids.
CREATE TABLE origins (
    cluster_id TEXT    NOT NULL REFERENCES clusters (id),
    id         INTEGER NOT NULL,
    file       TEXT    NOT NULL,
    line       INTEGER NOT NULL,
    function   TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    callers    TEXT    NOT NULL,
    shared     TEXT    NOT NULL,
    PRIMARY KEY (cluster_id, id)
) STRICT, WITHOUT ROWID;

-- key is the start of the SHA-256 of name.
CREATE TABLE parts (
    cluster_id TEXT    NOT NULL REFERENCES clusters (id),
    submission INTEGER NOT NULL,
    key        BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    origin     INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, submission, key)
) STRICT, WITHOUT ROWID;

-- key is the start of the SHA-256 of submission, prefix, origin, direction and path.
CREATE TABLE reads (
    cluster_id   TEXT    NOT NULL REFERENCES clusters (id),
    key          BLOB    NOT NULL,
    submission   INTEGER NOT NULL,
    prefix       TEXT    NOT NULL,
    origin       INTEGER NOT NULL,
    direction    TEXT    NOT NULL,
    path         TEXT    NOT NULL,
    format       TEXT    NOT NULL,
    engine       TEXT    NOT NULL,
    compression  TEXT    NOT NULL,
    files        INTEGER NOT NULL,
    tasks        INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    columns      INTEGER NOT NULL,
    columns_used INTEGER NOT NULL,
    pushed_down  INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, key)
) STRICT, WITHOUT ROWID;

-- dropped_batches counts worker batches that are folded and not kept any more: a cluster with any cannot be folded again.
CREATE TABLE fold_states (
    cluster_id      TEXT    NOT NULL PRIMARY KEY REFERENCES clusters (id),
    rules_version   INTEGER NOT NULL,
    sampled         INTEGER NOT NULL,
    dropped_batches INTEGER NOT NULL
) STRICT;
CREATE INDEX fold_states_version ON fold_states (rules_version, cluster_id);

-- again is set where a batch is to be folded once more; what is new goes first.
ALTER TABLE unfolded_batches ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
CREATE INDEX unfolded_batches_order ON unfolded_batches (again, batch_id);

-- Clusters from before had no rules. Nobody counted what was dropped of them, but an agent counts its batches from 0: an epoch is all there
-- if its last number says so. One that has time in the sums and no batch is gone.
INSERT INTO fold_states (cluster_id, rules_version, sampled, dropped_batches)
SELECT c.id, 0, 0,
    (SELECT count(*) FROM (
        SELECT b.epoch FROM batches b WHERE b.cluster_id = c.id AND b.kind = 'worker' GROUP BY b.epoch HAVING count(*) <> max(b.seq) + 1) AS holes)
    + (SELECT count(DISTINCT u.epoch) FROM category_usage u
        WHERE u.cluster_id = c.id AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.cluster_id = u.cluster_id AND b.epoch = u.epoch))
FROM clusters c
WHERE EXISTS (SELECT 1 FROM category_usage u WHERE u.cluster_id = c.id);

-- +goose Down
DROP INDEX unfolded_batches_order;
ALTER TABLE unfolded_batches DROP COLUMN again;
DROP TABLE fold_states;
DROP TABLE reads;
DROP TABLE parts;
DROP TABLE origins;
DROP TABLE client_sessions;
ALTER TABLE submissions DROP COLUMN levels;
ALTER TABLE submissions DROP COLUMN span;
ALTER TABLE submissions DROP COLUMN tags;
ALTER TABLE line_usage DROP COLUMN native_micros;
ALTER TABLE line_usage DROP COLUMN library;
ALTER TABLE line_usage DROP COLUMN operation;
ALTER TABLE line_usage DROP COLUMN part;
ALTER TABLE line_usage DROP COLUMN origin;
