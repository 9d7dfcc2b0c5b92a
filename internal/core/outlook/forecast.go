package outlook

import (
	"cmp"
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
	// errorHalfLife is that of what errors of the past say of those to come.
	errorHalfLife = 28.0
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
// profile. Where the level has changed at once, only what came after counts for it. The interval is empirical: the same rule is applied to the past, once for each day it
// could have been asked on, and the errors it would have made over a horizon as long as this one set the bounds, recent ones before old ones. It is never narrower than days
// that vary on their own as much as they did, and a level that is known from as few of them, would make it. docs/overview.md has the sources.
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
	// known is how many days of equal weight the level is as good as.
	known float64
	// changed is the first day of the level, 0 if it has been the same for long.
	changed int
	// other is a level that the newest days may be the first of, and otherKnown of how many days it is; 0 if they look like those before.
	other, otherKnown float64
}

// at is what a day is expected to cost, days being counted from a Sunday.
func (m model) at(day int) float64 { return m.level * m.factor[day%7] }

// learn finds the level and the week of days of which the first falls on a weekday.
func learn(days []float64, first int) model {
	m := model{factor: weekOf(days, first)}
	// A change of the last days must not look like one of the week.
	usual := model{factor: weekOf(days[:max(min(len(days), 2*minLearned), len(days)-minLearned)], first)}
	change := lastChange(usual.logs(days, first))
	if change.since == 0 {
		m.level, m.known = m.levelOf(days, first, 0)
		return m
	}
	// The week is that of all days, as if they had been on the new level.
	even := slices.Clone(days)
	for i := range change.since {
		even[i] *= math.Exp(change.by)
	}
	shifted := model{factor: weekOf(even, first), changed: change.since}
	shifted.level, shifted.known = shifted.levelOf(days, first, change.since)
	if change.sure {
		return shifted
	}
	m.level, m.known = m.levelOf(days, first, 0)
	m.other, m.otherKnown = shifted.level, shifted.known
	return m
}

// weekOf is what each weekday costs, as a factor of the mean day.
func weekOf(days []float64, first int) (factor [7]float64) {
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
	if sum <= 0 {
		return factor
	}
	mean, total := sum/weight, 0.0
	for day := range factor {
		factor[day] = max(0, (sums[day]+shrink*mean)/(weights[day]+shrink)/mean)
		total += factor[day]
	}
	for day := range factor {
		factor[day] *= 7 / total
	}
	return factor
}

// levelOf is the level of the days since one, and how many days of equal weight it is as good as.
func (m *model) levelOf(days []float64, first, since int) (level, known float64) {
	var seen, expected, weight, squares float64
	for i := since; i < len(days); i++ {
		w := math.Exp2(-float64(len(days)-1-i) / levelHalfLife)
		seen += w * days[i]
		expected += w * m.factor[(first+i)%7]
		weight += w
		squares += w * w
	}
	if expected > 0 {
		level = seen / expected
	}
	if squares > 0 {
		known = weight * weight / squares
	}
	return level, known
}

// errorsOf returns by which shares of a forecast the truth has been below and above it, for an interval of the size wanted.
func errorsOf(days []float64, first int, horizon float64, m model) (below, above float64, tested int) {
	n := len(days)
	whole := min(max(int(math.Ceil(horizon)), 1), max(1, (n-minLearned)/2))
	var shares []weighted
	var squares, steps float64
	for k := minLearned; k < n; k++ {
		if k < m.changed+sureAfter && k+whole > m.changed && m.changed > 0 {
			continue // over a change that is known by now: how often others come cannot be learnt from one
		}
		past := learn(days[:k], first)
		w := math.Exp2(-float64(n-1-k) / errorHalfLife)
		if past.level > 0 { // of the level at that time: what varies by a fifth does so on any level
			d := min((days[k]-past.at(first+k))/past.level, mostMissed)
			squares += w * d * d
			steps += w
		}
		if k+whole > n {
			continue
		}
		var truth, guess float64
		for i := k; i < k+whole; i++ {
			truth += days[i]
			guess += past.at(first + i)
		}
		if guess > 0 {
			shares = append(shares, weighted{min(truth/guess-1, mostMissed), w})
		}
	}
	sd := 0.0
	if m.level > 0 && steps > 0 && horizon > 0 {
		// Days that vary on their own, and a level that is known from a few of them only.
		sd = math.Sqrt(squares / steps)
		below = normal * sd * math.Sqrt(1/horizon+1/m.known)
		above = below
	}
	if len(shares) > 0 {
		tail := (1 - interval) / 2
		low, high := quantiles(shares, tail)
		below, above = max(below, -low), max(above, high)
	}
	if m.other > 0 && m.level > 0 { // the newest days may be the first of another level
		room := normal * sd * math.Sqrt(1/max(horizon, 1)+1/m.otherKnown)
		below, above = max(below, 1-m.other/m.level*(1-room)), max(above, m.other/m.level*(1+room)-1)
	}
	return max(below, 0), max(above, 0), len(shares)
}

// weighted is a number that counts for more or less than one.
type weighted struct{ value, weight float64 }

// quantiles are the numbers that a share of all lies below, and above.
func quantiles(all []weighted, tail float64) (low, high float64) {
	slices.SortFunc(all, func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
	total, largest := 0.0, 0.0
	for _, x := range all {
		total += x.weight
		largest = max(largest, x.weight)
	}
	total += largest // as one more would have to be expected beyond both ends
	low, high = all[0].value, all[len(all)-1].value
	for sum, i := 0.0, 0; i < len(all); i++ {
		if sum += all[i].weight; sum > tail*total {
			break
		}
		low = all[i].value
	}
	for sum, i := 0.0, len(all)-1; i >= 0; i-- {
		if sum += all[i].weight; sum > tail*total {
			break
		}
		high = all[i].value
	}
	return low, high
}
