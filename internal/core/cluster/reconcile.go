package cluster

import (
	"fmt"
	"time"
)

// SightingState is what a backend sees of a process.
type SightingState string

// What can be seen. A process of which a backend sees nothing has no sighting.
const (
	SeenStarting SightingState = "starting"
	SeenRunning  SightingState = "running"
	SeenEnding   SightingState = "ending"
	SeenEnded    SightingState = "ended"
)

// Sighting is what a backend sees of one process.
type Sighting struct {
	State                          SightingState
	Handle                         string
	SchedulerAddress, DashboardURL string
	StartedAt, EndedAt             time.Time
	ExitCode                       *int
}

func (s Sighting) alive() bool { return s.State != "" && s.State != SeenEnded }

// Policy holds the times and counts that steer reconciling.
type Policy struct {
	// Prices say what a process costs that is started anew.
	Prices Prices
	// StopGrace is how long a process may take to end politely.
	StopGrace time.Duration
	// RetireGrace is how long a worker may take to hand over its data before it is stopped.
	RetireGrace time.Duration
	// MaxRestarts is how often one worker is started anew within RestartWindow before Lineitem gives up on it.
	MaxRestarts   int
	RestartWindow time.Duration
}

// DefaultPolicy returns the policy of a server with the given prices.
func DefaultPolicy(prices Prices) Policy {
	return Policy{Prices: prices, StopGrace: 10 * time.Second, RetireGrace: 20 * time.Second, MaxRestarts: 3, RestartWindow: 10 * time.Minute}
}

// Plan is what reconciling decided: rows to write first, in one transaction, then things to do. All of it may be done twice.
type Plan struct {
	// Cluster is the row to write, nil if it has not changed.
	Cluster *Cluster
	// Created and Updated are processes to write.
	Created, Updated []Process
	Events           []Event
	// Launch and Stop are to be done after the rows are written.
	Launch []Process
	Stop   []ProcessID
	// Retire names workers that the scheduler should retire.
	Retire []string
	// Ended is true when the cluster has just ended: its credentials can be forgotten.
	Ended bool
}

// Changed reports whether the plan has rows to write.
func (p Plan) Changed() bool {
	return p.Cluster != nil || len(p.Created)+len(p.Updated)+len(p.Events) > 0
}

// Reconcile compares what is wanted of a cluster with what has been seen and decides the next step. It is level-triggered: it
// looks at values only, may be repeated at any time, and converges whatever happened in between. agent says whether the
// scheduler reports telemetry, and so can be asked to retire workers.
func Reconcile(now time.Time, c Cluster, processes []Process, seen map[ProcessID]Sighting, agent bool, policy Policy) Plan {
	if c.Status.Ended() {
		return Plan{}
	}
	r := reconciler{now: now, was: c, c: c, policy: policy, seen: seen, agent: agent}
	for _, p := range processes {
		r.observe(p)
	}
	r.decideCluster()
	r.decideWorkers()
	for i := range r.processes {
		r.act(&r.processes[i])
	}
	r.settle()
	return r.plan(processes)
}

type reconciler struct {
	now       time.Time
	was, c    Cluster
	policy    Policy
	seen      map[ProcessID]Sighting
	agent     bool
	processes []Process
	out       Plan
}

// observe carries what was seen of a process into its row.
func (r *reconciler) observe(p Process) {
	s, found := r.seen[p.ID]
	if p.Status.Ended() {
		r.processes = append(r.processes, p)
		return
	}
	if found && p.StartedAt.IsZero() {
		p.StartedAt = s.StartedAt
	}
	if s.Handle != "" {
		p.Handle = s.Handle
	}
	switch {
	case s.alive() && s.State == SeenRunning && p.Target == TargetRunning:
		p.Status = StatusRunning
	case s.alive() && p.Target == TargetRunning && p.Status == StatusPending:
		p.Status = StatusStarting
	case s.alive():
	case found || !p.StartedAt.IsZero():
		r.end(&p, s)
	}
	if p.Role == RoleScheduler && s.alive() && s.SchedulerAddress != "" {
		r.c.SchedulerAddress, r.c.DashboardURL = s.SchedulerAddress, s.DashboardURL
	}
	r.processes = append(r.processes, p)
}

// end records that a process is gone.
func (r *reconciler) end(p *Process, s Sighting) {
	p.EndedAt, p.ExitCode = s.EndedAt, s.ExitCode
	if p.EndedAt.IsZero() || p.EndedAt.Before(p.StartedAt) {
		p.EndedAt = r.now
	}
	if p.Target == TargetStopped || !p.RetireAt.IsZero() {
		p.Status = StatusStopped
		return
	}
	p.Status = StatusFailed
	p.Reason = "Ended unasked, " + exitText(s.ExitCode)
	if p.Role == RoleWorker && r.c.Target == TargetRunning {
		r.event(EventWorkerLost, "Worker %s ended unasked, %s", p.Name, exitText(s.ExitCode))
	}
}

// signalBase plus n is the exit code of a process that signal n ended, as shells count.
const signalBase = 128

func exitText(code *int) string {
	switch {
	case code == nil:
		return "exit code not known"
	case *code > signalBase:
		return fmt.Sprintf("killed by signal %d", *code-signalBase)
	default:
		return fmt.Sprintf("exit code %d", *code)
	}
}

// decideCluster lets the cluster fail with its scheduler.
func (r *reconciler) decideCluster() {
	if r.c.Target == TargetStopped {
		return
	}
	for _, p := range r.processes {
		if p.Role == RoleScheduler && p.Status.Ended() {
			r.c.Target = TargetStopped
			r.c.Reason = "The scheduler ended: " + lowerFirst(p.Reason)
			r.event(EventFailed, "%s", r.c.Reason)
			return
		}
	}
}

// decideWorkers replaces lost workers while the cluster is wanted, and lets all processes go in order when it is not: workers
// first, so that their last telemetry still passes through the scheduler.
func (r *reconciler) decideWorkers() {
	if r.c.Target == TargetStopped {
		workersLeft := false
		for i := range r.processes {
			p := &r.processes[i]
			if p.Role == RoleWorker && !p.Status.Ended() {
				p.Target = TargetStopped
				workersLeft = true
			}
		}
		for i := range r.processes {
			if p := &r.processes[i]; p.Role == RoleScheduler && !workersLeft && !p.Status.Ended() {
				p.Target = TargetStopped
			}
		}
		return
	}
	newest := map[string]Process{}
	recent := map[string]int{}
	for _, p := range r.processes {
		if p.Role != RoleWorker {
			continue
		}
		if p.Generation > newest[p.Name].Generation {
			newest[p.Name] = p
		}
		if p.Status == StatusFailed && r.now.Sub(p.EndedAt) < r.policy.RestartWindow {
			recent[p.Name]++
		}
	}
	for _, p := range r.processes {
		if p.Role != RoleWorker || newest[p.Name].ID != p.ID || p.Status != StatusFailed || p.Target == TargetStopped {
			continue
		}
		if recent[p.Name] > r.policy.MaxRestarts {
			r.giveUp(p.ID)
			continue
		}
		again := NewWorker(r.c, r.policy.Prices.Card(r.c.Backend, r.now), p.Name, p.Generation+1, r.now)
		r.out.Created = append(r.out.Created, again)
	}
}

// giveUp stops restarting a worker that ended too often; if none ever came up, the cluster fails with it.
func (r *reconciler) giveUp(id ProcessID) {
	for i := range r.processes {
		p := &r.processes[i]
		if p.ID != id {
			continue
		}
		p.Target = TargetStopped
		r.event(EventGaveUp, "Worker %s ended %d times within %s and is not started again; its log says why",
			p.Name, r.policy.MaxRestarts+1, r.policy.RestartWindow)
	}
	if !r.c.StartedAt.IsZero() {
		return
	}
	r.c.Target = TargetStopped
	r.c.Reason = "No worker came up; their logs say why"
	r.event(EventFailed, "%s", r.c.Reason)
}

// act decides what to do about one process.
func (r *reconciler) act(p *Process) {
	if p.Status.Ended() {
		return
	}
	alive := r.seen[p.ID].alive()
	switch {
	case p.Target == TargetRunning && p.Status == StatusPending:
		r.out.Launch = append(r.out.Launch, *p)
	case p.Target == TargetStopped && !alive && p.StartedAt.IsZero():
		p.Status, p.EndedAt = StatusStopped, r.now
	case p.Target == TargetStopped && r.mayRetire(*p):
		if p.RetireAt.IsZero() {
			p.RetireAt = r.now
		}
		p.Status = StatusStopping
		r.out.Retire = append(r.out.Retire, p.Name)
	case p.Target == TargetStopped && alive:
		p.Status = StatusStopping
		r.out.Stop = append(r.out.Stop, p.ID)
	}
}

// mayRetire reports whether a worker that is to go can be asked by its scheduler to hand over its data first.
func (r *reconciler) mayRetire(p Process) bool {
	return p.Role == RoleWorker && r.c.Target == TargetRunning && r.agent && r.seen[p.ID].State == SeenRunning &&
		(p.RetireAt.IsZero() || r.now.Sub(p.RetireAt) < r.policy.RetireGrace)
}

// settle derives the cluster's status from its processes.
func (r *reconciler) settle() {
	live, launched, workersUp, schedulerUp, failed := 0, false, 0, false, false
	for _, p := range r.processes {
		if !p.Status.Ended() {
			live++
		}
		launched = launched || !p.StartedAt.IsZero()
		if p.Status == StatusRunning && p.Role == RoleWorker {
			workersUp++
		}
		if p.Role == RoleScheduler {
			schedulerUp = p.Status == StatusRunning
			failed = failed || p.Status == StatusFailed
		}
	}
	switch {
	case r.c.Target == TargetStopped && live == 0:
		r.c.EndedAt, r.c.SchedulerAddress, r.c.DashboardURL = r.now, "", ""
		r.c.Status = StatusStopped
		if failed || r.neverStarted() {
			r.c.Status = StatusFailed
		} else {
			r.event(EventStopped, "Stopped; nothing is left running")
		}
		r.out.Ended = true
	case r.c.Target == TargetStopped:
		r.c.Status = StatusStopping
	case schedulerUp && (workersUp > 0 || r.c.Options.Workers == 0 || !r.c.StartedAt.IsZero()):
		r.c.Status = StatusRunning
		if r.c.StartedAt.IsZero() {
			r.c.StartedAt = r.now
			r.event(EventStarted, "Running %.1f s after it was asked for", r.now.Sub(r.c.CreatedAt).Seconds())
		}
	case launched:
		r.c.Status = StatusStarting
	}
}

// neverStarted reports whether the cluster ends because its workers never came up.
func (r *reconciler) neverStarted() bool {
	if !r.c.StartedAt.IsZero() {
		return false
	}
	for _, p := range r.processes {
		if p.Role == RoleWorker && p.Status == StatusFailed {
			return true
		}
	}
	return false
}

func (r *reconciler) event(kind EventKind, format string, args ...any) {
	r.out.Events = append(r.out.Events, Event{ClusterID: r.c.ID, At: r.now, Kind: kind, Message: fmt.Sprintf(format, args...)})
}

func (r *reconciler) plan(before []Process) Plan {
	for i, p := range r.processes {
		if changed(before[i], p) {
			r.out.Updated = append(r.out.Updated, p)
		}
	}
	if !sameCluster(r.was, r.c) {
		r.out.Cluster = &r.c
	}
	return r.out
}

func changed(a, b Process) bool {
	return a.Status != b.Status || a.Target != b.Target || a.Handle != b.Handle || a.Reason != b.Reason ||
		!a.StartedAt.Equal(b.StartedAt) || !a.RetireAt.Equal(b.RetireAt) || !a.EndedAt.Equal(b.EndedAt)
}

func sameCluster(a, b Cluster) bool {
	return a.Status == b.Status && a.Target == b.Target && a.Reason == b.Reason && a.SchedulerAddress == b.SchedulerAddress &&
		a.DashboardURL == b.DashboardURL && a.StartedAt.Equal(b.StartedAt) && a.EndedAt.Equal(b.EndedAt)
}

func lowerFirst(s string) string {
	if s == "" {
		return "no reason is known"
	}
	return string(s[0]|0x20) + s[1:]
}
