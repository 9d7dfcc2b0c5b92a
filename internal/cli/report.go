package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/sdk"
)

// reportFormats are the values of --output of reports, and the files that they are.
var reportFormats = map[string]string{"text": "txt", "html": "html", "csv": "csv"}

func newReportCommand(c *connection) *cobra.Command {
	var o sdk.ReportOptions
	var format, sendTest, subscribe string
	var unsubscribe bool
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Report what a week cost, and have that mailed",
		Long: `Report what a week cost: spend, waste and who can mend it, what changed, and how much of it was observed. Administrators see
everything, others their own clusters; who leads a group sees what it and those below it paid for with --group. On a server with a mail server,
reports are mailed on Mondays at seven to those who subscribed: their own, and one of each group that they lead.`,
		Example: `  lineitem report
  lineitem report --week 2026-W47 -o html > week.html
  lineitem report --group /research
  lineitem report --subscribe ana@example.org
  lineitem report --send-test ana@example.org`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "json" && reportFormats[format] == "" {
				return usage(cmd, "there is no format %q, choose from text, html, csv, json.", format)
			}
			actions := 0
			for _, asked := range []bool{sendTest != "", subscribe != "", unsubscribe} {
				if asked {
					actions++
				}
			}
			rest := o
			if sendTest != "" {
				rest.Group = ""
			}
			switch {
			case actions > 1 || actions == 1 && (rest != sdk.ReportOptions{} || cmd.Flags().Changed("output")):
				return usage(cmd, "--send-test, --subscribe and --unsubscribe stand alone; --send-test takes a --group.")
			case o.Scope != "" && o.Group != "":
				return usage(cmd, "--scope and --group both say whose spend; give one of them.")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			switch {
			case sendTest != "":
				return sendTestReport(cmd, client, sdk.TestReportRequest{To: sendTest, Group: o.Group})
			case subscribe != "", unsubscribe:
				return subscribeReports(cmd, client, subscribe)
			case format == "json":
				return printReport(cmd, client, o)
			}
			file, err := client.ReportFile(cmd.Context(), o, reportFormats[format])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(file)
			return err
		},
	}
	cmd.Flags().StringVar(&o.Week, "week", "", "the week, as 2026-W47; the last that is over by default")
	cmd.Flags().StringVar(&o.Scope, "scope", "", "whose spend: own, all (administrators), or the path of a group")
	cmd.Flags().StringVar(&o.Group, "group", "", "the spend of a group that you lead, or of one below it: its path, as /research, its id, or its name")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "how to print: text, html, csv or json")
	cmd.Flags().StringVar(&sendTest, "send-test", "", "mail the last report to this address now")
	cmd.Flags().StringVar(&subscribe, "subscribe", "", "have reports mailed to this address each week")
	cmd.Flags().BoolVar(&unsubscribe, "unsubscribe", false, "have no more reports mailed")
	return cmd
}

func printReport(cmd *cobra.Command, client *sdk.Client, o sdk.ReportOptions) error {
	report, err := client.Report(cmd.Context(), o)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

func sendTestReport(cmd *cobra.Command, client *sdk.Client, in sdk.TestReportRequest) error {
	if err := client.SendTestReport(cmd.Context(), in); err != nil {
		return err
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "The mail server has taken the report to %s.\n", in.To)
	return err
}

// subscribeReports sets where the caller's reports are mailed; an empty address ends them.
func subscribeReports(cmd *cobra.Command, client *sdk.Client, address string) error {
	mail, err := client.SetReportSubscription(cmd.Context(), sdk.ReportSubscription{Address: address, Weekly: address != ""})
	if err != nil {
		return err
	}
	words := []string{"No more reports are mailed to you."}
	if mail.Weekly {
		words = []string{fmt.Sprintf("Reports are mailed to %s on Mondays at seven.", mail.Address)}
		if !mail.Sends {
			words = append(words, "This server sends no mail yet: its administrator starts it with --smtp-address.")
		}
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.Join(words, "\n"))
	return err
}
