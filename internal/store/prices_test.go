package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

func fullPrice(id string) price.Entry {
	return price.Entry{
		ID:           id,
		Key:          price.Key{Provider: "aws", Region: "us-east-1", Unit: price.Instance, Name: "p5.48xlarge", Purchase: price.Reserved},
		NanosPerHour: 55_040_000_000, Currency: "USD", ValidFrom: noon.UTC(), ValidTo: noon.Add(time.Hour).UTC(),
		Source: "our contract", AsOf: noon.Add(-time.Hour).UTC(), Accelerator: "H100", Accelerators: 8,
	}
}

func TestPrices(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ended, open, elsewhere := fullPrice("pr_1"), fullPrice("pr_2"), fullPrice("pr_0")
		open.ValidFrom, open.ValidTo, open.NanosPerHour = ended.ValidTo, time.Time{}, 1
		elsewhere.Region = "eu-west-1"
		must(t, db.AddPrices(ctx, []price.Entry{open, elsewhere, ended}, noon))
		for name, tc := range map[string]struct {
			filter price.Filter
			want   []price.Entry
		}{
			"all":           {price.Filter{}, []price.Entry{elsewhere, ended, open}},
			"limited":       {price.Filter{Limit: 1}, []price.Entry{elsewhere}},
			"of a region":   {price.Filter{Provider: "aws", Region: "us-east-1", Name: "p5.48xlarge"}, []price.Entry{ended, open}},
			"before it all": {price.Filter{At: noon.Add(-time.Microsecond)}, []price.Entry{}},
			"at the start":  {price.Filter{Region: "us-east-1", At: noon}, []price.Entry{ended}},
			"at the end":    {price.Filter{At: noon.Add(time.Hour)}, []price.Entry{open}},
			"of nobody":     {price.Filter{Provider: "gcp"}, []price.Entry{}},
		} {
			t.Log(name)
			equal(t, getBy(t, ctx, db.Prices, tc.filter), tc.want)
		}
		must(t, db.EndPrice(ctx, "pr_2", noon.Add(2*time.Hour)))
		open.ValidTo = noon.Add(2 * time.Hour).UTC()
		equal(t, getBy(t, ctx, db.Prices, price.Filter{Region: "us-east-1"}), []price.Entry{ended, open})
		wantKind(t, db.EndPrice(ctx, "pr_9", noon), errs.NotFound)
	})
}

// What one imports, the other finds; a failed list leaves the book as it was, and the same list changes nothing.
func TestImportingPrices(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		options := cost.Card{Currency: "USD", CoreHour: 40, GigabyteHour: 5, Source: "Options."}
		current := price.NewCurrent(db, options, "local")
		service := price.NewService(db, db, current)
		admin := identity.Actor{User: identity.User{Role: identity.RoleAdmin}}
		give := func(now time.Time, text string, dry bool) (price.Import, error) {
			return service.Import(ctx, now, admin, price.ImportInput{Shape: price.ShapeLineitem, Text: strings.NewReader(text), Source: "our list", DryRun: dry})
		}
		const header = "provider,unit,price\n"
		list := header + "local,core_hour,0.03\nlocal,gb_hour,0.004\n"

		_, err := service.Import(ctx, noon, identity.Actor{}, price.ImportInput{Shape: price.ShapeLineitem, Text: strings.NewReader(list)})
		wantKind(t, err, errs.Forbidden)
		_, err = give(noon, header+"local,core_hour,0.03\nlocal,gb_hour,much\n", false)
		wantKind(t, err, errs.Invalid)
		dry, err := give(noon, list, true)
		must(t, err)
		equal(t, []int{len(dry.Added), len(dry.Ended), dry.Unchanged}, []int{2, 0, 0})
		equal(t, getBy(t, ctx, db.Prices, price.Filter{}), []price.Entry{})
		equal(t, current.Card("local", noon), options)

		_, err = give(noon, list, false)
		must(t, err)
		want := options
		want.CoreHour, want.GigabyteHour, want.Source, want.AsOf = 30_000_000, 4_000_000, "Price book: our list", noon.UTC()
		equal(t, current.Card("local", noon), want)
		equal(t, current.Card("watched", noon), options)
		early := current.Card("local", noon.Add(-time.Second))
		equal(t, early.CoreHour, options.CoreHour)
		if !strings.Contains(early.Source, "in force") {
			t.Errorf("source %q", early.Source)
		}

		again, err := give(noon.Add(time.Hour), list, false)
		must(t, err)
		equal(t, []int{len(again.Added), len(again.Ended), again.Unchanged}, []int{0, 0, 2})
		dearer, err := give(noon.Add(2*time.Hour), header+"local,core_hour,0.05\n", false)
		must(t, err)
		equal(t, []int{len(dearer.Added), len(dearer.Ended), dearer.Unchanged}, []int{1, 1, 0})
		equal(t, current.Card("local", noon.Add(time.Hour)).CoreHour, cost.Nanos(30_000_000))
		equal(t, current.Card("local", noon.Add(2*time.Hour)).CoreHour, cost.Nanos(50_000_000))

		loaded := price.NewCurrent(db, options, "local") // as after a start
		must(t, loaded.Load(ctx))
		equal(t, loaded.Card("local", noon.Add(3*time.Hour)), current.Card("local", noon.Add(3*time.Hour)))
	})
}

func TestPriceCoverage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		put := func(name string, from, to time.Duration, change func(*cluster.Process)) {
			p := fullProcess(c.ID, cluster.RoleWorker, name, 1)
			p.StartedAt, p.EndedAt = noon.Add(from).UTC(), time.Time{}
			if to > 0 {
				p.EndedAt = noon.Add(to).UTC()
			}
			change(&p)
			must(t, db.CreateProcess(ctx, p))
		}
		put("w-0", -time.Hour, 30*time.Minute, func(*cluster.Process) {})
		put("w-1", 30*time.Minute, 0, func(*cluster.Process) {})
		put("w-2", 0, time.Hour, func(p *cluster.Process) { p.Rate.NanosPerHour = 0 })
		put("w-3", 0, time.Hour, func(p *cluster.Process) { p.Basis = cost.Basis{} })
		put("w-4", 5*time.Hour, 0, func(*cluster.Process) {})
		service := price.NewService(db, db, price.NewCurrent(db, cost.Card{}))
		owner := identity.Actor{User: identity.User{ID: c.OwnerID, Role: identity.RoleUser}}
		got, err := service.Coverage(ctx, noon.Add(2*time.Hour), owner, noon, noon.Add(9*time.Hour))
		must(t, err)
		hours := func(micros int64) float64 { return float64(micros) / 3.6e9 }
		equal(t, []float64{hours(got.PricedMicros), hours(got.UnpricedMicros)}, []float64{3, 1}) // 0.5 + 1.5 + 1, and 1
		for _, item := range got.Items {
			if item.Priced == (item.Reason != "") || item.Priced != (item.Source != "") {
				t.Errorf("item %+v", item)
			}
		}
		equal(t, len(got.Items), 3)
		// Two processes see one device, 30 and 90 minutes, one after the other, and the second one another whose price is known.
		processes := getBy(t, ctx, db.ProcessesByCluster, c.ID)
		h200 := cluster.GPU{UUID: "GPU-1", Model: "H200", Prices: []cluster.GPUPrice{{}}}
		must(t, db.AddGPUs(ctx, processes[0], []cluster.GPU{h200}, noon))
		l4 := cluster.GPU{UUID: "GPU-2", Model: "L4", Prices: []cluster.GPUPrice{{Hour: 700_000_000, Source: "Price book: our list", AsOf: noon.UTC()}}}
		must(t, db.AddGPUs(ctx, processes[1], []cluster.GPU{h200, l4}, noon))
		got, err = service.Coverage(ctx, noon.Add(2*time.Hour), owner, noon, noon.Add(9*time.Hour))
		must(t, err)
		equal(t, []float64{hours(got.PricedMicros), hours(got.UnpricedMicros), hours(got.PricedGPUMicros), hours(got.UnpricedGPUMicros)}, []float64{3, 1, 1.5, 2})
		equal(t, len(got.Items), 5)
		equal(t, got.Items[3].GPU+got.Items[4].GPU+got.Items[4].Source, "H200L4Price book: our list")
		stranger, err := service.Coverage(ctx, noon.Add(2*time.Hour), identity.Actor{User: identity.User{ID: "us_x", Role: identity.RoleUser}}, noon, noon.Add(time.Hour))
		must(t, err)
		equal(t, stranger.PricedMicros+stranger.UnpricedMicros, int64(0))
		_, err = service.Coverage(ctx, noon, owner, noon, noon.Add(time.Hour))
		wantKind(t, err, errs.Invalid)
	})
}
