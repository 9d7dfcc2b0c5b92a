-- +goose Up

-- Times are microseconds since 1970, UTC; NULL where something has not happened.

CREATE TABLE installation (
    singleton  INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    id         TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    role       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sign_in_codes (
    hash       TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    hash       TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    id           TEXT    NOT NULL PRIMARY KEY,
    user_id      TEXT    NOT NULL REFERENCES users (id),
    name         TEXT    NOT NULL,
    hash         TEXT    NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX tokens_user ON tokens (user_id, id);

CREATE TABLE clusters (
    id                TEXT    NOT NULL PRIMARY KEY,
    name              TEXT    NOT NULL,
    owner_id          TEXT    NOT NULL REFERENCES users (id),
    backend           TEXT    NOT NULL,
    workers           INTEGER NOT NULL,
    threads           INTEGER NOT NULL,
    memory_bytes      INTEGER NOT NULL,
    python            TEXT    NOT NULL,
    env               TEXT    NOT NULL, -- JSON object
    status            TEXT    NOT NULL,
    target            TEXT    NOT NULL,
    reason            TEXT    NOT NULL,
    scheduler_address TEXT    NOT NULL,
    dashboard_url     TEXT    NOT NULL,
    created_at        INTEGER NOT NULL,
    started_at        INTEGER,
    ended_at          INTEGER
) STRICT;
CREATE INDEX clusters_owner_name ON clusters (owner_id, name, id);
CREATE INDEX clusters_owner ON clusters (owner_id, id);
CREATE INDEX clusters_status ON clusters (status, id);

CREATE TABLE processes (
    id             TEXT    NOT NULL PRIMARY KEY,
    cluster_id     TEXT    NOT NULL REFERENCES clusters (id),
    role           TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    generation     INTEGER NOT NULL,
    status         TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    threads        INTEGER NOT NULL,
    memory_bytes   INTEGER NOT NULL,
    nanos_per_hour INTEGER NOT NULL,
    currency       TEXT    NOT NULL,
    handle         TEXT    NOT NULL,
    exit_code      INTEGER,
    reason         TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    started_at     INTEGER,
    retire_at      INTEGER,
    ended_at       INTEGER
) STRICT;
CREATE UNIQUE INDEX processes_cluster_name ON processes (cluster_id, name, generation);

-- Private keys: here only while their cluster lives.
CREATE TABLE credentials (
    cluster_id  TEXT NOT NULL REFERENCES clusters (id),
    role        TEXT NOT NULL,
    ca          BLOB NOT NULL,
    certificate BLOB NOT NULL,
    private_key BLOB NOT NULL,
    PRIMARY KEY (cluster_id, role)
) STRICT, WITHOUT ROWID;

-- The text goes when the cluster ends, the hash stays.
CREATE TABLE agent_tokens (
    cluster_id TEXT NOT NULL PRIMARY KEY REFERENCES clusters (id),
    hash       TEXT NOT NULL UNIQUE,
    text       TEXT NOT NULL
) STRICT;

CREATE TABLE events (
    id         INTEGER NOT NULL PRIMARY KEY,
    cluster_id TEXT    NOT NULL REFERENCES clusters (id),
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    message    TEXT    NOT NULL
) STRICT;
CREATE INDEX events_cluster ON events (cluster_id, id);

CREATE TABLE gauges (
    cluster_id    TEXT    NOT NULL PRIMARY KEY REFERENCES clusters (id),
    at            INTEGER NOT NULL,
    workers       INTEGER NOT NULL,
    threads       INTEGER NOT NULL,
    clients       INTEGER NOT NULL,
    processing    INTEGER NOT NULL,
    queued        INTEGER NOT NULL,
    waiting       INTEGER NOT NULL,
    no_worker     INTEGER NOT NULL,
    in_memory     INTEGER NOT NULL,
    erred         INTEGER NOT NULL,
    managed_bytes INTEGER NOT NULL,
    spilled_bytes INTEGER NOT NULL
) STRICT;

-- Rows are written once and dropped when old: what is still to be folded is said in a table of its own, so that folding does not
-- rewrite payloads.
CREATE TABLE batches (
    id          INTEGER NOT NULL PRIMARY KEY,
    cluster_id  TEXT    NOT NULL REFERENCES clusters (id),
    process_id  TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    epoch       TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    payload     BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX batches_key ON batches (cluster_id, epoch, seq);
CREATE INDEX batches_received ON batches (received_at);

CREATE TABLE unfolded_batches (
    batch_id   INTEGER NOT NULL PRIMARY KEY REFERENCES batches (id),
    cluster_id TEXT    NOT NULL
) STRICT;
CREATE INDEX unfolded_batches_cluster ON unfolded_batches (cluster_id, batch_id);

-- key is the start of the SHA-256 of submission, prefix, file, line and function: long paths do not fit into an index.
CREATE TABLE line_usage (
    cluster_id    TEXT    NOT NULL REFERENCES clusters (id),
    process_id    TEXT    NOT NULL,
    hour_at       INTEGER NOT NULL,
    key           BLOB    NOT NULL,
    submission    INTEGER NOT NULL,
    prefix        TEXT    NOT NULL,
    file          TEXT    NOT NULL,
    line          INTEGER NOT NULL,
    function      TEXT    NOT NULL,
    thread_micros INTEGER NOT NULL,
    cpu_micros    INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, process_id, hour_at, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE category_usage (
    cluster_id    TEXT    NOT NULL REFERENCES clusters (id),
    process_id    TEXT    NOT NULL,
    epoch         TEXT    NOT NULL,
    start_at      INTEGER NOT NULL,
    category      TEXT    NOT NULL,
    end_at        INTEGER NOT NULL,
    final         INTEGER NOT NULL,
    thread_micros INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, process_id, start_at, epoch, category)
) STRICT, WITHOUT ROWID;

CREATE TABLE submissions (
    cluster_id TEXT    NOT NULL REFERENCES clusters (id),
    id         INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    client     TEXT    NOT NULL,
    file       TEXT    NOT NULL,
    line       INTEGER NOT NULL,
    function   TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    tasks      INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, id)
) STRICT;

-- key is the start of the SHA-256 of file.
CREATE TABLE sources (
    cluster_id TEXT NOT NULL REFERENCES clusters (id),
    key        BLOB NOT NULL,
    file       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    text       TEXT NOT NULL,
    PRIMARY KEY (cluster_id, key)
) STRICT;

-- +goose Down
DROP TABLE sources;
DROP TABLE submissions;
DROP TABLE category_usage;
DROP TABLE line_usage;
DROP TABLE unfolded_batches;
DROP TABLE batches;
DROP TABLE gauges;
DROP TABLE events;
DROP TABLE agent_tokens;
DROP TABLE credentials;
DROP TABLE processes;
DROP TABLE clusters;
DROP TABLE tokens;
DROP TABLE sessions;
DROP TABLE sign_in_codes;
DROP TABLE users;
DROP TABLE installation;
