package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

// liveStatuses are those of clusters that run or may run again.
var liveStatuses = []string{"pending", "starting", "running", "stopping"}

func newClusterCommand(c *connection) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "cluster",
		Short: "Create, look at, scale and stop clusters",
		Long: `Create, look at, scale and stop clusters.

CLUSTER is an id (cl_…) or the name of a cluster of yours.`,
	})
	cmd.AddCommand(
		newClusterCreateCommand(c),
		newClusterListCommand(c),
		newClusterShowCommand(c),
		newClusterScaleCommand(c),
		newClusterStopCommand(c),
		newClusterLogsCommand(c),
	)
	return cmd
}

func newClusterCreateCommand(c *connection) *cobra.Command {
	var o output
	var request sdk.CreateClusterRequest
	var memory memorySize
	var env []string
	var wait bool
	cmd := &cobra.Command{
		Use:   "create [NAME]",
		Short: "Create a cluster",
		Long: `Create a cluster: a scheduler and its workers.

It runs, and costs, until it is stopped.`,
		Example: `  lineitem cluster create --workers 4 --memory 2GB
  lineitem cluster create tuesday --workers 2 --threads 2 --wait`,
		Args: rangeArgs(0, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				request.Name = args[0]
			}
			request.Options.MemoryBytes = int64(memory)
			var err error
			if request.Options.Env, err = parseEnv(env); err != nil {
				return usage(cmd, "%v", err)
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			cluster, err := client.CreateCluster(cmd.Context(), request)
			if err != nil {
				return err
			}
			if wait {
				cluster, err = waitRunning(cmd.Context(), client, cluster, newProgress(cmd.ErrOrStderr()))
				if err != nil {
					return err
				}
			}
			return o.write(cmd, clusterAnswer(cluster, nil))
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&request.Options.Workers, "workers", 2, "how many workers")
	flags.IntVar(&request.Options.Threads, "threads", 1, "task slots of each worker")
	flags.Var(&memory, "memory", "memory limit of each worker, like 2GB (default a share of the machine)")
	flags.StringVar(&request.Options.Python, "python", "", "interpreter of scheduler and workers (default the server's)")
	flags.StringArrayVar(&env, "env", nil, "variable for scheduler and workers, NAME=VALUE; may be repeated")
	flags.StringVar(&request.Backend, "backend", "", "what runs the processes (default the server's)")
	groupFlag(flags, &request.Group, c.process)
	flags.BoolVar(&wait, "wait", false, "wait until the workers are up")
	o.flag(cmd)
	return cmd
}

func parseEnv(pairs []string) (map[string]string, error) {
	if len(pairs) == 0 {
		return nil, nil // no variables are no map on the wire
	}
	env := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is not a variable; write NAME=VALUE", pair)
		}
		env[name] = value
	}
	return env, nil
}

func newClusterListCommand(c *connection) *cobra.Command {
	var o output
	var statuses []string
	var all bool
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List clusters, newest first",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case limit < 1:
				return usage(cmd, "--limit must be at least 1, not %d.", limit)
			case all && len(statuses) > 0:
				return usage(cmd, "give --all or --status, not both.")
			case !all && len(statuses) == 0:
				statuses = liveStatuses
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			list, err := listClusters(cmd.Context(), client, statuses, limit)
			if err != nil {
				return err
			}
			return o.write(cmd, clusterListAnswer(list, all, time.Now()))
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that have ended")
	cmd.Flags().StringSliceVar(&statuses, "status", nil, "only these: pending, starting, running, stopping, stopped, failed")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most")
	o.flag(cmd)
	return cmd
}

// listClusters gathers pages until there are enough.
func listClusters(ctx context.Context, client *sdk.Client, statuses []string, limit int) (sdk.ClusterList, error) {
	list := sdk.ClusterList{Items: []sdk.Cluster{}}
	for {
		page, err := client.ListClusters(ctx, sdk.ListClustersOptions{
			Statuses: statuses, Limit: min(limit-len(list.Items), pageSize), Cursor: list.NextCursor,
		})
		if err != nil {
			return sdk.ClusterList{}, err
		}
		list.Items = append(list.Items, page.Items...)
		list.NextCursor = page.NextCursor
		if page.NextCursor == "" || len(list.Items) >= limit {
			return list, nil
		}
	}
}

func newClusterShowCommand(c *connection) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "show CLUSTER",
		Short: "Show a cluster and its processes",
		Args:  exactArgs("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			cluster, err := find(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			processes, err := client.ListProcesses(cmd.Context(), cluster.ID)
			if err != nil {
				return err
			}
			return o.write(cmd, clusterAnswer(cluster, processes.Items))
		},
	}
	o.flag(cmd)
	return cmd
}

func newClusterScaleCommand(c *connection) *cobra.Command {
	var o output
	var remove []string
	cmd := &cobra.Command{
		Use:   "scale CLUSTER WORKERS",
		Short: "Change how many workers a cluster has",
		Long: `Change how many workers a cluster has.

Workers that go hand their data to the others first.`,
		Args: exactArgs("CLUSTER", "WORKERS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			workers, err := strconv.Atoi(args[1])
			if err != nil || workers < 0 {
				return usage(cmd, "%q is not a number of workers.", args[1])
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			cluster, err := client.ScaleCluster(cmd.Context(), args[0], sdk.ScaleRequest{Workers: workers, Remove: remove})
			if err != nil {
				return err
			}
			return o.write(cmd, clusterAnswer(cluster, nil))
		},
	}
	cmd.Flags().StringSliceVar(&remove, "remove", nil, "names of the workers to go where the number shrinks, like w-1")
	o.flag(cmd)
	return cmd
}

func newClusterStopCommand(c *connection) *cobra.Command {
	var o output
	var wait bool
	cmd := &cobra.Command{
		Use:   "stop CLUSTER",
		Short: "End a cluster",
		Long: `End a cluster. What is only in its memory is lost; its bill and logs stay.

Ending it again changes nothing.`,
		Args: exactArgs("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			cluster, err := client.StopCluster(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if wait {
				if cluster, err = waitEnded(cmd.Context(), client, cluster.ID); err != nil {
					return err
				}
			}
			return o.write(cmd, clusterAnswer(cluster, nil))
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it has ended")
	o.flag(cmd)
	return cmd
}

func newClusterLogsCommand(c *connection) *cobra.Command {
	var o output
	var options sdk.LogsOptions
	var tail memorySize
	cmd := &cobra.Command{
		Use:   "logs CLUSTER [PROCESS]",
		Short: "Show what the processes of a cluster printed",
		Long: `Show what the processes of a cluster printed, also after its end.

PROCESS is the name of one: scheduler, w-0.`,
		Args: rangeArgs(1, "CLUSTER", "PROCESS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				options.Process = args[1]
			}
			options.TailBytes = int64(tail)
			client, err := c.client()
			if err != nil {
				return err
			}
			cluster, err := find(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			logs, err := client.Logs(cmd.Context(), cluster.ID, options)
			if err != nil {
				return err
			}
			return o.write(cmd, logsAnswer(logs))
		},
	}
	cmd.Flags().Var(&tail, "tail", "only about the last so much of each, like 4KB (default the server's)")
	o.flag(cmd)
	return cmd
}

func logsAnswer(logs sdk.LogsList) answer {
	a := answer{json: logs, header: []string{"process_id", "name", "truncated", "text"}}
	var text strings.Builder
	for i, log := range logs.Items {
		a.rows = append(a.rows, []string{log.ProcessID, log.Name, strconv.FormatBool(log.Truncated), log.Text})
		if len(logs.Items) > 1 {
			if i > 0 {
				text.WriteByte('\n')
			}
			fmt.Fprintf(&text, "==> %s <==\n", log.Name)
		}
		if log.Truncated {
			text.WriteString("(earlier output is not shown; ask for more with --tail)\n")
		}
		text.WriteString(log.Text)
		if log.Text != "" && !strings.HasSuffix(log.Text, "\n") {
			text.WriteByte('\n')
		}
	}
	a.text = text.String()
	return a
}

var clusterHeader = []string{
	"id", "name", "owner", "backend", "status", "target", "reason", "n_workers", "n_workers_running", "nthreads", "memory_bytes",
	"created_at", "started_at", "ended_at", "currency", "rate_nanos_per_hour", "cost_nanos", "scheduler_address", "url",
	"watched", "deployment", "method", "last_seen_at", "away", "group",
}

func clusterRow(c sdk.Cluster) []string {
	return []string{
		c.ID, c.Name, c.Owner.Name, c.Backend, c.Status, c.Target, c.Reason, strconv.Itoa(c.Options.Workers),
		strconv.Itoa(c.WorkersRunning), strconv.Itoa(c.Options.Threads), whole(c.Options.MemoryBytes),
		moment(&c.CreatedAt), moment(c.StartedAt), moment(c.EndedAt), c.Currency, whole(c.RateNanosPerHour),
		whole(c.CostNanos), c.SchedulerAddress, c.URL,
		strconv.FormatBool(c.Watched), c.Deployment, c.Method, moment(c.LastSeenAt), strconv.FormatBool(c.Away), c.Group,
	}
}

func clusterListAnswer(list sdk.ClusterList, all bool, now time.Time) answer {
	a := answer{json: list, header: clusterHeader}
	for _, c := range list.Items {
		a.rows = append(a.rows, clusterRow(c))
	}
	if len(list.Items) == 0 {
		a.text = "No cluster runs. Create one with \"lineitem cluster create\"; see ended ones with --all.\n"
		if all {
			a.text = "There are no clusters. Create one with \"lineitem cluster create\".\n"
		}
		return a
	}
	costs := make([]int64, len(list.Items))
	for i, c := range list.Items {
		costs[i] = c.CostNanos
	}
	amounts := format.Fit(costs, list.Items[0].Currency)
	headers := []format.Header{
		{Name: "name"},
		{Name: "status"},
		{Name: "owner"},
		{Name: "workers", Align: format.Right},
		{Name: "created (UTC)"},
		{Name: "ran", Align: format.Right},
		{Name: "rate", Align: format.Right},
		{Name: "cost", Align: format.Right},
		{Name: "id"},
	}
	groups := slices.ContainsFunc(list.Items, func(c sdk.Cluster) bool { return c.Group != "" })
	if groups {
		headers = slices.Insert(headers, 3, format.Header{Name: "group"})
	}
	a.table = format.NewTable(headers...)
	for i, c := range list.Items {
		rate := format.Dash
		if c.RateNanosPerHour > 0 {
			rate = format.Rate(c.RateNanosPerHour, c.Currency)
		}
		cells := []string{
			c.Name, statusText(c), c.Owner.Name, workersText(c), format.At(c.CreatedAt, now, time.UTC), ranText(c, now), rate, amounts.Cell(i), c.ID,
		}
		if groups {
			cells = slices.Insert(cells, 3, cmp.Or(c.Group, format.Dash))
		}
		a.table.Row(cells...)
	}
	if list.NextCursor != "" {
		a.notes = []string{"", "There are more; ask for them with --limit."}
	}
	return a
}

// statusText tells the status, and of a cluster that Lineitem did not start that it only looks on.
func statusText(c sdk.Cluster) string {
	switch {
	case c.Away:
		return "away, watched"
	case c.Watched:
		return c.Status + ", watched"
	default:
		return c.Status
	}
}

// workersText tells how many workers are up, and how many are wanted where that differs.
func workersText(c sdk.Cluster) string {
	if c.WorkersRunning == c.Options.Workers || c.EndedAt != nil {
		return strconv.Itoa(c.Options.Workers)
	}
	return fmt.Sprintf("%d of %d", c.WorkersRunning, c.Options.Workers)
}

func ranText(c sdk.Cluster, now time.Time) string {
	end := now
	if c.EndedAt != nil {
		end = *c.EndedAt
	}
	return format.Duration(max(end.Sub(c.CreatedAt), 0).Round(time.Second))
}

func clusterAnswer(c sdk.Cluster, processes []sdk.Process) answer {
	a := answer{json: c, header: clusterHeader, rows: [][]string{clusterRow(c)}}
	table := format.NewTable(format.Header{}, format.Header{})
	table.Row("Cluster", c.Name+", "+statusText(c))
	if c.Reason != "" {
		table.Row("Reason", c.Reason)
	}
	table.Row("Id", c.ID)
	if c.Group != "" {
		table.Row("Paid by", c.Group)
	}
	if c.Watched {
		table.Row("Started as", strings.TrimPrefix(c.Deployment+", not by Lineitem; "+methodText(c.Method), ", "))
		table.Row("Workers", workersText(c))
		if c.LastSeenAt != nil {
			table.Row("Last report", c.LastSeenAt.UTC().Format(time.RFC3339))
		}
	} else {
		table.Row("Workers", fmt.Sprintf("%s, %s, %s each", workersText(c), threadsText(c.Options.Threads), format.Bytes(c.Options.MemoryBytes)))
	}
	cost := format.Money(c.CostNanos, c.Currency)
	if c.RateNanosPerHour > 0 {
		cost += ", now " + format.Rate(c.RateNanosPerHour, c.Currency)
	}
	table.Row("Cost", cost)
	for _, row := range [][2]string{{"Scheduler", c.SchedulerAddress}, {"Dashboard", c.DashboardURL}, {"Page", c.URL}} {
		if row[1] != "" {
			table.Row(row[0], row[1])
		}
	}
	var text strings.Builder
	if _, err := table.WriteTo(&text); err != nil {
		a.notes = append(a.notes, err.Error()) // a strings.Builder does not fail
	}
	a.text = text.String()
	if len(processes) > 0 {
		a.text += "\n"
		a.table = processTable(c, processes)
	}
	return a
}

func processTable(c sdk.Cluster, processes []sdk.Process) *format.Table {
	costs := make([]int64, len(processes))
	for i, p := range processes {
		costs[i] = p.CostNanos
	}
	amounts := format.Fit(costs, c.Currency)
	table := format.NewTable(
		format.Header{Name: "process"}, format.Header{Name: "status"}, format.Header{Name: "run", Align: format.Right},
		format.Header{Name: "threads", Align: format.Right}, format.Header{Name: "memory", Align: format.Right},
		format.Header{Name: "rate", Align: format.Right}, format.Header{Name: "cost", Align: format.Right},
		format.Header{Name: "reason", Max: maxSourceWidth})
	for i, p := range processes {
		table.Row(p.Name, p.Status, strconv.Itoa(p.Generation), strconv.Itoa(p.Threads), format.Bytes(p.MemoryBytes),
			format.Rate(p.RateNanosPerHour, c.Currency), amounts.Cell(i), p.Reason)
	}
	table.Rule()
	table.Row("Total", "", "", "", "", "", amounts.Total())
	return table
}

func methodText(method string) string {
	if method == "sampled" {
		return "sampled from outside"
	}
	return "measured from within"
}

func threadsText(n int) string {
	if n == 1 {
		return "1 thread"
	}
	return strconv.Itoa(n) + " threads"
}

// pollInterval is how often a cluster that is awaited is looked at.
const pollInterval = 150 * time.Millisecond

// waitRunning waits until the scheduler and all wanted workers are up.
func waitRunning(ctx context.Context, client *sdk.Client, cluster sdk.Cluster, p *progress) (sdk.Cluster, error) {
	for {
		p.workers(cluster)
		switch {
		case cluster.Status == "failed", cluster.Status == "stopped", cluster.Status == "stopping":
			return cluster, fmt.Errorf("cluster %s did not come up, it is %s. %s See \"lineitem cluster logs %s\"",
				cluster.Name, cluster.Status, full(cluster.Reason), cluster.ID)
		case cluster.SchedulerAddress != "" && cluster.Status == "running" && cluster.WorkersRunning >= cluster.Options.Workers:
			return cluster, nil
		}
		var err error
		if cluster, err = poll(ctx, client, cluster); err != nil {
			return cluster, err
		}
	}
}

// waitEnded waits until nothing of a cluster runs any more.
func waitEnded(ctx context.Context, client *sdk.Client, id string) (sdk.Cluster, error) {
	cluster := sdk.Cluster{ID: id}
	for cluster.EndedAt == nil {
		var err error
		if cluster, err = poll(ctx, client, cluster); err != nil {
			return cluster, err
		}
	}
	return cluster, nil
}

// poll looks at a cluster again after a moment. A server that does not answer for a while, during its restart for instance, is asked again.
func poll(ctx context.Context, client *sdk.Client, cluster sdk.Cluster) (sdk.Cluster, error) {
	for patience := 20 * time.Second; ; patience -= pollInterval {
		if err := pause(ctx, pollInterval); err != nil {
			return cluster, err
		}
		next, err := client.GetCluster(ctx, cluster.ID)
		var unreachable *sdk.UnreachableError
		switch {
		case err == nil:
			return next, nil
		case errors.As(err, &unreachable) && patience > 0:
		default:
			return cluster, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// progress says on standard error what is happening, in few lines.
type progress struct {
	w       io.Writer
	started time.Time
	last    string
	saidAt  time.Time
}

func newProgress(w io.Writer) *progress {
	return &progress{w: w, started: time.Now()}
}

func (p *progress) say(format string, args ...any) {
	fmt.Fprintf(p.w, format+"\n", args...)
}

// workers tells how many are up: at the start, when all are, and at most once a second in between.
func (p *progress) workers(c sdk.Cluster) {
	now := time.Now()
	all := c.WorkersRunning >= c.Options.Workers && c.Status == "running" && c.SchedulerAddress != ""
	text := fmt.Sprintf("Cluster %s: %d of %s up", c.Name, c.WorkersRunning, count(c.Options.Workers, "worker"))
	if all {
		text += " after " + format.Duration(now.Sub(p.started))
	}
	if text == p.last || (!all && p.last != "" && now.Sub(p.saidAt) < time.Second) {
		return
	}
	p.last, p.saidAt = text, now
	p.say("%s.", text)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
