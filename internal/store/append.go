package store

import (
	"context"
	"errors"
	"sync"

	"github.com/lineitem/lineitem/internal/core/usage"
)

// maxShared bounds how many batches share a transaction.
const maxShared = 2000

// appendQueue lets callers that append at the same time share one transaction, and so one sync of the disk: while one transaction is
// written, the calls that arrive wait, and the next transaction takes them all. There is no timer, and a lone caller waits for nobody.
type appendQueue struct {
	mu      sync.Mutex
	waiting []*appendCall
	busy    bool
}

type appendCall struct {
	batches []usage.RawBatch
	// lead is closed when the call is to lead the next transaction, done when its result is there.
	lead, done chan struct{}
	fresh      []bool
	err        error
}

// errPanicked is what the other callers get where the transaction ended in a panic.
var errPanicked = errors.New("append batches: the transaction did not end")

type appendFunc func(ctx context.Context, batches []usage.RawBatch) ([]bool, error)

func (q *appendQueue) do(ctx context.Context, batches []usage.RawBatch, run appendFunc) ([]bool, error) {
	call := &appendCall{batches: batches, lead: make(chan struct{}), done: make(chan struct{})}
	q.mu.Lock()
	q.waiting = append(q.waiting, call)
	leads := !q.busy
	q.busy = true
	q.mu.Unlock()

	if !leads {
		select {
		case <-call.done:
			return call.fresh, call.err
		case <-call.lead:
		case <-ctx.Done():
			if q.leave(call) {
				return nil, ctx.Err()
			}
			// Too late to leave: it is being written, or it is our turn to lead, which others wait for.
			select {
			case <-call.done:
				return call.fresh, call.err
			case <-call.lead:
			}
		}
	}
	q.write(ctx, run)
	return call.fresh, call.err
}

// leave takes a call out that waits.
func (q *appendQueue) leave(call *appendCall) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, c := range q.waiting {
		if c == call && i > 0 { // the first leads, or is about to
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// write carries out the calls that wait, then makes the next one lead.
func (q *appendQueue) write(ctx context.Context, run appendFunc) {
	q.mu.Lock()
	n, size := 0, 0
	for n < len(q.waiting) && (n == 0 || size+len(q.waiting[n].batches) <= maxShared) {
		size += len(q.waiting[n].batches)
		n++
	}
	calls := q.waiting[:n:n]
	q.waiting = append([]*appendCall(nil), q.waiting[n:]...)
	q.mu.Unlock()

	defer func() { // also after a panic: the others must not wait forever
		for _, c := range calls[1:] {
			close(c.done)
		}
		q.mu.Lock()
		q.busy = len(q.waiting) > 0
		if q.busy {
			close(q.waiting[0].lead)
		}
		q.mu.Unlock()
	}()

	for _, c := range calls {
		c.err = errPanicked // until run has returned
	}
	if n == 1 {
		calls[0].fresh, calls[0].err = run(ctx, calls[0].batches)
		return
	}
	// The leader's caller may go away; the others have not.
	ctx = context.WithoutCancel(ctx)
	all := make([]usage.RawBatch, 0, size)
	for _, c := range calls {
		all = append(all, c.batches...)
	}
	fresh, err := run(ctx, all)
	if err != nil {
		// One call may have spoilt it for all: each for itself.
		for _, c := range calls {
			c.fresh, c.err = run(ctx, c.batches)
		}
		return
	}
	for _, c := range calls {
		c.fresh, fresh, c.err = fresh[:len(c.batches):len(c.batches)], fresh[len(c.batches):], nil
	}
}
