-- +goose Up

-- Prices that came into force while a process ran, after those in its own row; only ever added.
CREATE TABLE process_prices (
    process_id          TEXT NOT NULL REFERENCES processes (id),
    from_at             INTEGER NOT NULL,
    cluster_id          TEXT NOT NULL REFERENCES clusters (id),
    core_hour_nanos     INTEGER NOT NULL,
    gigabyte_hour_nanos INTEGER NOT NULL,
    price_source        TEXT NOT NULL,
    price_as_of         INTEGER,
    recorded_at         INTEGER NOT NULL,
    PRIMARY KEY (process_id, from_at)
) STRICT;
CREATE INDEX process_prices_cluster ON process_prices (cluster_id, process_id, from_at);

-- How many of them a process has, and whether its ledger may be behind: set with every change of the row.
ALTER TABLE processes ADD COLUMN repricings INTEGER NOT NULL DEFAULT 0;
ALTER TABLE processes ADD COLUMN unposted INTEGER NOT NULL DEFAULT 1;
CREATE INDEX processes_unposted ON processes (cluster_id, id) WHERE unposted = 1;

-- The ledger. Rows are only ever added.
CREATE TABLE ledger_entries (
    id             INTEGER NOT NULL PRIMARY KEY,
    kind           TEXT NOT NULL, -- charge, correction, true_up
    process_id     TEXT NOT NULL REFERENCES processes (id),
    cluster_id     TEXT NOT NULL REFERENCES clusters (id),
    owner_id       TEXT NOT NULL,
    backend        TEXT NOT NULL,
    hour_at        INTEGER NOT NULL,
    sequence       INTEGER NOT NULL,
    month          TEXT NOT NULL, -- booked in
    cost_nanos     INTEGER NOT NULL,
    micros         INTEGER NOT NULL,
    nanos_per_hour INTEGER NOT NULL,
    currency       TEXT NOT NULL,
    price_source   TEXT NOT NULL,
    price_as_of    INTEGER,
    recorded_at    INTEGER NOT NULL,
    reason         TEXT NOT NULL,
    import_id      TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX ledger_entries_key ON ledger_entries (process_id, hour_at, kind, sequence);
CREATE INDEX ledger_entries_month ON ledger_entries (month, id);
CREATE INDEX ledger_entries_hour ON ledger_entries (hour_at);

-- How far a process is posted. This is no part of the books: it could be found out from them.
CREATE TABLE ledger_states (
    process_id TEXT NOT NULL PRIMARY KEY REFERENCES processes (id),
    until_at   INTEGER NOT NULL,
    meter      TEXT NOT NULL
) STRICT;

-- Closed months, and what was closed; only ever added.
CREATE TABLE ledger_months (
    month     TEXT NOT NULL PRIMARY KEY,
    start_at  INTEGER NOT NULL,
    end_at    INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    closed_by TEXT NOT NULL
) STRICT;

CREATE TABLE ledger_totals (
    month      TEXT NOT NULL REFERENCES ledger_months (month),
    owner_id   TEXT NOT NULL,
    backend    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    currency   TEXT NOT NULL,
    owner      TEXT NOT NULL,
    entries    INTEGER NOT NULL,
    micros     INTEGER NOT NULL,
    cost_nanos INTEGER NOT NULL,
    PRIMARY KEY (month, owner_id, backend, kind, currency)
) STRICT;

-- Invoices that months were trued up to; only ever added.
CREATE TABLE ledger_imports (
    id          TEXT NOT NULL PRIMARY KEY,
    month       TEXT NOT NULL,
    source      TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    rules       TEXT NOT NULL,
    result      TEXT NOT NULL, -- JSON
    imported_at INTEGER NOT NULL,
    imported_by TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_imports_month ON ledger_imports (month, id);

-- +goose StatementBegin
CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'rows of ledger_entries are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'rows of ledger_entries are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_months_no_update BEFORE UPDATE ON ledger_months
BEGIN SELECT RAISE(ABORT, 'rows of ledger_months are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_months_no_delete BEFORE DELETE ON ledger_months
BEGIN SELECT RAISE(ABORT, 'rows of ledger_months are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_totals_no_update BEFORE UPDATE ON ledger_totals
BEGIN SELECT RAISE(ABORT, 'rows of ledger_totals are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_totals_no_delete BEFORE DELETE ON ledger_totals
BEGIN SELECT RAISE(ABORT, 'rows of ledger_totals are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_imports_no_update BEFORE UPDATE ON ledger_imports
BEGIN SELECT RAISE(ABORT, 'rows of ledger_imports are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_imports_no_delete BEFORE DELETE ON ledger_imports
BEGIN SELECT RAISE(ABORT, 'rows of ledger_imports are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER process_prices_no_update BEFORE UPDATE ON process_prices
BEGIN SELECT RAISE(ABORT, 'rows of process_prices are never changed or deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER process_prices_no_delete BEFORE DELETE ON process_prices
BEGIN SELECT RAISE(ABORT, 'rows of process_prices are never changed or deleted'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE ledger_imports;
DROP TABLE ledger_totals;
DROP TABLE ledger_months;
DROP TABLE ledger_states;
DROP TABLE ledger_entries;
DROP INDEX processes_unposted;
ALTER TABLE processes DROP COLUMN unposted;
ALTER TABLE processes DROP COLUMN repricings;
DROP TABLE process_prices;
