package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

func newWarehouseCommand(c *connection) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "warehouse",
		Short: "Show how the files are that costs are answered from (admins)",
		Long: `Show how many files the warehouse has, what it still has to write, and which files were found damaged. A damaged file is set aside and what it
held is written again from the database; where that does not keep it any more, the table says how much of the day's cost is unknown since.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			w, err := client.Warehouse(cmd.Context())
			if err != nil {
				return err
			}
			return o.write(cmd, warehouseAnswer(w))
		},
	}
	o.flag(cmd)
	return cmd
}

// warehouseAnswer says how the warehouse is.
func warehouseAnswer(w sdk.Warehouse) answer {
	a := answer{json: w, header: []string{"found_at", "table", "day", "reason", "unknown_nanos", "missing_nanos", "at_most", "bytes", "file"}}
	a.text = fmt.Sprintf("%d files, %s.", w.Files, format.Bytes(w.Bytes))
	if w.DirtyHours > 0 {
		a.text += fmt.Sprintf(" %d hours of clusters are still to be written; until then they are answered from the database.", w.DirtyHours)
	}
	if len(w.Damaged) == 0 {
		a.text += " No file was ever found damaged.\n"
		return a
	}
	a.text += fmt.Sprintf(" %d files were found damaged and set aside; %d of them could not be written again as they were.\n\n", w.DamagedFiles, w.LossyFiles)
	a.table = format.NewTable(format.Header{Name: "found"}, format.Header{Name: "table"}, format.Header{Name: "of"}, format.Header{Name: "what was wrong"},
		format.Header{Name: "unknown since", Align: format.Right}, format.Header{Name: "missing since", Align: format.Right})
	for _, d := range w.Damaged {
		a.rows = append(a.rows, []string{
			moment(&d.FoundAt), d.Table, d.Day, d.Reason, whole(d.UnknownNanos), whole(d.MissingNanos), strconv.FormatBool(d.AtMost), whole(d.Bytes), d.File,
		})
		a.table.Row(day(d.FoundAt), d.Table, d.Day, d.Reason, lostMoney(d.UnknownNanos, d, w.Currency), lostMoney(d.MissingNanos, d, w.Currency))
	}
	if more := w.DamagedFiles - int64(len(w.Damaged)); more > 0 {
		a.notes = append(a.notes, fmt.Sprintf("and %d older ones.", more))
	}
	return a
}

func lostMoney(nanos int64, d sdk.DamagedFile, currency string) string {
	switch {
	case nanos == 0:
		return format.Dash
	case d.AtMost:
		return "at most " + format.Money(nanos, currency)
	default:
		return format.Money(nanos, currency)
	}
}
