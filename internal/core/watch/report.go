// Package watch keeps the books of clusters that Lineitem did not start: their processes come and go as their scheduler reports them, and a
// cluster that falls silent ends at its last report. Nothing here acts on a machine.
package watch

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
)

// Bounds of what a scheduler may report; what is outside is a broken or hostile sender.
const (
	maxThreads = 4096
	maxMemory  = 1 << 50
	maxName    = 200
	maxID      = 300
	maxText    = 400
	maxAddress = 500
	// freshFor is how long before the first window of its observer a process may have begun and still count from its own start: the agent's first
	// window reaches back as far (docs/telemetry.md).
	freshFor = time.Minute
)

// Window is the time that a report covers, and when it was received.
type Window struct {
	Start, End, Received time.Time
}

// bounds returns the earliest start and the latest end that the report may tell of the cluster: nothing before it was announced, but for a
// moment, and nothing later than now, whatever the clocks of other machines say.
func (w Window) bounds(c cluster.Cluster) (earliest, latest time.Time) {
	earliest, latest = c.CreatedAt.Add(-freshFor), w.Received
	if latest.Before(earliest) {
		latest = earliest
	}
	return earliest, latest
}

func clamp(t, earliest, latest time.Time) time.Time {
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	default:
		return t
	}
}

// start returns from when on a process is paid for. One that came during the window, or shortly before it, is from its start; one that is older was
// there before anybody looked, and counts from the beginning of the window: what it cost before is not known.
func (w Window) start(c cluster.Cluster, reported time.Time) time.Time {
	earliest, latest := w.bounds(c)
	if reported.Before(w.Start.Add(-freshFor)) || reported.After(w.End) {
		reported = w.Start
	}
	return clamp(reported, earliest, latest)
}

// Sound reports whether a row about a worker can be kept at all.
func Sound(c cluster.Cluster, w cluster.ReportedWorker) bool {
	return strings.HasPrefix(string(w.Process), string(c.ID)+"-") && len(w.Process) <= maxID &&
		!strings.ContainsFunc(string(w.Process), notInID) && w.Threads >= 1 && w.Threads <= maxThreads && w.MemoryBytes >= 0 && w.MemoryBytes <= maxMemory
}

// NewWorker returns the process of a worker that a scheduler reports for the first time.
func NewWorker(c cluster.Cluster, card cost.Card, w cluster.ReportedWorker, generation int, at Window) cluster.Process {
	start := at.start(c, w.StartedAt)
	p := cluster.Process{
		ID: w.Process, ClusterID: c.ID, Role: cluster.RoleWorker, Name: nameOf(c, w), Generation: generation,
		Status: cluster.StatusRunning, Target: cluster.TargetRunning, CreatedAt: start, StartedAt: start,
	}
	return Update(c, card, p, w, at)
}

// Update brings a worker's process up to what its scheduler reports. A worker that had been given up for lost, and is reported
// again, lived in between: its time is paid for, and unknown where nothing was reported.
func Update(c cluster.Cluster, card cost.Card, p cluster.Process, w cluster.ReportedWorker, at Window) cluster.Process {
	p.Threads, p.MemoryBytes = w.Threads, w.MemoryBytes
	card = card.Of(p.Basis) // its first prices stay what they were; those that came later are kept beside them
	p.Rate, p.Basis = card.Price(w.Threads, w.MemoryBytes), card.Basis()
	if w.Host != "" {
		p.Handle = cut(w.Host, maxName)
	}
	if start := at.start(c, w.StartedAt); start.Before(p.StartedAt) {
		p.StartedAt = start
	}
	if w.EndedAt.IsZero() {
		return Revive(p, at)
	}
	_, latest := at.bounds(c)
	p.EndedAt = clamp(w.EndedAt, p.StartedAt, later(latest, p.StartedAt))
	p.Status, p.Target, p.Reason = cluster.StatusStopped, cluster.TargetStopped, cut(w.Reason, maxText)
	if w.LostTasks > 0 {
		p.Status = cluster.StatusFailed
		if p.Reason == "" {
			p.Reason = "It vanished while " + tasks(w.LostTasks) + " ran on it"
		}
	}
	return p
}

// Revive returns a process that reports after it had been given up for lost. One that is known to have ended stays so.
func Revive(p cluster.Process, at Window) cluster.Process {
	if p.Status.Ended() && p.Target == cluster.TargetRunning && at.End.After(p.EndedAt) {
		p.Status, p.Reason, p.EndedAt = cluster.StatusRunning, "", time.Time{}
	}
	return p
}

// Describe brings a cluster up to what its scheduler says about it.
func Describe(c cluster.Cluster, r cluster.ReportedCluster) cluster.Cluster {
	switch r.Deployment {
	case "local", "jobqueue", "kubernetes", "gateway", "cuda", "manual":
		c.Deployment = r.Deployment
	}
	if r.SchedulerAddress != "" && len(r.SchedulerAddress) <= maxAddress {
		c.SchedulerAddress = r.SchedulerAddress
	}
	if u, err := url.Parse(r.DashboardURL); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && len(r.DashboardURL) <= maxAddress {
		c.DashboardURL = r.DashboardURL
	}
	return c
}

// LossOf returns the event of a worker that took running tasks with it, and whether there is one to tell.
func LossOf(id cluster.ID, w cluster.ReportedWorker, at Window) (cluster.Event, bool) {
	if w.EndedAt.IsZero() || w.LostTasks <= 0 {
		return cluster.Event{}, false
	}
	when := w.EndedAt
	if when.After(at.Received) {
		when = at.Received
	}
	message := fmt.Sprintf("Worker %s vanished while %s ran on it", cut(w.Name, maxName), tasks(w.LostTasks))
	if w.Reason != "" {
		message += ": " + cut(w.Reason, maxText)
	}
	return cluster.Event{ClusterID: id, At: when, Kind: cluster.EventWorkerLost, Message: message}, true
}

// nameOf returns a worker's name for people: its own, else what its id says.
func nameOf(c cluster.Cluster, w cluster.ReportedWorker) string {
	name := w.Name
	if name == "" {
		name = strings.TrimPrefix(string(w.Process), string(c.ID)+"-")
	}
	return cut(name, maxName)
}

// nameFrom returns the name within the id of a worker, "<cluster>-<name>-<8 characters>".
func nameFrom(c cluster.Cluster, id cluster.ProcessID) string {
	const end = len("-01234567")
	name := strings.TrimPrefix(string(id), string(c.ID)+"-")
	if len(name) > end && name[len(name)-end] == '-' {
		name = name[:len(name)-end]
	}
	return name
}

func tasks(n int64) string {
	if n == 1 {
		return "1 task"
	}
	return fmt.Sprintf("%d tasks", n)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func notInID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
}

// cut bounds a text without cutting a character in two, and leaves nothing in it that a database would not keep as it is: names that differ must
// stay different.
func cut(s string, n int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
