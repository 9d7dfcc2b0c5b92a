package outlook

import (
	"math"
	"slices"
)

// Bounds of what counts as a change of the level.
const (
	// changeDays is how long ago it may be: later, what was before has faded by itself. beforeDays are those that it is held against, and leastBefore how many there must be.
	changeDays, beforeDays, leastBefore = 35, 28, 7
	// With fewer days than sureAfter it may be some odd days.
	sureAfter = 3
	// sure, likely and odd are how many standard errors the level must have moved to count, to be kept in mind, and to be so for a single day.
	sure, likely, odd = 4.0, 2.6, 3.2
	// leastChange is the least change of the logarithm of the level that matters.
	leastChange = 0.15
	// faint are weekdays, as shares of the mean day, on which too little happens to tell anything; days count as no less than the share floor of it.
	faint, floor = 0.25, 0.1
	// steadiest is the least spread of logarithms that is believed.
	steadiest = 0.03
)

// change is the last time that the level of spend has changed at once.
type change struct {
	// since is the first day of the new level, 0 if there was no change; by is the change of its logarithm.
	since int
	by    float64
	// sure tells that it was one, and not perhaps some odd days.
	sure bool
}

// logs are the logarithms of days on an even week; NaN for weekdays on which too little happens.
func (m *model) logs(days []float64, first int) []float64 {
	var sums, counts [7]float64
	total := 0.0
	for i, y := range days {
		day := (first + i) % 7
		sums[day] += y
		counts[day]++
		total += y
	}
	mean := total / float64(max(len(days), 1))
	out := make([]float64, len(days))
	for i, y := range days {
		day := (first + i) % 7
		out[i] = math.NaN()
		if m.factor[day] > 0 && sums[day] > faint*mean*counts[day] {
			out[i] = math.Log(max(y/m.factor[day], floor*mean))
		}
	}
	return out
}

// lastChange looks for the day since which the level is most clearly another one: means on both sides decide which day it was, as likelihood does for normal noise, and medians
// whether it was one, so that a single odd day is none.
func lastChange(logs []float64) change {
	n := len(logs)
	sums, counts := make([]float64, n+1), make([]float64, n+1) // of all days before one
	for i, x := range logs {
		sums[i+1], counts[i+1] = sums[i], counts[i]
		if !math.IsNaN(x) {
			sums[i+1] += x
			counts[i+1]++
		}
	}
	best, clearest := 0, 0.0
	for since := max(leastBefore, n-changeDays); since < n; since++ {
		from := max(0, since-beforeDays)
		before, after := counts[since]-counts[from], counts[n]-counts[since]
		if before < leastBefore || after < 1 || math.IsNaN(logs[since]) {
			continue
		}
		moved := (sums[n]-sums[since])/after - (sums[since]-sums[from])/before
		if z := math.Abs(moved) / math.Sqrt(1/before+1/after); z > clearest {
			best, clearest = since, z
		}
	}
	if best == 0 {
		return change{}
	}
	before, after := known(logs[max(0, best-beforeDays):best]), known(logs[best:])
	by := middle(after) - middle(before)
	z := math.Abs(by) / (max(spreadOf(known(logs)), steadiest) * math.Sqrt(1/certainty(len(before))+1/certainty(len(after))))
	if math.Abs(by) < leastChange || z < likely || len(after) == 1 && z < odd {
		return change{}
	}
	return change{since: best, by: by, sure: z >= sure && len(after) >= sureAfter}
}

// certainty is of how many days the mean would be as certain as the median of some: of many it is two in pi.
func certainty(days int) float64 {
	if days <= 2 {
		return float64(days)
	}
	return float64(days) * 2 / math.Pi
}

// spreadOf is the standard deviation of days around their level, of the median distance between neighbours: neither jumps nor odd days count for much.
func spreadOf(logs []float64) float64 {
	if len(logs) < 2 {
		return 0
	}
	distances := make([]float64, 0, len(logs)-1)
	for i := range len(logs) - 1 {
		distances = append(distances, math.Abs(logs[i+1]-logs[i]))
	}
	return middle(distances) / (0.6745 * math.Sqrt2)
}

// known leaves out what is not known.
func known(logs []float64) []float64 { return slices.DeleteFunc(slices.Clone(logs), math.IsNaN) }

// middle is the median, of two middle numbers their mean.
func middle(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
