package bill

import (
	"cmp"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// gaps names the times of a worker's life that no window covers and that can be understood without one:
//
//   - from its launch to its first window it was starting;
//   - between two windows of one epoch a report was lost;
//   - after the last window of an epoch that did not say it was the last, the worker was lost: up to the next epoch (its nanny had started it
//     again) or to the end of the process;
//   - after a final window it was closing, or starting again.
//
// A process that has not ended may still report what follows its last window, and one that never reported had no agent: those stay unknown.
func gaps(start, end time.Time, p cluster.Process, windows []usage.CategoryUsage) []usage.CategoryUsage {
	if len(windows) == 0 {
		return nil
	}
	if !slices.IsSortedFunc(windows, compareWindows) {
		windows = slices.Clone(windows)
		slices.SortStableFunc(windows, compareWindows)
	}
	var out []usage.CategoryUsage
	add := func(from, to time.Time, category string) {
		from, to = later(from, start), earlier(to, end)
		if us := to.Sub(from).Microseconds(); us > 0 {
			out = append(out, usage.CategoryUsage{ProcessID: p.ID, StartAt: from, EndAt: to, Category: category, ThreadMicros: us * int64(p.Threads)})
		}
	}
	last := &windows[0] // of those so far, the one that reaches furthest
	add(start, last.StartAt, usage.CategoryIdleStarting)
	for i := range windows[1:] {
		w := &windows[1+i]
		if w.StartAt.After(last.EndAt) {
			add(last.EndAt, w.StartAt, between(last, w))
		}
		if w.EndAt.After(last.EndAt) || (w.EndAt.Equal(last.EndAt) && w.Final) {
			last = w
		}
	}
	if !p.EndedAt.IsZero() && !p.EndedAt.After(end) {
		category := usage.CategoryLostWorker
		if last.Final {
			category = usage.CategoryIdleClosing
		}
		add(last.EndAt, end, category)
	}
	return out
}

func compareWindows(a, b usage.CategoryUsage) int {
	return cmp.Or(a.StartAt.Compare(b.StartAt), a.EndAt.Compare(b.EndAt))
}

// between names the time between two windows of one process.
func between(last, next *usage.CategoryUsage) string {
	switch {
	case last.Epoch == next.Epoch:
		return usage.CategoryLostTelemetry
	case last.Final:
		return usage.CategoryIdleStarting
	default:
		return usage.CategoryLostWorker
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
