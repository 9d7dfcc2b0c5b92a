package cli

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

// maxSourceWidth is how much of a line's source stands in a table.
const maxSourceWidth = 48

// categoryNames are the words for the categories of a bill, the same as in the browser; a new one shows under its own name.
var categoryNames = map[string]string{
	"idle.no_work":       "Idle, nothing submitted",
	"idle.starved":       "Idle, tasks elsewhere",
	"idle.waiting_data":  "Idle, waiting for data",
	"idle.paused":        "Idle, paused",
	"idle.holding":       "Idle, holding results",
	"idle.starting":      "Idle, starting",
	"idle.closing":       "Idle, closing",
	"overhead.dask":      "Dask overhead",
	"overhead.scheduler": "Scheduler",
	"unattributed":       "Work on no line",
}

// categoryRank orders what is not on a line: idle by reason, overhead, then work that no line claims.
func categoryRank(name string) int {
	switch {
	case strings.HasPrefix(name, "idle."):
		return 0
	case strings.HasPrefix(name, "overhead."):
		return 1
	default:
		return 2
	}
}

func categoryName(name string) string {
	if words, ok := categoryNames[name]; ok {
		return words
	}
	words := strings.ReplaceAll(strings.Replace(name, ".", ", ", 1), "_", " ")
	if words == "" {
		return name
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// verifyBill checks the promise of every bill: lines, categories and unknown are the total, to the nano-unit.
func verifyBill(b sdk.Bill) error {
	sum := b.UnknownNanos
	for _, line := range b.Lines {
		sum += line.CostNanos
	}
	for _, category := range b.Categories {
		sum += category.CostNanos
	}
	if sum != b.TotalNanos {
		return fmt.Errorf("the bill of %s does not add up: its parts sum to %d nano-units of %s, its total says %d; "+
			"this is a fault of the server, please report it", b.ClusterID, sum, b.Currency, b.TotalNanos)
	}
	return nil
}

// billRow is a row of a bill's table.
type billRow struct {
	where, source string
	seconds       float64
	nanos         int64
}

// billTable lays out a bill: lines dearest first, their sum, then idle by reason, overhead, unattributed work, what is unknown, and the
// whole. All displayed parts add up. At most limit lines stand alone, the rest together; 0 shows all.
func billTable(b sdk.Bill, limit int) *format.Table {
	rows := lineRows(b.Lines, limit)
	return rowsTable(rows, categoryRows(b), "Bill", b.Currency)
}

// lineRows are the rows of lines, dearest first.
func lineRows(lines []sdk.BillLine, limit int) []billRow {
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(x, y sdk.BillLine) int { return cmp.Compare(y.CostNanos, x.CostNanos) })
	names := shortNames(lines)
	rows := make([]billRow, 0, len(lines))
	for _, line := range lines {
		rows = append(rows, billRow{fmt.Sprintf("%s:%d", names[line.File], line.Line), lineText(line), line.ThreadSeconds, line.CostNanos})
	}
	if limit <= 0 || len(rows) <= limit+1 {
		return rows
	}
	rest := billRow{where: fmt.Sprintf("%d more lines", len(rows)-limit)}
	for _, row := range rows[limit:] {
		rest.seconds += row.seconds
		rest.nanos += row.nanos
	}
	return append(rows[:limit:limit], rest)
}

// rowsTable lays out rows of lines, their sum where others follow, those others, and the sum of all under the given name.
func rowsTable(lines, others []billRow, total, currency string) *format.Table {
	rows := slices.Concat(lines, others)
	parts := make([]int64, len(rows))
	for i, row := range rows {
		parts[i] = row.nanos
	}
	amounts, shares := format.Fit(parts, currency), format.FitShares(parts)
	table := format.NewTable(
		format.Header{Name: "line"},
		format.Header{Name: "source", Max: maxSourceWidth},
		format.Header{Name: "thread time", Align: format.Right},
		format.Header{Name: "share", Align: format.Right},
		format.Header{Name: "cost", Align: format.Right},
	)
	var seconds float64
	for i, row := range rows {
		if i == len(lines) {
			table.Rule()
			table.Row("Lines of code", "", threadTime(seconds), shares.Sum(0, i), amounts.Sum(0, i))
		}
		seconds += row.seconds
		table.Row(row.where, row.source, threadTime(row.seconds), shares.Cell(i), amounts.Cell(i))
	}
	table.Rule()
	table.Row(total, "", "", shares.Sum(0, len(rows)), amounts.Total())
	return table
}

// threadTime is empty where there is none: the scheduler's overhead for instance has a price but no worker's time.
func threadTime(seconds float64) string {
	if seconds <= 0 {
		return ""
	}
	return format.Seconds(seconds)
}

// categoryRows are the rows below the lines; the last one is what is unknown, also when that is nothing.
func categoryRows(b sdk.Bill) []billRow {
	categories := slices.Clone(b.Categories)
	slices.SortStableFunc(categories, func(x, y sdk.BillCategory) int {
		return cmp.Or(cmp.Compare(categoryRank(x.Name), categoryRank(y.Name)), cmp.Compare(y.CostNanos, x.CostNanos))
	})
	rows := make([]billRow, 0, len(categories)+1)
	for _, category := range categories {
		rows = append(rows, billRow{where: categoryName(category.Name), seconds: category.ThreadSeconds, nanos: category.CostNanos})
	}
	return append(rows, billRow{where: "Unknown", nanos: b.UnknownNanos})
}

// billNotes say how the bill was computed.
func billNotes(b sdk.Bill) []string {
	coverage := format.Dash
	if b.CapacitySeconds > 0 {
		coverage = format.Share(b.CoverageSeconds / b.CapacitySeconds)
	}
	return []string{
		"",
		fmt.Sprintf("Lines + idle + overhead + unknown = the cluster's cost. Coverage %s.", coverage),
		fmt.Sprintf("Prices: %s a core, %s a GB of memory. %s", format.Rate(b.Rates.CoreHourNanos, b.Rates.Currency),
			format.Rate(b.Rates.GigabyteHourNanos, b.Rates.Currency), full(b.Rates.Source)),
	}
}

// costLine is a bill in one quiet line: money, time, dearest line, waste over 10 %.
func costLine(b sdk.Bill) string {
	parts := []string{format.Money(b.TotalNanos, b.Currency), format.Duration(b.AsOf.Sub(b.Start).Round(time.Millisecond))}
	if b.TotalNanos > 0 && len(b.Lines) > 0 {
		dearest := slices.MaxFunc(b.Lines, func(x, y sdk.BillLine) int { return cmp.Compare(x.CostNanos, y.CostNanos) })
		name := shortNames(b.Lines)[dearest.File]
		parts = append(parts, fmt.Sprintf("%s %s (%s:%d)", percent(dearest.CostNanos, b.TotalNanos), lineWhat(dearest), name, dearest.Line))
	}
	idle := int64(0)
	for _, category := range b.Categories {
		if strings.HasPrefix(category.Name, "idle.") {
			idle += category.CostNanos
		}
	}
	if idle*10 > b.TotalNanos {
		parts = append(parts, percent(idle, b.TotalNanos)+" idle")
	}
	return strings.Join(parts, " · ")
}

// percent writes a share without decimals, for running text.
func percent(part, of int64) string {
	return fmt.Sprintf("%d\u202f%%", int64(math.Round(float64(part)*100/float64(of))))
}

func lineWhat(line sdk.BillLine) string {
	if line.Function == "" || line.Function == "<module>" {
		return "one line"
	}
	return line.Function
}

// lineText is what stands for a line's source where the source may not be seen.
func lineText(line sdk.BillLine) string {
	if text := strings.TrimSpace(line.Text); text != "" {
		return text
	}
	if line.Function != "" {
		return "in " + line.Function
	}
	return ""
}

// shortNames gives each file of the lines the shortest end of its path that no other file shares, and cells a short name.
func shortNames(lines []sdk.BillLine) map[string]string {
	names := make(map[string]string, len(lines))
	for _, line := range lines {
		names[line.File] = line.File
	}
	files := make([]string, 0, len(names))
	for file := range names {
		files = append(files, file)
	}
	for _, file := range files {
		if hash, ok := strings.CutPrefix(file, "cell:"); ok {
			names[file] = "cell " + hash[:min(8, len(hash))]
			continue
		}
		short := filepath.Base(file)
		for short != file && slices.ContainsFunc(files, func(other string) bool { return other != file && endsWith(other, short) }) {
			rest := strings.TrimSuffix(strings.TrimSuffix(file, short), "/")
			short = filepath.Base(rest) + "/" + short
			if len(short) >= len(file) {
				short = file
			}
		}
		names[file] = short
	}
	return names
}

// endsWith reports whether the path ends with the whole names in suffix.
func endsWith(path, suffix string) bool {
	return path == suffix || strings.HasSuffix(path, "/"+suffix)
}

// billHeader names the columns of a bill for programs.
var billHeader = []string{"kind", "name", "file", "line", "function", "text", "cost_nanos", "currency", "thread_seconds", "cpu_seconds"}

// billAnswer is a bill in every format.
func billAnswer(b sdk.Bill, limit int) answer {
	a := answer{
		json: b, header: billHeader, rows: billLineRecords(b.Lines, b.Currency),
		text: costLine(b) + "\n\n", table: billTable(b, limit), notes: billNotes(b),
	}
	for _, category := range b.Categories {
		a.rows = append(a.rows, []string{
			"category", category.Name, "", "", "", "", whole(category.CostNanos), b.Currency, decimal(category.ThreadSeconds), "",
		})
	}
	a.rows = append(a.rows, []string{"unknown", "unknown", "", "", "", "", whole(b.UnknownNanos), b.Currency, "", ""})
	return a
}

func billLineRecords(lines []sdk.BillLine, currency string) [][]string {
	var records [][]string
	for _, line := range lines {
		records = append(records, []string{
			"line", "", line.File, strconv.Itoa(line.Line), line.Function, line.Text,
			whole(line.CostNanos), currency, decimal(line.ThreadSeconds), decimal(line.CPUSeconds),
		})
	}
	return records
}
