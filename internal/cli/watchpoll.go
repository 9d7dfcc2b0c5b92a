package cli

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lineitem/lineitem/internal/dask"
	"github.com/lineitem/lineitem/internal/watch"
)

const (
	// askTimeout bounds a question that a scheduler answers by itself, stackTimeout one that it hands on to all of its workers.
	askTimeout   = 5 * time.Second
	stackTimeout = time.Minute
	retryAfter   = 2 * time.Second
)

var errOtherScheduler = errors.New("another scheduler answers")

// jitter spreads a pause by a fifth either way, so that looks do not fall into step with what they look at.
func jitter(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5)
}

// poller asks a scheduler. Stacks are asked for on a connection of their own: a worker that is blocked holds up that answer, and only that.
type poller struct {
	options watchOptions
	conn    *dask.Conn
	id      string
	retryAt time.Time

	stopStacks context.CancelFunc
	asking     sync.WaitGroup

	mu       sync.Mutex
	workers  int
	stacks   map[string][]dask.Running
	stacksAt time.Time
}

func newPoller(o watchOptions) *poller { return &poller{options: o} }

// meeting is what is learnt of a scheduler once.
type meeting struct {
	identity dask.Identity
	versions dask.Versions
	agent    *dask.Agent
}

// meet connects for the first time, and begins to ask for stacks.
func (p *poller) meet(ctx context.Context) (meeting, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*askTimeout)
	defer cancel()
	var m meeting
	var err error
	if p.conn, err = dask.Dial(ctx, p.options.address, p.options.connect); err != nil {
		return m, err
	}
	if m.identity, err = p.conn.Identity(ctx); err != nil {
		return m, err
	}
	if m.versions, err = p.conn.Versions(ctx); err != nil {
		return m, err
	}
	agent, there, err := p.conn.Hello(ctx)
	if err != nil {
		return m, err
	}
	if there {
		m.agent = &agent
		return m, nil
	}
	p.id, p.workers = m.identity.ID, len(m.identity.Workers)
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stopStacks = stop
	p.asking.Go(func() { p.askStacks(asking) })
	return m, nil
}

func (p *poller) close() {
	if p.stopStacks != nil {
		p.stopStacks()
	}
	p.asking.Wait()
	if p.conn != nil {
		p.conn.Close()
	}
}

// poll asks what the workers do; counts tells whether tasks are to be counted, too.
func (p *poller) poll(ctx context.Context, counts bool) (watch.Poll, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if p.conn == nil {
		if time.Now().Before(p.retryAt) {
			return watch.Poll{}, errors.New("it cannot be reached")
		}
		conn, err := dask.Dial(ctx, p.options.address, p.options.connect)
		if err != nil {
			p.retryAt = time.Now().Add(retryAfter)
			return watch.Poll{}, err
		}
		p.conn = conn
	}
	out, err := p.ask(ctx, counts)
	if err != nil {
		p.conn.Close()
		p.conn = nil
	}
	return out, err
}

func (p *poller) ask(ctx context.Context, counts bool) (watch.Poll, error) {
	var out watch.Poll
	var err error
	if out.Identity, err = p.conn.Identity(ctx); err != nil {
		return out, err
	}
	if out.Identity.ID != p.id {
		return out, errOtherScheduler
	}
	if out.Processing, err = p.conn.Processing(ctx); err != nil {
		return out, err
	}
	if counts {
		if out.States, err = p.conn.PrefixStates(ctx); err != nil {
			return out, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.workers = len(out.Identity.Workers)
	out.Stacks, out.StacksAt = p.stacks, p.stacksAt
	return out, nil
}

// askStacks asks for stacks until the context ends.
func (p *poller) askStacks(ctx context.Context) {
	var conn *dask.Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for ctx.Err() == nil {
		pause := retryAfter
		if got, err := p.stacksOf(ctx, &conn); err == nil {
			p.mu.Lock()
			p.stacks, p.stacksAt = got, time.Now()
			pause = jitter(watch.StackEvery(p.workers))
			p.mu.Unlock()
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (p *poller) stacksOf(ctx context.Context, conn **dask.Conn) (map[string][]dask.Running, error) {
	ctx, cancel := context.WithTimeout(ctx, stackTimeout)
	defer cancel()
	if *conn == nil {
		c, err := dask.Dial(ctx, p.options.address, p.options.connect)
		if err != nil {
			return nil, err
		}
		*conn = c
	}
	got, err := (*conn).CallStacks(ctx)
	var remote *dask.RemoteError
	if err != nil && !errors.As(err, &remote) { // an exception leaves the connection sound: a worker went away while it was asked
		(*conn).Close()
		*conn = nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask for stacks: %w", err)
	}
	return got, nil
}
