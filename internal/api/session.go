package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/sdk"
)

const tagIdentity = "identity"

type signInInput struct {
	Body sdk.SignInRequest
}

type signedIn struct {
	SetCookie string `header:"Set-Cookie"`
	Body      sdk.Me
}

type signOutInput struct {
	Session string `cookie:"lineitem_session" hidden:"true"`
}

type signedOut struct {
	SetCookie string `header:"Set-Cookie"`
}

func (s *server) sessionRoutes(a huma.API) {
	register(s, a, public(operation(http.MethodPost, "/session", "sign-in", tagIdentity, "Trade a one-time code for a session cookie")), s.signIn)
	register(s, a, public(operation(http.MethodDelete, "/session", "sign-out", tagIdentity, "End the session")), s.signOut)
}

func (s *server) signIn(ctx context.Context, in *signInInput) (*signedIn, error) {
	now := s.Now()
	secret, user, err := s.Identity.SignIn(ctx, now, in.Body.Code)
	if err != nil {
		return nil, err
	}
	me, err := s.meToAPI(ctx, user)
	if err != nil {
		return nil, err
	}
	return &signedIn{SetCookie: s.cookie(secret, now.Add(identity.SessionLifetime)), Body: me}, nil
}

// signOut succeeds also where no session is left: what was asked for is so.
func (s *server) signOut(ctx context.Context, in *signOutInput) (*signedOut, error) {
	if in.Session != "" {
		if err := s.Identity.SignOut(ctx, in.Session); err != nil {
			return nil, err
		}
	}
	return &signedOut{SetCookie: s.cookie("", s.Now())}, nil
}
