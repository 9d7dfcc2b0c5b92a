package store

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// CreateSignInCode keeps a code.
func (db *DB) CreateSignInCode(ctx context.Context, c identity.SignInCode) error {
	n, err := db.write(ctx).CreateSignInCode(ctx, sqlcgen.CreateSignInCodeParams{
		Hash: string(c.Hash), UserID: string(c.UserID), CreatedAt: micros(c.CreatedAt), ExpiresAt: micros(c.ExpiresAt),
	})
	return inserted(n, err, "create a sign-in code", "sign-in code")
}

// TakeSignInCode removes a code and returns it, in one statement, so that two callers do not both get it.
func (db *DB) TakeSignInCode(ctx context.Context, h identity.Hash) (identity.SignInCode, error) {
	row, err := db.write(ctx).TakeSignInCode(ctx, string(h))
	if err != nil {
		return identity.SignInCode{}, found("take a sign-in code", "sign-in code", err)
	}
	return identity.SignInCode{
		Hash: identity.Hash(row.Hash), UserID: identity.UserID(row.UserID),
		CreatedAt: fromMicros(row.CreatedAt), ExpiresAt: fromMicros(row.ExpiresAt),
	}, nil
}

// CreateSession keeps a session.
func (db *DB) CreateSession(ctx context.Context, s identity.Session) error {
	n, err := db.write(ctx).CreateSession(ctx, sqlcgen.CreateSessionParams{
		Hash: string(s.Hash), UserID: string(s.UserID), CreatedAt: micros(s.CreatedAt), ExpiresAt: micros(s.ExpiresAt),
	})
	return inserted(n, err, "create a session", "session")
}

// SessionByHash finds a session.
func (db *DB) SessionByHash(ctx context.Context, h identity.Hash) (identity.Session, error) {
	row, err := db.read(ctx).GetSessionByHash(ctx, string(h))
	if err != nil {
		return identity.Session{}, found("read a session", "session", err)
	}
	return identity.Session{
		Hash: identity.Hash(row.Hash), UserID: identity.UserID(row.UserID),
		CreatedAt: fromMicros(row.CreatedAt), ExpiresAt: fromMicros(row.ExpiresAt),
	}, nil
}

// DeleteSession removes a session.
func (db *DB) DeleteSession(ctx context.Context, h identity.Hash) error {
	n, err := db.write(ctx).DeleteSession(ctx, string(h))
	return one(n, err, "delete a session", "session")
}

// CreateToken keeps a token.
func (db *DB) CreateToken(ctx context.Context, t identity.Token) error {
	n, err := db.write(ctx).CreateToken(ctx, sqlcgen.CreateTokenParams{
		ID: t.ID, UserID: string(t.UserID), Name: text(t.Name), Hash: string(t.Hash), CreatedAt: micros(t.CreatedAt),
		ExpiresAt: maybeMicros(t.ExpiresAt), LastUsedAt: maybeMicros(t.LastUsedAt),
	})
	return inserted(n, err, "create a token", "token")
}

// TokenByHash finds a token.
func (db *DB) TokenByHash(ctx context.Context, h identity.Hash) (identity.Token, error) {
	row, err := db.read(ctx).GetTokenByHash(ctx, string(h))
	if err != nil {
		return identity.Token{}, found("read a token", "token", err)
	}
	return tokenFromDB(row), nil
}

// ListTokensByUser returns a user's tokens, newest first.
func (db *DB) ListTokensByUser(ctx context.Context, id identity.UserID) ([]identity.Token, error) {
	rows, err := db.read(ctx).ListTokensByUser(ctx, string(id))
	return convert(rows, tokenFromDB), fail("list tokens", err)
}

// DeleteToken removes a token of the user.
func (db *DB) DeleteToken(ctx context.Context, user identity.UserID, tokenID string) error {
	n, err := db.write(ctx).DeleteToken(ctx, sqlcgen.DeleteTokenParams{ID: tokenID, UserID: string(user)})
	return one(n, err, "delete a token", "token")
}

// TouchToken notes when a token was used.
func (db *DB) TouchToken(ctx context.Context, tokenID string, at time.Time) error {
	n, err := db.write(ctx).TouchToken(ctx, sqlcgen.TouchTokenParams{LastUsedAt: maybeMicros(at), ID: tokenID})
	return one(n, err, "touch a token", "token")
}

// DeleteExpired removes codes, sessions and tokens that ended before now.
func (db *DB) DeleteExpired(ctx context.Context, now time.Time) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		q := db.write(ctx)
		if err := q.DeleteSignInCodesByExpiry(ctx, micros(now)); err != nil {
			return fail("delete expired sign-in codes", err)
		}
		if err := q.DeleteSessionsByExpiry(ctx, micros(now)); err != nil {
			return fail("delete expired sessions", err)
		}
		return fail("delete expired tokens", q.DeleteTokensByExpiry(ctx, maybeMicros(now)))
	})
}
