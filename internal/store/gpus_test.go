package store_test

import (
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// Whoever shares a device with a process pays another part of it when that one turns out to see it, or to have started or ended at another time: their hours are marked,
// nothing before and nothing after, and their ledgers are corrected though they are settled.
func TestSharedGPUsChangeWhatOthersPay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		b := newBooks(t, db, time.UTC)
		b.now = firstHour
		first, second := b.cluster(t, "flights", 1)[1], b.cluster(t, "churn", 1)[1]
		must(t, b.importGPUPrice(ctx, b.now, 3_600_000_000))
		gpus := []cluster.GPU{{UUID: "GPU-1", Model: "H200", Prices: []cluster.GPUPrice{b.current.GPU("local", "H200", "USD", b.now)}}}
		must(t, db.AddGPUs(ctx, first, gpus, b.now))
		first.EndedAt = at(6, 0)
		must(t, db.UpdateProcess(ctx, first))
		b.now = at(9, 30)
		b.post(t)
		cleared := func() {
			t.Helper()
			clean(t, db, b.now)
		}
		// paid is what the first one pays for its GPU, by the meter and by the books, with the hours that are marked in its cluster.
		paid := func(want cost.Nanos, hours ...int) {
			t.Helper()
			must(t, db.MarkRunning(ctx, b.now))
			got := []int{}
			for _, m := range get(t, ctx, db.Catalogue).Marks {
				if m.Pair.Cluster == first.ClusterID {
					got = append(got, int(m.Pair.Hour.Sub(firstHour)/time.Hour))
				}
			}
			equal(t, got, hours)
			b.verify(t, t)
			p := getBy(t, ctx, db.ProcessByID, first.ID)
			equal(t, p.GPUCostBetween(p.StartedAt, b.now), want)
			for _, e := range getBy(t, ctx, db.Entries, ledger.Filter{Cluster: first.ClusterID, Kind: ledger.Charge, Limit: 100}) {
				if e.Process == first.ID && e.Source != "Options. GPU H200: Price book: our list" {
					t.Errorf("source %q", e.Source)
				}
			}
		}
		cleared()
		paid(6*3_600_000_000, []int{}...)

		must(t, db.AddGPUs(ctx, second, gpus, b.now)) // they shared it all the time
		paid(3*3_600_000_000, 0, 1, 2, 3, 4, 5)
		cleared()
		second.EndedAt = at(3, 30)
		must(t, db.UpdateProcess(ctx, second)) // but half of it
		paid((2*60+15)*60_000_000+2*60*60_000_000, 3, 4, 5)
		cleared()
		second.EndedAt = at(4, 0)
		must(t, db.UpdateProcess(ctx, second))
		paid(4*3_600_000_000, 3)
		cleared()
		second.StartedAt = at(1, 0).Add(-24 * time.Hour)
		must(t, db.UpdateProcess(ctx, second)) // it was there before the first one came
		paid(4*3_600_000_000, 0, 1, 2, 3)
		equal(t, getBy(t, ctx, db.HeldGPUs, first.ClusterID), map[cluster.ProcessID][]string{first.ID: {"GPU-1"}})
	})
}
