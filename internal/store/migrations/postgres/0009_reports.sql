-- +goose Up

-- Who gets weekly reports by mail. The token opens the link that ends them, and nothing else.
CREATE TABLE report_subscriptions (
    user_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id),
    address    TEXT NOT NULL,
    weekly     BIGINT NOT NULL, -- 0 or 1
    token      TEXT COLLATE "C" NOT NULL UNIQUE,
    updated_at BIGINT NOT NULL
);

-- What was sent to whom: one row a mail, so that nobody gets one twice whatever crashes.
CREATE TABLE report_deliveries (
    week       TEXT COLLATE "C" NOT NULL, -- 2026-W47
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    scope      TEXT COLLATE "C" NOT NULL,
    status     TEXT NOT NULL, -- claimed, sending, sent, failed, nothing
    attempts   BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    note       TEXT NOT NULL, -- why it failed
    PRIMARY KEY (week, user_id, scope)
);

-- +goose Down
DROP TABLE report_deliveries;
DROP TABLE report_subscriptions;
