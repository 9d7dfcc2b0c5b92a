package format_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/cli/format"
)

func TestMoney(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		nanos    int64
		currency string
		want     string
	}{
		{0, "USD", "$0.00"},
		{1, "USD", "$0.000000001"},
		{14, "USD", "$0.000000014"},
		{2_149_000, "USD", "$0.0021"},
		{2_151_000, "USD", "$0.0022"},
		{9_960_000, "USD", "$0.010"},
		{99_600_000, "USD", "$0.10"},
		{123_456_789, "USD", "$0.12"},
		{-123_456_789, "USD", "−$0.12"},
		{12_690_000_000, "USD", "$12.69"},
		{4_158_000_000_000, "USD", "$4,158.00"},
		{1_234_567_891_000_000_000, "EUR", "€1,234,567,891.00"},
		{420_000_000, "CHF", "CHF 0.42"},
		{math.MinInt64, "GBP", "−£9,223,372,036.85"},
		{math.MaxInt64, "GBP", "£9,223,372,036.85"},
	} {
		if got := format.Money(test.nanos, test.currency); got != test.want {
			t.Errorf("Money(%d, %s) = %q, want %q", test.nanos, test.currency, got, test.want)
		}
	}
	if got := format.Rate(12_690_000_000, "USD"); got != "$12.69/h" {
		t.Errorf("Rate = %q", got)
	}
	if got := format.MoneyTo(-4, "USD", 2); got != "$0.00" {
		t.Errorf("an amount that rounds to nothing carries a sign: %q", got)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0 s":           0,
		"0.01 s":        3 * time.Millisecond,
		"0.42 s":        420 * time.Millisecond,
		"1.0 s":         999 * time.Millisecond,
		"4.2 s":         4200 * time.Millisecond,
		"10 s":          9960 * time.Millisecond,
		"45 s":          45*time.Second + 300*time.Millisecond,
		"1 min":         59*time.Second + 700*time.Millisecond,
		"3 min 10 s":    190 * time.Second,
		"1 h":           time.Hour - 400*time.Millisecond,
		"2 h 45 min":    2*time.Hour + 45*time.Minute + 29*time.Second,
		"1 d":           24*time.Hour - 20*time.Second,
		"3 d 4 h":       76 * time.Hour,
		"−3 min 10 s":   -190 * time.Second,
		"106751 d 23 h": time.Duration(106751)*24*time.Hour + 23*time.Hour,
	} {
		if got := format.Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
	if got := format.Seconds(190.2); got != "3 min 10 s" {
		t.Errorf("Seconds = %q", got)
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for want, n := range map[string]int64{"0 MB": 0, "512 MB": 512_000_000, "2 GB": 2_000_000_000, "1.5 GB": 1_500_000_000, "3.2 TB": 3_200_000_000_000} {
		if got := format.Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

// TestAmountsAddUp is the promise of every table: what is displayed adds up, and no part is off by a whole last digit.
func TestAmountsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000_000_000_000), 1, 40).Draw(t, "parts")
		amounts := format.Fit(parts, "USD")
		shown, decimals := int64(0), 0
		for i, part := range parts {
			units, d := parseMoney(t, amounts.Cell(i))
			if i > 0 && d != decimals {
				t.Fatalf("%d and %d decimals in one column", d, decimals)
			}
			decimals = d
			shown += units
			unit := int64(math.Pow10(9 - d))
			if diff := units*unit - part; diff <= -unit || diff >= unit {
				t.Fatalf("%d shows as %s", part, amounts.Cell(i))
			}
		}
		total, _ := parseMoney(t, amounts.Total())
		if shown != total {
			t.Fatalf("the displayed parts add up to %d, the total says %d", shown, total)
		}
		cut := rapid.IntRange(0, len(parts)).Draw(t, "cut")
		head, _ := parseMoney(t, amounts.Sum(0, cut))
		tail, _ := parseMoney(t, amounts.Sum(cut, len(parts)))
		if head+tail != total {
			t.Fatalf("the subtotals add up to %d, the total says %d", head+tail, total)
		}
	})
}

// TestTotalIsNearest checks that fitting the parts does not bend the total.
func TestTotalIsNearest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000_000_000), 1, 20).Draw(t, "parts")
		var sum int64
		for _, p := range parts {
			sum += p
		}
		total, decimals := parseMoney(t, format.Fit(parts, "USD").Total())
		unit := int64(math.Pow10(9 - decimals))
		if diff := total*unit - sum; diff > unit/2 || diff < -unit/2 {
			t.Fatalf("the total of %d shows as %d units of %d", sum, total, unit)
		}
	})
}

func TestSharesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64/50), 1, 40).Draw(t, "parts")
		shares := format.FitShares(parts)
		var sum int64
		for _, p := range parts {
			sum += p
		}
		if sum == 0 {
			if got := shares.Cell(0); got != format.Dash {
				t.Fatalf("a share of nothing shows as %q", got)
			}
			return
		}
		shown := 0
		for i := range parts {
			shown += parseShare(t, shares.Cell(i))
		}
		if shown != 1000 || shares.Sum(0, len(parts)) != "100.0\u202f%" {
			t.Fatalf("the displayed shares add up to %d per mille, and to %s", shown, shares.Sum(0, len(parts)))
		}
	})
}

func TestTable(t *testing.T) {
	t.Parallel()
	table := format.NewTable(
		format.Header{Name: "line"}, format.Header{Name: "source", Max: 10}, format.Header{Name: ""}, format.Header{Name: "cost", Align: format.Right})
	table.Row("load.py:14", "data = read\t(everything)\n", "", "$0.26")
	table.Row("é\x1b[31mvil.py:1", "x", "", "$10.00")
	table.Rule()
	table.Row("Bill", "", "", "$10.26")
	var text strings.Builder
	if _, err := table.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"line           source        cost\n" +
		"load.py:14     data = re…   $0.26\n" +
		"é[31mvil.py:1  x           $10.00\n" +
		"─────────────────────────────────\n" +
		"Bill                       $10.26\n"
	if got := text.String(); got != want {
		t.Errorf("table is\n%s\nwant\n%s", got, want)
	}
}

func TestTableRowsAreAligned(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := format.NewTable(format.Header{Name: "a"}, format.Header{Name: "b", Align: format.Right})
		rows := rapid.IntRange(1, 10).Draw(t, "rows")
		for range rows {
			table.Row(rapid.String().Draw(t, "a"), rapid.StringMatching(`[0-9€–]{1,8}`).Draw(t, "b"))
		}
		var text strings.Builder
		if _, err := table.WriteTo(&text); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
		if len(lines) != rows+1 {
			t.Fatalf("%d rows take %d lines", rows+1, len(lines))
		}
		for _, line := range lines {
			if utf8.RuneCountInString(line) != utf8.RuneCountInString(lines[0]) {
				t.Fatalf("the right edge is ragged:\n%s", text.String())
			}
		}
	})
}

var amount = regexp.MustCompile(`^\$([0-9,]+)\.([0-9]+)$`)

func parseMoney(t *rapid.T, text string) (units int64, decimals int) {
	m := amount.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%q is not an amount", text)
	}
	units, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", "")+m[2], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return units, len(m[2])
}

func parseShare(t *rapid.T, text string) int {
	digits, ok := strings.CutSuffix(text, "\u202f%")
	if !ok {
		t.Fatalf("%q is not a share", text)
	}
	n, err := strconv.Atoi(strings.Replace(digits, ".", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
