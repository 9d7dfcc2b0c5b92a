// Package usagetest makes believable telemetry for property tests.
package usagetest

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
)

const start = 1_790_000_000_000_000

// WorkerBatch generates valid worker batches of the cluster, with any mixture of work, idle time, samples and stacks.
func WorkerBatch(id cluster.ID) *rapid.Generator[*usage.Batch] {
	return rapid.Custom(func(t *rapid.T) *usage.Batch {
		b := &usage.Batch{
			Version: 1, Kind: usage.KindWorker, Process: cluster.ProcessID(string(id) + "-w-0-1"), Epoch: "e",
			Seq: rapid.Int64Range(0, 1000).Draw(t, "seq"), Threads: rapid.Int64Range(1, 64).Draw(t, "threads"),
			T0Micros: start + rapid.Int64Range(0, 1e12).Draw(t, "t0"), Final: rapid.Bool().Draw(t, "final"),
			Strings: []string{"p0", "p1", "f", "part-0f1e2d3c"}, Idle: map[string]int64{},
			Files: []usage.File{{Path: "a.py", Class: "u"}, {Path: "lib.py", Class: "p"}, {Path: "b.py", Class: "u"}},
		}
		b.T1Micros = b.T0Micros + rapid.Int64Range(0, 60e6).Draw(t, "width")
		for range rapid.IntRange(1, 6).Draw(t, "frames") {
			b.Frames = append(b.Frames, usage.Frame{
				File: rapid.IntRange(0, 2).Draw(t, "file"), Function: 2, Line: rapid.IntRange(1, 9).Draw(t, "line"),
			})
		}
		stack := rapid.SliceOfN(rapid.IntRange(0, len(b.Frames)-1), 0, 5)
		b.Stacks = rapid.SliceOfN(stack, 1, 4).Draw(t, "stacks")
		left := b.Threads * (b.T1Micros - b.T0Micros)
		for i := range rapid.IntRange(0, 5).Draw(t, "ledger rows") {
			slot := rapid.Int64Range(0, left).Draw(t, "slot")
			left -= slot
			native := rapid.Int64Range(0, left).Draw(t, "native")
			left -= native
			b.Ledger = append(b.Ledger, usage.LedgerRow{
				Submission: int64(i % 3), Prefix: i % 2, SlotMicros: slot, ThreadMicros: rapid.Int64Range(0, slot).Draw(t, "thread"),
				Origin: rapid.Int64Range(0, 2).Draw(t, "row's origin"), NativeMicros: native,
			})
		}
		for range rapid.IntRange(0, 8).Draw(t, "samples") {
			b.Samples = append(b.Samples, usage.SampleRow{
				Submission: rapid.Int64Range(0, 2).Draw(t, "submission"), Prefix: rapid.IntRange(0, 1).Draw(t, "prefix"),
				Stack:      rapid.IntRange(0, len(b.Stacks)-1).Draw(t, "stack"),
				WallMicros: rapid.Int64Range(0, 1e6).Draw(t, "wall"), CPUMicros: rapid.Int64Range(0, 1e6).Draw(t, "cpu"),
				Origin: rapid.Int64Range(0, 2).Draw(t, "origin"), Part: rapid.SampledFrom([]int{0, 4}).Draw(t, "part"),
			})
		}
		for i := range 3 {
			us := rapid.Int64Range(0, left).Draw(t, fmt.Sprint("idle", i))
			b.Idle[[]string{"starved", "waiting_data", "paused"}[i]] = us
			left -= us
		}
		b.Idle["no_work"] = left
		return b
	})
}
