-- +goose Up

-- A tree of groups; the path of one, like /research/genomics, is kept beside its parents because what is paid is booked by path.
CREATE TABLE groups (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    parent_id  TEXT REFERENCES groups (id),
    path       TEXT    NOT NULL UNIQUE,
    created_at BIGINT  NOT NULL
);
CREATE INDEX groups_parent ON groups (parent_id);

-- Every path that a group ever bore: what was paid keeps the path of then.
CREATE TABLE group_paths (
    path     TEXT    NOT NULL PRIMARY KEY,
    group_id TEXT    NOT NULL REFERENCES groups (id),
    since    BIGINT  NOT NULL
);
CREATE INDEX group_paths_group ON group_paths (group_id);

CREATE TABLE group_members (
    group_id   TEXT    NOT NULL REFERENCES groups (id),
    user_id    TEXT    NOT NULL REFERENCES users (id),
    role       TEXT    NOT NULL,
    pays       BOOLEAN NOT NULL, -- it pays where the user names none; true for one of a user's groups
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_user ON group_members (user_id);

-- Who paid, and what its path was then; NULL and '' for nobody.
ALTER TABLE clusters ADD COLUMN group_id TEXT REFERENCES groups (id);
ALTER TABLE clusters ADD COLUMN group_path TEXT NOT NULL DEFAULT '';
CREATE INDEX clusters_group_path ON clusters (group_path, id);
CREATE INDEX clusters_group ON clusters (group_id);

-- +goose Down
DROP INDEX clusters_group;
DROP INDEX clusters_group_path;
ALTER TABLE clusters DROP COLUMN group_path;
ALTER TABLE clusters DROP COLUMN group_id;
DROP TABLE group_members;
DROP TABLE group_paths;
DROP TABLE groups;
