package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/lineitem/lineitem/sdk"
)

// signalExit is added to a signal's number to make an exit status, as shells do.
const signalExit = 128

// killAfter is how many interruptions it takes until a script that ignores them is killed.
const killAfter = 3

// outputDelay is how long output is still copied after the script's end, where a process that it left behind holds it open.
const outputDelay = 2 * time.Second

// clientFolder writes the credentials of a cluster into a new folder that only this user can read, and returns the
// environment by which an unchanged script's Client() connects there.
func clientFolder(credentials sdk.Credentials) (folder string, env []string, err error) {
	folder, err = os.MkdirTemp("", "lineitem-run-") // mode 0700
	if err != nil {
		return "", nil, fmt.Errorf("keep credentials: %w", err)
	}
	for name, text := range map[string]string{
		"ca.pem": credentials.CAPEM, "cert.pem": credentials.CertificatePEM, "key.pem": credentials.KeyPEM,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return "", nil, errors.Join(fmt.Errorf("keep credentials: %w", err), os.RemoveAll(folder))
		}
	}
	return folder, []string{
		"DASK_SCHEDULER_ADDRESS=" + credentials.SchedulerAddress,
		"DASK_DISTRIBUTED__COMM__TLS__CA_FILE=" + filepath.Join(folder, "ca.pem"),
		"DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT=" + filepath.Join(folder, "cert.pem"),
		"DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY=" + filepath.Join(folder, "key.pem"),
		"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=true",
		// Without frames a client does not say which line of the user's code asked for the work.
		"DASK_DISTRIBUTED__DIAGNOSTICS__COMPUTATIONS__NFRAMES=2",
	}, nil
}

// withEnv adds variables to an environment; a name that is there already loses its old value.
func withEnv(environ []string, added ...string) []string {
	names := make(map[string]bool, len(added))
	for _, pair := range added {
		name, _, _ := strings.Cut(pair, "=")
		names[name] = true
	}
	result := make([]string, 0, len(environ)+len(added))
	for _, pair := range environ {
		if name, _, _ := strings.Cut(pair, "="); !names[name] {
			result = append(result, pair)
		}
	}
	return append(result, added...)
}

// interrupts hands the signals of a run to whatever is under way. Until a script runs, and after its end, a signal cancels the context;
// while it runs, the script gets the signal and decides.
type interrupts struct {
	mu      sync.Mutex
	root    context.CancelFunc
	cancel  context.CancelFunc
	script  *os.Process
	shared  bool // the terminal itself interrupts the script: it must not get the signal twice
	count   int
	first   os.Signal
	signals <-chan os.Signal
	done    chan struct{}
}

// watchInterrupts begins to handle signals; stop ends it. The context ends with the first signal that no script gets.
func watchInterrupts(ctx context.Context, signals <-chan os.Signal) (*interrupts, context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	i := &interrupts{root: cancel, cancel: cancel, signals: signals, done: make(chan struct{})}
	go i.loop()
	return i, ctx
}

func (i *interrupts) loop() {
	for {
		select {
		case <-i.done:
			return
		case signal := <-i.signals:
			i.handle(signal)
		}
	}
}

func (i *interrupts) handle(signal os.Signal) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.first == nil {
		i.first = signal
	}
	if i.script == nil {
		i.cancel()
		return
	}
	i.count++
	switch {
	case i.count >= killAfter:
		_ = i.script.Kill() // it may have ended by itself just now
	case i.shared && signal == os.Interrupt:
	default:
		_ = i.script.Signal(signal)
	}
}

// running names the script that gets the signals from now on; nil after its end.
func (i *interrupts) running(script *os.Process, shared bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.script, i.shared, i.count = script, shared, 0
}

// signal returns the first signal that came, nil if none did.
func (i *interrupts) signal() os.Signal {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.first
}

// rearm makes the next signal call cancel, where no script runs, until restore is called.
func (i *interrupts) rearm(cancel context.CancelFunc) (restore func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before := i.cancel
	i.cancel = cancel
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.cancel = before
	}
}

func (i *interrupts) stop() {
	close(i.done)
	i.root()
}

// runScript runs a program until its end and returns its exit status. Both of its outputs go to out.
func runScript(i *interrupts, argv, env []string, stdin io.Reader, out io.Writer) (int, error) {
	cmd := exec.Command(argv[0], argv[1:]...) // the user's program; signals end it, see interrupts
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, stdin, out, out
	cmd.WaitDelay = outputDelay
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start the script: %w", err)
	}
	i.running(cmd.Process, isTerminal(stdin))
	err := cmd.Wait()
	i.running(nil, false)
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return cmd.ProcessState.ExitCode(), nil
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return signalExit + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	default:
		return 0, fmt.Errorf("run the script: %w", err)
	}
}

func isTerminal(r any) bool {
	file, ok := r.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}
