package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// held is all that tables with a retention are made of, of one cluster, and what the books stand on.
type held struct {
	Reads     []usage.Read
	Uses      []inventory.EnvironmentUse
	Imports   []inventory.ModuleImport
	Times     []inventory.ModuleTime
	GPUs      []resource.GPUWindow
	Events    []cluster.Event
	Cluster   cluster.Cluster
	Processes []cluster.Process
}

func look(t *testing.T, db *store.DB, c cluster.ID) held {
	t.Helper()
	ctx := t.Context()
	gpus, err := db.GPUsByCluster(ctx, c, time.Microsecond)
	must(t, err)
	events, err := db.EventsByCluster(ctx, c, 0)
	must(t, err)
	return held{
		Reads: getBy(t, ctx, db.ReadsByCluster, c), Uses: getBy(t, ctx, db.EnvironmentUses, c), Imports: ofModule(t, db.ModuleImports, c, ""),
		Times: ofModule(t, db.ModuleTimes, c, ""), GPUs: gpus, Events: events, Cluster: getBy(t, ctx, db.ClusterByID, c), Processes: getBy(t, ctx, db.ProcessesByCluster, c),
	}
}

// within is what of it may be asked for of a window that begins then: the truth about what dropping must leave alone.
func (h held) within(since time.Time) held {
	if !h.Cluster.EndedAt.IsZero() && h.Cluster.EndedAt.Before(since) {
		h.Reads, h.Uses, h.Imports, h.Times = nil, nil, nil, nil
	}
	var gpus []resource.GPUWindow
	for _, g := range h.GPUs {
		if g.EndAt.After(since) {
			gpus = append(gpus, g)
		}
	}
	var events []cluster.Event
	for _, e := range h.Events {
		if !e.At.Before(since) {
			events = append(events, e)
		}
	}
	h.GPUs, h.Events = gpus, events
	return h
}

// TestRetentionDropsWhatIsBefore draws clusters with reads, packages, GPUs and events over years, and drops what is before some month: of windows that begin then or
// later nothing changes, row for row, what is before is gone, and what the books stand on stays whole.
func TestRetentionDropsWhatIsBefore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		owner := newUser(t, db, "ana")
		begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		rounds := 0
		rapid.Check(t, func(rt *rapid.T) {
			if rounds++; rounds > 25 {
				return
			}
			at := func(name string) time.Time {
				// Beginnings of months, where rows stand on the edge, are drawn often.
				month := begin.AddDate(0, rapid.IntRange(0, 24).Draw(rt, name+" in month"), 0)
				return month.Add(time.Duration(rapid.OneOf(rapid.SampledFrom([]int64{-1, 0, 1}), rapid.Int64Range(0, 27*24*3600*1e6)).Draw(rt, name+" later by")) * time.Microsecond)
			}
			var clusters []cluster.ID
			for n := range rapid.IntRange(1, 3).Draw(rt, "clusters") {
				c := fullCluster(owner.ID, fmt.Sprintf("c%d", n), at("created"))
				c.ID = cluster.ID(id.New("cl", c.CreatedAt))
				c.SchedulerKey = string(c.ID)
				if c.EndedAt = at("ended"); rapid.Bool().Draw(rt, "alive") {
					c.EndedAt = time.Time{}
				}
				must(t, db.CreateCluster(ctx, c))
				clusters = append(clusters, c.ID)
				p := fullProcess(c.ID, cluster.RoleWorker, "w-0", 1)
				must(t, db.CreateProcess(ctx, p))
				for i := range rapid.IntRange(0, 3).Draw(rt, "rows") {
					when := at("row")
					must(t, db.PutReads(ctx, []usage.Read{{ClusterID: c.ID, Path: fmt.Sprint(i), Direction: "read", Files: 1}}))
					must(t, db.PutUses(ctx, []inventory.Use{{ClusterID: c.ID, Subject: string(p.ID), Role: "worker", Environment: "e", FirstAt: when, LastAt: when}}))
					must(t, db.PutImports(ctx, []inventory.Import{{ClusterID: c.ID, Subject: string(p.ID), Module: fmt.Sprint(i), At: when}}))
					must(t, db.AddModuleUsage(ctx, []inventory.ModuleUsage{{ClusterID: c.ID, ProcessID: p.ID, HourAt: when.Truncate(time.Hour), Module: fmt.Sprint(i), ThreadMicros: 7}}))
					must(t, db.PutGPUs(ctx, []resource.GPUWindow{fullGPU(c.ID, p.ID, when, nil)}))
					must(t, db.AddEvent(ctx, cluster.Event{ClusterID: c.ID, At: when.Add(max(0, c.CreatedAt.Sub(when))), Kind: "scaled", Message: "x"}))
				}
			}
			if rapid.Bool().Draw(rt, "thinned") {
				_, err := db.ThinResources(ctx, begin.AddDate(3, 0, 0))
				must(t, err)
			}
			since := begin.AddDate(0, rapid.IntRange(0, 25).Draw(rt, "since"), 0)
			var want []held
			for _, c := range clusters {
				want = append(want, look(t, db, c).within(since))
			}
			for _, table := range []string{segment.Reads, segment.Packages, segment.GPU, segment.Events} {
				if _, err := db.DropRows(ctx, table, since); err != nil {
					rt.Fatal(err)
				}
				if n, err := db.DropRows(ctx, table, since); err != nil || n != 0 {
					rt.Fatalf("a second time %d rows of %s are dropped, %v", n, table, err)
				}
			}
			for i, c := range clusters {
				if diff := cmp.Diff(want[i], look(t, db, c), cmpopts.EquateEmpty()); diff != "" {
					rt.Fatalf("since %v of %s -want +got:\n%s", since, c, diff)
				}
			}
		})
		if _, err := db.DropRows(ctx, "prices", noon); err == nil {
			t.Error("prices can be dropped")
		}
	})
}

// TestDroppingManyAtOnce has more clusters, and more days, than one transaction drops.
func TestDroppingManyAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		owner := newUser(t, db, "ana")
		const clusters = 120
		for n := range clusters {
			c := fullCluster(owner.ID, fmt.Sprint(n), noon)
			must(t, db.CreateCluster(ctx, c))
			must(t, db.PutReads(ctx, []usage.Read{{ClusterID: c.ID, Path: "a", Direction: "read"}, {ClusterID: c.ID, Path: "b", Direction: "read"}}))
			must(t, db.AddEvent(ctx, cluster.Event{ClusterID: c.ID, At: noon, Kind: "created", Message: "x"}))
			must(t, db.PutGPUs(ctx, []resource.GPUWindow{fullGPU(c.ID, "p", noon.AddDate(0, 0, n), nil)}))
		}
		for table, want := range map[string]int64{segment.Reads: 2 * clusters, segment.Packages: 0, segment.Events: clusters, segment.GPU: clusters} {
			if n, err := db.DropRows(ctx, table, noon.AddDate(1, 0, 0)); err != nil || n != want {
				t.Errorf("%d rows of %s are dropped, want %d; %v", n, table, want, err)
			}
		}
	})
}

// TestOpenMonthsHoldRetentionBack closes months one after the other: what tables keep begins no later than the first open month, whatever is configured.
func TestOpenMonthsHoldRetentionBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		kiritimati, err := time.LoadLocation("Pacific/Kiritimati") // 14 hours ahead: its months begin in those before of UTC
		must(t, err)
		b := newBooks(t, db, kiritimati)
		ctx := t.Context()
		retainer := segment.Retainer{Retention: segment.Retention{Lines: 1, GPU: 3}, Books: b.poster}
		since := func(table string) string {
			t.Helper()
			at, err := retainer.Since(ctx, b.now, table)
			must(t, err)
			if at.IsZero() {
				return "ever"
			}
			return at.Format(time.RFC3339)
		}
		b.now = time.Date(2026, 1, 31, 20, 17, 3, 0, time.UTC) // February there
		b.cluster(t, "long", 1)
		b.now = time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
		equal(t, []string{since(segment.Lines), since(segment.GPU), since(segment.Events)}, []string{"2026-05-01T00:00:00Z", "2026-03-01T00:00:00Z", "ever"}) // nothing is booked
		b.post(t)
		equal(t, []string{since(segment.Lines), since(segment.GPU), since(segment.Events)}, []string{"2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "ever"})
		for i, want := range []string{"2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"} {
			month := ledger.Month(fmt.Sprintf("2026-%02d", 2+i))
			if _, err := b.service.Close(ctx, b.now, b.admin, month); err != nil {
				t.Fatalf("close %s: %v", month, err)
			}
			if got := since(segment.Lines); got != want {
				t.Errorf("with %s closed lines are kept since %s, want %s", month, got, want)
			}
		}
		if got := since(segment.GPU); got != "2026-03-01T00:00:00Z" {
			t.Errorf("with all closed GPUs are kept since %s, want what is configured", got)
		}
	})
}
