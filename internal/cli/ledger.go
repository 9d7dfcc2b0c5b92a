package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

func newLedgerCommand(c *connection) *cobra.Command {
	var o output
	var month string
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Show the books: what was charged, corrected and trued up, by month",
		Long: `Show the books. Every process is charged hour by hour, when the hour is over; an entry is never changed. What turns out to have been otherwise is
corrected by another entry, in the same month while that is open, else in the first open one. --month shows what one month is made of, and whether
its entries sum to what bills say.`,
		Example: `  lineitem ledger
  lineitem ledger --month 2026-10`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if month != "" {
				details, err := client.LedgerMonth(cmd.Context(), month)
				if err != nil {
					return err
				}
				return o.write(cmd, ledgerMonthAnswer(details))
			}
			list, err := client.LedgerMonths(cmd.Context())
			if err != nil {
				return err
			}
			var open []sdk.LedgerMonthDetails
			for i, m := range list.Items {
				if m.Closed || (i > 0 && list.Items[i-1].Month == m.Month) { // a closed one was checked when it was closed
					continue
				}
				details, err := client.LedgerMonth(cmd.Context(), m.Month)
				if err != nil {
					return err
				}
				open = append(open, details)
			}
			return o.write(cmd, ledgerAnswer(list, open))
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "show this month: 2026-10")
	o.flag(cmd)
	cmd.AddCommand(newLedgerEntriesCommand(c), newLedgerSummaryCommand(c), newLedgerCloseCommand(c), newLedgerImportCommand(c))
	return cmd
}

var ledgerColumns = []string{
	"month", "status", "opening_nanos", "charges_nanos", "corrections_nanos", "true_up_nanos", "closing_nanos", "currency", "entries", "start", "end", "closed_at", "closed_by",
}

func monthStatus(m sdk.LedgerMonth) string {
	if m.Closed {
		return "closed"
	}
	return "open"
}

// ledgerAnswer lists months; details are those of the open ones.
func ledgerAnswer(list sdk.LedgerMonthList, open []sdk.LedgerMonthDetails) answer {
	a := answer{json: list, header: ledgerColumns}
	for _, m := range list.Items {
		a.rows = append(a.rows, []string{
			m.Month, monthStatus(m), whole(m.OpeningNanos), whole(m.ChargesNanos), whole(m.CorrectionsNanos), whole(m.TrueUpNanos), whole(m.ClosingNanos), m.Currency,
			whole(m.Entries), moment(&m.Start), moment(&m.End), moment(m.ClosedAt), m.ClosedBy,
		})
	}
	if len(list.Items) == 0 {
		a.text = "Nothing is in the books yet: the first hour is posted some minutes after it is over.\n"
		return a
	}
	a.table = ledgerTable(list.Items)
	for _, d := range open {
		a.notes = append(a.notes, d.Months[0].Month+": "+checkNote(d))
	}
	return a
}

func ledgerTable(months []sdk.LedgerMonth) *format.Table {
	table := format.NewTable(format.Header{Name: "month"}, format.Header{Name: "status"}, format.Header{Name: "opening", Align: format.Right},
		format.Header{Name: "charges", Align: format.Right}, format.Header{Name: "corrections", Align: format.Right},
		format.Header{Name: "true-up", Align: format.Right}, format.Header{Name: "closing", Align: format.Right})
	for _, m := range months {
		amounts := format.Fit([]int64{m.OpeningNanos, m.ChargesNanos, m.CorrectionsNanos, m.TrueUpNanos}, m.Currency) // the row adds up as it is shown
		table.Row(m.Month, monthStatus(m), amounts.Cell(0), amounts.Cell(1), amounts.Cell(2), amounts.Cell(3), amounts.Total())
	}
	return table
}

// checkNote says whether the books agree with the bills.
func checkNote(d sdk.LedgerMonthDetails) string {
	k, currency := d.Check, d.Months[0].Currency
	if !k.Balanced {
		return fmt.Sprintf("WRONG: the entries for its hours sum to %d nano-units, the bills to %d; processes: %s. Please report this.",
			k.PostedNanos, k.MeteredNanos, strings.Join(k.Wrong, ", "))
	}
	text := fmt.Sprintf("the entries for its hours sum to what the bills of %d processes say, to the nano-unit", k.Processes)
	if k.AheadNanos != 0 {
		text += fmt.Sprintf("; %s more was spent that is not posted yet", format.Money(k.AheadNanos, currency))
	}
	return text + "."
}

// ledgerMonthAnswer shows what a month is made of.
func ledgerMonthAnswer(d sdk.LedgerMonthDetails) answer {
	a := answer{json: d, header: []string{"user", "user_id", "group", "backend", "kind", "currency", "entries", "machine_hours", "cost_nanos"}}
	for _, t := range d.Totals {
		a.rows = append(a.rows, []string{t.User, t.UserID, t.Group, t.Backend, t.Kind, t.Currency, whole(t.Entries), decimal(t.Hours), whole(t.CostNanos)})
	}
	var text strings.Builder
	m := d.Months[0]
	fmt.Fprintf(&text, "%s: hours from %s to %s", m.Month, day(m.Start), day(m.End))
	if m.Closed {
		fmt.Fprintf(&text, "; closed %s by %s", day(*m.ClosedAt), m.ClosedBy)
	}
	text.WriteString("\n\n")
	_, _ = ledgerTable(d.Months).WriteTo(&text) // a Builder takes everything
	text.WriteString("\n")
	a.text = text.String()
	a.table = format.NewTable(format.Header{Name: "user"}, format.Header{Name: "group"}, format.Header{Name: "backend"}, format.Header{Name: "kind"},
		format.Header{Name: "machine-hours", Align: format.Right}, format.Header{Name: "cost", Align: format.Right})
	parts := make([]int64, 0, len(d.Totals))
	for _, t := range d.Totals {
		parts = append(parts, t.CostNanos)
	}
	amounts := format.Fit(parts, m.Currency)
	for i, t := range d.Totals {
		cost := amounts.Cell(i)
		if len(d.Months) > 1 { // there is no sum over currencies
			cost = format.Money(t.CostNanos, t.Currency)
		}
		a.table.Row(t.User, cmp.Or(t.Group, "–"), t.Backend, kindWords(t.Kind), fmt.Sprintf("%.1f", t.Hours), cost)
	}
	if len(d.Months) == 1 {
		a.table.Rule()
		a.table.Row("Total", "", "", "", "", amounts.Total())
	}
	for _, e := range d.Corrections {
		a.notes = append(a.notes, fmt.Sprintf("Correction of %s, %s: %s. %s", day(e.Hour), e.ProcessID, format.Money(e.CostNanos, e.Currency), e.Reason))
	}
	for _, i := range d.Imports {
		a.notes = append(a.notes, fmt.Sprintf("Trued up to %s, imported %s by %s: %s booked.", i.Source, day(i.At), i.By, format.Money(i.Result.BookedNanos, i.Result.Currency)))
	}
	a.notes = append(a.notes, "Check: "+checkNote(d))
	return a
}

func kindWords(kind string) string { return strings.ReplaceAll(kind, "_", "-") }

func newLedgerEntriesCommand(c *connection) *cobra.Command {
	var o output
	var ask sdk.LedgerEntriesOptions
	cmd := &cobra.Command{
		Use:   "entries",
		Short: "Show entries of the ledger, the newest first",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			list, err := client.LedgerEntries(cmd.Context(), ask)
			if err != nil {
				return err
			}
			return o.write(cmd, entriesAnswer(list))
		},
	}
	cmd.Flags().StringVar(&ask.Month, "month", "", "only those booked in this month: 2026-10")
	cmd.Flags().StringVar(&ask.Cluster, "cluster", "", "only those of this cluster, by its id")
	cmd.Flags().StringVar(&ask.Kind, "kind", "", "only charge, correction or true_up")
	cmd.Flags().Int64Var(&ask.Before, "before", 0, "only those with a smaller id")
	cmd.Flags().IntVar(&ask.Limit, "limit", 0, "at most so many (default 500)")
	o.flag(cmd)
	return cmd
}

// entriesAnswer lists entries.
func entriesAnswer(list sdk.LedgerEntryList) answer {
	a := answer{json: list, header: []string{
		"id", "kind", "hour", "month", "process_id", "cluster_id", "user_id", "backend", "cost_nanos", "currency", "seconds", "rate_nanos_per_hour", "price_source",
		"price_as_of", "recorded_at", "reason", "import_id",
	}}
	for _, e := range list.Items {
		a.rows = append(a.rows, []string{
			whole(e.ID), e.Kind, moment(&e.Hour), e.Month, e.ProcessID, e.ClusterID, e.UserID, e.Backend, whole(e.CostNanos), e.Currency, decimal(e.Seconds),
			whole(e.RateNanosPerHour), e.PriceSource, moment(e.PriceAsOf), moment(&e.RecordedAt), e.Reason, e.ImportID,
		})
	}
	if len(list.Items) == 0 {
		a.text = "There are no such entries.\n"
		return a
	}
	a.table = format.NewTable(format.Header{Name: "id", Align: format.Right}, format.Header{Name: "kind"}, format.Header{Name: "hour"}, format.Header{Name: "booked in"},
		format.Header{Name: "process"}, format.Header{Name: "time", Align: format.Right}, format.Header{Name: "rate", Align: format.Right},
		format.Header{Name: "cost", Align: format.Right}, format.Header{Name: "reason, or whose price"})
	for _, e := range list.Items {
		why, rate := e.Reason, format.Rate(e.RateNanosPerHour, e.Currency)
		if why == "" {
			why = e.PriceSource
		}
		if e.Kind == "true_up" {
			rate = format.Dash
		}
		a.table.Row(whole(e.ID), kindWords(e.Kind), day(e.Hour), e.Month, e.ProcessID, format.Seconds(e.Seconds), rate, format.Money(e.CostNanos, e.Currency), why)
	}
	if list.Next > 0 {
		a.notes = append(a.notes, fmt.Sprintf("There are more: --before %d.", list.Next))
	}
	return a
}

func newLedgerSummaryCommand(c *connection) *cobra.Command {
	var o output
	var since, until string
	cmd := &cobra.Command{
		Use:   "summary",
		Short: "Show what became of what was allocated: used, idle, overhead, lost, unknown",
		Long: `Show what became of what was allocated. The parts sum to it to the nano-unit; the server computes both sides on their own ways, and answers with an
error if they differ.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			window, err := costWindow(cmd, since, until, time.Now())
			if err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			s, err := client.LedgerSummary(cmd.Context(), window)
			if err != nil {
				return err
			}
			return o.write(cmd, summaryAnswer(s))
		},
	}
	windowFlags(cmd, &since, &until)
	o.flag(cmd)
	return cmd
}

// summaryAnswer shows the parts of what was allocated.
func summaryAnswer(s sdk.LedgerSummary) answer {
	names := []string{"used", "idle", "overhead", "lost", "unknown"}
	parts := []int64{s.UsedNanos, s.IdleNanos, s.OverheadNanos, s.LostNanos, s.UnknownNanos}
	a := answer{json: s, header: []string{"part", "cost_nanos", "currency"}}
	amounts, shares := format.Fit(parts, s.Currency), format.FitShares(parts)
	a.text = fmt.Sprintf("From %s to %s\n\n", day(s.Start), day(s.End))
	a.table = format.NewTable(format.Header{Name: "part"}, format.Header{Name: "share", Align: format.Right}, format.Header{Name: "cost", Align: format.Right})
	for i, name := range names {
		a.rows = append(a.rows, []string{name, whole(parts[i]), s.Currency})
		a.table.Row(name, shares.Cell(i), amounts.Cell(i))
	}
	a.rows = append(a.rows, []string{"allocated", whole(s.AllocatedNanos), s.Currency})
	a.table.Rule()
	a.table.Row("allocated", shares.Sum(0, len(parts)), amounts.Total())
	return a
}

func newLedgerCloseCommand(c *connection) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "close MONTH",
		Short: "Freeze a month: its figures never change again",
		Long: `Freeze a month of the organisation's time zone, when it is over and all its hours are posted. Only admins may. Corrections of its hours that come later
are booked in the first open month, with the hours that they are for.`,
		Example: "  lineitem ledger close 2026-10",
		Args:    exactArgs("MONTH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			details, err := client.CloseLedgerMonth(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.write(cmd, ledgerMonthAnswer(details))
		},
	}
	o.flag(cmd)
	return cmd
}
