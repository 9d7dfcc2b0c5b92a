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
		losses, err := db.read(ctx).ListLosses(ctx)
		if err != nil {
			return fail("list what damaged segments lost", err)
		}
		out = segment.Catalogue{Segments: convert(segments, segmentFromDB), Marks: convert(marks, markFromDB), Losses: convert(losses, damageFromDB)}
		return nil
	})
	return out, err
}

// SwapSegments makes a change of the catalogue, and removes the marks that nothing has been added to since they were read, in one transaction. errs.Conflict if another
// server has changed the same part of the catalogue; nothing is changed then.
func (db *DB) SwapSegments(ctx context.Context, change segment.Change, clean []segment.Mark, at time.Time) error {
	err := db.Atomically(ctx, func(ctx context.Context) error {
		q := db.write(ctx)
		if err := db.dropSegments(ctx, change.Gone, at); err != nil {
			return err
		}
		for _, s := range change.Fresh {
			n, err := q.CreateSegment(ctx, sqlcgen.CreateSegmentParams{
				Name: s.Name, TableName: s.Table, DayAt: micros(s.Day), RowCount: s.Rows, Bytes: s.Bytes, Nanos: int64(s.Nanos), CreatedAt: micros(at),
			})
			switch {
			case err != nil:
				return fail("add a segment", err)
			case n == 0:
				return errOvertaken
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

// errOvertaken is returned to a server that comes too late.
var errOvertaken = errs.New(errs.Conflict, "", "Another server has written these hours; nothing was changed.")

// dropSegments takes live segments out of the catalogue.
func (db *DB) dropSegments(ctx context.Context, gone []segment.Segment, at time.Time) error {
	q := db.write(ctx)
	for _, s := range gone {
		switch n, err := q.DropSegment(ctx, sqlcgen.DropSegmentParams{At: micros(at), Name: s.Name}); {
		case err != nil:
			return fail("drop a segment", err)
		case n == 0:
			return errOvertaken
		}
	}
	return nil
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

// SetAside writes down that segments were damaged, takes segments out of the catalogue, and marks the hours of the days whose lines were damaged, in one transaction.
// errs.Conflict if one of the segments is not live; nothing is changed then.
func (db *DB) SetAside(ctx context.Context, found []segment.Damage, gone []segment.Segment, now time.Time) error {
	err := db.Atomically(ctx, func(ctx context.Context) error {
		if err := db.dropSegments(ctx, gone, now); err != nil {
			return err
		}
		days := map[int64]bool{}
		for _, d := range found {
			atMost := int64(0)
			if d.AtMost {
				atMost = 1
			}
			err := db.write(ctx).CreateDamage(ctx, sqlcgen.CreateDamageParams{
				Name: d.Name, TableName: d.Table, DayAt: micros(d.Day), RowCount: d.Rows, Bytes: d.Bytes, Nanos: int64(d.Nanos), Reason: text(d.Reason),
				FoundAt: micros(d.FoundAt), UnknownNanos: int64(d.Unknown), MissingNanos: int64(d.Missing), AtMost: atMost,
			})
			if err != nil {
				return fail("write damage down", err)
			}
			if d.Table == segment.Lines {
				days[micros(d.Day)] = true
			}
		}
		return db.markDays(ctx, now, func(day int64) bool { return days[day] })
	})
	if err != nil && !errs.Is(err, errs.Conflict) {
		return fmt.Errorf("set segments aside: %w", err)
	}
	return err
}

// HoursOn returns the hours of a UTC day, up to now, in which clusters may have cost something.
func (db *DB) HoursOn(ctx context.Context, day, now time.Time) ([]segment.Pair, error) {
	lives, err := db.read(ctx).ListClusterLives(ctx, micros(now))
	if err != nil {
		return nil, fail("list the lives of clusters", err)
	}
	var out []segment.Pair
	for _, life := range lives {
		from, until := max(micros(day), hourAt(life.FromAt)), min(micros(day)+microsPerDay, life.UntilAt)
		for at := from; at < until; at += microsPerHour {
			out = append(out, segment.Pair{Cluster: cluster.ID(life.ClusterID), Hour: fromMicros(at)})
		}
	}
	return out, nil
}

// Damage lists the segments that were found damaged, the newest first.
func (db *DB) Damage(ctx context.Context, limit int) ([]segment.Damage, error) {
	rows, err := db.read(ctx).ListDamage(ctx, int64(limit))
	return convert(rows, damageFromDB), fail("list damage", err)
}

// MeasureDamage returns how many files have been found damaged, and of how many of them something was lost.
func (db *DB) MeasureDamage(ctx context.Context) (files, losses int64, err error) {
	row, err := db.read(ctx).MeasureDamage(ctx)
	return row.Files, row.Losses, fail("measure damage", err)
}

func damageFromDB(r sqlcgen.WarehouseDamage) segment.Damage {
	return segment.Damage{
		Segment: segment.Segment{Table: r.TableName, Day: fromMicros(r.DayAt), Name: r.Name, Rows: r.RowCount, Bytes: r.Bytes, Nanos: cost.Nanos(r.Nanos)},
		Reason:  r.Reason, FoundAt: fromMicros(r.FoundAt), Unknown: cost.Nanos(r.UnknownNanos), Missing: cost.Nanos(r.MissingNanos), AtMost: r.AtMost != 0,
	}
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
