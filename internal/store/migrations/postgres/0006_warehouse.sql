-- +goose Up

-- The catalogue: a file of the warehouse lives if and only if it has a row here without dropped_at. A row stays for a while after its file was replaced, because
-- questions may still read it.
CREATE TABLE warehouse_segments (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    table_name TEXT COLLATE "C" NOT NULL,
    day_at     BIGINT NOT NULL,
    row_count  BIGINT NOT NULL,
    bytes      BIGINT NOT NULL,
    nanos      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    dropped_at BIGINT
);
CREATE UNIQUE INDEX warehouse_segments_live ON warehouse_segments (table_name, day_at) WHERE dropped_at IS NULL;

-- Hours of clusters of which the warehouse's files do not say what the other tables say. The stamp is random, and another one each time something changes.
CREATE TABLE warehouse_dirty (
    cluster_id TEXT COLLATE "C" NOT NULL REFERENCES clusters (id),
    hour_at    BIGINT NOT NULL,
    stamp      BIGINT NOT NULL,
    marked_at  BIGINT NOT NULL,
    PRIMARY KEY (cluster_id, hour_at)
);

-- Stretches of a cluster's life, from and until in hours that count whole, that are to be made dirty, hour by hour, up to now.
CREATE TABLE warehouse_stale (
    cluster_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES clusters (id),
    from_at    BIGINT NOT NULL,
    until_at   BIGINT NOT NULL
);

-- All hours before this one that processes ran in have been dirty at some time: what runs costs something in each.
CREATE TABLE warehouse_horizon (
    singleton BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    hour_at   BIGINT NOT NULL
);
INSERT INTO warehouse_horizon (singleton, hour_at) VALUES (1, 0);

-- +goose Down
DROP TABLE warehouse_horizon;
DROP TABLE warehouse_stale;
DROP TABLE warehouse_dirty;
DROP TABLE warehouse_segments;
