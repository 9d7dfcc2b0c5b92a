-- +goose Up

-- True-ups are few, and asked for by month.
CREATE INDEX ledger_entries_true_ups ON ledger_entries (month, cluster_id, process_id) WHERE kind = 'true_up';

-- Totals of closed months know the group that paid. Those of months that are closed already are added up again from the same entries.
CREATE TABLE ledger_totals_by_group (
    month      TEXT COLLATE "C" NOT NULL REFERENCES ledger_months (month),
    owner_id   TEXT COLLATE "C" NOT NULL,
    group_path TEXT COLLATE "C" NOT NULL,
    backend    TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    currency   TEXT COLLATE "C" NOT NULL,
    owner      TEXT NOT NULL,
    entries    BIGINT NOT NULL,
    micros     BIGINT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    PRIMARY KEY (month, owner_id, group_path, backend, kind, currency)
);
INSERT INTO ledger_totals_by_group (month, owner_id, group_path, backend, kind, currency, owner, entries, micros, cost_nanos)
SELECT t.month, t.owner_id, c.group_path, t.backend, t.kind, t.currency, t.owner, count(*), CAST(sum(e.micros) AS BIGINT), CAST(sum(e.cost_nanos) AS BIGINT)
FROM ledger_totals t
JOIN ledger_entries e ON e.month = t.month AND e.owner_id = t.owner_id AND e.backend = t.backend AND e.kind = t.kind AND e.currency = t.currency
JOIN clusters c ON c.id = e.cluster_id
GROUP BY t.month, t.owner_id, c.group_path, t.backend, t.kind, t.currency, t.owner;
DROP TABLE ledger_totals;
ALTER TABLE ledger_totals_by_group RENAME TO ledger_totals;
CREATE TRIGGER ledger_totals_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_totals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- +goose Down
CREATE TABLE ledger_totals_by_owner (
    month      TEXT COLLATE "C" NOT NULL REFERENCES ledger_months (month),
    owner_id   TEXT COLLATE "C" NOT NULL,
    backend    TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    currency   TEXT COLLATE "C" NOT NULL,
    owner      TEXT NOT NULL,
    entries    BIGINT NOT NULL,
    micros     BIGINT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    PRIMARY KEY (month, owner_id, backend, kind, currency)
);
INSERT INTO ledger_totals_by_owner (month, owner_id, backend, kind, currency, owner, entries, micros, cost_nanos)
SELECT month, owner_id, backend, kind, currency, owner, CAST(sum(entries) AS BIGINT), CAST(sum(micros) AS BIGINT), CAST(sum(cost_nanos) AS BIGINT)
FROM ledger_totals
GROUP BY month, owner_id, backend, kind, currency, owner;
DROP TABLE ledger_totals;
ALTER TABLE ledger_totals_by_owner RENAME TO ledger_totals;
CREATE TRIGGER ledger_totals_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_totals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP INDEX ledger_entries_true_ups;
