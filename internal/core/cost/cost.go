// Package cost does arithmetic on money: whole nano-units of one currency in int64, prices per hour, and splitting an
// amount so that the parts sum to it exactly.
package cost

import (
	"math/big"
	"slices"
	"time"
)

// Nanos is an amount of money in billionths of the currency's unit. An int64 holds 9.2 billion units.
type Nanos int64

// Currency is an ISO 4217 code.
type Currency string

// Rate is a price per hour.
type Rate struct {
	NanosPerHour Nanos
	Currency     Currency
}

// Card is the configured price of this installation's own machines: the simplest price list there is.
type Card struct {
	Currency      Currency
	CoreHour      Nanos
	GigabyteHour  Nanos
	SchedulerCore int   // cores charged for a scheduler
	SchedulerMem  int64 // bytes charged for a scheduler
	// Source is a sentence that says where the prices come from, AsOf when they were true there, if that is known.
	Source string
	AsOf   time.Time
}

// Basis is what a rate was made of, kept with what it prices.
type Basis struct {
	CoreHour, GigabyteHour Nanos
	Source                 string
	AsOf                   time.Time
}

// Basis returns what rates of this card are made of.
func (c Card) Basis() Basis {
	return Basis{CoreHour: c.CoreHour, GigabyteHour: c.GigabyteHour, Source: c.Source, AsOf: c.AsOf}
}

// Of returns the card with the prices of a basis, or itself if the basis is not known.
func (c Card) Of(b Basis) Card {
	if b.Source != "" {
		c.CoreHour, c.GigabyteHour, c.Source, c.AsOf = b.CoreHour, b.GigabyteHour, b.Source, b.AsOf
	}
	return c
}

// Card returns the card itself: prices that are the same on every backend, at all times.
func (c Card) Card(string, time.Time) Card { return c }

const gigabyte = 1_000_000_000

// Price returns the hourly price of a process with so many cores and bytes of memory.
func (c Card) Price(cores int, memoryBytes int64) Rate {
	memory := mulDiv(int64(c.GigabyteHour), memoryBytes, gigabyte)
	return Rate{NanosPerHour: c.CoreHour*Nanos(cores) + Nanos(memory), Currency: c.Currency}
}

// Over returns what the half-open interval [start, end) costs at the rate, rounded down to the nano-unit. An
// interval that ends before it starts costs nothing.
func (r Rate) Over(start, end time.Time) Nanos {
	us := end.UnixMicro() - start.UnixMicro()
	if us <= 0 {
		return 0
	}
	return Nanos(mulDiv(int64(r.NanosPerHour), us, hourMicros))
}

// Between is Over counted in a way that does not depend on where it begins: stretches side by side cost together what the whole stretch costs, and a full hour
// of the clock costs the rate.
func (r Rate) Between(start, end time.Time) Nanos {
	from, to := start.UnixMicro(), end.UnixMicro()
	if to <= from {
		return 0
	}
	within := func(us int64) int64 { return mulDiv(int64(r.NanosPerHour), us%hourMicros, hourMicros) }
	return r.NanosPerHour*Nanos(to/hourMicros-from/hourMicros) + Nanos(within(to)-within(from))
}

// Share is one of Of equal parts, counted from 0.
type Share struct{ Rank, Of int }

// Part returns the share's part of an amount: the parts of all ranks sum to it and differ by a nano-unit at most. A part never shrinks while the amount grows.
func (s Share) Part(amount Nanos) Nanos {
	return (amount + Nanos(s.Of-1-s.Rank)) / Nanos(s.Of)
}

const hourMicros = int64(time.Hour / time.Microsecond)

// Span is the half-open time [Start, End) at one rate.
type Span struct {
	Rate       Rate
	Start, End time.Time
}

// Sum returns what spans cost together, rounded down to the nano-unit once: a rate that changes to itself costs what it costs unchanged.
func Sum(spans []Span) Nanos {
	sum, part := new(big.Int), new(big.Int)
	for _, s := range spans {
		if us := s.End.UnixMicro() - s.Start.UnixMicro(); us > 0 {
			sum.Add(sum, part.Mul(big.NewInt(int64(s.Rate.NanosPerHour)), big.NewInt(us)))
		}
	}
	return Nanos(sum.Div(sum, big.NewInt(hourMicros)).Int64())
}

// Split divides total over the weights in proportion, by largest remainder: the parts are whole, none is negative, and they
// sum to total. Equal remainders go to the earlier weight. Negative weights count as 0; if all weights are 0, the whole goes to
// the last part. With no weights the result is empty, so a caller with money to place passes at least one.
func Split(total Nanos, weights []int64) []Nanos {
	parts := make([]Nanos, len(weights))
	if len(weights) == 0 || total == 0 {
		return parts
	}
	sum := new(big.Int)
	for _, w := range weights {
		sum.Add(sum, big.NewInt(max(w, 0)))
	}
	if sum.Sign() == 0 {
		parts[len(parts)-1] = total
		return parts
	}
	type rest struct {
		index int
		of    *big.Int
	}
	rests := make([]rest, len(weights))
	left := total
	for i, w := range weights {
		q, r := new(big.Int), new(big.Int)
		q.Mul(big.NewInt(int64(total)), big.NewInt(max(w, 0))).QuoRem(q, sum, r)
		parts[i] = Nanos(q.Int64())
		left -= parts[i]
		rests[i] = rest{i, r}
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return b.of.Cmp(a.of) })
	for i := 0; left > 0; i++ {
		parts[rests[i].index]++
		left--
	}
	return parts
}

// mulDiv returns a*b/c rounded down, without overflow in between.
func mulDiv(a, b, c int64) int64 {
	p := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	return p.Div(p, big.NewInt(c)).Int64()
}
