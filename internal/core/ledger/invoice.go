package ledger

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
)

// Bounds of an invoice.
const (
	maxInvoiceBytes = 8 << 30 // unpacked
	maxRowBytes     = 1 << 20
	maxColumns      = 500
	maxInvoiceRows  = 100_000_000
	// maxCell is how much of a cell an error shows.
	maxCell = 60
)

// Columns of FOCUS (any 1.x) that are read.
const (
	columnBilled   = "BilledCost"
	columnCurrency = "BillingCurrency"
	columnPeriod   = "BillingPeriodStart"
	columnProvider = "ProviderName"
	columnService  = "ServiceName"
	columnTags     = "Tags"
)

// CostColumns are those that can say what a row cost.
var CostColumns = []string{columnBilled, "EffectiveCost", "ContractedCost", "ListCost"}

// invoiceRow is one row of a FOCUS file.
type invoiceRow struct {
	line     int
	month    Month
	amount   *big.Int // in 10^-18 of the currency's unit
	currency cost.Currency
	cells    []string
	columns  map[string]int
}

// get returns a cell; what FOCUS calls null is empty.
func (r invoiceRow) get(column string) string {
	i, ok := r.columns[column]
	if !ok || r.cells[i] == "NULL" || r.cells[i] == "null" {
		return ""
	}
	return r.cells[i]
}

// wrongLine refuses a file for one of its lines.
func wrongLine(line int, format string, args ...any) error {
	return errs.New(errs.Invalid, "invoice_unreadable", "Line %d: %s Nothing was imported.", line, fmt.Sprintf(format, args...))
}

// readInvoice calls f for each row of a FOCUS file, plain or packed by gzip, while it reads: the file is never held in memory. needed are columns that
// it must have beside those that are always read.
func readInvoice(in io.Reader, costColumn string, needed []string, f func(invoiceRow) error) error {
	plain, err := unpack(in)
	if err != nil {
		return err
	}
	bounded := &rowBound{in: plain}
	reader := csv.NewReader(bounded)
	reader.ReuseRecord, reader.LazyQuotes = true, false
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return errs.New(errs.Invalid, "invoice_unreadable", "The file is empty. Nothing was imported.")
	}
	if err != nil {
		return readProblem(err, 1)
	}
	columns, err := columnsOf(header, append([]string{costColumn, columnCurrency, columnPeriod}, needed...))
	if err != nil {
		return err
	}
	var periods periods
	for n := 0; ; n++ {
		bounded.used = 0
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readProblem(err, n+2)
		}
		if n >= maxInvoiceRows {
			return errs.New(errs.TooLarge, "", "The file has more than %d rows. Nothing was imported; import it in parts.", maxInvoiceRows)
		}
		line, _ := reader.FieldPos(0)
		row := invoiceRow{line: line, cells: cells, columns: columns}
		if err := row.parse(costColumn, &periods); err != nil {
			return err
		}
		if err := f(row); err != nil {
			return err
		}
	}
}

// periods remembers the newest time that was read: most rows of a file have the same.
type periods struct {
	text  string
	month Month
}

func (p *periods) of(text string) (Month, bool) {
	if text == p.text && text != "" {
		return p.month, true
	}
	at, ok := parsePeriod(text)
	if ok {
		p.text, p.month = strings.Clone(text), MonthOf(at, time.UTC)
	}
	return p.month, ok
}

func (r *invoiceRow) parse(costColumn string, periods *periods) error {
	var ok bool
	if text := r.get(costColumn); text == "" {
		return wrongLine(r.line, "%s is empty.", costColumn)
	} else if r.amount, ok = parseAmount(text); !ok {
		return wrongLine(r.line, "%s is %.*q, which is no amount of money.", costColumn, maxCell, text)
	}
	period := r.get(columnPeriod)
	if r.month, ok = periods.of(period); !ok {
		return wrongLine(r.line, "%s is %.*q, which is no time like 2026-10-01T00:00:00Z.", columnPeriod, maxCell, period)
	}
	r.currency = cost.Currency(r.get(columnCurrency))
	if len(r.currency) != 3 {
		return wrongLine(r.line, "%s is %.*q, which is no code of a currency.", columnCurrency, maxCell, string(r.currency))
	}
	return nil
}

// columnsOf finds the columns by their names.
func columnsOf(header, needed []string) (map[string]int, error) {
	if len(header) > maxColumns {
		return nil, errs.New(errs.Invalid, "invoice_unreadable", "The file has %d columns; FOCUS has fewer than %d. Nothing was imported.", len(header), maxColumns)
	}
	columns := make(map[string]int, len(header))
	for i, name := range header {
		name = strings.TrimSpace(name)
		if i == 0 {
			name = strings.TrimPrefix(name, "\uFEFF")
		}
		if _, twice := columns[name]; twice {
			return nil, wrongLine(1, "the column %.*q is there twice.", maxCell, name)
		}
		columns[strings.Clone(name)] = i
	}
	var missing []string
	for _, name := range needed {
		if _, ok := columns[name]; !ok && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, errs.New(errs.Invalid, "invoice_unreadable", "The file has no column %s. It must be a FOCUS file, with a line of column names first. Nothing was imported.",
			strings.Join(missing, ", "))
	}
	return columns, nil
}

func readProblem(err error, line int) error {
	var parse *csv.ParseError
	switch {
	case errors.Is(err, errRowTooLong):
		return wrongLine(line, "it is longer than %d bytes.", maxRowBytes)
	case errors.Is(err, errInvoiceTooLong):
		return errs.New(errs.TooLarge, "", "The file is larger than %d bytes unpacked. Nothing was imported; import it in parts.", int64(maxInvoiceBytes))
	case errors.As(err, &parse):
		return wrongLine(parse.Line, "it is no CSV: %v.", parse.Err)
	default:
		return errs.Wrap(err, errs.Invalid, "invoice_unreadable", "The file cannot be read to its end, at about line %d. Nothing was imported.", line)
	}
}

// unpack reads what gzip packed, and other files as they are.
func unpack(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(in)
	magic, err := buffered.Peek(2)
	if err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return buffered, nil //nolint:nilerr // a file of less than two bytes is refused for what it lacks
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "invoice_unreadable", "The file begins like one packed by gzip, and is none. Nothing was imported.")
	}
	return plain, nil
}

var (
	errRowTooLong     = errors.New("row too long")
	errInvoiceTooLong = errors.New("file too long")
)

// rowBound breaks off a file with a row, or a length, that no invoice has: a quote that is never closed would else take all memory.
type rowBound struct {
	in          io.Reader
	used, total int64
}

// Read counts. A buffer of some kilobytes is read ahead of the row, so the bound is not exact.
func (b *rowBound) Read(p []byte) (int, error) {
	if b.used > maxRowBytes {
		return 0, errRowTooLong
	}
	if b.total > maxInvoiceBytes {
		return 0, errInvoiceTooLong
	}
	n, err := b.in.Read(p)
	b.used += int64(n)
	b.total += int64(n)
	return n, err
}

// parsePeriod reads a time as FOCUS and as databases write it; without a zone it is UTC.
func parsePeriod(text string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05", time.DateOnly, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 UTC"} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

const (
	decimals = 18
	// maxAmount bounds what one row may cost: 10^9 units.
	maxAmountDigits = 9
)

var (
	attosPerNano  = big.NewInt(1_000_000_000)
	largestAmount = power(decimals + maxAmountDigits)
)

// parseAmount reads a decimal amount exactly, in 10^-18 of a unit; what is smaller is rounded off, halves away from 0.
func parseAmount(text string) (*big.Int, bool) {
	if len(text) > 60 || strings.Trim(text, "0123456789.eE+-") != "" {
		return nil, false
	}
	if amount, ok := parsePlain(text); ok {
		return amount, amount.CmpAbs(largestAmount) <= 0
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 { // a huge exponent would be a huge number
		exponent, err := strconv.Atoi(text[i+1:])
		if err != nil || exponent < -40 || exponent > 20 {
			return nil, false
		}
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, false
	}
	value.Mul(value, new(big.Rat).SetInt(power(decimals)))
	amount := round(value.Num(), value.Denom())
	return amount, amount.CmpAbs(largestAmount) <= 0
}

// parsePlain reads "-12.34" without a detour over fractions, which is what nearly all amounts look like.
func parsePlain(text string) (*big.Int, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	digits := strings.TrimPrefix(whole, "-")
	if digits == "" || len(fraction) > decimals || strings.Trim(digits, "0123456789") != "" || strings.Trim(fraction, "0123456789") != "" {
		return nil, false
	}
	return new(big.Int).SetString(whole+fraction+zeros[len(fraction):], 10)
}

const zeros = "000000000000000000"

func power(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

// round divides to the nearest whole number, halves away from 0.
func round(a, b *big.Int) *big.Int {
	twice := new(big.Int).Mul(new(big.Int).Abs(a), big.NewInt(2))
	out := twice.Add(twice, b).Quo(twice, new(big.Int).Mul(b, big.NewInt(2)))
	if a.Sign() < 0 {
		out.Neg(out)
	}
	return out
}

// toNanos rounds a sum of amounts to the nano-unit, once.
func toNanos(amount *big.Int) (cost.Nanos, bool) {
	n := round(amount, attosPerNano)
	return cost.Nanos(n.Int64()), n.IsInt64()
}
