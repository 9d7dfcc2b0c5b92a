package app

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lineitem/lineitem/internal/core/identity"
)

// URL is how browsers reach the server, without a slash at its end.
func (a *App) URL() string { return a.url }

// SignInURL makes a link that signs the admin in once. The code is in the fragment, which browsers keep to themselves, so that no
// log of a server in between can hold it.
func (a *App) SignInURL(ctx context.Context) (string, error) {
	code := a.code
	a.code = ""
	if code == "" {
		var err error
		if code, err = a.identity.NewSignInCode(ctx, a.now(), identity.AdminName); err != nil {
			return "", err
		}
	}
	return a.url + "/signin#code=" + code, nil
}

// Announce tells people and programs where the server is and how to sign in. The format is stable, one fact per line:
//
//	Lineitem listens on <url>
//	Sign in once: <link>
//	Sign in from a terminal once: lineitem login '<link>'
//
// Every start makes new links, since whoever starts the server may do everything anyway. Each works once, for a day.
func (a *App) Announce(ctx context.Context, w io.Writer) error {
	browser, err := a.SignInURL(ctx)
	if err != nil {
		return err
	}
	terminal, err := a.SignInURL(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "Lineitem listens on %s\nSign in once: %s\nSign in from a terminal once: lineitem login '%s'\n", a.url, browser, terminal)
	if err != nil {
		return fmt.Errorf("announce the server: %w", err)
	}
	return nil
}

// MintToken makes an API token of the admin that ends after ttl, for a program that runs the server in its own process. Nobody else
// gets a token without a sign-in.
func (a *App) MintToken(ctx context.Context, name string, ttl time.Duration) (string, error) {
	code, err := a.identity.NewSignInCode(ctx, a.now(), identity.AdminName)
	if err != nil {
		return "", err
	}
	_, secret, err := a.identity.TokenForCode(ctx, a.now(), code, name, ttl)
	if err != nil {
		return "", err
	}
	return secret, nil
}
