package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// sessionCookie is the name of the cookie of a signed-in browser.
const sessionCookie = "lineitem_session"

type actorKey struct{}

// actorOf returns the caller: the zero Actor on public routes that nobody signed in to.
func actorOf(ctx context.Context) identity.Actor {
	actor, _ := ctx.Value(actorKey{}).(identity.Actor)
	return actor
}

// admit runs before everything else of a route, so that a stranger's body is not even read.
func (s *server) admit(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	op := ctx.Operation()
	info := infoOf(r.Context())
	info.route = op.Path
	if err := checkText(r); err != nil {
		s.refuse(w, r, err)
		return
	}
	if err := s.checkOrigin(r); err != nil {
		s.refuse(w, r, err)
		return
	}
	actor, err := s.authenticate(r, op.Metadata[basicKey] == true)
	// A public route is open to everybody, also to someone whose session has ended.
	if err != nil && (op.Metadata[publicKey] != true || !errs.Is(err, errs.Unauthenticated)) {
		s.refuse(w, r, err)
		return
	}
	info.userID = string(actor.User.ID)
	ctx.SetHeader("Cache-Control", "no-store")
	next(huma.WithValue(ctx, actorKey{}, actor))
}

// authenticate finds out who makes the request. A token goes before a cookie. Where basic is allowed, a token may be the password of any user name.
func (s *server) authenticate(r *http.Request, basic bool) (identity.Actor, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		token, err := tokenOf(r, header, basic)
		if err != nil {
			return identity.Actor{}, err
		}
		return s.Identity.AuthenticateToken(r.Context(), s.Now(), token)
	}
	if secret := sessionOf(r); secret != "" {
		return s.Identity.AuthenticateSession(r.Context(), s.Now(), secret)
	}
	return identity.Actor{}, errNobody()
}

func tokenOf(r *http.Request, header string, basic bool) (string, error) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if strings.EqualFold(scheme, "Basic") {
		if !basic {
			return "", errs.New(errs.Unauthenticated, "", "A user name and a password open downloads only. Here, the Authorization header must be \"Bearer\" and an API token. Nothing was changed.")
		}
		_, password, _ := r.BasicAuth()
		if password == "" {
			return "", errs.New(errs.Unauthenticated, "", "The password must be an API token; any user name will do. Nothing was changed.")
		}
		return password, nil
	}
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", errs.New(errs.Unauthenticated, "", "The Authorization header must be \"Bearer\" and an API token. Nothing was changed.")
	}
	return token, nil
}

// sessionOf returns the secret of the session cookie, "" without one.
func sessionOf(r *http.Request) string {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// checkOrigin refuses changes that another site's page makes with the cookie of our user. Browsers say where a request comes
// from; a request that carries the cookie and does not say is no browser's, and should use a token.
func (s *server) checkOrigin(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		return nil
	}
	foreign := errs.New(errs.Forbidden, "cross_site", "This request comes from a page of another site, so nothing was changed.")
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "same-origin", "none":
		return nil
	case "":
	default:
		// "same-site" is not enough: every port of this host is the same site, and a notebook may listen on one.
		return foreign
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if s.ours(origin, r.Host) {
			return nil
		}
		return foreign
	}
	if r.Header.Get("Authorization") == "" && sessionOf(r) != "" {
		return errs.New(errs.Forbidden, "cross_site",
			"A change with the session cookie needs an Origin or Sec-Fetch-Site header of this site, so nothing was changed. Programs should use an API token.")
	}
	return nil
}

// ours reports whether an origin is this server, as the request or the configuration names it.
func (s *server) ours(origin, host string) bool {
	o, err := url.Parse(origin)
	if err != nil || o.Host == "" {
		return false
	}
	if o.Host == host {
		return true
	}
	public, err := url.Parse(s.PublicURL)
	return err == nil && o.Scheme == public.Scheme && o.Host == public.Host
}

// checkText refuses what no path and no query of ours holds, and no database takes.
func checkText(r *http.Request) error {
	if strings.ContainsRune(r.URL.Path, 0) || strings.Contains(r.URL.RawQuery, "%00") {
		return errs.New(errs.Invalid, "", "The address holds a NUL character, which nothing here has. Nothing was changed.")
	}
	if strings.ToValidUTF8(r.URL.Path, "") != r.URL.Path {
		return errs.New(errs.Invalid, "", "The address is not valid UTF-8. Nothing was changed.")
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errs.New(errs.Invalid, "", "The query of the address cannot be read. Nothing was changed.")
	}
	for name, values := range query {
		for _, value := range append(values, name) {
			if strings.ToValidUTF8(value, "") != value {
				return errs.New(errs.Invalid, "", "The query of the address is not valid UTF-8. Nothing was changed.")
			}
		}
	}
	return nil
}

// cookie makes the session cookie; an empty secret makes one that deletes it.
func (s *server) cookie(secret string, expires time.Time) string {
	c := http.Cookie{
		Name: sessionCookie, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: strings.HasPrefix(s.PublicURL, "https://"),
	}
	if secret == "" {
		c.MaxAge = -1
	} else {
		c.Expires = expires.UTC()
	}
	return c.String()
}
