package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lineitem/lineitem/internal/core/bill"
)

// csvHeader begins with the columns of `lineitem bill -o csv`.
var csvHeader = []string{
	"kind", "name", "file", "line", "function", "text", "cost_nanos", "currency", "thread_seconds", "cpu_seconds", "native_seconds",
	"origin_file", "origin_line", "origin_function", "origin_text", "origin_level", "operation", "library", "cost",
}

// CSV writes a bill as a table: one row per entry, per category, and one for what is unknown. The column cost_nanos sums to the bill's total.
// Cells that a spreadsheet would run as a formula are made text by an apostrophe.
func CSV(w io.Writer, b bill.Bill) error {
	out := csv.NewWriter(w)
	if err := out.Write(csvHeader); err != nil {
		return err
	}
	currency := text(string(b.Card.Currency))
	write := func(row []string) error {
		for i, cell := range row {
			row[i] = csvText(cell)
		}
		return out.Write(row)
	}
	for _, l := range b.Lines {
		if err := write([]string{
			"line", "", l.File, strconv.Itoa(l.Line.Line), l.Function, l.Text, strconv.FormatInt(int64(l.Cost), 10), currency,
			seconds(l.ThreadMicros), seconds(l.CPUMicros), seconds(l.NativeMicros),
			l.Origin.File, strconv.Itoa(l.Origin.Line), l.Origin.Function, l.OriginText, labelsOf(l).Origin, l.Operation, l.Library, decimal(int64(l.Cost)),
		}); err != nil {
			return err
		}
	}
	rest := func(kind, name string, nanos, micros int64) error {
		row := make([]string, len(csvHeader))
		copy(row, []string{kind, name, "", "", "", "", strconv.FormatInt(nanos, 10), currency, seconds(micros)})
		row[len(row)-1] = decimal(nanos)
		return write(row)
	}
	for _, k := range b.Categories {
		if err := rest("category", k.Name, int64(k.Cost), k.ThreadMicros); err != nil {
			return err
		}
	}
	if err := rest(Unknown, Unknown, int64(b.Unknown), b.UnknownMicros); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// csvText defuses formulas. Numbers of ours are never negative.
func csvText(cell string) string {
	cell = text(cell)
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// seconds writes microseconds exactly.
func seconds(micros int64) string { return fraction(micros, 1_000_000, 6) }

// decimal writes nano-units exactly, in units of the currency.
func decimal(nanos int64) string { return fraction(nanos, 1_000_000_000, 9) }

// fraction writes n units exactly. A correction may be less than nothing.
func fraction(n, unit int64, digits int) string {
	sign, whole, part := "", n/unit, n%unit
	if n < 0 {
		// Negated apart: the least number has no opposite.
		sign, whole, part = "-", -whole, -part
	}
	return sign + strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%0*d", whole, digits, part), "0"), ".")
}
