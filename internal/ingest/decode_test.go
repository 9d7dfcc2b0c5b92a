package ingest_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/ingest"
)

// message is a worker batch as an agent writes it, by the words of docs/telemetry.md.
func message() map[string]any {
	return map[string]any{
		"v": 1, "kind": "worker", "process": "cl_test-w-0-1", "epoch": "0123456789abcdef", "seq": 3, "final": true,
		"t0_us": 1_790_000_000_000_000, "t1_us": 1_790_000_001_000_000, "nthreads": 2,
		"strings": []any{"read-csv", "clean"},
		"files":   []any{[]any{"/home/ana/job.py", "u"}},
		"frames":  []any{[]any{0, 1, 14}},
		"stacks":  []any{[]any{0}, []any{}},
		"ledger":  []any{[]any{7, 0, 1_400_000, 1_300_000, 3, 1, 9, 100_000, "later"}},
		"samples": []any{[]any{7, 0, 0, 700_000, 650_000, 9, 2}},
		"idle":    map[string]any{"no_work": 500_000},
		"cum":     map[string]any{"capacity_us": 2_000_000, "slot_us": 1_500_000, "idle_us": 500_000},
		"res":     map[string]any{"rss_bytes": 1 << 30},
		"health":  map[string]any{"rate_hz": 20.0},
		"future":  []any{map[string]any{"x": nil}},
	}
}

func pack(t testing.TB, v any) []byte {
	t.Helper()
	data, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeReadsWhatTheContractSays(t *testing.T) {
	t.Parallel()
	got, err := ingest.Decode(pack(t, message()))
	if err != nil {
		t.Fatal(err)
	}
	want := &usage.Batch{
		Version: 1, Kind: "worker", Process: "cl_test-w-0-1", Epoch: "0123456789abcdef", Seq: 3, Final: true,
		T0Micros: 1_790_000_000_000_000, T1Micros: 1_790_000_001_000_000, Method: "agent", Threads: 2,
		Strings: []string{"read-csv", "clean"},
		Files:   []usage.File{{Path: "/home/ana/job.py", Class: "u"}},
		Frames:  []usage.Frame{{File: 0, Function: 1, Line: 14}},
		Stacks:  [][]int{{0}, {}},
		Ledger:  []usage.LedgerRow{{Submission: 7, Prefix: 0, SlotMicros: 1_400_000, ThreadMicros: 1_300_000, Done: 3, Failed: 1, Origin: 9, NativeMicros: 100_000}},
		Samples: []usage.SampleRow{{Submission: 7, Prefix: 0, Stack: 0, WallMicros: 700_000, CPUMicros: 650_000, Origin: 9, Part: 2}},
		Idle:    map[string]int64{"no_work": 500_000},
		Res:     &usage.Resources{RSSBytes: 1 << 30},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := got.Validate("cl_test"); err != nil {
		t.Errorf("the batch is refused: %v", err)
	}
}

func TestDecodeRefusesWhatCouldHarm(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"nothing":                    {},
		"a number":                   {0x07},
		"cut off":                    pack(t, message())[:40],
		"bytes after it":             append(pack(t, message()), 0),
		"four billion elements":      {0x81, 0xa7, 's', 't', 'r', 'i', 'n', 'g', 's', 0xdd, 0xff, 0xff, 0xff, 0xff},
		"four billion bytes":         {0x81, 0xa4, 'k', 'i', 'n', 'd', 0xdb, 0xff, 0xff, 0xff, 0xff},
		"a million arrays in arrays": []byte(strings.Repeat("\x91", 1<<20)),
		"an extension type":          {0xc7, 0x01, 0x05, 0x00},
		"a text for a number":        pack(t, map[string]any{"v": 1, "seq": "three"}),
		"a short row":                pack(t, map[string]any{"v": 1, "ledger": []any{[]any{1}}}),
	} {
		b, err := ingest.Decode(data)
		if err == nil {
			err = b.Validate("cl_test")
		}
		if !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: want it refused as invalid, got %v", name, err)
		}
	}
}

// FuzzDecode looks for input that makes the decoder fail badly, and for batches that pass validation and do not keep their promise.
func FuzzDecode(f *testing.F) {
	f.Add(pack(f, message()))
	f.Add(pack(f, map[string]any{
		"v": 1, "kind": "scheduler", "process": "cl_test-scheduler-1", "epoch": "e", "t0_us": 1_790_000_000_000_000, "t1_us": 1_790_000_000_000_000,
		"submissions": []any{map[string]any{"id": 1, "file": "job.py", "line": 3}}, "gauges": map[string]any{"workers": 2},
	}))
	f.Add(pack(f, map[string]any{
		"v": 1, "kind": "scheduler", "process": "cl_test-scheduler-1", "epoch": "e", "t0_us": 1_790_000_000_000_000, "t1_us": 1_790_000_000_000_000,
		"submissions": []any{map[string]any{
			"id": 1, "at_us": 1_790_000_000_000_000, "tags": map[string]any{"project": "churn"}, "span": []any{"etl"}, "levels": map[string]any{"name": 3},
		}},
		"sessions": []any{map[string]any{"client": "Client-1", "kind": "script", "environment": strings.Repeat("0", 64), "imported": []any{"pandas"}}},
		"origins":  []any{map[string]any{"id": 1, "file": "job.py", "line": 3, "callers": []any{[]any{"run.py", 3, "main"}}, "shared": []any{2}}},
		"parts":    []any{[]any{1, "read-csv-0f", 1}},
		"reads":    []any{map[string]any{"submission": 1, "direction": "read", "format": "csv", "path": "a.csv", "bytes": 3}},
		"workers":  []any{map[string]any{"process": "cl_test-w-0-1", "nthreads": 2, "started_us": 1_790_000_000_000_000}},
	}))
	f.Add(pack(f, map[string]any{
		"v": 1, "kind": "software", "process": "cl_test-w-0-1", "epoch": "e", "environment": strings.Repeat("0", 64),
		"packages": []any{[]any{"pandas", "3.1.1", "pip", []any{"pandas"}}},
	}))
	f.Add(pack(f, map[string]any{"v": 1, "kind": "source", "process": "cl_test-w-0-1", "epoch": "e", "file": "job.py", "sha256": strings.Repeat("0", 64), "text": "x = 1\n"}))
	f.Add(pack(f, map[string]any{"v": 1, "kind": "worker", "nthreads": uint64(math.MaxUint64)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ingest.Decode(data)
		if err != nil || b.Validate("cl_test") != nil {
			return
		}
		// What passes is kept and shown as JSON.
		if _, err := json.Marshal(b); err != nil {
			t.Fatalf("a valid batch cannot be shown: %v", err)
		}
		if b.Kind != usage.KindWorker {
			return
		}
		rows := map[int]int64{}
		for _, s := range b.Shares() {
			rows[s.Row] += s.ThreadMicros + s.NativeMicros
		}
		for i, row := range b.Ledger {
			if rows[i] != row.ThreadMicros+row.NativeMicros {
				t.Fatalf("the shares of row %d hold %d us, the row %d", i, rows[i], row.ThreadMicros+row.NativeMicros)
			}
		}
		var sum int64
		for _, c := range usage.Fold("cl_test", b, usage.Unclassified{}).Categories {
			sum += c.ThreadMicros
		}
		if capacity := b.Threads * (b.T1Micros - b.T0Micros); sum != capacity {
			t.Fatalf("categories hold %d us, the window %d", sum, capacity)
		}
	})
}
