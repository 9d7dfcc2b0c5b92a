package store

import (
	"context"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// CreateUser inserts a user.
func (db *DB) CreateUser(ctx context.Context, u identity.User) error {
	n, err := db.write(ctx).CreateUser(ctx, sqlcgen.CreateUserParams{
		ID: string(u.ID), Name: u.Name, Role: string(u.Role), CreatedAt: micros(u.CreatedAt),
	})
	return inserted(n, err, "create a user", "user")
}

// UserByID finds a user.
func (db *DB) UserByID(ctx context.Context, id identity.UserID) (identity.User, error) {
	row, err := db.read(ctx).GetUserByID(ctx, string(id))
	return userFromDB(row), found("read a user", "user", err)
}

// UserByName finds a user.
func (db *DB) UserByName(ctx context.Context, name string) (identity.User, error) {
	row, err := db.read(ctx).GetUserByName(ctx, name)
	return userFromDB(row), found("read a user", "user", err)
}

// CountUsers counts all users.
func (db *DB) CountUsers(ctx context.Context) (int, error) {
	n, err := db.read(ctx).CountUsers(ctx)
	return int(n), fail("count the users", err)
}

// ListUsers returns all users by name.
func (db *DB) ListUsers(ctx context.Context) ([]identity.User, error) {
	rows, err := db.read(ctx).ListUsers(ctx)
	return convert(rows, userFromDB), fail("list users", err)
}
