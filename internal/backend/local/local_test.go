package local_test

import (
	"errors"
	"io/fs"
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

// TestStrangerWithOurPid: a record whose pid belongs to somebody else by now does not get him killed.
func TestStrangerWithOurPid(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	first := m.open(t)
	l := m.launches(t, "w-0")[0]
	start(t, first, l)
	if err := first.Stop(t.Context(), l.ID, 0); err != nil {
		t.Fatal(err)
	}
	await(t, first, l.ID, backend.StateEnded)

	stranger := exec.CommandContext(t.Context(), "sleep", "1000")
	stranger.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	m.rewriteRecords(t, func(r map[string]any) {
		r["pid"] = stranger.Process.Pid
		for _, key := range []string{"ended_at", "main_gone_at", "noticed_at", "exit_code", "stop_asked_at", "kill_at", "term_sent"} {
			delete(r, key)
		}
	})
	b := m.open(t)
	if err := b.Stop(t.Context(), l.ID, 0); !errors.Is(err, backend.ErrGone) {
		t.Errorf("stop: %v, want ErrGone: our process is no more", err)
	}
	if p := await(t, b, l.ID, backend.StateEnded); p.ExitCode != nil {
		t.Errorf("an exit code of nobody: %+v", p)
	}
	if !alive(stranger.Process.Pid) {
		t.Error("the stranger was killed")
	}
	if err := stranger.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = stranger.Wait()
}

// TestLostRecords: what runs is found by its tag when the backend's folder knows nothing of it.
func TestLostRecords(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	old := m.open(t)
	ls := m.launches(t, "scheduler", "w-0")
	for _, l := range ls {
		start(t, old, l)
	}
	await(t, old, ls[1].ID, backend.StateRunning)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	m.dir = t.TempDir()
	b := m.open(t)
	all := list(t, b)
	if len(all) != 2 {
		t.Fatalf("found %+v, want the scheduler and the worker", all)
	}
	for _, p := range all {
		i := slices.IndexFunc(ls, func(l backend.Launch) bool { return l.ID == p.ID })
		if i < 0 || p.ClusterID != ls[i].ClusterID || p.Role != ls[i].Role || p.Name != ls[i].Name || p.Handle == "" {
			t.Errorf("found %+v, which is not what was launched", p)
		}
		if age := time.Since(p.StartedAt); age < 0 || age > 10*time.Minute {
			t.Errorf("%s is said to have started %v ago", p.ID, age)
		}
	}
	again, err := b.Start(t.Context(), ls[0])
	if err != nil || !strings.HasPrefix(again.Handle, "pid ") || len(list(t, b)) != 2 {
		t.Errorf("start of what runs without a record: %+v, %v", again, err)
	}
	if n := len(m.pids(t, string(ls[0].ID))); n != 1 {
		t.Errorf("there are %d processes of the scheduler", n)
	}
	stopAll(t, b, ls, time.Minute)
}

// TestDamagedRecord: one file that cannot be read hides neither its own process nor the others.
func TestDamagedRecord(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := m.open(t)
	ls := m.launches(t, "w-0", "w-1")
	for _, l := range ls {
		start(t, b, l)
	}
	path := filepath.Join(m.dir, "clusters", string(ls[0].ClusterID), "processes", string(ls[0].ID)+".json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return len(list(t, b)) == 2 }, "both are listed") // a program is invisible while it is being loaded
	stopAll(t, b, ls, 0)
}

func TestDiesAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	executable := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // it is to be run
			t.Fatal(err)
		}
		return path
	}
	for name, tc := range map[string]struct {
		python, log string
		env         map[string]string
		code        int
	}{
		"no Dask":         {executable("nodask", "#!/bin/sh\nexec "+python(t)+" -S \"$@\"\n"), "No module named", nil, 1},
		"not a program":   {executable("empty", "#!/nonexistent/interpreter\n"), "not found", nil, 127},
		"ends by itself":  {executable("seven", "#!/bin/sh\necho bye\nexit 7\n"), "bye", nil, 7},
		"ends by signal":  {executable("signal", "#!/bin/sh\necho ouch\nkill -9 $$\n"), "ouch", nil, 128 + 9},
		"wrong variables": {"", "encodings", map[string]string{"PYTHONHOME": "/nonexistent"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			b := m.open(t)
			l := m.launches(t, "scheduler")[0]
			l.Python, l.Env = tc.python, tc.env
			start(t, b, l)
			p := await(t, b, l.ID, backend.StateEnded)
			if p.ExitCode == nil || *p.ExitCode != tc.code {
				t.Errorf("ended as %+v, want code %d", p, tc.code)
			}
			if log := logOf(t, b, l.ID); !strings.Contains(log, tc.log) {
				t.Errorf("the log does not tell why: %q", log)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := m.open(t)
	l := m.launches(t, "scheduler")[0]
	l.Env = map[string]string{"MINE": "1", "LANG": "C", "LINEITEM_INSTALLATION": "forged", "LINEITEM_PROCESS": "forged"}
	server := []string{
		"PATH=/bin", "HOME=/home/ana", "LANG=de_DE", "LC_ALL=C", "PYTHONHOME=/usr", "PYTHONPATH=/lib", "HTTPS_PROXY=http://proxy",
		"LINEITEM_DATABASE_URL=postgres://secret", "LINEITEM_AGENT_TOKEN_FILE=/other", "LINEITEM_CLUSTER=other", "AWS_SECRET_ACCESS_KEY=secret", "PGPASSWORD=secret",
		"DASK_SCHEDULER_ADDRESS=tls://other", "LD_PRELOAD=/evil.so", "GITHUB_TOKEN=secret",
	}
	want := []string{
		"HOME=/home/ana", "HTTPS_PROXY=http://proxy", "LANG=C", "LC_ALL=C", "LINEITEM_AGENT_TOKEN_FILE=/token-file",
		"LINEITEM_CLUSTER=" + string(l.ClusterID), "LINEITEM_PROCESS=" + string(l.ID),
		"MINE=1", "PATH=/bin", "PWD=/work-folder", "PYTHONHOME=/usr", "PYTHONPATH=/lib", "PYTHONUNBUFFERED=1", "SPT_NOENV=1",
	}
	if got := local.Environment(b, l, server); !slices.Equal(got, want) {
		t.Errorf("environment is %q,\nwant %q", got, want)
	}
	l.Python = "/other/python"
	if got := local.Environment(b, l, server); slices.Contains(got, "PYTHONHOME=/usr") {
		t.Error("another interpreter is sent to the library of the server's")
	}
}

// TestFolderIsPrivate: nobody else reads keys, tokens or logs, and Forget removes what is secret.
func TestFolderIsPrivate(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := m.open(t)
	l := m.launches(t, "scheduler")[0]
	start(t, b, l)
	await(t, b, l.ID, backend.StateRunning)
	secrets := 0
	walk := func(check func(path string, info fs.FileInfo, text string)) {
		err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			var text []byte
			if info.Mode().IsRegular() {
				if text, err = os.ReadFile(path); err != nil {
					return err
				}
			}
			check(path, info, string(text))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	secret := func(text string) bool {
		return strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, l.AgentToken)
	}
	walk(func(path string, info fs.FileInfo, text string) {
		// The root is the test's; Dask makes files of its own below folders of ours.
		if path != m.dir && info.IsDir() && !strings.Contains(path, "scratch/") && info.Mode().Perm() != 0o700 {
			t.Errorf("folder %s has mode %v", path, info.Mode())
		}
		if secret(text) {
			secrets++
			if info.Mode().Perm() != 0o600 {
				t.Errorf("secret %s has mode %v", path, info.Mode())
			}
		}
	})
	if secrets != 2 {
		t.Errorf("%d files hold secrets, want the key and the token", secrets)
	}
	stopAll(t, b, []backend.Launch{l}, time.Minute)
	if err := b.Forget(t.Context(), l.ClusterID); err != nil {
		t.Fatal(err)
	}
	walk(func(path string, _ fs.FileInfo, text string) {
		if secret(text) {
			t.Errorf("%s still holds a secret", path)
		}
	})
	if _, err := os.Stat(filepath.Join(m.dir, "clusters", string(l.ClusterID))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cluster's folder is still there: %v", err)
	}
}

// TestWorkingFolder: tasks run where the launch says, so that a user's relative paths mean what they mean at home.
func TestWorkingFolder(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := m.open(t)
	ls, client := m.launchSet(t, "scheduler", "w-0")
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "data.txt"), "42")
	for _, l := range ls {
		l.Env = map[string]string{"PWD": dir}
		start(t, b, l)
	}
	address := await(t, b, ls[0].ID, backend.StateRunning).SchedulerAddress
	out, err := script(t, connect+`
with Client(address, security=security, timeout=60) as client:
    print(client.submit(lambda: open("data.txt").read()).result())
`, writeCredentials(t, client), address)
	if err != nil || lastLine(out) != "42" {
		t.Errorf("a task read %q, %v", out, err)
	}
	stopAll(t, b, ls, time.Minute)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the user's folder holds %v, %v, want nothing new", entries, err)
	}
}

// TestNewSchedulerGetsNewWorkers: a worker does not go to where a former scheduler of the cluster listened.
func TestNewSchedulerGetsNewWorkers(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := m.open(t)
	l := m.launches(t, "scheduler")[0]
	start(t, b, l)
	p := await(t, b, l.ID, backend.StateRunning)
	m.signalAll(t, p, kill) // so that it leaves its file behind
	await(t, b, l.ID, backend.StateEnded)
	l.ID = cluster.ProcessID(strings.TrimSuffix(string(l.ID), "1") + "2")
	if p := start(t, b, l); p.State != backend.StateStarting || p.SchedulerAddress != "" {
		t.Errorf("the new scheduler begins with the old one's address: %+v", p)
	}
	if again := await(t, b, l.ID, backend.StateRunning); again.SchedulerAddress == p.SchedulerAddress {
		t.Errorf("both schedulers have the address %s", p.SchedulerAddress)
	}
	stopAll(t, b, []backend.Launch{l}, 0)
}
