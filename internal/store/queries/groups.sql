-- name: CreateGroup :execrows
INSERT INTO groups (id, name, parent_id, path, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;

-- name: ListGroups :many
SELECT * FROM groups ORDER BY path;

-- name: UpdateGroup :execrows
UPDATE groups SET name = $1, parent_id = $2, path = $3 WHERE id = $4;

-- name: DeleteGroup :execrows
DELETE FROM groups WHERE id = $1;

-- name: DeleteGroupPaths :exec
DELETE FROM group_paths WHERE group_id = $1;

-- name: GetGroupOfPath :one
SELECT g.* FROM group_paths p JOIN groups g ON g.id = p.group_id WHERE p.path = $1;

-- name: PutGroupPath :exec
INSERT INTO group_paths (path, group_id, since) VALUES ($1, $2, $3)
ON CONFLICT (path) DO UPDATE SET group_id = excluded.group_id, since = excluded.since WHERE group_paths.group_id <> excluded.group_id;

-- name: ListGroupPaths :many
SELECT path FROM group_paths WHERE group_id = $1 ORDER BY path;

-- name: CountPaidUnder :one
-- A path holds no character that LIKE would read as any.
SELECT count(*) FROM clusters WHERE group_path = CAST(@path AS TEXT) OR group_path LIKE CAST(@path AS TEXT) || '/%';

-- name: CountPaidByGroup :one
SELECT count(*) FROM clusters WHERE group_id = $1;

-- name: PutGroupMember :exec
INSERT INTO group_members (group_id, user_id, role, pays, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (group_id, user_id) DO UPDATE SET role = excluded.role, pays = excluded.pays;

-- name: DeleteGroupMember :execrows
DELETE FROM group_members WHERE group_id = $1 AND user_id = $2;

-- name: SetPayingGroup :exec
UPDATE group_members SET pays = (group_id = CAST(@group_id AS TEXT)) WHERE user_id = @user_id;

-- name: ListGroupMembers :many
SELECT sqlc.embed(u), m.role AS member_role, m.pays FROM group_members m JOIN users u ON u.id = m.user_id WHERE m.group_id = $1 ORDER BY u.name;

-- name: ListMemberships :many
SELECT sqlc.embed(g), m.role, m.pays, m.created_at AS joined_at FROM group_members m JOIN groups g ON g.id = m.group_id WHERE m.user_id = $1 ORDER BY g.path;

-- name: CountGroupMembers :many
SELECT group_id, count(*) AS members FROM group_members GROUP BY group_id;

-- name: ListLedPaths :many
SELECT p.path FROM group_members m JOIN group_paths p ON p.group_id = m.group_id WHERE m.user_id = $1 AND m.role = 'lead' ORDER BY p.path;
