package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// CreateGroup inserts a group.
func (db *DB) CreateGroup(ctx context.Context, g identity.Group) error {
	n, err := db.write(ctx).CreateGroup(ctx, sqlcgen.CreateGroupParams{
		ID: string(g.ID), Name: g.Name, ParentID: keyToDB(string(g.Parent)), Path: g.Path, CreatedAt: micros(g.CreatedAt),
	})
	return inserted(n, err, "create a group", "group")
}

// Groups returns all groups by path.
func (db *DB) Groups(ctx context.Context) ([]identity.Group, error) {
	rows, err := db.read(ctx).ListGroups(ctx)
	return convert(rows, groupFromDB), fail("list groups", err)
}

// UpdateGroup writes name, parent and path.
func (db *DB) UpdateGroup(ctx context.Context, g identity.Group) error {
	n, err := db.write(ctx).UpdateGroup(ctx, sqlcgen.UpdateGroupParams{
		Name: g.Name, ParentID: keyToDB(string(g.Parent)), Path: g.Path, ID: string(g.ID),
	})
	return one(n, err, "update a group", "group")
}

// DeleteGroup removes a group and gives its paths free.
func (db *DB) DeleteGroup(ctx context.Context, id identity.GroupID) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		if err := db.write(ctx).DeleteGroupPaths(ctx, string(id)); err != nil {
			return fail("forget the paths of a group", err)
		}
		n, err := db.write(ctx).DeleteGroup(ctx, string(id))
		return one(n, err, "delete a group", "group")
	})
}

// GroupOfPath returns the group that bears a path, or bore it last.
func (db *DB) GroupOfPath(ctx context.Context, path string) (identity.Group, error) {
	row, err := db.read(ctx).GetGroupOfPath(ctx, path)
	if err != nil {
		return identity.Group{}, found("look whose path it is", "path of a group", err)
	}
	return groupFromDB(row), nil
}

// KeepPath records that a group bears a path, and that no other does any more.
func (db *DB) KeepPath(ctx context.Context, path string, id identity.GroupID, since time.Time) error {
	return fail("keep the path of a group", db.write(ctx).PutGroupPath(ctx, sqlcgen.PutGroupPathParams{Path: path, GroupID: string(id), Since: micros(since)}))
}

// PathsOf returns all paths that a group bears or ever bore.
func (db *DB) PathsOf(ctx context.Context, id identity.GroupID) ([]string, error) {
	paths, err := db.read(ctx).ListGroupPaths(ctx, string(id))
	return paths, fail("list the paths of a group", err)
}

// PaidUnder reports whether anything was paid under a path or below it.
func (db *DB) PaidUnder(ctx context.Context, path string) (bool, error) {
	n, err := db.read(ctx).CountPaidUnder(ctx, path)
	return n > 0, fail("count what was paid under a path", err)
}

// PaidBy reports whether a group itself ever paid.
func (db *DB) PaidBy(ctx context.Context, id identity.GroupID) (bool, error) {
	n, err := db.read(ctx).CountPaidByGroup(ctx, sql.NullString{String: string(id), Valid: true})
	return n > 0, fail("count what a group paid", err)
}

// PutMember makes a user a member, or changes what they are.
func (db *DB) PutMember(ctx context.Context, m identity.Member, at time.Time) error {
	return fail("put a member", db.write(ctx).PutGroupMember(ctx, sqlcgen.PutGroupMemberParams{
		GroupID: string(m.Group), UserID: string(m.User.ID), Role: string(m.Role), Pays: m.Pays, CreatedAt: micros(at),
	}))
}

// DeleteMember takes a user out of a group.
func (db *DB) DeleteMember(ctx context.Context, group identity.GroupID, user identity.UserID) error {
	n, err := db.write(ctx).DeleteGroupMember(ctx, sqlcgen.DeleteGroupMemberParams{GroupID: string(group), UserID: string(user)})
	return one(n, err, "delete a member", "member")
}

// SetPays makes one group of a user the one that pays.
func (db *DB) SetPays(ctx context.Context, user identity.UserID, group identity.GroupID) error {
	return fail("choose who pays", db.write(ctx).SetPayingGroup(ctx, sqlcgen.SetPayingGroupParams{GroupID: string(group), UserID: string(user)}))
}

// Members returns a group's members by name.
func (db *DB) Members(ctx context.Context, group identity.GroupID) ([]identity.Member, error) {
	rows, err := db.read(ctx).ListGroupMembers(ctx, string(group))
	return convert(rows, func(r sqlcgen.ListGroupMembersRow) identity.Member {
		return identity.Member{Group: group, User: userFromDB(r.User), Role: identity.GroupRole(r.MemberRole), Pays: r.Pays}
	}), fail("list members", err)
}

// MembershipsOf returns a user's groups by path.
func (db *DB) MembershipsOf(ctx context.Context, user identity.UserID) ([]identity.Membership, error) {
	rows, err := db.read(ctx).ListMemberships(ctx, string(user))
	return convert(rows, func(r sqlcgen.ListMembershipsRow) identity.Membership {
		return identity.Membership{Group: groupFromDB(r.Group), Role: identity.GroupRole(r.Role), Pays: r.Pays, Since: fromMicros(r.JoinedAt)}
	}), fail("list the groups of a user", err)
}

// CountMembers counts the members of each group that has any.
func (db *DB) CountMembers(ctx context.Context) (map[identity.GroupID]int, error) {
	rows, err := db.read(ctx).CountGroupMembers(ctx)
	out := make(map[identity.GroupID]int, len(rows))
	for _, r := range rows {
		out[identity.GroupID(r.GroupID)] = int(r.Members)
	}
	return out, fail("count members", err)
}

// LedPaths returns all paths that the groups which a user leads bear or ever bore.
func (db *DB) LedPaths(ctx context.Context, user identity.UserID) ([]string, error) {
	paths, err := db.read(ctx).ListLedPaths(ctx, string(user))
	return paths, fail("list led paths", err)
}

func groupFromDB(r sqlcgen.Group) identity.Group {
	return identity.Group{
		ID: identity.GroupID(r.ID), Name: r.Name, Parent: identity.GroupID(r.ParentID.String), Path: r.Path, CreatedAt: fromMicros(r.CreatedAt),
	}
}
