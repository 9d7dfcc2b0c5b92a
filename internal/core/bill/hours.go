package bill

import (
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Kinds of what money goes to. Lost and unknown time was paid for and not seen.
const (
	KindWork         = "work"
	KindIdle         = "idle"
	KindOverhead     = "overhead"
	KindLost         = "lost"
	KindUnattributed = "unattributed"
	KindUnknown      = "unknown"
)

// projectTag is the tag by which clients declare a project.
const projectTag = "project"

// Hour is what one cluster spent within one hour on one thing: the finest grain at which money is known. The entries of any hours sum to what the
// cluster's processes cost in them, to the nano-unit.
type Hour struct {
	// Start begins the hour [Start, Start + 1 h), UTC.
	Start time.Time
	// Kind is one of the kinds above; Category names it more closely: "idle.no_work". It is the kind itself where there is no more to say.
	Kind, Category string
	// Of work: where the threads stood, the line that created it (or submitted it, where Created is false), and what it was.
	Leaf, Origin       usage.Line
	Created            bool
	Operation, Library string
	Prefix             string
	Submission         int64
	// Project is what the client declared with the tag of that name, empty if it did not.
	Project string

	Cost                                  cost.Nanos
	ThreadMicros, CPUMicros, NativeMicros int64
}

// Hours splits a bill into hours: those that [since, until) touches.
func Hours(in Input, since, until time.Time) []Hour {
	if !since.Before(until) {
		return nil
	}
	first, last := hourOf(since), hourOf(until.Add(-time.Microsecond))
	in.only = &hourRange{first, last}
	a, places := allocate(in), newPlaces(in)
	projects := make(map[int64]string, len(in.Submissions))
	for _, s := range in.Submissions {
		projects[s.ID] = s.Tags[projectTag]
	}
	var out []Hour
	for _, w := range a.work {
		h := Hour{
			Start: startOf(w.hour), Kind: KindWork, Category: KindWork, Operation: w.Operation, Library: w.Library, Prefix: w.Prefix, Submission: w.Submission,
			Project: projects[w.Submission],
			Cost:    w.cost, ThreadMicros: w.ThreadMicros, CPUMicros: w.CPUMicros, NativeMicros: w.NativeMicros,
		}
		if at, ok := places.of(w.LineUsage); ok {
			h.Leaf, h.Origin, h.Created = at.leaf, at.origin, at.created
		} else {
			h.Kind, h.Category = KindUnattributed, usage.CategoryUnattributed
		}
		out = append(out, h)
	}
	for _, rest := range [][]other{a.categories, a.unknown} {
		for _, o := range rest {
			kind, _, _ := strings.Cut(o.Name, ".")
			out = append(out, Hour{Start: startOf(o.hour), Kind: kind, Category: o.Name, Cost: o.Cost, ThreadMicros: o.ThreadMicros})
		}
	}
	return out
}
