package api_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// watchedWork posts what agents say of ten seconds of a watched cluster: work and idle time.
func watchedWork(t *testing.T, s *servertest.Server) (id string) {
	t.Helper()
	began := s.Clock.Now()
	answer := announce(t, s.User, "Scheduler-1")
	o := newObserver(s, answer)
	worker := answer.Cluster.ID + "-w-0123abcd"
	s.Clock.Advance(10 * time.Second)
	now := s.Clock.Now()
	if _, rejected := o.post(t, schedulerBatch(answer.Process, began, now, map[string]any{
		"workers": []any{map[string]any{"process": worker, "name": "w", "nthreads": 2, "memory_bytes": int64(2e9), "started_us": began.UnixMicro()}},
	}), map[string]any{
		"kind": "worker", "process": worker, "t0_us": began.UnixMicro(), "t1_us": now.UnixMicro(), "nthreads": 2,
		"strings": []string{"inc"}, "files": []any{[]any{"/home/ana/job.py", "u"}}, "frames": []any{[]any{0, 0, 20}}, "stacks": []any{[]int{0}},
		"ledger": []any{[]any{1, 0, 9_000_000, 8_000_000, 12, 0, 0, 2_000_000}}, "samples": []any{[]any{1, 0, 0, 4, 0, 0, 0}}, "idle": map[string]int64{"no_work": 9_000_000},
		"res": map[string]any{"rss_bytes": int64(3e8), "gpus": []any{seenGPU("GPU-1", "NVIDIA H200", 10*time.Second, 3*time.Second)}},
	}); len(rejected) > 0 {
		t.Fatalf("rejected: %v", rejected)
	}
	return answer.Cluster.ID
}

// TestMoneyAgreesEverywhere runs clusters whose prices change while they run, and asks for the same money in every way there is: bills, costs, breakdowns, FOCUS, the summary
// and the books. All agree, to the nano-unit, in any window.
func TestMoneyAgreesEverywhere(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx := t.Context()
	began := s.Clock.Now().Truncate(time.Hour)
	if _, err := s.Admin.ImportPrices(ctx, []byte("provider,unit,name,price\nwatched,gpu_hour,H200,2.345678901\n"), sdk.ImportPricesOptions{}); err != nil {
		t.Fatal(err)
	}
	clusters := []string{watchedWork(t, s)}
	clusters = append(clusters, s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "base", Options: sdk.ClusterOptions{Workers: 1}}).ID)
	s.Clock.Advance(2 * time.Hour)
	if _, err := s.Admin.ImportPrices(ctx, []byte("provider,unit,price\nfake,core_hour,0.05\nfake,gb_hour,0.001\n"), sdk.ImportPricesOptions{}); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(time.Hour)
	rounds, repriced := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		if rounds++; rounds > 6 {
			return
		}
		c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: fmt.Sprintf("c%d", rounds), Options: sdk.ClusterOptions{Workers: 1, Threads: rapid.IntRange(1, 3).Draw(rt, "threads")}})
		clusters = append(clusters, c.ID)
		for range rapid.IntRange(2, 6).Draw(rt, "steps") {
			s.Clock.Advance(time.Duration(rapid.Int64Range(0, 3*3600*1e6).Draw(rt, "wait")) * time.Microsecond)
			switch rapid.SampledFrom([]string{"tick", "price", "scale", "stop"}).Draw(rt, "step") {
			case "tick":
				s.Tick(t)
			case "price":
				from := s.Clock.Now().Add(time.Duration(rapid.Int64Range(0, 3600*1e6).Draw(rt, "in")) * time.Microsecond)
				var list strings.Builder
				list.WriteString("provider,unit,price\n")
				for _, provider := range []string{"fake", "watched"} {
					fmt.Fprintf(&list, "%s,core_hour,0.0%d\n%s,gb_hour,0.00%d\n", provider, rapid.IntRange(1, 9e8).Draw(rt, "core"), provider, rapid.IntRange(1, 9e7).Draw(rt, "memory"))
				}
				if _, err := s.Admin.ImportPrices(ctx, []byte(list.String()), sdk.ImportPricesOptions{ValidFrom: from}); err != nil && !sdk.IsCode(err, "invalid") && !sdk.IsCode(err, "price_of_the_past") && !sdk.IsCode(err, "overlapping_prices") {
					rt.Fatal(err)
				}
			case "scale":
				if _, err := s.User.ScaleCluster(ctx, c.ID, sdk.ScaleRequest{Workers: rapid.IntRange(0, 3).Draw(rt, "workers")}); err != nil && !sdk.IsCode(err, "cluster_not_running") {
					rt.Fatal(err)
				}
				s.Settle(t)
			case "stop":
				if _, err := s.User.StopCluster(ctx, c.ID); err != nil && !sdk.IsCode(err, "conflict") {
					rt.Fatal(err)
				}
				s.Settle(t)
			}
		}
		s.Tick(t)
		until := s.Clock.Now()
		total := agree(t, rt, s, time.Time{}.AddDate(2000, 0, 0), until)
		var bills int64
		for _, id := range clusters {
			bill, err := s.User.Bill(ctx, id)
			if err != nil {
				rt.Fatal(err)
			}
			uses := int64(0)
			for _, use := range bill.Prices {
				uses += use.CostNanos
			}
			if uses != bill.TotalNanos {
				rt.Fatalf("%s: prices sum to %d, the bill to %d", id, uses, bill.TotalNanos)
			}
			bills += bill.TotalNanos
			repriced = repriced || len(bill.Prices) > 1
		}
		month, err := s.Admin.LedgerMonth(ctx, "2026-01")
		if err != nil {
			rt.Fatal(err)
		}
		k := month.Check
		if !k.Balanced || bills != total || k.PostedNanos+k.AheadNanos != total || month.Months[0].ClosingNanos != k.PostedNanos {
			rt.Fatalf("bills %d, costs %d, books %+v, month %+v", bills, total, k, month.Months[0])
		}
		hours := int(until.Sub(began)/time.Hour) + 1
		from := rapid.IntRange(0, hours-1).Draw(rt, "from")
		agree(t, rt, s, began.Add(time.Duration(from)*time.Hour), began.Add(time.Duration(rapid.IntRange(from+1, hours).Draw(rt, "to"))*time.Hour))
	})
	if !repriced {
		t.Error("no price changed while a cluster ran")
	}
}

// agree asks for what a window of whole hours cost, and returns it.
func agree(t *testing.T, rt *rapid.T, s *servertest.Server, since, until time.Time) int64 {
	t.Helper()
	ctx := t.Context()
	costs, err := s.User.Costs(ctx, sdk.CostOptions{Since: since, Until: until})
	if err != nil {
		rt.Fatal(err)
	}
	for _, by := range []string{"kind", "hour", "line"} {
		b, err := s.User.CostBreakdown(ctx, sdk.BreakdownOptions{By: []string{by}, Since: since, Until: until})
		if err != nil {
			rt.Fatal(err)
		}
		if b.TotalNanos != costs.TotalNanos {
			rt.Fatalf("by %s it is %d, costs are %d", by, b.TotalNanos, costs.TotalNanos)
		}
	}
	if until.Equal(until.Truncate(time.Hour)) { // FOCUS knows whole seconds
		file, err := s.User.CostFocus(ctx, "", sdk.CostOptions{Since: since, Until: until})
		if err != nil {
			rt.Fatal(err)
		}
		if _, sum := focusSum(t, file); sum != costs.TotalNanos && !until.After(s.Clock.Now()) {
			rt.Fatalf("FOCUS sums to %d, costs are %d", sum, costs.TotalNanos)
		}
	}
	sum, err := s.User.LedgerSummary(ctx, sdk.CostOptions{Since: since, Until: until})
	if err != nil {
		rt.Fatal(err)
	}
	if parts := sum.UsedNanos + sum.IdleNanos + sum.OverheadNanos + sum.LostNanos + sum.UnknownNanos; sum.AllocatedNanos != costs.TotalNanos || parts != costs.TotalNanos {
		rt.Fatalf("summary %+v, costs %d", sum, costs.TotalNanos)
	}
	return costs.TotalNanos
}

func TestLedgerSummary(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	watchedWork(t, s)
	sum, err := s.User.LedgerSummary(t.Context(), sdk.CostOptions{Until: s.Clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	// A worker of two cores and 2 GB costs 12,500 a second and thread: ten seconds of work, nine idle; the rest of a second is Dask's, as is the scheduler.
	const perSecond = 12_500
	if sum.UsedNanos != 10*perSecond || sum.IdleNanos != 9*perSecond || sum.UnknownNanos != 0 || sum.OverheadNanos <= perSecond || sum.LostNanos != 0 {
		t.Errorf("summary: %+v", sum)
	}
	if _, err := s.User.LedgerSummary(t.Context(), sdk.CostOptions{Since: s.Clock.Now(), Until: s.Clock.Now()}); err == nil {
		t.Error("an empty window has a summary")
	}
}

// Our own export is an invoice that says what the books say: every factor is 1, and nothing is booked. A dearer one is booked, once.
func TestOurOwnExportAsAnInvoice(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx := t.Context()
	s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "flights", Options: sdk.ClusterOptions{Workers: 2}})
	s.Clock.Advance(5 * time.Hour)
	if _, err := s.Admin.CloseLedgerMonth(ctx, "2026-01"); !sdk.IsCode(err, "month_not_over") {
		t.Errorf("closing a running month: %v", err)
	}
	s.Clock.Advance(27 * 24 * time.Hour)
	s.Tick(t)
	month := sdk.CostOptions{Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	file, err := s.Admin.CostFocus(ctx, "", month)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, invoice := range map[string][]byte{"plain": file, "packed": packed.Bytes()} {
		same, err := s.Admin.ImportFocus(ctx, "2026-01", bytes.NewReader(invoice), sdk.ImportFocusOptions{Source: name})
		if err != nil {
			t.Fatal(err)
		}
		if same.Groups != 3 || same.BookedNanos != 0 || same.Entries != 0 || same.NotOursRows != 0 || same.NotInvoicedProcesses != 0 || same.Factors[0].Factor != 1 || same.MeteredNanos == 0 {
			t.Errorf("%s: %+v", name, same)
		}
	}
	dearer := strings.NewReader("BilledCost,BillingCurrency,BillingPeriodStart,SkuId\n100.5,USD,2026-01-01T00:00:00Z,m5\n1,USD,2026-01-01T00:00:00Z,other\n")
	done, err := s.Admin.ImportFocus(ctx, "2026-01", dearer, sdk.ImportFocusOptions{Rules: []string{"SkuId=m5 -> backend=fake"}})
	if err != nil || done.InvoicedNanos != 100_500_000_000 || done.NotOursNanos != 1_000_000_000 {
		t.Fatalf("dearer: %+v, %v", done, err)
	}
	details, err := s.User.LedgerMonth(ctx, "2026-01")
	if err != nil || details.Months[0].ClosingNanos != 100_500_000_000 || len(details.Imports) != 0 { // invoices are for admins
		t.Errorf("month: %+v, %v", details.Months, err)
	}
	closed, err := s.Admin.CloseLedgerMonth(ctx, "2026-01")
	if err != nil || !closed.Months[0].Closed || !closed.Check.Balanced || len(closed.Imports) != 3 {
		t.Errorf("closed: %+v, %v", closed, err)
	}
	if _, err := s.Admin.ImportFocus(ctx, "2026-01", bytes.NewReader(file), sdk.ImportFocusOptions{}); !sdk.IsCode(err, "month_closed") {
		t.Errorf("into a closed month: %v", err)
	}
	first, err := s.User.LedgerEntries(ctx, sdk.LedgerEntriesOptions{Month: "2026-01", Kind: "true_up", Limit: 2})
	if err != nil || len(first.Items) != 2 || first.Next == 0 {
		t.Fatalf("entries: %+v, %v", first, err)
	}
	rest, err := s.User.LedgerEntries(ctx, sdk.LedgerEntriesOptions{Month: "2026-01", Kind: "true_up", Before: first.Next})
	if err != nil || len(rest.Items) != 1 || rest.Next != 0 || rest.Items[0].ImportID != first.Items[0].ImportID {
		t.Errorf("the rest: %+v, %v", rest, err)
	}
	if list, err := s.User.LedgerMonths(ctx); err != nil || len(list.Items) != 2 || list.Items[1].OpeningNanos != 100_500_000_000 {
		t.Errorf("months: %+v, %v", list, err)
	}
}

func TestImportingInvoicesIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const invoice = "BilledCost,BillingCurrency,BillingPeriodStart\n1,USD,2025-12-01T00:00:00Z\n"
	for name, tc := range map[string]struct {
		client      *sdk.Client
		month, text string
		o           sdk.ImportFocusOptions
		status      int
		says        string
	}{
		"no admin":  {s.User, "2025-12", invoice, sdk.ImportFocusOptions{}, http.StatusForbidden, "Only admins"},
		"no month":  {s.Admin, "december", invoice, sdk.ImportFocusOptions{}, http.StatusUnprocessableEntity, "is no month"},
		"no file":   {s.Admin, "2025-12", "", sdk.ImportFocusOptions{}, http.StatusUnprocessableEntity, "The file is empty"},
		"no column": {s.Admin, "2025-12", "a,b\n", sdk.ImportFocusOptions{}, http.StatusUnprocessableEntity, "BilledCost, BillingCurrency, BillingPeriodStart"},
		"no rule":   {s.Admin, "2025-12", invoice, sdk.ImportFocusOptions{Rules: []string{"x"}}, http.StatusUnprocessableEntity, "is no rule"},
		"no gzip":   {s.Admin, "2025-12", "\x1f\x8bxxxxxxxxxxxxxxxxxxxxxxx", sdk.ImportFocusOptions{}, http.StatusUnprocessableEntity, "gzip"},
	} {
		_, err := tc.client.ImportFocus(t.Context(), tc.month, strings.NewReader(tc.text), tc.o)
		var refused *sdk.APIError
		if !errors.As(err, &refused) || refused.Status != tc.status || !strings.Contains(refused.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := s.Admin.LedgerMonths(t.Context()); err != nil || len(list.Items) != 0 {
		t.Errorf("left %+v, %v", list, err)
	}
}
