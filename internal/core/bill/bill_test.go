package bill_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/core/usage/usagetest"
)

var (
	card  = cost.Card{Currency: "USD", CoreHour: 40_000_000, GigabyteHour: 5_000_000, SchedulerCore: 1, SchedulerMem: 1e9}
	begin = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
)

func cl(workers int) cluster.Cluster {
	return cluster.Cluster{ID: "cl_test", Options: cluster.Options{Workers: workers, Threads: 2, MemoryBytes: 4e9}}
}

// TestPartsSumToTheTotal is the promise of the product: whatever was reported, early, late, twice as much as fits or not at all, the parts
// of the bill sum to what the processes cost.
func TestPartsSumToTheTotal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := cl(rapid.IntRange(0, 4).Draw(t, "workers"))
		in := bill.Input{ClusterID: c.ID, Card: card, AsOf: begin.Add(time.Duration(rapid.Int64Range(0, 1e13).Draw(t, "asof")))}
		processes := []cluster.Process{cluster.NewScheduler(c, card, begin)}
		for i := range c.Options.Workers {
			processes = append(processes, cluster.NewWorker(c, card, cluster.WorkerName(i), 1, begin))
		}
		var want cost.Nanos
		for _, p := range processes {
			p.Rate.NanosPerHour = cost.Nanos(rapid.Int64Range(0, 1e13).Draw(t, "rate"))
			if rapid.IntRange(0, 9).Draw(t, "launched") > 0 {
				p.StartedAt = begin.Add(time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "start")))
			}
			if rapid.Bool().Draw(t, "ended") && !p.StartedAt.IsZero() {
				p.EndedAt = p.StartedAt.Add(time.Duration(rapid.Int64Range(0, 1e13).Draw(t, "life")))
			}
			drawGPUs(t, &in, &p)
			in.Processes = append(in.Processes, p)
			want += p.Cost(in.AsOf)
			for range rapid.IntRange(0, 3).Draw(t, "batches") {
				b := usagetest.WorkerBatch(c.ID).Draw(t, "batch")
				b.Process, b.Epoch = p.ID, rapid.SampledFrom([]string{"e", "f"}).Draw(t, "epoch")
				folded := usage.Fold(c.ID, b, usage.Unclassified{})
				in.Lines = append(in.Lines, folded.Lines...)
				in.Categories = append(in.Categories, folded.Categories...)
			}
		}
		if rapid.Bool().Draw(t, "submission known") {
			in.Submissions = []usage.Submission{{ClusterID: c.ID, ID: 1, File: "job.py", Line: 3}}
		}
		if rapid.Bool().Draw(t, "origins known") {
			in.Origins = []usage.Origin{{ID: 1, File: "job.py", Line: 1, Shared: []int64{2, 3}}, {ID: 2, File: "job.py", Line: 3}}
			in.Parts = []usage.Part{{Submission: 1, Name: "part-0f1e2d3c", Origin: rapid.Int64Range(0, 3).Draw(t, "part's origin")}}
		}
		b := bill.Compute(in)
		if b.Total != want || b.Gap() != 0 || b.Unknown < 0 {
			t.Fatalf("total %d, want %d; gap %d, unknown %d", b.Total, want, b.Gap(), b.Unknown)
		}
		type key struct {
			leaf, origin       usage.Line
			operation, library string
		}
		seen := map[key]bool{}
		work := int64(0)
		for _, l := range b.Lines {
			work += l.ThreadMicros + l.NativeMicros
			if k := (key{l.Line, l.Origin, l.Operation, l.Library}); seen[k] || l.Origin.File == "" {
				t.Fatalf("line %+v is there twice, or has no origin", l)
			} else {
				seen[k] = true
			}
			var sum cost.Nanos
			for _, p := range l.Prefixes {
				sum += p.Cost
			}
			if sum != l.Cost || l.File == "" || l.Cost < 0 {
				t.Fatalf("line %+v: prefixes sum to %d", l, sum)
			}
		}
		for _, k := range b.Categories {
			if k.Name == usage.CategoryUnattributed {
				work += k.ThreadMicros
			}
		}
		if b.WorkMicros != work || b.OriginMicros > work || (in.Origins == nil && b.OriginMicros != 0) {
			t.Fatalf("%d us of work, %d of them with an origin; the lines hold %d", b.WorkMicros, b.OriginMicros, work)
		}
		var gpus, unused, ofGPUs cost.Nanos
		for _, p := range in.Processes {
			gpus += p.GPUCostBetween(begin, in.AsOf)
		}
		for _, g := range b.GPUs {
			ofGPUs += g.Cost
			unused += g.Idle
		}
		for _, k := range b.Categories {
			if k.Name == usage.CategoryIdleGPU {
				unused -= k.Cost
			}
		}
		if gpus != ofGPUs || unused != 0 {
			t.Fatalf("GPUs cost %d, the bill says %d, and %d of idle ones too much: %+v", gpus, ofGPUs, unused, b.GPUs)
		}
		partsOfTheBill(t, in, b)
	})
}

// drawGPUs gives a process devices that others may see too, and reports of them that may be more than fits.
func drawGPUs(t *rapid.T, in *bill.Input, p *cluster.Process) {
	if p.Role != cluster.RoleWorker {
		return
	}
	for n := range rapid.IntRange(0, 2).Draw(t, "gpus") {
		g := cluster.GPU{UUID: fmt.Sprintf("GPU-%d", n), Model: rapid.SampledFrom([]string{"H200", "L4"}).Draw(t, "model"), Prices: []cluster.GPUPrice{{}}}
		if rapid.Bool().Draw(t, "priced") {
			g.Prices[0].Hour, g.Prices[0].Source = cost.Nanos(rapid.Int64Range(0, 1e13).Draw(t, "gpu hour")), "list"
		}
		others := cluster.GPUHolder{Process: "other", Start: begin.Add(time.Duration(rapid.Int64Range(0, 1e13).Draw(t, "other")))}
		g.Shares = cluster.ShareGPU([]cluster.GPUHolder{{Process: p.ID, Start: p.StartedAt, End: p.EndedAt}, others})[p.ID]
		p.GPUs = append(p.GPUs, g)
		for range rapid.IntRange(0, 3).Draw(t, "hours of it") {
			in.GPUs = append(in.GPUs, usage.GPUHour{
				ProcessID: p.ID, UUID: g.UUID, HourAt: begin.Add(time.Duration(rapid.IntRange(-1, 4).Draw(t, "hour")) * time.Hour), IdleMicros: rapid.Int64Range(0, 5e9).Draw(t, "idle"),
			})
		}
	}
}

// partsOfTheBill checks that the other views of the same work hold no more money than the bill, and no less.
func partsOfTheBill(t *rapid.T, in bill.Input, b bill.Bill) {
	onWork := b.Total - b.Unknown
	for _, k := range b.Categories {
		if k.Name != usage.CategoryUnattributed {
			onWork -= k.Cost
		}
	}
	in.Submissions = []usage.Submission{{ID: 0}, {ID: 1, Client: "c"}, {ID: 2, Client: "d"}}
	var submitted cost.Nanos
	list := bill.Submissions(in, []usage.Session{{Client: "c", User: "ana"}})
	for _, s := range list {
		submitted += s.Cost
		if (s.Session.User == "ana") != (s.Client == "c") {
			t.Fatalf("submission %+v has another's session", s)
		}
	}
	if submitted != onWork {
		t.Fatalf("submissions hold %d, the work cost %d", submitted, onWork)
	}
	receipt := bill.MakeReceipt(in, time.Time{}, "")
	if receipt.Work != onWork || receipt.Cost != b.Total {
		t.Fatalf("the receipt says %d of %d, want %d of %d", receipt.Work, receipt.Cost, onWork, b.Total)
	}
	if top := receipt.Top; top != nil && (top.Cost > receipt.Work || top.Share < 0 || top.Share > 1) {
		t.Fatalf("top %+v of %d", *top, receipt.Work)
	}
	hoursOfTheBill(t, in)
	if receipt.IdleShare < 0 || receipt.IdleShare > 1 {
		t.Fatalf("idle share %f", receipt.IdleShare)
	}
}

func TestWhereTheMoneyOfAnHourGoes(t *testing.T) {
	t.Parallel()
	c := cl(1)
	scheduler, worker := cluster.NewScheduler(c, card, begin), cluster.NewWorker(c, card, "w-0", 1, begin)
	scheduler.StartedAt, worker.StartedAt = begin, begin
	scheduler.EndedAt, worker.EndedAt = begin.Add(time.Hour), begin.Add(time.Hour)
	at := func(minutes int) time.Time { return begin.Add(time.Duration(minutes) * time.Minute) }
	window := func(from, to int, final bool, category string, threadMinutes int) usage.CategoryUsage {
		return usage.CategoryUsage{
			ClusterID: c.ID, ProcessID: worker.ID, Epoch: "e", StartAt: at(from), EndAt: at(to), Final: final, Category: category,
			ThreadMicros: int64(threadMinutes) * 60_000_000,
		}
	}
	minutes := func(submission int64, prefix string, line usage.Line, threadMinutes int64) usage.LineUsage {
		return usage.LineUsage{
			ClusterID: c.ID, ProcessID: worker.ID, HourAt: begin, Submission: submission, Prefix: prefix, Line: line, ThreadMicros: threadMinutes * 60_000_000,
		}
	}
	named := usage.Line{File: "job.py", Line: 7, Function: "clean"}
	// 120 thread-minutes: 6 min start, a lost window of 10 min, 4 min after the last window.
	b := bill.Compute(bill.Input{
		ClusterID: c.ID, Card: card, AsOf: begin.Add(2 * time.Hour), Processes: []cluster.Process{scheduler, worker},
		Categories: []usage.CategoryUsage{
			window(6, 26, false, usage.CategoryWork, 30), window(6, 26, false, "idle.no_work", 10),
			window(36, 56, true, usage.CategoryWork, 35), window(36, 56, true, usage.CategoryOverheadDask, 5),
		},
		Lines: []usage.LineUsage{
			minutes(1, "read", named, 30), minutes(1, "write", named, 10), minutes(2, "sum", usage.Line{}, 20), minutes(0, "x", usage.Line{}, 5),
		},
		Submissions: []usage.Submission{{ClusterID: c.ID, ID: 2, File: "job.py", Line: 9, Function: "main"}},
	})
	perMinute := float64(worker.Rate.NanosPerHour) / 120
	got := map[string]cost.Nanos{"unknown": b.Unknown}
	for _, l := range b.Lines {
		got[fmt.Sprintf("%s:%d", l.File, l.Line.Line)] = l.Cost
	}
	for _, k := range b.Categories {
		got[k.Name] = k.Cost
	}
	for name, threadMinutes := range map[string]float64{
		"job.py:7": 40, "job.py:9": 20, "unattributed": 5, "idle.no_work": 10, "overhead.dask": 5, "idle.starting": 12, "idle.closing": 8, "lost.telemetry": 20, "unknown": 0,
	} {
		if want := threadMinutes * perMinute; float64(got[name]) < want-1 || float64(got[name]) > want+1 {
			t.Errorf("%s costs %d, want %.1f", name, got[name], want)
		}
	}
	if got["overhead.scheduler"] != scheduler.Rate.NanosPerHour || b.Gap() != 0 {
		t.Errorf("scheduler %d, gap %d", got["overhead.scheduler"], b.Gap())
	}
	if b.Lines[0].Prefixes[0].Prefix != "read" {
		t.Errorf("the dearest prefix should come first: %+v", b.Lines[0].Prefixes)
	}
}

func TestTimelineSharesAddUpToTheObservedTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := cl(1)
		worker := cluster.NewWorker(c, card, "w-0", 1, begin)
		b := usagetest.WorkerBatch(c.ID).Draw(t, "batch")
		worker.Threads = int(b.Threads)
		worker.StartedAt = time.UnixMicro(b.T0Micros)
		b.Process = worker.ID
		bins := rapid.IntRange(1, 50).Draw(t, "bins")
		asOf := time.UnixMicro(b.T1Micros).Add(time.Second)
		line := bill.MakeTimeline(asOf, bins, []cluster.Process{worker}, usage.Fold(c.ID, b, usage.Unclassified{}).Categories)
		if len(line.Rows) != 1 || len(line.Rows[0].Bins) != bins {
			t.Fatalf("timeline has %d rows", len(line.Rows))
		}
		var sum float64
		for _, bin := range line.Rows[0].Bins {
			inBin := 0.0
			for _, share := range bin {
				inBin += share
			}
			if inBin > 1.0001 {
				t.Fatalf("a bin holds %f of its capacity", inBin)
			}
			sum += inBin * line.Step.Seconds()
		}
		want := float64(b.T1Micros-b.T0Micros) / 1e6
		if off := sum - want; off > 0.01 || off < -0.01 {
			t.Fatalf("bins hold %.3f s, the window %.3f s", sum, want)
		}
	})
}

// TestAnHourPaysForItself: what was reported for one hour is paid by that hour alone, so that hours side by side sum to the bill.
func TestAnHourPaysForItself(t *testing.T) {
	t.Parallel()
	c := cl(1)
	worker := cluster.NewWorker(c, card, "w-0", 1, begin)
	worker.StartedAt, worker.EndedAt = begin, begin.Add(2*time.Hour)
	twice := usage.LineUsage{
		ClusterID: c.ID, ProcessID: worker.ID, HourAt: begin, Submission: 1, Line: usage.Line{File: "job.py", Line: 7},
		ThreadMicros: 4 * time.Hour.Microseconds(), // two threads: twice of what fits
	}
	b := bill.Compute(bill.Input{
		ClusterID: c.ID, Card: card, AsOf: begin.Add(3 * time.Hour), Processes: []cluster.Process{worker}, Lines: []usage.LineUsage{twice},
		Categories: []usage.CategoryUsage{{
			ClusterID: c.ID, ProcessID: worker.ID, Epoch: "e", StartAt: begin, EndAt: begin.Add(90 * time.Minute), Category: "idle.no_work",
			ThreadMicros: 3 * time.Hour.Microseconds(), // reaches into the second hour
		}},
	})
	hour := worker.Rate.NanosPerHour
	idle := cost.Split(hour, []int64{2, 1})[1] + hour/2 // a third of the first hour, half of the second
	got := map[string]cost.Nanos{"line": b.Lines[0].Cost}
	for _, k := range b.Categories {
		got[k.Name] = k.Cost
	}
	if got["line"] != hour-cost.Split(hour, []int64{2, 1})[1] || got["idle.no_work"] != idle || got["lost.worker"] != hour/2 || b.Gap() != 0 {
		t.Errorf("line %d, idle %d, lost %d of %d an hour; want idle %d, gap %d", got["line"], got["idle.no_work"], got["lost.worker"], hour, idle, b.Gap())
	}
}

// hoursOfTheBill checks that hours sum to the bill, and those of any window of whole hours to what the processes cost in it.
func hoursOfTheBill(t *rapid.T, in bill.Input) {
	cut := begin.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "hours")) * time.Hour)
	end := in.AsOf.Add(time.Hour)
	var before, after cost.Nanos
	for _, p := range in.Processes {
		at := cut
		if at.After(in.AsOf) {
			at = in.AsOf
		}
		before += p.Cost(at)
		after += p.Cost(in.AsOf) - p.Cost(at)
	}
	for _, window := range []struct {
		since, until time.Time
		want         cost.Nanos
	}{{begin.Add(-time.Hour), cut, before}, {cut, end, after}} {
		for _, h := range bill.Hours(in, window.since, window.until) {
			if h.Start.Before(window.since) || !h.Start.Before(window.until) {
				t.Fatalf("hour %v is outside of [%v, %v)", h.Start, window.since, window.until)
			}
			window.want -= h.Cost
		}
		if window.want != 0 {
			t.Fatalf("hours in [%v, %v) miss %d", window.since, window.until, window.want)
		}
	}
}
