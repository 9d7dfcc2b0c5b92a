package warehouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Snapshot is the table lines at one moment, as files for another program: the rows of Files, without those of a cluster and an hour that Replaced lists, and those of
// Extra. Extra and Replaced are empty where there is no such file.
type Snapshot struct {
	Files           []string
	Extra, Replaced string
	AsOf            time.Time
}

// Scratch is a folder on the warehouse's file system, which goes away with all in it when the warehouse is closed.
func (w *Warehouse) Scratch() string { return w.scratch }

// Snapshot puts what questions see now of the hours in [since, until) into a folder on the warehouse's own file system. Segments are linked, not copied: they stay
// whole in the folder even if they leave the warehouse.
func (w *Warehouse) Snapshot(ctx context.Context, folder string, since, until time.Time) (Snapshot, error) {
	g := w.acquire()
	defer w.release(ctx, g)
	s := Snapshot{AsOf: g.asOf}
	held := g.linesWithin(since, until)
	release, err := w.hold(ctx, held)
	if err != nil {
		return s, err
	}
	defer release()
	for i, segment := range held {
		path := filepath.Join(folder, fmt.Sprintf("lines-%d.parquet", i))
		if err := w.link(segment, path); err != nil {
			return s, err
		}
		s.Files = append(s.Files, path)
	}
	columns := list(append([]string{"hour"}, lines.columns...)) + ", " + list(amounts)
	for _, part := range []struct {
		name, query string
		path        *string
	}{
		{"extra.parquet", fmt.Sprintf("SELECT %s FROM %s.delta WHERE %s > 0", columns, g.schema, countColumn), &s.Extra},
		{"replaced.parquet", fmt.Sprintf("SELECT DISTINCT cluster_id, hour FROM %s.delta WHERE %s < 0", g.schema, countColumn), &s.Replaced},
	} {
		path := filepath.Join(folder, part.name)
		result, err := w.db.ExecContext(ctx, fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet)", part.query, quote(path)))
		if err != nil {
			return s, fmt.Errorf("write what segments do not say: %w", err)
		}
		if rows, err := result.RowsAffected(); err != nil {
			return s, fmt.Errorf("write what segments do not say: %w", err)
		} else if rows > 0 {
			*part.path = path
		}
	}
	return s, nil
}

// link puts a segment under another name, in the place of what a try before has left there.
func (w *Warehouse) link(s Segment, path string) error {
	if info, err := os.Stat(w.path(s)); err == nil && info.Size() != s.Bytes {
		return &BadSegment{Segment: s, Err: fmt.Errorf("it has %d bytes, where the catalogue says %d", info.Size(), s.Bytes)}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("link a segment: %w", err)
	}
	if err := os.Link(w.path(s), path); err != nil {
		return &BadSegment{Segment: s, Err: err}
	}
	return nil
}
