package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lineitem/lineitem/sdk"
)

// home is a user's machine: an empty home, and an environment in which nothing of the tester's own is set.
type home struct {
	folder string
	binary string
	env    []string
}

func newHome(t *testing.T) *home {
	t.Helper()
	folder := t.TempDir()
	h := &home{folder: folder, binary: binary(t), env: []string{"HOME=" + folder, "LINEITEM_PYTHON=" + python(t)}}
	for _, name := range []string{"PATH", "TMPDIR", "LANG", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			h.env = append(h.env, name+"="+value)
		}
	}
	t.Cleanup(func() { noProcesses(t, folder) })
	return h
}

// command is the binary with arguments, run in the home.
func (h *home) command(args ...string) *exec.Cmd {
	cmd := exec.Command(h.binary, args...)
	cmd.Dir, cmd.Env = h.folder, h.env
	return cmd
}

// result is what a command left.
type result struct {
	status         int
	stdout, stderr string
}

func (h *home) enter(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := h.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("lineitem %s: %v", strings.Join(args, " "), err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func (h *home) must(t *testing.T, args ...string) result {
	t.Helper()
	r := h.enter(t, args...)
	if r.status != 0 {
		t.Fatalf("lineitem %s ends with %d:\n%s", strings.Join(args, " "), r.status, r.stderr)
	}
	return r
}

// write puts a script into the home.
func (h *home) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(h.folder, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// serve starts a server of the home and signs in to it; both end with the test.
func (h *home) serve(t *testing.T) {
	t.Helper()
	cmd := h.command("server", "--listen", "127.0.0.1:0")
	log := &safeBuffer{}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ends with %v", err)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", log.String())
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, link, ok := strings.Cut(lines.Text(), "lineitem login '"); ok {
			go func() { _, _ = io.Copy(io.Discard, stdout) }() // what it may still say must not block it
			h.must(t, "login", strings.TrimSuffix(link, "'"))
			return
		}
	}
	t.Fatalf("the server prints no way in: %v", lines.Err())
}

// bill reads a bill and checks the promise that it makes.
func bill(t *testing.T, text string) sdk.Bill {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	var b sdk.Bill
	if err := decoder.Decode(&b); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	if decoder.More() {
		t.Fatalf("standard output holds more than the bill: %q", text)
	}
	checkSum(t, b)
	return b
}

// observed checks that nearly all money is accounted for and nearly all executing time is on named lines.
func observed(t *testing.T, b sdk.Bill) {
	t.Helper()
	onLines, executing := 0.0, 0.0
	for _, line := range b.Lines {
		if line.File != "" && line.Line > 0 {
			onLines += line.ThreadSeconds
		}
		executing += line.ThreadSeconds
	}
	for _, category := range b.Categories {
		if category.Name == "unattributed" {
			executing += category.ThreadSeconds
		}
	}
	t.Logf("%.1f of %.1f s executing are on named lines; unknown is %d of %d nano-units; covered %.2f of %.2f s",
		onLines, executing, b.UnknownNanos, b.TotalNanos, b.CoverageSeconds, b.CapacitySeconds)
	if executing <= 0 || onLines < 0.95*executing {
		t.Errorf("only %.2f of %.2f s executing are on named lines", onLines, executing)
	}
	if b.UnknownNanos*100 >= b.TotalNanos {
		t.Errorf("%d of %d nano-units are unknown", b.UnknownNanos, b.TotalNanos)
	}
}

// noProcesses checks that nothing runs any more that has the folder in its arguments, as all processes of its server have.
func noProcesses(t *testing.T, folder string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		out, err := exec.Command("ps", "-Awwo", "pid=,args=").Output()
		if err != nil {
			t.Errorf("list processes: %v", err)
			return
		}
		var left []string
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, folder) {
				left = append(left, line)
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("these processes are left:\n%s", strings.Join(left, ""))
			return
		}
		<-time.After(100 * time.Millisecond)
	}
}

// safeBuffer may be written to and read at the same time.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// waitFor waits until a text has been written.
func (b *safeBuffer) waitFor(t *testing.T, text string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !strings.Contains(b.String(), text) {
		if time.Now().After(deadline) {
			t.Fatalf("%q was not written within two minutes, only:\n%s", text, b.String())
		}
		<-time.After(50 * time.Millisecond)
	}
}

// signalled is the exit status of a program that a signal ended, as shells count.
func signalled(s syscall.Signal) int { return 128 + int(s) }
