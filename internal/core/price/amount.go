package price

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// maxNanos bounds a price: a million an hour.
const maxNanos = cost.Nanos(1_000_000 * 1_000_000_000)

// parseAmount reads a decimal amount exactly and rounds it to the nano-unit, halves up: lists that programs wrote have more decimals than
// money has, and exponents.
func parseAmount(text string) (cost.Nanos, bool) {
	if len(text) > 40 || strings.Trim(text, "0123456789.eE+-") != "" {
		return 0, false
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 { // a huge exponent would be a huge number
		exponent, err := strconv.Atoi(text[i+1:])
		if err != nil || exponent < -30 || exponent > 30 {
			return 0, false
		}
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok || value.Sign() < 0 {
		return 0, false
	}
	value.Mul(value, big.NewRat(1_000_000_000, 1)).Add(value, big.NewRat(1, 2))
	nanos := new(big.Int).Quo(value.Num(), value.Denom())
	if !nanos.IsInt64() || cost.Nanos(nanos.Int64()) > maxNanos {
		return 0, false
	}
	return cost.Nanos(nanos.Int64()), true
}
