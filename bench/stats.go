package main

import (
	"math"
	"slices"
)

// quantile returns the smallest measured value that at least the share q of all values does not exceed: never an invented
// one between two. It is NaN without values.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[max(0, min(rank, len(sorted)-1))]
}

// median returns the middle value, or the mean of the two middle ones.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Pair is one run with and one without what is measured, close together in time.
type Pair struct {
	With    float64 `json:"with"`
	Without float64 `json:"without"`
	// CPU seconds of all processes that took part, where the program counts them.
	WithCPU    float64 `json:"with_cpu"`
	WithoutCPU float64 `json:"without_cpu"`
}

// compare reduces interleaved pairs to one result: the median of each side, and the median of the pairs' own ratios, which
// slow drift of the machine does not touch.
func compare(name, unit string, pairs []Pair, target Target) Result {
	var with, without, ratios []float64
	for _, pair := range pairs {
		with = append(with, pair.With)
		without = append(without, pair.Without)
		ratios = append(ratios, pair.With/pair.Without)
	}
	low, high := medianInterval(ratios)
	return Result{
		Name: name, Unit: unit, Target: target,
		Value: median(with), Baseline: median(without), Ratio: median(ratios), Low: low, High: high,
	}
}

// compareCPU adds up the CPU time of both sides. Waiting and the turns of the machine's scheduler are not in it, so it knows small differences far better than
// run time does.
func compareCPU(name string, pairs []Pair, target Target) Result {
	var with, without float64
	for _, pair := range pairs {
		with += pair.WithCPU
		without += pair.WithoutCPU
	}
	return Result{Name: name, Unit: "CPU s", Target: target, Value: with, Baseline: without, Ratio: with / without}
}

// medianInterval returns bounds between which the true median lies with a probability of about 90 %, whatever the distribution: how many of n values lie below
// it is binomial, here by its normal approximation. With fewer than eight values they are the smallest and the largest.
func medianInterval(values []float64) (low, high float64) {
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	n := float64(len(sorted))
	rank := int(math.Floor((n - 1.645*math.Sqrt(n)) / 2))
	if len(sorted) < 8 {
		rank = 0
	}
	return sorted[rank], sorted[len(sorted)-1-rank]
}
