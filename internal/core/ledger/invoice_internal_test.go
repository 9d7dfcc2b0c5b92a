package ledger

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
)

func sample(t testing.TB) []byte {
	t.Helper()
	packed, err := os.ReadFile("testdata/focus_sample_1.0.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// TestFocusSample reads rows of real clouds, packed, and adds up the same as a reader that knows nothing of this package.
func TestFocusSample(t *testing.T) {
	t.Parallel()
	z, err := gzip.NewReader(bytes.NewReader(sample(t)))
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range records[0] {
		column[name] = i
	}
	want, ec2, rows := new(big.Rat), new(big.Rat), int64(0)
	for _, r := range records[1:] {
		amount, ok := new(big.Rat).SetString(r[column["BilledCost"]])
		if !ok || !strings.HasPrefix(r[column["BillingPeriodStart"]], "2024-09") {
			continue
		}
		rows++
		if want.Add(want, amount); r[column["ServiceName"]] == "Amazon Elastic Compute Cloud" && r[column["ChargeCategory"]] == "Usage" {
			ec2.Add(ec2, amount)
		}
	}
	ours := newKnown([]Metered{{Process: "cl_1-w-0-1", Cluster: "cl_1", Backend: "aws", Currency: "USD", Metered: 1}})
	rules, err := ParseRules([]string{"ChargeCategory=Usage,ServiceName=Amazon Elastic Compute* -> backend=aws"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := addUp(ImportInput{Month: "2024-09", File: iotest.OneByteReader(bytes.NewReader(sample(t))), CostColumn: "BilledCost"}, rules, ours, "USD")
	if err != nil {
		t.Fatal(err)
	}
	result, entries := trueUp("2024-09", got, []Metered{{Process: "cl_1-w-0-1", Cluster: "cl_1", Backend: "aws", Currency: "USD", Metered: 1}})
	if result.Rows != rows || result.OtherMonths != int64(len(records)-1)-rows || result.OtherMonths == 0 || nanosOf(want)-result.Invoiced-result.NotOursCost > 1 ||
		result.Invoiced != nanosOf(ec2) || result.Invoiced == 0 || len(entries) != 1 || entries[0].Cost != result.Invoiced-1 {
		t.Errorf("result: %+v; want %s of %d rows, EC2 %s", result, want.FloatString(12), rows, ec2.FloatString(12))
	}
	if len(got.sha256) != 64 {
		t.Errorf("sum %q", got.sha256)
	}
}

func nanosOf(amount *big.Rat) cost.Nanos {
	n := new(big.Rat).Mul(amount, big.NewRat(1e9, 1))
	return cost.Nanos(round(n.Num(), n.Denom()).Int64())
}

// TestAmountsAreExact writes any amount in any way and reads it again.
func TestAmountsAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		nanos := rapid.Int64Range(-1e17, 1e17).Draw(t, "nanos")
		text := new(big.Rat).SetFrac64(nanos, 1e9).FloatString(rapid.IntRange(9, 18).Draw(t, "decimals"))
		if rapid.Bool().Draw(t, "exponent") {
			text = fmt.Sprintf("%de-9", nanos)
		}
		amount, ok := parseAmount(text)
		if !ok {
			t.Fatalf("%s is not read", text)
		}
		if got, fits := toNanos(amount); !fits || int64(got) != nanos {
			t.Fatalf("%s is read as %d", text, got)
		}
	})
	for _, wrong := range []string{"", ".", "-", "1,5", "1e999999999", "NaN", "0x1p4", "1/3", "1_000", "10000000000", "$1", strings.Repeat("1", 100)} {
		if amount, ok := parseAmount(wrong); ok {
			t.Errorf("%q is read as %s", wrong, amount)
		}
	}
	for text, want := range map[string]cost.Nanos{"0.0000000005": 1, "-0.0000000005": -1, "0.00000000049999": 0, "+2": 2e9, "1E3": 1e12} {
		amount, ok := parseAmount(text)
		if got, _ := toNanos(amount); !ok || got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
	}
}

const invoiceHead = "BilledCost,BillingCurrency,BillingPeriodStart,Tags\n"

// FuzzReadInvoice reads anything: it never fails but with a sentence that says that nothing was imported, and what it reads sums to what its rows say.
func FuzzReadInvoice(f *testing.F) {
	f.Add([]byte(invoiceHead + "1.5,USD,2026-10-01T00:00:00Z,\n"))
	f.Add([]byte(invoiceHead + "\"1\n\",USD,2026-10-01,\"{\"\"lineitem_cluster\"\": 3}\"\n"))
	f.Add([]byte("\xEF\xBB\xBFBilledCost,BillingCurrency,BillingPeriodStart\n-1e-3,EUR,2026-10-01 00:00:00\nNULL,,"))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Add([]byte(invoiceHead + "1,USD,2026-10-01,\"" + strings.Repeat("x", 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		sum, rows := new(big.Int), 0
		err := readInvoice(bytes.NewReader(data), columnBilled, nil, func(row invoiceRow) error {
			rows++
			sum.Add(sum, row.amount)
			if _, _, err := newKnown(nil).of(row, nil); err != nil {
				return err
			}
			if row.line < 2 || row.month.Next() <= row.month && row.month < "9999" {
				t.Fatalf("row %+v", row)
			}
			return nil
		})
		var e *errs.Error
		if err != nil && (!errors.As(err, &e) || !strings.Contains(e.Message, "Nothing was imported")) {
			t.Fatalf("error without a sentence: %v", err)
		}
		if err == nil && rows == 0 && sum.Sign() != 0 {
			t.Fatal("money without rows")
		}
	})
}

// endless is a file that never ends.
type endless struct{ head, body string }

func (e *endless) Read(p []byte) (int, error) {
	if e.head != "" {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.body)
	}
	return n, nil
}

func TestInvoicesAreBounded(t *testing.T) {
	t.Parallel()
	nothing := func(invoiceRow) error { return nil }
	for name, tc := range map[string]struct {
		in   io.Reader
		want string
	}{
		"a quote that is not closed": {&endless{invoiceHead + "1,USD,2026-10-01,\"", "x"}, "longer than"},
		"no end of columns":          {&endless{"", "x,"}, "longer than"},
		"many columns":               {strings.NewReader(strings.Repeat("x,", 600) + "y\n"), "601 columns"},
		"a column twice":             {strings.NewReader("BilledCost,BilledCost\n"), "there twice"},
		"a row too short":            {strings.NewReader(invoiceHead + "1,USD\n"), "Line 2: it is no CSV"},
		"half of gzip":               {bytes.NewReader(sample(t)[:500]), "cannot be read to its end"},
		"a broken wire":              {iotest.ErrReader(errors.New("gone")), "cannot be read to its end"},
		"no currency":                {strings.NewReader(invoiceHead + "1,,2026-10-01,\n"), "no code of a currency"},
		"no amount":                  {strings.NewReader(invoiceHead + "NULL,USD,2026-10-01,\n"), "BilledCost is empty"},
		"a line that spans lines":    {strings.NewReader(invoiceHead + "1,USD,2026-10-01,\"a\nb\"\nx,USD,2026-10-01,\n"), "Line 4: BilledCost"},
	} {
		err := readInvoice(tc.in, columnBilled, nil, nothing)
		var e *errs.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, tc.want) || !strings.Contains(e.Message, "Nothing was imported.") {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// FuzzParseRule reads any rule; one that is taken has a target, and does not panic on any row.
func FuzzParseRule(f *testing.F) {
	for _, text := range []string{"A=b -> none", "A=b,Tags.x=* -> cluster={Tags.y}", "-> backend=local", "->", "=->=", "A=-> process={}"} {
		f.Add(text, "cell")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		r, err := parseRule(text)
		if err != nil {
			return
		}
		if r.kind == "" || (r.kind == targetNone) != (r.value == "") {
			t.Fatalf("%q is %+v", text, r)
		}
		row := invoiceRow{cells: []string{value, value}, columns: map[string]int{"A": 0, columnTags: 1}}
		if _, ok, err := newKnown([]Metered{{Process: "p", Cluster: "c", Backend: "local"}}).of(row, []Rule{r}); err != nil && ok {
			t.Fatal("an error, and a target")
		}
	})
}

// BenchmarkReadInvoice reads rows of real clouds and matches them by a rule.
func BenchmarkReadInvoice(b *testing.B) {
	z, err := gzip.NewReader(bytes.NewReader(sample(b)))
	if err != nil {
		b.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	head, body, _ := bytes.Cut(text, []byte("\n"))
	file := append(append(append([]byte{}, head...), '\n'), bytes.Repeat(body, 50)...)
	ours := newKnown([]Metered{{Process: "cl_1-w-0-1", Cluster: "cl_1", Backend: "aws"}})
	rules, err := ParseRules([]string{"ServiceName=Amazon Elastic Compute* -> backend=aws"})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		got, err := addUp(ImportInput{Month: "2024-09", File: bytes.NewReader(file), CostColumn: columnBilled}, rules, ours, "USD")
		if err != nil || got.rows < 10_000 {
			b.Fatal(got.rows, err)
		}
	}
}
