// Package format writes money, time and shares the way people read them, and lays them out in tables whose parts add up.
//
// All functions are pure. Metered money is never an estimate, so it carries no interval; rounding is fitted, so that the
// rounded parts of a table sum to its rounded total.
package format

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// nanosPerUnit is how many nano-units make one unit of a currency.
const nanosPerUnit = 1_000_000_000

// maxDecimals is the finest step of money: one nano-unit.
const maxDecimals = 9

// narrow is the narrow no-break space that stands before a per cent sign.
const narrow = "\u202f"

// Dash stands where there is no figure, for example no price.
const Dash = "–"

// symbols of the currencies that have one everybody knows; others are written by their code.
var symbols = map[string]string{"USD": "$", "EUR": "€", "GBP": "£"}

// Decimals returns how many decimals show two significant digits of an amount, at least the two of cents.
func Decimals(nanos int64) int {
	amount := magnitude(nanos)
	if amount == 0 {
		return 2
	}
	for decimals := 2; decimals < maxDecimals; decimals++ {
		// Rounded, not cut: $0.0996 shows as $0.10.
		if (amount+step(decimals)/2)/step(decimals) >= 10 {
			return decimals
		}
	}
	return maxDecimals
}

// Money writes one amount with two significant digits, at least cents: "$1,234.50", "$0.0021", "−$0.12".
func Money(nanos int64, currency string) string {
	return MoneyTo(nanos, currency, Decimals(nanos))
}

// MoneyTo writes an amount rounded to so many decimals, half away from zero.
func MoneyTo(nanos int64, currency string, decimals int) string {
	s := step(decimals)
	units := (magnitude(nanos) + s/2) / s
	return money(units, nanos < 0 && units > 0, currency, decimals)
}

// Rate writes a price per hour: "$12.69/h".
func Rate(nanosPerHour int64, currency string) string {
	return Money(nanosPerHour, currency) + "/h"
}

// Amounts are sums of money rounded together, so that what is displayed adds up: the displayed parts sum to the displayed total. The last
// digits are given out by largest remainder. The number of decimals shows two significant digits of the largest part.
type Amounts struct {
	units    []int64
	currency string
	decimals int
}

// Fit rounds the parts of one sum together.
func Fit(parts []int64, currency string) Amounts {
	var sum, largest int64
	for _, p := range parts {
		sum += p
		largest = max(largest, p)
	}
	decimals := Decimals(largest)
	return Amounts{units: fit(parts, sum, int64(step(decimals))), currency: currency, decimals: decimals} // a step is at most 10^9
}

// Cell writes part i.
func (a Amounts) Cell(i int) string { return a.Sum(i, i+1) }

// Sum writes the sum of the parts [from, to).
func (a Amounts) Sum(from, to int) string {
	var units int64
	for _, u := range a.units[from:to] {
		units += u
	}
	return money(magnitude(units), units < 0, a.currency, a.decimals)
}

// Total writes the sum of all parts.
func (a Amounts) Total() string { return a.Sum(0, len(a.units)) }

// Shares are parts of one sum in tenths of a per cent, rounded together: the displayed shares add up to 100.0 %.
type Shares struct {
	tenths []int64
}

// FitShares rounds the shares that the parts have in their sum. Where the sum is not above zero there are none.
func FitShares(parts []int64) Shares {
	var sum int64
	for _, p := range parts {
		sum += p
	}
	if sum <= 0 {
		return Shares{}
	}
	tenths := make([]int64, len(parts))
	type rest struct {
		index int
		of    uint64
	}
	rests := make([]rest, len(parts))
	left := int64(1000)
	for i, p := range parts {
		hi, lo := bits.Mul64(uint64(max(p, 0)), 1000)
		q, r := bits.Div64(hi%uint64(sum), lo, uint64(sum))
		tenths[i] = int64(q) // a part is at most the sum
		left -= tenths[i]
		rests[i] = rest{i, r}
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return cmp.Compare(b.of, a.of) })
	for i := 0; left > 0 && i < len(rests); i++ {
		tenths[rests[i].index]++
		left--
	}
	return Shares{tenths}
}

// Cell writes share i.
func (s Shares) Cell(i int) string { return s.Sum(i, i+1) }

// Sum writes the sum of the shares [from, to), or a dash where there are no shares.
func (s Shares) Sum(from, to int) string {
	if s.tenths == nil {
		return Dash
	}
	var sum int64
	for _, t := range s.tenths[from:to] {
		sum += t
	}
	return strconv.FormatInt(sum/10, 10) + "." + strconv.FormatInt(sum%10, 10) + narrow + "%"
}

// Share writes one share, 0 to 1, in per cent: "29.0 %".
func Share(share float64) string {
	return strconv.FormatFloat(share*100, 'f', 1, 64) + narrow + "%"
}

// Seconds writes a span of seconds in words, see Duration.
func Seconds(seconds float64) string {
	return Duration(time.Duration(math.Round(seconds * float64(time.Second))))
}

// Duration writes a span of time in words, with what matters at its size: "0.42 s", "4.2 s", "45 s", "3 min 10 s",
// "2 h 45 min", "3 d 4 h".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "−" + Duration(-d)
	case d == 0:
		return "0 s"
	case d < 995*time.Millisecond:
		return strconv.FormatFloat(math.Max(d.Seconds(), 0.01), 'f', 2, 64) + " s"
	case d < 9950*time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d.Round(time.Second) < time.Minute:
		return two(d.Round(time.Second), time.Second, " s", 0, "")
	case d.Round(time.Second) < time.Hour:
		return two(d.Round(time.Second), time.Minute, " min", time.Second, " s")
	case d.Round(time.Minute) < 24*time.Hour:
		return two(d.Round(time.Minute), time.Hour, " h", time.Minute, " min")
	default:
		return two(d.Round(time.Hour), 24*time.Hour, " d", time.Hour, " h")
	}
}

// Bytes writes an amount of memory: "512 MB", "1.5 GB". Units are powers of ten, as in prices.
func Bytes(n int64) string {
	const mega, giga, tera = 1_000_000, 1_000_000_000, 1_000_000_000_000
	switch {
	case n >= tera:
		return tenths(float64(n)/tera) + " TB"
	case n >= giga:
		return tenths(float64(n)/giga) + " GB"
	default:
		return strconv.FormatInt(int64(math.Round(float64(n)/mega)), 10) + " MB"
	}
}

// tenths writes a number with one decimal, if that is not 0.
func tenths(f float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}

// At writes a moment of the given zone: "19 Nov 14:03", with the year where it is not this one.
func At(t, now time.Time, zone *time.Location) string {
	t = t.In(zone)
	if t.Year() != now.In(zone).Year() {
		return t.Format("2 Jan 2006 15:04")
	}
	return t.Format("2 Jan 15:04")
}

// two writes a span as so many of a large unit and, if any are left, so many of a small one.
func two(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := strconv.FormatInt(int64(d/large), 10) + largeName
	if rest := d % large; small > 0 && rest >= small {
		text += " " + strconv.FormatInt(int64(rest/small), 10) + smallName
	}
	return text
}

// fit rounds the parts to whole steps by largest remainder: each is its floor or one more, and they sum to the rounded sum.
func fit(parts []int64, sum, s int64) []int64 {
	units := make([]int64, len(parts))
	type rest struct {
		index int
		of    int64
	}
	rests := make([]rest, len(parts))
	left, r := floorDiv(sum, s)
	if r >= s-r {
		left++
	}
	for i, p := range parts {
		units[i], r = floorDiv(p, s)
		left -= units[i]
		rests[i] = rest{i, r}
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return cmp.Compare(b.of, a.of) })
	for i := 0; left > 0 && i < len(rests); i++ {
		units[rests[i].index]++
		left--
	}
	return units
}

// floorDiv divides by a positive step towards the smaller number.
func floorDiv(a, s int64) (quotient, rest int64) {
	quotient, rest = a/s, a%s
	if rest < 0 {
		quotient, rest = quotient-1, rest+s
	}
	return quotient, rest
}

// step is how many nano-units one last digit is worth.
func step(decimals int) uint64 {
	s := uint64(nanosPerUnit)
	for range decimals {
		s /= 10
	}
	return s
}

// magnitude is the amount without its sign; it holds the smallest int64 too.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n) // two's complement: exactly the magnitude
	}
	return uint64(n)
}

func money(units uint64, negative bool, currency string, decimals int) string {
	digits := strconv.FormatUint(units, 10)
	if len(digits) <= decimals {
		digits = strings.Repeat("0", decimals-len(digits)+1) + digits
	}
	whole, fraction := digits[:len(digits)-decimals], digits[len(digits)-decimals:]
	var text strings.Builder
	if negative {
		text.WriteString("−")
	}
	if symbol, ok := symbols[currency]; ok {
		text.WriteString(symbol)
	} else {
		text.WriteString(currency + " ")
	}
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			text.WriteByte(',')
		}
		text.WriteRune(digit)
	}
	if decimals > 0 {
		text.WriteString("." + fraction)
	}
	return text.String()
}
