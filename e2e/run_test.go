package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lineitem/lineitem/sdk"
)

// plainScript is what anyone would write: it knows nothing of Lineitem. Its work is in a module beside it, and its input in a
// file that is named relative to the working folder.
const plainScript = `import sys
from dask.distributed import Client
from mathematics import squares

def scaled(n):
    factor = int(open("factor.txt").read())
    return factor * squares(n)

if __name__ == "__main__":
    client = Client()
    total = sum(client.gather(client.map(scaled, range(1_000_000, 1_000_000 + int(sys.argv[1])))))
    print("total", total)
`

const plainModule = `def squares(n):
    total = 0
    for i in range(n):
        total += i * i
    return total
`

// TestRun runs unchanged scripts on a server's clusters.
func TestRun(t *testing.T) {
	h := newHome(t)
	h.serve(t)

	t.Run("plain", func(t *testing.T) {
		h.write(t, "code/plain.py", plainScript)
		h.write(t, "code/mathematics.py", plainModule)
		h.write(t, "factor.txt", "2")
		r := h.must(t, "run", "--workers", "2", "-o", "json", "code/plain.py", "24")
		if !strings.Contains(r.stderr, "\ntotal 16000") {
			t.Errorf("the script's output is not on standard error:\n%s", r.stderr)
		}
		b := bill(t, r.stdout)
		observed(t, b)
		if top := b.Lines[0]; top.File != filepath.Join(h.folder, "code", "mathematics.py") || top.Function != "squares" || top.Line < 3 || top.Line > 4 {
			t.Errorf("the dearest line is %+v", top)
		}
		if got := cluster(t, h, b.ClusterID); got.Status != "stopped" || got.CostNanos != b.TotalNanos {
			t.Errorf("the cluster is %+v, its bill %d", got, b.TotalNanos)
		}
		// The bill stays the same, in every command that shows it.
		if again := bill(t, h.must(t, "lines", b.ClusterID, "-o", "json").stdout); again.TotalNanos != b.TotalNanos || len(again.Lines) != len(b.Lines) {
			t.Errorf("the bill was %d on %d lines, is %d on %d", b.TotalNanos, len(b.Lines), again.TotalNanos, len(again.Lines))
		}
		if text := h.must(t, "cost", b.ClusterID).stdout; !strings.Contains(text, "\nLines of code ") || !strings.Contains(text, "\nBill ") {
			t.Errorf("cost prints\n%s", text)
		}
	})

	t.Run("failing", func(t *testing.T) {
		h.write(t, "failing.py", "from dask.distributed import Client\nClient().submit(int, 'x').result()\n")
		r := h.enter(t, "run", "--workers", "1", "-o", "json", "failing.py")
		if r.status != 1 || !strings.Contains(r.stderr, "ValueError: invalid literal for int()") {
			t.Errorf("run ends with %+v", r)
		}
		if got := cluster(t, h, bill(t, r.stdout).ClusterID); got.Status != "stopped" {
			t.Errorf("the cluster is %+v", got)
		}
	})

	t.Run("without a client", func(t *testing.T) {
		h.write(t, "alone.py", "import sys\nprint('alone')\nsys.exit(5)\n")
		r := h.enter(t, "run", "--workers", "1", "-o", "json", "alone.py")
		if r.status != 5 || !strings.Contains(r.stderr, "alone\n") {
			t.Errorf("run ends with %+v", r)
		}
		if b := bill(t, r.stdout); len(b.Lines) != 0 {
			t.Errorf("nothing ran, and yet there are lines: %+v", b.Lines)
		}
	})

	t.Run("interrupted", func(t *testing.T) {
		h.write(t, "long.py", "import time\nfrom dask.distributed import Client\nclient = Client()\nprint('connected', flush=True)\ntime.sleep(600)\n")
		cmd := h.command("run", "--workers", "1", "-o", "json", "long.py")
		stdout, stderr := &safeBuffer{}, &safeBuffer{}
		cmd.Stdout, cmd.Stderr = stdout, stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stderr.waitFor(t, "connected")
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != signalled(syscall.SIGINT) || !strings.Contains(stderr.String(), "KeyboardInterrupt") {
			t.Errorf("run ends with %v:\n%s", err, stderr.String())
		}
		if got := cluster(t, h, bill(t, stdout.String()).ClusterID); got.Status != "stopped" {
			t.Errorf("the cluster is %+v", got)
		}
	})

	t.Run("interrupted before the script", func(t *testing.T) {
		h.write(t, "never.py", "print('the script ran')\n")
		cmd := h.command("run", "--workers", "1", "never.py")
		stderr := &safeBuffer{}
		cmd.Stderr = stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stderr.waitFor(t, "0 of 1 worker up")
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != signalled(syscall.SIGTERM) || strings.Contains(stderr.String(), "the script ran") {
			t.Errorf("run ends with %v:\n%s", err, stderr.String())
		}
	})

	// Whatever became of the scripts, nothing is left running.
	var list sdk.ClusterList
	if err := json.Unmarshal([]byte(h.must(t, "cluster", "list", "-o", "json").stdout), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 0 {
		t.Errorf("these clusters are left: %+v", list.Items)
	}
}

func cluster(t *testing.T, h *home, id string) sdk.Cluster {
	t.Helper()
	var c sdk.Cluster
	if err := json.Unmarshal([]byte(h.must(t, "cluster", "show", id, "-o", "json").stdout), &c); err != nil {
		t.Fatal(err)
	}
	return c
}
