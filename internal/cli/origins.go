package cli

import (
	"cmp"
	"slices"

	"github.com/lineitem/lineitem/sdk"
)

// codeLine is a line of user code.
type codeLine struct {
	file     string
	line     int
	function string
}

// codeSum adds up entries of a bill that are on one line.
type codeSum struct {
	codeLine
	text       string
	seconds    float64
	nanos      int64
	operations map[string]float64
	// entries are the entries that were added.
	entries []sdk.BillLine
}

// workSeconds is the time that an entry's cost stands for.
func workSeconds(line sdk.BillLine) float64 { return line.ThreadSeconds + line.NativeSeconds }

func standsOn(line sdk.BillLine) (codeLine, string) {
	return codeLine{line.File, line.Line, line.Function}, line.Text
}

// createdBy is the line that created the work; of a server that does not say, the line where it was done.
func createdBy(line sdk.BillLine) (codeLine, string) {
	if line.OriginFile == "" {
		return standsOn(line)
	}
	return codeLine{line.OriginFile, line.OriginLine, line.OriginFunction}, line.OriginText
}

// byLine adds up the entries of a bill by a line of each, dearest first.
func byLine(lines []sdk.BillLine, of func(sdk.BillLine) (codeLine, string)) []codeSum {
	index := map[codeLine]int{}
	var sums []codeSum
	for _, line := range lines {
		key, text := of(line)
		i, ok := index[key]
		if !ok {
			i = len(sums)
			index[key] = i
			sums = append(sums, codeSum{codeLine: key, text: text, operations: map[string]float64{}})
		}
		sum := &sums[i]
		sum.seconds += workSeconds(line)
		sum.nanos += line.CostNanos
		// By money where there is any: a cluster may be free.
		sum.operations[line.Operation] += float64(line.CostNanos) + workSeconds(line)*1e-9
		sum.entries = append(sum.entries, line)
	}
	slices.SortStableFunc(sums, func(a, b codeSum) int { return cmp.Compare(b.nanos, a.nanos) })
	return sums
}

// operation is what most of the work on the line was.
func (s codeSum) operation() string {
	best := ""
	for name, weight := range s.operations {
		if best == "" || weight > s.operations[best] || (weight == s.operations[best] && name < best) {
			best = name
		}
	}
	return best
}

// inside are the lines where the work that a line created was done; none if it was all done on the line itself.
func (s codeSum) inside() []codeSum {
	inner := byLine(s.entries, standsOn)
	if len(inner) == 1 && inner[0].codeLine == s.codeLine {
		return nil
	}
	return inner
}

// lineRows are the rows of the lines where the work was done, dearest first. At most limit stand alone, the rest together; 0 shows all.
func lineRows(lines []sdk.BillLine, limit int) []billRow {
	names := shortNames(lines)
	var rows []billRow
	for _, sum := range byLine(lines, standsOn) {
		rows = append(rows, sum.row(names, 0))
	}
	return limitRows(rows, limit)
}

// maxInside is how many lines stand inside one line.
const maxInside = 4

// originRows are the rows of the lines that created the work, dearest first, each followed by the lines where it was done. At most limit stand alone.
func originRows(lines []sdk.BillLine, limit int) []billRow {
	names := shortNames(lines)
	var rows []billRow
	for _, sum := range byLine(lines, createdBy) {
		row := sum.row(names, 0)
		var inner []billRow
		for _, s := range sum.inside() {
			inner = append(inner, s.row(names, 1))
		}
		row.inside = limitRows(inner, maxInside)
		rows = append(rows, row)
	}
	return limitRows(rows, limit)
}

func (s codeSum) row(names map[string]string, depth int) billRow {
	return billRow{
		depth: depth, where: lineName(names, s.codeLine), source: lineText(s.text, s.function), operation: operationWords(s.operation()),
		seconds: s.seconds, nanos: s.nanos,
	}
}
