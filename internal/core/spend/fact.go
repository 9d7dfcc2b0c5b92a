package spend

import (
	"cmp"
	"slices"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Of is what all that a cluster spent has in common, as it was when it was spent.
type Of struct {
	Cluster       cluster.ID
	Name, Backend string
	UserID        identity.UserID
	User          string
	// Group is the path of the group that paid, like /research/genomics; empty where there was none.
	Group string
	// RulesVersion is that of the rules that named the operations.
	RulesVersion int
}

// Fact is what one cluster spent within one hour on one thing: the finest grain at which money is kept for years, a row of the table lines. Several submissions of
// the same work are one fact: its Submission is 0.
type Fact struct {
	Of
	bill.Hour
}

// Facts makes facts of what a cluster spent, in an order that depends on what they are alone: by hour, kind, origin, leaf and so on. No two of them differ in their
// amounts only, and they sum to what the hours sum to.
func Facts(of Of, hours []bill.Hour) []Fact {
	facts := make([]Fact, 0, len(hours))
	for _, h := range hours {
		h.Submission = 0
		facts = append(facts, Fact{Of: of, Hour: h})
	}
	slices.SortFunc(facts, compare)
	out := facts[:0]
	for _, f := range facts {
		if n := len(out); n > 0 && compare(out[n-1], f) == 0 {
			last := &out[n-1]
			last.Cost += f.Cost
			last.ThreadMicros += f.ThreadMicros
			last.CPUMicros += f.CPUMicros
			last.NativeMicros += f.NativeMicros
			continue
		}
		out = append(out, f)
	}
	return out
}

// compare orders facts of one cluster by all that names them.
func compare(a, b Fact) int {
	return cmp.Or(
		a.Start.Compare(b.Start), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Category, b.Category),
		cmp.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line), cmp.Compare(a.Origin.Function, b.Origin.Function),
		cmp.Compare(a.Leaf.File, b.Leaf.File), cmp.Compare(a.Leaf.Line, b.Leaf.Line), cmp.Compare(a.Leaf.Function, b.Leaf.Function),
		cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Library, b.Library), cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.Project, b.Project),
		created(a)-created(b),
	)
}

func created(f Fact) int {
	if f.Created {
		return 1
	}
	return 0
}
