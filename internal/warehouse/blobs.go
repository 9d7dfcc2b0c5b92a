package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// Blobs keeps segments elsewhere, so that the folder holds only what is in use. Without it the folder holds all.
type Blobs interface {
	// Keep takes a file of the folder over; it is safe when Keep returns.
	Keep(ctx context.Context, name string) error
	// Hold brings files into the folder and lets them stay there until release is called. fs.ErrNotExist, with the name, for one that is nowhere.
	Hold(ctx context.Context, names []string) (release func(), err error)
	// Renew brings a file again, in the place of what the folder has under its name. fs.ErrNotExist for one that is nowhere.
	Renew(ctx context.Context, name string) error
	// Remove deletes files there and in the folder.
	Remove(ctx context.Context, names ...string) error
	// Written tells of all files there when they were written.
	Written(ctx context.Context) (map[string]time.Time, error)
}

// hold makes sure that the files of segments are in the folder until release is called, and that they are what the catalogue says.
func (w *Warehouse) hold(ctx context.Context, segments []Segment) (release func(), err error) {
	if w.options.Blobs == nil || len(segments) == 0 {
		return func() {}, nil
	}
	names := make([]string, 0, len(segments))
	for _, s := range segments {
		if err := checkName(s.Name); err != nil {
			return nil, err
		}
		names = append(names, s.Name)
	}
	release, err = w.options.Blobs.Hold(ctx, names)
	if errors.Is(err, fs.ErrNotExist) {
		for _, s := range segments {
			if strings.Contains(err.Error(), s.Name) {
				return nil, &BadSegment{Segment: s, Err: err}
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("bring files of the warehouse: %w", err)
	}
	if err := w.verifyAll(ctx, segments); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// verifyAll measures segments that were never measured. Where files are kept elsewhere this cannot be done before they are needed.
func (w *Warehouse) verifyAll(ctx context.Context, segments []Segment) error {
	byTable := map[string][]Segment{}
	for _, s := range segments {
		if !w.isVerified(s) {
			byTable[s.Table] = append(byTable[s.Table], s)
		}
	}
	if len(byTable) == 0 {
		return nil
	}
	return w.private(ctx, func(conn *sql.Conn) error {
		var failures []error
		for _, unseen := range byTable {
			failures = append(failures, w.compare(ctx, conn, unseen))
		}
		return errors.Join(failures...)
	})
}

func (w *Warehouse) isVerified(s Segment) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.verified[s.Name] == s
}

func (w *Warehouse) verify(s Segment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.verified[s.Name] = s
}

func (w *Warehouse) doubt(s Segment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.verified, s.Name)
}

// filesOf are the segments that parts are read from: of each touched table those of the touched months.
func (g *generation) filesOf(parts []part) []Segment {
	var out []Segment
	for _, p := range parts {
		for _, s := range g.filesFor(p) {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// keep holds segments until the change has been made.
func (x *writer) keep(segments ...Segment) error {
	segments = slices.DeleteFunc(slices.Clone(segments), func(s Segment) bool { return s.Name == "" })
	release, err := x.hold(x.ctx, segments)
	if err != nil {
		return err
	}
	x.releases = append(x.releases, release)
	return nil
}

// safe hands a segment that was just written and measured over, and holds it for the rest of the change.
func (x *writer) safe(s Segment) error {
	if err := x.options.Blobs.Keep(x.ctx, s.Name); err != nil {
		return fmt.Errorf("keep a file of the warehouse: %w", err)
	}
	x.verify(s)
	return x.keep(s)
}

// forget drops what is known of segments that are of no use any more.
func (w *Warehouse) forget(segments []Segment) {
	used := make(map[string]bool, len(segments))
	for _, s := range segments {
		used[s.Name] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.verified, func(name string, _ Segment) bool { return !used[name] })
}

// sweepBlobs removes what is kept elsewhere, has none of the names to keep, and was written before a time.
func (w *Warehouse) sweepBlobs(ctx context.Context, keep map[string]bool, olderThan time.Time) (removed int, err error) {
	if w.options.Blobs == nil {
		return 0, nil
	}
	files, err := w.options.Blobs.Written(ctx)
	if err != nil {
		return 0, err
	}
	var names []string
	for name, written := range files {
		if !keep[name] && checkName(name) == nil && written.Before(olderThan) {
			names = append(names, name)
		}
	}
	if err := w.options.Blobs.Remove(ctx, names...); err != nil {
		return 0, fmt.Errorf("remove files without a row: %w", err)
	}
	return len(names), nil
}
