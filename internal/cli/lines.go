package cli

import (
	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/sdk"
)

func newLinesCommand(c *connection) *cobra.Command {
	var o output
	var file string
	var limit int
	cmd := &cobra.Command{
		Use:   "lines CLUSTER",
		Short: "Show the bill of a cluster by line of code",
		Long: `Show the bill of a cluster by line of code: what each line cost, dearest first, then idle by reason, overhead, and what
was not observed. The parts add up to the cluster's cost.`,
		Example: `  lineitem lines flights-x3k2
  lineitem lines flights-x3k2 --file flights.py -o csv`,
		Args: exactArgs("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usage(cmd, "--limit must not be negative; 0 shows all lines.")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			cluster, err := find(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			bill, err := client.Bill(cmd.Context(), cluster.ID)
			if err != nil {
				return err
			}
			if err := verifyBill(bill); err != nil {
				return err
			}
			if file != "" {
				return o.write(cmd, fileAnswer(bill, file, limit))
			}
			return o.write(cmd, billAnswer(bill, limit))
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "only lines of this file: its path, or the end of it")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many lines stand alone in the table; 0 for all")
	o.flag(cmd)
	return cmd
}

// FileBill is the part of a bill that is on lines of one file.
type FileBill struct {
	ClusterID string `json:"cluster_id"`
	Currency  string `json:"currency"`
	File      string `json:"file"`
	// CostNanos is the sum of the lines.
	CostNanos int64          `json:"cost_nanos"`
	Lines     []sdk.BillLine `json:"lines"`
}

// fileAnswer is the part of a bill that is on lines of one file.
func fileAnswer(b sdk.Bill, file string, limit int) answer {
	part := FileBill{ClusterID: b.ClusterID, Currency: b.Currency, File: file, Lines: []sdk.BillLine{}}
	for _, line := range b.Lines {
		if endsWith(line.File, file) {
			part.Lines = append(part.Lines, line)
			part.CostNanos += line.CostNanos
		}
	}
	a := answer{json: part, header: billHeader, rows: billLineRecords(part.Lines, b.Currency)}
	if len(part.Lines) == 0 {
		a.text = "No line of " + file + " is in the bill.\n"
		return a
	}
	a.table = rowsTable(lineRows(part.Lines, limit), nil, "Lines of "+file, b.Currency)
	return a
}
