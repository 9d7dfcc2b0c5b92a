// Package watch turns what a scheduler answers, about once a second, into telemetry of the same form that an agent inside the cluster sends
// (docs/telemetry.md), with the method "sampled". Polls go in, batches come out: nothing here asks, waits or posts. Slots are an estimate, since
// between two looks everything is taken to be as the later one saw it; that they and the idle time add up to what was paid for is exact.
package watch

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/dask"
)

// Poll is what a scheduler said at one moment of the observer's clock. The clock never runs backwards.
type Poll struct {
	At       time.Time
	Identity dask.Identity
	// Processing holds the tasks that each worker was given; nil if that was not asked.
	Processing map[string][]dask.Key
	// Stacks are where threads stood, and StacksAt when; nil if they were not asked, or the answer is still to come.
	Stacks   map[string][]dask.Running
	StacksAt time.Time
	// States counts tasks by prefix and state; nil if that was not asked.
	States map[string]map[string]int64
}

// Config is what an Observer works with.
type Config struct {
	// Cluster and Process are the ids that the server gave to the cluster and its scheduler.
	Cluster, Process string
	// Epoch returns a new random id of at most 64 characters.
	Epoch func() string
	// Address is how the scheduler was reached, Versions what it runs on.
	Address  string
	Versions dask.Versions
}

const (
	// maxGap is how long two polls may lie apart. What was in between is not known then, and nobody makes it up.
	maxGap = 10 * time.Second
	// stackHold is how long stacks hold at least.
	stackHold = 2 * time.Second
	// busyCPU is the CPU, in percent of a core, above which a worker without a task works on something: an asynchronous actor, a coroutine.
	busyCPU = 50
	// busyPolls is how many figures in a row must say so.
	busyPolls = 3
	// maxThreads bounds what a worker may claim to have, as the server does.
	maxThreads = 4096
	maxName    = 60
)

// Prefixes of work that is in no task's name.
const (
	PrefixBlocked   = "Client.run" // the event loop does not answer and no task is known: somebody runs something on it
	PrefixEventLoop = "(event loop)"
)

// Observer accounts for the thread-time of a cluster's workers.
type Observer struct {
	cfg     Config
	epoch   string // of the scheduler's own batches
	seq     int64
	from    time.Time // start of the scheduler's window
	at      time.Time // the last poll
	last    Poll
	workers map[string]*worker
	rows    []workerRow // about workers that came or went since the last batch
	gone    [][]byte    // last batches of workers that went
	told    clusterRow  // the last one sent
	runs    map[string]int

	sources    sources
	sourceText bool
}

// New makes an Observer.
func New(cfg Config) *Observer {
	return &Observer{cfg: cfg, epoch: cfg.Epoch(), workers: map[string]*worker{}, runs: map[string]int{}}
}

// Look takes a poll into account.
func (o *Observer) Look(p Poll) {
	p.At = p.At.Truncate(time.Microsecond)
	if o.at.IsZero() {
		o.from, o.at = p.At, p.At
	}
	if !p.At.After(o.at) && len(o.workers) > 0 {
		return // the clock stands still: there is nothing to account for
	}
	if p.At.Sub(o.at) > maxGap {
		o.skip(p.At)
	}
	starved := o.waitingSomewhere(p)
	present := map[string]bool{}
	for _, w := range p.Identity.Workers {
		if present[w.Address] {
			continue
		}
		present[w.Address] = true
		known, ok := o.workers[w.Address]
		if !ok {
			o.workers[w.Address] = o.arrive(w, p.At)
			continue
		}
		known.look(p, w, o.state(p, known, w, starved))
	}
	for _, address := range slices.Sorted(maps.Keys(o.workers)) {
		if !present[address] {
			o.leave(o.workers[address], o.at)
			delete(o.workers, address)
		}
	}
	o.at, o.last = p.At, p
}

// skip leaves out the time since the last poll: windows end where it was, and new ones begin.
func (o *Observer) skip(now time.Time) {
	for _, address := range slices.Sorted(maps.Keys(o.workers)) {
		w := o.workers[address]
		if b := w.flush(false); b != nil {
			o.gone = append(o.gone, b)
		}
		w.restart(o.cfg.Epoch(), now)
	}
}

// arrive begins the account of a worker. It counts from when it was first seen.
func (o *Observer) arrive(w dask.Worker, at time.Time) *worker {
	o.runs[w.Address]++
	a := &worker{
		process: o.processID(w, o.runs[w.Address]), threads: min(max(w.Threads, 1), maxThreads),
		heartbeat: w.LastSeen, heartbeatAt: at,
	}
	a.restart(o.cfg.Epoch(), at)
	a.seen = w
	row := workerRow{process: a.process, name: cut(w.Name), host: cut(w.Host), threads: a.threads, memory: count(w.MemoryLimit), started: at}
	a.row = row
	o.rows = append(o.rows, row)
	return a
}

// leave ends the account of a worker at the last poll that saw it.
func (o *Observer) leave(w *worker, at time.Time) {
	if b := w.flush(true); b != nil {
		o.gone = append(o.gone, b)
	}
	w.row.ended = at
	o.rows = append(o.rows, w.row)
}

var notInID = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

// processID names a worker as docs/telemetry.md says. A scheduler does not tell Dask's own id of a worker, so a hash of its address and of how many workers
// have had that address takes its place.
func (o *Observer) processID(w dask.Worker, run int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s#%d#%s", w.Address, run, o.epoch))
	name := notInID.ReplaceAllString(w.Name, "-")
	return o.cfg.Cluster + "-" + name[:min(len(name), maxName)] + "-" + hex.EncodeToString(sum[:4])
}

// waitingSomewhere returns the number of tasks that have been given to a worker without a free slot for them.
func (o *Observer) waitingSomewhere(p Poll) int64 {
	waiting := int64(0)
	for _, w := range p.Identity.Workers {
		waiting += max(int64(len(p.Processing[w.Address]))-w.Threads, 0)
	}
	return waiting
}

// state says what a worker does, as far as a poll tells.
func (o *Observer) state(p Poll, known *worker, w dask.Worker, waiting int64) state {
	keys := p.Processing[w.Address]
	blocked := known.beat(p.At, w, blockedAfter(len(p.Identity.Workers)))
	var s state
	hold := max(stackHold, StackEvery(len(p.Identity.Workers))*3/2)
	fresh := p.Stacks != nil && p.At.Sub(p.StacksAt) <= hold
	switch {
	case fresh:
		for _, r := range p.Stacks[w.Address] {
			s.items = append(s.items, item{prefix: prefixOf(r.Key), stack: taskFrames(r.Frames)})
			o.sources.see(r.Frames)
		}
	case blocked && len(keys) == 0:
		s.items = []item{{prefix: PrefixBlocked}}
	default:
		running := w.Executing + w.LongRunning
		if blocked {
			running = max(running, 1)
		}
		for _, k := range keys[:min(int64(len(keys)), max(running, 0))] {
			s.items = append(s.items, item{prefix: prefixOf(k)})
		}
	}
	if len(s.items) == 0 && known.busy >= busyPolls {
		s.items = []item{{prefix: PrefixEventLoop}}
	}
	slices.SortStableFunc(s.items, func(a, b item) int { return cmp.Compare(a.prefix, b.prefix) })
	s.cpu = cores(w.CPU)
	switch {
	case w.Status == "paused":
		s.idle = idlePaused
	case strings.HasPrefix(w.Status, "clos"):
		s.idle = idleClosing
	case len(keys) > len(s.items):
		s.idle = idleWaitingData
	case waiting > 0:
		s.idle = idleStarved
	case w.ManagedBytes > 0 && len(s.items) == 0:
		s.idle = idleHolding
	default:
		s.idle = idleNoWork
	}
	return s
}

// Reasons to be idle; docs/glossary.md explains them.
const (
	idleNoWork, idleStarved, idleWaitingData, idlePaused, idleHolding, idleClosing = "no_work", "starved", "waiting_data", "paused", "holding", "closing"
)

// stacksAtOnce is how many workers may be asked for their stacks in a second.
const stacksAtOnce = 50

// StackEvery is how often the stacks of so many workers are to be asked for: the scheduler asks each of them. So long, and half as long again, stacks hold.
func StackEvery(workers int) time.Duration {
	return max(time.Second, time.Duration(workers)*time.Second/stacksAtOnce)
}

// blockedAfter is how long a worker may send no heartbeat before it counts as blocked: Dask lets them come less often on large clusters.
func blockedAfter(workers int) time.Duration {
	switch {
	case workers < 50:
		return 3 * time.Second
	case workers < 200:
		return 6 * time.Second
	default:
		return 15 * time.Second
	}
}

func prefixOf(k dask.Key) string { return cut(dask.Prefix(k)) }

// cores turns percent into cores; what is no number is none.
func cores(percent float64) float64 {
	if !(percent > 0) {
		return 0
	}
	return min(percent/100, maxThreads)
}

// maxCount bounds what a stranger may count.
const maxCount = 1 << 50

func count(n int64) int64 { return min(max(n, 0), maxCount) }

// maxText bounds every text of a batch.
const maxText = 300

// cut bounds a text without cutting a character in two.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}
