package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/profile"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// TestFoldingAgainChangesNamesOnly folds reports by no rules, then all of them again by the real ones: operations appear, and what software and
// resources add up to stays as it was, also where a part of it had been merged meanwhile.
func TestFoldingAgainChangesNamesOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		process := cluster.ProcessID(string(c.ID) + "-w-0-1")
		report := busyBatch(t)
		report.Process = process
		decode := func(payload []byte) (*usage.Batch, error) {
			batch := report
			if err := json.Unmarshal(payload, &batch.Seq); err != nil {
				return nil, err
			}
			width := batch.T1Micros - batch.T0Micros
			batch.T0Micros += batch.Seq * width
			batch.T1Micros += batch.Seq * width
			return &batch, nil
		}
		var raws []usage.RawBatch
		for seq := range int64(400) { // more than an hour
			raw := newBatch(c.ID, "e", seq)
			raw.Payload = fmt.Append(nil, seq)
			raws = append(raws, raw)
		}
		_, err := db.AppendBatches(ctx, raws)
		must(t, err)
		rules := profile.NewBatches(profile.Default())
		folder := func(by usage.Classifier) *usage.Folder {
			return usage.NewFolder(db, db, db.Relaxed(), decode, by, func(_ usage.RawBatch, err error) { t.Error(err) },
				inventory.NewSink(db, rules), resource.NewSink(db, db, price.NewCurrent(db, optionsCard)))
		}
		state := func() (operations map[string]int64, modules []inventory.ModuleTime, windows []resource.Window) {
			t.Helper()
			operations = map[string]int64{}
			for _, l := range getBy(t, ctx, db.LineUsageByCluster, c.ID) {
				operations[l.Operation] += l.ThreadMicros
			}
			windows, err := db.ResourcesByCluster(ctx, c.ID, 1000*time.Hour)
			must(t, err)
			return operations, ofModule(t, db.ModuleTimes, c.ID, ""), windows
		}
		must(t, folder(usage.Unclassified{}).FoldAll(ctx, c.ID))
		operations, modules, windows := state()
		if len(operations) != 1 || operations["unknown"] != 400*6*2_900_000 || len(modules) < 3 || len(windows) != 1 {
			t.Fatalf("operations %v, modules %v, windows %v", operations, modules, windows)
		}
		merged, err := db.ThinResources(ctx, noon.Add(time.Hour))
		must(t, err)
		if merged == 0 {
			t.Fatal("nothing was merged")
		}

		again, err := folder(rules).ReclassifyOutdated(ctx)
		must(t, err)
		equal(t, again, true)
		names, modulesNow, windowsNow := state()
		sum := int64(0)
		for _, micros := range names {
			sum += micros
		}
		if len(names) < 3 || sum != operations["unknown"] {
			t.Errorf("operations %v sum to %d, want %d", names, sum, operations["unknown"])
		}
		equal(t, modulesNow, modules)
		equal(t, windowsNow, windows)
	})
}
