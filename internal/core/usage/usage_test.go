package usage_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/core/usage/usagetest"
)

const clusterID cluster.ID = "cl_test"

func TestFoldKeepsEveryMicrosecond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := usagetest.WorkerBatch(clusterID).Draw(t, "batch")
		if err := b.Validate(clusterID); err != nil {
			t.Fatalf("generated batch is invalid: %v", err)
		}
		folded := usage.Fold(clusterID, b, usage.Unclassified{})
		var lines, work, all int64
		for _, l := range folded.Lines {
			if l.CPUMicros > l.ThreadMicros || l.ThreadMicros <= 0 {
				t.Fatalf("line %+v has more CPU than thread-time, or none", l)
			}
			lines += l.ThreadMicros
		}
		for _, c := range folded.Categories {
			all += c.ThreadMicros
			if c.Category == usage.CategoryWork {
				work += c.ThreadMicros
			}
		}
		if lines != work {
			t.Fatalf("lines hold %d us, the category work %d", lines, work)
		}
		if capacity := b.Threads * (b.T1Micros - b.T0Micros); all != capacity {
			t.Fatalf("categories hold %d us, the window %d", all, capacity)
		}
	})
}

func TestFoldChoosesTheInnermostUserFrame(t *testing.T) {
	t.Parallel()
	b := &usage.Batch{
		Version: 1, Kind: usage.KindWorker, Process: "cl_test-w-0-1", Epoch: "e", T0Micros: 1_790_000_000_000_000, T1Micros: 1_790_000_001_000_000,
		Threads: 1,
		Strings: []string{"load", "outer", "inner", "read_csv"},
		Files:   []usage.File{{Path: "job.py", Class: "u"}, {Path: "pandas/io.py", Class: "p"}},
		Frames:  []usage.Frame{{File: 0, Function: 1, Line: 10}, {File: 0, Function: 2, Line: 20}, {File: 1, Function: 3, Line: 99}},
		Stacks:  [][]int{{0, 1, 2}, {2}},
		Ledger:  []usage.LedgerRow{{Submission: 7, Prefix: 0, SlotMicros: 900_000, ThreadMicros: 800_000}},
		Samples: []usage.SampleRow{
			{Submission: 7, Prefix: 0, Stack: 0, WallMicros: 300, CPUMicros: 200},
			{Submission: 7, Prefix: 0, Stack: 1, WallMicros: 100},
		},
		Idle: map[string]int64{"no_work": 100_000},
	}
	if err := b.Validate(clusterID); err != nil {
		t.Fatal(err)
	}
	got := map[usage.Line]int64{}
	for _, l := range usage.Fold(clusterID, b, usage.Unclassified{}).Lines {
		got[l.Line] = l.ThreadMicros
	}
	if got[usage.Line{File: "job.py", Line: 20, Function: "inner"}] != 600_000 {
		t.Errorf("the innermost user frame should hold 600,000 us: %v", got)
	}
	if got[usage.Line{}] != 200_000 {
		t.Errorf("a stack without user code should wait for its submission with 200,000 us: %v", got)
	}
}

func TestValidateRefusesWhatDoesNotAddUp(t *testing.T) {
	t.Parallel()
	sound := func() *usage.Batch {
		return &usage.Batch{
			Version: 1, Kind: usage.KindWorker, Process: "cl_test-w-0-1", Epoch: "e", T0Micros: 1_790_000_000_000_000, T1Micros: 1_790_000_000_000_100,
			Threads: 2, Strings: []string{"x"}, Files: []usage.File{{Path: "a.py", Class: "u"}}, Frames: []usage.Frame{{}}, Stacks: [][]int{{0}},
			Ledger:  []usage.LedgerRow{{SlotMicros: 150, ThreadMicros: 100}},
			Samples: []usage.SampleRow{{WallMicros: 1}},
			Idle:    map[string]int64{"no_work": 50},
		}
	}
	if err := sound().Validate(clusterID); err != nil {
		t.Fatalf("the sound batch is refused: %v", err)
	}
	for name, spoil := range map[string]func(*usage.Batch){
		"idle too small":        func(b *usage.Batch) { b.Idle["no_work"] = 49 },
		"idle too large":        func(b *usage.Batch) { b.Idle["no_work"] = 51 },
		"negative idle":         func(b *usage.Batch) { b.Idle["x"], b.Idle["no_work"] = -50, 100 },
		"thread over slot":      func(b *usage.Batch) { b.Ledger[0].ThreadMicros = 151 },
		"overflowing slot":      func(b *usage.Batch) { b.Ledger[0].SlotMicros = 1 << 62; b.Ledger = append(b.Ledger, b.Ledger[0]) },
		"prefix outside":        func(b *usage.Batch) { b.Ledger[0].Prefix = 1 },
		"stack outside":         func(b *usage.Batch) { b.Samples[0].Stack = 1 },
		"negative sample":       func(b *usage.Batch) { b.Samples[0].WallMicros = -1 },
		"frame outside":         func(b *usage.Batch) { b.Stacks[0][0] = 5 },
		"function outside":      func(b *usage.Batch) { b.Frames[0].Function = -1 },
		"unknown class":         func(b *usage.Batch) { b.Files[0].Class = "x" },
		"no threads":            func(b *usage.Batch) { b.Threads = 0 },
		"window backwards":      func(b *usage.Batch) { b.T1Micros = b.T0Micros - 1 },
		"window of two days":    func(b *usage.Batch) { b.T1Micros = b.T0Micros + (48 * time.Hour).Microseconds() },
		"foreign process":       func(b *usage.Batch) { b.Process = "cl_other-w-0-1" },
		"unknown version":       func(b *usage.Batch) { b.Version = 2 },
		"unknown kind":          func(b *usage.Batch) { b.Kind = "spy" },
		"no epoch":              func(b *usage.Batch) { b.Epoch = "" },
		"reason with a newline": func(b *usage.Batch) { b.Idle["a\nb"] = 0 },
	} {
		b := sound()
		spoil(b)
		err := b.Validate(clusterID)
		if !errs.Is(err, errs.Invalid) || !strings.HasSuffix(err.Error(), ".") {
			t.Errorf("%s: want a sentence that refuses it, got %v", name, err)
		}
	}
}
