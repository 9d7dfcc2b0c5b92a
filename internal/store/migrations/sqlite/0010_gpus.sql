-- +goose Up

-- The GPUs that processes see; only ever added. What CUDA shows to a process is settled when it starts: it holds them for as long as it runs.
CREATE TABLE process_gpus (
    process_id  TEXT NOT NULL REFERENCES processes (id),
    uuid        TEXT NOT NULL,
    cluster_id  TEXT NOT NULL REFERENCES clusters (id),
    device      INTEGER NOT NULL, -- its number on the machine
    model       TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (process_id, uuid)
) STRICT;
CREATE INDEX process_gpus_uuid ON process_gpus (uuid, process_id);
CREATE INDEX process_gpus_cluster ON process_gpus (cluster_id, process_id);

-- What an hour of the GPUs of a model costs a process; only ever added. The first has from_at 0. Without a source there was no price.
CREATE TABLE gpu_prices (
    process_id     TEXT NOT NULL REFERENCES processes (id),
    model          TEXT NOT NULL,
    from_at        INTEGER NOT NULL,
    cluster_id     TEXT NOT NULL REFERENCES clusters (id),
    nanos_per_hour INTEGER NOT NULL,
    price_source   TEXT NOT NULL,
    price_as_of    INTEGER,
    recorded_at    INTEGER NOT NULL,
    PRIMARY KEY (process_id, model, from_at)
) STRICT;
CREATE INDEX gpu_prices_cluster ON gpu_prices (cluster_id, process_id, model, from_at);

-- How many GPUs a process has.
ALTER TABLE processes ADD COLUMN gpus INTEGER NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE TRIGGER process_gpus_no_update BEFORE UPDATE ON process_gpus
BEGIN SELECT RAISE(ABORT, 'rows of process_gpus are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER process_gpus_no_delete BEFORE DELETE ON process_gpus
BEGIN SELECT RAISE(ABORT, 'rows of process_gpus are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER gpu_prices_no_update BEFORE UPDATE ON gpu_prices
BEGIN SELECT RAISE(ABORT, 'rows of gpu_prices are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER gpu_prices_no_delete BEFORE DELETE ON gpu_prices
BEGIN SELECT RAISE(ABORT, 'rows of gpu_prices are never changed or deleted'); END;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE processes DROP COLUMN gpus;
DROP TABLE gpu_prices;
DROP TABLE process_gpus;
