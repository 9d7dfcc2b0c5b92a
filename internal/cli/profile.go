package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/sdk"
)

// profileFormats are the values of --format.
var profileFormats = []string{sdk.ProfilePprof, sdk.ProfileSpeedscope, sdk.ProfileFolded}

func newProfileCommand(c *connection) *cobra.Command {
	var form, out string
	cmd := &cobra.Command{
		Use:   "profile CLUSTER",
		Short: "Save the bill of a cluster as a profile for other tools",
		Long: `Save the bill of a cluster as a profile whose stacks cost money: the line that created the work, the line where it was done, and
the kind of work; idle time, overhead and what was not observed beside them. Its costs add up to the cluster's cost.

The formats are pprof (for "go tool pprof"), speedscope (for speedscope.app, or speedscope on your own machine) and folded (text
for flame graphs).`,
		Example: `  lineitem profile flights-x3k2 -o bill.pb.gz && go tool pprof -top -lines bill.pb.gz
  lineitem profile flights-x3k2 --format speedscope -o bill.speedscope.json
  lineitem profile flights-x3k2 --format folded | flamegraph.pl > bill.svg`,
		Args: exactArgs("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "-" { // as other tools call it
				out = ""
			}
			if !slices.Contains(profileFormats, form) {
				return usage(cmd, "there is no format %q, choose from %s.", form, strings.Join(profileFormats, ", "))
			}
			if form == sdk.ProfilePprof && toTerminal(cmd, out) {
				return usage(cmd, "a pprof profile is no text, so it is not written to a terminal; give it a file, as in -o bill.pb.gz, or choose --format folded.")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			cluster, err := find(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			data, err := client.Profile(cmd.Context(), cluster.ID, form)
			if err != nil {
				return err
			}
			if out == "" {
				if _, err := cmd.OutOrStdout().Write(data); err != nil {
					return fmt.Errorf("write the profile: %w", err)
				}
				return nil
			}
			if err := saveFile(out, data); err != nil {
				return fmt.Errorf("save the profile: %w", err)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Saved the bill of %s to %s.%s\n", cluster.Name, out, nextStep(form, out))
			return nil
		},
	}
	cmd.Flags().StringVar(&form, "format", sdk.ProfilePprof, "one of "+strings.Join(profileFormats, ", "))
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write; standard output if empty")
	return cmd
}

// nextStep says how to look at a profile.
func nextStep(form, file string) string {
	if form == sdk.ProfilePprof {
		return fmt.Sprintf(" Look at it with: go tool pprof -top -lines %q", file)
	}
	return ""
}

// toTerminal reports whether what is written goes to a terminal: through standard output, or a file that is one.
func toTerminal(cmd *cobra.Command, out string) bool {
	if out == "" {
		return isTerminal(cmd.OutOrStdout())
	}
	// A pipe is not looked into: its reader would take the look for the end.
	if info, err := os.Stat(out); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	file, err := os.OpenFile(out, os.O_WRONLY, 0)
	if err != nil {
		return false // writing will say why
	}
	defer func() { _ = file.Close() }() // nothing was written
	return isTerminal(file)
}

// saveFile replaces a file as a whole, and writes to what is no file, such as a pipe, as it is.
func saveFile(path string, data []byte) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, data, 0o600)
	}
	return replaceFile(path, data)
}
