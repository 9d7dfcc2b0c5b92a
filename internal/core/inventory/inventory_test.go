package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/profile"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/core/usage/usagetest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestNormalName(t *testing.T) {
	for name, want := range map[string]string{
		"scikit_learn": "scikit-learn", "Scikit.Learn": "scikit-learn", "ruamel.yaml--clib": "ruamel-yaml-clib", "dask\n": "dask", "": "",
	} {
		if got := inventory.NormalName(name); got != want {
			t.Errorf("NormalName(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestNormalKeepsEachPackageOnce(t *testing.T) {
	got := inventory.Normal(usage.Environment{ID: "e", Packages: []usage.Package{
		{Name: "Zlib", Version: "1"}, {Name: "a_b", Version: "1"}, {Name: "A.B", Version: "1"}, {Name: "a-b", Version: "2"},
	}})
	want := []usage.Package{{Name: "a-b", Version: "1"}, {Name: "a-b", Version: "2"}, {Name: "zlib", Version: "1"}}
	if diff := cmp.Diff(want, got.Packages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRanges(t *testing.T) {
	for _, test := range []struct {
		text, version string
		in, known     bool
	}{
		{"", "1.7.6", true, true},
		{"", "not-a-version", true, true},
		{"<2", "1.7.6", true, true},
		{"<2", "2.0.0", false, true},
		{"<2", "1.10", true, true},
		{"<2", "2.0rc1", false, true}, // PEP 440: an exclusive bound leaves out its own pre-releases
		{"<2", "1.9rc1", true, true},
		{">=1.4,<2,!=1.5.1", "1.5.1", false, true},
		{">=1.4,<2,!=1.5.1", "1.5.1.post1", true, true},
		{" >= 1.4 , < 2 ", "1.4", true, true},
		{"==1.7.*", "1.7.6", true, true},
		{"==1.7.6", "1.7.6+cpu", true, true},
		{"~=2.2", "2.9", true, true},
		{"~=2.2", "3.0", false, true},
		{"<2", "not-a-version", false, false},
		{"<2", "", false, false},
	} {
		r, err := inventory.ParseRange(test.text)
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		if in, known := r.Contains(test.version); in != test.in || known != test.known {
			t.Errorf("%q in %q: %v, %v, want %v, %v", test.version, test.text, in, known, test.in, test.known)
		}
	}
	for _, text := range []string{"2", "1.7.6", "=1", "<", "<x", "<2,", ",<2", "<2 || >3", ">1;<2", "< 2 3", "latest", "<2,3", strings.Repeat("<2,", 100) + "<2"} {
		if _, err := inventory.ParseRange(text); !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "is not a range of versions") {
			t.Errorf("%q is answered %v", text, err)
		}
	}
}

func FuzzRange(f *testing.F) {
	f.Add("<2", "1.7.6")
	f.Add(">=1.4,!=1.5.1", "2.0rc1+cpu")
	f.Add("===1", "v1!1.0.dev0")
	f.Fuzz(func(t *testing.T, text, version string) {
		r, err := inventory.ParseRange(text)
		if err != nil {
			if !errs.Is(err, errs.Invalid) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if in, known := r.Contains(version); in && !known {
			t.Errorf("%q is in %q and cannot be compared", version, text)
		}
	})
}

// world is a cluster of two workers for ten minutes, 100 nano-units a second each, and a scheduler.
func world() inventory.Input {
	process := func(id cluster.ProcessID, role cluster.Role, threads int) cluster.Process {
		return cluster.Process{
			ID: id, Role: role, Threads: threads, StartedAt: noon, EndedAt: noon.Add(10 * time.Minute), Rate: cost.Rate{NanosPerHour: 360_000},
		}
	}
	return inventory.Input{
		Cluster: cluster.Cluster{ID: "cl_1"}, AsOf: noon.Add(time.Hour),
		Processes: []cluster.Process{process("s", cluster.RoleScheduler, 1), process("a", cluster.RoleWorker, 2), process("b", cluster.RoleWorker, 1)},
		Environments: map[string]usage.Environment{"e": {ID: "e", Python: "3.11.7", Packages: []usage.Package{
			{Name: "numpy", Version: "2.3", Modules: []string{"numpy"}},
			{Name: "pywin", Version: "1", Modules: []string{"win32", "pythoncom"}},
			{Name: "scikit-learn", Version: "1.7", Modules: []string{"sklearn"}},
			{Name: "some-tool", Version: "0.1"},
		}}},
		Uses: []inventory.EnvironmentUse{
			{Environment: "gone", Role: "client", LastAt: noon},
			{Environment: "e", Role: "worker", LastAt: noon.Add(9 * time.Minute)},
			{Environment: "e", Role: "scheduler", LastAt: noon.Add(8 * time.Minute)},
		},
	}
}

func TestComputeGradesAndPrices(t *testing.T) {
	in := world()
	in.Imports = []inventory.ModuleImport{
		{Environment: "e", Module: "sklearn", LastAt: noon.Add(time.Minute)},
		{Environment: "e", Module: "some_tool", LastAt: noon.Add(2 * time.Minute)},
		{Environment: "other", Module: "numpy", LastAt: noon},
	}
	in.Times = []inventory.ModuleTime{
		{ProcessID: "a", Environment: "e", Module: "sklearn", ThreadMicros: 300e6, LastHourAt: noon}, // of 1200 thread-seconds
		{ProcessID: "b", Environment: "e", Module: "sklearn", ThreadMicros: 900e6, LastHourAt: noon}, // more than there were
		{ProcessID: "a", Environment: "e", Module: "win32", ThreadMicros: 120e6, LastHourAt: noon},
		{ProcessID: "a", Environment: "e", Module: "pythoncom", ThreadMicros: 60e6, LastHourAt: noon}, // called by the other, or the other way round
		{ProcessID: "unknown", Environment: "e", Module: "numpy", ThreadMicros: 1, LastHourAt: noon},
	}
	all, err := inventory.ParseRange("")
	if err != nil {
		t.Fatal(err)
	}
	items, skipped := inventory.Compute(in, inventory.Query{}, all)
	var got []string
	for _, i := range items {
		got = append(got, fmt.Sprintf("%s %s %d of %d at %s in %v", i.Name, i.Grade, i.Cost, i.ClusterCost, i.LastAt.Sub(noon), i.Roles))
	}
	want := []string{
		"numpy seen 0 of 180000 at 9m0s in [scheduler worker]",
		"pywin seen 6000 of 180000 at 9m0s in [scheduler worker]",
		"scikit-learn seen 75000 of 180000 at 9m0s in [scheduler worker]",
		"some-tool imported 0 of 180000 at 2m0s in [scheduler worker]",
	}
	if diff := cmp.Diff(want, got); diff != "" || skipped != 0 {
		t.Errorf("skipped %d (-want +got):\n%s", skipped, diff)
	}
}

func TestNoPackageCostsMoreThanItsCluster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := world()
		for i := range in.Processes {
			in.Processes[i].Rate.NanosPerHour = cost.Nanos(rapid.Int64Range(0, 1e15).Draw(t, "rate"))
		}
		for range rapid.IntRange(0, 10).Draw(t, "times") {
			in.Times = append(in.Times, inventory.ModuleTime{
				ProcessID: cluster.ProcessID(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "process")), Environment: "e",
				Module: "numpy", ThreadMicros: rapid.Int64Range(0, 1e18).Draw(t, "micros"),
			})
		}
		in.Times = slices.CompactFunc(in.Times, func(a, b inventory.ModuleTime) bool { return a.ProcessID == b.ProcessID })
		if len(in.Times) > 2 {
			in.Times = in.Times[:2]
		}
		items, _ := inventory.Compute(in, inventory.Query{Name: "numpy"}, mustRange(t, "<3"))
		if len(items) != 1 || items[0].Cost < 0 || items[0].Cost > items[0].ClusterCost {
			t.Fatalf("%+v", items)
		}
	})
}

func mustRange(t interface{ Fatal(args ...any) }, text string) inventory.Range {
	r, err := inventory.ParseRange(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// kept is a Store that remembers what a sink gives it.
type kept struct {
	inventory.Store
	uses         []inventory.Use
	imports      []inventory.Import
	times        []inventory.ModuleUsage
	touched      map[string]time.Time
	environments []string
}

func (k *kept) PutUses(_ context.Context, uses []inventory.Use) error {
	k.uses = append(k.uses, uses...)
	return nil
}

func (k *kept) PutImports(_ context.Context, imports []inventory.Import) error {
	k.imports = append(k.imports, imports...)
	return nil
}

func (k *kept) AddModuleUsage(_ context.Context, rows []inventory.ModuleUsage) error {
	k.times = append(k.times, rows...)
	return nil
}

func (k *kept) TouchUses(_ context.Context, _ cluster.ID, subject string, at time.Time) error {
	if k.touched == nil {
		k.touched = map[string]time.Time{}
	}
	k.touched[subject] = at
	return nil
}

func (k *kept) PutEnvironment(_ context.Context, e usage.Environment) error {
	k.environments = append(k.environments, e.ID)
	return nil
}

func TestSinkKeepsWhoRunsWhat(t *testing.T) {
	k := &kept{}
	sink := inventory.NewSink(k, profile.NewBatches(profile.Default()))
	at := func(seconds int64) int64 { return noon.UnixMicro() + seconds*1e6 }
	worker := func(from, to int64) *usage.Batch {
		return &usage.Batch{
			Kind: usage.KindWorker, Process: "cl_1-w-0-1", T0Micros: at(from), T1Micros: at(to), Threads: 1,
			Strings: []string{"f", "g"},
			Files: []usage.File{
				{Path: "/home/ana/a.py", Class: "u"},
				{Path: "/x/site-packages/sklearn/a.py", Class: "p"},
				{Path: "/x/site-packages/numpy/a.py", Class: "p"},
				{Path: "/usr/lib/python3.11/json/a.py", Class: "s"},
			},
			Frames: []usage.Frame{{File: 0}, {File: 1}, {File: 2}, {File: 3}},
			Stacks: [][]int{{0, 1, 2, 1, 3}, {0}}, // sklearn stands twice on one stack and counts once
			Ledger: []usage.LedgerRow{
				{Submission: 1, SlotMicros: 10, ThreadMicros: 10, NativeMicros: 4}, {Submission: 2, SlotMicros: 7, ThreadMicros: 7},
			},
			Samples:  []usage.SampleRow{{Submission: 1, Stack: 0, WallMicros: 1}, {Submission: 1, Stack: 1, WallMicros: 1}},
			Software: &usage.Software{Environment: "e1", Imported: []string{"sklearn"}},
		}
	}
	scheduler := &usage.Batch{
		Kind: usage.KindScheduler, Process: "cl_1-scheduler-1", T0Micros: at(0), T1Micros: at(9),
		Software:    &usage.Software{Environment: "e0"},
		Sessions:    []usage.Session{{Client: "Client-1", Software: usage.Software{Environment: "e2", Imported: []string{"pandas"}}}, {Client: "Client-2"}},
		Submissions: []usage.Submission{{ID: 1, Client: "Client-1"}, {ID: 2}},
	}
	var received []usage.Received
	for _, b := range []*usage.Batch{
		worker(0, 5), scheduler, worker(5, 10), {Kind: usage.KindSoftware, Environment: &usage.Environment{ID: "e1"}}, {Kind: usage.KindSource},
	} {
		received = append(received, usage.Received{Raw: usage.RawBatch{ClusterID: "cl_1"}, Batch: b})
	}
	if err := sink.Take(t.Context(), received); err != nil {
		t.Fatal(err)
	}
	second := func(n int64) time.Time { return time.UnixMicro(at(n)).UTC() }
	want := &kept{
		uses: []inventory.Use{
			{ClusterID: "cl_1", Subject: "Client-1", Role: "client", Environment: "e2", FirstAt: second(9), LastAt: second(9)},
			{ClusterID: "cl_1", Subject: "cl_1-scheduler-1", Role: "scheduler", Environment: "e0", FirstAt: second(9), LastAt: second(9)},
			{ClusterID: "cl_1", Subject: "cl_1-w-0-1", Role: "worker", Environment: "e1", FirstAt: second(5), LastAt: second(10)},
		},
		imports: []inventory.Import{
			{ClusterID: "cl_1", Subject: "cl_1-w-0-1", Module: "sklearn", At: second(5)},
			{ClusterID: "cl_1", Subject: "Client-1", Module: "pandas", At: second(9)},
			{ClusterID: "cl_1", Subject: "cl_1-w-0-1", Module: "sklearn", At: second(10)},
		},
		times: []inventory.ModuleUsage{
			{ClusterID: "cl_1", ProcessID: "cl_1-w-0-1", HourAt: noon, Module: "numpy", ThreadMicros: 14},
			{ClusterID: "cl_1", ProcessID: "cl_1-w-0-1", HourAt: noon, Module: "sklearn", ThreadMicros: 14},
		},
		touched:      map[string]time.Time{"Client-1": second(9)},
		environments: []string{"e1"},
	}
	if diff := cmp.Diff(want, k, cmp.AllowUnexported(kept{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A module's time never exceeds what the batch's threads did.
func TestModuleTimeStaysWithinTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := usagetest.WorkerBatch("cl_1").Draw(t, "batch")
		k := &kept{}
		err := inventory.NewSink(k, profile.NewBatches(profile.Default())).Take(context.Background(), []usage.Received{{Batch: b}})
		if err != nil {
			t.Fatal(err)
		}
		total := int64(0)
		for _, row := range b.Ledger {
			total += row.ThreadMicros + row.NativeMicros
		}
		for _, m := range k.times {
			if m.ThreadMicros < 0 || m.ThreadMicros > total {
				t.Fatalf("%s has %d of %d microseconds", m.Module, m.ThreadMicros, total)
			}
		}
	})
}
