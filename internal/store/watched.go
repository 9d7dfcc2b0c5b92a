package store

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// ClusterBySchedulerKey returns the owner's watched cluster whose scheduler has that id, an ended one too.
func (db *DB) ClusterBySchedulerKey(ctx context.Context, owner identity.UserID, key string) (cluster.Cluster, error) {
	row, err := db.read(ctx).GetClusterBySchedulerKey(ctx, sqlcgen.GetClusterBySchedulerKeyParams{OwnerID: string(owner), SchedulerKey: keyToDB(key)})
	if err != nil {
		return cluster.Cluster{}, found("read a cluster by its scheduler", "cluster", err)
	}
	return clusterFromDB(row)
}

// CountLiveWatched counts the owner's watched clusters that have not ended.
func (db *DB) CountLiveWatched(ctx context.Context, owner identity.UserID) (int, error) {
	n, err := db.read(ctx).CountLiveWatchedClusters(ctx, string(owner))
	return int(n), fail("count watched clusters", err)
}

// ListLiveWatched returns all watched clusters that have not ended, oldest first.
func (db *DB) ListLiveWatched(ctx context.Context) ([]cluster.Cluster, error) {
	rows, err := db.read(ctx).ListLiveWatchedClusters(ctx)
	if err != nil {
		return nil, fail("list watched clusters", err)
	}
	out := make([]cluster.Cluster, len(rows))
	for i, row := range rows {
		if out[i], err = clusterFromDB(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// TouchCluster records that a watched cluster reported, unless a later report is known; it leaves other clusters alone.
func (db *DB) TouchCluster(ctx context.Context, id cluster.ID, at time.Time) error {
	_, err := db.write(ctx).TouchCluster(ctx, sqlcgen.TouchClusterParams{SeenAt: micros(at), ID: string(id)})
	return fail("record a report", err)
}

// AddWatchToken keeps the hash of one more agent token of a watched cluster, and forgets all but the newest so many.
func (db *DB) AddWatchToken(ctx context.Context, id cluster.ID, h identity.Hash, at time.Time, keep int) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		q := db.write(ctx)
		if err := q.CreateWatchToken(ctx, sqlcgen.CreateWatchTokenParams{Hash: string(h), ClusterID: string(id), CreatedAt: micros(at)}); err != nil {
			return fail("keep an agent token", err)
		}
		return fail("forget old agent tokens", q.DeleteOldWatchTokens(ctx, sqlcgen.DeleteOldWatchTokensParams{ClusterID: string(id), Keep: int64(keep)}))
	})
}

// ForgetWatchTokens forgets all agent tokens of a watched cluster.
func (db *DB) ForgetWatchTokens(ctx context.Context, id cluster.ID) error {
	return fail("forget agent tokens", db.write(ctx).DeleteWatchTokens(ctx, string(id)))
}
