package local_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/backend/local"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/pki"
)

const (
	kill   = syscall.SIGKILL
	freeze = syscall.SIGSTOP
)

// patience is how long anything may take: real programs start here, and the machine may be busy.
const patience = 3 * time.Minute

// machine is this machine, as far as one test's installation uses it. When the test ends nothing of that may be left.
type machine struct {
	dir, installation string
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	m := &machine{dir: t.TempDir(), installation: "test-" + rand.Text()}
	t.Cleanup(func() {
		if left := m.pids(t, ""); len(left) > 0 {
			t.Errorf("processes survived the test: %v", left)
			for _, pid := range left {
				_ = syscall.Kill(pid, kill)
			}
			eventually(t, func() bool { return len(m.pids(t, "")) == 0 }, "survivors go")
		}
	})
	return m
}

// open opens a backend. It is closed at the end of the test only: an earlier value over the same machine plays a server that was
// killed, so it gets no chance to tidy up.
func (m *machine) open(t testing.TB) *local.Backend {
	t.Helper()
	b, err := local.New(local.Config{
		Dir: m.dir, Installation: m.installation, Python: python(t),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatalf("open backend: %v", err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// python finds the interpreter with Dask that the tests need: they fail without, because they would prove nothing.
func python(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("LINEITEM_PYTHON"); p != "" {
		return p
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if p := filepath.Join(dir, ".venv", "bin", "python"); isFile(p) {
			return p
		}
	}
	t.Fatal("There is no Python with Dask: run `make setup`, or set LINEITEM_PYTHON to an interpreter that has it.")
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// pids finds the processes that carry the installation's tag, and the process id's if that is given, by other means
// than the backend: the test must see what it might overlook.
func (m *machine) pids(t testing.TB, process string) []int {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, path := range paths {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		env, err := os.ReadFile(path)
		if err != nil || pid == os.Getpid() {
			continue
		}
		has := func(entry string) bool { return bytes.Contains(append([]byte{0}, env...), []byte("\x00"+entry+"\x00")) }
		if has("LINEITEM_INSTALLATION="+m.installation) && (process == "" || has("LINEITEM_PROCESS="+process)) && alive(pid) {
			out = append(out, pid)
		}
	}
	return out
}

// alive reports whether a process still can do anything: it is neither a zombie nor on its way to become one, which shows in
// that its memory is gone.
func alive(pid int) bool {
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && len(command) > 0 && status(pid) != "Z"
}

// status is the kernel's letter for what a process does, empty if there is none.
func status(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest[:1]
}

// signalAll hits a process and its children from outside, and waits until it has worked: a signal that is on its way may be
// overtaken by the next.
func (m *machine) signalAll(t testing.TB, p backend.Process, sig syscall.Signal) {
	t.Helper()
	var pids []int
	eventually(t, func() bool { pids = m.pids(t, string(p.ID)); return len(pids) > 0 }, "something carries the id "+string(p.ID))
	for _, pid := range pids {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatalf("signal %d: %v", pid, err)
		}
	}
	for _, pid := range pids {
		eventually(t, func() bool {
			s := status(pid)
			return s == "" || s == "Z" || sig == freeze && s == "T"
		}, fmt.Sprintf("%v works on %d", sig, pid))
	}
}

// launches describes the processes of one new cluster.
func (m *machine) launches(t testing.TB, names ...string) []backend.Launch {
	t.Helper()
	id := cluster.ID("cl_" + strings.ToLower(rand.Text()))
	set := mint(t, id)
	out := make([]backend.Launch, 0, len(names))
	for _, name := range names {
		l := backend.Launch{
			ID: cluster.ProcessID(string(id) + "-" + name + "-1"), ClusterID: id, Role: cluster.RoleWorker, Name: name,
			Threads: 1, MemoryBytes: 512 << 20, Credentials: set.Worker, Env: map[string]string{"LINEITEM_AGENT": "off"},
		}
		if name == "scheduler" {
			l.Role, l.Credentials, l.AgentToken = cluster.RoleScheduler, set.Scheduler, "secret-"+rand.Text()
		}
		out = append(out, l)
	}
	return out
}

// age moves all that tells time in the backend's folder into the past.
func (m *machine) age(t testing.TB, by time.Duration) {
	t.Helper()
	m.rewriteRecords(t, func(r map[string]any) {
		for _, key := range []string{"intended_at", "started_at"} {
			at, err := time.Parse(time.RFC3339, r[key].(string))
			if err != nil {
				t.Fatal(err)
			}
			r[key] = at.Add(-by)
		}
	})
	err := filepath.WalkDir(m.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		at := info.ModTime().Add(-by)
		return os.Chtimes(path, at, at)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rewriteRecords changes what the backend's folder says of its processes.
func (m *machine) rewriteRecords(t testing.TB, change func(r map[string]any)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(m.dir, "clusters", "*", "processes", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("records: %v, %v", paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r := map[string]any{}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber() // a start time must come back as it was
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
		change(r)
		if text, err = json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		// A backend may read at the same time, so the file must not be half written at any moment.
		if err := errors.Join(os.WriteFile(path+".new", text, 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
}

func logOf(t testing.TB, b *local.Backend, id cluster.ProcessID) string {
	t.Helper()
	r, err := b.Logs(t.Context(), id, 0)
	if err != nil {
		t.Fatalf("logs: %v", err)
	}
	text, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read log: %v", err)
	}
	return string(text)
}

func mint(t testing.TB, id cluster.ID) cluster.CredentialSet {
	t.Helper()
	set, err := pki.Mint(id, time.Now())
	if err != nil {
		t.Fatalf("mint credentials: %v", err)
	}
	return set
}

func eventually(t testing.TB, holds func() bool, what string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
