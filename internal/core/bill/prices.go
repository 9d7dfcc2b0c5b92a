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
// total. A process whose prices changed counts at each.
func pricesOf(processes []cluster.Process, asOf time.Time) []PriceUse {
	var uses []PriceUse
	index := map[cost.Basis]int{}
	for _, p := range processes {
		start, end, ok := p.Interval(asOf)
		if !ok {
			continue
		}
		for _, s := range p.Spans(start, end) {
			i, ok := index[s.Basis]
			if !ok {
				i = len(uses)
				index[s.Basis] = i
				uses = append(uses, PriceUse{Basis: s.Basis})
			}
			uses[i].Processes++
			uses[i].Cost += p.Cost(s.End) - p.Cost(s.Start)
		}
	}
	return uses
}

// cardOf returns the prices by which the newest process of a cluster is charged; those that are configured, where that was not kept.
func cardOf(configured cost.Card, processes []cluster.Process) cost.Card {
	var newest cost.Basis
	var at time.Time
	for _, p := range processes {
		if _, basis := p.Price(); basis.Source != "" && !p.CreatedAt.Before(at) {
			newest, at = basis, p.CreatedAt
		}
	}
	return configured.Of(newest)
}
