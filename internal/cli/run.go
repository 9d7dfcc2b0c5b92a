package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/sdk"
)

// endTimeout bounds how long the end of a cluster is awaited. The request to end it has been made by then.
const endTimeout = 2 * time.Minute

// scriptPackages are what an interpreter needs to run a script on a cluster.
var scriptPackages = []string{"dask", "distributed"}

// runOptions are the flags of run, and of demo.
type runOptions struct {
	workers, threads int
	memory           memorySize
	python           string
	output           output
	limit            int
	// group pays; empty for the default.
	group string
}

func (r *runOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&r.workers, "workers", 2, "how many workers")
	flags.IntVar(&r.threads, "threads", 1, "task slots of each worker")
	flags.Var(&r.memory, "memory", "memory limit of each worker, like 2GB (default a share of the machine)")
	flags.StringVar(&r.python, "python", "",
		"interpreter of script, scheduler and workers (default of the active environment, else LINEITEM_PYTHON, else python3)")
	flags.IntVar(&r.limit, "limit", 20, "how many lines stand alone in the table; 0 for all")
	r.output.flag(cmd)
}

func (r *runOptions) validate(cmd *cobra.Command) error {
	switch {
	case r.workers < 1:
		return usage(cmd, "--workers must be at least 1, not %d.", r.workers)
	case r.threads < 1:
		return usage(cmd, "--threads must be at least 1, not %d.", r.threads)
	case r.limit < 0:
		return usage(cmd, "--limit must not be negative; 0 shows all lines.")
	default:
		return nil
	}
}

func newRunCommand(c *connection) *cobra.Command {
	var options runOptions
	cmd := &cobra.Command{
		Use:   "run [flags] SCRIPT [ARGUMENT...]",
		Short: "Run a Python script on a fresh cluster and print its bill",
		Long: `Run a Python script on a fresh cluster, end the cluster, and print the bill by line of code.

The script needs no change: a bare dask.distributed.Client() in it connects to the cluster. What it prints goes to standard
error, the bill to standard output. The exit status is the script's. Flags stand before the script; all that follows it is the script's own.`,
		Example: `  lineitem run train.py --epochs 3
  lineitem run --workers 4 -o json flights.py > bill.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(cmd, "SCRIPT is missing.")
			}
			if err := options.validate(cmd); err != nil {
				return err
			}
			if info, err := os.Stat(args[0]); err != nil || info.IsDir() {
				return usage(cmd, "there is no script %q.", args[0])
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			signals, stop := notifySignals()
			defer stop()
			i, ctx := watchInterrupts(cmd.Context(), signals)
			defer i.stop()
			python, err := findPython(ctx, c.process, options.python, scriptPackages)
			if err != nil {
				return err
			}
			r := run{
				process: c.process, client: client, options: options, python: python,
				script: args[0], args: args[1:], interrupts: i, progress: newProgress(cmd.ErrOrStderr()),
			}
			_, err = r.print(ctx, cmd)
			return err
		},
	}
	options.flags(cmd)
	groupFlag(cmd.Flags(), &options.group, c.process)
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// notifySignals begins to catch what asks this process to end.
func notifySignals() (signals <-chan os.Signal, stop func()) {
	caught := make(chan os.Signal, 4)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return caught, func() { signal.Stop(caught) }
}

// run is one script on a cluster of its own.
type run struct {
	process    Process
	client     *sdk.Client
	options    runOptions
	python     string
	script     string
	args       []string
	interrupts *interrupts
	progress   *progress
	// created is told of the cluster while it comes up, if not nil.
	created func(sdk.Cluster) error
}

// outcome is what is left of a run.
type outcome struct {
	cluster sdk.Cluster
	bill    sdk.Bill
	// status is the script's exit status.
	status int
}

// print runs the script, prints the bill and returns the cluster that it was for. A script that fails is billed too; its status becomes
// this program's.
func (r *run) print(ctx context.Context, cmd *cobra.Command) (sdk.Cluster, error) {
	result, err := r.run(ctx)
	if err != nil {
		return result.cluster, err
	}
	if err := r.options.output.write(cmd, billAnswer(result.bill, originRows(result.bill.Lines, r.options.limit))); err != nil {
		return result.cluster, err
	}
	r.hint(result)
	if result.status != 0 {
		return result.cluster, &exitError{code: result.status}
	}
	return result.cluster, nil
}

// run does the whole: whatever happens after the cluster was created, it is ended.
func (r *run) run(ctx context.Context) (outcome, error) {
	request, err := r.request()
	if err != nil {
		return outcome{}, err
	}
	cluster, err := r.client.CreateCluster(ctx, request)
	if err != nil {
		return outcome{}, r.interrupted(err)
	}
	var status int
	var runErr error
	if r.created != nil {
		runErr = r.created(cluster)
	}
	if runErr == nil {
		status, runErr = r.work(ctx, cluster)
	}
	ended, endErr := r.end(ctx, cluster)
	if err := errors.Join(runErr, endErr); err != nil {
		return outcome{}, r.interrupted(err)
	}
	// The context may have ended with the script; the bill is wanted all the same.
	bill, err := r.client.Bill(context.WithoutCancel(ctx), cluster.ID)
	if err != nil {
		return outcome{}, fmt.Errorf("the script ran, but its bill is not to be had: %w", err)
	}
	if err := verifyBill(bill); err != nil {
		return outcome{}, err
	}
	return outcome{cluster: ended, bill: bill, status: status}, nil
}

// request asks for a cluster on which the script finds what it would find at home: the same interpreter, the same working folder,
// and the modules beside the script. A server on another machine has none of these.
func (r *run) request() (sdk.CreateClusterRequest, error) {
	request := sdk.CreateClusterRequest{
		Name: clusterName(r.script), Group: r.options.group,
		Options: sdk.ClusterOptions{
			Workers: r.options.workers, Threads: r.options.threads, MemoryBytes: int64(r.options.memory),
		},
	}
	if !onThisMachine(r.client.BaseURL()) {
		return request, nil
	}
	script, err := filepath.Abs(r.script)
	if err != nil {
		return request, fmt.Errorf("find the script: %w", err)
	}
	folder, err := os.Getwd()
	if err != nil {
		return request, fmt.Errorf("find the working folder: %w", err)
	}
	modules := filepath.Dir(script)
	if more := r.process.getenv("PYTHONPATH"); more != "" {
		modules += string(filepath.ListSeparator) + more
	}
	request.Options.Python = r.python
	request.Options.Env = map[string]string{"PYTHONPATH": modules, "PWD": folder}
	return request, nil
}

// onThisMachine reports whether a server is reached over the loopback interface.
func onThisMachine(server string) bool {
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// work runs the script on the cluster and returns its exit status.
func (r *run) work(ctx context.Context, cluster sdk.Cluster) (int, error) {
	cluster, err := waitRunning(ctx, r.client, cluster, r.progress)
	if err != nil {
		return 0, err
	}
	credentials, err := r.client.Credentials(ctx, cluster.ID)
	if err != nil {
		return 0, fmt.Errorf("connect to the cluster: %w", err)
	}
	folder, env, err := clientFolder(credentials)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err := os.RemoveAll(folder); err != nil {
			r.progress.say("The credentials of the cluster could not be removed, they are worth nothing after its end: %v.", err)
		}
	}()
	env = withEnv(withEnv(r.process.Environ, env...), "LINEITEM_SERVER="+r.client.BaseURL())
	if r.process.getenv("PYTHONUNBUFFERED") == "" {
		env = withEnv(env, "PYTHONUNBUFFERED=1") // lines appear when they are printed
	}
	argv := []string{r.python, r.script}
	if missing, err := missingPackages(ctx, r.process, r.python, []string{"lineitem"}); err == nil && len(missing) == 0 {
		// With the hooks in place before the script's first import, its work is charged to the lines that created it.
		argv = []string{r.python, "-m", "lineitem", r.script}
	}
	return runScript(r.interrupts, append(argv, r.args...), env, r.process.Stdin, r.process.Stderr)
}

// end ends the cluster and waits until nothing of it runs, so that its last telemetry is in the bill. It goes on after an interruption
// of what came before, until it is interrupted itself.
func (r *run) end(ctx context.Context, cluster sdk.Cluster) (sdk.Cluster, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	defer r.interrupts.rearm(cancel)()
	r.progress.say("Ending cluster %s.", cluster.Name)
	if _, err := r.client.StopCluster(ctx, cluster.ID); err != nil {
		return cluster, fmt.Errorf("cluster %s could not be ended and may still run, end it with \"lineitem cluster stop %s\": %w",
			cluster.Name, cluster.ID, err)
	}
	ended, err := waitEnded(ctx, r.client, cluster.ID)
	if err != nil {
		return cluster, fmt.Errorf("cluster %s was told to end but was not seen to; see \"lineitem cluster show %s\": %w",
			cluster.Name, cluster.ID, err)
	}
	return ended, nil
}

// interrupted turns an error that a signal caused into the exit status that the signal means.
func (r *run) interrupted(err error) error {
	number, ok := r.interrupts.signal().(syscall.Signal)
	if !ok || !errors.Is(err, context.Canceled) {
		return err
	}
	return &exitError{code: signalExit + int(number), err: errors.New("interrupted; the cluster was told to end")}
}

// hint explains a bill that says little.
func (r *run) hint(result outcome) {
	unattributed := false
	for _, category := range result.bill.Categories {
		unattributed = unattributed || category.Name == "unattributed" && category.CostNanos > 0
	}
	switch {
	case len(result.bill.Lines) > 0 || unattributed:
	case result.bill.CoverageSeconds == 0 && result.bill.TotalNanos > 0:
		r.progress.say("Nothing of this cluster was observed. Is the Python package lineitem installed for %s?", r.python)
	case result.status == 0:
		r.progress.say("The script asked nothing of the cluster. Does it make a dask.distributed.Client() without an address?")
	}
}

// maxStem bounds the part of a cluster's name that comes from a script's.
const maxStem = 40

// clusterName makes a name from a script's, with an end of its own so that two runs of one script can live side by side.
func clusterName(script string) string {
	stem := strings.TrimSuffix(filepath.Base(script), filepath.Ext(script))
	stem = strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r)) {
			return r
		}
		return '-'
	}, stem)
	stem = strings.Trim(stem[:min(len(stem), maxStem)], "-_.")
	if stem == "" || strings.HasPrefix(stem, "cl_") {
		stem = "script"
	}
	return stem + "-" + strings.ToLower(rand.Text()[:4])
}
