package usage_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
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
			if l.CPUMicros > l.ThreadMicros || l.ThreadMicros < 0 || l.NativeMicros < 0 || l.ThreadMicros+l.NativeMicros == 0 {
				t.Fatalf("line %+v has more CPU than thread-time, or no time", l)
			}
			lines += l.ThreadMicros + l.NativeMicros
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

// TestSharesSplitEachRow holds the promise that everything which adds up a batch relies on.
func TestSharesSplitEachRow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := usagetest.WorkerBatch(clusterID).Draw(t, "batch")
		threads, native := make([]int64, len(b.Ledger)), make([]int64, len(b.Ledger))
		for _, s := range b.Shares() {
			threads[s.Row] += s.ThreadMicros
			native[s.Row] += s.NativeMicros
			if s.Sample < 0 {
				continue
			}
			row, sample := b.Ledger[s.Row], b.Samples[s.Sample]
			if row.Submission != sample.Submission || row.Prefix != sample.Prefix || row.Origin != sample.Origin {
				t.Fatalf("share %+v: the sample belongs to other work", s)
			}
		}
		for i, row := range b.Ledger {
			if threads[i] != row.ThreadMicros || native[i] != row.NativeMicros {
				t.Fatalf("row %d holds %d and %d us, its shares %d and %d", i, row.ThreadMicros, row.NativeMicros, threads[i], native[i])
			}
		}
	})
}

// byStack names work by where it stood.
type byStack struct{}

func (byStack) Version() int { return 7 }

func (byStack) Classify(_ *usage.Batch, stack int, prefix string) (operation, library string) {
	return fmt.Sprint("at.", stack), prefix
}

func TestFoldKeepsOriginsApart(t *testing.T) {
	t.Parallel()
	b := &usage.Batch{
		Version: 1, Kind: usage.KindWorker, Process: "cl_test-w-0-1", Epoch: "e", T0Micros: 1_790_000_000_000_000, T1Micros: 1_790_000_001_000_000,
		Threads: 2, Strings: []string{"fused", "read-csv-0f1e2d3c4b5a69788796a5b4c3d2e1f0", "f"}, Files: []usage.File{{Path: "job.py", Class: "u"}},
		Frames: []usage.Frame{{Function: 2, Line: 5}}, Stacks: [][]int{{0}},
		Ledger: []usage.LedgerRow{
			{Submission: 1, SlotMicros: 300_000, ThreadMicros: 300_000, Origin: 1, NativeMicros: 200_000},
			{Submission: 1, SlotMicros: 100_000, ThreadMicros: 100_000, Origin: 2},
		},
		Samples: []usage.SampleRow{
			{Submission: 1, WallMicros: 1, CPUMicros: 1, Origin: 1}, {Submission: 1, WallMicros: 3, Origin: 1, Part: 2},
		},
		Idle: map[string]int64{"no_work": 1_400_000},
	}
	if err := b.Validate(clusterID); err != nil {
		t.Fatal(err)
	}
	type key struct {
		origin                   int64
		part, operation, library string
		line                     int
	}
	got := map[key][2]int64{}
	for _, l := range usage.Fold(clusterID, b, byStack{}).Lines {
		got[key{l.Origin, l.Part, l.Operation, l.Library, l.Line.Line}] = [2]int64{l.ThreadMicros, l.NativeMicros}
	}
	want := map[key][2]int64{
		{1, "", "at.0", "fused", 5}:              {75_000, 50_000},
		{1, b.Strings[1], "at.0", "read-csv", 5}: {225_000, 150_000}, // classified by the sub-task's own prefix
		{2, "", "at.-1", "fused", 0}:             {100_000, 0},       // the samples of another origin say nothing about it
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTaskPrefix(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"read-csv-0f1e2d3c4b5a69788796a5b4c3d2e1f0": "read-csv", "read-csv": "read-csv", "('sum-0f1e2d3c', 0)": "sum", "x": "x", "": "",
		"hello-world-deadbeef": "hello-world", "hello-world-1": "hello-world", "_split-abc": "split-abc", "-": "", "ü-x": "ü-x", "a-ü": "a",
	} {
		if got := usage.TaskPrefix(name); got != want {
			t.Errorf("TaskPrefix(%q) = %q, want %q", name, got, want)
		}
	}
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
