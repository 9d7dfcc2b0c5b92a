package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// damagedFolder holds what was found damaged, for people to look at. Together its files are not more, nor larger, than the bounds, the newest apart.
const (
	damagedFolder = "damaged"
	damagedSuffix = ".damaged"
	maxDamaged    = 20
	maxDamagedMiB = 1024
)

// Damaged is a live segment whose file is not what was written.
type Damaged struct {
	Segment
	// Reason says what is wrong with it, for people.
	Reason string
	// With are the live rollups that a damaged segment of lines is a part of.
	With []Segment
}

// Inspect looks again at the files that an error names. It returns those that are live and really damaged; again tells that others have been brought anew, or are not live
// any more, so that what failed may succeed now. A file that cannot be looked at, because the disk is busy with something else or files may not be opened, is no damaged one.
func (w *Warehouse) Inspect(ctx context.Context, live []Segment, failure error) (bad []Damaged, again bool, err error) {
	byName := make(map[string]Segment, len(live))
	for _, s := range live {
		s.Day = s.Day.UTC()
		byName[s.Name] = s
	}
	for _, named := range blamed(failure) {
		s, ok := byName[named.Name]
		if !ok {
			again = true
			continue
		}
		reason, err := w.examine(ctx, s)
		if err != nil {
			return nil, false, fmt.Errorf("look at %s: %w", s.Name, err)
		}
		if reason != "" && w.options.Blobs != nil {
			switch err := w.options.Blobs.Renew(ctx, s.Name); {
			case errors.Is(err, fs.ErrNotExist):
				reason = "it is not in the bucket, and here " + reason
			case err != nil:
				return nil, false, fmt.Errorf("bring %s again: %w", s.Name, err)
			default:
				if reason, err = w.examine(ctx, s); err != nil {
					return nil, false, fmt.Errorf("look at %s: %w", s.Name, err)
				}
				again = again || reason == ""
			}
		}
		if reason == "" {
			continue
		}
		w.doubt(s)
		bad = append(bad, Damaged{Segment: s, Reason: reason, With: dependent(live, s)})
	}
	return bad, again, nil
}

// blame makes an error of reading segments one that names the damaged files. Where DuckDB stumbles over what is in a file it often does not say which one it was: then all of
// them are compared with their digests.
func (w *Warehouse) blame(segments []Segment, err error) error {
	if err == nil || len(blamed(err)) > 0 || !mayBeDamage(err) {
		return err
	}
	var cause *duckdb.Error
	if errors.As(err, &cause) {
		said, _, _ := strings.Cut(cause.Msg, "\nLINE ") // what follows is the statement, which names all
		for _, s := range segments {
			if s.Name != "" && strings.Contains(said, path.Base(s.Name)) {
				return &BadSegment{Segment: s, Err: err}
			}
		}
	}
	var found []error
	for _, s := range segments {
		if s.Name == "" {
			continue
		}
		if bad := w.checkDigest(s); bad != nil && (w.options.Blobs == nil || !errors.Is(bad, fs.ErrNotExist)) {
			found = append(found, bad)
		}
	}
	return errors.Join(append(found, err)...)
}

// mayBeDamage tells whether an error may come from what is in a file: of those that DuckDB makes all but what it may take, as statements are not made by people here.
func mayBeDamage(err error) bool {
	var cause *duckdb.Error
	return errors.Is(err, errContradiction) || errors.As(err, &cause) && cause.Type != duckdb.ErrorTypeOutOfMemory && cause.Type != duckdb.ErrorTypeInterrupt
}

// blamed are the segments that an error names.
func blamed(err error) (out []Segment) {
	switch e := err.(type) { //nolint:errorlint // the tree of errors is walked here
	case nil:
	case *BadSegment:
		out = append(out, e.Segment)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			for _, s := range blamed(inner) {
				if !slices.ContainsFunc(out, func(o Segment) bool { return o.Name == s.Name }) {
					out = append(out, s)
				}
			}
		}
	default:
		return blamed(errors.Unwrap(err))
	}
	return out
}

// dependent are the live rollups that hold what a segment of lines does.
func dependent(live []Segment, s Segment) (out []Segment) {
	if s.Table != lines.name {
		return nil
	}
	for _, r := range live {
		if t := tableNamed(r.Table); t != nil && t != lines && t.period(s.Day).Equal(r.Day) {
			out = append(out, r)
		}
	}
	return out
}

// examine says what is wrong with the file of a segment, "" if nothing is. An error is one of looking at it.
func (w *Warehouse) examine(ctx context.Context, s Segment) (reason string, err error) {
	if err := checkName(s.Name); err != nil {
		return "", err
	}
	info, err := os.Stat(w.path(s))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "is missing", nil
	case errors.Is(err, syscall.EIO):
		return "cannot be read from the disk", nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "is no file", nil
	case info.Size() != s.Bytes:
		return fmt.Sprintf("has %d bytes, where %d were written", info.Size(), s.Bytes), nil
	}
	var bad *BadSegment
	err = w.checkDigest(s)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "is missing", nil
	case errors.Is(err, syscall.EIO):
		return "cannot be read from the disk", nil
	case errors.As(err, &bad) && errors.Is(err, errDigest):
		return "has other bytes than were written", nil
	case err != nil:
		return "", err
	}
	if tableNamed(s.Table) == nil { // another version's: it is read no further
		return "", nil
	}
	err = w.private(ctx, func(conn *sql.Conn) error { return w.compare(ctx, conn, []Segment{s}) })
	var cause *duckdb.Error
	switch {
	case err == nil:
		return "", nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case !errors.As(err, &bad):
		return "", err
	case errors.As(err, &cause) && (cause.Type == duckdb.ErrorTypeOutOfMemory || cause.Type == duckdb.ErrorTypeInterrupt || digestIn(s) != ""):
		// It is what was written, byte for byte: whatever is wrong is wrong elsewhere.
		return "", err
	default:
		return "is not what the catalogue says: " + bad.Err.Error(), nil
	}
}

// SetAside moves the files of segments to a folder of their own, of which the oldest files go when it is full.
func (w *Warehouse) SetAside(segments []Segment) error {
	folder := filepath.Join(w.dir, damagedFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("set files aside: %w", err)
	}
	var failures []error
	for _, s := range segments {
		if err := checkName(s.Name); err != nil {
			failures = append(failures, err)
			continue
		}
		aside := w.Aside(s)
		err := os.Rename(w.path(s), aside)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			now := time.Now()
			err = os.Chtimes(aside, now, now) // it goes by when it was found
		}
		failures = append(failures, err)
	}
	if err := errors.Join(append(failures, boundFolder(folder, maxDamaged, maxDamagedMiB<<20))...); err != nil {
		return fmt.Errorf("set files aside: %w", err)
	}
	return nil
}

// Aside is where the file of a segment is kept after it was set aside.
func (w *Warehouse) Aside(s Segment) string {
	return filepath.Join(w.dir, damagedFolder, strings.ReplaceAll(s.Name, "/", ".")+damagedSuffix)
}

// boundFolder removes the oldest files of a folder, until they are few and small enough; the newest stays.
func boundFolder(folder string, files int, bytes int64) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	infos := make([]fs.FileInfo, 0, len(entries))
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for i, info := range infos {
		bytes -= info.Size()
		if i > 0 && (i >= files || bytes < 0) {
			if err := os.RemoveAll(filepath.Join(folder, info.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Verify compares files with their digests, going on where it stopped the last time, until it has read so many bytes; sizes of all are compared each time. All that are
// damaged are in the error. Where files are kept elsewhere, only those that are here are looked at: the others are when they come.
func (w *Warehouse) Verify(ctx context.Context, live []Segment, bytes int64) error {
	order := slices.SortedFunc(slices.Values(live), func(a, b Segment) int { return strings.Compare(a.Name, b.Name) })
	var failures []error
	for _, s := range order {
		info, err := os.Stat(w.path(s))
		switch {
		case errors.Is(err, fs.ErrNotExist) && w.options.Blobs != nil:
		case err != nil:
			failures = append(failures, &BadSegment{Segment: s, Err: err})
		case info.Size() != s.Bytes:
			failures = append(failures, &BadSegment{Segment: s, Err: fmt.Errorf("it has %d bytes, where the catalogue says %d", info.Size(), s.Bytes)})
		}
	}
	w.mu.Lock()
	last := w.scrubbed
	w.mu.Unlock()
	start, _ := slices.BinarySearchFunc(order, last, func(s Segment, name string) int { return strings.Compare(s.Name, name+"\x00") })
	for i := range order {
		s := order[(start+i)%len(order)]
		if bytes <= 0 {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := w.checkDigest(s)
		if err != nil && (w.options.Blobs == nil || !errors.Is(err, fs.ErrNotExist)) {
			failures = append(failures, err)
		}
		bytes -= s.Bytes
		last = s.Name
	}
	w.mu.Lock()
	w.scrubbed = last
	w.mu.Unlock()
	return errors.Join(failures...)
}

// Sum is what something cost, and what of it was not seen.
type Sum struct{ Cost, Unseen cost.Nanos }

// Held says what rollups hold of a UTC day: hour by hour, or where that cannot be read the whole day; ok is false where nothing can.
func (w *Warehouse) Held(ctx context.Context, live []Segment, day time.Time) (hours map[time.Time]Sum, whole Sum, ok bool) {
	sums := map[string]cost.Nanos{}
	for _, s := range live {
		if s.Table == lines.name {
			sums[s.Day.UTC().Format(time.DateOnly)] += s.Nanos
			sums[s.Day.UTC().Format("2006-01")] += s.Nanos
		}
	}
	for _, name := range []string{"hour_groups", "days", "day_lines"} {
		t := tableNamed(name)
		at := slices.IndexFunc(live, func(s Segment) bool { return s.Table == name && t.period(day).Equal(s.Day) })
		if at < 0 {
			continue
		}
		period := day.UTC().Format(time.DateOnly)
		if t.perMonth {
			period = day.UTC().Format("2006-01")
		}
		if live[at].Nanos != sums[period] { // it does not say what lines said
			continue
		}
		hours, err := w.sumsOf(ctx, live[at], t, day)
		if err != nil {
			continue // the next may be better; whether this one is damaged is found out when it is needed
		}
		for _, one := range hours {
			whole.Cost, whole.Unseen = whole.Cost+one.Cost, whole.Unseen+one.Unseen
		}
		if t.grain != hourly {
			hours = nil
		}
		return hours, whole, true
	}
	return nil, Sum{}, false
}

// sumsOf adds a rollup's rows of a UTC day up, by hour if it has hours.
func (w *Warehouse) sumsOf(ctx context.Context, s Segment, t *table, day time.Time) (map[time.Time]Sum, error) {
	release, err := w.hold(ctx, []Segment{s})
	if err != nil {
		return nil, err
	}
	defer release()
	if err := w.checkDigest(s); err != nil {
		return nil, err
	}
	key, where := "TIMESTAMP '1970-01-01'", "true"
	if t.grain == hourly {
		key, where = "hour", within(day, day.AddDate(0, 0, 1))
	}
	out := map[time.Time]Sum{}
	err = w.private(ctx, func(conn *sql.Conn) error {
		rows, err := conn.QueryContext(ctx, fmt.Sprintf(
			"SELECT %s, sum(cost_nanos)::BIGINT, coalesce(sum(cost_nanos) FILTER (kind IN ('unknown', 'lost')), 0)::BIGINT FROM %s WHERE %s GROUP BY 1", key, w.read([]Segment{s}), where))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var hour time.Time
			var sum Sum
			if err := rows.Scan(&hour, (*int64)(&sum.Cost), (*int64)(&sum.Unseen)); err != nil {
				return err
			}
			out[hour.UTC()] = sum
		}
		return rows.Err()
	})
	return out, err
}
