package bill

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// ProcessHour is what one process cost within one hour of UTC.
type ProcessHour struct {
	Cluster cluster.Cluster
	Owner   identity.User
	Process cluster.Process
	// [Start, End) is the part of the hour that was asked for; the process ran for Micros of it.
	Start, End time.Time
	Micros     int64
	Cost       cost.Nanos
	// GPUCost is what of the cost was for GPUs.
	GPUCost cost.Nanos
}

// ProcessHours returns what a process cost within [since, until), by hour. Windows side by side, and the hours of one, sum to its cost exactly.
func ProcessHours(p cluster.Process, since, until time.Time) iter.Seq[ProcessHour] {
	return func(yield func(ProcessHour) bool) {
		start, end, ok := p.Interval(until)
		if !ok {
			return
		}
		for at := later(start.UTC().Truncate(time.Hour), since.UTC()); at.Before(end); {
			next := earlier(at.Truncate(time.Hour).Add(time.Hour), until.UTC())
			h := ProcessHour{Process: p, Start: at, End: next, Cost: p.CostBetween(at, next), GPUCost: p.GPUCostBetween(at, next)}
			h.Micros = max(earlier(next, end).UnixMicro()-later(at, start).UnixMicro(), 0)
			if (h.Micros > 0 || h.Cost > 0) && !yield(h) {
				return
			}
			at = next
		}
	}
}

// ProcessHours returns what the processes of a cluster, or of all clusters that the actor may see if ref is empty, cost within [since, until), by hour. It
// reads one cluster at a time, while it is ranged over.
func (s *Service) ProcessHours(ctx context.Context, now time.Time, actor identity.Actor, ref string, since, until time.Time) (iter.Seq2[ProcessHour, error], error) {
	until = earlier(until, now)
	if until.Before(since) {
		return nil, errs.InvalidFields(errs.Field{Name: "since", Message: "The window ends before it begins."})
	}
	var clusters []cluster.Cluster
	if ref != "" {
		c, err := s.clusters.Find(ctx, actor, ref)
		if err != nil {
			return nil, err
		}
		clusters = []cluster.Cluster{c}
	} else {
		var err error
		if clusters, err = s.clustersWithin(ctx, actor, since, until); err != nil {
			return nil, err
		}
	}
	return func(yield func(ProcessHour, error) bool) {
		for _, c := range clusters {
			if !s.hoursOf(ctx, c, since, until, yield) {
				return
			}
		}
	}, nil
}

// hoursOf yields the hours of one cluster, and whether to go on.
func (s *Service) hoursOf(ctx context.Context, c cluster.Cluster, since, until time.Time, yield func(ProcessHour, error) bool) bool {
	owner, err := s.rows.UserByID(ctx, c.OwnerID)
	if err != nil {
		return yield(ProcessHour{}, fmt.Errorf("find owner: %w", err))
	}
	processes, err := s.rows.ProcessesByCluster(ctx, c.ID)
	if err != nil {
		return yield(ProcessHour{}, fmt.Errorf("list processes: %w", err))
	}
	for _, p := range processes {
		for h := range ProcessHours(p, since, until) {
			h.Cluster, h.Owner = c, owner
			if !yield(h, nil) {
				return false
			}
		}
	}
	return true
}

// clustersWithin lists the clusters that the actor may see and that lived within the window.
func (s *Service) clustersWithin(ctx context.Context, actor identity.Actor, since, until time.Time) ([]cluster.Cluster, error) {
	scope := actor.Scope()
	clusters, err := s.rows.ListClusters(ctx, cluster.ListFilter{Scope: &scope, AliveSince: since, CreatedBefore: until})
	if err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	return clusters, nil
}
