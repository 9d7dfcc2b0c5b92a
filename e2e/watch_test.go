package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
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

// dask runs one of Dask's own commands until the test ends, as a person would by hand, without an agent of ours.
func dask(t *testing.T, folder string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(python(t), append([]string{"-m"}, args...)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "LINEITEM_AGENT=off", "PYTHONPATH="+folder, "DASK_TEMPORARY_DIRECTORY="+folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", strings.Join(args, " "), log.String())
		}
	})
	return cmd
}

// handMade is a cluster that somebody started by hand: a scheduler and workers of two threads each.
type handMade struct {
	folder, address string
	scheduler       *exec.Cmd
	workers         []*exec.Cmd
}

func startByHand(t *testing.T, s *server, workers int) *handMade {
	t.Helper()
	h := &handMade{folder: t.TempDir()}
	file := filepath.Join(h.folder, "scheduler.json")
	h.scheduler = dask(t, h.folder, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file)
	s.eventually(time.Minute, "the scheduler is up", func() bool {
		text, err := os.ReadFile(file)
		var said struct{ Address string }
		if err != nil || json.Unmarshal(text, &said) != nil {
			return false
		}
		h.address = said.Address
		return h.address != ""
	})
	for range workers {
		h.workers = append(h.workers, dask(t, h.folder, "distributed.cli.dask_worker", h.address, "--nthreads", "2", "--memory-limit", "1GB", "--no-nanny", "--no-dashboard"))
	}
	return h
}

// watched runs "lineitem watch" on the cluster until stop is called.
func (h *handMade) watched(t *testing.T, s *server) (said *safeBuffer, stop func() error) {
	t.Helper()
	said = &safeBuffer{}
	cmd := exec.Command(binary(t), "watch", h.address, "--name", "by-hand")
	cmd.Dir = h.folder
	cmd.Env = append(os.Environ(), "LINEITEM_SERVER=http://"+s.listen, "LINEITEM_TOKEN="+s.token(t))
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = func() error {
		_ = cmd.Process.Signal(syscall.SIGINT)
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Minute):
			return errors.New("it does not end")
		}
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	said.waitFor(t, "Watching by-hand")
	return said, stop
}

// token makes an API token for a program of the user's.
func (s *server) token(t *testing.T) string {
	t.Helper()
	token, err := s.client.CreateToken(t.Context(), sdk.TokenRequest{Name: "watch"})
	if err != nil {
		t.Fatal(err)
	}
	return token.Secret
}

const watchedModule = `import time

def dear(seconds):
    end = time.perf_counter() + seconds
    total = 0
    while time.perf_counter() < end:
        total += sum(i * i for i in range(2000))
    return total

def cheap(seconds):
    time.sleep(seconds)
`

const watchedScript = `import sys
from distributed import Client, wait
import watched_module

client = Client(sys.argv[1])
wait(client.map(watched_module.dear, [4] * 8, pure=False) + client.map(watched_module.cheap, [2] * 2, pure=False))
`

// TestWatchingFromOutside watches a cluster that was started by hand, with nothing of ours in it.
func TestWatchingFromOutside(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	h := startByHand(t, s, 2)
	if err := errors.Join(
		os.WriteFile(filepath.Join(h.folder, "watched_module.py"), []byte(watchedModule), 0o600),
		os.WriteFile(filepath.Join(h.folder, "watched_script.py"), []byte(watchedScript), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	said, stop := h.watched(t, s)

	var c sdk.Cluster
	s.eventually(time.Minute, "the cluster shows up with two workers", func() bool {
		page, err := s.client.ListClusters(t.Context(), sdk.ListClustersOptions{})
		if err != nil || len(page.Items) != 1 {
			return false
		}
		c = page.Items[0]
		return c.WorkersRunning == 2
	})
	if !c.Watched || c.Method != "sampled" || c.Name != "by-hand" || c.Owner.Name != "admin" || c.Deployment != "manual" || c.Status != "running" ||
		c.SchedulerAddress != h.address || c.RateNanosPerHour != 45_000_000+2*85_000_000 {
		t.Errorf("cluster = %+v", c)
	}
	if _, err := s.client.StopCluster(t.Context(), c.ID); !sdk.IsCode(err, "watched_cluster") {
		t.Errorf("stopping it: %v", err)
	}

	run := exec.Command(python(t), "watched_script.py", h.address)
	run.Dir, run.Env = h.folder, append(os.Environ(), "LINEITEM_AGENT=off")
	var log bytes.Buffer
	run.Stdout, run.Stderr = &log, &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	// The server goes away for a while, in the middle of it: nothing is lost.
	s.kill()
	away := time.NewTimer(6 * time.Second)
	<-away.C
	s.restart()
	if err := run.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}

	// A worker is killed; it ends, and the other goes on.
	if err := h.workers[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.eventually(time.Minute, "the killed worker has ended", func() bool { return s.get(c.ID).WorkersRunning == 1 })
	processes, err := s.client.ListProcesses(t.Context(), c.ID)
	if err != nil || len(processes.Items) != 3 {
		t.Fatalf("processes = %+v, %v", processes, err)
	}
	if ended := slices.IndexFunc(processes.Items, func(p sdk.Process) bool { return p.EndedAt != nil }); ended < 1 {
		t.Errorf("processes = %+v", processes)
	}

	if err := stop(); err != nil {
		t.Errorf("ends with %v:\n%s", err, said.String())
	}
	s.eventually(30*time.Second, "the cluster has ended", func() bool { return s.get(c.ID).Status == "stopped" })
	c = s.get(c.ID)
	if c.EndedAt == nil || time.Since(*c.EndedAt) > time.Minute || c.RateNanosPerHour != 0 {
		t.Errorf("cluster = %+v", c)
	}
	if h.workers[1].Process.Signal(syscall.Signal(0)) != nil {
		t.Error("watching ended what was watched")
	}

	b := s.bill(c.ID)
	if b.TotalNanos != c.CostNanos || len(b.Lines) == 0 {
		t.Fatalf("bill = %+v", b)
	}
	top := b.Lines[0]
	if top.File != filepath.Join(h.folder, "watched_module.py") || top.Function != "<genexpr>" && top.Function != "dear" || top.Line != 7 || top.Prefixes[0].Prefix != "dear" ||
		top.Text != "total += sum(i * i for i in range(2000))" {
		t.Errorf("the dearest line is %+v", top)
	}
	// 8 tasks of 4 s, and 2 of 2 s, on 4 threads: what is sampled once a second is right to a few seconds.
	dear, cheap := 0.0, 0.0
	for _, l := range b.Lines {
		for _, p := range l.Prefixes {
			switch p.Prefix {
			case "dear":
				dear += p.ThreadSeconds
			case "cheap":
				cheap += p.ThreadSeconds
			}
		}
	}
	t.Logf("dear %.1f s of 32, cheap %.1f s of 4, unknown %d of %d", dear, cheap, b.UnknownNanos, b.TotalNanos)
	if dear < 20 || dear > 44 || cheap < 1 || cheap > 9 {
		t.Errorf("dear %.1f s, want about 32; cheap %.1f s, want about 4", dear, cheap)
	}
	if b.Method != "sampled" {
		t.Errorf("method %q", b.Method)
	}
	if share := float64(b.UnknownNanos) / float64(b.TotalNanos); share > 0.1 {
		t.Errorf("%.0f %% is unknown", 100*share)
	}
}

const idleScript = `import sys, time
from distributed import Client
import idle_module

client = Client(sys.argv[1])
client.submit(idle_module.seceded, 8).result()
counter = client.submit(idle_module.Counter, actor=True).result()
counter.work(8).result()
client.run(idle_module.spin, 12)
`

const idleModule = `import time
from distributed import secede

def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(1000))

def seceded(seconds):
    secede()
    spin(seconds)

class Counter:
    def work(self, seconds):
        spin(seconds)
`

// TestWatchingWhatDaskCallsIdle looks at work that Dask's own clock of idleness takes for none: seceded tasks, actors, client.run.
func TestWatchingWhatDaskCallsIdle(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	h := startByHand(t, s, 1)
	if err := errors.Join(
		os.WriteFile(filepath.Join(h.folder, "idle_module.py"), []byte(idleModule), 0o600),
		os.WriteFile(filepath.Join(h.folder, "idle_script.py"), []byte(idleScript), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	said, stop := h.watched(t, s)
	run := exec.Command(python(t), "idle_script.py", h.address)
	run.Dir, run.Env = h.folder, append(os.Environ(), "LINEITEM_AGENT=off")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := stop(); err != nil {
		t.Errorf("ends with %v:\n%s", err, said.String())
	}
	page, err := s.client.ListClusters(t.Context(), sdk.ListClustersOptions{})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	b := s.bill(page.Items[0].ID)
	seconds := map[string]float64{}
	for _, l := range b.Lines {
		for _, p := range l.Prefixes {
			seconds[p.Prefix] += p.ThreadSeconds
		}
	}
	for _, category := range b.Categories {
		seconds[category.Name] += category.ThreadSeconds
	}
	t.Logf("%v", seconds)
	// client.run is noticed after three seconds without a heartbeat, and has no line.
	for name, want := range map[string]float64{"seceded": 8, "Counter.work": 8, "unattributed": 10.5} {
		if got := seconds[name]; got < want-4 || got > want+4 {
			t.Errorf("%s: %.1f s, want about %.1f", name, got, want)
		}
	}
}

// TestWatchingIsRefusedBesideAnAgent watches a cluster of ours, whose agent charges its time already.
func TestWatchingIsRefusedBesideAnAgent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.create(1)
	s.waitFor(c.ID, "running", 1)
	held, err := s.client.Credentials(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{"ca": held.CAPEM, "cert": held.CertificatePEM, "key": held.KeyPEM} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	watch := func() (string, error) {
		cmd := exec.Command(binary(t), "watch", held.SchedulerAddress, "--tls-ca", "ca", "--tls-cert", "cert", "--tls-key", "key")
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "LINEITEM_SERVER=http://"+s.listen, "LINEITEM_TOKEN="+s.token(t))
		var said bytes.Buffer
		cmd.Stderr = &said
		err := cmd.Run()
		return said.String(), err
	}
	said, err := watch()
	if err == nil || !strings.Contains(said, "has an agent of Lineitem already") || !strings.Contains(said, c.ID) {
		t.Errorf("it ends with %v and says:\n%s", err, said)
	}
	page, err := s.client.ListClusters(t.Context(), sdk.ListClustersOptions{})
	if err != nil || len(page.Items) != 1 {
		t.Errorf("clusters: %+v, %v", page, err)
	}
	s.stop(c.ID)
	if said, err = watch(); err == nil || !strings.Contains(said, "onnect to the scheduler") {
		t.Errorf("without a scheduler it ends with %v and says:\n%s", err, said)
	}
}

// TestTheWatchedSchedulerIsKilled ends the cluster at what was last seen of it.
func TestTheWatchedSchedulerIsKilled(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	h := startByHand(t, s, 1)
	said, _ := h.watched(t, s)
	var c sdk.Cluster
	s.eventually(time.Minute, "the cluster shows up with its worker", func() bool {
		page, err := s.client.ListClusters(t.Context(), sdk.ListClustersOptions{})
		if err != nil || len(page.Items) != 1 {
			return false
		}
		c = page.Items[0]
		return c.WorkersRunning == 1
	})
	killed := time.Now()
	for _, each := range append(h.workers, h.scheduler) {
		if err := each.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	s.eventually(2*time.Minute, "the cluster has ended", func() bool { return s.get(c.ID).Status == "stopped" })
	c = s.get(c.ID)
	if late := c.EndedAt.Sub(killed); late > 5*time.Second || late < -10*time.Second {
		t.Errorf("it ended %v after it was killed", late)
	}
	if !strings.Contains(said.String(), "counts as gone") {
		t.Errorf("it says:\n%s", said.String())
	}
	s.bill(c.ID)
}
