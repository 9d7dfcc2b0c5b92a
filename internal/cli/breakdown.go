package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

// breakdown asks for cost by anything, and shows it.
func breakdown(cmd *cobra.Command, c *connection, o *output, q sdk.BreakdownOptions, showSQL bool) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	found, err := client.CostBreakdown(cmd.Context(), q)
	if err != nil {
		return err
	}
	sum := found.RestNanos
	for _, row := range found.Rows {
		sum += row.CostNanos
	}
	if sum != found.TotalNanos {
		return fmt.Errorf("the server's rows sum to %d nano-units, its total is %d: please report this", sum, found.TotalNanos)
	}
	a := breakdownAnswer(found, time.Now())
	if showSQL {
		a.notes = append(a.notes, "", fmt.Sprintf("Asked so, of %d rows in %d files:", found.RowsRead, found.Segments), found.SQL)
	}
	return o.write(cmd, a)
}

// breakdownFile writes the server's file as it is: with all rows unless fewer are asked for.
func breakdownFile(cmd *cobra.Command, c *connection, q sdk.BreakdownOptions, format string) error {
	if format != sdk.FileCSV && isTerminal(cmd.OutOrStdout()) {
		return usage(cmd, "%s is no text, so it is not written to a terminal; send it to a file, as in > cost.%s, or choose -o csv.", format, format)
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	data, err := client.CostFile(cmd.Context(), q, format)
	if err != nil {
		return err
	}
	if _, err := cmd.OutOrStdout().Write(data); err != nil {
		return fmt.Errorf("write the costs: %w", err)
	}
	return nil
}

// breakdownAnswer lists rows as the server orders them.
func breakdownAnswer(b sdk.CostBreakdown, now time.Time) answer {
	a := answer{json: b}
	zone, err := time.LoadLocation(b.Zone)
	if err != nil {
		zone = time.UTC
	}
	a.text = fmt.Sprintf("From %s to %s, %s", format.At(b.Start, now, zone), format.At(b.End, now, zone), b.Zone)
	if len(b.Where) > 0 {
		a.text += "; " + strings.Join(b.Where, " and ")
	}
	a.text += "\n\n"
	parts := make([]int64, 0, len(b.Rows)+1)
	for _, row := range b.Rows {
		parts = append(parts, row.CostNanos)
	}
	if b.RestRows > 0 {
		parts = append(parts, b.RestNanos)
	}
	if len(b.Rows) == 0 {
		a.text += "Nothing was spent on that.\n"
		return a
	}
	amounts, shares := format.Fit(parts, b.Currency), format.FitShares(parts)
	headers := make([]format.Header, 0, len(b.By)+3)
	for _, name := range b.By {
		headers = append(headers, format.Header{Name: name})
	}
	a.table = format.NewTable(append(headers, format.Header{Name: "thread time", Align: format.Right},
		format.Header{Name: "share", Align: format.Right}, format.Header{Name: "cost", Align: format.Right})...)
	for i, row := range b.Rows {
		a.table.Row(append(breakdownKeys(b, row), threadTime(row.ThreadSeconds), shares.Cell(i), amounts.Cell(i))...)
	}
	blank := make([]string, len(b.By))
	if b.RestRows > 0 {
		rest := slices.Clone(blank)
		rest[0] = strconv.Itoa(b.RestRows) + " more rows"
		a.table.Row(append(rest, "", shares.Cell(len(b.Rows)), amounts.Cell(len(b.Rows)))...)
	}
	a.table.Rule()
	blank[0] = "Total"
	a.table.Row(append(blank, "", shares.Sum(0, len(parts)), amounts.Total())...)
	a.notes = breakdownNotes(b, zone)
	return a
}

// breakdownKeys are a row's values as people read them.
func breakdownKeys(b sdk.CostBreakdown, row sdk.BreakdownRow) []string {
	keys := slices.Clone(row.Keys)
	for i, name := range b.By {
		switch {
		case keys[i] == "":
			keys[i] = "–"
		case name == "cluster" && b.Names[keys[i]] != "":
			keys[i] = b.Names[keys[i]] + " " + keys[i]
		}
	}
	return keys
}

// breakdownNotes say how far the figures reach.
func breakdownNotes(b sdk.CostBreakdown, zone *time.Location) []string {
	notes := append([]string{fmt.Sprintf("%d clusters; prices: %s.", b.Clusters, b.Rates.Source)}, invoiceNotes(b)...)
	if b.AllNanos != b.TotalNanos {
		notes = append(notes, fmt.Sprintf("The whole window cost %s; these rows are %s of it.",
			format.Money(b.AllNanos, b.Currency), format.Share(float64(b.TotalNanos)/float64(b.AllNanos))))
	}
	seen := "All of its cost was observed."
	if b.UnseenNanos > 0 {
		seen = fmt.Sprintf("%s of the window's cost was not observed (unknown or lost).", format.Share(float64(b.UnseenNanos)/float64(b.AllNanos)))
	}
	if !b.AsOf.IsZero() { // servers from before the warehouse do not say
		seen = "As of " + b.AsOf.In(zone).Format(time.TimeOnly) + ". " + seen
	}
	notes = append(notes, seen)
	return append(notes, b.Notes...)
}

// invoiceNotes say which invoices invoiced figures follow, and which months have none.
func invoiceNotes(b sdk.CostBreakdown) []string {
	if b.Figures != sdk.FiguresInvoiced {
		return nil
	}
	notes := []string{fmt.Sprintf("Invoiced figures: by the prices in force these rows were metered at %s.", format.Money(b.MeteredTotalNanos, b.Currency))}
	var none, running []string
	for _, m := range b.Invoices {
		switch m.Status {
		case "invoiced":
			sources := make([]string, len(m.Imports))
			for i, v := range m.Imports {
				sources[i] = v.ID
				if v.Source != "" {
					sources[i] += " (" + v.Source + ")"
				}
				for _, f := range v.Factors {
					sources[i] += fmt.Sprintf(", %s at %.6f", f.Target, f.Factor)
				}
				if more := v.Groups - len(v.Factors); more > 0 {
					sources[i] += fmt.Sprintf(", %d more", more)
				}
			}
			notes = append(notes, fmt.Sprintf("%s: trued up by %s, from %s.", m.Month, format.Money(m.TrueUpNanos, b.Currency), strings.Join(sources, "; ")))
		case "none":
			none = append(none, m.Month)
		default:
			running = append(running, m.Month)
		}
	}
	if len(none) > 0 {
		notes = append(notes, "No invoice was imported for "+strings.Join(none, ", ")+": metered.")
	}
	if len(running) > 0 {
		notes = append(notes, "Not over yet, so metered: "+strings.Join(running, ", ")+".")
	}
	return notes
}
