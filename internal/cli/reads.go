package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

// maxPathWidth is how much of a path stands in a table.
const maxPathWidth = 60

func newReadsCommand(c *connection) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "reads CLUSTER",
		Short: "List what a cluster read and wrote, and what that cost",
		Long: `List the files that a cluster read and wrote, dearest first: the line of code, the format, how many of the columns were
used, and what the reading cost.`,
		Example: `  lineitem reads flights-x3k2
  lineitem reads flights-x3k2 -o json`,
		Args: exactArgs("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			cluster, err := find(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			list, err := client.ListReads(cmd.Context(), cluster.ID)
			if err != nil {
				return err
			}
			return o.write(cmd, readsAnswer(list))
		},
	}
	o.flag(cmd)
	return cmd
}

var readsHeader = []string{
	"direction", "path", "format", "engine", "compression", "files", "tasks", "bytes", "columns", "columns_used", "pushed_down",
	"origin_file", "origin_line", "origin_text", "cost_nanos", "currency", "thread_seconds",
}

// readsAnswer lists reads and writes, dearest first.
func readsAnswer(list sdk.ReadList) answer {
	a := answer{json: list, header: readsHeader}
	var files []string
	costs := make([]int64, len(list.Items))
	for i, r := range list.Items {
		files = append(files, r.OriginFile)
		costs[i] = r.CostNanos
		a.rows = append(a.rows, []string{
			r.Direction, r.Path, r.Format, r.Engine, r.Compression, whole(r.Files), whole(r.Tasks), whole(r.Bytes), strconv.Itoa(r.Columns),
			strconv.Itoa(r.ColumnsUsed), strconv.FormatBool(r.PushedDown), r.OriginFile, strconv.Itoa(r.OriginLine), r.OriginText,
			whole(r.CostNanos), list.Currency, decimal(r.ThreadSeconds),
		})
	}
	if len(list.Items) == 0 {
		a.text = "No files are known that this cluster read or wrote.\n"
		return a
	}
	names, amounts := shortFiles(files), format.Fit(costs, list.Currency)
	a.table = format.NewTable(
		format.Header{Name: "what"}, format.Header{Name: "path", Max: maxPathWidth}, format.Header{Name: "line"},
		format.Header{Name: "files", Align: format.Right}, format.Header{Name: "size", Align: format.Right}, format.Header{Name: "columns", Align: format.Right},
		format.Header{Name: "thread time", Align: format.Right}, format.Header{Name: "cost", Align: format.Right})
	wasted := false
	for i, r := range list.Items {
		line, size := "", format.Dash
		if r.OriginFile != "" {
			line = fmt.Sprintf("%s:%d", names[r.OriginFile], r.OriginLine)
		}
		if r.Bytes > 0 {
			size = format.Bytes(r.Bytes)
		}
		columns, all := columnsText(r)
		wasted = wasted || all
		a.table.Row(readWhat(r), r.Path, line, whole(r.Files), size, columns, threadTime(r.ThreadSeconds), amounts.Cell(i))
	}
	if wasted {
		a.notes = append(a.notes, "", "* All columns were read: the reader was not told which ones are used.")
	}
	return a
}

// readWhat says what was done: "read csv (gzip)".
func readWhat(r sdk.Read) string {
	what := strings.TrimSpace(r.Direction + " " + r.Format)
	if r.Compression != "" {
		what += " (" + r.Compression + ")"
	}
	return what
}

// columnsText says how many columns were used of how many, and whether more were read than that.
func columnsText(r sdk.Read) (text string, wasted bool) {
	switch {
	case r.Columns == 0:
		return format.Dash, false
	case r.ColumnsUsed == 0:
		return strconv.Itoa(r.Columns), false
	case r.Direction == "read" && !r.PushedDown && r.ColumnsUsed < r.Columns:
		return fmt.Sprintf("%d of %d *", r.ColumnsUsed, r.Columns), true
	default:
		return fmt.Sprintf("%d of %d", r.ColumnsUsed, r.Columns), false
	}
}
