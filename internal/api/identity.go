package api

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Identity is what the routes ask of core/identity. Secrets and codes that are not valid (any more) are errs.Unauthenticated.
type Identity interface {
	// SignIn trades a one-time code for the secret of a session.
	SignIn(ctx context.Context, now time.Time, code string) (secret string, u identity.User, err error)
	SignOut(ctx context.Context, secret string) error
	AuthenticateSession(ctx context.Context, now time.Time, secret string) (identity.Actor, error)
	AuthenticateToken(ctx context.Context, now time.Time, secret string) (identity.Actor, error)
	// CreateToken makes a token that ends after ttl, never if that is 0.
	CreateToken(ctx context.Context, now time.Time, actor identity.Actor, name string, ttl time.Duration) (identity.Token, string, error)
	// TokenForCode makes a token for the user of a one-time code.
	TokenForCode(ctx context.Context, now time.Time, code, name string, ttl time.Duration) (identity.Token, string, error)
	ListTokens(ctx context.Context, actor identity.Actor) ([]identity.Token, error)
	DeleteToken(ctx context.Context, actor identity.Actor, tokenID string) error
	// Users, CreateUser and CodeFor are for admins; the codes open one session each.
	Users(ctx context.Context, actor identity.Actor) ([]identity.User, error)
	CreateUser(ctx context.Context, now time.Time, actor identity.Actor, name string, role identity.Role) (identity.User, string, error)
	CodeFor(ctx context.Context, now time.Time, actor identity.Actor, userName string) (string, error)
}

func errNobody() error {
	return errs.New(errs.Unauthenticated, "",
		"Nobody is signed in, so nothing was done. Send an API token as \"Authorization: Bearer <token>\", or sign in with the link that the server printed.")
}

func errLifetime() error {
	return errs.InvalidFields(errs.Field{
		Name: "expires_in_seconds", Message: "A token lives for 0 (without end) to 100 years in seconds. Nothing was changed.",
	})
}
