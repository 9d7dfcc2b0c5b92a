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
	"idle.gpu":           "Idle GPUs",
	"overhead.dask":      "Dask overhead",
	"overhead.scheduler": "Scheduler",
	"unattributed":       "Work on no line",
	"lost.worker":        "Lost with a worker",
	"lost.telemetry":     "Reports lost",
}

// categoryRank orders what is not on a line: idle by reason, overhead, work that no line claims, then what was lost.
func categoryRank(name string) int {
	switch {
	case strings.HasPrefix(name, "idle."):
		return 0
	case strings.HasPrefix(name, "overhead."):
		return 1
	case strings.HasPrefix(name, "lost."):
		return 3
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
	// depth is 1 for a row that stands inside another one.
	depth                    int
	where, source, operation string
	seconds                  float64
	nanos                    int64
	// inside are rows that split this one. They sum to it.
	inside []billRow
}

// limitRows keeps at most limit rows, and one with the sum of the rest; 0 keeps all.
func limitRows(rows []billRow, limit int) []billRow {
	if limit <= 0 || len(rows) <= limit+1 {
		return rows
	}
	rest := billRow{depth: rows[0].depth, where: fmt.Sprintf("%d more lines", len(rows)-limit)}
	for _, row := range rows[limit:] {
		rest.seconds += row.seconds
		rest.nanos += row.nanos
	}
	return append(rows[:limit:limit], rest)
}

// parts are the amounts of the rows that are not split further.
func parts(rows []billRow) []int64 {
	var out []int64
	for _, row := range rows {
		if len(row.inside) > 0 {
			out = append(out, parts(row.inside)...)
		} else {
			out = append(out, row.nanos)
		}
	}
	return out
}

// billTable lays out a bill: lines dearest first, their sum, then idle by reason, overhead, unattributed work, what was lost, what is unknown, and
// the whole. All displayed parts add up.
func billTable(b sdk.Bill, lines []billRow) *format.Table {
	return rowsTable(lines, categoryRows(b), "Bill", b.Currency)
}

// rowsTable lays out rows of lines, their sum where others follow, those others, and the sum of all under the given name.
func rowsTable(lines, others []billRow, total, currency string) *format.Table {
	all := parts(slices.Concat(lines, others))
	amounts, shares := format.Fit(all, currency), format.FitShares(all)
	table := format.NewTable(
		format.Header{Name: "line"},
		format.Header{Name: "source", Max: maxSourceWidth},
		format.Header{Name: "operation"},
		format.Header{Name: "thread time", Align: format.Right},
		format.Header{Name: "share", Align: format.Right},
		format.Header{Name: "cost", Align: format.Right},
	)
	from := 0
	add := func(row billRow, to int) {
		table.Row(strings.Repeat("  ", row.depth)+row.where, row.source, row.operation, threadTime(row.seconds), shares.Sum(from, to), amounts.Sum(from, to))
	}
	var seconds float64
	for _, row := range lines {
		seconds += row.seconds
		add(row, from+len(parts([]billRow{row})))
		for _, inner := range row.inside {
			add(inner, from+1)
			from++
		}
		if len(row.inside) == 0 {
			from++
		}
	}
	if len(others) > 0 {
		table.Rule()
		table.Row("Lines of code", "", "", threadTime(seconds), shares.Sum(0, from), amounts.Sum(0, from))
	}
	for _, row := range others {
		add(row, from+1)
		from++
	}
	table.Rule()
	table.Row(total, "", "", "", shares.Sum(0, from), amounts.Total())
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
	notes := []string{
		"",
		fmt.Sprintf("Lines + idle + overhead + lost + unknown = the cluster's cost. Coverage %s.", coverage),
	}
	if b.WorkSeconds > 0 {
		notes = append(notes, format.Share(b.OriginSeconds/b.WorkSeconds)+" of the work stands on the line that created it.")
	}
	if b.Method == "sampled" {
		notes = append(notes, "The cluster was looked at from outside, once a second: times are estimates.")
	}
	return append(append(notes, gpuNotes(b)...), priceNotes(b)...)
}

// gpuNotes say how much of a bill was for GPUs.
func gpuNotes(b sdk.Bill) []string {
	var notes []string
	for _, g := range b.GPUs {
		note := fmt.Sprintf("GPUs: %d %s, %.2f hours", g.Devices, g.Model, g.Seconds/3600)
		switch {
		case g.UnpricedSeconds > 0 && g.UnpricedSeconds >= g.Seconds:
			notes = append(notes, note+". What they cost is not known: the price book has no gpu_hour for them.")
			continue
		case g.UnpricedSeconds > 0:
			note += fmt.Sprintf(", %.2f of them without a price", g.UnpricedSeconds/3600)
		}
		notes = append(notes, fmt.Sprintf("%s: %s of the bill, %s of that while nothing ran on them.", note, format.Money(g.CostNanos, b.Currency), format.Money(g.IdleCostNanos, b.Currency)))
	}
	return notes
}

// priceNotes say by what prices a bill was computed: one, or all where there were several.
func priceNotes(b sdk.Bill) []string {
	if len(b.Prices) < 2 {
		return []string{priceNote(b.Rates.CoreHourNanos, b.Rates.GigabyteHourNanos, b.Rates.Currency, b.Rates.Source, b.Rates.AsOf)}
	}
	var notes []string
	for _, use := range b.Prices {
		who := fmt.Sprintf("%s, %d of the processes. ", format.Money(use.CostNanos, b.Currency), use.Processes)
		if use.Source == "" {
			notes = append(notes, who+"Their prices were not kept.")
			continue
		}
		if use.GPU != "" {
			notes = append(notes, who+gpuPriceNote(use, b.Currency))
			continue
		}
		notes = append(notes, who+priceNote(use.CoreHourNanos, use.GigabyteHourNanos, b.Currency, use.Source, use.AsOf))
	}
	return notes
}

func priceNote(core, gigabyte int64, currency, source string, asOf *time.Time) string {
	return fmt.Sprintf("Prices: %s a core, %s a GB of memory. %s", format.Rate(core, currency), format.Rate(gigabyte, currency), full(sourceAsOf(source, asOf)))
}

func gpuPriceNote(use sdk.PriceUse, currency string) string {
	return fmt.Sprintf("Prices: %s a GPU %s. %s", format.Rate(use.GPUHourNanos, currency), use.GPU, full(sourceAsOf(use.Source, use.AsOf)))
}

// sourceAsOf says where a price comes from, and when it was true there.
func sourceAsOf(source string, asOf *time.Time) string {
	if asOf == nil {
		return source
	}
	return strings.TrimSuffix(source, ".") + ", as of " + day(*asOf)
}

// costLine is a bill in one quiet line: money, time, the line that created the dearest work, waste over 10 %.
func costLine(b sdk.Bill) string {
	parts := []string{format.Money(b.TotalNanos, b.Currency), format.Duration(b.AsOf.Sub(b.Start).Round(time.Millisecond))}
	if b.TotalNanos > 0 && len(b.Lines) > 0 {
		dearest := byLine(b.Lines, createdBy)[0]
		parts = append(parts, fmt.Sprintf("%s %s (%s)", percent(dearest.nanos, b.TotalNanos), lineWhat(dearest), lineName(shortNames(b.Lines), dearest.codeLine)))
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

// lineWhat says what a line did: the kind of work, else the function.
func lineWhat(line codeSum) string {
	if operation := line.operation(); !isUnknown(operation) {
		return operationWords(operation)
	}
	if line.function == "" || line.function == "<module>" {
		return "one line"
	}
	return line.function
}

func lineName(names map[string]string, line codeLine) string {
	return fmt.Sprintf("%s:%d", names[line.file], line.line)
}

// lineText is a line's source, or what stands for it where the source may not be seen.
func lineText(text, function string) string {
	if text := strings.TrimSpace(text); text != "" {
		return text
	}
	if function != "" {
		return "in " + function
	}
	return ""
}

// shortNames gives each file of the lines the shortest end of its path that no other file shares, and cells a short name.
func shortNames(lines []sdk.BillLine) map[string]string {
	var files []string
	for _, line := range lines {
		files = append(files, line.File, line.OriginFile)
	}
	return shortFiles(files)
}

func shortFiles(files []string) map[string]string {
	names := make(map[string]string, len(files))
	slices.Sort(files)
	files = slices.Compact(files)
	for _, file := range files {
		names[file] = shortName(file, files)
	}
	return names
}

func shortName(file string, files []string) string {
	if hash, ok := strings.CutPrefix(file, "cell:"); ok {
		return "cell " + hash[:min(8, len(hash))]
	}
	if file == "" {
		return ""
	}
	short := filepath.Base(file)
	for short != file && slices.ContainsFunc(files, func(other string) bool { return other != file && endsWith(other, short) }) {
		rest := strings.TrimSuffix(strings.TrimSuffix(file, short), "/")
		short = filepath.Base(rest) + "/" + short
		if len(short) >= len(file) {
			short = file
		}
	}
	return short
}

// endsWith reports whether the path ends with the whole names in suffix.
func endsWith(path, suffix string) bool {
	return path == suffix || strings.HasSuffix(path, "/"+suffix)
}

// billHeader names the columns of a bill for programs.
var billHeader = []string{
	"kind", "name", "file", "line", "function", "text", "cost_nanos", "currency", "thread_seconds", "cpu_seconds",
	"native_seconds", "origin_file", "origin_line", "origin_function", "origin_text", "origin_level", "operation", "library",
}

// billAnswer is a bill in every format; the rows are those of its table.
func billAnswer(b sdk.Bill, lines []billRow) answer {
	a := answer{
		json: b, header: billHeader, rows: billLineRecords(b.Lines, b.Currency),
		text: costLine(b) + "\n\n", table: billTable(b, lines), notes: billNotes(b),
	}
	for _, category := range b.Categories {
		a.rows = append(a.rows, billRecord("category", category.Name, category.CostNanos, b.Currency, decimal(category.ThreadSeconds)))
	}
	a.rows = append(a.rows, billRecord("unknown", "unknown", b.UnknownNanos, b.Currency, ""))
	return a
}

// billRecord is a record of what is on no line.
func billRecord(kind, name string, nanos int64, currency, seconds string) []string {
	record := make([]string, len(billHeader))
	copy(record, []string{kind, name, "", "", "", "", whole(nanos), currency, seconds})
	return record
}

func billLineRecords(lines []sdk.BillLine, currency string) [][]string {
	var records [][]string
	for _, line := range lines {
		records = append(records, []string{
			"line", "", line.File, strconv.Itoa(line.Line), line.Function, line.Text,
			whole(line.CostNanos), currency, decimal(line.ThreadSeconds), decimal(line.CPUSeconds),
			decimal(line.NativeSeconds), line.OriginFile, strconv.Itoa(line.OriginLine), line.OriginFunction, line.OriginText, line.OriginLevel,
			line.Operation, line.Library,
		})
	}
	return records
}
