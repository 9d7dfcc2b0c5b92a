package cost

import (
	"strconv"
	"strings"
)

// maxDecimals is the finest step of money: one nano-unit.
const maxDecimals = 9

// symbols of the currencies that have one everybody knows; others are written by their code.
var symbols = map[Currency]string{"USD": "$", "EUR": "€", "GBP": "£"}

// Text writes an amount with 0 to 9 decimals, rounded half away from zero: "$1,234", "−€0.12", "NOK 3.50".
func (n Nanos) Text(currency Currency, decimals int) string {
	decimals = min(max(decimals, 0), maxDecimals)
	step := uint64(1)
	for range maxDecimals - decimals {
		step *= 10
	}
	units := (n.magnitude() + step/2) / step
	sign := ""
	if n < 0 && units > 0 {
		sign = "−"
	}
	digits := strconv.FormatUint(units, 10)
	if short := decimals + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	whole, part := digits[:len(digits)-decimals], digits[len(digits)-decimals:]
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if part != "" {
		whole += "." + part
	}
	if symbol, ok := symbols[currency]; ok {
		return sign + symbol + whole
	}
	return sign + string(currency) + " " + whole
}

// Short writes an amount as sentences do: whole units from a hundred on, else cents, and two significant digits of less.
func (n Nanos) Short(currency Currency) string {
	const unit = 1_000_000_000
	decimals := 2
	switch amount := n.magnitude(); {
	case amount >= 100*unit:
		decimals = 0
	case amount > 0:
		for step := uint64(unit / 100); decimals < maxDecimals && (amount+step/2)/step < 10; step /= 10 {
			decimals++
		}
	}
	return n.Text(currency, decimals)
}

// magnitude is the amount without its sign; the least Nanos has one, too.
func (n Nanos) magnitude() uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
