package identity

import (
	"context"
	"time"
)

// Store keeps users and secrets' hashes. Methods return errs.NotFound where nothing matches.
type Store interface {
	// CreateUser inserts a user; errs.Conflict if the name is taken.
	CreateUser(ctx context.Context, u User) error
	UserByID(ctx context.Context, id UserID) (User, error)
	UserByName(ctx context.Context, name string) (User, error)
	// ListUsers returns all users by name.
	ListUsers(ctx context.Context) ([]User, error)
	// LedPaths returns all paths that the groups which a user leads bear or ever bore.
	LedPaths(ctx context.Context, id UserID) ([]string, error)
	// CountUsers tells a first start from a later one.
	CountUsers(ctx context.Context) (int, error)

	CreateSignInCode(ctx context.Context, c SignInCode) error
	// TakeSignInCode removes the code and returns it: of two callers with one code, one gets it.
	TakeSignInCode(ctx context.Context, h Hash) (SignInCode, error)

	CreateSession(ctx context.Context, s Session) error
	SessionByHash(ctx context.Context, h Hash) (Session, error)
	DeleteSession(ctx context.Context, h Hash) error

	CreateToken(ctx context.Context, t Token) error
	TokenByHash(ctx context.Context, h Hash) (Token, error)
	ListTokensByUser(ctx context.Context, id UserID) ([]Token, error)
	// DeleteToken removes a token of the user; errs.NotFound if it is not theirs.
	DeleteToken(ctx context.Context, user UserID, tokenID string) error
	TouchToken(ctx context.Context, tokenID string, at time.Time) error

	// DeleteExpired removes codes, sessions and tokens that ended before now.
	DeleteExpired(ctx context.Context, now time.Time) error
}

// Snapshotter runs a function in a transaction that only reads and sees everything at one moment, so that what it reads from several
// tables adds up. It does not hold up writers. Within a transaction it sees that transaction.
type Snapshotter interface {
	Snapshot(ctx context.Context, f func(ctx context.Context) error) error
}

// Transactor runs a function in one transaction, which rides in the context. If f returns an error nothing of it
// remains. Nested calls join the outer transaction. Transactions happen as if one
// after the other: where two clash, one runs f again from the start, so f keeps its results to itself until Atomically returns.
type Transactor interface {
	Atomically(ctx context.Context, f func(ctx context.Context) error) error
}
