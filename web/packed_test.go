package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// Scripts come packed to who takes them so, whole and as they are to anybody else; what does not shrink always comes as it is.
func TestPacked(t *testing.T) {
	t.Parallel()
	script := strings.Repeat("export const answer = 42;\n", 1000)
	h := handler(fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>")}, "assets/main-1a.js": {Data: []byte(script)}, "assets/font-1a.woff2": {Data: []byte("wOF2")},
	})
	for _, c := range []struct {
		name, method, path, accepts, wantRange string
		status                                 int
		packed                                 bool
		body                                   string
	}{
		{"a browser", http.MethodGet, "/assets/main-1a.js", "gzip, deflate, br, zstd", "", 200, true, script},
		{"again", http.MethodGet, "/assets/main-1a.js", "GZIP;q=0.5", "", 200, true, script},
		{"its size alone", http.MethodHead, "/assets/main-1a.js", "gzip", "", 200, true, ""},
		{"a program that unpacks nothing", http.MethodGet, "/assets/main-1a.js", "", "", 200, false, script},
		{"one that refuses it", http.MethodGet, "/assets/main-1a.js", "br, gzip; q=0", "", 200, false, script},
		{"one that says nonsense", http.MethodGet, "/assets/main-1a.js", "gzip;q=much", "", 200, false, script},
		{"a part", http.MethodGet, "/assets/main-1a.js", "gzip", "bytes=0-5", 206, false, "export"},
		{"what is packed already", http.MethodGet, "/assets/font-1a.woff2", "gzip", "", 200, false, "wOF2"},
		{"what is gone", http.MethodGet, "/assets/main-00.js", "gzip", "", 404, false, "404 page not found\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req := httptest.NewRequestWithContext(t.Context(), c.method, c.path, http.NoBody)
			req.Header.Set("Accept-Encoding", c.accepts)
			if c.wantRange != "" {
				req.Header.Set("Range", c.wantRange)
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			if rec.Code != c.status {
				t.Fatalf("status = %d, want %d", rec.Code, c.status)
			}
			if got := rec.Header().Get("Content-Encoding") == "gzip"; got != c.packed {
				t.Fatalf("packed = %v, want %v", got, c.packed)
			}
			if strings.HasSuffix(c.path, "1a.js") && rec.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("Vary = %q: a cache would give the packed one to all", rec.Header().Get("Vary"))
			}
			var body io.Reader = rec.Body
			if c.packed && c.method == http.MethodGet {
				if n := rec.Body.Len(); n > len(script)/3 {
					t.Errorf("%d bytes of %d are left", n, len(script))
				}
				if got := rec.Header().Get("Content-Type"); got != "text/javascript; charset=utf-8" {
					t.Errorf("Content-Type = %q", got)
				}
				reader, err := gzip.NewReader(rec.Body)
				if err != nil {
					t.Fatal(err)
				}
				body = reader
			}
			got, err := io.ReadAll(body)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.body {
				t.Errorf("body of %d bytes is not what was built, %d bytes", len(got), len(c.body))
			}
		})
	}
}

// Whatever a reader says that it accepts, it gets the script, packed only where it named gzip.
func FuzzTakesGzip(f *testing.F) {
	for _, text := range []string{"", "gzip", "gzip;q=0", "br, gzip;q=1.0", ";;q=,", "gzip;q=NaN", "identity", "x-gzip"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if takesGzip([]string{text}) && !strings.Contains(strings.ToLower(text), "gzip") {
			t.Errorf("%q does not name gzip", text)
		}
	})
}
