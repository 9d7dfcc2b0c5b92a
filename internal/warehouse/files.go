package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// scratchFolder holds what is needed while a change is made or a question answered.
const scratchFolder = "scratch"

// fileName invents the name of a segment's file: days/2026/2026-10-24.Europe~Oslo.k3j5m2q7-89abcdef01234567.parquet. The zone is that of a rollup's days; the end is
// the digest of what is in the file, so that a byte that is another one is noticed before it counts.
func fileName(t *table, day time.Time, zone *time.Location, digest string) string {
	stem := day.Format(time.DateOnly)
	if t.perMonth {
		stem = day.Format("2006-01")
	}
	if t != lines {
		stem += "." + zoneTag(zone)
	}
	return path.Join(t.name, day.Format("2006"), stem+"."+token()[:8]+"-"+digest+".parquet")
}

// digestOf is the beginning of a file's SHA-256.
func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // it was read only
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// errDigest is that of a file with other bytes than were written.
var errDigest = errors.New("it does not have the digest that it was written with")

// checkDigest compares a file with the digest in its name. Files of before there were digests have none.
func (w *Warehouse) checkDigest(s Segment) error {
	want := digestIn(s)
	if want == "" {
		return nil
	}
	got, err := digestOf(w.path(s))
	if err == nil && got != want {
		err = fmt.Errorf("%w: %s is not %s", errDigest, got, want)
	}
	if err != nil {
		return &BadSegment{Segment: s, Err: err}
	}
	return nil
}

// digestIn is the digest in the name of a segment's file, "" if it has none.
func digestIn(s Segment) string {
	_, rest, ok := strings.Cut(strings.TrimSuffix(path.Base(s.Name), ".parquet"), ".")
	if at := strings.LastIndexByte(rest, '-'); !ok || at < 0 || len(rest)-at-1 != 16 {
		return ""
	}
	return rest[len(rest)-16:]
}

// zoneTag is a zone's name as a part of a file's.
func zoneTag(zone *time.Location) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '+':
			return r
		}
		return '~'
	}, zone.String())
}

// inZone tells whether a rollup's file has days of a zone.
func inZone(s Segment, zone *time.Location) bool {
	parts := strings.Split(path.Base(s.Name), ".")
	return len(parts) == 4 && parts[1] == zoneTag(zone)
}

// checkName refuses names that lead out of the folder: they come from the catalogue.
func checkName(name string) error {
	if !fs.ValidPath(name) || !strings.HasSuffix(name, ".parquet") || strings.ContainsAny(name, "*?[]{}") {
		return fmt.Errorf("%.200q is no name of a warehouse's file", name)
	}
	return nil
}

// syncFile makes sure that a file and the folders that lead to it are on the disk.
func (w *Warehouse) syncFile(name string) error {
	full := filepath.Join(w.dir, filepath.FromSlash(name))
	for _, p := range []string{full, filepath.Dir(full), filepath.Dir(filepath.Dir(full)), w.dir} {
		if err := syncPath(p); err != nil {
			return err
		}
	}
	return nil
}

func syncPath(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}

// Sweep removes files that the catalogue does not have and that were last changed before a time: what crashes and replaced segments leave.
func (w *Warehouse) Sweep(ctx context.Context, live []Segment, olderThan time.Time) (removed int, err error) {
	keep := make(map[string]bool, len(live))
	for _, s := range live {
		keep[s.Name] = true
	}
	for _, s := range w.viewed() {
		keep[s.Name] = true // a question may be reading it
	}
	if removed, err = w.sweepBlobs(ctx, keep, olderThan); err != nil {
		return removed, fmt.Errorf("sweep the warehouse: %w", err)
	}
	root := os.DirFS(w.dir)
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && (filepath.Join(w.dir, name) == w.scratch || name == damagedFolder):
			return fs.SkipDir
		case d.IsDir() || keep[name]:
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look at %s: %w", name, err)
		}
		if !info.ModTime().Before(olderThan) {
			return nil
		}
		if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
			return fmt.Errorf("remove a file without a row: %w", err)
		}
		removed++
		return nil
	})
	if err != nil {
		return removed, fmt.Errorf("sweep the warehouse: %w", err)
	}
	return removed, nil
}
