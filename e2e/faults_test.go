package e2e_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lineitem/lineitem/sdk"
)

// work starts a workload of so many seconds on a cluster and returns a function that waits for its end.
func (s *server) work(id, text, seconds string) (end func() (string, error)) {
	s.t.Helper()
	script := filepath.Join(s.t.TempDir(), "work.py")
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.t.Context(), python(s.t), script, seconds)
	cmd.Env = append(os.Environ(), s.clientEnv(id)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return func() (string, error) {
		err := cmd.Wait()
		return out.String(), err
	}
}

// TestAFullDisk fills the server's disk while a cluster works. Nothing is acknowledged that is not durable, the agents keep what they have, and when there
// is room again it is all there. The disk is a small one in a name space of the server's own, for which nobody need be root.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	s := newServerOn(t, filepath.Join(disk, "data"), "unshare", "--map-root-user", "--mount", "sh", "-c", `mount -t tmpfs -o size=64m tmpfs "$0" && exec "$@"`, disk)
	s.root = "/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/root"
	c := s.create(2)
	s.waitFor(c.ID, "running", 2)
	end := s.work(c.ID, workload, "30")
	pause(t, 5*time.Second)
	filler := filepath.Join(s.root, disk, "filler")
	fill(t, filler)
	pause(t, 15*time.Second)
	if _, err := s.client.CreateToken(t.Context(), sdk.TokenRequest{Name: "while the disk is full"}); err == nil {
		t.Error("the disk is full, and the server took something all the same")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if out, err := end(); err != nil || !strings.Contains(out, "rounds True") {
		t.Fatalf("the work was harmed: %v\n%s", err, out)
	}
	s.stop(c.ID)
	b := s.bill(c.ID)
	if share := float64(b.UnknownNanos+nanosOf(b, "lost.telemetry")+nanosOf(b, "lost.worker")) / float64(b.TotalNanos); share > 0.01 {
		t.Errorf("%.1f %% of the bill is unknown or lost: %+v", 100*share, b.Categories)
	}
	s.checkContiguous(c.ID)
}

// fill writes until nothing more fits.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for size := 1 << 20; size > 0; {
		if _, err := file.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

func nanosOf(b sdk.Bill, category string) int64 {
	for _, c := range b.Categories {
		if c.Name == category {
			return c.CostNanos
		}
	}
	return 0
}

// stubborn computes one task after the other on a cluster that loses processes, and says what it got.
const stubborn = `
import sys
import time

from distributed import Client


def spin(n: int) -> int:
    time.sleep(0.2)
    return n


def main() -> None:
    with Client() as client:
        end = time.monotonic() + float(sys.argv[1])
        rounds = 0
        while time.monotonic() < end:
            futures = client.map(spin, range(8), pure=False, retries=10)
            assert sum(client.gather(futures)) == 28
            rounds += 1
        print("rounds", rounds > 3, flush=True)


if __name__ == "__main__":
    main()
`

// TestAKilledWorkerIsPriced kills a worker's process with SIGKILL in the middle of its tasks. Dask repeats the work and the user gets the right result; what the
// worker had not reported is a part of the bill with a name.
func TestAKilledWorkerIsPriced(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.create(2)
	s.waitFor(c.ID, "running", 2)
	end := s.work(c.ID, stubborn, "20")
	pause(t, 8*time.Second)
	killed := 0
	for _, pid := range s.survivors() {
		if strings.Contains(commandLine(pid), "spawn_main") { // what a nanny starts: the worker itself
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			killed++
			break
		}
	}
	if killed == 0 {
		t.Fatal("no worker was found")
	}
	if out, err := end(); err != nil || !strings.Contains(out, "rounds True") {
		t.Fatalf("the work was harmed: %v\n%s", err, out)
	}
	s.stop(c.ID)
	b := s.bill(c.ID)
	if nanosOf(b, "lost.worker") == 0 {
		t.Errorf("the killed worker's time is not on the bill: %+v", b.Categories)
	}
	if share := float64(b.UnknownNanos) / float64(b.TotalNanos); share > 0.01 {
		t.Errorf("%.1f %% of the bill is unknown", 100*share)
	}
	events, err := s.client.ListEvents(t.Context(), c.ID, 100)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events.Items, func(e sdk.Event) bool { return e.Kind == "worker_lost" }) {
		t.Errorf("no event tells of the lost worker: %+v", events.Items)
	}
}

// TestAKilledSchedulerIsPriced kills the scheduler's process with SIGKILL. All of the cluster's time is on the bill, and it sums.
func TestAKilledSchedulerIsPriced(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.create(1)
	s.waitFor(c.ID, "running", 1)
	end := s.work(c.ID, stubborn, "60")
	pause(t, 8*time.Second)
	killed := 0
	for _, pid := range s.survivors() {
		if strings.Contains(commandLine(pid), "scheduler") && !strings.Contains(commandLine(pid), "worker") {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			killed++
		}
	}
	if killed == 0 {
		t.Fatal("no scheduler was found")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		out, err := end() // the client learns of it in Dask's own way
		t.Logf("the client ended with %v: %.300s", err, out)
	}()
	s.eventually(2*time.Minute, "the cluster has ended or works again", func() bool {
		status := s.get(c.ID).Status
		return status == "failed" || status == "stopped" || status == "running"
	})
	if status := s.get(c.ID).Status; status != "failed" && status != "stopped" {
		if _, err := s.client.StopCluster(ctx, c.ID); err != nil {
			t.Fatal(err)
		}
	}
	s.eventually(2*time.Minute, "the cluster has ended", func() bool {
		status := s.get(c.ID).Status
		return status == "failed" || status == "stopped"
	})
	<-done
	b := s.bill(c.ID)
	t.Logf("%d nano-units, unknown %d, lost with the worker %d", b.TotalNanos, b.UnknownNanos, nanosOf(b, "lost.worker"))
	if share := float64(b.UnknownNanos) / float64(b.TotalNanos); share > 0.01 {
		t.Errorf("%.1f %% of the bill is unknown: %+v", 100*share, b.Categories)
	}
	if left := s.survivors(); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

func commandLine(pid int) string {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline")) // it may have ended
	return strings.ReplaceAll(string(text), "\x00", " ")
}
