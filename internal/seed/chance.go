package seed

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/lineitem/lineitem/internal/core/id"
)

// What chance is drawn for; each has a stream of its own, so that one more draw in one place changes nothing elsewhere.
const (
	ofGroups uint64 = iota + 1
	ofUsers
	ofCode
	ofPersonal
	ofSessions
	ofHour
	ofTrouble
	ofPrices
)

// chance draws from a stream of random numbers.
type chance struct{ *rand.Rand }

// stream opens the stream of something.
func (org *Organisation) stream(of uint64, parts ...uint64) chance {
	a, b := mix(org.options.Seed+of), mix(of)
	for _, p := range parts {
		a = mix(a ^ p)
		b = mix(b + a)
	}
	return chance{rand.New(rand.NewPCG(a, b))} //nolint:gosec // Made up, and the same each time.
}

// mix is the last step of SplitMix64: numbers that are close become far.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// between draws evenly from [least, most).
func (c chance) between(least, most float64) float64 { return least + (most-least)*c.Float64() }

// skewed draws from a log-normal distribution with that median.
func (c chance) skewed(median, sigma float64) float64 {
	return median * math.Exp(sigma*c.NormFloat64())
}

// count draws how often something happens that happens so often on average.
func (c chance) count(mean float64) int {
	if mean > 30 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*c.NormFloat64())))
	}
	limit, product := math.Exp(-mean), c.Float64()
	n := 0
	for product > limit {
		n++
		product *= c.Float64()
	}
	return n
}

// weighted draws an index in proportion to the weights.
func (c chance) weighted(n int, weight func(i int) float64) int {
	sum := 0.0
	for i := range n {
		sum += weight(i)
	}
	at := c.Float64() * sum
	for i := range n {
		if at -= weight(i); at < 0 {
			return i
		}
	}
	return n - 1
}

// newID makes an identifier.
func (c chance) newID(prefix string, at time.Time) string {
	var entropy [id.EntropyBytes]byte
	for i := range entropy {
		entropy[i] = byte(c.Uint32())
	}
	return id.From(prefix, at, entropy)
}

func pick[T any](c chance, from []T) T { return from[c.IntN(len(from))] }
