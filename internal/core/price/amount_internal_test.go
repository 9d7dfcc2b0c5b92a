package price

import (
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cost"
)

func TestAmountsAreReadExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		nanos := rapid.Int64Range(0, int64(maxNanos)).Draw(t, "nanos")
		for _, text := range []string{fmt.Sprintf("%d.%09d", nanos/1e9, nanos%1e9), fmt.Sprintf("%de-9", nanos), fmt.Sprintf("%d.%09d4", nanos/1e9, nanos%1e9)} {
			if got, ok := parseAmount(text); !ok || got != cost.Nanos(nanos) {
				t.Fatalf("%s is read as %d, %v", text, got, ok)
			}
		}
	})
	for text, want := range map[string]cost.Nanos{"0.0000000005": 1, "0.00000000049": 0, "1000000": maxNanos, "+1": 1e9, "4.2E-05": 42_000} {
		if got, ok := parseAmount(text); !ok || got != want {
			t.Errorf("%s is read as %d, %v", text, got, ok)
		}
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"", "0.192", "1e30", "1e-30", "-1", "1/3", "0x1p4", "1_000", "Inf", "nan", "1e999999999", "1000000.0000000004", "1000000.1", ".5", "5.", "e5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseAmount(text)
		if !ok {
			return
		}
		exact, fine := new(big.Rat).SetString(text)
		if !fine || got < 0 || got > maxNanos {
			t.Fatalf("%q is read as %d", text, got)
		}
		off := exact.Sub(exact.Mul(exact, big.NewRat(1_000_000_000, 1)), new(big.Rat).SetInt64(int64(got)))
		if off.Abs(off).Cmp(big.NewRat(1, 2)) > 0 {
			t.Fatalf("%q is read as %d, which is %s off", text, got, off.FloatString(3))
		}
	})
}
