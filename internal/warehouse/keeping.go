package warehouse

import (
	"context"
	"iter"
	"time"

	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// Files is a warehouse as core/segment sees it.
type Files struct{ *Warehouse }

var _ segment.Files = Files{}

// Replace is the warehouse's.
func (f Files) Replace(ctx context.Context, live []segment.Segment, drop []segment.Pair, facts iter.Seq[spend.Fact]) (segment.Change, error) {
	change, err := f.Warehouse.Replace(ctx, segmentsTo(live), pairsTo(drop), facts)
	return changeFrom(change), err
}

// Facts is the warehouse's.
func (f Files) Facts(ctx context.Context, live []segment.Segment, pairs []segment.Pair) ([]spend.Fact, error) {
	return f.Warehouse.Facts(ctx, segmentsTo(live), pairsTo(pairs))
}

// Refresh is the warehouse's.
func (f Files) Refresh(ctx context.Context, v segment.View) error {
	return f.Warehouse.Refresh(ctx, View{Segments: segmentsTo(v.Segments), Pairs: pairsTo(v.Pairs), Facts: v.Facts, AsOf: v.AsOf})
}

// Sweep removes files that have none of the names.
func (f Files) Sweep(ctx context.Context, names []string, olderThan time.Time) (int, error) {
	live := make([]Segment, len(names))
	for i, name := range names {
		live[i].Name = name
	}
	return f.Warehouse.Sweep(ctx, live, olderThan)
}

// Rebuild is the warehouse's.
func (f Files) Rebuild(ctx context.Context, live []segment.Segment) (segment.Change, error) {
	change, err := f.Warehouse.Rebuild(ctx, segmentsTo(live))
	return changeFrom(change), err
}

// Inspect is the warehouse's.
func (f Files) Inspect(ctx context.Context, live []segment.Segment, failure error) ([]segment.Damaged, bool, error) {
	bad, again, err := f.Warehouse.Inspect(ctx, segmentsTo(live), failure)
	out := make([]segment.Damaged, len(bad))
	for i, d := range bad {
		out[i] = segment.Damaged{Segment: segment.Segment(d.Segment), Reason: d.Reason, With: segmentsFrom(d.With)}
	}
	return out, again, err
}

// Held is the warehouse's.
func (f Files) Held(ctx context.Context, live []segment.Segment, day time.Time) segment.Held {
	hours, whole, ok := f.Warehouse.Held(ctx, segmentsTo(live), day)
	out := segment.Held{Known: ok, Day: segment.Sum(whole)}
	if hours != nil {
		out.Hours = make(map[time.Time]segment.Sum, len(hours))
		for hour, sum := range hours {
			out.Hours[hour] = segment.Sum(sum)
		}
	}
	return out
}

// SetAside is the warehouse's.
func (f Files) SetAside(segments []segment.Segment) error {
	return f.Warehouse.SetAside(segmentsTo(segments))
}

// Verify is the warehouse's.
func (f Files) Verify(ctx context.Context, live []segment.Segment, bytes int64) error {
	return f.Warehouse.Verify(ctx, segmentsTo(live), bytes)
}

func segmentsTo(in []segment.Segment) []Segment {
	out := make([]Segment, len(in))
	for i, s := range in {
		out[i] = Segment(s)
	}
	return out
}

func segmentsFrom(in []Segment) []segment.Segment {
	out := make([]segment.Segment, len(in))
	for i, s := range in {
		out[i] = segment.Segment(s)
	}
	return out
}

func changeFrom(c Change) segment.Change {
	return segment.Change{Fresh: segmentsFrom(c.Fresh), Gone: segmentsFrom(c.Gone)}
}

func pairsTo(in []segment.Pair) []Pair {
	out := make([]Pair, len(in))
	for i, p := range in {
		out[i] = Pair(p)
	}
	return out
}
