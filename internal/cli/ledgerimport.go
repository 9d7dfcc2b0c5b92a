package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

func newLedgerImportCommand(c *connection) *cobra.Command {
	var o output
	var options sdk.ImportFocusOptions
	var month string
	cmd := &cobra.Command{
		Use:   "import-focus FILE",
		Short: "True a month up to an invoice",
		Long: `True a month up to an invoice: a FOCUS file (any 1.x) as CSV, plain or packed by gzip; - for standard input. Only admins may, while the month is open.

Rows that name a process or a cluster of ours (ResourceId, x_ClusterId, the tag lineitem_cluster) are for that. --map says what other rows are for; the first
rule that fits decides:
  COLUMN=VALUE[,COLUMN=VALUE] -> backend=NAME | cluster=ID | process=ID | handle=ID | none
A value may end in *, a tag is Tags.NAME, and on the right {COLUMN} stands for what the row has there. What is for nothing of ours is listed and never spread.

The month's entries then sum to what was invoiced, group by group. The same file again changes nothing. --dry-run prints the factors only.`,
		Example: `  lineitem ledger import-focus invoice.csv.gz --month 2026-10 --map 'ServiceName=Amazon Elastic Compute Cloud -> backend=aws' --dry-run`,
		Args:    exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if month == "" {
				return usage(cmd, "--month is missing: the month that the invoice is for, like 2026-10.")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			from := cmd.InOrStdin()
			if args[0] != "-" {
				var file io.ReadCloser // read only: its Close has nothing to say
				if file, err = os.Open(args[0]); err != nil {
					return fmt.Errorf("open the invoice: %w", err)
				}
				defer file.Close()
				from = file
				if options.Source == "" {
					options.Source = filepath.Base(args[0])
				}
			}
			done, err := client.ImportFocus(cmd.Context(), month, from, options)
			if err != nil {
				return err
			}
			return o.write(cmd, trueUpAnswer(done))
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "the month that the invoice is for: 2026-10")
	cmd.Flags().StringArrayVar(&options.Rules, "map", nil, "a rule that says what rows are for; may be given many times")
	cmd.Flags().StringVar(&options.Cost, "cost", "BilledCost", "the column that says what a row cost: BilledCost, EffectiveCost, ContractedCost or ListCost")
	cmd.Flags().StringVar(&options.Source, "source", "", "where the file comes from, in words (default: the name of the file)")
	cmd.Flags().BoolVar(&options.DryRun, "dry-run", false, "only show what would be booked")
	o.flag(cmd)
	return cmd
}

// trueUpAnswer says how an invoice was matched and what was booked.
func trueUpAnswer(r sdk.LedgerTrueUp) answer {
	a := answer{json: r, header: []string{"group", "reason", "rows", "invoiced_nanos", "metered_nanos", "factor", "trued_up_nanos", "booked_nanos", "processes", "currency"}}
	for _, f := range r.Factors {
		a.rows = append(a.rows, []string{
			f.Target, "", whole(f.Rows), whole(f.InvoicedNanos), whole(f.MeteredNanos), strconv.FormatFloat(f.Factor, 'g', -1, 64), whole(f.TruedUpNanos),
			whole(f.BookedNanos), strconv.Itoa(f.Processes), r.Currency,
		})
	}
	for _, n := range r.NotOurs {
		a.rows = append(a.rows, []string{strings.TrimSpace(n.Provider + " " + n.Service), n.Reason, whole(n.Rows), whole(n.CostNanos), "", "", "", "", "", r.Currency})
	}
	verb := "Booked"
	if r.DryRun {
		verb = "This would book"
	}
	if r.Unchanged {
		verb = "The books have all of it: booked"
	}
	a.text = fmt.Sprintf("%s %s of true-ups in %s, in %d entries: %s invoiced, %s metered.\n\n", verb, format.Money(r.BookedNanos, r.Currency), r.Month, r.Entries,
		format.Money(r.InvoicedNanos, r.Currency), format.Money(r.MeteredNanos, r.Currency))
	if len(r.Factors) > 0 {
		a.table = format.NewTable(format.Header{Name: "for"}, format.Header{Name: "rows", Align: format.Right}, format.Header{Name: "metered", Align: format.Right},
			format.Header{Name: "invoiced", Align: format.Right}, format.Header{Name: "factor", Align: format.Right}, format.Header{Name: "true-up", Align: format.Right})
		for _, f := range r.Factors {
			a.table.Row(f.Target, whole(f.Rows), format.Money(f.MeteredNanos, r.Currency), format.Money(f.InvoicedNanos, r.Currency), fmt.Sprintf("%.6f", f.Factor), format.Money(f.BookedNanos, r.Currency))
		}
	}
	if more := r.Groups - len(r.Factors); more > 0 {
		a.notes = append(a.notes, fmt.Sprintf("and %d more groups", more))
	}
	if r.OtherMonths > 0 {
		a.notes = append(a.notes, fmt.Sprintf("Left out: %d rows of other months.", r.OtherMonths))
	}
	if r.NotInvoicedProcesses > 0 {
		a.notes = append(a.notes, fmt.Sprintf("Not on the invoice: %d processes, %s; they stay as they are metered.", r.NotInvoicedProcesses, format.Money(r.NotInvoicedNanos, r.Currency)))
	}
	if r.NotOursRows > 0 {
		a.notes = append(a.notes, fmt.Sprintf("Not ours: %d rows, %s. They are for nothing that ran here, and not spread over anything:", r.NotOursRows, format.Money(r.NotOursNanos, r.Currency)))
		for i, n := range r.NotOurs {
			if i == 10 {
				a.notes = append(a.notes, "  and others; -o csv lists them")
				break
			}
			a.notes = append(a.notes, fmt.Sprintf("  %s  %s (%d rows; %s)", format.Money(n.CostNanos, r.Currency), strings.TrimSpace(n.Provider+" "+n.Service), n.Rows, n.Reason))
		}
	}
	return a
}
