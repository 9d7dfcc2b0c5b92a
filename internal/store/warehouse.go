package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// deleteDirty deletes marks that are still as they were.
var deleteDirty = newTypedBulk(`DELETE FROM warehouse_dirty WHERE (cluster_id, hour_at, stamp) IN (`, []string{"TEXT", "BIGINT", "BIGINT"}, `)`)

// Catalogue returns the live segments and the marks of one moment.
func (db *DB) Catalogue(ctx context.Context) (segment.Catalogue, error) {
	var out segment.Catalogue
	err := db.Snapshot(ctx, func(ctx context.Context) error {
		segments, err := db.read(ctx).ListSegments(ctx)
		if err != nil {
			return fail("list segments", err)
		}
		marks, err := db.read(ctx).ListDirty(ctx)
		if err != nil {
			return fail("list dirty hours", err)
		}
		out = segment.Catalogue{Segments: convert(segments, segmentFromDB), Marks: convert(marks, markFromDB)}
		return nil
	})
	return out, err
}

// SwapSegments makes a change of the catalogue, and removes the marks that nothing has been added to since they were read, in one transaction. errs.Conflict if another
// server has changed the same part of the catalogue; nothing is changed then.
func (db *DB) SwapSegments(ctx context.Context, change segment.Change, clean []segment.Mark, at time.Time) error {
	lost := errs.New(errs.Conflict, "", "Another server has written these hours; nothing was changed.")
	err := db.Atomically(ctx, func(ctx context.Context) error {
		q := db.write(ctx)
		for _, s := range change.Gone {
			switch n, err := q.DropSegment(ctx, sqlcgen.DropSegmentParams{At: micros(at), Name: s.Name}); {
			case err != nil:
				return fail("drop a segment", err)
			case n == 0:
				return lost
			}
		}
		for _, s := range change.Fresh {
			n, err := q.CreateSegment(ctx, sqlcgen.CreateSegmentParams{
				Name: s.Name, TableName: s.Table, DayAt: micros(s.Day), RowCount: s.Rows, Bytes: s.Bytes, Nanos: int64(s.Nanos), CreatedAt: micros(at),
			})
			switch {
			case err != nil:
				return fail("add a segment", err)
			case n == 0:
				return lost
			}
		}
		return db.exec(ctx, "clean hours", deleteDirty, len(clean), func(to []any, i int) []any {
			return append(to, string(clean[i].Cluster), micros(clean[i].Hour), clean[i].Stamp)
		})
	})
	if err != nil && !errs.Is(err, errs.Conflict) {
		return fmt.Errorf("swap segments: %w", err)
	}
	return err
}

// SegmentNames returns the names of the live segments and of those that were dropped at a time or later.
func (db *DB) SegmentNames(ctx context.Context, droppedSince time.Time) ([]string, error) {
	names, err := db.read(ctx).ListSegmentNames(ctx, micros(droppedSince))
	return names, fail("list segments' names", err)
}

// ForgetSegments removes the rows of segments that were dropped before a time.
func (db *DB) ForgetSegments(ctx context.Context, droppedBefore time.Time) error {
	_, err := db.write(ctx).ForgetSegments(ctx, micros(droppedBefore))
	return fail("forget segments", err)
}

// ForgetMarks removes the marks of hours before a time, which the warehouse does not keep.
func (db *DB) ForgetMarks(ctx context.Context, before time.Time) error {
	_, err := db.write(ctx).DeleteDirtyBefore(ctx, micros(before))
	return fail("forget marks", err)
}

// MeasureSegments returns how many live segments there are, and their size.
func (db *DB) MeasureSegments(ctx context.Context) (count, bytes int64, err error) {
	row, err := db.read(ctx).MeasureSegments(ctx)
	return row.Files, row.Bytes, fail("measure segments", err)
}

// DirtyHours returns how many hours of clusters are dirty, and since when the first of them has been; the zero time if none is.
func (db *DB) DirtyHours(ctx context.Context) (hours int64, since time.Time, err error) {
	row, err := db.read(ctx).MeasureDirty(ctx)
	if err != nil || row.Hours == 0 {
		return 0, time.Time{}, fail("measure dirty hours", err)
	}
	return row.Hours, fromMicros(row.Oldest), nil
}

func segmentFromDB(r sqlcgen.WarehouseSegment) segment.Segment {
	return segment.Segment{
		Table: r.TableName, Day: fromMicros(r.DayAt), Name: r.Name, Rows: r.RowCount, Bytes: r.Bytes, Nanos: cost.Nanos(r.Nanos),
	}
}

func markFromDB(r sqlcgen.WarehouseDirty) segment.Mark {
	return segment.Mark{Pair: segment.Pair{Cluster: cluster.ID(r.ClusterID), Hour: fromMicros(r.HourAt)}, Stamp: r.Stamp}
}

// newStamp returns a stamp that no mark has had.
func newStamp() int64 { return rand.Int64() } //nolint:gosec // It must differ, not be unpredictable.
