package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// packed are the scripts and styles as gzip packs them, to a third: who reads the pages from far away waits that much less for the first one.
// Each is packed when it is first asked for, once.
type packed map[string]func() ([]byte, error)

func packedOf(files fs.FS) packed {
	all := packed{}
	// What cannot be listed is served as it is.
	_ = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && packs(name) {
			all[name] = sync.OnceValues(func() ([]byte, error) { return pack(files, name) })
		}
		return nil
	})
	return all
}

// packs tells texts, which shrink, from what is packed already.
func packs(name string) bool {
	switch path.Ext(name) {
	case ".js", ".css", ".svg":
		return true
	default:
		return false
	}
}

func pack(files fs.FS, name string) ([]byte, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var out bytes.Buffer
	writer, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", name, err)
	}
	if _, err = writer.Write(text); err == nil {
		err = writer.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// serve writes a file packed to who takes it so; false where it is to be served as it is. Either way caches are told that both exist.
func (p packed) serve(w http.ResponseWriter, r *http.Request, name string) bool {
	body, ok := p[name]
	if !ok {
		return false
	}
	w.Header().Set("Vary", "Accept-Encoding")
	// A part of a file is a part of its own bytes.
	if r.Header.Get("Range") != "" || !takesGzip(r.Header.Values("Accept-Encoding")) {
		return false
	}
	zipped, err := body()
	if err != nil {
		return false
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Length", strconv.Itoa(len(zipped)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		// A reader that went away is its own affair.
		_, _ = w.Write(zipped)
	}
	return true
}

// takesGzip reads what a reader accepts; a weight of zero is a refusal.
func takesGzip(accepted []string) bool {
	for _, part := range strings.Split(strings.Join(accepted, ","), ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		value, given := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(weight), " ", ""), "q=")
		q, err := strconv.ParseFloat(value, 64)
		return !given || (err == nil && q > 0)
	}
	return false
}
