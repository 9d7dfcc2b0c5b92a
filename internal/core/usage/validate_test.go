package usage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/usage"
)

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
		"negative native":       func(b *usage.Batch) { b.Ledger[0].NativeMicros = -50; b.Idle["no_work"] = 100 },
		"native over the slots": func(b *usage.Batch) { b.Ledger[0].NativeMicros = 1 },
		"part outside":          func(b *usage.Batch) { b.Samples[0].Part = 2 },
		"negative part":         func(b *usage.Batch) { b.Samples[0].Part = -1 },
		"negative origin":       func(b *usage.Batch) { b.Samples[0].Origin = -1 },
		"unknown method":        func(b *usage.Batch) { b.Method = "guessed" },
		"environment, no hash":  func(b *usage.Batch) { b.Software = &usage.Software{Environment: "../etc"} },
		"negative resources":    func(b *usage.Batch) { b.Res = &usage.Resources{RSSBytes: -1} },
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

func TestValidateBoundsWhatSchedulersSay(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	sound := func() *usage.Batch {
		return &usage.Batch{
			Version: 1, Kind: usage.KindScheduler, Process: "cl_test-scheduler-1", Epoch: "e", T0Micros: 1_790_000_000_000_000, T1Micros: 1_790_000_000_000_100,
			Submissions: []usage.Submission{{
				ID: 1, Tags: map[string]string{strings.Repeat("ü", 64): strings.Repeat("ü", 200)}, Span: []string{"etl"}, Levels: map[string]int64{"name": 3},
			}},
			Sessions: []usage.Session{{Client: "c", Kind: "notebook", Software: usage.Software{Environment: strings.Repeat("0f", 32), Imported: []string{"pandas"}}}},
			Origins:  []usage.Origin{{ID: 1, File: "a.py", Line: 3, Callers: []usage.Line{{File: "b.py"}, {}}, Shared: []int64{2}}},
			Parts:    []usage.Part{{Submission: 1, Name: "x-1", Origin: 1}},
			Reads:    []usage.Read{{Submission: 1, Origin: 1, Direction: "read", Format: "csv"}},
			Workers:  []cluster.ReportedWorker{{Process: "cl_test-w-0-1", Threads: 1}},
			Cluster:  &cluster.ReportedCluster{Host: "here"},
		}
	}
	if err := sound().Validate(clusterID); err != nil {
		t.Fatalf("the sound batch is refused: %v", err)
	}
	many := map[string]string{}
	for i := range 21 {
		many[fmt.Sprint(i)] = ""
	}
	for name, spoil := range map[string]func(*usage.Batch){
		"21 tags":          func(b *usage.Batch) { b.Submissions[0].Tags = many },
		"long tag":         func(b *usage.Batch) { b.Submissions[0].Tags = map[string]string{long[:65]: ""} },
		"long tag value":   func(b *usage.Batch) { b.Submissions[0].Tags = map[string]string{"a": long[:201]} },
		"nameless tag":     func(b *usage.Batch) { b.Submissions[0].Tags = map[string]string{"": "a"} },
		"long span":        func(b *usage.Batch) { b.Submissions[0].Span = []string{long} },
		"negative level":   func(b *usage.Batch) { b.Submissions[0].Levels["name"] = -1 },
		"year 200000":      func(b *usage.Batch) { b.Submissions[0].At = time.UnixMicro(1 << 62) },
		"before 1970":      func(b *usage.Batch) { b.Submissions[0].At = time.UnixMicro(-1) },
		"nobody's session": func(b *usage.Batch) { b.Sessions[0].Client = "" },
		"kind of session":  func(b *usage.Batch) { b.Sessions[0].Kind = "telepathy" },
		"nameless module":  func(b *usage.Batch) { b.Sessions[0].Software.Imported = []string{""} },
		"origin 0":         func(b *usage.Batch) { b.Origins[0].ID = 0 },
		"shared with 0":    func(b *usage.Batch) { b.Origins[0].Shared = []int64{0} },
		"nine callers":     func(b *usage.Batch) { b.Origins[0].Callers = make([]usage.Line, 9) },
		"long caller":      func(b *usage.Batch) { b.Origins[0].Callers[0].File = long },
		"nameless part":    func(b *usage.Batch) { b.Parts[0].Name = "" },
		"read sideways":    func(b *usage.Batch) { b.Reads[0].Direction = "sideways" },
		"negative bytes":   func(b *usage.Batch) { b.Reads[0].Bytes = -1 },
		"another's worker": func(b *usage.Batch) { b.Workers[0].Process = "cl_other-w-0-1" },
		"negative memory":  func(b *usage.Batch) { b.Workers[0].MemoryBytes = -1 },
		"long host":        func(b *usage.Batch) { b.Cluster.Host = long },
		"10,001 origins":   func(b *usage.Batch) { b.Origins = make([]usage.Origin, 10_001) },
		"1,001 sessions":   func(b *usage.Batch) { b.Sessions = make([]usage.Session, 1001) },
	} {
		b := sound()
		spoil(b)
		if err := b.Validate(clusterID); !errs.Is(err, errs.Invalid) || !strings.HasSuffix(err.Error(), ".") {
			t.Errorf("%s: want a sentence that refuses it, got %v", name, err)
		}
	}
}

func TestValidateBoundsSoftware(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("0f", 32)
	sound := func() *usage.Batch {
		return &usage.Batch{
			Version: 1, Kind: usage.KindSoftware, Process: "cl_test-w-0-1", Epoch: "e",
			Environment: &usage.Environment{ID: hash, Python: "3.11.7", Packages: []usage.Package{{Name: "pandas", Version: "3.1.1", Modules: []string{"pandas"}}}},
		}
	}
	if err := sound().Validate(clusterID); err != nil {
		t.Fatalf("the sound batch is refused: %v", err)
	}
	for name, spoil := range map[string]func(*usage.Batch){
		"no environment":   func(b *usage.Batch) { b.Environment = nil },
		"no hash":          func(b *usage.Batch) { b.Environment.ID = strings.ToUpper(hash) },
		"nameless package": func(b *usage.Batch) { b.Environment.Packages[0].Name = "" },
		"long version":     func(b *usage.Batch) { b.Environment.Packages[0].Version = strings.Repeat("1", 501) },
		"20,001 packages":  func(b *usage.Batch) { b.Environment.Packages = make([]usage.Package, 20_001) },
	} {
		b := sound()
		spoil(b)
		if err := b.Validate(clusterID); !errs.Is(err, errs.Invalid) || !strings.HasSuffix(err.Error(), ".") {
			t.Errorf("%s: want a sentence that refuses it, got %v", name, err)
		}
	}
}
