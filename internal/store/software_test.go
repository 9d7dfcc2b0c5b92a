package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

func fullEnvironment(id string) usage.Environment {
	return usage.Environment{
		ID: id, Python: "3.11.7", Implementation: "CPython", Platform: "Linux-6.1-x86_64", Details: map[string]string{"glibc": "2.36"},
		Packages: []usage.Package{
			{Name: "scikit-learn", Version: "1.7.0", Manager: "pip", Modules: []string{"sklearn"}},
			{Name: "zlib", Version: "1.3", Manager: "conda"},
		},
	}
}

func fullWindow(c cluster.ID, process cluster.ProcessID, start time.Time) resource.Window {
	return resource.Window{
		ClusterID: c, ProcessID: process, Epoch: "e", StartAt: start.UTC(), EndAt: start.Add(5 * time.Second).UTC(), ObservedMicros: 5_000_000,
		Usage: usage.Resources{
			RSSBytes: 1, RSSPeakBytes: 2, ManagedBytes: 3, SpilledBytes: 4, MemoryLimitBytes: 5, CPUMicros: 6, TransferInBytes: 7,
			TransferOutBytes: 8, DiskReadBytes: 9, DiskWriteBytes: 10,
		},
	}
}

func fullGPU(c cluster.ID, process cluster.ProcessID, start time.Time, sm *int64) resource.GPUWindow {
	return resource.GPUWindow{
		ClusterID: c, ProcessID: process, Epoch: "e", StartAt: start.UTC(), EndAt: start.Add(5 * time.Second).UTC(),
		GPU: usage.GPU{
			UUID: "GPU-1", Name: "H200", Index: 1, ObservedMicros: 5_000_000, UtilMicros: 2_000_000, IdleMicros: 1_000_000, SMMicros: sm,
			MemoryPeakBytes: 1 << 30, MemoryTotalBytes: 1 << 37, EnergyMillijoules: 700,
		},
	}
}

// fillSoftware puts a row into the tables of software and resources, and returns a check of them.
func fillSoftware(t *testing.T, db *store.DB, c cluster.Cluster, process cluster.ProcessID) (check func(t *testing.T, db *store.DB)) {
	t.Helper()
	ctx := t.Context()
	environment := fullEnvironment("e0")
	must(t, db.PutEnvironment(ctx, environment))
	must(t, db.PutUses(ctx, []inventory.Use{{
		ClusterID: c.ID, Subject: string(process), Role: "worker", Environment: "e0", FirstAt: noon, LastAt: noon.Add(time.Minute),
	}}))
	must(t, db.PutImports(ctx, []inventory.Import{{ClusterID: c.ID, Subject: string(process), Module: "sklearn", At: noon}}))
	hour := noon.Truncate(time.Hour).UTC()
	must(t, db.AddModuleUsage(ctx, []inventory.ModuleUsage{{ClusterID: c.ID, ProcessID: process, HourAt: hour, Module: "sklearn", ThreadMicros: 14}}))
	sm := int64(3)
	window, gpu := fullWindow(c.ID, process, noon), fullGPU(c.ID, process, noon, &sm)
	must(t, db.PutResources(ctx, []resource.Window{window}))
	must(t, db.PutGPUs(ctx, []resource.GPUWindow{gpu}))
	return func(t *testing.T, db *store.DB) {
		t.Helper()
		ctx := t.Context()
		equal(t, getBy(t, ctx, db.EnvironmentByID, "e0"), environment)
		owned, err := db.EnvironmentSeen(ctx, identity.Scope{User: c.OwnerID}, "e0")
		must(t, err)
		equal(t, owned, true)
		equal(t, getBy(t, ctx, db.EnvironmentUses, c.ID), []inventory.EnvironmentUse{
			{Environment: "e0", Role: "worker", FirstAt: noon.UTC(), LastAt: noon.Add(time.Minute).UTC()},
		})
		equal(t, ofModule(t, db.ModuleImports, c.ID, ""), []inventory.ModuleImport{{Environment: "e0", Module: "sklearn", LastAt: noon.Add(time.Minute).UTC()}})
		equal(t, ofModule(t, db.ModuleTimes, c.ID, ""), []inventory.ModuleTime{
			{ProcessID: process, Environment: "e0", Module: "sklearn", ThreadMicros: 14, LastHourAt: hour},
		})
		window.Epoch, gpu.Epoch = "", ""
		windows, err := db.ResourcesByCluster(ctx, c.ID, time.Microsecond)
		must(t, err)
		equal(t, windows, []resource.Window{window})
		gpus, err := db.GPUsByCluster(ctx, c.ID, time.Microsecond)
		must(t, err)
		equal(t, gpus, []resource.GPUWindow{gpu})
	}
}

func ofModule[V any](t *testing.T, f func(context.Context, cluster.ID, string) (V, error), id cluster.ID, module string) V {
	t.Helper()
	v, err := f(t.Context(), id, module)
	must(t, err)
	return v
}

func TestEnvironmentsAreKeptOnceAndSeenByTheirOwners(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		first := fullEnvironment("e1")
		must(t, db.PutEnvironment(ctx, first))
		other := first
		other.Python, other.Packages = "2.7", nil
		must(t, db.PutEnvironment(ctx, other)) // a hash has one content: the first one stays
		equal(t, getBy(t, ctx, db.EnvironmentByID, "e1"), first)
		_, err := db.EnvironmentByID(ctx, "e2")
		wantKind(t, err, errs.NotFound)

		mine, theirs := newCluster(t, db), newCluster(t, db)
		must(t, db.PutUses(ctx, []inventory.Use{{ClusterID: mine.ID, Subject: "Client-1", Role: "client", Environment: "e1", FirstAt: noon, LastAt: noon}}))
		for owner, want := range map[*cluster.Cluster]bool{&mine: true, &theirs: false} {
			owned, err := db.EnvironmentSeen(ctx, identity.Scope{User: owner.OwnerID}, "e1")
			must(t, err)
			equal(t, owned, want)
		}
	})
}

func TestUsesAndImportsWiden(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		use := func(from, to time.Duration) {
			t.Helper()
			must(t, db.PutUses(ctx, []inventory.Use{{
				ClusterID: c.ID, Subject: "p\xff", Role: "worker", Environment: "e1", FirstAt: noon.Add(from), LastAt: noon.Add(to),
			}, {
				ClusterID: c.ID, Subject: "p\xfe", Role: "worker", Environment: "e1", FirstAt: noon.Add(from), LastAt: noon.Add(to),
			}})) // both names become the same text
		}
		want := func(from, to time.Duration) {
			t.Helper()
			equal(t, getBy(t, ctx, db.EnvironmentUses, c.ID), []inventory.EnvironmentUse{
				{Environment: "e1", Role: "worker", FirstAt: noon.Add(from).UTC(), LastAt: noon.Add(to).UTC()},
			})
		}
		use(0, time.Minute)
		want(0, time.Minute)
		use(0, time.Minute+time.Second) // too little to be worth a write
		want(0, time.Minute)
		use(time.Hour, time.Hour)
		want(0, time.Hour)
		use(-time.Minute, 0)
		want(-time.Minute, time.Hour)
		must(t, db.TouchUses(ctx, c.ID, "p\xff", noon.Add(2*time.Hour)))
		must(t, db.TouchUses(ctx, c.ID, "p\xff", noon))
		want(-time.Minute, 2*time.Hour)

		imports := []inventory.Import{
			{ClusterID: c.ID, Subject: "p\xff", Module: "sklearn", At: noon},
			{ClusterID: c.ID, Subject: "p\xff", Module: "sklearn", At: noon.Add(-time.Hour)},
			{ClusterID: c.ID, Subject: "stranger", Module: "numpy", At: noon},
		}
		must(t, db.PutImports(ctx, imports))
		must(t, db.PutImports(ctx, imports[:1]))
		equal(t, ofModule(t, db.ModuleImports, c.ID, ""), []inventory.ModuleImport{{Environment: "e1", Module: "sklearn", LastAt: noon.Add(2 * time.Hour).UTC()}})
		equal(t, ofModule(t, db.ModuleImports, c.ID, "pandas"), []inventory.ModuleImport{})
	})
}

func TestModuleUsageAddsUpAndIsForgotten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		must(t, db.PutUses(ctx, []inventory.Use{{ClusterID: c.ID, Subject: "p", Role: "worker", Environment: "e1", FirstAt: noon, LastAt: noon}}))
		hour := noon.Truncate(time.Hour).UTC()
		rows := []inventory.ModuleUsage{
			{ClusterID: c.ID, ProcessID: "p", HourAt: hour, Module: "numpy", ThreadMicros: 1},
			{ClusterID: c.ID, ProcessID: "p", HourAt: hour.Add(time.Hour), Module: "numpy", ThreadMicros: 2},
			{ClusterID: c.ID, ProcessID: "p", HourAt: hour, Module: "numpy", ThreadMicros: 4},
			{ClusterID: c.ID, ProcessID: "p", HourAt: hour, Module: "pandas", ThreadMicros: 8},
		}
		must(t, db.AddModuleUsage(ctx, rows))
		must(t, db.AddModuleUsage(ctx, rows[:1]))
		equal(t, ofModule(t, db.ModuleTimes, c.ID, ""), []inventory.ModuleTime{
			{ProcessID: "p", Environment: "e1", Module: "numpy", ThreadMicros: 8, LastHourAt: hour.Add(time.Hour)},
			{ProcessID: "p", Environment: "e1", Module: "pandas", ThreadMicros: 8, LastHourAt: hour},
		})
		equal(t, ofModule(t, db.ModuleTimes, c.ID, "pandas"), []inventory.ModuleTime{
			{ProcessID: "p", Environment: "e1", Module: "pandas", ThreadMicros: 8, LastHourAt: hour},
		})
		must(t, db.DeleteModuleUsage(ctx, c.ID))
		equal(t, ofModule(t, db.ModuleTimes, c.ID, ""), []inventory.ModuleTime{})
	})
}

func TestResourcesMergeByGrainAndThinByHour(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		hour := noon.Truncate(time.Hour).UTC()
		sm := int64(500)
		var windows []resource.Window
		var gpus []resource.GPUWindow
		for i, at := range []time.Duration{0, 5 * time.Second, 30 * time.Minute, 59*time.Minute + 58*time.Second, 2 * time.Hour} {
			w := fullWindow(c.ID, "p", hour.Add(at))
			w.Usage.RSSBytes, w.Usage.CPUMicros = int64(10-i), int64(1)<<i
			windows = append(windows, w)
			gpus = append(gpus, fullGPU(c.ID, "p", hour.Add(at), &sm))
		}
		must(t, db.PutResources(ctx, windows))
		must(t, db.PutGPUs(ctx, gpus))
		must(t, db.PutResources(ctx, windows[:2])) // again: nothing is added
		must(t, db.PutGPUs(ctx, gpus[:2]))

		got, err := db.ResourcesByCluster(ctx, c.ID, time.Hour)
		must(t, err)
		if len(got) != 2 || got[0].Usage.CPUMicros != 15 || got[0].Usage.RSSBytes != 10 || got[0].ObservedMicros != 20_000_000 || got[1].Usage.CPUMicros != 16 {
			t.Fatalf("by the hour: %+v", got)
		}

		merged, err := db.ThinResources(ctx, hour.Add(90*time.Minute)) // only whole hours: what ended before one
		must(t, err)
		equal(t, merged, int64(6))
		got, err = db.ResourcesByCluster(ctx, c.ID, time.Microsecond)
		must(t, err)
		want := fullWindow(c.ID, "p", hour)
		want.Epoch, want.EndAt, want.ObservedMicros = "", hour.Add(30*time.Minute+5*time.Second), 15_000_000
		want.Usage = usage.Resources{
			RSSBytes: 10, RSSPeakBytes: 2, ManagedBytes: 3, SpilledBytes: 4, MemoryLimitBytes: 5, CPUMicros: 7, TransferInBytes: 21,
			TransferOutBytes: 24, DiskReadBytes: 27, DiskWriteBytes: 30,
		}
		if len(got) != 3 {
			t.Fatalf("after thinning: %+v", got)
		}
		equal(t, got[0], want)
		merged, err = db.ThinResources(ctx, hour.Add(90*time.Minute))
		must(t, err)
		equal(t, merged, int64(0))

		merged, err = db.ThinResources(ctx, hour.Add(24*time.Hour))
		must(t, err)
		equal(t, merged, int64(4))
		devices, err := db.GPUsByCluster(ctx, c.ID, 1000*time.Hour)
		must(t, err)
		if len(devices) != 1 || devices[0].GPU.UtilMicros != 10_000_000 || *devices[0].GPU.SMMicros != 2500 || devices[0].GPU.EnergyMillijoules != 3500 {
			t.Errorf("GPUs: %+v", devices)
		}

		must(t, db.DeleteResources(ctx, c.ID))
		got, err = db.ResourcesByCluster(ctx, c.ID, time.Hour)
		must(t, err)
		equal(t, got, []resource.Window{})
	})
}
