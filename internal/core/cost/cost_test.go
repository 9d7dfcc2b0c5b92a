package cost_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cost"
)

func TestSplitSumsAndStaysWithinOneUnitOfTheShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(0, math.MaxInt64).Draw(t, "total")
		weights := rapid.SliceOfN(rapid.Int64Range(-3, math.MaxInt64/4), 1, 40).Draw(t, "weights")
		parts := cost.Split(cost.Nanos(total), weights)
		if len(parts) != len(weights) {
			t.Fatalf("%d parts for %d weights", len(parts), len(weights))
		}
		sum, weightSum := new(big.Int), new(big.Int)
		for i, p := range parts {
			if p < 0 {
				t.Fatalf("part %d is %d", i, p)
			}
			sum.Add(sum, big.NewInt(int64(p)))
			weightSum.Add(weightSum, big.NewInt(max(weights[i], 0)))
		}
		if sum.Cmp(big.NewInt(total)) != 0 {
			t.Fatalf("parts sum to %s, not %d", sum, total)
		}
		if weightSum.Sign() == 0 {
			return
		}
		for i, p := range parts {
			share := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(total), big.NewInt(max(weights[i], 0))), weightSum)
			off := new(big.Rat).Sub(new(big.Rat).SetInt64(int64(p)), share)
			if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("part %d is %d, its share %s", i, p, share.FloatString(3))
			}
		}
	})
}

func TestSplitIsFairAndStable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		total   cost.Nanos
		weights []int64
		want    []cost.Nanos
	}{
		"no weights":            {10, nil, []cost.Nanos{}},
		"all weights zero":      {10, []int64{0, 0}, []cost.Nanos{0, 10}},
		"equal remainders":      {2, []int64{1, 1, 1}, []cost.Nanos{1, 1, 0}},
		"largest remainder":     {10, []int64{1, 2, 3}, []cost.Nanos{2, 3, 5}},
		"negative is nothing":   {10, []int64{-5, 5}, []cost.Nanos{0, 10}},
		"nothing to distribute": {0, []int64{1, 2}, []cost.Nanos{0, 0}},
	} {
		got := cost.Split(tc.total, tc.weights)
		if len(got) != len(tc.want) {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
			continue
		}
		for i := range got {
			if got[i] != tc.want[i] {
				t.Errorf("%s: got %v, want %v", name, got, tc.want)
				break
			}
		}
	}
}

func TestOverCountsFromTheStartSoThatWindowsSideBySideNeverCostMore(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		rate := cost.Rate{NanosPerHour: cost.Nanos(rapid.Int64Range(0, 1e14).Draw(t, "rate"))}
		first := time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "first"))
		second := time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "second"))
		middle, end := start.Add(first), start.Add(first+second)
		whole, parts := rate.Over(start, end), rate.Over(start, middle)+rate.Over(middle, end)
		if parts > whole || whole-parts > 1 {
			t.Fatalf("whole %d, parts %d", whole, parts)
		}
	})
	rate := cost.Rate{NanosPerHour: 3_600_000_000}
	if got := rate.Over(start.Add(time.Hour), start); got != 0 {
		t.Errorf("an interval that ends before it starts cost %d", got)
	}
	if got := rate.Over(start, start.Add(90*time.Second)); got != 90_000_000 {
		t.Errorf("90 s cost %d, want 90,000,000", got)
	}
}

func TestPriceOfAProcess(t *testing.T) {
	t.Parallel()
	card := cost.Card{Currency: "USD", CoreHour: 40_000_000, GigabyteHour: 5_000_000}
	if got := card.Price(2, 8_000_000_000).NanosPerHour; got != 120_000_000 {
		t.Errorf("2 cores and 8 GB cost %d an hour, want 120,000,000", got)
	}
}
