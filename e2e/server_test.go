// Package e2e tests the shipped binary with real Dask: nothing in it is replaced.
package e2e_test

import (
	"bufio"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lineitem/lineitem/sdk"
)

// server is a running `lineitem server` with a data folder that outlives it.
type server struct {
	t      *testing.T
	data   string
	listen string
	// within is a command that starts the server, if not empty; root is where its file system is seen from here.
	within []string
	root   string
	cmd    *exec.Cmd
	client *sdk.Client
}

// binary returns the path of the binary under test.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("LINEITEM_BIN")
	if path == "" {
		path = filepath.Join("..", "bin", "lineitem")
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: run `make build` first", err)
	}
	return path
}

// python returns the interpreter of the repository's environment.
func python(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", ".venv", "bin", "python"))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: run `make setup` first", err)
	}
	return path
}

// newServer starts a server on a free port and signs in.
func newServer(t *testing.T) *server {
	t.Helper()
	return newServerOn(t, t.TempDir())
}

// newServerOn starts a server whose data is in the given folder, by a command in front of its own if there is one.
func newServerOn(t *testing.T, data string, within ...string) *server {
	t.Helper()
	s := &server{t: t, data: data, listen: "127.0.0.1:0", within: within}
	out := s.start()
	link, err := url.Parse(out["Sign in once"])
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(link.Fragment, "code=")
	s.client = s.newClient("")
	token, err := s.client.CreateToken(t.Context(), sdk.TokenRequest{Name: "e2e", Code: code})
	if err != nil {
		t.Fatalf("buy a token with the code of the sign-in link: %v", err)
	}
	s.client = s.newClient(token.Secret)
	t.Cleanup(s.cleanUp)
	return s
}

// start runs the binary and returns what it said before it was ready, by the words before the colon.
func (s *server) start() map[string]string {
	s.t.Helper()
	argv := append(slices.Clone(s.within), binary(s.t), "server", "--data", s.data, "--listen", s.listen, "--python", python(s.t))
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Stderr = os.Stderr
	if os.Getenv("LINEITEM_E2E_QUIET") != "" {
		s.cmd.Stderr = nil
	}
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	said := map[string]string{}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	first := s.client == nil
	for deadline := time.After(time.Minute); said["Lineitem listens on"] == "" || (first && said["Sign in once"] == ""); {
		select {
		case line, ok := <-lines:
			if !ok {
				s.t.Fatalf("the server ended before it listened; it said %v", said)
			}
			if address, found := strings.CutPrefix(line, "Lineitem listens on "); found {
				said["Lineitem listens on"] = address
			} else if name, value, found := strings.Cut(line, ": "); found {
				said[name] = value
			}
		case <-deadline:
			s.t.Fatalf("the server does not listen; it said %v", said)
		}
	}
	go func() {
		for range lines { // nobody listens any more, and it must not block
			continue
		}
	}()
	base, err := url.Parse(said["Lineitem listens on"])
	if err != nil {
		s.t.Fatal(err)
	}
	s.listen = base.Host // the next start takes the same port, as a restarted service does
	return said
}

func (s *server) newClient(token string) *sdk.Client {
	s.t.Helper()
	c, err := sdk.New("http://"+s.listen, token)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// kill ends the server as a crash does.
func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait()
}

// restart starts the server again and waits for its first sweep.
func (s *server) restart() {
	s.t.Helper()
	s.start()
	s.eventually(time.Minute, "the server is ready", func() bool { return s.client.Ready(s.t.Context()) == nil })
}

// cleanUp ends the server, and whatever a failed test left behind.
func (s *server) cleanUp() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
	for _, pid := range s.survivors() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// survivors returns the processes of this machine that were started for this server: they carry its data folder in their environment or arguments.
func (s *server) survivors() []int {
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		s.t.Fatal(err)
	}
	var pids []int
	for _, path := range environments {
		folder := filepath.Dir(path)
		env, _ := os.ReadFile(path) // processes come and go
		args, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		if !strings.Contains(string(env), "LINEITEM_PROCESS=") || !strings.Contains(string(env)+string(args), s.data) {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(folder, "stat"))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			continue
		}
		var pid int
		for _, digit := range filepath.Base(folder) {
			pid = pid*10 + int(digit-'0')
		}
		pids = append(pids, pid)
	}
	return pids
}

// eventually waits until f holds.
func (s *server) eventually(within time.Duration, what string, f func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), within)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("not within %s: %s", within, what)
		}
	}
}

func (s *server) create(workers int) sdk.Cluster {
	s.t.Helper()
	c, err := s.client.CreateCluster(s.t.Context(), sdk.CreateClusterRequest{
		Options: sdk.ClusterOptions{Workers: workers, Threads: 1, MemoryBytes: 1 << 30},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *server) get(id string) sdk.Cluster {
	s.t.Helper()
	c, err := s.client.GetCluster(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *server) waitFor(id string, status string, workers int) {
	s.t.Helper()
	s.eventually(2*time.Minute, "cluster "+id+" is "+status, func() bool {
		c := s.get(id)
		return c.Status == status && c.WorkersRunning == workers
	})
}

func (s *server) stop(id string) {
	s.t.Helper()
	if _, err := s.client.StopCluster(s.t.Context(), id); err != nil {
		s.t.Fatal(err)
	}
	s.waitFor(id, "stopped", 0)
}

// bill returns the bill after checking that its parts sum to its total.
func (s *server) bill(id string) sdk.Bill {
	s.t.Helper()
	b, err := s.client.Bill(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	checkSum(s.t, b)
	return b
}

func checkSum(t *testing.T, b sdk.Bill) {
	t.Helper()
	sum := b.UnknownNanos
	for _, l := range b.Lines {
		sum += l.CostNanos
	}
	for _, c := range b.Categories {
		sum += c.CostNanos
	}
	if sum != b.TotalNanos || b.TotalNanos == 0 {
		t.Errorf("the parts of the bill sum to %d, its total is %d", sum, b.TotalNanos)
	}
}
