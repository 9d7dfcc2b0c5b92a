-- +goose Up

-- Files of the warehouse that were not what was written, as the catalogue had them, and what of their days could not be written again. A file is damaged once: names are
-- never used again.
CREATE TABLE warehouse_damage (
    name          TEXT    NOT NULL PRIMARY KEY,
    table_name    TEXT    NOT NULL,
    day_at        INTEGER NOT NULL,
    row_count     INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    nanos         INTEGER NOT NULL,
    reason        TEXT    NOT NULL,
    found_at      INTEGER NOT NULL,
    unknown_nanos INTEGER NOT NULL, -- was seen in detail and is unknown now
    missing_nanos INTEGER NOT NULL, -- is in no figure any more
    at_most       INTEGER NOT NULL  -- 0 or 1: the two are bounds
) STRICT;

-- +goose Down
DROP TABLE warehouse_damage;
