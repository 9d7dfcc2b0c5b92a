package usage

import (
	"cmp"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
)

// Categories other than the idle ones.
const (
	CategoryIdlePrefix        = "idle."
	CategoryOverheadDask      = "overhead.dask"
	CategoryOverheadScheduler = "overhead.scheduler"
	CategoryIdleStarting      = CategoryIdlePrefix + "starting"
	CategoryIdleClosing       = CategoryIdlePrefix + "closing"
	CategoryUnattributed      = "unattributed"
)

// Folded is what one worker batch comes to. Its categories sum to the window's capacity, and its lines to the category "work".
type Folded struct {
	Lines      []LineUsage
	Categories []CategoryUsage
}

type workKey struct {
	submission int64
	prefix     int
}

// Fold turns a validated worker batch into thread-time by line and by category. The thread-time of each submission and prefix is exact; its
// samples only split it. A sample counts for the innermost frame of user code on its stack; where there is none, and
// for work without samples, the row keeps the zero Line and the submission decides when the bill is read.
func Fold(id cluster.ID, b *Batch) Folded {
	samples := map[workKey][]SampleRow{}
	for _, s := range b.Samples {
		key := workKey{s.Submission, s.Prefix}
		samples[key] = append(samples[key], s)
	}
	start, end := time.UnixMicro(b.T0Micros).UTC(), time.UnixMicro(b.T1Micros).UTC()
	lines := map[LineUsage]*LineUsage{}
	category := map[string]int64{}
	for _, row := range b.Ledger {
		category[CategoryWork] += row.ThreadMicros
		category[CategoryOverheadDask] += row.SlotMicros - row.ThreadMicros
		key := LineUsage{
			ClusterID: id, ProcessID: b.Process, HourAt: start.Truncate(time.Hour),
			Submission: row.Submission, Prefix: b.Strings[row.Prefix],
		}
		for _, part := range b.split(row.ThreadMicros, samples[workKey{row.Submission, row.Prefix}]) {
			key.Line = part.line
			sum, ok := lines[key]
			if !ok {
				sum = new(LineUsage)
				*sum = key
				lines[key] = sum
			}
			sum.ThreadMicros += part.threadMicros
			sum.CPUMicros += part.cpuMicros
		}
	}
	for reason, us := range b.Idle {
		category[CategoryIdlePrefix+reason] += us
	}
	var out Folded
	for _, sum := range lines {
		if sum.ThreadMicros > 0 {
			out.Lines = append(out.Lines, *sum)
		}
	}
	slices.SortFunc(out.Lines, compareLines)
	if b.Final && len(category) == 0 {
		category[CategoryIdleClosing] = 0 // the end of the epoch must be known even if nothing happened since the last window
	}
	for name, us := range category {
		if us > 0 || b.Final {
			out.Categories = append(out.Categories, CategoryUsage{
				ClusterID: id, ProcessID: b.Process, Epoch: b.Epoch, StartAt: start, EndAt: end, Final: b.Final,
				Category: name, ThreadMicros: us,
			})
		}
	}
	slices.SortFunc(out.Categories, func(a, b CategoryUsage) int { return cmp.Compare(a.Category, b.Category) })
	return out
}

type linePart struct {
	line                    Line
	threadMicros, cpuMicros int64
}

// split divides exact thread-time over the lines of its samples by their weights.
func (b *Batch) split(threadMicros int64, samples []SampleRow) []linePart {
	if len(samples) == 0 {
		return []linePart{{threadMicros: threadMicros}}
	}
	weights := make([]int64, len(samples))
	for i, s := range samples {
		weights[i] = s.WallMicros
	}
	shares := cost.Split(cost.Nanos(threadMicros), weights)
	parts := make([]linePart, len(samples))
	for i, s := range samples {
		share := int64(shares[i])
		parts[i] = linePart{line: b.userLine(s.Stack), threadMicros: share, cpuMicros: min(s.CPUMicros, share)}
	}
	return parts
}

// userLine returns the innermost line of user code on a stack, or the zero Line.
func (b *Batch) userLine(stack int) Line {
	for _, i := range slices.Backward(b.Stacks[stack]) {
		f := b.Frames[i]
		if file := b.Files[f.File]; file.Class == "u" {
			return Line{File: file.Path, Line: f.Line, Function: b.Strings[f.Function]}
		}
	}
	return Line{}
}

func compareLines(a, b LineUsage) int {
	return cmp.Or(
		cmp.Compare(a.ProcessID, b.ProcessID),
		a.HourAt.Compare(b.HourAt),
		cmp.Compare(a.Submission, b.Submission),
		cmp.Compare(a.Prefix, b.Prefix),
		cmp.Compare(a.Line.File, b.Line.File),
		cmp.Compare(a.Line.Line, b.Line.Line),
		cmp.Compare(a.Line.Function, b.Line.Function),
	)
}
