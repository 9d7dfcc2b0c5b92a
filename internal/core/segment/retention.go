package segment

import (
	"context"
	"fmt"
	"time"
)

// Tables with a retention of their own, as docs/sql.md names them, besides Lines.
const (
	Usage    = "usage"
	Reads    = "reads"
	Packages = "packages"
	GPU      = "gpu"
	Events   = "events"
)

// Retention is for how many whole months each table keeps what is older than the month that is going on; 0 is for ever. What is not named here is kept for ever:
// prices and clusters are what the books stand on.
type Retention struct {
	Lines, Usage, Reads, Packages, GPU, Events int
}

// months are those of a table.
func (r Retention) months(table string) int {
	return map[string]int{Lines: r.Lines, Usage: r.Usage, Reads: r.Reads, Packages: r.Packages, GPU: r.GPU, Events: r.Events}[table]
}

// Books know which months may still change.
type Books interface {
	// OpenSince is when the first month begins that is not closed and in which something is booked; the zero time if there is none.
	OpenSince(ctx context.Context) (time.Time, error)
}

// Retainer says what tables keep.
type Retainer struct {
	Retention Retention
	// Books, where they are there, keep what is of an open month, however old it is.
	Books Books
}

// Since returns since when a table keeps its rows: the beginning of a month of UTC, or the zero time for ever.
func (r Retainer) Since(ctx context.Context, now time.Time, table string) (time.Time, error) {
	since := RetainSince(now, r.Retention.months(table))
	if since.IsZero() || r.Books == nil {
		return since, nil
	}
	open, err := r.Books.OpenSince(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("find the months that are open: %w", err)
	}
	return heldBack(since, open), nil
}

// heldBack keeps the month of UTC that an open one begins in, too. A zero open is none.
func heldBack(since, open time.Time) time.Time {
	if first := monthOf(open); !open.IsZero() && first.Before(since) {
		return first
	}
	return since
}

// RetainSince returns since when rows are kept, whole months of UTC: the zero time to keep them for ever.
func RetainSince(now time.Time, months int) time.Time {
	if months <= 0 {
		return time.Time{}
	}
	return monthOf(now).AddDate(0, -months, 0)
}

func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}
