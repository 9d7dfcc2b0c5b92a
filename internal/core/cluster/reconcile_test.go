package cluster_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
)

var (
	card  = cost.Card{Currency: "USD", CoreHour: 40_000_000, GigabyteHour: 5_000_000, SchedulerCore: 1, SchedulerMem: 1e9}
	begin = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
)

// world is a store and machines, just enough to let plans have their effect.
type world struct {
	now       time.Time
	cluster   cluster.Cluster
	processes []cluster.Process
	machines  map[cluster.ProcessID]*cluster.Sighting
	launches  map[cluster.ProcessID]int
	events    []cluster.Event
	agent     bool
	retire    []string
	stops     map[cluster.ProcessID]int
}

func newWorld(workers int) *world {
	c := cluster.Cluster{
		ID: "cl_x", Name: "x", Options: cluster.Options{Workers: workers, Threads: 1, MemoryBytes: 1e9},
		Status: cluster.StatusPending, Target: cluster.TargetRunning, CreatedAt: begin,
	}
	w := &world{
		now: begin, cluster: c, machines: map[cluster.ProcessID]*cluster.Sighting{},
		launches: map[cluster.ProcessID]int{}, stops: map[cluster.ProcessID]int{},
	}
	w.processes = append(w.processes, cluster.NewScheduler(c, card, begin))
	for i := range workers {
		w.processes = append(w.processes, cluster.NewWorker(c, card, cluster.WorkerName(i), 1, begin))
	}
	return w
}

// step reconciles once. With crash set, rows are written and nothing is done about them, as if the server had been killed there.
func (w *world) step(crash bool) cluster.Plan {
	w.now = w.now.Add(time.Second)
	seen := map[cluster.ProcessID]cluster.Sighting{}
	for id, s := range w.machines {
		seen[id] = *s
	}
	plan := cluster.Reconcile(w.now, w.cluster, w.processes, seen, w.agent, cluster.DefaultPolicy(card))
	if plan.Cluster != nil {
		w.cluster = *plan.Cluster
	}
	for _, p := range plan.Updated {
		w.processes[slices.IndexFunc(w.processes, func(q cluster.Process) bool { return q.ID == p.ID })] = p
	}
	w.processes = append(w.processes, plan.Created...)
	w.events = append(w.events, plan.Events...)
	w.retire = plan.Retire
	if crash {
		return plan
	}
	for _, p := range plan.Launch {
		w.launch(p.ID)
	}
	for _, id := range plan.Stop {
		w.stops[id]++
		if s := w.machines[id]; s != nil && s.State != cluster.SeenEnded {
			s.State = cluster.SeenEnding
		}
	}
	return plan
}

// launch starts a process unless it already ran: what a backend promises.
func (w *world) launch(id cluster.ProcessID) {
	if w.machines[id] == nil {
		w.launches[id]++
		w.machines[id] = &cluster.Sighting{State: cluster.SeenStarting, Handle: "h", StartedAt: w.now}
	}
}

// progress lets every process on the machines take its next natural step.
func (w *world) progress() {
	for id, s := range w.machines {
		switch s.State {
		case cluster.SeenStarting:
			s.State = cluster.SeenRunning
			if slices.Contains([]string{"scheduler"}, w.row(id).Name) {
				s.SchedulerAddress = "tls://127.0.0.1:1"
			}
		case cluster.SeenEnding:
			s.State, s.EndedAt = cluster.SeenEnded, w.now
		case cluster.SeenRunning, cluster.SeenEnded:
		}
	}
}

func (w *world) row(id cluster.ProcessID) cluster.Process {
	return w.processes[slices.IndexFunc(w.processes, func(p cluster.Process) bool { return p.ID == id })]
}

func (w *world) kill(id cluster.ProcessID) {
	if s := w.machines[id]; s != nil && s.State != cluster.SeenEnded {
		code := 137
		s.State, s.EndedAt, s.ExitCode = cluster.SeenEnded, w.now, &code
	}
}

func (w *world) run(steps int) {
	for range steps {
		w.step(false)
		w.progress()
	}
}

func (w *world) alive() (workers, schedulers int) {
	for id, s := range w.machines {
		if s.State == cluster.SeenEnded {
			continue
		}
		if w.row(id).Role == cluster.RoleWorker {
			workers++
		} else {
			schedulers++
		}
	}
	return workers, schedulers
}

func (w *world) has(kind cluster.EventKind) bool {
	return slices.ContainsFunc(w.events, func(e cluster.Event) bool { return e.Kind == kind })
}

func TestAClusterComesUpAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(2)
	plan := w.step(false)
	if len(plan.Launch) != 3 {
		t.Fatalf("the first step launches %d processes, want scheduler and workers at once", len(plan.Launch))
	}
	w.progress()
	w.run(3)
	if w.cluster.Status != cluster.StatusRunning || w.cluster.SchedulerAddress == "" || w.cluster.StartedAt.IsZero() || !w.has(cluster.EventStarted) {
		t.Fatalf("cluster is %+v", w.cluster)
	}
	w.cluster.Target = cluster.TargetStopped
	w.step(false)
	if len(w.stops) != 2 || w.stops["cl_x-scheduler-1"] != 0 {
		t.Fatalf("workers go first, so that their last telemetry passes the scheduler: %v", w.stops)
	}
	w.progress()
	w.run(5)
	if workers, schedulers := w.alive(); workers+schedulers > 0 || w.cluster.Status != cluster.StatusStopped || w.cluster.SchedulerAddress != "" {
		t.Fatalf("%d workers and %d schedulers alive, cluster %+v", workers, schedulers, w.cluster)
	}
	if again := w.step(false); again.Changed() || len(again.Launch)+len(again.Stop) > 0 {
		t.Fatalf("nothing is left to do, yet the plan is %+v", again)
	}
}

func TestAStepThatIsRepeatedChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(2)
	w.run(4)
	if plan := w.step(false); plan.Changed() || len(plan.Launch)+len(plan.Stop) > 0 {
		t.Fatalf("a settled cluster has the plan %+v", plan)
	}
}

func TestALostWorkerIsReplacedUntilItIsHopeless(t *testing.T) {
	t.Parallel()
	w := newWorld(1)
	w.run(3)
	for generation := 1; generation <= 4; generation++ {
		w.kill(cluster.ProcessID(fmt.Sprintf("cl_x-w-0-%d", generation)))
		w.run(3)
	}
	if len(w.machines) != 5 || !w.has(cluster.EventWorkerLost) || !w.has(cluster.EventGaveUp) {
		t.Fatalf("%d processes ran, want a scheduler and 4 runs of the worker; events %v", len(w.machines), w.events)
	}
	if w.cluster.Status != cluster.StatusRunning {
		t.Fatalf("a cluster that ran lives on without the worker: %s", w.cluster.Status)
	}
	if code := w.row("cl_x-w-0-1").ExitCode; code == nil || *code != 137 {
		t.Errorf("the exit code is lost")
	}
}

func TestAClusterWhoseWorkersNeverComeUpFails(t *testing.T) {
	t.Parallel()
	w := newWorld(1)
	for range 20 {
		w.step(false)
		for id := range w.machines {
			if w.row(id).Role == cluster.RoleWorker && w.machines[id].State == cluster.SeenStarting {
				w.kill(id)
			}
		}
		w.progress()
	}
	if w.cluster.Status != cluster.StatusFailed || w.cluster.Reason == "" {
		t.Fatalf("cluster is %s: %s", w.cluster.Status, w.cluster.Reason)
	}
}

func TestAClusterFailsWithItsScheduler(t *testing.T) {
	t.Parallel()
	w := newWorld(2)
	w.run(3)
	w.kill("cl_x-scheduler-1")
	w.run(6)
	if workers, _ := w.alive(); workers != 0 || w.cluster.Status != cluster.StatusFailed || !w.has(cluster.EventFailed) {
		t.Fatalf("%d workers alive, cluster %s (%s)", workers, w.cluster.Status, w.cluster.Reason)
	}
}

func TestAWorkerHandsOverItsDataBeforeItGoes(t *testing.T) {
	t.Parallel()
	for _, agent := range []bool{true, false} {
		w := newWorld(2)
		w.agent = agent
		w.run(3)
		w.processes[2].Target = cluster.TargetStopped
		w.step(false)
		if retired := slices.Equal(w.retire, []string{"w-1"}); retired != agent || (w.stops["cl_x-w-1-1"] == 0) != agent {
			t.Fatalf("agent %v: retire %v, stops %v", agent, w.retire, w.stops)
		}
		w.run(40) // the scheduler does not answer: in the end it is stopped
		if w.stops["cl_x-w-1-1"] == 0 || w.row("cl_x-w-1-1").Status != cluster.StatusStopped || w.has(cluster.EventWorkerLost) {
			t.Fatalf("agent %v: %+v", agent, w.row("cl_x-w-1-1"))
		}
		if w.cluster.Status != cluster.StatusRunning {
			t.Fatalf("the cluster is %s", w.cluster.Status)
		}
	}
}

// TestNothingIsOrphanedWhateverHappens lets a cluster live a random life: steps, crashes between deciding and doing, killed processes, backends that
// forget, a stop at any moment. In the end nothing runs that is not wanted, no process was launched twice, and all rows have ended.
func TestNothingIsOrphanedWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.IntRange(0, 4).Draw(t, "workers"))
		w.agent = rapid.Bool().Draw(t, "agent")
		for range rapid.IntRange(0, 40).Draw(t, "moves") {
			switch rapid.IntRange(0, 6).Draw(t, "move") {
			case 0:
				w.step(true)
			case 1:
				p := rapid.SampledFrom(w.processes).Draw(t, "victim")
				w.kill(p.ID)
			case 2:
				p := rapid.SampledFrom(w.processes).Draw(t, "forgotten")
				if s := w.machines[p.ID]; s != nil && s.State == cluster.SeenEnded {
					delete(w.machines, p.ID) // an ended process may leave no trace
					w.launches[p.ID] = 0
				}
			case 3:
				if rapid.IntRange(0, 9).Draw(t, "stop") == 0 {
					w.cluster.Target = cluster.TargetStopped
				}
			case 4:
				i := rapid.IntRange(0, len(w.processes)-1).Draw(t, "scaled down")
				if w.processes[i].Role == cluster.RoleWorker && !w.processes[i].Status.Ended() {
					w.processes[i].Target = cluster.TargetStopped
				}
			default:
				w.step(false)
				w.progress()
			}
		}
		w.cluster.Target = cluster.TargetStopped
		w.run(60)
		if workers, schedulers := w.alive(); workers+schedulers != 0 {
			t.Fatalf("%d workers and %d schedulers are left", workers, schedulers)
		}
		if !w.cluster.Status.Ended() {
			t.Fatalf("the cluster is %s", w.cluster.Status)
		}
		for _, p := range w.processes {
			if !p.Status.Ended() || p.EndedAt.IsZero() || p.EndedAt.Before(p.StartedAt) {
				t.Fatalf("process %+v has not ended", p)
			}
			if w.launches[p.ID] > 1 {
				t.Fatalf("%s was launched %d times", p.ID, w.launches[p.ID])
			}
		}
	})
}
