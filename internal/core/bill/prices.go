package bill

import (
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
)

// PriceUse is one way in which processes of a cluster were priced, and what those cost.
type PriceUse struct {
	Basis     cost.Basis
	Processes int
	Cost      cost.Nanos
}

// pricesOf says by what prices the processes of a cluster were charged, in the order in which those were first used. The costs sum to the bill's
// total.
func pricesOf(processes []cluster.Process, asOf time.Time) []PriceUse {
	var uses []PriceUse
	index := map[cost.Basis]int{}
	for _, p := range processes {
		if _, _, ok := p.Interval(asOf); !ok {
			continue
		}
		i, ok := index[p.Basis]
		if !ok {
			i = len(uses)
			index[p.Basis] = i
			uses = append(uses, PriceUse{Basis: p.Basis})
		}
		uses[i].Processes++
		uses[i].Cost += p.Cost(asOf)
	}
	return uses
}

// cardOf returns the prices by which the newest process of a cluster was charged; those that are configured, where that was not kept.
func cardOf(configured cost.Card, processes []cluster.Process) cost.Card {
	var newest cluster.Process
	for _, p := range processes {
		if p.Basis.Source != "" && !p.CreatedAt.Before(newest.CreatedAt) {
			newest = p
		}
	}
	return configured.Of(newest.Basis)
}
