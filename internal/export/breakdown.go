package export

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/lineitem/lineitem/internal/core/spend"
)

// Breakdown is an answer to a question of cost, ready to be a file.
type Breakdown struct {
	spend.Answer
	// Prices says in words who says what machines cost.
	Prices string
}

// Columns of such files beside the dimensions that were asked for. The column cost_nanos sums to the answer's total; cost is the same amounts in units of the
// currency. rest_rows is 0, but in the last row where rows were left out: it stands for so many.
const (
	columnClusterName   = "cluster_name"
	columnNanos         = "cost_nanos"
	columnCost          = "cost"
	columnCurrency      = "currency"
	columnThreadSeconds = "thread_seconds"
	columnCPUSeconds    = "cpu_seconds"
	columnRestRows      = "rest_rows"
)

// texts are the columns of text: the dimensions, and the names of clusters where clusters were asked for.
func (b Breakdown) texts() []string {
	names := make([]string, 0, len(b.By)+1)
	for _, dimension := range b.By {
		names = append(names, string(dimension))
	}
	if slices.Contains(b.By, "cluster") {
		names = append(names, columnClusterName)
	}
	return names
}

// line is one row of a file.
type line struct {
	texts []string
	spend.Row
	restRows int
}

// lines calls back for every row of the file, the rest last. The texts are valid only until the next one.
func (b Breakdown) lines(do func(line) error) error {
	names := b.texts()
	cluster := slices.Index(b.By, "cluster")
	texts := make([]string, len(names))
	for _, row := range b.Rows {
		for i, key := range row.Keys {
			texts[i] = text(key)
		}
		if cluster >= 0 {
			texts[len(texts)-1] = text(b.Names[row.Keys[cluster]])
		}
		if err := do(line{texts: texts, Row: row}); err != nil {
			return err
		}
	}
	if b.RestRows == 0 {
		return nil
	}
	return do(line{texts: make([]string, len(names)), Row: spend.Row{Cost: b.Rest}, restRows: b.RestRows})
}

// Metadata is what the columns do not say: which question it answers, over which time, and how far the figures reach.
func (b Breakdown) Metadata() map[string]string {
	where := make([]string, 0, len(b.Where))
	for _, f := range b.Where {
		where = append(where, text(f.String()))
	}
	metadata := map[string]string{
		"lineitem.by":            list(b.texts()[:len(b.By)]),
		"lineitem.where":         list(where),
		"lineitem.start":         b.Since.UTC().Format(time.RFC3339),
		"lineitem.end":           b.Until.UTC().Format(time.RFC3339Nano),
		"lineitem.zone":          text(b.Zone.String()),
		"lineitem.as_of":         b.AsOf.UTC().Format(time.RFC3339),
		"lineitem.currency":      text(string(b.Currency)),
		"lineitem.total_nanos":   strconv.FormatInt(int64(b.Total), 10),
		"lineitem.all_nanos":     strconv.FormatInt(int64(b.All), 10),
		"lineitem.unseen_nanos":  strconv.FormatInt(int64(b.Unseen), 10),
		"lineitem.prices":        text(b.Prices),
		"lineitem.rules_version": strconv.Itoa(b.RulesVersion),
	}
	if b.Booked != nil {
		metadata["lineitem.figures"] = string(spend.Invoiced)
		metadata["lineitem.metered_total_nanos"] = strconv.FormatInt(int64(b.MeteredTotal), 10)
	}
	if b.SQL != "" {
		metadata["lineitem.sql"] = text(b.SQL)
	}
	return metadata
}

// list is a JSON array: filters may hold any character.
func list(texts []string) string {
	data, _ := json.Marshal(texts) // texts always marshal
	return string(data)
}

// BreakdownCSV writes an answer as a table. Texts that a spreadsheet would run as a formula are made text by an apostrophe.
func BreakdownCSV(w io.Writer, b Breakdown) error {
	out := csv.NewWriter(w)
	names := b.texts()
	header := append(slices.Clone(names), columnNanos, columnCost, columnCurrency, columnThreadSeconds, columnCPUSeconds, columnRestRows)
	if err := out.Write(header); err != nil {
		return err
	}
	row := make([]string, len(header))
	amounts := row[len(names):]
	currency := csvText(string(b.Currency))
	err := b.lines(func(l line) error {
		for i, cell := range l.texts {
			row[i] = csvText(cell)
		}
		amounts[0], amounts[1], amounts[2] = strconv.FormatInt(int64(l.Cost), 10), decimal(int64(l.Cost)), currency
		amounts[3], amounts[4], amounts[5] = seconds(l.ThreadMicros), seconds(l.CPUMicros), strconv.Itoa(l.restRows)
		return out.Write(row)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}
