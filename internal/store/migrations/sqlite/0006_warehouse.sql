-- +goose Up

-- The catalogue: a file of the warehouse lives if and only if it has a row here without dropped_at. A row stays for a while after its file was replaced, because
-- questions may still read it.
CREATE TABLE warehouse_segments (
    name       TEXT    NOT NULL PRIMARY KEY,
    table_name TEXT    NOT NULL,
    day_at     INTEGER NOT NULL,
    row_count  INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    nanos      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    dropped_at INTEGER
) STRICT;
CREATE UNIQUE INDEX warehouse_segments_live ON warehouse_segments (table_name, day_at) WHERE dropped_at IS NULL;

-- Hours of clusters of which the warehouse's files do not say what the other tables say. The stamp is random, and another one each time something changes.
CREATE TABLE warehouse_dirty (
    cluster_id TEXT    NOT NULL REFERENCES clusters (id),
    hour_at    INTEGER NOT NULL,
    stamp      INTEGER NOT NULL,
    marked_at  INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, hour_at)
) STRICT, WITHOUT ROWID;

-- Stretches of a cluster's life, from and until in hours that count whole, that are to be made dirty, hour by hour, up to now.
CREATE TABLE warehouse_stale (
    cluster_id TEXT    NOT NULL PRIMARY KEY REFERENCES clusters (id),
    from_at    INTEGER NOT NULL,
    until_at   INTEGER NOT NULL
) STRICT;

-- All hours before this one that processes ran in have been dirty at some time: what runs costs something in each.
CREATE TABLE warehouse_horizon (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    hour_at   INTEGER NOT NULL
) STRICT;
INSERT INTO warehouse_horizon (singleton, hour_at) VALUES (1, 0);

-- +goose Down
DROP TABLE warehouse_horizon;
DROP TABLE warehouse_stale;
DROP TABLE warehouse_dirty;
DROP TABLE warehouse_segments;
