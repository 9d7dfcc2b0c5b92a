package cost_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cost"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount   cost.Nanos
		currency cost.Currency
		decimals int
		want     string
	}{
		{0, "USD", 2, "$0.00"},
		{1_234_567_890_000, "USD", 2, "$1,234.57"},
		{1_234_500_000_000, "USD", 0, "$1,235"},
		{-4_000_000, "USD", 2, "$0.00"},
		{-5_000_000, "EUR", 2, "−€0.01"},
		{1, "NOK", 9, "NOK 0.000000001"},
		{math.MinInt64, "GBP", 9, "−£9,223,372,036.854775808"},
	} {
		if got := c.amount.Text(c.currency, c.decimals); got != c.want {
			t.Errorf("%d with %d decimals is %q, want %q", c.amount, c.decimals, got, c.want)
		}
	}
	for amount, want := range map[cost.Nanos]string{
		0: "$0.00", 123_456_000_000: "$123", 99_990_000_000: "$99.99", 120_000_000: "$0.12", 2_100_000: "$0.0021", 99_600_000: "$0.10", 3: "$0.000000003",
	} {
		if got := amount.Short("USD"); got != want {
			t.Errorf("%d in short is %q, want %q", amount, got, want)
		}
	}
}

// With all decimals, nothing is lost.
func TestTextIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "nanos")
		text := cost.Nanos(n).Text("USD", 9)
		var back uint64
		for _, r := range text {
			if r >= '0' && r <= '9' {
				back = back*10 + uint64(r-'0')
			}
		}
		if negative := strings.HasPrefix(text, "−"); negative != (n < 0) {
			t.Fatalf("%d is %s", n, text)
		}
		if n < 0 {
			back = -back
		}
		if int64(back) != n {
			t.Fatalf("%d is %s", n, text)
		}
	})
}
