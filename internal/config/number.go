package config

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// ParseNanos reads a decimal amount ("0.04") exactly: at most nine decimals, no exponent, no sign, no float in between.
func ParseNanos(text string) (cost.Nanos, error) {
	n, err := parseDecimal(text, big.NewInt(1e9))
	if err != nil {
		return 0, fmt.Errorf("is %q: give an amount like 0.04, with at most nine decimals", text)
	}
	return cost.Nanos(n), nil
}

// sizes are the units of ParseBytes, longest first.
var sizes = []struct {
	unit  string
	bytes int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
	{"", 1},
}

// ParseBytes reads a size: "1GB", "512MiB", "1.5GB", "1000000". The result is whole.
func ParseBytes(text string) (int64, error) {
	trimmed := strings.TrimSpace(text)
	for _, size := range sizes {
		number, ok := strings.CutSuffix(trimmed, size.unit)
		if !ok {
			continue
		}
		n, err := parseDecimal(strings.TrimSpace(number), big.NewInt(size.bytes))
		if err != nil {
			break
		}
		return n, nil
	}
	return 0, fmt.Errorf("is %q: give a size like 1GB, 512MiB or a number of bytes", text)
}

// parseDecimal returns text times scale, which must come out whole and fit.
func parseDecimal(text string, scale *big.Int) (int64, error) {
	whole, fraction, dotted := strings.Cut(text, ".")
	const digits = "0123456789"
	if whole == "" || (dotted && fraction == "") || strings.Trim(whole, digits) != "" || strings.Trim(fraction, digits) != "" ||
		len(whole) > 19 || len(fraction) > 19 {
		return 0, fmt.Errorf("%q is not a decimal number", text)
	}
	value, _ := new(big.Int).SetString(whole+fraction, 10)
	value.Mul(value, scale)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(fraction))), nil)
	value, rest := value.QuoRem(value, power, new(big.Int))
	if rest.Sign() != 0 {
		return 0, fmt.Errorf("%q has too many decimals", text)
	}
	if !value.IsInt64() || value.Int64() > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q is too large", text)
	}
	return value.Int64(), nil
}
