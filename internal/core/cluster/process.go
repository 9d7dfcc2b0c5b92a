package cluster

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Kinds of events.
const (
	EventCreated       EventKind = "created"
	EventStarted       EventKind = "started"
	EventScaled        EventKind = "scaled"
	EventWorkerLost    EventKind = "worker_lost"
	EventGaveUp        EventKind = "gave_up"
	EventStopRequested EventKind = "stop_requested"
	EventStopped       EventKind = "stopped"
	EventFailed        EventKind = "failed"
	EventAdopted       EventKind = "adopted"
	EventOrphanEnded   EventKind = "orphan_ended"
)

const schedulerName = "scheduler"

// WorkerName returns the name of the nth worker in Dask.
func WorkerName(n int) string { return "w-" + strconv.Itoa(n) }

func workerNumber(name string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "w-"))
	if err != nil {
		return -1
	}
	return n
}

// NewScheduler returns the first run of a cluster's scheduler, wanted since now.
func NewScheduler(c Cluster, card cost.Card, now time.Time) Process {
	return Process{
		ID: processID(c.ID, schedulerName, 1), ClusterID: c.ID, Role: RoleScheduler, Name: schedulerName, Generation: 1,
		Status: StatusPending, Target: TargetRunning, Threads: card.SchedulerCore, MemoryBytes: card.SchedulerMem,
		Rate: card.Price(card.SchedulerCore, card.SchedulerMem), Basis: card.Basis(), CreatedAt: now,
	}
}

// NewWorker returns a run of a worker, wanted since now.
func NewWorker(c Cluster, card cost.Card, name string, generation int, now time.Time) Process {
	return Process{
		ID: processID(c.ID, name, generation), ClusterID: c.ID, Role: RoleWorker, Name: name, Generation: generation,
		Status: StatusPending, Target: TargetRunning, Threads: c.Options.Threads, MemoryBytes: c.Options.MemoryBytes,
		Rate: card.Price(c.Options.Threads, c.Options.MemoryBytes), Basis: card.Basis(), CreatedAt: now,
	}
}

func processID(id ID, name string, generation int) ProcessID {
	return ProcessID(fmt.Sprintf("%s-%s-%d", id, name, generation))
}

// Metered reports whether the process costs money now.
func (p Process) Metered() bool { return !p.StartedAt.IsZero() && p.EndedAt.IsZero() }

// Interval returns the metered interval [start, end) up to asOf; ok is false if the process was never launched or
// was launched after asOf.
func (p Process) Interval(asOf time.Time) (start, end time.Time, ok bool) {
	if p.StartedAt.IsZero() || !p.StartedAt.Before(asOf) {
		return time.Time{}, time.Time{}, false
	}
	end = asOf
	if !p.EndedAt.IsZero() && p.EndedAt.Before(asOf) {
		end = p.EndedAt
	}
	return p.StartedAt, end, end.After(p.StartedAt)
}

// Cost returns what the process has cost up to asOf.
func (p Process) Cost(asOf time.Time) cost.Nanos {
	start, end, ok := p.Interval(asOf)
	if !ok {
		return 0
	}
	return p.Rate.Over(start, end)
}
