package watch

import (
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/lineitem/lineitem/internal/dask/msgpack"
)

// workerRow is what the scheduler's batches say about a worker.
type workerRow struct {
	process, name, host string
	threads, memory     int64
	started, ended      time.Time
}

// clusterRow is what they say about the cluster.
type clusterRow struct {
	deployment, address, dashboard, host string
}

// tables number the texts, files and frames of a batch.
type tables struct {
	strings, files, frames, stacks []any
	stringIDs                      map[string]int
	fileIDs                        map[string]int
	frameIDs                       map[frame]int
	stackIDs                       map[string]int
}

func newTables() *tables {
	return &tables{
		strings: []any{}, files: []any{}, frames: []any{}, stacks: []any{},
		stringIDs: map[string]int{}, fileIDs: map[string]int{}, frameIDs: map[frame]int{}, stackIDs: map[string]int{},
	}
}

func (t *tables) text(s string) int {
	id, ok := t.stringIDs[s]
	if !ok {
		id = len(t.strings)
		t.stringIDs[s] = id
		t.strings = append(t.strings, s)
	}
	return id
}

func (t *tables) frame(f frame) int {
	id, ok := t.frameIDs[f]
	if ok {
		return id
	}
	file, ok := t.fileIDs[f.file]
	if !ok {
		file = len(t.files)
		t.fileIDs[f.file] = file
		t.files = append(t.files, []any{f.file, f.class})
	}
	id = len(t.frames)
	t.frameIDs[f] = id
	t.frames = append(t.frames, []any{file, t.text(f.function), f.line})
	return id
}

func (t *tables) stack(key string, frames []frame) int {
	id, ok := t.stackIDs[key]
	if ok {
		return id
	}
	stack := make([]any, len(frames))
	for i, f := range frames {
		stack[i] = t.frame(f)
	}
	id = len(t.stacks)
	t.stackIDs[key] = id
	t.stacks = append(t.stacks, stack)
	return id
}

// encode writes the batch of the open window with its heaviest samples.
func (w *worker) encode(final bool, samples int) []byte {
	t := newTables()
	ledger, rows := []any{}, []any{}
	for _, prefix := range slices.Sorted(maps.Keys(w.ledger)) {
		e := w.ledger[prefix]
		// Nobody outside sees how a slot's time splits into the thread's and Dask's own, so all of it is the thread's.
		ledger = append(ledger, []any{0, t.text(prefix), e.slot, e.slot, 0, 0, 0, e.native})
	}
	for _, key := range w.heaviest(samples) {
		s := w.samples[key]
		rows = append(rows, []any{0, t.text(key.prefix), t.stack(key.stack, s.frames), s.wall, s.cpu, 0, 0})
	}
	idle := msgpack.Map{}
	for _, reason := range slices.Sorted(maps.Keys(w.idle)) {
		idle = append(idle, msgpack.Pair{Key: reason, Value: w.idle[reason]})
	}
	return msgpack.Append(nil, msgpack.Map{
		{Key: "v", Value: 1},
		{Key: "kind", Value: "worker"},
		{Key: "process", Value: w.process},
		{Key: "epoch", Value: w.epoch},
		{Key: "seq", Value: w.seq},
		{Key: "final", Value: final},
		{Key: "method", Value: "sampled"},
		{Key: "t0_us", Value: w.from.UnixMicro()},
		{Key: "t1_us", Value: w.to.UnixMicro()},
		{Key: "nthreads", Value: w.threads},
		{Key: "strings", Value: t.strings},
		{Key: "files", Value: t.files},
		{Key: "frames", Value: t.frames},
		{Key: "stacks", Value: t.stacks},
		{Key: "ledger", Value: ledger},
		{Key: "samples", Value: rows},
		{Key: "idle", Value: idle},
		{Key: "res", Value: w.resources()},
		{Key: "health", Value: msgpack.Map{
			{Key: "ticks", Value: w.polls}, {Key: "max_gap_us", Value: w.longest.Microseconds()}, {Key: "dropped", Value: w.dropped + int64(len(w.samples)-samples)},
		}},
	})
}

// resources tells what is known; the rest is absent.
func (w *worker) resources() msgpack.Map {
	out := msgpack.Map{}
	for _, r := range []struct {
		name  string
		value int64
	}{
		{"rss_bytes", w.seen.RSSBytes},
		{"rss_peak_bytes", max(w.rssPeak, w.seen.RSSBytes)},
		{"managed_bytes", w.seen.ManagedBytes},
		{"spilled_bytes", w.seen.SpilledBytes},
		{"memory_limit_bytes", w.seen.MemoryLimit},
		{"cpu_us", w.cpu},
	} {
		if r.value > 0 {
			out = append(out, msgpack.Pair{Key: r.name, Value: count(r.value)})
		}
	}
	return out
}

// Flush returns the batches of all windows, and opens new ones. The last call says that it is final.
func (o *Observer) Flush(final bool) [][]byte {
	if o.at.IsZero() {
		return nil // nothing was ever seen
	}
	out := o.gone
	o.gone = nil
	for _, address := range slices.Sorted(maps.Keys(o.workers)) {
		if b := o.workers[address].flush(final); b != nil {
			out = append(out, b)
		}
	}
	// The scheduler's comes first but for its last one, which ends the cluster: what is told after it comes too late.
	out = append(out, o.sourceBatches(final)...)
	if final {
		return append(out, o.scheduler(true))
	}
	return append([][]byte{o.scheduler(false)}, out...)
}

// Rows of a batch about the scheduler are bounded; a cluster of ten thousand workers needs several.
const maxRows = 2000

func (o *Observer) scheduler(final bool) []byte {
	workers := []any{}
	sent := min(len(o.rows), maxRows)
	for _, r := range o.rows[:sent] {
		workers = append(workers, msgpack.Map{
			{Key: "process", Value: r.process},
			{Key: "name", Value: r.name},
			{Key: "host", Value: r.host},
			{Key: "nthreads", Value: r.threads},
			{Key: "memory_bytes", Value: r.memory},
			{Key: "started_us", Value: microsOf(r.started)},
			{Key: "ended_us", Value: microsOf(r.ended)},
			{Key: "reason", Value: ""},
			{Key: "lost_tasks", Value: 0},
		})
	}
	o.rows = slices.Clone(o.rows[sent:])
	b := msgpack.Map{
		{Key: "v", Value: 1},
		{Key: "kind", Value: "scheduler"},
		{Key: "process", Value: o.cfg.Process},
		{Key: "epoch", Value: o.epoch},
		{Key: "seq", Value: o.seq},
		{Key: "final", Value: final},
		{Key: "t0_us", Value: o.from.UnixMicro()},
		{Key: "t1_us", Value: o.at.UnixMicro()},
		{Key: "workers", Value: workers},
		{Key: "gauges", Value: o.gauges()},
	}
	if row := o.cluster(); row != o.told {
		o.told = row
		b = append(b, msgpack.Pair{Key: "cluster", Value: msgpack.Map{
			{Key: "deployment", Value: row.deployment},
			{Key: "scheduler_address", Value: row.address},
			{Key: "dashboard", Value: row.dashboard},
			{Key: "host", Value: row.host},
			{Key: "user", Value: ""},
			{Key: "python", Value: o.cfg.Versions.Python},
			{Key: "dask", Value: o.cfg.Versions.Dask},
			{Key: "distributed", Value: o.cfg.Versions.Distributed},
		}})
	}
	o.seq++
	o.from = o.at
	return msgpack.Append(nil, b)
}

func microsOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// gauges counts what the last poll showed. Clients, and tasks that are queued, a scheduler does not tell.
func (o *Observer) gauges() msgpack.Map {
	g := map[string]int64{}
	for _, w := range o.last.Identity.Workers {
		g["workers"]++
		g["threads"] += min(count(w.Threads), maxThreads)
		g["managed_bytes"] += count(w.ManagedBytes)
		g["spilled_bytes"] += count(w.SpilledBytes)
		g["processing"] += int64(len(o.last.Processing[w.Address]))
	}
	for _, states := range o.last.States {
		g["waiting"] += count(states["waiting"])
		g["in_memory"] += count(states["memory"])
		g["erred"] += count(states["erred"])
	}
	out := msgpack.Map{}
	for _, name := range []string{
		"workers", "threads", "clients", "processing", "queued", "waiting", "no_worker", "in_memory", "erred", "managed_bytes", "spilled_bytes",
	} {
		out = append(out, msgpack.Pair{Key: name, Value: count(g[name])})
	}
	return out
}

// jobqueue is how dask-jobqueue names its workers.
var jobqueue = regexp.MustCompile(`^(SLURM|PBS|SGE|LSF|HTCondor|Moab|OAR)Cluster-`)

// cluster describes the cluster as it looks from outside.
func (o *Observer) cluster() clusterRow {
	row := clusterRow{deployment: "manual", address: o.cfg.Address}
	for _, w := range o.last.Identity.Workers {
		if jobqueue.MatchString(w.Name) {
			row.deployment = "jobqueue"
		}
	}
	u, err := url.Parse(o.cfg.Address)
	if err != nil {
		return row
	}
	row.host = u.Hostname()
	if port := o.last.Identity.Services["dashboard"]; port > 0 && port < 1<<16 {
		row.dashboard = "http://" + net.JoinHostPort(row.host, strconv.FormatInt(port, 10)) + "/status"
	}
	return row
}
