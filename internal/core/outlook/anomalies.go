package outlook

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// What makes a day unusual. All of it must hold, so that few are.
const (
	// maxAnomalies are listed.
	maxAnomalies = 5
	// Days of the past that a day is compared with.
	minBase, maxBase = 14, 56
	// deviations is how many times the usual spread a day must stand out, ratios the same for the spread of logarithms: spend varies by factors rather than by amounts.
	// beyond is how much a day must exceed the dearest of its past.
	deviations, ratios, beyond = 6, 5, 1.25
	// A spread is taken to be at least these shares of the usual day of the subject and of all.
	ownFloor, allFloor = 0.05, 0.02
	// matters is the share of all's usual day that a day must exceed its own by.
	matters = 0.10
	// maxRun is how many days in a row are one anomaly; what lasts longer is how things are now.
	maxRun = 7
	// slack is how much more than an anomaly's excess others of the same days may have together and still be its money, seen otherwise.
	slack = 1.1
	// maxAlso are named.
	maxAlso = 3
)

// Subject is whom or what money was spent on: a user, an operation. The zero Subject is everything.
type Subject struct{ Dimension, Key string }

// Anomaly is a day, or some in a row, on which a subject cost far more than it ever did in the weeks before.
type Anomaly struct {
	Subject
	// First and Last are days of the calendar.
	First, Last time.Time
	// Cost is what these days cost; Usual is what such days usually do, and Most the dearest day of the past.
	Cost, Usual, Most cost.Nanos
	// Base is how many days before it were compared with.
	Base int
	// Also names subjects of other dimensions that were unusual on the same days, and whose excess is no more than this one's: most likely the same money.
	Also []Subject
}

// Excess is what the days cost more than usual.
func (a Anomaly) Excess() cost.Nanos { return a.Cost - a.Usual }

// Anomalies finds unusual days from a day on, dearest excess first. All series begin on the same day; total is that of everything.
//
// The usual is the median of the weekdays or of the weekend's days before, the spread is that of the distances from it by their median and ninth decile, both of the
// amounts and of their logarithms: none is moved by a few odd days. A day must also exceed all of its past. Steady noise,
// however wide, so gives next to nothing.
func Anomalies(subjects map[Subject]Series, total Series, from time.Time) []Anomaly {
	seen := total.trimmed()
	// Nothing is known of days before the first that cost anything.
	start, typical := total.Index(seen.First), median(seen.Days)
	var found []Anomaly
	for subject, series := range subjects {
		found = append(found, runs(subject, series, start, from, typical)...)
	}
	slices.SortFunc(found, compareAnomalies)
	var kept []Anomaly
	var left []float64 // of each that is kept: how much of its excess no other anomaly has shown yet
	for _, a := range append(found, runs(Subject{}, total, start, from, typical)...) {
		twin := slices.IndexFunc(kept, func(k Anomaly) bool {
			return !k.First.After(a.Last) && !a.First.After(k.Last) && k.Dimension != a.Dimension
		})
		switch {
		case twin < 0, a.Dimension != "" && float64(a.Excess()) > left[twin]:
			kept = append(kept, a)
			left = append(left, slack*float64(a.Excess()))
		case a.Dimension != "":
			left[twin] -= float64(a.Excess())
			kept[twin].Also = append(kept[twin].Also, a.Subject)
		}
	}
	slices.SortFunc(kept, compareAnomalies)
	return kept[:min(maxAnomalies, len(kept))]
}

func compareAnomalies(a, b Anomaly) int {
	return cmp.Or(cmp.Compare(b.Excess(), a.Excess()), a.First.Compare(b.First), cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(a.Key, b.Key))
}

// runs finds the unusual days of one subject. How long all have been seen counts for a subject that is new: it cost nothing before.
func runs(subject Subject, s Series, start int, from time.Time, typical cost.Nanos) []Anomaly {
	var found []Anomaly
	for i := max(s.Index(from), start+minBase); i < len(s.Days); i++ {
		b := baseOf(s, start, i, typical)
		if !b.unusual(s, i, typical) {
			continue
		}
		a := Anomaly{Subject: subject, First: s.Day(i), Most: b.most, Base: len(b.days)}
		for ; i < len(s.Days) && b.unusual(s, i, typical) && s.Index(a.First)+maxRun > i; i++ {
			a.Last, a.Cost, a.Usual = s.Day(i), a.Cost+s.Days[i], a.Usual+b.usual(s.Day(i))
		}
		found = append(found, a)
	}
	return found
}

// base is the past that a day is compared with.
type base struct {
	days   []cost.Nanos
	most   cost.Nanos
	medium [2]cost.Nanos // of weekdays and of weekends
	spread float64
	// scatter is the spread of logarithms; offset is added to all amounts before, so that days without spend have one.
	scatter, offset float64
}

func baseOf(s Series, start, i int, typical cost.Nanos) base {
	begin := max(start, i-maxBase)
	b := base{days: s.Days[begin:i], most: slices.Max(s.Days[begin:i]), offset: allFloor*float64(typical) + 1}
	var kinds [2][]cost.Nanos
	for k, n := range b.days {
		kinds[weekend(s.Day(begin+k))] = append(kinds[weekend(s.Day(begin+k))], n)
	}
	b.medium = [2]cost.Nanos{median(kinds[0]), median(kinds[1])}
	distances, scatters := make([]float64, len(b.days)), make([]float64, len(b.days))
	for k, n := range b.days {
		usual := b.usual(s.Day(begin + k))
		distances[k], scatters[k] = math.Abs(float64(n-usual)), math.Abs(b.ratio(n, usual))
	}
	b.spread, b.scatter = deviation(distances), deviation(scatters)
	return b
}

// deviation is the standard deviation that distances from the middle suggest, by their median and by the distance that nine of ten stay within: the larger, as one
// alone is too often too small by chance. Chance being normal, both are multiples of it; one odd day in ten moves neither.
func deviation(distances []float64) float64 {
	slices.Sort(distances)
	return max(1.4826*distances[(len(distances)-1)/2], distances[(len(distances)*9-1)/10]/1.6449)
}

// ratio is the logarithm of how many times the usual something is.
func (b base) ratio(n, usual cost.Nanos) float64 {
	return math.Log((float64(n) + b.offset) / (float64(usual) + b.offset))
}

func (b base) usual(day time.Time) cost.Nanos { return b.medium[weekend(day)] }

func (b base) unusual(s Series, i int, typical cost.Nanos) bool {
	usual := b.usual(s.Day(i))
	spread := max(b.spread, ownFloor*float64(usual), allFloor*float64(typical))
	excess := float64(s.Days[i] - usual)
	return excess > 0 && excess >= deviations*spread && excess >= matters*float64(typical) && float64(s.Days[i]) >= beyond*float64(b.most) &&
		b.ratio(s.Days[i], usual) >= ratios*b.scatter
}

func weekend(day time.Time) int {
	if w := day.Weekday(); w == time.Saturday || w == time.Sunday {
		return 1
	}
	return 0
}

// median is the middle of some amounts, the lower of two.
func median[T cmp.Ordered](amounts []T) (middle T) {
	if len(amounts) == 0 {
		return middle
	}
	sorted := slices.Sorted(slices.Values(amounts))
	return sorted[(len(sorted)-1)/2]
}

// Sentence says what happened and why it is unusual.
func (a Anomaly) Sentence(currency cost.Currency) string {
	subject, verb := a.words(), "cost"
	if a.Dimension == "user" || a.Dimension == "group" {
		verb = "spent"
	}
	when, such := "on "+a.First.Format("Mon 2 Jan"), "such a day"
	if a.Last.After(a.First) {
		when, such = fmt.Sprintf("from %s to %s", a.First.Format("Mon 2 Jan"), a.Last.Format("Mon 2 Jan")), "such days"
	}
	text := fmt.Sprintf("%s %s %s %s, where %s usually %s %s", subject, verb, a.Cost.Short(currency), when, such, costs(a.Last.After(a.First)), a.Usual.Short(currency))
	if a.Most == 0 {
		text = fmt.Sprintf("%s %s %s %s, and nothing in the %d days before", subject, verb, a.Cost.Short(currency), when, a.Base)
	} else {
		text += fmt.Sprintf("; no day of the %d before cost more than %s", a.Base, a.Most.Short(currency))
	}
	var others []string
	for _, s := range a.Also[:min(maxAlso, len(a.Also))] {
		others = append(others, s.words())
	}
	if len(others) > 0 {
		text += ". Unusual then, too: " + strings.Join(others, ", ")
	}
	return text + "."
}

func costs(several bool) string {
	if several {
		return "cost"
	}
	return "costs"
}

func (s Subject) words() string {
	switch {
	case s.Dimension == "":
		return "Everything together"
	case s.Key == "":
		return "What has no " + s.Dimension
	default:
		return s.Key
	}
}
