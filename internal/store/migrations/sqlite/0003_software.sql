-- +goose Up
-- What is installed, known by the hash of its content: the same on any cluster. details is a JSON object of texts.
CREATE TABLE environments (
    id             TEXT    NOT NULL PRIMARY KEY,
    python         TEXT    NOT NULL,
    implementation TEXT    NOT NULL,
    platform       TEXT    NOT NULL,
    details        TEXT    NOT NULL
) STRICT;

-- key is the start of the SHA-256 of name, version and manager; modules is a JSON list of texts.
CREATE TABLE environment_packages (
    environment_id TEXT NOT NULL REFERENCES environments (id),
    key            BLOB NOT NULL,
    name           TEXT NOT NULL,
    version        TEXT NOT NULL,
    manager        TEXT NOT NULL,
    modules        TEXT NOT NULL,
    PRIMARY KEY (environment_id, key)
) STRICT, WITHOUT ROWID;

-- Who runs in which environment. A subject is a process or a client; key is the start of the SHA-256 of subject and environment. An environment
-- may be named before its content arrives.
CREATE TABLE software_uses (
    cluster_id  TEXT    NOT NULL REFERENCES clusters (id),
    key         BLOB    NOT NULL,
    subject     TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX software_uses_subject ON software_uses (cluster_id, subject);
CREATE INDEX software_uses_environment ON software_uses (environment, cluster_id);

-- Top-level modules that a subject imported. key is the start of the SHA-256 of subject and module.
CREATE TABLE module_imports (
    cluster_id TEXT    NOT NULL REFERENCES clusters (id),
    key        BLOB    NOT NULL,
    subject    TEXT    NOT NULL,
    module     TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, key)
) STRICT, WITHOUT ROWID;

-- Thread-time with code of a top-level module on the stack. key is the start of the SHA-256 of module.
CREATE TABLE module_usage (
    cluster_id    TEXT    NOT NULL REFERENCES clusters (id),
    process_id    TEXT    NOT NULL,
    hour_at       INTEGER NOT NULL,
    key           BLOB    NOT NULL,
    module        TEXT    NOT NULL,
    thread_micros INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, process_id, hour_at, key)
) STRICT, WITHOUT ROWID;

-- What a worker used in a window, or, where whole is true, in an hour: the sums of its windows, and the largest of its gauges. observed_micros is
-- the length of the windows.
CREATE TABLE resource_usage (
    cluster_id         TEXT    NOT NULL REFERENCES clusters (id),
    process_id         TEXT    NOT NULL,
    start_at           INTEGER NOT NULL,
    epoch              TEXT    NOT NULL,
    end_at             INTEGER NOT NULL,
    whole              INTEGER NOT NULL,
    observed_micros    INTEGER NOT NULL,
    rss_bytes          INTEGER NOT NULL,
    rss_peak_bytes     INTEGER NOT NULL,
    managed_bytes      INTEGER NOT NULL,
    spilled_bytes      INTEGER NOT NULL,
    memory_limit_bytes INTEGER NOT NULL,
    cpu_micros         INTEGER NOT NULL,
    transfer_in_bytes  INTEGER NOT NULL,
    transfer_out_bytes INTEGER NOT NULL,
    disk_read_bytes    INTEGER NOT NULL,
    disk_write_bytes   INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, process_id, start_at, epoch)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_usage_end ON resource_usage (whole, end_at);

-- What a GPU did in a window, or in an hour where whole is true. key is the start of the SHA-256 of uuid and index; sm_micros is NULL where the
-- driver does not tell it.
CREATE TABLE gpu_usage (
    cluster_id         TEXT    NOT NULL REFERENCES clusters (id),
    process_id         TEXT    NOT NULL,
    start_at           INTEGER NOT NULL,
    epoch              TEXT    NOT NULL,
    key                BLOB    NOT NULL,
    end_at             INTEGER NOT NULL,
    whole              INTEGER NOT NULL,
    uuid               TEXT    NOT NULL,
    device             INTEGER NOT NULL,
    name               TEXT    NOT NULL,
    observed_micros    INTEGER NOT NULL,
    util_micros        INTEGER NOT NULL,
    idle_micros        INTEGER NOT NULL,
    sm_micros          INTEGER,
    memory_peak_bytes  INTEGER NOT NULL,
    memory_total_bytes INTEGER NOT NULL,
    energy_millijoules INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, process_id, start_at, epoch, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX gpu_usage_end ON gpu_usage (whole, end_at);

-- +goose Down
DROP TABLE gpu_usage;
DROP TABLE resource_usage;
DROP TABLE module_usage;
DROP TABLE module_imports;
DROP TABLE software_uses;
DROP TABLE environment_packages;
DROP TABLE environments;
