package main

import (
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// The shape of a busy worker's report: what a groupby over CSV files with a user function in it looks like.
const (
	reportThreads     = 2
	reportPrefixes    = 6
	reportSubmissions = 2
	reportFrames      = 60
	reportStacks      = 24
	reportDepth       = 12
	reportSamples     = 40
)

// reporter makes the reports of one worker, window after window, as its agent would (docs/telemetry.md).
type reporter struct {
	process string
	epoch   string
	seq     int64
	// until is where the next window begins, in microseconds.
	until int64
}

// next returns the encoded report of the window that ends at now.
func (r *reporter) next(now int64) ([]byte, error) {
	t0, t1 := r.until, now
	capacity := reportThreads * (t1 - t0)
	rows := int64(reportPrefixes * reportSubmissions)
	slot := capacity / (rows + 1)
	batch := map[string]any{
		"v": 1, "kind": "worker", "process": r.process, "epoch": r.epoch, "seq": r.seq, "final": false,
		"t0_us": t0, "t1_us": t1, "nthreads": reportThreads,
		"strings": reportStrings, "files": reportFiles, "frames": frames(), "stacks": stacks(),
	}
	var ledger, samples [][]int64
	for row := range rows {
		ledger = append(ledger, []int64{1 + row%reportSubmissions, row / reportSubmissions, slot, slot * 9 / 10, 20, 0})
	}
	for i := range int64(reportSamples) {
		row := i % rows
		samples = append(samples, []int64{1 + row%reportSubmissions, row / reportSubmissions, (i + r.seq) % reportStacks, 50_000, 48_000})
	}
	batch["ledger"], batch["samples"] = ledger, samples
	batch["idle"] = map[string]int64{"waiting_data": capacity - rows*slot}
	batch["cum"] = map[string]int64{"capacity_us": capacity, "slot_us": rows * slot, "idle_us": capacity - rows*slot}
	batch["res"] = map[string]int64{"rss_bytes": 512 << 20, "managed_bytes": 128 << 20, "spilled_bytes": 0, "cpu_us": capacity / 2}
	batch["health"] = map[string]int64{"self_cpu_us": 2_000, "ticks": 20, "max_gap_us": 60_000, "dropped": 0, "errors": 0, "rate_hz": 20}
	r.seq++
	r.until = t1
	return msgpack.Marshal(batch)
}

// schedulerReporter makes the reports of a scheduler about itself and its workers.
type schedulerReporter struct {
	process, epoch string
	seq, until     int64
}

// next returns the encoded report of the window that ends at now; the first one introduces the workers.
func (r *schedulerReporter) next(now int64, workers []*reporter) ([]byte, error) {
	batch := map[string]any{
		"v": 1, "kind": "scheduler", "process": r.process, "epoch": r.epoch, "seq": r.seq, "final": false, "t0_us": r.until, "t1_us": now,
		"gauges": map[string]int64{"workers": int64(len(workers)), "threads": reportThreads * int64(len(workers)), "processing": 30, "in_memory": 120},
	}
	if r.seq == 0 {
		var rows []map[string]any
		for i, w := range workers {
			rows = append(rows, map[string]any{
				"process": w.process, "name": fmt.Sprintf("w-%d", i), "host": "node-7", "nthreads": reportThreads, "memory_bytes": int64(8 << 30), "started_us": r.until,
			})
		}
		batch["workers"] = rows
		batch["submissions"] = []map[string]any{}
		for id := range reportSubmissions {
			batch["submissions"] = append(batch["submissions"].([]map[string]any), map[string]any{
				"id": id + 1, "at_us": r.until, "client": "Client-1", "file": "/home/ana/project/flights.py", "line": 31 + id, "function": "main",
				"text": "frame.groupby('origin').delay.mean().compute()", "tasks": 400,
			})
		}
	}
	r.seq++
	r.until = now
	return msgpack.Marshal(batch)
}

// envelope puts reports into one post.
func envelope(batches [][]byte) ([]byte, error) {
	return msgpack.Marshal(map[string]any{"v": 1, "agent": "0.1.0", "batches": batches})
}

var (
	reportStrings = func() []string {
		names := []string{"read-csv", "clean", "groupby-chunk", "groupby-combine", "merge", "to-parquet"}
		for i := range reportFrames {
			names = append(names, fmt.Sprintf("function_with_a_usual_name_%d", i))
		}
		return names
	}()
	reportFiles = func() [][]string {
		files := [][]string{{"/home/ana/project/flights.py", "u"}, {"/home/ana/project/features.py", "u"}}
		for i := range 14 {
			files = append(files, []string{fmt.Sprintf("/opt/conda/envs/ds/lib/python3.12/site-packages/pandas/core/module_%d.py", i), "p"})
		}
		return files
	}()
)

func frames() [][]int {
	var all [][]int
	for i := range reportFrames {
		all = append(all, []int{i % 16, 6 + i, 10 + 7*i})
	}
	return all
}

func stacks() [][]int {
	var all [][]int
	for i := range reportStacks {
		var stack []int
		for depth := range reportDepth {
			stack = append(stack, (i*5+depth*7)%reportFrames)
		}
		all = append(all, stack)
	}
	return all
}
