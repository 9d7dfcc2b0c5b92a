package ingest

import (
	"context"
	"sync"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Appender makes batches durable.
type Appender interface {
	AppendBatches(ctx context.Context, batches []usage.RawBatch) ([]bool, error)
}

// Group commit: posts that arrive while a transaction is being written share the next one, so that the cost of a sync to disk
// is shared by all who wait for it.
const (
	maxGroup   = 2000
	maxWaiting = 256
)

type request struct {
	batches []usage.RawBatch
	fresh   []bool
	err     error
	done    chan struct{}
}

// writer appends the batches of many requests in few transactions.
type writer struct {
	appender Appender
	requests chan *request
	stop     chan struct{}
	stopped  chan struct{}
	stopOnce sync.Once
}

func newWriter(appender Appender) *writer {
	w := &writer{
		appender: appender, requests: make(chan *request, maxWaiting),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go w.run()
	return w
}

// append returns when the batches are durable; for each, whether it was new. errs.Unavailable when too many wait already.
func (w *writer) append(ctx context.Context, batches []usage.RawBatch) ([]bool, error) {
	r := &request{batches: batches, done: make(chan struct{})}
	busy := errs.New(errs.Unavailable, "busy", "The server is behind with storing telemetry; nothing of this post was stored. Send it again later.")
	select {
	case <-w.stop:
		return nil, busy
	default:
	}
	select {
	case w.requests <- r:
	default:
		return nil, busy
	}
	select {
	case <-r.done:
		return r.fresh, r.err
	case <-w.stopped:
		return nil, busy
	case <-ctx.Done():
		return nil, ctx.Err() // it may still be stored; sending it again is harmless
	}
}

// close writes what waits and ends the writer.
func (w *writer) close() {
	w.stopOnce.Do(func() { close(w.stop) })
	<-w.stopped
}

func (w *writer) run() {
	defer close(w.stopped)
	for {
		select {
		case r := <-w.requests:
			w.write(w.gather(r))
		case <-w.stop:
			for {
				select {
				case r := <-w.requests:
					w.write(w.gather(r))
				default:
					return
				}
			}
		}
	}
}

// gather adds to first what already waits.
func (w *writer) gather(first *request) []*request {
	group, size := []*request{first}, len(first.batches)
	for size < maxGroup {
		select {
		case r := <-w.requests:
			group = append(group, r)
			size += len(r.batches)
		default:
			return group
		}
	}
	return group
}

func (w *writer) write(group []*request) {
	var all []usage.RawBatch
	for _, r := range group {
		all = append(all, r.batches...)
	}
	// Nobody's cancelled request may undo a transaction that others wait for.
	fresh, err := w.appender.AppendBatches(context.Background(), all)
	for _, r := range group {
		if r.err = err; err == nil {
			r.fresh, fresh = fresh[:len(r.batches)], fresh[len(r.batches):]
		}
		close(r.done)
	}
}
