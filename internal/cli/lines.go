package cli

import (
	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/sdk"
)

func newBillCommand(c *connection) *cobra.Command {
	var o output
	var byLeaf bool
	var limit int
	cmd := &cobra.Command{
		Use:   "bill CLUSTER",
		Short: "Show where the money of a cluster went",
		Long: `Show where the money of a cluster went: what the lines of code cost that created its work, dearest first, with the lines
where that work was done one step deeper; then idle by reason, overhead, what was lost, and what was not observed.
The parts add up to the cluster's cost.`,
		Example: `  lineitem bill flights-x3k2
  lineitem bill flights-x3k2 --lines
  lineitem bill flights-x3k2 -o json`,
		Args: exactArgs("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			bill, err := fetchBill(cmd, c, args[0], limit)
			if err != nil {
				return err
			}
			rows := originRows
			if byLeaf {
				rows = lineRows
			}
			return o.write(cmd, billAnswer(bill, rows(bill.Lines, limit)))
		},
	}
	cmd.Flags().BoolVar(&byLeaf, "lines", false, "show the lines where the work was done instead of those that created it")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many lines stand alone in the table; 0 for all")
	o.flag(cmd)
	return cmd
}

// fetchBill gets a bill that adds up.
func fetchBill(cmd *cobra.Command, c *connection, name string, limit int) (sdk.Bill, error) {
	if limit < 0 {
		return sdk.Bill{}, usage(cmd, "--limit must not be negative; 0 shows all lines.")
	}
	client, err := c.client()
	if err != nil {
		return sdk.Bill{}, err
	}
	cluster, err := find(cmd.Context(), client, name)
	if err != nil {
		return sdk.Bill{}, err
	}
	bill, err := client.Bill(cmd.Context(), cluster.ID)
	if err != nil {
		return sdk.Bill{}, err
	}
	return bill, verifyBill(bill)
}

func newLinesCommand(c *connection) *cobra.Command {
	var o output
	var file string
	var limit int
	cmd := &cobra.Command{
		Use:   "lines CLUSTER",
		Short: "Show the bill of a cluster by the lines where its work was done",
		Long: `Show the bill of a cluster by the lines of code where its work was done: what each line cost, dearest first, then idle by
reason, overhead, what was lost, and what was not observed. The parts add up to the cluster's cost.
"lineitem bill" shows the lines that created the work.`,
		Example: `  lineitem lines flights-x3k2
  lineitem lines flights-x3k2 --file flights.py -o csv`,
		Args: exactArgs("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			bill, err := fetchBill(cmd, c, args[0], limit)
			if err != nil {
				return err
			}
			if file != "" {
				return o.write(cmd, fileAnswer(bill, file, limit))
			}
			return o.write(cmd, billAnswer(bill, lineRows(bill.Lines, limit)))
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
