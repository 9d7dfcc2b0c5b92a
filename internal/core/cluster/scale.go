package cluster

import (
	"cmp"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

type scaleChange struct {
	created, updated []Process
}

// planScale decides which workers come and which go. New workers get names never used before in the cluster, so that a
// name in a bill means one worker. The workers named in in.Remove go first, then those that are not up yet, then the newest.
func planScale(now time.Time, c Cluster, processes []Process, card cost.Card, in ScaleInput) scaleChange {
	var wanted []Process
	next := 0
	for _, p := range processes {
		if p.Role != RoleWorker {
			continue
		}
		next = max(next, workerNumber(p.Name)+1)
		if p.Target == TargetRunning && !p.Status.Ended() {
			wanted = append(wanted, p)
		}
	}
	var change scaleChange
	for n := len(wanted); n < in.Workers; n++ {
		change.created = append(change.created, NewWorker(c, card, WorkerName(next), 1, now))
		next++
	}
	if len(wanted) <= in.Workers {
		return change
	}
	slices.SortStableFunc(wanted, func(a, b Process) int {
		return cmp.Or(
			-cmp.Compare(btoi(slices.Contains(in.Remove, a.Name)), btoi(slices.Contains(in.Remove, b.Name))),
			cmp.Compare(btoi(a.Status == StatusRunning), btoi(b.Status == StatusRunning)),
			-cmp.Compare(workerNumber(a.Name), workerNumber(b.Name)),
		)
	})
	for _, p := range wanted[:len(wanted)-in.Workers] {
		p.Target = TargetStopped
		p.Reason = "Scaled down"
		change.updated = append(change.updated, p)
	}
	return change
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
