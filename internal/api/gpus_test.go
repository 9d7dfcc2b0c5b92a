package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// seenGPU is what a worker reports of a device that it watched for all of a window, while nothing ran on it for idle.
func seenGPU(uuid, name string, window, idle time.Duration) map[string]any {
	return map[string]any{
		"uuid": uuid, "index": 0, "name": name, "observed_us": window.Microseconds(), "util_us": (window - idle).Microseconds() / 2, "idle_us": idle.Microseconds(),
		"memory_peak_bytes": int64(5e9), "memory_total_bytes": int64(15e10),
	}
}

// gpuWorker reports for one worker of a watched cluster that has GPUs.
type gpuWorker struct {
	*observer
	scheduler, process string
	began              time.Time
	gpus               []any
}

// report sends ten seconds; the worker ends with them if last is set.
func (w gpuWorker) report(t *testing.T, from time.Time, last bool) {
	t.Helper()
	to := from.Add(10 * time.Second)
	row := map[string]any{"process": w.process, "name": "w.1", "nthreads": 2, "memory_bytes": int64(2e9), "started_us": w.began.UnixMicro(), "ended_us": 0}
	if last {
		row["ended_us"] = to.UnixMicro()
	}
	window := workerBatch(w.process, from, to, 2, "no_work")
	window["res"], window["final"] = map[string]any{"rss_bytes": int64(3e8), "gpus": w.gpus}, last
	if _, rejected := w.post(t, schedulerBatch(w.scheduler, from, to, map[string]any{"workers": []any{row}}), window); len(rejected) > 0 {
		t.Fatalf("rejected: %v", rejected)
	}
}

// Two clusters of two people see one device; one of them has another for itself, the other one more that has no price. Everybody pays for what they hold: a
// device costs its price once, whoever shares it, and what was for idle devices is told apart. 3.6 an hour is a million nano-units a second.
func TestGPUsAreCharged(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx, began := t.Context(), s.Clock.Now()
	if _, err := s.Admin.ImportPrices(ctx, []byte("provider,unit,name,price\nwatched,gpu_hour,h200,3.6\n"), sdk.ImportPricesOptions{Source: "Finance"}); err != nil {
		t.Fatal(err)
	}
	ben, _ := s.AddUser(t, "ben")
	mine, theirs := announce(t, s.User, "Scheduler-1"), announce(t, ben, "Scheduler-2")
	const ten = 10 * time.Second
	a := gpuWorker{newObserver(s, mine), mine.Process, mine.Cluster.ID + "-w.1-0123abcd", began, []any{
		seenGPU("GPU-1", "NVIDIA H200", ten, ten/2), seenGPU("GPU-2", "NVIDIA H200", ten, ten),
	}}
	b := gpuWorker{newObserver(s, theirs), theirs.Process, theirs.Cluster.ID + "-w.1-0123abcd", began, []any{
		seenGPU("GPU-1", "NVIDIA H200", ten, ten/2), seenGPU("GPU-3", "NVIDIA L4", ten, 0),
	}}
	for i := range 3 {
		s.Clock.Advance(ten)
		a.report(t, began.Add(time.Duration(i)*ten), false)
		if i < 2 {
			b.report(t, began.Add(time.Duration(i)*ten), i == 1)
		}
		s.Tick(t)
	}

	// Ana: GPU-1 for 20 s with Ben and 10 s alone, GPU-2 for 30 s. Half of GPU-1's time and all of GPU-2's was idle.
	bill := billOf(t, s.User, mine.Cluster.ID)
	scheduler, worker := int64(30*12_500), int64(30*25_000)
	want := sdk.GPUCost{Model: "NVIDIA H200", Devices: 2, Seconds: 50, CostNanos: 50_000_000, IdleCostNanos: 40_000_000}
	if bill.TotalNanos != scheduler+worker+want.CostNanos || len(bill.GPUs) != 1 || bill.GPUs[0] != want {
		t.Errorf("total %d, GPUs %+v, want %+v beside %d", bill.TotalNanos, bill.GPUs, want, scheduler+worker)
	}
	for name, cost := range map[string]int64{"idle.gpu": 40_000_000, "idle.no_work": worker + 10_000_000, "overhead.scheduler": scheduler} {
		if !slices.ContainsFunc(bill.Categories, func(c sdk.BillCategory) bool { return c.Name == name && c.CostNanos == cost }) {
			t.Errorf("%s should be %d: %+v", name, cost, bill.Categories)
		}
	}
	last := bill.Prices[len(bill.Prices)-1]
	if last.GPU != "NVIDIA H200" || last.GPUHourNanos != 3_600_000_000 || last.CostNanos != want.CostNanos || last.Source != "Price book: Finance" {
		t.Errorf("prices: %+v", bill.Prices)
	}
	processes, err := s.User.ListProcesses(ctx, mine.Cluster.ID)
	if err != nil || processes.Items[1].RateNanosPerHour != 90_000_000+7_200_000_000 {
		t.Errorf("processes: %+v, %v", processes, err)
	}

	// Ben: 20 s of GPU-1 with Ana. What the L4 costs is not known, and nothing is charged for it.
	bill = billOf(t, ben, theirs.Cluster.ID)
	h200, l4 := sdk.GPUCost{Model: "NVIDIA H200", Devices: 1, Seconds: 10, CostNanos: 10_000_000, IdleCostNanos: 5_000_000}, sdk.GPUCost{Model: "NVIDIA L4", Devices: 1, Seconds: 20, UnpricedSeconds: 20}
	if len(bill.GPUs) != 2 || bill.GPUs[0] != h200 || bill.GPUs[1] != l4 || bill.TotalNanos != scheduler+20*25_000+10_000_000 {
		t.Errorf("total %d, GPUs %+v", bill.TotalNanos, bill.GPUs)
	}
	coverage, err := s.Admin.PriceCoverage(ctx, sdk.CostOptions{Since: began})
	if err != nil || int(coverage.PricedGPUHours*3600+0.5) != 60 || int(coverage.UnpricedGPUHours*3600+0.5) != 20 {
		t.Errorf("coverage: %+v, %v", coverage, err)
	}
	if reason := coverage.Items[len(coverage.Items)-1]; reason.GPU != "NVIDIA L4" || !strings.Contains(reason.Reason, "no gpu_hour entry") {
		t.Errorf("coverage: %+v", coverage.Items)
	}

	for _, ask := range []struct {
		client *sdk.Client
		sql    string
		want   string
	}{
		{s.User, "select uuid, held_us, cost_nanos, idle_cost_nanos from gpu order by uuid", `[["GPU-1",20000000,20000000,10000000],["GPU-2",30000000,30000000,30000000]]`},
		{ben, "select uuid, held_us, cost_nanos, idle_cost_nanos from gpu order by uuid", `[["GPU-1",10000000,10000000,5000000],["GPU-3",20000000,null,null]]`},
		{s.User, "select sum(cost_nanos) from usage", fmt.Sprintf("[[%d]]", scheduler+worker+50_000_000)},
		{s.User, "select cost_nanos from lines where category = 'idle.gpu'", "[[40000000]]"},
	} {
		result, err := ask.client.SQL(ctx, sdk.SQLRequest{SQL: ask.sql})
		if err != nil {
			t.Fatal(err)
		}
		if rows, err := json.Marshal(result.Rows); err != nil || string(rows) != ask.want {
			t.Errorf("%s: %s, %v, want %s", ask.sql, rows, err, ask.want)
		}
	}

	// What everybody holds is in the books: of ana's cluster, and of all.
	s.Clock.Advance(3 * time.Hour)
	s.Tick(t)
	s.Tick(t)
	month, err := s.Admin.LedgerMonth(ctx, "2026-01")
	if err != nil || !month.Check.Balanced || month.Check.PostedNanos == 0 {
		t.Fatalf("month: %+v, %v", month.Check, err)
	}
	for who, c := range map[*sdk.Client]string{s.User: mine.Cluster.ID, ben: theirs.Cluster.ID} {
		entries, err := who.LedgerEntries(ctx, sdk.LedgerEntriesOptions{Cluster: c})
		if err != nil {
			t.Fatal(err)
		}
		sum, sourced := int64(0), false
		for _, e := range entries.Items {
			sum += e.CostNanos
			sourced = sourced || strings.Contains(e.PriceSource, "GPU NVIDIA H200: Price book: Finance")
		}
		if bill := billOf(t, who, c); sum != bill.TotalNanos || !sourced {
			t.Errorf("the ledger holds %d of %d: %+v", sum, bill.TotalNanos, entries.Items)
		}
	}
}

// A price that comes into force while a process runs applies from then on, to GPUs too; time before that, without any price, stays unknown.
func TestGPUPricesChange(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx, began := t.Context(), s.Clock.Now()
	answer := announce(t, s.User, "Scheduler-1")
	const ten = 10 * time.Second
	w := gpuWorker{newObserver(s, answer), answer.Process, answer.Cluster.ID + "-w.1-0123abcd", began, []any{seenGPU("GPU-1", "NVIDIA H200", ten, 0)}}
	for i := range 4 {
		s.Clock.Advance(ten)
		w.report(t, began.Add(time.Duration(i)*ten), false)
		s.Tick(t)
		if i > 1 {
			continue
		}
		list := fmt.Sprintf("provider,unit,name,price\nwatched,gpu_hour,H200,%d.6\n", 3+i)
		if _, err := s.Admin.ImportPrices(ctx, []byte(list), sdk.ImportPricesOptions{ValidFrom: s.Clock.Now()}); err != nil {
			t.Fatal(err)
		}
		s.Tick(t)
	}
	bill := billOf(t, s.User, answer.Cluster.ID)
	// 10 s without a price, 10 s at 3.6 and 20 s at 4.6 an hour, counted on the clock: what is up to its 40th second less what is up to the 20th.
	want := sdk.GPUCost{Model: "NVIDIA H200", Devices: 1, Seconds: 40, UnpricedSeconds: 10, CostNanos: 10_000_000 + 25_555_556}
	if len(bill.GPUs) != 1 || bill.GPUs[0] != want {
		t.Errorf("GPUs %+v, want %+v", bill.GPUs, want)
	}
	uses := int64(0)
	for _, use := range bill.Prices {
		uses += use.CostNanos
	}
	if len(bill.Prices) != 3 || uses != bill.TotalNanos {
		t.Errorf("prices %+v sum to %d of %d", bill.Prices, uses, bill.TotalNanos)
	}
}

// billOf returns a bill and holds its parts against its total.
func billOf(t *testing.T, client *sdk.Client, cluster string) sdk.Bill {
	t.Helper()
	b, err := client.Bill(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	sum := b.UnknownNanos
	for _, l := range b.Lines {
		sum += l.CostNanos
	}
	for _, c := range b.Categories {
		sum += c.CostNanos
	}
	if sum != b.TotalNanos {
		t.Errorf("the parts of %s sum to %d of %d", cluster, sum, b.TotalNanos)
	}
	return b
}
