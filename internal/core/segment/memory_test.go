package segment_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// memory is the smallest thing that is a warehouse: a segment is a list of the facts of a day. Beside it the real one is tested, in fewer worlds.
type memory struct {
	lists map[string][]spend.Fact
	view  segment.View
	n     int
}

func newMemory() *memory { return &memory{lists: map[string][]spend.Fact{}} }

func isOf(pairs []segment.Pair, f spend.Fact) bool {
	return slices.ContainsFunc(pairs, func(p segment.Pair) bool { return p.Cluster == f.Cluster && p.Hour.Equal(f.Start) })
}

func (m *memory) Replace(_ context.Context, live []segment.Segment, drop []segment.Pair, facts iter.Seq[spend.Fact]) (segment.Change, error) {
	var change segment.Change
	days := map[time.Time][]spend.Fact{}
	for f := range facts {
		day := f.Start.Truncate(24 * time.Hour)
		days[day] = append(days[day], f)
	}
	for _, p := range drop {
		day := p.Hour.Truncate(24 * time.Hour)
		days[day] = append(days[day], []spend.Fact{}...)
	}
	for _, s := range live {
		of, ok := days[s.Day]
		if !ok {
			continue
		}
		change.Gone = append(change.Gone, s)
		for _, f := range m.lists[s.Name] {
			if !isOf(drop, f) {
				of = append(of, f)
			}
		}
		days[s.Day] = of
	}
	for day, of := range days {
		if len(of) == 0 {
			continue
		}
		m.n++
		s := segment.Segment{Table: "lines", Day: day, Name: fmt.Sprintf("lines-%d", m.n), Rows: int64(len(of))}
		m.lists[s.Name] = of
		change.Fresh = append(change.Fresh, s)
	}
	return change, nil
}

func (m *memory) Facts(_ context.Context, live []segment.Segment, pairs []segment.Pair) (out []spend.Fact, err error) {
	for _, s := range live {
		list, ok := m.lists[s.Name]
		if !ok {
			return nil, fmt.Errorf("segment %s is gone", s.Name)
		}
		for _, f := range list {
			if isOf(pairs, f) {
				out = append(out, f)
			}
		}
	}
	return out, nil
}

func (m *memory) Refresh(_ context.Context, v segment.View) error {
	m.view = v
	return nil
}

// seen is what a question sees.
func (m *memory) seen() (facts []spend.Fact) {
	for _, s := range m.view.Segments {
		for _, f := range m.lists[s.Name] {
			if !isOf(m.view.Pairs, f) {
				facts = append(facts, f)
			}
		}
	}
	return append(facts, m.view.Facts...)
}

func (m *memory) Answer(_ context.Context, q spend.Query, _ spend.Scope) (spend.Answer, error) {
	g := spend.NewGrouping(q, "USD")
	return g.Answer(), nil
}

func (m *memory) Sweep(context.Context, []string, time.Time) (int, error) { return 0, nil }

func (m *memory) Rebuild(context.Context, []segment.Segment) (segment.Change, error) {
	return segment.Change{}, nil
}

func (m *memory) Inspect(context.Context, []segment.Segment, error) ([]segment.Damaged, bool, error) {
	return nil, false, nil
}

func (m *memory) Held(context.Context, []segment.Segment, time.Time) segment.Held {
	return segment.Held{}
}

func (m *memory) SetAside([]segment.Segment) error { return nil }

func (m *memory) Verify(context.Context, []segment.Segment, int64) error { return nil }
