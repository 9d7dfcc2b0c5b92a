-- +goose Up

-- The GPUs that processes see; only ever added. What CUDA shows to a process is settled when it starts: it holds them for as long as it runs.
CREATE TABLE process_gpus (
    process_id  TEXT COLLATE "C" NOT NULL REFERENCES processes (id),
    uuid        TEXT COLLATE "C" NOT NULL,
    cluster_id  TEXT COLLATE "C" NOT NULL REFERENCES clusters (id),
    device      BIGINT NOT NULL, -- its number on the machine
    model       TEXT COLLATE "C" NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (process_id, uuid)
);
CREATE INDEX process_gpus_uuid ON process_gpus (uuid, process_id);
CREATE INDEX process_gpus_cluster ON process_gpus (cluster_id, process_id);

-- What an hour of the GPUs of a model costs a process; only ever added. The first has from_at 0. Without a source there was no price.
CREATE TABLE gpu_prices (
    process_id     TEXT COLLATE "C" NOT NULL REFERENCES processes (id),
    model          TEXT COLLATE "C" NOT NULL,
    from_at        BIGINT NOT NULL,
    cluster_id     TEXT COLLATE "C" NOT NULL REFERENCES clusters (id),
    nanos_per_hour BIGINT NOT NULL,
    price_source   TEXT NOT NULL,
    price_as_of    BIGINT,
    recorded_at    BIGINT NOT NULL,
    PRIMARY KEY (process_id, model, from_at)
);
CREATE INDEX gpu_prices_cluster ON gpu_prices (cluster_id, process_id, model, from_at);

-- How many GPUs a process has.
ALTER TABLE processes ADD COLUMN gpus BIGINT NOT NULL DEFAULT 0;

CREATE TRIGGER process_gpus_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON process_gpus FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER gpu_prices_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON gpu_prices FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- +goose Down
ALTER TABLE processes DROP COLUMN gpus;
DROP TABLE gpu_prices;
DROP TABLE process_gpus;
