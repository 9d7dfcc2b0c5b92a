-- +goose Up

-- Files of the warehouse that were not what was written, as the catalogue had them, and what of their days could not be written again. A file is damaged once: names are
-- never used again.
CREATE TABLE warehouse_damage (
    name          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    table_name    TEXT   NOT NULL,
    day_at        BIGINT NOT NULL,
    row_count     BIGINT NOT NULL,
    bytes         BIGINT NOT NULL,
    nanos         BIGINT NOT NULL,
    reason        TEXT   NOT NULL,
    found_at      BIGINT NOT NULL,
    unknown_nanos BIGINT NOT NULL, -- was seen in detail and is unknown now
    missing_nanos BIGINT NOT NULL, -- is in no figure any more
    at_most       BIGINT NOT NULL  -- 0 or 1: the two are bounds
);

-- +goose Down
DROP TABLE warehouse_damage;
