package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

const ownPrices = "provider,unit,price,source,as_of\nfake,core_hour,0.02,Finance,2026-01-31\nfake,gb_hour,0.001,Finance,2026-01-31\n"

// A cluster is charged by the book that was in force when its processes began, and everything says so.
func TestTheBookPricesWhatIsCreatedAfterIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx := t.Context()
	create := func(name string) sdk.Bill {
		c, err := s.User.CreateCluster(ctx, sdk.CreateClusterRequest{Name: name, Options: sdk.ClusterOptions{Workers: 1, Threads: 2, MemoryBytes: 4e9}})
		if err != nil {
			t.Fatal(err)
		}
		s.Settle(t)
		s.Clock.Advance(time.Hour)
		bill, err := s.User.Bill(ctx, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return bill
	}
	before := create("before")
	if len(before.Prices) != 1 || before.Rates.CoreHourNanos != 40_000_000 || !strings.Contains(before.Rates.Source, "--price-core-hour") || before.Rates.AsOf != nil {
		t.Errorf("before the import: %+v, %+v", before.Rates, before.Prices)
	}
	dry, err := s.Admin.ImportPrices(ctx, []byte(ownPrices), sdk.ImportPricesOptions{DryRun: true})
	if err != nil || !dry.DryRun || dry.Added != 2 || dry.AddedItems[0].ID != "" {
		t.Fatalf("dry run: %+v, %v", dry, err)
	}
	if list, err := s.User.Prices(ctx, sdk.PricesOptions{}); err != nil || len(list.Items) != 0 {
		t.Fatalf("a dry run left %+v, %v", list, err)
	}
	if done, err := s.Admin.ImportPrices(ctx, []byte(ownPrices), sdk.ImportPricesOptions{}); err != nil || done.Added != 2 {
		t.Fatalf("import: %+v, %v", done, err)
	}
	rates, err := s.User.Rates(ctx)
	if err != nil || rates.CoreHourNanos != 20_000_000 || rates.Source != "Price book: Finance" || rates.AsOf == nil || rates.AsOf.Format(time.DateOnly) != "2026-01-31" {
		t.Errorf("rates: %+v, %v", rates, err)
	}
	after := create("after")
	// The scheduler has a core and a gigabyte, the worker two and four: 0.02 x 3 + 0.001 x 5 an hour.
	var sum int64
	for _, use := range after.Prices {
		sum += use.CostNanos
	}
	if len(after.Prices) != 1 || after.Prices[0].Processes != 2 || sum != after.TotalNanos || after.Rates.Source != "Price book: Finance" {
		t.Errorf("after the import: %+v, %+v, total %d", after.Rates, after.Prices, after.TotalNanos)
	}
	if hour := after.AsOf.Sub(after.Start); after.TotalNanos > int64(65_000_000*hour.Hours())+10 || after.TotalNanos < 64_000_000 {
		t.Errorf("%d nano-units for %s", after.TotalNanos, hour)
	}
	processes, err := s.User.ListProcesses(ctx, "before")
	// An older process is charged by the book from then on, and by the options for the hour before.
	if err != nil || processes.Items[0].PriceSource != "Price book: Finance" || processes.Items[0].RateNanosPerHour != 21_000_000 || processes.Items[0].CostNanos < 66_000_000 ||
		processes.Items[0].CostNanos > 66_100_000 {
		t.Errorf("an older process: %+v, %v", processes.Items, err)
	}
	older, err := s.User.Bill(ctx, "before")
	if err != nil || len(older.Prices) != 2 || older.Prices[0].CostNanos+older.Prices[1].CostNanos != older.TotalNanos {
		t.Errorf("an older cluster: %+v, %v", older.Prices, err)
	}
	coverage, err := s.User.PriceCoverage(ctx, sdk.CostOptions{})
	if err != nil || len(coverage.Items) != 2 || coverage.UnpricedHours != 0 || coverage.PricedHours < 5.9 || coverage.PricedHours > 6.1 {
		t.Errorf("coverage: %+v, %v", coverage, err)
	}
}

func TestImportingPricesIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for name, tc := range map[string]struct {
		client *sdk.Client
		text   string
		o      sdk.ImportPricesOptions
		status int
		says   string
	}{
		"no admin":    {s.User, ownPrices, sdk.ImportPricesOptions{}, http.StatusForbidden, "Only admins"},
		"no list":     {s.Admin, "", sdk.ImportPricesOptions{}, http.StatusBadRequest, "Nothing was changed"},
		"wrong line":  {s.Admin, ownPrices + "fake,core_hour,x,,\n", sdk.ImportPricesOptions{}, http.StatusUnprocessableEntity, "Line 4: price"},
		"no provider": {s.Admin, "InstanceType,Region,Price\n", sdk.ImportPricesOptions{Shape: "skypilot"}, http.StatusUnprocessableEntity, "name the provider"},
		"no shape":    {s.Admin, ownPrices, sdk.ImportPricesOptions{Shape: "excel"}, http.StatusUnprocessableEntity, "shape"},
	} {
		_, err := tc.client.ImportPrices(t.Context(), []byte(tc.text), tc.o)
		var refused *sdk.APIError
		if !errors.As(err, &refused) || refused.Status != tc.status || !strings.Contains(refused.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := newRequest(t, "POST", s.URL+"/api/v1/prices/import", "{}")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.AdminToken)
	if response, answer := s.Do(t, r); response.StatusCode != http.StatusUnsupportedMediaType || !strings.Contains(string(answer), "text/csv") {
		t.Errorf("JSON: %d %s", response.StatusCode, answer)
	}
	if list, err := s.Admin.Prices(t.Context(), sdk.PricesOptions{All: true}); err != nil || len(list.Items) != 0 {
		t.Errorf("left %+v, %v", list, err)
	}
	if _, err := s.Admin.Prices(t.Context(), sdk.PricesOptions{All: true, At: time.Now()}); err == nil {
		t.Error("all and at together are taken")
	}
}
