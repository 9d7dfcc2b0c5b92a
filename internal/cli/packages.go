package cli

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

func newPackagesCommand(c *connection) *cobra.Command {
	var o output
	var ask sdk.PackageOptions
	var imported, seen bool
	cmd := &cobra.Command{
		Use:   "packages",
		Short: "Show who has which package, and what its use cost",
		Long: `Show which packages the clusters have that you may see: in the processes of the cluster and in the clients that used it.

A package is installed; or imported, if a process loaded it; or seen, if its code was found running. The cost is that of the time in
which its code was at work, itself or what it called: packages that call each other share it.`,
		Example: `  lineitem packages --name xgboost --version '<2'
  lineitem packages --cluster flights-x3k2 --seen -o csv`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case imported && seen, (imported || seen) && cmd.Flags().Changed("grade"):
				return usage(cmd, "Give one of --grade, --imported and --seen.")
			case imported:
				ask.Grade = sdk.GradeImported
			case seen:
				ask.Grade = sdk.GradeSeen
			}
			switch ask.Grade {
			case sdk.GradeInstalled, sdk.GradeImported, sdk.GradeSeen:
			default:
				return usage(cmd, "--grade is installed, imported or seen, not %q.", ask.Grade)
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			if ask.Cluster != "" { // also by the name of one that has ended
				cluster, err := find(cmd.Context(), client, ask.Cluster)
				if err != nil {
					return err
				}
				ask.Cluster = cluster.ID
			}
			list, err := client.ListPackages(cmd.Context(), ask)
			if err != nil {
				return wrongRange(cmd, err)
			}
			return o.write(cmd, packagesAnswer(list, ask, time.Now()))
		},
	}
	cmd.Flags().StringVar(&ask.Name, "name", "", "a package, or a module that it brings, like sklearn")
	cmd.Flags().StringVar(&ask.Version, "version", "", "a range of versions (PEP 440), like '<2' or '>=1.4,!=1.5.1'")
	cmd.Flags().StringVar(&ask.Grade, "grade", sdk.GradeInstalled, "the least grade: installed, imported or seen")
	cmd.Flags().BoolVar(&imported, "imported", false, "same as --grade imported")
	cmd.Flags().BoolVar(&seen, "seen", false, "same as --grade seen")
	cmd.Flags().StringVar(&ask.Cluster, "cluster", "", "only this cluster: its id or name")
	o.flag(cmd)
	return cmd
}

// wrongRange makes wrong use of a range that the server does not understand.
func wrongRange(cmd *cobra.Command, err error) error {
	var refused *sdk.APIError
	if errors.As(err, &refused) && refused.Status == http.StatusUnprocessableEntity {
		for _, field := range refused.Fields {
			if field.Name == "version" {
				return usage(cmd, "--version: %s", field.Message)
			}
		}
	}
	return err
}

// packagesAnswer lists who has which package.
func packagesAnswer(list sdk.PackageList, ask sdk.PackageOptions, now time.Time) answer {
	a := answer{
		json: list,
		header: []string{
			"name", "version", "grade", "cluster_id", "cluster_name", "owner", "where", "environment", "python", "last_at", "cost_nanos",
			"cluster_cost_nanos", "currency",
		},
	}
	for _, p := range list.Items {
		a.rows = append(a.rows, []string{
			p.Name, p.Version, p.Grade, p.ClusterID, p.ClusterName, p.Owner, strings.Join(p.Where, " "), p.Environment, p.Python, moment(&p.LastAt),
			whole(p.CostNanos), whole(p.ClusterCostNanos), list.Currency,
		})
	}
	if list.Skipped > 0 {
		a.notes = append(a.notes, fmt.Sprintf("%s not follow PEP 440 and could not be compared with %q.", versions(list.Skipped), ask.Version))
	}
	if len(list.Items) == 0 {
		a.text = "No cluster that you may see has such a package.\n"
		return a
	}
	a.table = format.NewTable(
		format.Header{Name: "package"}, format.Header{Name: "version"}, format.Header{Name: "grade"}, format.Header{Name: "cluster"},
		format.Header{Name: "owner"}, format.Header{Name: "where"}, format.Header{Name: "last", Align: format.Right},
		format.Header{Name: "cost", Align: format.Right}, format.Header{Name: "of cluster's", Align: format.Right})
	for _, p := range list.Items {
		spent := "" // what was not seen running cost nothing that we know of, which is not the same as nothing
		if p.Grade == sdk.GradeSeen {
			spent = format.Money(p.CostNanos, list.Currency)
		}
		a.table.Row(p.Name, p.Version, p.Grade, p.ClusterName, p.Owner, strings.Join(p.Where, ", "), format.At(p.LastAt, now, time.UTC), spent,
			format.Money(p.ClusterCostNanos, list.Currency))
	}
	return a
}

func versions(n int) string {
	if n == 1 {
		return "1 version does"
	}
	return strconv.Itoa(n) + " versions do"
}

func newEnvironmentCommand(c *connection) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "environment ENVIRONMENT",
		Short: "Show what is installed in an environment",
		Long: `Show the packages of an environment. Its id is the hash of its content, so processes with the same software have the same one;
"lineitem packages -o csv" and -o json name it.`,
		Args: exactArgs("ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			environment, err := client.Environment(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.write(cmd, environmentAnswer(environment))
		},
	}
	o.flag(cmd)
	return cmd
}

// environmentAnswer lists the packages of an environment.
func environmentAnswer(e sdk.Environment) answer {
	a := answer{
		json:   e,
		header: []string{"environment", "name", "version", "manager"},
		text:   fmt.Sprintf("%s %s on %s\n\n", e.Implementation, e.Python, e.Platform),
		table:  format.NewTable(format.Header{Name: "package"}, format.Header{Name: "version"}, format.Header{Name: "from"}),
	}
	for _, p := range e.Packages {
		a.rows = append(a.rows, []string{e.ID, p.Name, p.Version, p.Manager})
		a.table.Row(p.Name, p.Version, p.Manager)
	}
	return a
}
