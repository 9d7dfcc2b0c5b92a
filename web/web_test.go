package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func built() fstest.MapFS {
	return fstest.MapFS{
		".gitkeep":          {},
		"index.html":        {Data: []byte("<!doctype html><title>Lineitem</title>")},
		"favicon.svg":       {Data: []byte("<svg/>")},
		"assets/main-1a.js": {Data: []byte("export {}")},
	}
}

func get(t *testing.T, h http.Handler, method, target string) *http.Response {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody))
	return rec.Result()
}

func TestHandlerServes(t *testing.T) {
	t.Parallel()
	const index, forever = "text/html; charset=utf-8", "public, max-age=31536000, immutable"
	h := handler(built())
	for _, c := range []struct {
		name, method, path string
		status             int
		contentType, cache string
	}{
		{"root is the application", http.MethodGet, "/", 200, index, "no-cache"},
		{"the index by its name is not redirected away", http.MethodGet, "/index.html", 200, index, "no-cache"},
		{"a path of the application", http.MethodGet, "/clusters/01J?file=a.py&line=3", 200, index, "no-cache"},
		{"the sign-in page", http.MethodHead, "/signin", 200, index, "no-cache"},
		{"a hashed asset may be kept", http.MethodGet, "/assets/main-1a.js", 200, "text/javascript; charset=utf-8", forever},
		{"a file without a hash may not", http.MethodGet, "/favicon.svg", 200, "image/svg+xml", "no-cache"},
		{"an asset of another build is gone", http.MethodGet, "/assets/main-00.js", 404, "text/plain; charset=utf-8", "no-store"},
		{"a folder is not listed", http.MethodGet, "/assets/", 200, index, "no-cache"},
		{"dot files are not served", http.MethodGet, "/.gitkeep", 200, index, "no-cache"},
		{"climbing out leads to the application", http.MethodGet, "/../../etc/passwd", 200, index, "no-cache"},
		{"pages cannot be written", http.MethodPost, "/clusters", 405, "text/plain; charset=utf-8", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res := get(t, h, c.method, c.path)
			defer func() { _ = res.Body.Close() }()
			if res.StatusCode != c.status {
				t.Errorf("status = %d, want %d", res.StatusCode, c.status)
			}
			if got := res.Header.Get("Content-Type"); got != c.contentType {
				t.Errorf("Content-Type = %q, want %q", got, c.contentType)
			}
			if got := res.Header.Get("Cache-Control"); got != c.cache {
				t.Errorf("Cache-Control = %q, want %q", got, c.cache)
			}
			if got := res.Header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options = %q, want nosniff", got)
			}
		})
	}
}

// The policy must forbid what an injected notebook cell or log line could try: inline script, foreign origins, framing.
func TestContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	res := get(t, handler(built()), http.MethodGet, "/")
	defer func() { _ = res.Body.Close() }()
	policy := res.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("policy %q is loose", policy)
	}
}

func TestHandlerWithoutPages(t *testing.T) {
	t.Parallel()
	rec := httptest.NewRecorder()
	h := handler(fstest.MapFS{".gitkeep": {}})
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/clusters", http.NoBody))
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("status = %d, want 503", rec.Code)
	}
	if !strings.Contains(rec.Body.String(), "make build") {
		t.Errorf("page does not say how to build: %s", rec.Body)
	}
}

// Whether dist is built or not, the embedded handler answers.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	res := get(t, Handler(), http.MethodGet, "/")
	defer func() { _ = res.Body.Close() }()
	if got := res.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("Content-Type = %q, want HTML", got)
	}
}
