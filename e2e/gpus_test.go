package e2e_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lineitem/lineitem/sdk"
)

// twoGPUs makes Python processes see a machine with two devices: instead of NVIDIA's library they load the replay of it that the agent's own tests use. Nothing ever
// runs on the first device; something always runs on the second.
const twoGPUs = `
import ctypes
import os

_exists, _library = os.path.exists, ctypes.CDLL


class CDLL(_library):
    def __new__(cls, name=None, *args, **kwargs):
        if name != "libnvidia-ml.so.1":
            return super().__new__(cls)
        from nvml_replay import Card, Replay, made_up

        return Replay(made_up([Card(0, "GPU-11111111", util=[0]), Card(1, "GPU-22222222", util=[50])]))


os.path.exists = lambda path: path == "/dev/nvidiactl" or _exists(path)
ctypes.CDLL = CDLL
`

// TestGPUsOfACluster runs two real workers that see the same two devices, by a replay of NVIDIA's library. From the agent's reports to the bill: each device is
// charged for as long as a worker ran, once, and what was for the idle one is idle.
func TestGPUsOfACluster(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	site := t.TempDir()
	replay, err := os.ReadFile(filepath.Join("..", "python", "tests", "agent", "nvml_replay.py"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"nvml_replay.py": string(replay), "sitecustomize.py": twoGPUs} {
		if err := os.WriteFile(filepath.Join(site, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	if _, err := s.client.ImportPrices(ctx, []byte("provider,unit,name,price\nlocal,gpu_hour,H200,3.6\n"), sdk.ImportPricesOptions{}); err != nil {
		t.Fatal(err)
	}
	c, err := s.client.CreateCluster(ctx, sdk.CreateClusterRequest{
		Options: sdk.ClusterOptions{Workers: 2, Threads: 1, MemoryBytes: 1 << 30, Env: map[string]string{"PYTHONPATH": site, "CUDA_VISIBLE_DEVICES": "0,1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.waitFor(c.ID, "running", 2)
	s.eventually(2*time.Minute, "the idle device is charged as such", func() bool {
		b := s.bill(c.ID)
		return len(b.GPUs) == 1 && b.GPUs[0].Devices == 2 && b.GPUs[0].IdleCostNanos > 4_000_000
	})
	if _, err := s.client.ScaleCluster(ctx, c.ID, sdk.ScaleRequest{Workers: 1}); err != nil {
		t.Fatal(err)
	}
	s.waitFor(c.ID, "running", 1) // from here on one worker pays for both devices
	s.stop(c.ID)

	processes, err := s.client.ListProcesses(ctx, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	var first, last time.Time
	for _, p := range processes.Items {
		if p.Role != "worker" {
			continue
		}
		if first.IsZero() || p.StartedAt.Before(first) {
			first = *p.StartedAt
		}
		if p.EndedAt.After(last) {
			last = *p.EndedAt
		}
	}
	b := s.bill(c.ID)
	if len(b.GPUs) != 1 {
		t.Fatalf("GPUs of the bill: %+v", b.GPUs)
	}
	g, both := b.GPUs[0], 2*last.Sub(first).Microseconds() // 3.6 an hour is a nano-unit a microsecond
	if g.Model != "NVIDIA H200" || g.Devices != 2 || g.CostNanos != both || g.UnpricedSeconds != 0 {
		t.Errorf("GPUs %+v, want %d for %d us", g, both, both)
	}
	// The first device is half of it, but for what nobody watched: while the workers started and after their last reports.
	if g.IdleCostNanos > g.CostNanos/2 || g.IdleCostNanos < 4_000_000 {
		t.Errorf("%d of %d were idle", g.IdleCostNanos, g.CostNanos)
	}
	for _, category := range b.Categories {
		if category.Name == "idle.gpu" && category.CostNanos != g.IdleCostNanos {
			t.Errorf("category %+v, %d were idle", category, g.IdleCostNanos)
		}
	}
	t.Logf("%d nano-units of %d for GPUs, %d idle", g.CostNanos, b.TotalNanos, g.IdleCostNanos)
}
