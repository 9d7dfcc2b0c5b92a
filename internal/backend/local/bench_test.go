package local_test

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/backend/local"
)

// BenchmarkFirstResult takes the time from the decision to have a scheduler and two workers to the first result: by the backend, with
// TLS, and as one does it by hand, which is a scheduler, and when it is up the workers, all without TLS. The two take turns, so that
// whatever else the machine does hits both. The client has loaded Dask before the time begins.
func BenchmarkFirstResult(b *testing.B) {
	m := newMachine(b)
	local := m.open(b)
	var backendTime, handTime time.Duration
	for b.Loop() {
		backendTime += byBackend(b, m, local)
		handTime += byHand(b)
	}
	b.ReportMetric(backendTime.Seconds()/float64(b.N), "backend-s")
	b.ReportMetric(handTime.Seconds()/float64(b.N), "hand-s")
	b.ReportMetric(backendTime.Seconds()/handTime.Seconds(), "ratio")
}

func byBackend(b *testing.B, m *machine, local *local.Backend) time.Duration {
	b.Helper()
	ls, identity := m.launchSet(b, "scheduler", "w-0", "w-1")
	client := waitingClient(b, writeCredentials(b, identity))
	began := time.Now()
	for _, l := range ls {
		start(b, local, l)
	}
	client.ask(await(b, local, ls[0].ID, backend.StateRunning).SchedulerAddress)
	took := time.Since(began)
	stopAll(b, local, ls, patience)
	return took
}

func byHand(b *testing.B) time.Duration {
	b.Helper()
	dask := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(b.Context(), python(b), append([]string{"-m", "dask"}, args...)...)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		return cmd
	}
	file := filepath.Join(b.TempDir(), rand.Text()+".json")
	client := waitingClient(b, "")
	began := time.Now()
	all := []*exec.Cmd{dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", file)}
	var address string
	eventually(b, func() bool {
		var f struct{ Address string }
		text, err := os.ReadFile(file)
		if err == nil && json.Unmarshal(text, &f) == nil {
			address = f.Address
		}
		return address != ""
	}, "the scheduler is up")
	for range 2 {
		all = append(all, dask("worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--dashboard-address", "127.0.0.1:0",
			"--memory-limit", "512MiB", "--local-directory", b.TempDir()))
	}
	client.ask(address)
	took := time.Since(began)
	for _, cmd := range slices.Backward(all) { // workers first: one that is still starting waits for ever for a scheduler that has gone
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
	return took
}

// client is a Python process that has loaded Dask and waits for an address.
type client struct {
	b   *testing.B
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func waitingClient(b *testing.B, credentials string) *client {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), python(b), "-c", `
import sys, os
from dask.distributed import Client
from distributed.security import Security
folder = sys.argv[1]
file = lambda name: os.path.join(folder, name)
options = {}
if folder:
    options["security"] = Security(
        tls_ca_file=file("ca.pem"), tls_client_cert=file("cert.pem"), tls_client_key=file("key.pem"), require_encryption=True)
print("ready", flush=True)
client = Client(sys.stdin.readline().strip(), timeout=60, **options)
print(client.submit(sum, [1, 2]).result(), flush=True)
`, credentials)
	cmd.Stderr = b.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	c := &client{b: b, cmd: cmd, in: in, out: bufio.NewReader(out)}
	c.expect("ready\n")
	return c
}

func (c *client) expect(want string) {
	c.b.Helper()
	if got, err := c.out.ReadString('\n'); got != want {
		c.b.Fatalf("the client said %q, %v, want %q", got, err, want)
	}
}

// ask makes the client connect, waits for its first result and lets it go.
func (c *client) ask(address string) {
	c.b.Helper()
	if _, err := fmt.Fprintln(c.in, address); err != nil {
		c.b.Fatal(err)
	}
	c.expect("3\n")
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// BenchmarkList is what a look at everything costs, with the processes of this machine around.
func BenchmarkList(b *testing.B) {
	m := newMachine(b)
	local := m.open(b)
	l := m.launches(b, "scheduler")[0]
	start(b, local, l)
	await(b, local, l.ID, backend.StateRunning)
	for b.Loop() {
		list(b, local)
	}
	stopAll(b, local, []backend.Launch{l}, 0)
}
