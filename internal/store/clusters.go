package store

import (
	"context"
	"math"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// allStatuses is what a list without a filter on the status selects.
var allStatuses = [6]cluster.Status{
	cluster.StatusPending, cluster.StatusStarting, cluster.StatusRunning, cluster.StatusStopping, cluster.StatusStopped, cluster.StatusFailed,
}

// CreateCluster inserts a cluster.
func (db *DB) CreateCluster(ctx context.Context, c cluster.Cluster) error {
	env, err := envToDB(c.Options.Env)
	if err != nil {
		return err
	}
	n, err := db.write(ctx).CreateCluster(ctx, sqlcgen.CreateClusterParams{
		ID: string(c.ID), Name: text(c.Name), OwnerID: string(c.OwnerID), Backend: c.Backend,
		Workers: int64(c.Options.Workers), Threads: int64(c.Options.Threads), MemoryBytes: c.Options.MemoryBytes,
		Python: text(c.Options.Python), Env: env, Status: string(c.Status), Target: string(c.Target), Reason: text(c.Reason),
		SchedulerAddress: text(c.SchedulerAddress), DashboardUrl: text(c.DashboardURL),
		CreatedAt: micros(c.CreatedAt), StartedAt: maybeMicros(c.StartedAt), EndedAt: maybeMicros(c.EndedAt),
		Deployment: text(c.Deployment), Method: methodToDB(c.Method), SchedulerKey: keyToDB(c.SchedulerKey), LastSeenAt: maybeMicros(c.LastSeenAt),
	})
	return inserted(n, err, "create a cluster", "cluster")
}

// ClusterByID finds a cluster.
func (db *DB) ClusterByID(ctx context.Context, id cluster.ID) (cluster.Cluster, error) {
	row, err := db.read(ctx).GetClusterByID(ctx, string(id))
	if err != nil {
		return cluster.Cluster{}, found("read a cluster", "cluster", err)
	}
	return clusterFromDB(row)
}

// LiveClusterByName returns the owner's newest cluster of that name that has not ended.
func (db *DB) LiveClusterByName(ctx context.Context, owner identity.UserID, name string) (cluster.Cluster, error) {
	row, err := db.read(ctx).GetLiveClusterByName(ctx, sqlcgen.GetLiveClusterByNameParams{OwnerID: string(owner), Name: text(name)})
	if err != nil {
		return cluster.Cluster{}, found("read a cluster by name", "cluster", err)
	}
	return clusterFromDB(row)
}

// ListClusters returns clusters newest first.
func (db *DB) ListClusters(ctx context.Context, f cluster.ListFilter) ([]cluster.Cluster, error) {
	statuses := allStatuses
	if len(f.Statuses) > 0 {
		seen := map[cluster.Status]bool{}
		i := 0
		for _, s := range f.Statuses {
			if !seen[s] && i < len(statuses) {
				seen[s] = true
				statuses[i] = s
				i++
			}
		}
		for ; i < len(statuses); i++ {
			statuses[i] = statuses[0]
		}
	}
	params := sqlcgen.ListClustersParams{
		Status1: string(statuses[0]), Status2: string(statuses[1]), Status3: string(statuses[2]),
		Status4: string(statuses[3]), Status5: string(statuses[4]), Status6: string(statuses[5]),
		AliveSince: math.MinInt64, CreatedBefore: math.MaxInt64, BeforeID: string(f.Before), OwnerID: string(f.Owner),
		MaxRows: limitToDB(f.Limit),
	}
	if !f.AliveSince.IsZero() {
		params.AliveSince = micros(f.AliveSince)
	}
	if !f.CreatedBefore.IsZero() {
		params.CreatedBefore = micros(f.CreatedBefore)
	}
	rows, err := db.read(ctx).ListClusters(ctx, params)
	if err != nil {
		return nil, fail("list clusters", err)
	}
	out := make([]cluster.Cluster, len(rows))
	for i, row := range rows {
		if out[i], err = clusterFromDB(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// UpdateCluster writes all fields but ID, OwnerID, Backend, CreatedAt, SchedulerKey and LastSeenAt. It marks the hours in which a new
// name or end changes what was spent.
func (db *DB) UpdateCluster(ctx context.Context, c cluster.Cluster) error {
	return db.together(ctx, func(ctx context.Context) error {
		row, err := db.read(ctx).GetClusterByID(ctx, string(c.ID))
		if err != nil {
			return found("update a cluster", "cluster", err)
		}
		was, err := clusterFromDB(row)
		if err != nil {
			return err
		}
		if err := db.markClusterRow(ctx, was, c); err != nil {
			return err
		}
		return db.updateCluster(ctx, c)
	})
}

func (db *DB) updateCluster(ctx context.Context, c cluster.Cluster) error {
	env, err := envToDB(c.Options.Env)
	if err != nil {
		return err
	}
	n, err := db.write(ctx).UpdateCluster(ctx, sqlcgen.UpdateClusterParams{
		ID: string(c.ID), Name: text(c.Name), Workers: int64(c.Options.Workers), Threads: int64(c.Options.Threads),
		MemoryBytes: c.Options.MemoryBytes, Python: text(c.Options.Python), Env: env,
		Status: string(c.Status), Target: string(c.Target), Reason: text(c.Reason),
		SchedulerAddress: text(c.SchedulerAddress), DashboardUrl: text(c.DashboardURL),
		StartedAt: maybeMicros(c.StartedAt), EndedAt: maybeMicros(c.EndedAt),
		Deployment: text(c.Deployment), Method: methodToDB(c.Method),
	})
	return one(n, err, "update a cluster", "cluster")
}

// limitToDB makes 0 "no limit".
func limitToDB(limit int) int64 {
	if limit <= 0 {
		return math.MaxInt64
	}
	return int64(limit)
}
