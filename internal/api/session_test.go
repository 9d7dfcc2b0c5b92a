package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// signIn follows a sign-in link as the pages do, and returns the cookie.
func signIn(t *testing.T, s *servertest.Server) *http.Cookie {
	t.Helper()
	response, body := postCode(t, s, code(t, s))
	if response.StatusCode != http.StatusOK {
		t.Fatalf("sign in: %d %s", response.StatusCode, body)
	}
	cookies := response.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("sign in sets %d cookies, want 1", len(cookies))
	}
	return cookies[0]
}

func code(t *testing.T, s *servertest.Server) string {
	t.Helper()
	link, err := s.App.SignInURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	prefix := s.URL + "/signin#code="
	if !strings.HasPrefix(link, prefix) {
		t.Fatalf("link is %q, want it to begin with %q", link, prefix)
	}
	return strings.TrimPrefix(link, prefix)
}

func postCode(t *testing.T, s *servertest.Server, code string) (*http.Response, []byte) {
	t.Helper()
	body, err := json.Marshal(sdk.SignInRequest{Code: code})
	if err != nil {
		t.Fatal(err)
	}
	return s.Do(t, newRequest(t, "POST", s.URL+"/api/v1/session", string(body)))
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	once := code(t, s)
	response, body := postCode(t, s, once)
	var me sdk.Me
	if err := json.Unmarshal(body, &me); err != nil || me.User.Name != "admin" || me.User.Role != "admin" || me.Version != servertest.Version {
		t.Fatalf("sign in: %d %s", response.StatusCode, body)
	}
	cookie := response.Cookies()[0]
	if cookie.Name != "lineitem_session" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Secure {
		t.Errorf("cookie over http: %+v", cookie)
	}
	if want := s.Clock.Now().Add(identity.SessionLifetime); cookie.Expires.Sub(want).Abs() > time.Second {
		t.Errorf("cookie expires at %v, want %v", cookie.Expires, want)
	}

	again, body := postCode(t, s, once)
	checkError(t, "the code again", again, body)
	if again.StatusCode != http.StatusUnauthorized {
		t.Errorf("the code again: %d, want 401", again.StatusCode)
	}

	get := func() int {
		r := newRequest(t, "GET", s.URL+"/api/v1/me", "")
		r.AddCookie(cookie)
		response, _ := s.Do(t, r)
		return response.StatusCode
	}
	if got := get(); got != http.StatusOK {
		t.Fatalf("with the cookie: %d, want 200", got)
	}
	out := newRequest(t, "DELETE", s.URL+"/api/v1/session", "")
	out.AddCookie(cookie)
	out.Header.Set("Sec-Fetch-Site", "same-origin")
	response, body = s.Do(t, out)
	if response.StatusCode != http.StatusNoContent || len(response.Cookies()) != 1 || response.Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign out: %d %s, cookies %v; want 204 and the cookie deleted", response.StatusCode, body, response.Cookies())
	}
	if got := get(); got != http.StatusUnauthorized {
		t.Errorf("after signing out: %d, want 401", got)
	}
}

func TestSessionsAndCodesEnd(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	late := code(t, s)
	cookie := signIn(t, s)
	s.Clock.Advance(identity.CodeLifetime)
	if response, _ := postCode(t, s, late); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("an old code: %d, want 401", response.StatusCode)
	}
	s.Clock.Advance(identity.SessionLifetime)
	r := newRequest(t, "GET", s.URL+"/api/v1/me", "")
	r.AddCookie(cookie)
	if response, _ := s.Do(t, r); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("an old session: %d, want 401", response.StatusCode)
	}
	// A new sign-in must work with the old cookie still in the browser.
	body, err := json.Marshal(sdk.SignInRequest{Code: code(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	r = newRequest(t, "POST", s.URL+"/api/v1/session", string(body))
	r.AddCookie(cookie)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if response, body := s.Do(t, r); response.StatusCode != http.StatusOK {
		t.Errorf("sign in with an old cookie: %d %s", response.StatusCode, body)
	}
}

func TestCookieIsSecureOverHTTPS(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, func(c *config.Config) { c.PublicURL = "https://lineitem.example.org" })
	link, err := s.App.SignInURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	once, ok := strings.CutPrefix(link, "https://lineitem.example.org/signin#code=")
	if !ok {
		t.Fatalf("link is %q", link)
	}
	body, err := json.Marshal(sdk.SignInRequest{Code: once})
	if err != nil {
		t.Fatal(err)
	}
	response, _ := s.Do(t, newRequest(t, "POST", "http://"+s.App.Address()+"/api/v1/session", string(body)))
	if cookies := response.Cookies(); len(cookies) != 1 || !cookies[0].Secure {
		t.Errorf("cookies %v, want one that is secure", cookies)
	}
}

func TestChangesByOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	cookie := signIn(t, s)
	for name, try := range map[string]struct {
		method, site, origin string
		token                bool
		want                 int
	}{
		"by our page":                    {"POST", "same-origin", "", false, 201},
		"typed by the user":              {"POST", "none", "", false, 201},
		"by an older browser, our page":  {"POST", "", s.URL, false, 201},
		"by another site":                {"POST", "cross-site", "", false, 403},
		"by another port of this host":   {"POST", "same-site", "", false, 403},
		"by an older browser, elsewhere": {"POST", "", "http://evil.example", false, 403},
		"by a page without origin":       {"POST", "", "null", false, 403},
		"without a word about its page":  {"POST", "", "", false, 403},
		"another site with a lie":        {"POST", "cross-site", s.URL, false, 403},
		"with a token, no browser":       {"POST", "", "", true, 201},
		"reading from another site":      {"GET", "cross-site", "", false, 200},
	} {
		body := ""
		if try.method == "POST" {
			body = `{"options":{"n_workers":0}}`
		}
		r := newRequest(t, try.method, s.URL+"/api/v1/clusters", body)
		if try.token {
			r.Header.Set("Authorization", "Bearer "+s.AdminToken)
		} else {
			r.AddCookie(cookie)
		}
		if try.site != "" {
			r.Header.Set("Sec-Fetch-Site", try.site)
		}
		if try.origin != "" {
			r.Header.Set("Origin", try.origin)
		}
		response, answer := s.Do(t, r)
		if response.StatusCode != try.want {
			t.Errorf("%s: %d, want %d: %s", name, response.StatusCode, try.want, answer)
		}
		if response.StatusCode == http.StatusForbidden {
			if e := checkError(t, name, response, answer); e.Code != "cross_site" {
				t.Errorf("%s: code %s, want cross_site", name, e.Code)
			}
		}
	}
	list, err := s.Admin.ListClusters(t.Context(), sdk.ListClustersOptions{})
	if err != nil || len(list.Items) != 4 {
		t.Errorf("%d clusters were made, %v; want the 4 that were allowed", len(list.Items), err)
	}
}

func TestWrongTokens(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	cookie := signIn(t, s)
	for _, header := range []string{
		"Bearer", "Bearer ", "Bearer wrong", "Bearer " + s.UserToken + "x", "Basic YWRtaW46", s.UserToken, "Bearer " + cookie.Value, "Bearer lit_" + strings.Repeat("A", 43),
	} {
		r := newRequest(t, "POST", s.URL+"/api/v1/clusters", `{"options":{"n_workers":0}}`)
		r.Header.Set("Authorization", header)
		// A wrong token is not made good by a cookie.
		r.AddCookie(cookie)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		response, body := s.Do(t, r)
		checkError(t, header, response, body)
		if response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q: %d, want 401", header, response.StatusCode)
		}
	}
	if list, err := s.Admin.ListClusters(t.Context(), sdk.ListClustersOptions{}); err != nil || len(list.Items) != 0 {
		t.Errorf("%d clusters were made, %v", len(list.Items), err)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx := t.Context()
	made, err := s.User.CreateToken(ctx, sdk.TokenRequest{Name: "laptop", ExpiresInSeconds: 60})
	if err != nil || made.Secret == "" || made.ExpiresAt == nil || !made.ExpiresAt.Equal(s.Clock.Now().Add(time.Minute)) {
		t.Fatalf("create token: %+v, %v", made, err)
	}
	laptop := s.Client(t, made.Secret)
	if me, err := laptop.Me(ctx); err != nil || me.User.Name != "ana" {
		t.Errorf("with the token: %+v, %v", me, err)
	}
	list, err := s.User.ListTokens(ctx)
	if err != nil || len(list.Items) != 2 {
		t.Fatalf("tokens: %+v, %v; want two", list, err)
	}
	for _, token := range list.Items {
		if token.Secret != "" {
			t.Errorf("the list holds a secret of %s", token.Name)
		}
	}
	if err := s.Admin.DeleteToken(ctx, made.ID); !sdk.IsCode(err, "not_found") {
		t.Errorf("somebody else's token: %v, want not_found", err)
	}
	s.Clock.Advance(time.Minute)
	if _, err := laptop.Me(ctx); !sdk.IsCode(err, "unauthenticated") {
		t.Errorf("after its end: %v, want unauthenticated", err)
	}
	bought, err := s.Client(t, "").CreateToken(ctx, sdk.TokenRequest{Name: "desktop", Code: code(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	desktop := s.Client(t, bought.Secret)
	if me, err := desktop.Me(ctx); err != nil || me.User.Name != "admin" {
		t.Errorf("with a bought token: %+v, %v", me, err)
	}
	if err := desktop.DeleteToken(ctx, bought.ID); err != nil {
		t.Errorf("delete own token: %v", err)
	}
	if _, err := desktop.Me(ctx); !sdk.IsCode(err, "unauthenticated") {
		t.Errorf("after deletion: %v, want unauthenticated", err)
	}
}
