package fake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Call is one call of a backend's method, as it was made.
type Call struct {
	At time.Time
	// Method is "Start", "Stop", "List", "Logs" or "Forget".
	Method string
	// ID is the process's, or the cluster's for Forget.
	ID string
	// Grace is Stop's.
	Grace time.Duration
	// Err is what the call answered.
	Err error
}

// Machines are where fake processes run. They outlive the backends that use them, as real ones do.
type Machines struct {
	now func() time.Time

	mu        sync.Mutex
	processes map[cluster.ProcessID]*process
	count     int
	calls     []Call
	failures  map[string][]error
}

type process struct {
	backend.Process
	behaviour
	installation string
	env          map[string]string
	askedAt      time.Time
	killAt       time.Time
	forgotten    bool
}

// NewMachines makes machines whose time is what now says.
func NewMachines(now func() time.Time) *Machines {
	return &Machines{now: now, processes: map[cluster.ProcessID]*process{}, failures: map[string][]error{}}
}

// Calls returns what was asked of the machines so far.
func (m *Machines) Calls() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.calls)
}

// Env returns the environment that a process was launched with.
func (m *Machines) Env(id cluster.ProcessID) map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.processes[id]; p != nil {
		return p.env
	}
	return nil
}

// FailNext makes the next call of a method return err, and do nothing. Calls of it queue up.
func (m *Machines) FailNext(method string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures[method] = append(m.failures[method], err)
}

// Crash ends a process from outside, with an exit code. It reports whether there was one to end.
func (m *Machines) Crash(id cluster.ProcessID, code int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	p := m.processes[id]
	if p == nil || p.state(now) == backend.StateEnded {
		return false
	}
	p.exits, p.exitAfter, p.exitCode = true, now.Sub(p.StartedAt), code
	return true
}

// Deafen makes a process ignore polite requests to end. It reports whether there is one.
func (m *Machines) Deafen(id cluster.ProcessID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.processes[id]
	if p != nil {
		p.ignoreTerm = true
	}
	return p != nil
}

// Plant puts a running process on the machines that no value of the backend started: an orphan, to be found by its tag.
func (m *Machines) Plant(installation string, p backend.Process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(installation, p, behaviour{exitCode: 1}, nil)
}

func (m *Machines) add(installation string, p backend.Process, v behaviour, env map[string]string) *process {
	m.count++
	p.Handle = fmt.Sprintf("fake %d", m.count)
	p.StartedAt = m.now().UTC()
	if v.start == StartFail {
		v.exits, v.exitAfter = true, 0
	}
	added := &process{Process: p, behaviour: v, installation: installation, env: env}
	m.processes[p.ID] = added
	return added
}

// begin locks the machines for a call; the function it returns unlocks them and writes the call down.
func (m *Machines) begin(ctx context.Context, c Call) (end func(*error), err error) {
	m.mu.Lock()
	c.At = m.now().UTC()
	end = func(err *error) {
		c.Err = *err
		m.calls = append(m.calls, c)
		m.mu.Unlock()
	}
	if err := ctx.Err(); err != nil {
		return end, err
	}
	if queue := m.failures[c.Method]; len(queue) > 0 {
		m.failures[c.Method] = queue[1:]
		return end, queue[0]
	}
	return end, nil
}

func (m *Machines) start(ctx context.Context, installation string, l backend.Launch) (_ backend.Process, err error) {
	end, err := m.begin(ctx, Call{Method: "Start", ID: string(l.ID)})
	defer end(&err)
	if err != nil {
		return backend.Process{}, err
	}
	if err := check(l); err != nil {
		return backend.Process{}, err
	}
	if p := m.processes[l.ID]; p != nil {
		return p.seen(m.now()), nil
	}
	v, err := behaviourOf(l)
	if err != nil {
		return backend.Process{}, err
	}
	switch v.start {
	case StartCapacity:
		return backend.Process{}, fmt.Errorf("%w: the fake machines are full", backend.ErrCapacity)
	case StartInvalid:
		return backend.Process{}, invalid("The launch asks to be refused.")
	}
	env := make(map[string]string, len(l.Env))
	for key, value := range l.Env {
		env[key] = value
	}
	p := m.add(installation, backend.Process{ID: l.ID, ClusterID: l.ClusterID, Role: l.Role, Name: l.Name}, v, env)
	return p.seen(m.now()), nil
}

func (m *Machines) stop(ctx context.Context, installation string, id cluster.ProcessID, grace time.Duration) (err error) {
	end, err := m.begin(ctx, Call{Method: "Stop", ID: string(id), Grace: grace})
	defer end(&err)
	if err != nil {
		return err
	}
	now := m.now()
	p := m.processes[id]
	if p == nil || p.installation != installation || p.state(now) == backend.StateEnded {
		return backend.ErrGone
	}
	if p.askedAt.IsZero() {
		p.askedAt = now
	}
	if at := now.Add(max(grace, 0)); p.killAt.IsZero() || at.Before(p.killAt) {
		p.killAt = at
	}
	return nil
}

func (m *Machines) list(ctx context.Context, installation string) (_ []backend.Process, err error) {
	end, err := m.begin(ctx, Call{Method: "List"})
	defer end(&err)
	if err != nil {
		return nil, err
	}
	now := m.now()
	var out []backend.Process
	for _, p := range m.processes {
		if p.installation == installation && !p.forgotten {
			out = append(out, p.seen(now))
		}
	}
	// A fixed order, although none is promised: tests that run twice should run alike.
	slices.SortFunc(out, func(a, b backend.Process) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, nil
}

func (m *Machines) log(ctx context.Context, installation string, id cluster.ProcessID) (_ string, err error) {
	end, err := m.begin(ctx, Call{Method: "Logs", ID: string(id)})
	defer end(&err)
	if err != nil {
		return "", err
	}
	p := m.processes[id]
	if p == nil || p.installation != installation {
		return "", backend.ErrGone
	}
	return p.text(m.now()), nil
}

func (m *Machines) forget(ctx context.Context, installation string, id cluster.ID) (err error) {
	end, err := m.begin(ctx, Call{Method: "Forget", ID: string(id)})
	defer end(&err)
	if err != nil {
		return err
	}
	now := m.now()
	var of []*process
	for _, p := range m.processes {
		if p.installation != installation || p.ClusterID != id {
			continue
		}
		if p.state(now) != backend.StateEnded {
			return fmt.Errorf("its process %s still runs; nothing was removed; stop it first", p.ID)
		}
		of = append(of, p)
	}
	for _, p := range of {
		p.forgotten = true
	}
	return nil
}

// end says when and how the process ends, as far as is settled by now.
func (p *process) end() (at time.Time, code int, settled bool) {
	sooner := func(t time.Time, c int) {
		if !settled || t.Before(at) {
			at, code, settled = t, c, true
		}
	}
	if p.exits {
		sooner(p.StartedAt.Add(p.exitAfter), p.exitCode)
	}
	if !p.killAt.IsZero() {
		sooner(p.killAt, 137)
	}
	// It ends politely at the very moment at which patience does, too.
	if polite := p.askedAt.Add(p.stopAfter); !p.askedAt.IsZero() && !p.ignoreTerm && (!settled || !polite.After(at)) {
		at, code, settled = polite, 0, true
	}
	return at, code, settled
}

func (p *process) up() time.Time { return p.StartedAt.Add(p.startAfter) }

func (p *process) state(now time.Time) backend.State {
	switch at, _, settled := p.end(); {
	case settled && !at.After(now):
		return backend.StateEnded
	case !p.askedAt.IsZero():
		return backend.StateEnding
	case p.start == StartNever || p.up().After(now):
		return backend.StateStarting
	default:
		return backend.StateRunning
	}
}

// seen is the process as it looks now.
func (p *process) seen(now time.Time) backend.Process {
	out := p.Process
	out.State = p.state(now)
	switch out.State {
	case backend.StateEnded:
		at, code, _ := p.end()
		out.EndedAt, out.ExitCode = at.UTC(), &code
	case backend.StateRunning, backend.StateEnding:
		if p.Role == cluster.RoleScheduler && !p.up().After(now) && p.start != StartNever {
			// Nobody listens there: port 9 discards.
			out.SchedulerAddress, out.DashboardURL = "tls://127.0.0.1:9", "http://127.0.0.1:9/status"
		}
	case backend.StateStarting:
	}
	return out
}

// text is the process's log.
func (p *process) text(now time.Time) string {
	var b strings.Builder
	line := func(at time.Time, format string, args ...any) {
		if !at.After(now) {
			fmt.Fprintf(&b, at.UTC().Format("2006-01-02 15:04:05,000")+" - fake - INFO - "+format+"\n", args...)
		}
	}
	at, code, settled := p.end()
	line(p.StartedAt, "Start %s as %s", p.Name, p.Handle)
	if p.start != StartNever && (!settled || p.up().Before(at)) {
		if p.Role == cluster.RoleScheduler {
			line(p.up(), "Scheduler at: tls://127.0.0.1:9")
		} else {
			line(p.up(), "Registered to: tls://127.0.0.1:9")
		}
	}
	if !p.askedAt.IsZero() {
		line(p.askedAt, "Asked to end")
	}
	if settled {
		line(at, "End %s with code %d", p.Name, code)
	}
	return b.String()
}
