package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func newCostFocusCommand(c *connection) *cobra.Command {
	var since, until, out string
	cmd := &cobra.Command{
		Use:   "focus [CLUSTER]",
		Short: "Save what processes cost by hour as a FOCUS 1.2 file",
		Long: `Save what the processes of all clusters, or of one, cost by hour as a FOCUS 1.2 file (Cost and Usage, CSV): the form in which FinOps tools
take the bills of clouds. Its costs add up to those of "lineitem cost" over the same window.`,
		Example: `  lineitem cost focus --since 2026-11-01 --until 2026-12-01 -o november.focus.csv
  lineitem cost focus flights-x3k2 --since 7d`,
		Args: rangeArgs(0, "CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			window, err := costWindow(cmd, since, until, time.Now())
			if err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			ref := ""
			if len(args) == 1 {
				cluster, err := find(cmd.Context(), client, args[0])
				if err != nil {
					return err
				}
				ref = cluster.ID
			}
			data, err := client.CostFocus(cmd.Context(), ref, window)
			if err != nil {
				return err
			}
			if out == "" || out == "-" {
				if _, err := cmd.OutOrStdout().Write(data); err != nil {
					return fmt.Errorf("write the FOCUS file: %w", err)
				}
				return nil
			}
			if err := saveFile(out, data); err != nil {
				return fmt.Errorf("save the FOCUS file: %w", err)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Saved it to %s.\n", out)
			return nil
		},
	}
	windowFlags(cmd, &since, &until)
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write; standard output if empty")
	return cmd
}
