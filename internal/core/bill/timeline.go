package bill

import (
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Timeline shows what each worker did over [Start, End) in bins of equal width.
type Timeline struct {
	Start, End time.Time
	Step       time.Duration
	Rows       []TimelineRow
}

// TimelineRow is one run of a worker. Each bin holds the shares (0 to 1) of its capacity by category; what is missing to 1 was not
// observed, or lies outside the worker's life.
type TimelineRow struct {
	Process cluster.Process
	Bins    []map[string]float64
}

// MakeTimeline spreads the windows of the workers over bins.
func MakeTimeline(asOf time.Time, bins int, processes []cluster.Process, windows []usage.CategoryUsage) Timeline {
	var t Timeline
	grouped := byProcess(windows, func(w *usage.CategoryUsage) cluster.ProcessID { return w.ProcessID })
	for _, p := range processes {
		start, end, ok := p.Interval(asOf)
		if !ok {
			continue
		}
		if t.Start.IsZero() || start.Before(t.Start) {
			t.Start = start
		}
		if end.After(t.End) {
			t.End = end
		}
	}
	if !t.End.After(t.Start) || bins < 1 {
		return t
	}
	t.Step = max(t.End.Sub(t.Start)/time.Duration(bins), time.Microsecond)
	for _, p := range processes {
		start, end, ok := p.Interval(asOf)
		if !ok || p.Role != cluster.RoleWorker {
			continue
		}
		row := TimelineRow{Process: p, Bins: make([]map[string]float64, bins)}
		for i := range row.Bins {
			row.Bins[i] = map[string]float64{}
		}
		own := grouped[p.ID]
		for _, w := range own {
			t.spread(&row, w.StartAt, w.EndAt, w.Category, float64(w.ThreadMicros))
		}
		for _, gap := range gaps(start, end, p, own) {
			t.spread(&row, gap.StartAt, gap.EndAt, gap.Category, float64(gap.ThreadMicros))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// spread adds a window's thread-time to the bins that it overlaps, as shares of a bin's capacity.
func (t *Timeline) spread(row *TimelineRow, start, end time.Time, category string, micros float64) {
	width := float64(end.Sub(start).Microseconds())
	if width <= 0 || micros <= 0 {
		return
	}
	capacity := float64(row.Process.Threads) * float64(t.Step.Microseconds())
	from := max(int(start.Sub(t.Start)/t.Step), 0)
	for i := from; i < len(row.Bins); i++ {
		binStart := t.Start.Add(time.Duration(i) * t.Step)
		binEnd := binStart.Add(t.Step)
		if !binStart.Before(end) {
			return
		}
		overlap := min(binEnd.UnixMicro(), end.UnixMicro()) - max(binStart.UnixMicro(), start.UnixMicro())
		if overlap > 0 {
			row.Bins[i][category] += micros * float64(overlap) / width / capacity
		}
	}
}
