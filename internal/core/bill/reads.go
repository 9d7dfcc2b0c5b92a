package bill

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// ReadCost is a set of files that a line read or wrote, and what that cost.
type ReadCost struct {
	usage.Read
	// Line is the line that created the work, or else the one that submitted it.
	Line         usage.Line
	Text         string
	Cost         cost.Nanos
	ThreadMicros int64
}

// ioKey is what work and reads have in common.
type ioKey struct {
	submission, origin int64
	operation          string
}

// readKey is what a list of reads shows in one row: the same files, read from one line in one way, however many submissions did so.
type readKey struct {
	line                                         usage.Line
	direction, path, format, engine, compression string
}

// Reads says what reading and writing cost, dearest first: the work of each submission and origin whose operation has the read's direction and format. Where
// that is several sets of files, it is divided by their bytes if all are known, else by their tasks, by largest remainder.
func Reads(in Input, reads []usage.Read) []ReadCost {
	places := newPlaces(in)
	type sum struct {
		cost   cost.Nanos
		micros int64
	}
	sums := map[ioKey]sum{}
	for _, w := range allocate(in).work {
		if !strings.HasPrefix(w.Operation, "read.") && !strings.HasPrefix(w.Operation, "write.") {
			continue
		}
		key := ioKey{w.Submission, places.originOf(w.LineUsage), w.Operation}
		s := sums[key]
		sums[key] = sum{s.cost + w.cost, s.micros + w.ThreadMicros}
	}
	groups := map[ioKey][]usage.Read{}
	for _, r := range reads {
		key := ioKey{r.Submission, r.Origin, r.Direction + "." + r.Format}
		groups[key] = append(groups[key], r)
	}
	rows := map[readKey]*ReadCost{}
	for key, group := range groups {
		weights := readWeights(group)
		money, time := cost.Split(sums[key].cost, weights), cost.Split(cost.Nanos(sums[key].micros), weights)
		for i, r := range group {
			line, _ := places.line(r.Origin, r.Submission)
			addRead(rows, ReadCost{Read: r, Line: line, Cost: money[i], ThreadMicros: int64(time[i])})
		}
	}
	out := make([]ReadCost, 0, len(rows))
	for _, r := range rows {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b ReadCost) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), cmp.Compare(b.ThreadMicros, a.ThreadMicros), compareLine(a.Line, b.Line), cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Format, b.Format), cmp.Compare(a.Engine, b.Engine),
			cmp.Compare(a.Compression, b.Compression))
	})
	return out
}

// readWeights says how work that read several sets of files is divided over them.
func readWeights(group []usage.Read) []int64 {
	weights := make([]int64, len(group))
	for i, r := range group {
		weights[i] = r.Bytes
	}
	if slices.Contains(weights, 0) {
		for i, r := range group {
			weights[i] = max(r.Tasks, 1)
		}
	}
	return weights
}

// addRead adds a read to the row of the same files.
func addRead(rows map[readKey]*ReadCost, r ReadCost) {
	key := readKey{r.Line, r.Direction, r.Path, r.Format, r.Engine, r.Compression}
	row, ok := rows[key]
	if !ok {
		rows[key] = &r
		return
	}
	row.Files, row.Columns, row.ColumnsUsed = max(row.Files, r.Files), max(row.Columns, r.Columns), max(row.ColumnsUsed, r.ColumnsUsed)
	row.Tasks += r.Tasks
	row.Bytes += r.Bytes
	row.PushedDown = row.PushedDown && r.PushedDown
	row.Cost += r.Cost
	row.ThreadMicros += r.ThreadMicros
}
