package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// scratchFolder holds what is needed while a change is made or a question answered.
const scratchFolder = "scratch"

// fileName invents the name of a segment's file: days/2026/2026-10-24.Europe~Oslo.k3j5….parquet. The zone is that of a rollup's days.
func fileName(t *table, day time.Time, zone *time.Location) string {
	stem := day.Format(time.DateOnly)
	if t.perMonth {
		stem = day.Format("2006-01")
	}
	if t != lines {
		stem += "." + zoneTag(zone)
	}
	return path.Join(t.name, day.Format("2006"), stem+"."+token()+".parquet")
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
	root := os.DirFS(w.dir)
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && filepath.Join(w.dir, name) == w.scratch:
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
