package watch

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/dask"
)

// state is what a worker does from one poll to the next.
type state struct {
	// items are what runs on its threads.
	items []item
	// cpu is in cores.
	cpu float64
	// idle is why the other threads do nothing.
	idle string
}

// item is one thread at work; its stack is empty where it is not known.
type item struct {
	prefix string
	stack  []frame
}

// worker is the account of one worker: of the window that is open.
type worker struct {
	process, epoch string
	seq, threads   int64
	row            workerRow
	seen           dask.Worker
	// heartbeat is the last one's time by the scheduler's clock, heartbeatAt when it was first seen by ours; busy counts figures in a row that show
	// much CPU.
	heartbeat   float64
	heartbeatAt time.Time
	busy        int

	from, to time.Time
	ledger   map[string]*entry
	samples  map[sampleKey]*sample
	idle     map[string]int64
	cpu      int64 // microseconds
	rssPeak  int64
	polls    int64
	longest  time.Duration
	dropped  int64
}

type entry struct {
	slot, native int64
}

type sampleKey struct {
	prefix, stack string
}

type sample struct {
	frames    []frame
	wall, cpu int64
}

// maxSamples bounds the stacks of a window.
const maxSamples = 5000

// restart begins a first window.
func (w *worker) restart(epoch string, at time.Time) {
	w.epoch, w.seq = epoch, 0
	w.open(at)
}

// open begins a window.
func (w *worker) open(at time.Time) {
	w.from, w.to = at, at
	w.ledger, w.samples, w.idle = map[string]*entry{}, map[sampleKey]*sample{}, map[string]int64{}
	w.cpu, w.rssPeak, w.polls, w.longest, w.dropped = 0, 0, 0, 0, 0
}

// beat notes a heartbeat, and reports whether the worker's event loop has been silent for too long. Only our own clock is measured with: the
// scheduler's may be another.
func (w *worker) beat(now time.Time, seen dask.Worker, limit time.Duration) (blocked bool) {
	if seen.LastSeen != w.heartbeat {
		w.heartbeat, w.heartbeatAt = seen.LastSeen, now
		if seen.CPU >= busyCPU && seen.Executing+seen.LongRunning == 0 {
			w.busy++
		} else {
			w.busy = 0
		}
	}
	return now.Sub(w.heartbeatAt) > limit
}

// look accounts for the time since the last poll.
func (w *worker) look(p Poll, seen dask.Worker, s state) {
	dt := p.At.Sub(w.to).Microseconds()
	if dt <= 0 {
		return
	}
	w.seen = seen
	w.to = p.At
	w.polls++
	w.longest = max(w.longest, time.Duration(dt)*time.Microsecond)
	w.rssPeak = max(w.rssPeak, seen.RSSBytes)
	cpu := int64(s.cpu * float64(dt))
	w.cpu += cpu

	capacity := w.threads * dt
	busy := min(int64(len(s.items)), w.threads) * dt
	slots := even(busy, len(s.items))
	// What the process used beyond its tasks' own threads are threads of libraries, as far as there was room for them.
	native := int64(0)
	if len(s.items) > 0 {
		native = min(max(cpu-busy, 0), capacity-busy)
	}
	natives := even(native, len(s.items))
	cpus := even(min(cpu-native, busy), len(s.items))
	for i, it := range s.items {
		e, ok := w.ledger[it.prefix]
		if !ok {
			e = &entry{}
			w.ledger[it.prefix] = e
		}
		e.slot += slots[i]
		e.native += natives[i]
		if len(it.stack) > 0 {
			w.sample(it, slots[i], cpus[i])
		}
	}
	if rest := capacity - busy - native; rest > 0 {
		w.idle[s.idle] += rest
	}
}

func (w *worker) sample(it item, wall, cpu int64) {
	key := sampleKey{it.prefix, stackKey(it.stack)}
	s, ok := w.samples[key]
	if !ok {
		if len(w.samples) >= maxSamples {
			w.dropped++
			return
		}
		s = &sample{frames: it.stack}
		w.samples[key] = s
	}
	s.wall += wall
	s.cpu += cpu
}

// even splits a whole number into n parts that differ by one at most.
func even(total int64, n int) []int64 {
	parts := make([]int64, n)
	for i := range parts {
		share := total / int64(n-i)
		parts[i] = share
		total -= share
	}
	return parts
}

// flush returns the batch of the open window, and opens the next one where it ends. A window without time is a batch only if it is the last.
func (w *worker) flush(final bool) []byte {
	if !w.to.After(w.from) && !final {
		return nil
	}
	b := w.encode(final, len(w.samples))
	for most := len(w.samples) / 2; len(b) > maxBatch && most > 0; most /= 2 {
		b = w.encode(final, most)
	}
	if len(b) > maxBatch {
		b = w.encode(final, 0)
	}
	w.seq++
	w.open(w.to)
	return b
}

// maxBatch is less than the server takes.
const maxBatch = 900 << 10

// heaviest returns the keys of the heaviest samples, in an order that does not depend on chance.
func (w *worker) heaviest(most int) []sampleKey {
	keys := slices.SortedFunc(maps.Keys(w.samples), func(a, b sampleKey) int {
		return cmp.Or(cmp.Compare(w.samples[b].wall, w.samples[a].wall), cmp.Compare(a.prefix, b.prefix), cmp.Compare(a.stack, b.stack))
	})
	return keys[:min(most, len(keys))]
}
