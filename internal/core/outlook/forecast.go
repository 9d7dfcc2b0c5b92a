package outlook

import (
	"math"
	"slices"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Bounds of what a forecast learns from, in whole days.
const (
	// MinHistory is how many whole days there must be: two of each weekday.
	MinHistory = 14
	// MaxHistory is how many are looked at.
	MaxHistory = 84
	// minLearned is the least that a forecast of the past, by which the interval is measured, learns from.
	minLearned = 7
)

// How fast the past fades, in days to half its weight: the level of spend, and the shape of the week.
const (
	levelHalfLife = 10.0
	weekHalfLife  = 28.0
	// levelDays is how many days of equal weight the level is as good as: 2 / ln 2 half-lives.
	levelDays = levelHalfLife * 2 / math.Ln2
	// shrink is the weight, in days, of the assumption that a weekday is like all others.
	shrink = 1.0
)

// mostMissed bounds by how many times a forecast of the past counts as exceeded: what was guessed from next to nothing says little.
const mostMissed = 10

// interval is the share of outcomes that a forecast's interval should hold; normal is how many standard deviations that is.
const (
	interval = 0.80
	normal   = 1.2816
)

// Forecast is what a period will have cost at its end.
type Forecast struct {
	// Mid is what is expected; the end should lie within [Low, High] four times out of five.
	Low, Mid, High cost.Nanos
	// Path is the same for the end of today and of each day after it.
	Path []Point
	// History is how many whole days it was learnt from, Tested how many forecasts of the past its interval was measured by.
	History, Tested int
}

// Point is what a period will have cost at the end of a day.
type Point struct{ Low, Mid, High cost.Nanos }

// Predict extends spend to the end of a period. The history holds whole days, the last of them yesterday; spent is what the period has cost so far, today being
// elapsed by a share of 0 to 1, and after are the days of the period that follow today. It returns false if the history is too short.
//
// Days are expected to be like the ones before: a level that fades with a half-life, times the shape of the week, which is exponential smoothing with a seasonal
// profile. The interval is empirical: the same rule is applied to the past, once for each day it could have been asked on, and the errors it would have made over a
// horizon as long as this one set the bounds. It is never narrower than days that vary on their own as much as they did would make it. docs/overview.md has the sources.
func Predict(history Series, spent cost.Nanos, elapsed float64, after int) (Forecast, bool) {
	if over := len(history.Days) - MaxHistory; over > 0 {
		history = Series{First: history.Day(over), Days: history.Days[over:]}
	}
	history = history.trimmed()
	n := len(history.Days)
	if n < MinHistory {
		return Forecast{}, false
	}
	days := make([]float64, n)
	for i, nanos := range history.Days {
		days[i] = float64(nanos)
	}
	first := int(history.First.Weekday())
	m := learn(days, first)
	rest := 1 - min(max(elapsed, 0), 1)
	ahead := make([]float64, 0, after+1) // what is still expected up to the end of each day
	sum := rest * m.at(first+n)
	ahead = append(ahead, sum)
	for i := range after {
		sum += m.at(first + n + 1 + i)
		ahead = append(ahead, sum)
	}
	below, above, tested := errorsOf(days, first, rest+float64(after), m)
	f := Forecast{History: n, Tested: tested}
	for _, a := range ahead {
		f.Path = append(f.Path, Point{
			Low: spent + round(max(0, a-below*sum*grown(a, sum))), Mid: spent + round(a), High: spent + round(a+above*sum*grown(a, sum)),
		})
	}
	last := f.Path[len(f.Path)-1]
	f.Low, f.Mid, f.High = last.Low, last.Mid, last.High
	return f, true
}

// grown is the part of the error at the end of the period that is there when a part of it has been spent: errors of days add up like those of chance at first.
func grown(a, sum float64) float64 {
	if sum <= 0 {
		return 0
	}
	return math.Sqrt(a / sum)
}

// round makes money of what was computed; what no Nanos can hold ends at a quarter of the most.
func round(x float64) cost.Nanos { return cost.Nanos(math.Round(min(x, math.MaxInt64/4))) }

// model is the level of spend and the shape of its week.
type model struct {
	level  float64
	factor [7]float64
}

// at is what a day is expected to cost, days being counted from a Sunday.
func (m model) at(day int) float64 { return m.level * m.factor[day%7] }

// learn finds the level and the week of days of which the first falls on a weekday.
func learn(days []float64, first int) model {
	var sums, weights [7]float64
	var sum, weight float64
	for i, y := range days {
		w := math.Exp2(-float64(len(days)-1-i) / weekHalfLife)
		day := (first + i) % 7
		sums[day] += w * y
		weights[day] += w
		sum += w * y
		weight += w
	}
	var m model
	if sum <= 0 {
		return m
	}
	mean, total := sum/weight, 0.0
	for day := range m.factor {
		m.factor[day] = (sums[day] + shrink*mean) / (weights[day] + shrink) / mean
		total += m.factor[day]
	}
	var seen, expected float64
	for i, y := range days {
		w := math.Exp2(-float64(len(days)-1-i) / levelHalfLife)
		day := (first + i) % 7
		m.factor[day] = max(m.factor[day], 0)
		seen += w * y
		expected += w * m.factor[day] * 7 / total
	}
	for day := range m.factor {
		m.factor[day] *= 7 / total
	}
	if expected > 0 {
		m.level = seen / expected
	}
	return m
}

// errorsOf returns by which shares of a forecast the truth has been below and above it, for an interval of the size wanted.
func errorsOf(days []float64, first int, horizon float64, m model) (below, above float64, tested int) {
	n := len(days)
	whole := min(max(int(math.Ceil(horizon)), 1), max(1, (n-minLearned)/2))
	var shares []float64
	var squares float64
	var steps int
	for k := minLearned; k < n; k++ {
		past := learn(days[:k], first)
		d := days[k] - past.at(first+k)
		squares += d * d
		steps++
		if k+whole > n {
			continue
		}
		var truth, guess float64
		for i := k; i < k+whole; i++ {
			truth += days[i]
			guess += past.at(first + i)
		}
		if guess > 0 {
			shares = append(shares, min(truth/guess-1, mostMissed))
		}
	}
	expected := 0.0
	for i := range 7 {
		expected += m.at(i) / 7
	}
	if expected > 0 && steps > 0 {
		// Days that vary on their own, and a level that is known from a few of them only.
		sd := math.Sqrt(squares / float64(steps))
		spread := math.Sqrt(max(horizon, 0)*(1+max(horizon, 0)/levelDays)) * sd
		if total := expected * horizon; total > 0 {
			below = normal * spread / total
			above = below
		}
	}
	slices.Sort(shares)
	if k := len(shares); k > 0 {
		tail := (1 - interval) / 2
		below = max(below, -shares[min(max(int(float64(k+1)*tail)-1, 0), k-1)])
		above = max(above, shares[min(max(int(math.Ceil(float64(k+1)*(1-tail)))-1, 0), k-1)])
	}
	return max(below, 0), max(above, 0), len(shares)
}
