package outlook

import (
	"cmp"
	"slices"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Change is what something costs now and did before.
type Change struct {
	Key         string
	Now, Before cost.Nanos
}

// By is the difference.
func (c Change) By() cost.Nanos { return c.Now - c.Before }

// Movers lists what changed, by money whichever way; at most so many, and nothing that cost the same.
func Movers(now, before map[string]cost.Nanos, limit int) []Change {
	var changes []Change
	for key, n := range now {
		changes = append(changes, Change{Key: key, Now: n, Before: before[key]})
	}
	for key, n := range before {
		if _, there := now[key]; !there {
			changes = append(changes, Change{Key: key, Before: n})
		}
	}
	changes = slices.DeleteFunc(changes, func(c Change) bool { return c.By() == 0 })
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(max(b.By(), -b.By()), max(a.By(), -a.By())), cmp.Compare(a.Key, b.Key))
	})
	return changes[:min(limit, len(changes))]
}
