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
	// Start counts how often the processes had been started anew.
	Start int `json:"start"`
}

// compare reduces interleaved pairs of seconds to one result: the median of each side, and how the pairs' own ratios stand, which slow drift of the machine does not touch.
func compare(name string, pairs []Pair, target Target) Result {
	var with, without, ratios, ofStarts []float64
	for _, pair := range pairs {
		with = append(with, pair.With)
		without = append(without, pair.Without)
		ratios = append(ratios, pair.With/pair.Without)
	}
	for _, start := range starts(pairs) {
		var own []float64
		for _, pair := range start {
			own = append(own, pair.With/pair.Without)
		}
		ofStarts = append(ofStarts, median(own))
	}
	r := Result{Name: name, Unit: "s", Target: target, Value: median(with), Baseline: median(without)}
	if len(ofStarts) >= fewestStarts {
		r.Ratio, r.Low, r.High = meanInterval(ofStarts)
	} else {
		r.Ratio = median(ratios)
		r.Low, r.High = medianInterval(ratios)
	}
	return r
}

// compareCPU adds up the CPU time of both sides. Waiting and the turns of the machine's scheduler are not in it, so it knows small differences far better than
// run time does.
func compareCPU(name string, pairs []Pair, target Target) Result {
	r := Result{Name: name, Unit: "CPU s", Target: target}
	var ofStarts []float64
	for _, start := range starts(pairs) {
		var with, without float64
		for _, pair := range start {
			with += pair.WithCPU
			without += pair.WithoutCPU
		}
		r.Value += with
		r.Baseline += without
		ofStarts = append(ofStarts, with/without)
	}
	r.Ratio = r.Value / r.Baseline
	if len(ofStarts) >= fewestStarts {
		r.Ratio, r.Low, r.High = meanInterval(ofStarts)
	}
	return r
}

// fewestStarts is from how many starts on their spread says something.
const fewestStarts = 4

// starts groups pairs by the start of their processes. Where a process happens to lie in memory, and how it hashes, makes it faster or slower by a per cent or two for
// as long as it lives: pairs of one start err together, and only several starts say by how much.
func starts(pairs []Pair) [][]Pair {
	var groups [][]Pair
	at := map[int]int{}
	for _, pair := range pairs {
		i, ok := at[pair.Start]
		if !ok {
			i = len(groups)
			at[pair.Start], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], pair)
	}
	return groups
}

// meanInterval returns the mean of at least two values, and bounds between which the true mean lies with a probability of about 90 % if they spread normally:
// Student's t, by the expansion 26.7.5 of Abramowitz and Stegun's Handbook of Mathematical Functions, which is within 2 % from three degrees of freedom on.
func meanInterval(values []float64) (mean, low, high float64) {
	n := float64(len(values))
	for _, value := range values {
		mean += value / n
	}
	var squares float64
	for _, value := range values {
		squares += (value - mean) * (value - mean)
	}
	const z = 1.6449
	free := n - 1
	t := z + (z*z*z+z)/(4*free) + (5*z*z*z*z*z+16*z*z*z+3*z)/(96*free*free)
	half := t * math.Sqrt(squares/free/n)
	return mean, mean - half, mean + half
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
