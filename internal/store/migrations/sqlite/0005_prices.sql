-- +goose Up

-- The price book. An entry is only ever ended (valid_to); of one key at most one is in force at a moment, which the import sees to.
CREATE TABLE prices (
    id             TEXT NOT NULL PRIMARY KEY,
    provider       TEXT NOT NULL,
    region         TEXT NOT NULL, -- '' for any
    unit           TEXT NOT NULL,
    name           TEXT NOT NULL, -- instance type, machine or model of a GPU; '' for cores and memory
    purchase       TEXT NOT NULL,
    nanos_per_hour INTEGER NOT NULL,
    currency       TEXT   NOT NULL,
    accelerator    TEXT   NOT NULL,
    accelerators   INTEGER NOT NULL,
    valid_from     INTEGER NOT NULL,
    valid_to       INTEGER,
    source         TEXT   NOT NULL,
    as_of          INTEGER NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX prices_key ON prices (provider, region, unit, name, purchase, valid_from);
CREATE INDEX prices_name ON prices (name, provider);

-- What the rate of a process was made of, and where that came from; '' for processes that are older than this record.
ALTER TABLE processes ADD COLUMN core_hour_nanos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE processes ADD COLUMN gigabyte_hour_nanos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE processes ADD COLUMN price_source TEXT NOT NULL DEFAULT '';
ALTER TABLE processes ADD COLUMN price_as_of INTEGER;

-- +goose Down
ALTER TABLE processes DROP COLUMN price_as_of;
ALTER TABLE processes DROP COLUMN price_source;
ALTER TABLE processes DROP COLUMN gigabyte_hour_nanos;
ALTER TABLE processes DROP COLUMN core_hour_nanos;
DROP TABLE prices;
