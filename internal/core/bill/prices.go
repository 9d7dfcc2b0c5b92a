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
	// GPU is a model where it is the price of GPUs, and GPUHour what an hour of one costs; Basis says then where that comes from.
	GPU     string
	GPUHour cost.Nanos
}

// pricesOf says by what prices the processes of a cluster were charged, in the order in which those were first used, those of GPUs last. The costs sum to the
// bill's total. A process whose prices changed counts at each.
func pricesOf(processes []cluster.Process, asOf time.Time) []PriceUse {
	var uses, gpus []PriceUse
	for _, p := range processes {
		start, end, ok := p.Interval(asOf)
		if !ok {
			continue
		}
		for _, s := range p.BaseSpans(start, end) {
			uses = addUse(uses, PriceUse{Basis: s.Basis, Cost: p.BaseCost(s.End) - p.BaseCost(s.Start)})
		}
		for _, u := range p.GPUUses(start, end) {
			if u.Price.Known() {
				gpus = addUse(gpus, PriceUse{Basis: cost.Basis{Source: u.Price.Source, AsOf: u.Price.AsOf}, GPU: u.Model, GPUHour: u.Price.Hour, Cost: u.Cost})
			}
		}
	}
	return append(uses, gpus...)
}

// addUse adds what one process was charged by one price.
func addUse(uses []PriceUse, use PriceUse) []PriceUse {
	use.Processes = 1
	for i, u := range uses {
		if u.Basis == use.Basis && u.GPU == use.GPU && u.GPUHour == use.GPUHour {
			uses[i].Processes++
			uses[i].Cost += use.Cost
			return uses
		}
	}
	return append(uses, use)
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
