package local_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/backend/local"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// connect is how the client of a cluster connects, with the identity in the folder that is its first argument.
const connect = `
import sys, os
from dask.distributed import Client
from distributed.security import Security
folder, address = sys.argv[1:3]
file = lambda name: os.path.join(folder, name)
security = Security(tls_ca_file=file("ca.pem"), tls_client_cert=file("cert.pem"), tls_client_key=file("key.pem"), require_encryption=True)
`

// script runs Python in the tests' interpreter and returns its output.
func script(t testing.TB, text string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python(t), append([]string{"-c", text}, args...)...)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// writeCredentials puts an identity where Python can load it.
func writeCredentials(t testing.TB, c cluster.Credentials) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string][]byte{"ca.pem": c.CA, "cert.pem": c.Certificate, "key.pem": c.Key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// launchSet launches a cluster's processes and returns the client's identity.
func (m *machine) launchSet(t testing.TB, names ...string) ([]backend.Launch, cluster.Credentials) {
	t.Helper()
	ls := m.launches(t, names...)
	set := mint(t, ls[0].ClusterID)
	for i := range ls {
		ls[i].Credentials = set.Worker
		if ls[i].Role == cluster.RoleScheduler {
			ls[i].Credentials = set.Scheduler
		}
	}
	return ls, set.Client
}

// stopAll ends processes in reverse order, each when the one before is gone: what is named first is the scheduler, and workers only leave
// in good order while they have one.
func stopAll(t testing.TB, b *local.Backend, ls []backend.Launch, grace time.Duration) {
	t.Helper()
	for _, l := range slices.Backward(ls) {
		if err := b.Stop(t.Context(), l.ID, grace); err != nil {
			t.Errorf("stop %s: %v", l.ID, err)
		}
		await(t, b, l.ID, backend.StateEnded)
	}
}

// TestClusterComputes connects as a user would, and reports how long it took from the launch to a first result.
func TestClusterComputes(t *testing.T) {
	m := newMachine(t)
	b := m.open(t)
	ls, client := m.launchSet(t, "scheduler", "w-0", "w-1")
	began := time.Now()
	for _, l := range ls {
		start(t, b, l)
	}
	address := await(t, b, ls[0].ID, backend.StateRunning).SchedulerAddress
	out, err := script(t, connect+`
with Client(address, security=security, timeout=60) as client:
    client.wait_for_workers(2, timeout=60)
    import dask
    total = dask.delayed(sum)([dask.delayed(lambda x: x * x)(i) for i in range(100)]).compute()
    info = client.scheduler_info(n_workers=-1)["workers"]
    print(total, sorted(w["name"] for w in info.values()), {w["nthreads"] for w in info.values()}, {w["memory_limit"] for w in info.values()})
`, writeCredentials(t, client), address)
	if want := "328350 ['w-0', 'w-1'] {1} {536870912}\n"; err != nil || !strings.HasSuffix(out, want) {
		t.Errorf("the cluster answered %q, %v, want %q", out, err, want)
	}
	t.Logf("launch to first result, Python client's own start included: %v", time.Since(began).Round(10*time.Millisecond))
	stopAll(t, b, ls, time.Minute)
	for _, l := range ls {
		log := logOf(t, b, l.ID)
		// A heartbeat that is on its way when a worker closes makes Dask log its own race; the end must be in good order all the same.
		before, _, _ := strings.Cut(log, "Failed to communicate with scheduler during heartbeat")
		if strings.Contains(before, "Traceback") || !strings.Contains(log, "End "+string(l.Role)) {
			t.Errorf("%s did not live and end in good order:\n%s", l.Name, log)
		}
	}
}

// TestOnlyTheClustersClientGetsIn: every port that a cluster's processes open for Dask wants a certificate of that cluster.
func TestOnlyTheClustersClientGetsIn(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := m.open(t)
	ls, client := m.launchSet(t, "scheduler", "w-0")
	for _, l := range ls {
		start(t, b, l)
	}
	address := await(t, b, ls[0].ID, backend.StateRunning).SchedulerAddress
	await(t, b, ls[1].ID, backend.StateRunning)
	port := strings.TrimPrefix(address, "tls://")

	if out, err := script(t, `
import sys
from dask.distributed import Client
Client(sys.argv[1], timeout=3)
`, strings.Replace(address, "tls", "tcp", 1)); err == nil {
		t.Errorf("a plain connection got in: %s", out)
	}
	stranger := mint(t, "cl_stranger")
	for name, c := range map[string]*cluster.Credentials{"no certificate": nil, "a stranger's": &stranger.Client, "its own": &client} {
		if err := dial(t, port, c); (err == nil) != (c == &client) {
			t.Errorf("with %s certificate: %v", name, err)
		}
	}
	for _, l := range listening(t, m.pids(t, "")) {
		if !strings.HasPrefix(l, "0100007F:") { // 127.0.0.1 in the kernel's notation
			t.Errorf("a process listens on %s, which is not 127.0.0.1", l)
		}
	}
	stopAll(t, b, ls, time.Minute)
}

// dial says hello over TLS and waits for the greeting with which Dask begins.
func dial(t testing.TB, address string, c *cluster.Credentials) error {
	t.Helper()
	config := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // this is about what the server demands
	if c != nil {
		pair, err := tls.X509KeyPair(c.Certificate, c.Key)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 30 * time.Second}, "tcp", address, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

// listening returns the local addresses of the TCP sockets that processes listen on, as the kernel writes them.
func listening(t testing.TB, pids []int) []string {
	t.Helper()
	inodes := map[string]bool{}
	for _, pid := range pids {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, l := range links {
			if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
				inodes[strings.Trim(to, "socket:[]")] = true
			}
		}
	}
	var out []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue // no IPv6 here
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && inodes[f[9]] {
				out = append(out, f[1])
			}
		}
	}
	if len(out) < 3 {
		t.Errorf("found %v, fewer listeners than a scheduler and a worker have", out)
	}
	return out
}

// TestAgentEntersThroughThePreload: the scheduler calls the agent, which finds its token, and an agent that raises harms nobody.
func TestAgentEntersThroughThePreload(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ agent, want string }{
		"works": {`
import os
def dask_setup(scheduler):
    path = os.environ["LINEITEM_AGENT_TOKEN_FILE"]
    print("agent up:", scheduler.address, len(open(path).read()), oct(os.stat(path).st_mode & 0o777), flush=True)
async def dask_teardown(scheduler):
    print("agent down", flush=True)
`, "agent up: tls://127.0.0.1:"},
		"raises":        {"def dask_setup(scheduler):\n    raise RuntimeError('agent is ill')\n", "agent is ill"},
		"does not load": {"raise SystemExit('agent gives up')\n", "agent gives up"},
		"is missing":    {"", "No telemetry from here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			b := m.open(t)
			ls := m.launches(t, "scheduler", "w-0")
			// In front of the real package there stands another one, with the agent to be tried or without any.
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "lineitem", "__init__.py"), "")
			if tc.agent != "" {
				writeFile(t, filepath.Join(dir, "lineitem", "agent", "__init__.py"), "")
				writeFile(t, filepath.Join(dir, "lineitem", "agent", "preload.py"), tc.agent)
			}
			if name != "raises" { // one worker is enough to see that a cluster works without its agent
				ls = ls[:1]
			}
			for i := range ls {
				ls[i].Env = map[string]string{"PYTHONPATH": dir}
				start(t, b, ls[i])
			}
			await(t, b, ls[0].ID, backend.StateRunning)
			for _, l := range ls[1:] {
				await(t, b, l.ID, backend.StateRunning)
			}
			stopAll(t, b, ls, time.Minute)
			log := logOf(t, b, ls[0].ID)
			if !strings.Contains(log, tc.want) || strings.Contains(log, "Traceback") {
				t.Errorf("the scheduler's log lacks %q or holds a traceback:\n%s", tc.want, log)
			}
			if name == "works" && (!strings.Contains(log, "0o600") || !strings.Contains(log, "agent down")) {
				t.Errorf("token or teardown are missing:\n%s", log)
			}
			if strings.Contains(log, ls[0].AgentToken) {
				t.Error("the token is in the log")
			}
		})
	}
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestNothingOutlivesItsWorker: what tasks leave running goes with the worker, even if it detached itself.
func TestNothingOutlivesItsWorker(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, m *machine, b *local.Backend, p backend.Process){
		"stopped in good order": func(t *testing.T, _ *machine, b *local.Backend, p backend.Process) {
			t.Helper()
			if err := b.Stop(t.Context(), p.ID, time.Minute); err != nil {
				t.Error(err)
			}
		},
		"forced": func(t *testing.T, _ *machine, b *local.Backend, p backend.Process) {
			t.Helper()
			if err := b.Stop(t.Context(), p.ID, 0); err != nil {
				t.Error(err)
			}
		},
		"nanny killed": func(t *testing.T, _ *machine, _ *local.Backend, p backend.Process) {
			t.Helper()
			var pid int
			if _, err := fmt.Sscanf(p.Handle, "pid %d", &pid); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, kill); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			b := m.open(t)
			ls, client := m.launchSet(t, "scheduler", "w-0")
			for _, l := range ls {
				start(t, b, l)
			}
			address := await(t, b, ls[0].ID, backend.StateRunning).SchedulerAddress
			out, err := script(t, connect+`
def leave():
    import subprocess
    own = subprocess.Popen(["sleep", "1000"], start_new_session=True).pid
    bare = subprocess.Popen(["/bin/sleep", "1000"], env={}).pid
    return own, bare
with Client(address, security=security, timeout=60) as client:
    print(*client.submit(leave).result())
`, writeCredentials(t, client), address)
			if err != nil {
				t.Fatalf("run task: %v: %s", err, out)
			}
			var detached, untagged int
			if _, err := fmt.Sscan(lastLine(out), &detached, &untagged); err != nil || !alive(detached) || !alive(untagged) {
				t.Fatalf("the task left %q, %v", out, err)
			}
			p := await(t, b, ls[1].ID, backend.StateRunning)
			end(t, m, b, p)
			await(t, b, p.ID, backend.StateEnded)
			if alive(detached) || alive(untagged) {
				t.Errorf("the worker has ended, but what it started lives: detached %v, without tag %v", alive(detached), alive(untagged))
			}
			stopAll(t, b, ls[:1], time.Minute)
		})
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
