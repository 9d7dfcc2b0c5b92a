// Package web serves the browser pages. They are built by `npm run build` into dist and embedded in the binary, so that one file is the
// whole product; a binary built without them says so instead of failing.
package web

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// all: keeps dist/.gitkeep in, without which a tree whose pages are not built would not compile.
//
//go:embed all:dist
var dist embed.FS

const indexFile = "index.html"

// The pages load nothing from elsewhere and hold no inline script or style, so the policy can be short. React sets style properties through
// the DOM, which a policy without 'unsafe-inline' allows.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const notBuilt = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Lineitem</title></head><body>
<h1>This binary was built without its web pages</h1>
<p>The API and the command line work. To have the pages too, run <code>make build</code> in the source tree
(or <code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>, then <code>go build ./cmd/lineitem</code>) and start the new binary.</p>
</body></html>
`

// Handler serves the pages: files by their name, and the application for every other path, which it routes itself.
func Handler() http.Handler {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		// The name is a constant beside the embed directive: only an edit of this file can get here.
		panic(err)
	}
	return handler(files)
}

func handler(files fs.FS) http.Handler {
	index, err := fs.ReadFile(files, indexFile)
	built := err == nil
	server := http.FileServerFS(files)
	small := packedOf(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Pages can only be read. The API is under /api/v1.", http.StatusMethodNotAllowed)
			return
		}
		if !built {
			writePage(w, http.StatusServiceUnavailable, []byte(notBuilt))
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		switch {
		case isFile(files, name):
			w.Header().Set("Cache-Control", cacheControl(name))
			if !small.serve(w, r, name) {
				server.ServeHTTP(w, r)
			}
		case strings.HasPrefix(name, "assets/"):
			// A page of an older build asks for a script that is gone: HTML in its place would fail in a confusing way.
			w.Header().Set("Cache-Control", "no-store")
			http.NotFound(w, r)
		default:
			writePage(w, http.StatusOK, index)
		}
	})
}

// isFile tells the files that may be served under their own name from the application's paths. The index is no such file: it is what all
// paths answer with, and http.FileServer would redirect it away.
func isFile(files fs.FS, name string) bool {
	if name == "" || name == indexFile || strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	info, err := fs.Stat(files, name)
	return err == nil && info.Mode().IsRegular()
}

// cacheControl lets browsers keep what carries a hash of its content in its name.
func cacheControl(name string) string {
	if strings.HasPrefix(name, "assets/") {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

func writePage(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	// A reader that went away is its own affair; HEAD writes nothing.
	_, _ = w.Write(body)
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}
