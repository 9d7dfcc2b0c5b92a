-- +goose Up
-- What is installed, known by the hash of its content: the same on any cluster. details is a JSON object of texts.
CREATE TABLE environments (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    python         TEXT COLLATE "C" NOT NULL,
    implementation TEXT NOT NULL,
    platform       TEXT NOT NULL,
    details        TEXT NOT NULL
);

-- key is the start of the SHA-256 of name, version and manager; modules is a JSON list of texts.
CREATE TABLE environment_packages (
    environment_id TEXT COLLATE "C" NOT NULL REFERENCES environments (id),
    key            BYTEA NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    version        TEXT COLLATE "C" NOT NULL,
    manager        TEXT COLLATE "C" NOT NULL,
    modules        TEXT NOT NULL,
    PRIMARY KEY (environment_id, key)
);

-- Who runs in which environment. A subject is a process or a client; key is the start of the SHA-256 of subject and environment. An environment
-- may be named before its content arrives.
CREATE TABLE software_uses (
    cluster_id  TEXT COLLATE "C" NOT NULL REFERENCES clusters (id),
    key         BYTEA NOT NULL,
    subject     TEXT COLLATE "C" NOT NULL,
    role        TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    first_at    BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    PRIMARY KEY (cluster_id, key)
);
CREATE INDEX software_uses_subject ON software_uses (cluster_id, subject);
CREATE INDEX software_uses_environment ON software_uses (environment, cluster_id);

-- Top-level modules that a subject imported. key is the start of the SHA-256 of subject and module.
CREATE TABLE module_imports (
    cluster_id TEXT COLLATE "C" NOT NULL REFERENCES clusters (id),
    key        BYTEA NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    module     TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (cluster_id, key)
);

-- Thread-time with code of a top-level module on the stack. key is the start of the SHA-256 of module.
CREATE TABLE module_usage (
    cluster_id    TEXT COLLATE "C" NOT NULL REFERENCES clusters (id),
    process_id    TEXT COLLATE "C" NOT NULL,
    hour_at       BIGINT NOT NULL,
    key           BYTEA NOT NULL,
    module        TEXT COLLATE "C" NOT NULL,
    thread_micros BIGINT NOT NULL,
    PRIMARY KEY (cluster_id, process_id, hour_at, key)
);

-- What a worker used in a window, or, where whole is true, in an hour: the sums of its windows, and the largest of its gauges. observed_micros is
-- the length of the windows.
CREATE TABLE resource_usage (
    cluster_id         TEXT COLLATE "C" NOT NULL REFERENCES clusters (id),
    process_id         TEXT COLLATE "C" NOT NULL,
    start_at           BIGINT NOT NULL,
    epoch              TEXT COLLATE "C" NOT NULL,
    end_at             BIGINT NOT NULL,
    whole              BOOLEAN NOT NULL,
    observed_micros    BIGINT NOT NULL,
    rss_bytes          BIGINT NOT NULL,
    rss_peak_bytes     BIGINT NOT NULL,
    managed_bytes      BIGINT NOT NULL,
    spilled_bytes      BIGINT NOT NULL,
    memory_limit_bytes BIGINT NOT NULL,
    cpu_micros         BIGINT NOT NULL,
    transfer_in_bytes  BIGINT NOT NULL,
    transfer_out_bytes BIGINT NOT NULL,
    disk_read_bytes    BIGINT NOT NULL,
    disk_write_bytes   BIGINT NOT NULL,
    PRIMARY KEY (cluster_id, process_id, start_at, epoch)
);
CREATE INDEX resource_usage_end ON resource_usage (whole, end_at);

-- What a GPU did in a window, or in an hour where whole is true. key is the start of the SHA-256 of uuid and index; sm_micros is NULL where the
-- driver does not tell it.
CREATE TABLE gpu_usage (
    cluster_id         TEXT COLLATE "C" NOT NULL REFERENCES clusters (id),
    process_id         TEXT COLLATE "C" NOT NULL,
    start_at           BIGINT NOT NULL,
    epoch              TEXT COLLATE "C" NOT NULL,
    key                BYTEA NOT NULL,
    end_at             BIGINT NOT NULL,
    whole              BOOLEAN NOT NULL,
    uuid               TEXT COLLATE "C" NOT NULL,
    device             BIGINT NOT NULL,
    name               TEXT COLLATE "C" NOT NULL,
    observed_micros    BIGINT NOT NULL,
    util_micros        BIGINT NOT NULL,
    idle_micros        BIGINT NOT NULL,
    sm_micros          BIGINT,
    memory_peak_bytes  BIGINT NOT NULL,
    memory_total_bytes BIGINT NOT NULL,
    energy_millijoules BIGINT NOT NULL,
    PRIMARY KEY (cluster_id, process_id, start_at, epoch, key)
);
CREATE INDEX gpu_usage_end ON gpu_usage (whole, end_at);

-- +goose Down
DROP TABLE gpu_usage;
DROP TABLE resource_usage;
DROP TABLE module_usage;
DROP TABLE module_imports;
DROP TABLE software_uses;
DROP TABLE environment_packages;
DROP TABLE environments;
