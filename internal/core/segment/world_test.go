package segment_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
)

var begin = time.Date(2026, 3, 30, 20, 0, 0, 0, time.UTC) // a day and a half before a month's end

// rules name operations by their version.
type rules int

func (r rules) Classify(_ *usage.Batch, _ int, prefix string) (operation, library string) {
	return fmt.Sprintf("%s.v%d", prefix, r), "dask"
}
func (r rules) Version() int { return int(r) }

// everybody sees all clusters by their ids.
type everybody struct{ db *store.DB }

func (e everybody) Find(ctx context.Context, _ identity.Actor, ref string) (cluster.Cluster, error) {
	return e.db.ClusterByID(ctx, cluster.ID(ref))
}

// world is a real store with clusters, and a clock.
type world struct {
	db       *store.DB
	clusters []cluster.ID
	bills    *bill.Service
	now      time.Time
	rules    rules
	seq      int64
	// waiting are reports that are on their way.
	waiting []usage.RawBatch
	// born says when each cluster's submissions were sent, in their order.
	born map[cluster.ID][]time.Time
}

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	w := &world{db: db, now: begin, rules: 1, born: map[cluster.ID][]time.Time{}}
	user := identity.User{ID: "us_1", Name: "ana", Role: identity.RoleUser, CreatedAt: begin}
	if err := db.CreateUser(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		c := cluster.Cluster{
			ID: cluster.ID(fmt.Sprintf("cl_%d", i)), Name: fmt.Sprintf("flights-%d", i), OwnerID: user.ID, Backend: "local",
			Options: cluster.Options{Workers: 2, Threads: 2}, Status: cluster.StatusRunning, Target: cluster.TargetRunning, CreatedAt: begin, SchedulerKey: fmt.Sprint(i),
		}
		if err := db.CreateCluster(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		w.clusters = append(w.clusters, c.ID)
	}
	w.bills = w.billsOf()
	return w
}

func (w *world) clock() time.Time { return w.now }

func (w *world) folder() *usage.Folder {
	return usage.NewFolder(w.db, w.db, w.db, decode, w.rules, func(raw usage.RawBatch, err error) { panic(err) }, resource.NewSink(w.db, w.db, gpuPrices{}))
}

// gpuPrices are what GPUs cost when they are first seen: one model has no price.
type gpuPrices struct{}

func (gpuPrices) GPU(_, model string, _ cost.Currency, at time.Time) cluster.GPUPrice {
	if model != "H200" {
		return cluster.GPUPrice{From: at}
	}
	return cluster.GPUPrice{From: at, Hour: 2_345_678_901, Source: "A list", AsOf: begin}
}

func (w *world) billsOf() *bill.Service {
	return bill.NewService(everybody{w.db}, w.db, w.db, w.folder(), cost.Card{Currency: "USD"})
}

func decode(payload []byte) (*usage.Batch, error) {
	b := new(usage.Batch)
	return b, json.Unmarshal(payload, b)
}

// Hours makes world a segment.Bills whose rules may change.
func (w *world) Hours(ctx context.Context, now time.Time, c cluster.Cluster, since, until time.Time) ([]bill.Hour, int, error) {
	return w.bills.Hours(ctx, now, c, since, until)
}

// Fold makes world a segment.Folder.
func (w *world) Fold(ctx context.Context, id cluster.ID) (int, error) {
	return w.folder().Fold(ctx, id)
}

// truth is what the bills say was spent, hour by hour.
func (w *world) truth(ctx context.Context) (facts []spend.Fact, err error) {
	if err := w.folder().FoldAll(ctx, ""); err != nil {
		return nil, err
	}
	for _, id := range w.clusters {
		c, err := w.db.ClusterByID(ctx, id)
		if err != nil {
			return nil, err
		}
		hours, version, err := w.bills.Hours(ctx, w.now, c, begin.AddDate(-1, 0, 0), w.now.AddDate(1, 0, 0))
		if err != nil {
			return nil, err
		}
		facts = append(facts, spend.Facts(spend.Of{Cluster: id, Name: c.Name, Backend: c.Backend, UserID: c.OwnerID, User: "ana", RulesVersion: version}, hours)...)
	}
	return facts, nil
}

// steps are what happens in a world.
func (w *world) steps(t testing.TB) map[string]func(*rapid.T) {
	ctx := t.Context()
	one := func(rt *rapid.T) cluster.ID { return rapid.SampledFrom(w.clusters).Draw(rt, "cluster") }
	return map[string]func(*rapid.T){
		"wait": func(rt *rapid.T) {
			w.now = w.now.Add(time.Duration(rapid.IntRange(1, 200).Draw(rt, "minutes")) * time.Minute)
		},
		"start":      func(rt *rapid.T) { w.start(ctx, rt, one(rt)) },
		"change":     func(rt *rapid.T) { w.change(ctx, rt, one(rt)) },
		"change too": func(rt *rapid.T) { w.change(ctx, rt, one(rt)) },
		"hold":       func(rt *rapid.T) { w.hold(ctx, rt) },
		"gpu price":  func(rt *rapid.T) { w.gpuPrice(ctx, rt, one(rt)) },
		"cluster":    func(rt *rapid.T) { w.changeCluster(ctx, rt, one(rt)) },
		"work":       func(rt *rapid.T) { w.work(rt, one(rt)) },
		"work on":    func(rt *rapid.T) { w.work(rt, one(rt)) },
		"submit":     func(rt *rapid.T) { w.submit(rt, one(rt)) },
		"arrive":     func(rt *rapid.T) { w.arrive(ctx, rt) },
		"arrive too": func(rt *rapid.T) { w.arrive(ctx, rt) },
		"fold": func(rt *rapid.T) {
			if _, err := w.Fold(ctx, ""); err != nil {
				rt.Fatal(err)
			}
		},
		"classify": func(rt *rapid.T) {
			w.rules++
			w.bills = w.billsOf()
			if rapid.Bool().Draw(rt, "old too") {
				if _, err := w.folder().ReclassifyOutdated(ctx); err != nil {
					rt.Fatal(err)
				}
			}
		},
	}
}

// moment draws a time around one.
func moment(rt *rapid.T, label string, around time.Time, minutes int) time.Time {
	return around.Add(time.Duration(rapid.Int64Range(-int64(minutes)*60e6, int64(minutes)*60e6).Draw(rt, label)) * time.Microsecond)
}

func processID(id cluster.ID, n int) cluster.ProcessID {
	return cluster.ProcessID(fmt.Sprintf("%s-w-%d-1", id, n))
}

const processes = 3

func (w *world) start(ctx context.Context, rt *rapid.T, id cluster.ID) {
	n := rapid.IntRange(0, processes-1).Draw(rt, "process")
	p := cluster.Process{
		ID: processID(id, n), ClusterID: id, Role: cluster.RoleWorker, Name: fmt.Sprintf("w-%d", n), Generation: 1,
		Status: cluster.StatusRunning, Target: cluster.TargetRunning, Threads: 2, Rate: cost.Rate{NanosPerHour: 123_456_789, Currency: "USD"}, CreatedAt: w.now,
	}
	if n == 0 {
		p.Role = cluster.RoleScheduler
	}
	if rapid.Bool().Draw(rt, "launched") {
		p.StartedAt = moment(rt, "started", w.now.Add(-30*time.Minute), 30)
	}
	_ = w.db.CreateProcess(ctx, p) // or it is there already
}

// change changes a process in any way that the product knows.
func (w *world) change(ctx context.Context, rt *rapid.T, id cluster.ID) {
	all, err := w.db.ProcessesByCluster(ctx, id)
	if err != nil {
		rt.Fatal(err)
	}
	if len(all) == 0 {
		return
	}
	p := rapid.SampledFrom(all).Draw(rt, "process")
	switch rapid.IntRange(0, 5).Draw(rt, "what") {
	case 0, 1:
		if p.StartedAt.IsZero() {
			p.StartedAt = w.now
		}
	case 2:
		if !p.StartedAt.IsZero() {
			p.StartedAt = p.StartedAt.Add(-time.Duration(rapid.IntRange(1, 90).Draw(rt, "minutes")) * time.Minute)
		}
	case 3:
		if !p.StartedAt.IsZero() {
			p.EndedAt = moment(rt, "ended", w.now.Add(-time.Hour), 60)
			p.Status = cluster.StatusStopped
		}
	case 4:
		p.EndedAt, p.Status = time.Time{}, cluster.StatusRunning
	case 5:
		p.Threads, p.Rate.NanosPerHour = rapid.IntRange(1, 4).Draw(rt, "threads"), cost.Nanos(rapid.Int64Range(0, 1e9).Draw(rt, "rate"))
	}
	if err := w.db.UpdateProcess(ctx, p); err != nil {
		rt.Fatal(err)
	}
}

// hold lets all workers that run now see one device, as if they had just reported it.
func (w *world) hold(ctx context.Context, rt *rapid.T) {
	for _, id := range w.clusters {
		all, err := w.db.ProcessesByCluster(ctx, id)
		if err != nil {
			rt.Fatal(err)
		}
		for _, p := range all {
			if p.Role != cluster.RoleWorker || p.StartedAt.IsZero() {
				continue
			}
			g := cluster.GPU{UUID: "GPU-0", Model: "H200", Prices: []cluster.GPUPrice{gpuPrices{}.GPU("local", "H200", "USD", p.StartedAt)}}
			if err := w.db.AddGPUs(ctx, p, []cluster.GPU{g}, w.now); err != nil {
				rt.Fatal(err)
			}
		}
	}
}

// gpuPrice lets another price come into force for the GPUs of a process.
func (w *world) gpuPrice(ctx context.Context, rt *rapid.T, id cluster.ID) {
	all, err := w.db.ProcessesByCluster(ctx, id)
	if err != nil {
		rt.Fatal(err)
	}
	for _, p := range all {
		if len(p.GPUs) == 0 {
			continue
		}
		g := p.GPUs[0]
		price := cluster.GPUPrice{From: moment(rt, "from", w.now, 90), Hour: cost.Nanos(rapid.Int64Range(0, 1e10).Draw(rt, "hour")), Source: "Another list", AsOf: begin}
		if price.From.After(g.Prices[len(g.Prices)-1].From) {
			if err := w.db.AddGPUPrices(ctx, p, map[string][]cluster.GPUPrice{g.Model: {price}}, w.now); err != nil {
				rt.Fatal(err)
			}
		}
		return
	}
}

func (w *world) changeCluster(ctx context.Context, rt *rapid.T, id cluster.ID) {
	c, err := w.db.ClusterByID(ctx, id)
	if err != nil {
		rt.Fatal(err)
	}
	switch rapid.IntRange(0, 4).Draw(rt, "what") {
	case 0:
		c.Name = rapid.SampledFrom([]string{"flights", "churn"}).Draw(rt, "name")
	case 1:
		c.EndedAt, c.Status = moment(rt, "ended", w.now.Add(-time.Hour), 60), cluster.StatusStopped
	case 2, 3:
		c.EndedAt, c.Status = time.Time{}, cluster.StatusRunning
	case 4:
		c.Reason = "Nothing that costs anything."
	}
	if err := w.db.UpdateCluster(ctx, c); err != nil {
		rt.Fatal(err)
	}
}

func (w *world) post(id cluster.ID, b usage.Batch) {
	w.seq++
	b.Version, b.Seq = 1, w.seq
	if err := b.Validate(id); err != nil {
		panic(err)
	}
	payload, err := json.Marshal(b)
	if err != nil {
		panic(err)
	}
	w.waiting = append(w.waiting, usage.RawBatch{
		ClusterID: id, ProcessID: b.Process, Kind: b.Kind, Epoch: b.Epoch, Seq: b.Seq, Payload: payload,
	})
}

// work makes a report of a worker. It names submissions and origins that may not be known yet, of work that began no earlier than they were told of.
func (w *world) work(rt *rapid.T, id cluster.ID) {
	late := rapid.SampledFrom([]int{60, 60, 400}).Draw(rt, "late") // most reports come soon
	from := moment(rt, "from", w.now.Add(-time.Duration(late)*time.Minute), late)
	to := from.Add(time.Duration(rapid.Int64Range(1, 100*60e6).Draw(rt, "micros")) * time.Microsecond)
	b := usage.Batch{
		Kind: usage.KindWorker, Process: processID(id, rapid.IntRange(1, processes-1).Draw(rt, "process")), Epoch: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "epoch"),
		Final: rapid.IntRange(0, 4).Draw(rt, "final") == 0, Threads: 2, T0Micros: from.UnixMicro(), T1Micros: to.UnixMicro(),
		Strings: []string{"read", "merge", "read-5e1f0cab"}, Idle: map[string]int64{},
		Files: []usage.File{{Path: "/home/ana/flights.py", Class: "u"}}, Frames: []usage.Frame{{File: 0, Function: 0, Line: 7}}, Stacks: [][]int{{0}, {}},
	}
	known := int64(0)
	for _, at := range w.born[id] {
		if !at.After(from) {
			known++
		}
	}
	left := b.Threads * (b.T1Micros - b.T0Micros)
	for range rapid.IntRange(0, 3).Draw(rt, "rows") {
		slot := rapid.Int64Range(0, left).Draw(rt, "slot")
		left -= slot
		row := usage.LedgerRow{
			Submission: rapid.Int64Range(0, known).Draw(rt, "submission"), Origin: rapid.Int64Range(0, known).Draw(rt, "origin"), Prefix: rapid.IntRange(0, 1).Draw(rt, "prefix"),
			SlotMicros: slot, ThreadMicros: rapid.Int64Range(0, slot).Draw(rt, "thread"),
		}
		b.Ledger = append(b.Ledger, row)
		if rapid.Bool().Draw(rt, "sampled") {
			b.Samples = append(b.Samples, usage.SampleRow{
				Submission: row.Submission, Origin: row.Origin, Prefix: row.Prefix, Stack: rapid.IntRange(0, 1).Draw(rt, "stack"), WallMicros: slot,
				CPUMicros: slot / 2, Part: 3 * rapid.IntRange(0, 1).Draw(rt, "part"),
			})
		}
	}
	if left > 0 {
		b.Idle["no_work"] = left
	}
	for i, model := range []string{"H200", "H200", "L4"} { // all clusters are on one machine
		if rapid.IntRange(0, 3).Draw(rt, "sees a GPU") == 0 {
			continue
		}
		if b.Res == nil {
			b.Res = &usage.Resources{}
		}
		observed := rapid.Int64Range(0, to.Sub(from).Microseconds()).Draw(rt, "observed")
		b.Res.GPUs = append(b.Res.GPUs, usage.GPU{
			UUID: fmt.Sprintf("GPU-%d", i), Name: model, Index: i, ObservedMicros: observed, IdleMicros: rapid.Int64Range(0, observed).Draw(rt, "idle of a GPU"),
		})
	}
	w.post(id, b)
}

// submit makes a report of a scheduler: it tells where work belongs that is sent now, or tells of older work in other words.
func (w *world) submit(rt *rapid.T, id cluster.ID) {
	at := w.now
	n := rapid.Int64Range(1, int64(len(w.born[id])+1)).Draw(rt, "submission")
	if n > int64(len(w.born[id])) {
		w.born[id] = append(w.born[id], at)
	}
	b := usage.Batch{Kind: usage.KindScheduler, Process: processID(id, 0), Epoch: "s", T0Micros: at.Add(-time.Second).UnixMicro(), T1Micros: at.UnixMicro()}
	line := func(label string) int { return rapid.IntRange(1, 3).Draw(rt, label) }
	b.Submissions = []usage.Submission{{
		ID: n, At: at, File: "/home/ana/run.py", Line: line("line"), Tags: map[string]string{"project": rapid.SampledFrom([]string{"churn", "rest"}).Draw(rt, "project")},
	}}
	b.Origins = []usage.Origin{{ID: n, File: "/home/ana/flights.py", Line: line("origin line"), Function: "main"}}
	b.Parts = []usage.Part{{Submission: n, Name: "read-5e1f0cab", Origin: rapid.Int64Range(1, n).Draw(rt, "part")}}
	w.post(id, b)
}

// arrive delivers some of the reports that are on their way, in any order, some of them twice.
func (w *world) arrive(ctx context.Context, rt *rapid.T) {
	if len(w.waiting) == 0 {
		return
	}
	order := make([]int, len(w.waiting))
	for i := range order {
		order[i] = i
	}
	order = rapid.Permutation(order).Draw(rt, "order")[:rapid.IntRange(1, len(order)).Draw(rt, "number")]
	batches := make([]usage.RawBatch, len(order))
	for i, n := range order {
		batches[i] = w.waiting[n]
		batches[i].ReceivedAt = w.now
	}
	if _, err := w.db.AppendBatches(ctx, batches); err != nil {
		rt.Fatal(err)
	}
	if rapid.Bool().Draw(rt, "once more") {
		return // the acknowledgement was lost, so they come again
	}
	w.waiting = slices.DeleteFunc(w.waiting, func(raw usage.RawBatch) bool {
		return slices.ContainsFunc(batches, func(b usage.RawBatch) bool { return b.Seq == raw.Seq })
	})
}

// multiset counts facts.
func multiset(facts []spend.Fact) map[spend.Fact]int {
	counts := map[spend.Fact]int{}
	for _, f := range facts {
		f.Start = f.Start.UTC()
		counts[f]++
	}
	return counts
}

// wantSame fails where two lists do not hold the same facts.
func wantSame(t *rapid.T, what string, got, want []spend.Fact) {
	t.Helper()
	have := multiset(got)
	for f, n := range multiset(want) {
		if have[f] != n {
			t.Errorf("%s: %d times, want %d: %+v", what, have[f], n, f)
		}
		delete(have, f)
	}
	for f, n := range have {
		t.Errorf("%s: %d times, want none: %+v", what, n, f)
	}
	if t.Failed() {
		t.FailNow()
	}
}

var _ segment.Bills = (*world)(nil)

// report delivers a worker's report of work on one line, and folds it.
func (w *world) report(t testing.TB, from time.Time, length time.Duration) {
	t.Helper()
	ctx := t.Context()
	for at := from; at.Before(from.Add(length)); at = at.Add(30 * time.Minute) {
		until := at.Add(30 * time.Minute)
		slot := 2 * until.Sub(at).Microseconds()
		w.post("cl_0", usage.Batch{
			Kind: usage.KindWorker, Process: processID("cl_0", 1), Epoch: "a", Threads: 2, T0Micros: at.UnixMicro(), T1Micros: until.UnixMicro(),
			Strings: []string{"read"}, Idle: map[string]int64{"no_work": slot / 4}, Files: []usage.File{{Path: "/home/ana/flights.py", Class: "u"}},
			Frames: []usage.Frame{{File: 0, Function: 0, Line: 7}}, Stacks: [][]int{{0}},
			Ledger:  []usage.LedgerRow{{Prefix: 0, SlotMicros: slot - slot/4, ThreadMicros: slot / 2}},
			Samples: []usage.SampleRow{{Prefix: 0, Stack: 0, WallMicros: slot - slot/4, CPUMicros: slot / 2}},
		})
	}
	for i := range w.waiting {
		w.waiting[i].ReceivedAt = w.now
	}
	_, err := w.db.AppendBatches(ctx, w.waiting)
	must(t, err)
	w.waiting = nil
	must(t, w.folder().FoldAll(ctx, ""))
}
