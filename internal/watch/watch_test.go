package watch_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/dask"
	"github.com/lineitem/lineitem/internal/ingest"
	"github.com/lineitem/lineitem/internal/watch"
)

const clusterID cluster.ID = "cl_1"

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func newObserver() *watch.Observer {
	n := 0
	return watch.New(watch.Config{
		Cluster: string(clusterID), Process: string(clusterID) + "-scheduler-1", Address: "tcp://10.0.0.4:8786",
		Versions: dask.Versions{Python: "3.11.7", Dask: "2026.8.0", Distributed: "2026.8.0"},
		Epoch:    func() string { n++; return fmt.Sprintf("epoch-%d", n) },
	})
}

// decode reads batches as the server does, and lets it refuse them as it would.
func decode(t *testing.T, payloads [][]byte) []*usage.Batch {
	t.Helper()
	out := make([]*usage.Batch, len(payloads))
	for i, p := range payloads {
		if len(p) > 1<<20 {
			t.Errorf("a batch has %d bytes", len(p))
		}
		b, err := ingest.Decode(p)
		if err == nil {
			err = b.Validate(clusterID)
		}
		if err != nil {
			t.Fatalf("the server refuses batch %d: %v", i, err)
		}
		out[i] = b
	}
	return out
}

func busyWorker(name string, threads int64) dask.Worker {
	return dask.Worker{
		Address: "tcp://" + name, Name: name, Host: "10.0.0.5", Threads: threads, MemoryLimit: 4e9, Status: "running", RSSBytes: 1e9, ManagedBytes: 7, SpilledBytes: 3,
	}
}

func standing(key dask.Key, file string, line int) dask.Running {
	return dask.Running{Key: key, Frames: []dask.Frame{
		{File: "/usr/lib/python3.11/threading.py", Line: 1002, Function: "_bootstrap"},
		{File: "/env/lib/python3.11/site-packages/distributed/worker.py", Line: 2785, Function: "_run_task"},
		{File: "/env/lib/python3.11/site-packages/distributed/worker.py", Line: 2821, Function: "_run_task_simple"},
		{File: "/env/lib/python3.11/site-packages/dask/_task_spec.py", Line: 768, Function: "__call__"},
		{File: file, Line: line, Function: "clean"},
		{File: "/env/lib/python3.11/site-packages/pandas/core/frame.py", Line: 12, Function: "apply"},
	}}
}

// run lets polls follow each other a second apart. Each moves the heartbeats on, unless it says otherwise.
func run(o *watch.Observer, from time.Time, polls ...watch.Poll) time.Time {
	for _, p := range polls {
		p.At = from
		for i := range p.Identity.Workers {
			if w := &p.Identity.Workers[i]; w.LastSeen == 0 {
				w.LastSeen = float64(from.Unix())
			}
		}
		if p.Stacks != nil {
			p.StacksAt = from
		}
		o.Look(p)
		from = from.Add(time.Second)
	}
	return from
}

func identity(workers ...dask.Worker) dask.Identity {
	return dask.Identity{ID: "Scheduler-1", Workers: workers, Services: map[string]int64{"dashboard": 8787}}
}

// workerBatch returns the only batch of a worker.
func workerBatch(t *testing.T, batches []*usage.Batch) *usage.Batch {
	t.Helper()
	var found *usage.Batch
	for _, b := range batches {
		if b.Kind == usage.KindWorker {
			if found != nil {
				t.Fatal("there are several batches of workers")
			}
			found = b
		}
	}
	if found == nil {
		t.Fatal("there is no batch of a worker")
	}
	return found
}

func TestATaskOnOneOfTwoThreads(t *testing.T) {
	t.Parallel()
	o := newObserver()
	w := busyWorker("w/1", 2)
	w.Executing, w.CPU = 1, 150
	p := watch.Poll{
		Identity: identity(w), Processing: map[string][]dask.Key{w.Address: {[]any{"clean-0123abcd", int64(3)}}},
		Stacks: map[string][]dask.Running{w.Address: {standing([]any{"clean-0123abcd", int64(3)}, "/home/ana/flights.py", 14)}},
		States: map[string]map[string]int64{"clean": {"processing": 1, "memory": 5, "waiting": 2, "erred": 1}},
	}
	run(o, noon, p, p, p, p)
	batches := decode(t, o.Flush(true))
	b := workerBatch(t, batches)
	if b.Method != usage.MethodSampled || b.Threads != 2 || b.T0Micros != noon.UnixMicro() || b.T1Micros != noon.Add(3*time.Second).UnixMicro() || !b.Final {
		t.Errorf("batch = %+v", b)
	}
	if len(b.Ledger) != 1 || b.Strings[b.Ledger[0].Prefix] != "clean" || b.Ledger[0].SlotMicros != 3e6 || b.Ledger[0].ThreadMicros != 3e6 || b.Ledger[0].NativeMicros != 15e5 {
		t.Errorf("ledger = %+v of %v", b.Ledger, b.Strings)
	}
	if b.Idle["no_work"] != 15e5 || len(b.Idle) != 1 {
		t.Errorf("idle = %v", b.Idle)
	}
	if len(b.Samples) != 1 || b.Samples[0].WallMicros != 3e6 || b.Samples[0].CPUMicros != 3e6 || len(b.Stacks) != 1 || len(b.Stacks[0]) != 3 {
		t.Fatalf("samples = %+v, stacks %v", b.Samples, b.Stacks)
	}
	user := b.Frames[b.Stacks[0][1]]
	if f := b.Files[user.File]; f.Path != "/home/ana/flights.py" || f.Class != "u" || user.Line != 14 || b.Strings[user.Function] != "clean" {
		t.Errorf("the frame of user code: %+v in %+v", user, f)
	}
	s := batches[len(batches)-1] // the last word comes last
	if s.Kind != usage.KindScheduler || !s.Final || len(s.Workers) != 1 || s.Gauges.InMemory != 5 || s.Gauges.Processing != 1 || s.Gauges.Threads != 2 || s.Gauges.Erred != 1 {
		t.Fatalf("scheduler = %+v, %+v", s, s.Gauges)
	}
	row := s.Workers[0]
	if row.Process != b.Process || !strings.HasPrefix(string(row.Process), "cl_1-w-1-") || row.Name != "w/1" || row.Threads != 2 || row.MemoryBytes != 4e9 ||
		!row.StartedAt.Equal(noon) || !row.EndedAt.IsZero() {
		t.Errorf("row = %+v", row)
	}
	if c := s.Cluster; c.Deployment != "manual" || c.DashboardURL != "http://10.0.0.4:8787/status" || c.Distributed != "2026.8.0" {
		t.Errorf("cluster = %+v", c)
	}
}

// What each situation counts as: dask's own idle clock is wrong about most of them.
func TestSituations(t *testing.T) {
	t.Parallel()
	key := dask.Key("clean-1")
	other := busyWorker("other", 1)
	type want struct{ prefix, idle string }
	for name, c := range map[string]struct {
		change func(w *dask.Worker, p *watch.Poll)
		want   want
	}{
		"nothing to do":                  {func(*dask.Worker, *watch.Poll) {}, want{"", "holding"}},
		"nothing to do and nothing kept": {func(w *dask.Worker, _ *watch.Poll) { w.ManagedBytes = 0 }, want{"", "no_work"}},
		"seceded": {func(w *dask.Worker, p *watch.Poll) {
			w.LongRunning = 1
			p.Processing[w.Address] = []dask.Key{key}
		}, want{"clean", "no_work"}},
		"an actor's method": {func(w *dask.Worker, p *watch.Poll) {
			p.Stacks = map[string][]dask.Running{w.Address: {standing("Counter.work", "/home/ana/a.py", 3)}}
		}, want{"Counter.work", "no_work"}},
		"an asynchronous actor": {func(w *dask.Worker, _ *watch.Poll) { w.CPU = 90 }, want{watch.PrefixEventLoop, "no_work"}},
		"client.run":            {func(w *dask.Worker, _ *watch.Poll) { w.LastSeen = 1 }, want{watch.PrefixBlocked, "no_work"}},
		"blocked by its task": {func(w *dask.Worker, p *watch.Poll) {
			w.LastSeen = 1
			p.Processing[w.Address] = []dask.Key{key}
		}, want{"clean", "no_work"}},
		"waits for data": {func(w *dask.Worker, p *watch.Poll) { p.Processing[w.Address] = []dask.Key{key} }, want{"", "waiting_data"}},
		"paused": {func(w *dask.Worker, p *watch.Poll) {
			w.Status = "paused"
			p.Processing[w.Address] = []dask.Key{key}
		}, want{"", "paused"}},
		"on its way out": {func(w *dask.Worker, _ *watch.Poll) { w.Status = "closing_gracefully" }, want{"", "closing"}},
		"work for others only": {func(_ *dask.Worker, p *watch.Poll) {
			p.Identity.Workers = append(p.Identity.Workers, other)
			p.Processing[other.Address] = []dask.Key{key, key, key}
		}, want{"", "starved"}},
	} {
		o := newObserver()
		at := noon
		for range 40 {
			w := busyWorker("w", 2)
			p := watch.Poll{Processing: map[string][]dask.Key{}, Identity: identity()}
			c.change(&w, &p)
			p.Identity.Workers = append(p.Identity.Workers, w)
			at = run(o, at, p)
		}
		o.Flush(false) // what came first is not what is meant
		for range 3 {
			w := busyWorker("w", 2)
			p := watch.Poll{Processing: map[string][]dask.Key{}, Identity: identity()}
			c.change(&w, &p)
			p.Identity.Workers = append(p.Identity.Workers, w)
			at = run(o, at, p)
		}
		for _, b := range decode(t, o.Flush(false)) {
			if b.Kind != usage.KindWorker || !strings.HasPrefix(string(b.Process), "cl_1-w-") {
				continue
			}
			got := want{}
			if len(b.Ledger) == 1 {
				got.prefix = b.Strings[b.Ledger[0].Prefix]
			}
			for reason := range b.Idle {
				got.idle += reason
			}
			if got.prefix == "" != (c.want.prefix == "") || (c.want.prefix == "" && b.Idle[c.want.idle] != 6e6) {
				t.Errorf("%s: %+v, idle %v, want %+v", name, got, b.Idle, c.want)
			}
			if c.want.prefix != "" && (got.prefix != c.want.prefix || b.Ledger[0].SlotMicros != 3e6) {
				t.Errorf("%s: %+v, want %+v", name, b.Ledger, c.want)
			}
		}
	}
}

func TestWorkersComeAndGo(t *testing.T) {
	t.Parallel()
	o := newObserver()
	a, b := busyWorker("a", 1), busyWorker("b", 1)
	at := run(o, noon, watch.Poll{Identity: identity(a)}, watch.Poll{Identity: identity(a, b)}, watch.Poll{Identity: identity(b)}, watch.Poll{Identity: identity(a, b)})
	batches := decode(t, o.Flush(false))
	var story []string
	processes := map[cluster.ProcessID]bool{}
	for _, w := range batches[0].Workers {
		processes[w.Process] = true
		story = append(story, fmt.Sprint(w.Name, " ", w.StartedAt.Sub(noon), " ", !w.EndedAt.IsZero()))
		if !w.EndedAt.IsZero() && !w.EndedAt.Equal(noon.Add(time.Second)) {
			t.Errorf("it ended at %v, and was last seen after a second", w.EndedAt)
		}
	}
	if got := strings.Join(story, ", "); got != "a 0s false, b 1s false, a 0s true, a 3s false" {
		t.Errorf("rows: %s", got)
	}
	if len(processes) != 3 {
		t.Errorf("one address, one name, two runs: %v", processes)
	}
	finals := 0
	for _, x := range batches[1:] {
		if x.Final {
			finals++
			if x.T1Micros != noon.Add(time.Second).UnixMicro() {
				t.Error("the last window ends when the worker was last seen")
			}
		}
	}
	if finals != 1 {
		t.Errorf("%d last batches", finals)
	}
	if rows := decode(t, o.Flush(false))[0].Workers; len(rows) != 0 {
		t.Errorf("rows are told twice: %v", rows)
	}
	_ = at
}

// What nobody looked at is not made up.
func TestAGapIsLeftOut(t *testing.T) {
	t.Parallel()
	o := newObserver()
	at := run(o, noon, watch.Poll{Identity: identity(busyWorker("a", 1))}, watch.Poll{Identity: identity(busyWorker("a", 1))})
	at = at.Add(time.Minute)
	run(o, at, watch.Poll{Identity: identity(busyWorker("a", 1))}, watch.Poll{Identity: identity(busyWorker("a", 1))})
	total, epochs := int64(0), map[string]bool{}
	for _, b := range decode(t, o.Flush(true)) {
		if b.Kind == usage.KindWorker {
			total += b.T1Micros - b.T0Micros
			epochs[b.Epoch] = true
		}
	}
	if total != 2e6 || len(epochs) != 2 {
		t.Errorf("%d microseconds in %d epochs", total, len(epochs))
	}
}

// TestConservation checks, over random clusters with random and hostile figures, that the server takes every batch, that windows follow each other and
// that nothing is left out or counted twice.
func TestConservation(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		o := newObserver()
		at := noon
		seen := map[cluster.ProcessID]int64{} // end of the last window
		total := map[string]int64{}           // microseconds in which a worker was there, by its address
		got := map[string]int64{}
		var before map[string]bool
		names := map[cluster.ProcessID]string{}
		for step := range 60 {
			dt := time.Duration(r.IntN(3_000_000)) * time.Microsecond
			at = at.Add(dt)
			p := watch.Poll{At: at, Processing: map[string][]dask.Key{}, StacksAt: at.Add(-time.Duration(r.IntN(5000)) * time.Millisecond)}
			if r.IntN(3) > 0 {
				p.Stacks = map[string][]dask.Running{}
			}
			now := map[string]bool{}
			for i := range 6 {
				if r.IntN(8) == 0 {
					continue
				}
				w := busyWorker(fmt.Sprint(i), int64(i%4)+1)
				w.LastSeen, w.CPU, w.Executing = float64(r.IntN(20)), r.Float64()*900, int64(r.IntN(9))
				if r.IntN(20) == 0 {
					w.CPU, w.Executing, w.RSSBytes, w.ManagedBytes = math.NaN(), -5, -1, math.MaxInt64
				}
				w.Status = []string{"running", "running", "paused", "closing"}[r.IntN(4)]
				for range r.IntN(5) {
					p.Processing[w.Address] = append(p.Processing[w.Address], fmt.Sprintf("task-%d", r.IntN(9)))
				}
				if p.Stacks != nil {
					for range r.IntN(7) {
						p.Stacks[w.Address] = append(p.Stacks[w.Address], standing(fmt.Sprintf("t%d-1", r.IntN(3)), "/home/a.py", r.IntN(5)))
					}
				}
				p.Identity.Workers = append(p.Identity.Workers, w)
				now[w.Address] = true
				if before[w.Address] {
					total[w.Address] += dt.Microseconds() * w.Threads
				}
			}
			before = now
			o.Look(p)
			if step%5 != 4 {
				continue
			}
			batches := decode(t, o.Flush(step == 59))
			for _, b := range batches {
				for _, w := range b.Workers {
					names[w.Process] = w.Name
				}
			}
			for _, b := range batches {
				if b.Kind != usage.KindWorker {
					continue
				}
				if end, ok := seen[b.Process]; ok && end != b.T0Micros {
					t.Fatalf("seed %d: a window begins at %d, the last one ended at %d", seed, b.T0Micros, end)
				}
				seen[b.Process] = b.T1Micros
				got["tcp://"+names[b.Process]] += (b.T1Micros - b.T0Micros) * b.Threads
			}
		}
		for address, want := range total {
			if got[address] != want {
				t.Errorf("seed %d: %s accounts for %d of %d", seed, address, got[address], want)
			}
		}
	}
}

// A worker with very many different stacks loses the lightest ones, never its time.
func TestLargeBatchesLoseStacksOnly(t *testing.T) {
	t.Parallel()
	o := newObserver()
	at := noon
	for i := range 4 {
		w := busyWorker("big", 1000)
		stacks := make([]dask.Running, 1000)
		for j := range stacks {
			frames := make([]dask.Frame, 150)
			for k := range frames {
				frames[k] = dask.Frame{File: fmt.Sprintf("/home/ana/%d/%d.py", i, k), Line: j*1000 + k, Function: "f"}
			}
			stacks[j] = dask.Running{Key: "x", Frames: frames}
		}
		at = run(o, at, watch.Poll{Identity: identity(w), Stacks: map[string][]dask.Running{w.Address: stacks}})
	}
	b := workerBatch(t, decode(t, o.Flush(false)))
	if len(b.Samples) == 0 || b.Ledger[0].SlotMicros != 3000e6 {
		t.Errorf("%d samples, %+v", len(b.Samples), b.Ledger)
	}
}

func TestNamesOfFiles(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("é", 500) + ".py"
	for file, want := range map[string]usage.File{
		"/home/ana/flights.py":                              {Path: "/home/ana/flights.py", Class: "u"},
		"/tmp/ipykernel_4711/1234567.py":                    {Path: "cell:1234567", Class: "u"},
		"<ipython-input-3-abc123>":                          {Path: "cell:abc123", Class: "u"},
		"<stdin>":                                           {Path: "<stdin>", Class: "u"},
		"<frozen importlib._bootstrap>":                     {Path: "<frozen importlib._bootstrap>", Class: "s"},
		"<__array_function__ internals>":                    {Path: "<__array_function__ internals>", Class: "p"},
		"/usr/lib/python3.11/json/decoder.py":               {Path: "/usr/lib/python3.11/json/decoder.py", Class: "s"},
		"/usr/lib/python3/dist-packages/yaml.py":            {Path: "/usr/lib/python3/dist-packages/yaml.py", Class: "p"},
		`C:\env\Lib\site-packages\pandas\io.py`:             {Path: `C:\env\Lib\site-packages\pandas\io.py`, Class: "p"},
		"/src/distributed/distributed/utils.py":             {Path: "/src/distributed/distributed/utils.py", Class: "p"},
		"/env/lib/python3.11/site-packages/numpy/random.py": {Path: "/env/lib/python3.11/site-packages/numpy/random.py", Class: "p"},
		long: {Path: "…" + strings.Repeat("é", 296) + ".py", Class: "u"},
	} {
		o := newObserver()
		w := busyWorker("a", 1)
		p := watch.Poll{Identity: identity(w), Stacks: map[string][]dask.Running{w.Address: {standing("x", file, 1)}}}
		run(o, noon, p, p)
		b := workerBatch(t, decode(t, o.Flush(false)))
		if got := b.Files[b.Frames[b.Stacks[0][1]].File]; got != want {
			t.Errorf("%s: %+v, want %+v", file, got, want)
		}
	}
}

// The text of lines that were seen comes along, where the server wants it.
func TestLinesOfSource(t *testing.T) {
	t.Parallel()
	o := newObserver()
	w := busyWorker("a", 2)
	frames := func(file string, line int, text string) dask.Running {
		r := standing("x", file, line)
		r.Frames[4].Text = text
		r.Frames[5].Text = "a package's line"
		return r
	}
	p := watch.Poll{Identity: identity(w), Stacks: map[string][]dask.Running{w.Address: {
		frames("/home/a.py", 3, "x = f(y)"), frames("/home/a.py", 5, "return x"), frames("/tmp/ipykernel_1/99.py", 1, "cell"), frames("/home/b.py", 1, "import c"),
	}}}
	at := run(o, noon, p, p)
	for _, b := range decode(t, o.Flush(false)) {
		if b.Kind == usage.KindSource {
			t.Errorf("told unasked: %+v", b)
		}
	}
	o.SourceText(true)
	at = run(o, at, p)
	got := map[string]string{}
	for _, b := range decode(t, o.Flush(false)) {
		if b.Kind == usage.KindSource {
			got[b.File] = b.Text
		}
	}
	if len(got) != 2 || !strings.HasPrefix(got["/home/a.py"], "# ") || !strings.HasSuffix(got["/home/a.py"], "known.\n\nx = f(y)\n\nreturn x\n") || got["/home/b.py"] != "import c\n" {
		t.Errorf("sources: %q", got)
	}
	run(o, at, p)
	for _, b := range decode(t, o.Flush(true)) {
		if b.Kind == usage.KindSource {
			t.Errorf("told twice: %+v", b)
		}
	}
}
