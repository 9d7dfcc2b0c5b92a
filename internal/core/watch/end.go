package watch

import (
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Change is what becomes of a watched cluster: rows to write in one transaction.
type Change struct {
	Cluster   cluster.Cluster
	Processes []cluster.Process
	Event     cluster.Event
}

// Finish ends a cluster whose scheduler said that it is done, at the end of its last window.
func Finish(c cluster.Cluster, processes []cluster.Process, at Window) Change {
	earliest, latest := at.bounds(c)
	end := clamp(at.End, later(earliest, c.StartedAt), later(latest, c.StartedAt))
	c.Status, c.Target, c.Reason, c.EndedAt = cluster.StatusStopped, cluster.TargetStopped, "Its scheduler ended, or is not watched any more", end
	change := Change{Cluster: c, Event: cluster.Event{ClusterID: c.ID, At: end, Kind: cluster.EventStopped, Message: c.Reason}}
	change.Processes = endAll(processes, end, cluster.TargetStopped, "")
	return change
}

// Silent ends a cluster that has not reported for longer than the timeout: at its last report, because what it did afterwards nobody knows. began is
// when this server began to listen; silence before that is its own. ok is false while there is hope.
func Silent(now, began time.Time, c cluster.Cluster, processes []cluster.Process, timeout time.Duration) (Change, bool) {
	heard := later(c.LastSeenAt, c.StartedAt)
	if c.Status.Ended() || now.Sub(later(heard, began)) < timeout {
		return Change{}, false
	}
	c.Status, c.EndedAt = cluster.StatusStopped, heard
	c.Reason = fmt.Sprintf("It has not reported since %s, so it counts as ended then", heard.UTC().Format(time.RFC3339))
	change := Change{Cluster: c, Event: cluster.Event{ClusterID: c.ID, At: now, Kind: cluster.EventAway, Message: c.Reason}}
	change.Processes = endAll(processes, heard, cluster.TargetRunning, "Its cluster has not reported since")
	return change, true
}

// Back returns a cluster that had fallen silent and reports again, with its scheduler. Its workers come back as they report, and have lived in between:
// that time is paid for and unknown. ok is false for a cluster that lives, or that said that it was done.
func Back(c cluster.Cluster, processes []cluster.Process, seen time.Time) (Change, bool) {
	if !c.Watched() || !c.Status.Ended() || c.Target != cluster.TargetRunning || !seen.After(c.EndedAt) {
		return Change{}, false
	}
	was := c.EndedAt
	c.Status, c.Reason, c.EndedAt = cluster.StatusRunning, "", time.Time{}
	change := Change{Cluster: c, Event: cluster.Event{
		ClusterID: c.ID, At: seen, Kind: cluster.EventBack,
		Message: fmt.Sprintf("Reports again; what was not reported since %s is unknown", was.UTC().Format(time.RFC3339)),
	}}
	for _, p := range processes {
		if p.Role == cluster.RoleScheduler && p.Status.Ended() && p.Target == cluster.TargetRunning {
			change.Processes = append(change.Processes, Revive(p, Window{End: seen}))
		}
	}
	return change, true
}

// endAll ends the processes that have not ended.
func endAll(processes []cluster.Process, end time.Time, target cluster.Target, reason string) []cluster.Process {
	var out []cluster.Process
	for _, p := range processes {
		if p.Status.Ended() {
			continue
		}
		p.Status, p.Target, p.EndedAt, p.Reason = cluster.StatusStopped, target, later(end, p.StartedAt), reason
		out = append(out, p)
	}
	return out
}
