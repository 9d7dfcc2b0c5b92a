package resource_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/usage"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func worker(id cluster.ProcessID, from, to time.Duration) cluster.Process {
	return cluster.Process{ID: id, Name: string(id), Role: cluster.RoleWorker, Threads: 1, StartedAt: noon.Add(from), EndedAt: noon.Add(to)}
}

func window(id cluster.ProcessID, from, to time.Duration, u usage.Resources) resource.Window {
	return resource.Window{
		ProcessID: id, StartAt: noon.Add(from), EndAt: noon.Add(to), ObservedMicros: (to - from).Microseconds(), Usage: u,
	}
}

func values(bins []*float64) []float64 {
	out := make([]float64, len(bins))
	for i, b := range bins {
		out[i] = math.NaN()
		if b != nil {
			out[i] = *b
		}
	}
	return out
}

func same(a, b []float64) bool {
	for i := range a {
		if len(a) != len(b) || (math.IsNaN(a[i]) != math.IsNaN(b[i])) || math.Abs(a[i]-b[i]) > 1e-9 {
			return false
		}
	}
	return len(a) == len(b)
}

func TestChartSpreadsWindowsOverBins(t *testing.T) {
	nan := math.NaN()
	processes := []cluster.Process{worker("a", 0, 40*time.Second), worker("silent", 0, 10*time.Second)}
	sm := int64(4e6)
	c := resource.MakeChart(noon.Add(time.Hour), 4, processes, []resource.Window{
		window("a", -5*time.Second, 5*time.Second, usage.Resources{CPUMicros: 10e6, TransferInBytes: 10, TransferOutBytes: 10}), // half of it is before
		window("a", 5*time.Second, 15*time.Second, usage.Resources{CPUMicros: 20e6, RSSBytes: 5, RSSPeakBytes: 9, ManagedBytes: 3, DiskReadBytes: 8, MemoryLimitBytes: 7}),
		window("a", 15*time.Second, 20*time.Second, usage.Resources{RSSBytes: 4, SpilledBytes: 2}),
		window("a", 39*time.Second, 50*time.Second, usage.Resources{CPUMicros: 11e6}), // most of it is after
	}, []resource.GPUWindow{
		{ProcessID: "a", StartAt: noon, EndAt: noon.Add(20 * time.Second), GPU: usage.GPU{UUID: "G1", Index: 1, ObservedMicros: 20e6, UtilMicros: 5e6, SMMicros: &sm}},
		{ProcessID: "a", StartAt: noon, EndAt: noon.Add(10 * time.Second), GPU: usage.GPU{UUID: "G0", Index: 0, Name: "H200", ObservedMicros: 10e6, MemoryPeakBytes: 6}},
		{ProcessID: "a", StartAt: noon.Add(20 * time.Second), EndAt: noon.Add(30 * time.Second), GPU: usage.GPU{UUID: "G1", Index: 1, ObservedMicros: 10e6, UtilMicros: 10e6, SMMicros: &sm}},
	})
	if !c.Start.Equal(noon) || !c.End.Equal(noon.Add(40*time.Second)) || c.Step != 10*time.Second || len(c.Items) != 1 {
		t.Fatalf("chart %+v", c)
	}
	s := c.Items[0]
	for name, test := range map[string]struct {
		got  []*float64
		want []float64
	}{
		"cores":    {s.CPUCores, []float64{1.5, 1, nan, 1}},
		"memory":   {s.RSSBytes, []float64{9, 9, nan, nan}},
		"managed":  {s.ManagedBytes, []float64{3, 3, nan, 0}},
		"spilled":  {s.SpilledBytes, []float64{0, 2, nan, 0}},
		"transfer": {s.TransferBytes, []float64{10, 0, nan, 0}},
		"disk":     {s.DiskBytes, []float64{4, 4, nan, 0}},
		"GPU 0":    {s.GPUs[0].Utilisation, []float64{0, nan, nan, nan}},
		"GPU 1":    {s.GPUs[1].Utilisation, []float64{0.25, 0.25, 1, nan}},
	} {
		if !same(values(test.got), test.want) {
			t.Errorf("%s: %v, want %v", name, values(test.got), test.want)
		}
	}
	if s.MemoryLimitBytes != 7 || s.GPUs[0].Name != "H200" || s.GPUs[0].SMMicros != nil || *s.GPUs[1].SMMicros != 8e6 || s.GPUs[1].UtilMicros != 15e6 {
		t.Errorf("series %+v", s)
	}
}

func TestChartOfNothing(t *testing.T) {
	if c := resource.MakeChart(noon, 10, nil, nil, nil); c.Step != 0 || len(c.Items) != 0 {
		t.Errorf("chart %+v", c)
	}
}

// However windows and bins lie, what was sent lies in the bins, and no bin has more cores than a window had.
func TestChartKeepsSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.Int64Range(1, 1e6).Draw(t, "length")) * time.Microsecond
		bins := rapid.IntRange(1, 50).Draw(t, "bins")
		var windows []resource.Window
		sent, most := 0.0, 0.0
		for from := time.Duration(0); from < length; {
			to := min(from+time.Duration(rapid.Int64Range(1, 1e6).Draw(t, "width"))*time.Microsecond, length)
			bytes, cores := rapid.Int64Range(0, 1e12).Draw(t, "bytes"), rapid.Int64Range(0, 64).Draw(t, "cores")
			windows = append(windows, window("a", from, to, usage.Resources{TransferInBytes: bytes, CPUMicros: cores * (to - from).Microseconds()}))
			sent, most = sent+float64(bytes), max(most, float64(cores))
			from = to
		}
		c := resource.MakeChart(noon.Add(time.Hour), bins, []cluster.Process{worker("a", 0, length)}, windows, nil)
		got := 0.0
		for _, b := range c.Items[0].TransferBytes {
			if b != nil {
				got += *b
			}
		}
		if math.Abs(got-sent) > 1e-6*max(sent, 1) {
			t.Fatalf("%v bytes are in the bins, %v were sent", got, sent)
		}
		for _, b := range c.Items[0].CPUCores {
			if b != nil && *b > most+1e-6 {
				t.Fatalf("%v cores, but no window had more than %v", *b, most)
			}
		}
	})
}
