package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

func newSubmissionsCommand(c *connection) *cobra.Command {
	var o output
	var limit int
	cmd := &cobra.Command{
		Use:   "submissions CLUSTER",
		Short: "List who asked a cluster for what, and what it cost",
		Long: `List the calls that sent work to a cluster, newest first: the line of code, who ran it, the tags it declared, and what
the work cost. Users, paths and tags are what the client said of itself; nobody has checked them.`,
		Example: `  lineitem submissions flights-x3k2
  lineitem submissions flights-x3k2 -o csv`,
		Args: exactArgs("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usage(cmd, "--limit must not be negative; 0 shows all submissions.")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			cluster, err := find(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			list, err := client.ListSubmissions(cmd.Context(), cluster.ID)
			if err != nil {
				return err
			}
			return o.write(cmd, submissionsAnswer(list, limit, time.Now()))
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many submissions stand in the table; 0 for all")
	o.flag(cmd)
	return cmd
}

var submissionsHeader = []string{
	"id", "at", "file", "line", "function", "text", "tasks", "client", "user", "host", "kind", "path", "commit", "dirty", "tags", "span",
	"cost_nanos", "currency", "thread_seconds",
}

// submissionsAnswer lists submissions, newest first.
func submissionsAnswer(list sdk.SubmissionList, limit int, now time.Time) answer {
	a := answer{json: list, header: submissionsHeader}
	files := make([]string, 0, len(list.Items))
	for _, s := range list.Items {
		files = append(files, s.File)
		at := s.At
		a.rows = append(a.rows, []string{
			whole(s.ID), moment(&at), s.File, strconv.Itoa(s.Line), s.Function, s.Text, whole(s.Tasks), s.Client, s.User, s.Host, s.Kind, s.Path, s.Commit,
			strconv.FormatBool(s.Dirty), tagsText(s.Tags), strings.Join(s.Span, "/"), whole(s.CostNanos), list.Currency, decimal(s.ThreadSeconds),
		})
	}
	if len(list.Items) == 0 {
		a.text = "Nobody asked this cluster for anything.\n"
		return a
	}
	shown := list.Items
	if limit > 0 && len(shown) > limit {
		shown = shown[:limit]
	}
	names := shortFiles(files)
	costs := make([]int64, len(shown))
	for i, s := range shown {
		costs[i] = s.CostNanos
	}
	amounts := format.Fit(costs, list.Currency)
	a.table = format.NewTable(
		format.Header{Name: "at (UTC)"}, format.Header{Name: "line"}, format.Header{Name: "source", Max: maxSourceWidth}, format.Header{Name: "user"},
		format.Header{Name: "tags", Max: maxSourceWidth}, format.Header{Name: "tasks", Align: format.Right},
		format.Header{Name: "thread time", Align: format.Right}, format.Header{Name: "cost", Align: format.Right})
	for i, s := range shown {
		where := "in " + s.Client
		if s.File != "" {
			where = fmt.Sprintf("%s:%d", names[s.File], s.Line)
		}
		a.table.Row(format.At(s.At, now, time.UTC), where, lineText(s.Text, s.Function), s.User, tagsText(s.Tags), whole(s.Tasks),
			threadTime(s.ThreadSeconds), amounts.Cell(i))
	}
	if more := len(list.Items) - len(shown); more > 0 {
		a.notes = append(a.notes, fmt.Sprintf("%d older ones are not shown; --limit 0 shows all.", more))
	}
	a.notes = append(a.notes, "", "Users and tags are what the clients said of themselves.")
	return a
}

// tagsText writes tags as name=value in the order of names.
func tagsText(tags map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, name+"="+tags[name])
	}
	return strings.Join(out, " ")
}
