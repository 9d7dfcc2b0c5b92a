package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/internal/dask"
	"github.com/lineitem/lineitem/internal/watch"
	"github.com/lineitem/lineitem/sdk"
)

// watchOptions are the flags of watch.
type watchOptions struct {
	address, name string
	group         string
	ca, cert, key string
	connect       dask.Options
}

func newWatchCommand(c *connection) *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch ADDRESS",
		Short: "Watch a Dask cluster that runs already, from outside",
		Long: `Watch a Dask cluster that Lineitem did not start, from outside: nothing is installed on it, nothing in it is changed.

About once a second the scheduler is asked what its workers do and where their threads stand. The cluster shows up with your name, its cost by
the rate card, and a bill by line of code, until you press Ctrl-C. All of it is sampled: what lies between two looks is an estimate. For
exact figures, origins and packages call lineitem.watch(client) in the program that uses the cluster instead.`,
		Example: `  lineitem watch tcp://10.0.0.4:8786
  lineitem watch tls://hpc-login:8786 --tls-ca ca.pem --tls-cert client.pem --tls-key client-key.pem`,
		Args: exactArgs("ADDRESS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.address = args[0]
			scheme, _, err := dask.ParseAddress(o.address)
			switch {
			case err != nil:
				return usage(cmd, "%v", err)
			case scheme == "tls":
				if o.connect.TLS, err = dask.LoadTLS(o.ca, o.cert, o.key); err != nil {
					return usage(cmd, "%v (--tls-ca, --tls-cert, --tls-key)", err)
				}
			case o.ca+o.cert+o.key != "":
				return usage(cmd, "the scheduler at %s is not secured by TLS; leave --tls-ca, --tls-cert and --tls-key out, or write tls://", o.address)
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			signals, stop := notifySignals()
			defer stop()
			i, ctx := watchInterrupts(cmd.Context(), signals)
			defer i.stop()
			w := watcher{client: client, options: o, progress: newProgress(cmd.ErrOrStderr()), agent: "lineitem-watch/" + c.process.Version}
			return w.run(ctx)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.name, "name", "", "what to call the cluster (default made from the scheduler's host)")
	groupFlag(flags, &o.group, c.process)
	flags.StringVar(&o.ca, "tls-ca", "", "file with the certificate authority of a tls:// scheduler")
	flags.StringVar(&o.cert, "tls-cert", "", "file with a certificate that the authority has signed")
	flags.StringVar(&o.key, "tls-key", "", "file with the certificate's key")
	return cmd
}

// oldestDistributed is the oldest release whose answers are understood.
var oldestDistributed = [2]int{2022, 12}

// watcher watches one cluster.
type watcher struct {
	client   *sdk.Client
	options  watchOptions
	progress *progress
	agent    string

	clock    clock
	cluster  sdk.Cluster
	token    string
	observer *watch.Observer
	polls    *poller
	post     *poster
}

const (
	// lookEvery is the pace of polls, flushEvery that of batches, sayEvery that of lines on the terminal.
	lookEvery  = time.Second
	flushEvery = 5 * time.Second
	sayEvery   = time.Minute
	// patience is how long a scheduler may be out of reach before it counts as gone.
	patience = 30 * time.Second
	// farewell bounds the last post.
	farewell = 20 * time.Second
)

// run watches until the context ends or the scheduler is gone. Only then, or when the server does not take what is seen, is there an error.
func (w *watcher) run(ctx context.Context) error {
	w.clock = newClock()
	w.polls = newPoller(w.options)
	defer w.polls.close()
	if err := w.begin(ctx); err != nil {
		return err
	}
	w.post = newPoster(w.client, w.token, w.agent)
	posting, stopPosting := context.WithCancel(ctx)
	defer stopPosting()
	done := make(chan error, 1)
	go func() { done <- w.post.run(posting) }()
	err := w.look(ctx, done)
	stopPosting()
	if err == nil {
		err = <-done // nil, for it was told to stop
	}
	return w.end(ctx, err)
}

// begin meets the scheduler, announces the cluster, and says so.
func (w *watcher) begin(ctx context.Context) error {
	first, err := w.polls.meet(ctx)
	if err != nil {
		return err
	}
	if a := first.agent; a != nil {
		return fmt.Errorf("the cluster has an agent of Lineitem already: it reports to %s as %s. Watching it from outside as well would charge its time twice, so nothing was begun",
			a.Server, a.Cluster)
	}
	if tooOld(first.versions.Distributed) {
		return fmt.Errorf("the scheduler runs distributed %s; only %d.%d and newer are understood, so nothing was begun",
			first.versions.Distributed, oldestDistributed[0], oldestDistributed[1])
	}
	answer, err := w.client.WatchCluster(ctx, sdk.WatchRequest{
		Name: w.options.name, Method: "sampled", SchedulerAddress: w.options.address, SchedulerID: first.identity.ID,
		DashboardURL: dashboardOf(w.options.address, first.identity), Group: w.options.group,
	})
	if err != nil {
		return err
	}
	w.cluster, w.token = answer.Cluster, answer.AgentToken
	w.observer = watch.New(watch.Config{
		Cluster: answer.Cluster.ID, Process: answer.Process, Address: w.options.address, Versions: first.versions,
		Epoch: newEpoch,
	})
	w.progress.say("Watching %s: %s with distributed %s. Everything is sampled from outside.", w.cluster.Name, countOf(len(first.identity.Workers), "worker"), first.versions.Distributed)
	w.progress.say("See it in the browser: %s. Ctrl-C ends watching; the cluster goes on.", w.cluster.URL)
	return nil
}

// look polls until there is a reason to end; the reason is nil if somebody asked for it, or the scheduler is gone.
func (w *watcher) look(ctx context.Context, posting <-chan error) error {
	next := time.NewTimer(0)
	defer next.Stop()
	flushed, said, reached := time.Now(), time.Now(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-posting:
			return &postingError{err}
		case <-next.C:
		}
		p, err := w.polls.poll(ctx, time.Since(flushed) >= flushEvery-lookEvery)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errOtherScheduler):
			w.progress.say("Another scheduler answers at %s now: the cluster that was watched has ended. Start \"lineitem watch\" again for the new one.", w.options.address)
			return nil
		case err != nil && time.Since(reached) > patience:
			w.progress.say("The scheduler has not answered for %v, so it counts as gone: %v.", patience, err)
			return nil
		case err == nil:
			reached = time.Now()
			p.At = w.clock.now()
			if p.Stacks != nil {
				p.StacksAt = p.At.Add(-time.Since(p.StacksAt))
			}
			w.observer.Look(p)
		}
		if time.Since(flushed) >= flushEvery {
			flushed = time.Now()
			w.observer.SourceText(w.post.wantsSource())
			w.post.add(w.observer.Flush(false)...)
		}
		if time.Since(said) >= sayEvery {
			said = time.Now()
			w.status(ctx, p)
		}
		next.Reset(jitter(lookEvery))
	}
}

// postingError says that the server does not take what is seen.
type postingError struct{ err error }

func (e *postingError) Error() string { return e.err.Error() }
func (e *postingError) Unwrap() error { return e.err }

// end sends what is left, and says where the bill is.
func (w *watcher) end(ctx context.Context, err error) error {
	var refused *postingError
	if errors.As(err, &refused) {
		return fmt.Errorf("the server takes no more of what is seen, so watching has ended: %w", refused.err)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	w.post.add(w.observer.Flush(true)...)
	if sendErr := w.post.drain(last); sendErr != nil {
		return fmt.Errorf("watching has ended, but the last seconds could not be sent: %w", sendErr)
	}
	w.progress.say("Watching has ended; the cluster itself was left alone. Its bill: lineitem cost %s", w.cluster.ID)
	return nil
}

// status says in one line how things are.
func (w *watcher) status(ctx context.Context, p watch.Poll) {
	running, threads := int64(0), int64(0)
	for _, each := range p.Identity.Workers {
		running += each.Executing + each.LongRunning
		threads += each.Threads
	}
	line := fmt.Sprintf("%s, %d of %d threads at work", countOf(len(p.Identity.Workers), "worker"), running, threads)
	ctx, cancel := context.WithTimeout(ctx, flushEvery)
	defer cancel()
	if c, err := w.client.GetCluster(ctx, w.cluster.ID); err == nil {
		line += ", " + format.Money(c.CostNanos, c.Currency) + " so far"
	}
	waiting, dropped, rejected := w.post.state()
	if rejected != "" {
		line += "; the server did not take a report: " + strings.TrimRight(rejected, ".")
	}
	if dropped > 0 {
		line += fmt.Sprintf("; the server is away: %s, %d lost", countOf(waiting, "report")+" waiting", dropped)
	} else if waiting > waitingIsMany {
		line += fmt.Sprintf("; the server is away: %s waiting", countOf(waiting, "report"))
	}
	w.progress.say("%s.", line)
}

// waitingIsMany is more reports than wait while all is well.
const waitingIsMany = 1000

func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func newEpoch() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read aborts the program instead
	return hex.EncodeToString(b[:])
}

// tooOld reports whether a version is older than the oldest that is understood; one that cannot be read is not.
func tooOld(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	year, err1 := strconv.Atoi(parts[0])
	month, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return false
	}
	return year < oldestDistributed[0] || year == oldestDistributed[0] && month < oldestDistributed[1]
}

// dashboardOf is where the scheduler's dashboard should be, seen from here.
func dashboardOf(address string, id dask.Identity) string {
	u, err := url.Parse(address)
	port := id.Services["dashboard"]
	if err != nil || port <= 0 || port >= 1<<16 {
		return ""
	}
	return "http://" + net.JoinHostPort(u.Hostname(), strconv.FormatInt(port, 10)) + "/status"
}

// clock tells the time of day without ever running backwards: it counts from a start, and only jumps forward, as after a machine has slept.
type clock struct {
	start time.Time
	// passed counts without regard to the time of day, day tells the time of day.
	passed func() time.Duration
	day    func() time.Time
}

func newClock() clock {
	began := time.Now()
	return clock{
		start: began.Round(0).UTC(), passed: func() time.Duration { return time.Since(began) },
		day: func() time.Time { return time.Now().Round(0).UTC() },
	}
}

// sleepJump is how far the time of day may run ahead of the count before the count follows.
const sleepJump = 10 * time.Second

func (c *clock) now() time.Time {
	counted := c.start.Add(c.passed())
	if ahead := c.day().Sub(counted); ahead > sleepJump {
		c.start = c.start.Add(ahead)
		return counted.Add(ahead)
	}
	return counted
}
