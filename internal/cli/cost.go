package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

func newCostCommand(c *connection) *cobra.Command {
	o := output{files: []string{sdk.FileParquet, sdk.FileArrow}}
	var since, until string
	var question sdk.BreakdownOptions
	var showSQL bool
	cmd := &cobra.Command{
		Use:   "cost [CLUSTER]",
		Short: "Show what was spent, by cluster or by anything else",
		Long: `Show what each cluster cost in a window of time; with --by, what was spent by user, name, cluster, backend, project, kind,
category, operation, library, file, line, function, leaf, task, hour, day, week or month, or by several of them: rows always sum to the
same total. With a cluster, show what it was spent on: lines of code together, idle by reason, overhead, and what was not observed.
"lineitem bill" splits it by line.

With --by, "-o csv", "-o parquet" and "-o arrow" write a file with all rows; its column cost_nanos sums to the total.`,
		Example: `  lineitem cost --since 7d
  lineitem cost --by operation --since 30d
  lineitem cost --by month,user --where operation='read.csv,read.json' --since 2026-01-01
  lineitem cost --by user --since 2026-10-01 --until 2026-11-01 --figures invoiced
  lineitem cost --by day,line --since 2026-01-01 -o parquet > lines.parquet
  lineitem cost flights-x3k2 -o json`,
		Args: rangeArgs(0, "CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(question.By) == 0 && (len(question.Where) > 0 || question.Zone != "" || question.Limit != 0 || question.Figures != "" || showSQL) {
				return usage(cmd, "--where, --zone, --limit, --figures and --sql need --by, as in --by operation.")
			}
			if len(args) == 1 && len(question.By) > 0 {
				return usage(cmd, "give a cluster or --by; of one cluster only: --by line --where name=%s.", args[0])
			}
			if len(args) == 1 && (since != "" || until != "") {
				return usage(cmd, "the bill of one cluster covers all of its life; leave --since and --until out.")
			}
			if o.isFile() && len(question.By) == 0 {
				return usage(cmd, "-o %s needs --by, as in --by operation.", o.format)
			}
			now := time.Now()
			window, err := costWindow(cmd, since, until, now)
			if err != nil {
				return err
			}
			if len(question.By) > 0 {
				question.Since, question.Until = window.Since, window.Until
				if o.isFile() || o.format == sdk.FileCSV {
					return breakdownFile(cmd, c, question, o.format)
				}
				return breakdown(cmd, c, &o, question, showSQL)
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			if len(args) == 1 {
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
				return o.write(cmd, costAnswer(bill))
			}
			costs, err := client.Costs(cmd.Context(), window)
			if err != nil {
				return err
			}
			return o.write(cmd, costsAnswer(costs, now))
		},
	}
	windowFlags(cmd, &since, &until)
	cmd.Flags().StringSliceVar(&question.By, "by", nil, "what to group by, one or several")
	cmd.Flags().StringArrayVar(&question.Where, "where", nil, "keep only what matches, as operation=read.csv,read.json; * at the end stands for the rest")
	cmd.Flags().StringVar(&question.Zone, "zone", "", "time zone in which days begin; the organisation's by default")
	cmd.Flags().IntVar(&question.Limit, "limit", 0, "how many rows to list")
	cmd.Flags().StringVar(&question.Figures, "figures", "", "metered: time by the prices in force, the default; invoiced: what an invoice said, where one was imported")
	cmd.Flags().BoolVar(&showSQL, "sql", false, "show the SQL that was asked of the warehouse, too")
	o.flag(cmd)
	cmd.AddCommand(newCostFocusCommand(c))
	return cmd
}

func windowFlags(cmd *cobra.Command, since, until *string) {
	cmd.Flags().StringVar(since, "since", "", "start of the window: a date, a time, or how long ago, like 7d (default: 30 days before its end)")
	cmd.Flags().StringVar(until, "until", "", "end of the window, itself not in it (default: now)")
}

func costWindow(cmd *cobra.Command, since, until string, now time.Time) (window sdk.CostOptions, err error) {
	if window.Since, err = parseTime(since, now); err != nil {
		return window, usage(cmd, "--since %q is not understood: %v", since, err)
	}
	if window.Until, err = parseTime(until, now); err != nil {
		return window, usage(cmd, "--until %q is not understood: %v", until, err)
	}
	return window, nil
}

// costsAnswer lists clusters by what they cost.
func costsAnswer(costs sdk.CostList, now time.Time) answer {
	a := answer{
		json:   costs,
		header: []string{"cluster_id", "cluster_name", "owner", "status", "cost_nanos", "currency", "start", "end"},
	}
	parts := make([]int64, len(costs.Items))
	for i, item := range costs.Items {
		parts[i] = item.CostNanos
		a.rows = append(a.rows, []string{
			item.ClusterID, item.ClusterName, item.Owner, item.Status, whole(item.CostNanos), costs.Currency,
			moment(&costs.Start), moment(&costs.End),
		})
	}
	amounts, shares := format.Fit(parts, costs.Currency), format.FitShares(parts)
	a.text = fmt.Sprintf("From %s to %s UTC\n\n", format.At(costs.Start, now, time.UTC), format.At(costs.End, now, time.UTC))
	if len(parts) == 0 {
		a.text += "No cluster ran.\n"
		return a
	}
	a.table = format.NewTable(
		format.Header{Name: "cluster"}, format.Header{Name: "owner"}, format.Header{Name: "status"}, format.Header{Name: "id"},
		format.Header{Name: "share", Align: format.Right}, format.Header{Name: "cost", Align: format.Right})
	for i, item := range costs.Items {
		a.table.Row(item.ClusterName, item.Owner, item.Status, item.ClusterID, shares.Cell(i), amounts.Cell(i))
	}
	a.table.Rule()
	a.table.Row("Total", "", "", "", shares.Sum(0, len(parts)), amounts.Total())
	return a
}

// costAnswer splits one cluster's cost by kind of time.
func costAnswer(b sdk.Bill) answer {
	lines := billRow{where: "Lines of code"}
	for _, line := range b.Lines {
		lines.seconds += workSeconds(line)
		lines.nanos += line.CostNanos
	}
	rows := append([]billRow{lines}, categoryRows(b)...)
	parts := make([]int64, len(rows))
	for i, row := range rows {
		parts[i] = row.nanos
	}
	amounts, shares := format.Fit(parts, b.Currency), format.FitShares(parts)
	table := format.NewTable(
		format.Header{Name: "what"}, format.Header{Name: "thread time", Align: format.Right},
		format.Header{Name: "share", Align: format.Right}, format.Header{Name: "cost", Align: format.Right})
	for i, row := range rows {
		table.Row(row.where, threadTime(row.seconds), shares.Cell(i), amounts.Cell(i))
	}
	table.Rule()
	table.Row("Bill", "", shares.Sum(0, len(rows)), amounts.Total())
	a := answer{
		json:   b,
		header: []string{"category", "cost_nanos", "currency", "thread_seconds"},
		text:   costLine(b) + "\n\n",
		table:  table,
		notes:  billNotes(b),
	}
	a.rows = append(a.rows, []string{"lines", whole(lines.nanos), b.Currency, decimal(lines.seconds)})
	for _, category := range b.Categories {
		a.rows = append(a.rows, []string{category.Name, whole(category.CostNanos), b.Currency, decimal(category.ThreadSeconds)})
	}
	a.rows = append(a.rows, []string{"unknown", whole(b.UnknownNanos), b.Currency, ""})
	return a
}
