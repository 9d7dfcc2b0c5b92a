package warehouse

import (
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// Segment is one immutable file of the table lines, or of a rollup of it.
type Segment struct {
	// Table is lines or the rollup's name; Day is the UTC midnight that its time begins with, of monthly tables the first of the month.
	Table string
	Day   time.Time
	// Name is the file, relative to the warehouse's folder. No two files ever have the same.
	Name        string
	Rows, Bytes int64
	// Nanos is what its rows sum to.
	Nanos cost.Nanos
}

// Pair is what is folded at once: an hour of a cluster.
type Pair struct {
	Cluster cluster.ID
	Hour    time.Time
}

// Change is what a catalogue becomes: Gone leave it and Fresh enter it, in one step and only if all of Gone are still there.
type Change struct {
	Fresh, Gone []Segment
}

// View is what questions are answered from.
type View struct {
	Segments []Segment
	// Pairs are those whose facts are not, or not rightly, in the segments; Facts is what is right, as of AsOf.
	Pairs []Pair
	Facts []spend.Fact
	AsOf  time.Time
}

// BadSegment is a file that is not what the catalogue says.
type BadSegment struct { //nolint:errname // it is found with errors.As and says what is bad
	Segment Segment
	Err     error
}

// Error names the file.
func (e *BadSegment) Error() string {
	return fmt.Sprintf("the warehouse's file %s of table %s, %s cannot be read as it was written: %v", e.Segment.Name, e.Segment.Table, e.Segment.Day.Format(time.DateOnly), e.Err)
}

// BadFile is the file's name.
func (e *BadSegment) BadFile() string { return e.Segment.Name }

// Unwrap gives the cause.
func (e *BadSegment) Unwrap() error { return e.Err }

// Retire lists what a retention drops: of every table the whole UTC months that end at or before a time.
func Retire(live []Segment, before time.Time) []Segment {
	var out []Segment
	for _, s := range live {
		if end := monthOf(s.Day).AddDate(0, 1, 0); !end.After(before) {
			out = append(out, s)
		}
	}
	return out
}

func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
