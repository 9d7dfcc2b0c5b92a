package usage

import (
	"cmp"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Categories other than the idle ones.
const (
	CategoryIdlePrefix        = "idle."
	CategoryOverheadDask      = "overhead.dask"
	CategoryOverheadScheduler = "overhead.scheduler"
	CategoryIdleStarting      = CategoryIdlePrefix + "starting"
	CategoryIdleClosing       = CategoryIdlePrefix + "closing"
	// CategoryIdleGPU is money of GPUs on which nothing ran. It has no time of threads.
	CategoryIdleGPU      = CategoryIdlePrefix + "gpu"
	CategoryUnattributed = "unattributed"
	// CategoryLostWorker is time of a worker that vanished without a last report, CategoryLostTelemetry time between two reports that arrived.
	CategoryLostWorker    = "lost.worker"
	CategoryLostTelemetry = "lost.telemetry"
)

// Folded is what one worker batch comes to. Its categories sum to the window's capacity, and its lines to the category "work". A window
// that reaches over a full hour is cut there: both are of one hour each.
type Folded struct {
	Lines      []LineUsage
	Categories []CategoryUsage
}

// Fold turns a validated worker batch into time by line and by category. The time of each ledger row is exact; its samples only split it (Shares). A
// sample counts for the innermost frame of user code on its stack; where there is none, and for work without samples, the row keeps
// the zero Line and the submission decides when the bill is read.
func Fold(id cluster.ID, b *Batch, classifier Classifier) Folded {
	var out Folded
	of := classes{of: classifier, seen: map[classKey][2]string{}}
	for _, piece := range b.byHour() {
		f := folding{
			batch: piece, classes: of, lines: map[LineUsage]*LineUsage{},
			base: LineUsage{ClusterID: id, ProcessID: b.Process, HourAt: time.UnixMicro(piece.T0Micros).UTC().Truncate(time.Hour)},
		}
		for _, share := range piece.Shares() {
			f.add(share)
		}
		out.Categories = append(out.Categories, piece.categories(id)...)
		for _, sum := range f.lines {
			out.Lines = append(out.Lines, *sum)
		}
	}
	slices.SortFunc(out.Lines, compareLines)
	return out
}

type folding struct {
	batch   *Batch
	classes classes
	base    LineUsage
	lines   map[LineUsage]*LineUsage
}

// add books a share on its line.
func (f *folding) add(share Share) {
	if share.ThreadMicros == 0 && share.NativeMicros == 0 {
		return
	}
	b, row := f.batch, f.batch.Ledger[share.Row]
	key := f.base
	key.Submission, key.Prefix, key.Origin = row.Submission, b.Strings[row.Prefix], row.Origin
	stack, prefix, cpu := -1, key.Prefix, int64(0)
	if share.Sample >= 0 {
		s := b.Samples[share.Sample]
		stack, cpu = s.Stack, min(s.CPUMicros, share.ThreadMicros)
		key.Line = b.userLine(s.Stack)
		if s.Part > 0 {
			key.Part = b.Strings[s.Part-1]
			prefix = TaskPrefix(key.Part)
		}
	}
	key.Operation, key.Library = f.classes.classify(b, stack, prefix)
	sum, ok := f.lines[key]
	if !ok {
		sum = new(LineUsage)
		*sum = key
		f.lines[key] = sum
	}
	sum.ThreadMicros += share.ThreadMicros
	sum.CPUMicros += cpu
	sum.NativeMicros += share.NativeMicros
}

// categories splits the capacity of the window.
func (b *Batch) categories(id cluster.ID) []CategoryUsage {
	category := map[string]int64{}
	for _, row := range b.Ledger {
		category[CategoryWork] += row.ThreadMicros + row.NativeMicros
		category[CategoryOverheadDask] += row.SlotMicros - row.ThreadMicros
	}
	for reason, us := range b.Idle {
		category[CategoryIdlePrefix+reason] += us
	}
	if b.Final && len(category) == 0 {
		category[CategoryIdleClosing] = 0 // the end of the epoch must be known even if nothing happened since the last window
	}
	start, end := time.UnixMicro(b.T0Micros).UTC(), time.UnixMicro(b.T1Micros).UTC()
	var out []CategoryUsage
	for name, us := range category {
		if us > 0 || b.Final {
			out = append(out, CategoryUsage{
				ClusterID: id, ProcessID: b.Process, Epoch: b.Epoch, StartAt: start, EndAt: end, Final: b.Final, Category: name, ThreadMicros: us,
			})
		}
	}
	slices.SortFunc(out, func(a, b CategoryUsage) int { return cmp.Compare(a.Category, b.Category) })
	return out
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
		cmp.Compare(a.Origin, b.Origin),
		cmp.Compare(a.Part, b.Part),
		cmp.Compare(a.Operation, b.Operation),
		cmp.Compare(a.Library, b.Library),
	)
}
