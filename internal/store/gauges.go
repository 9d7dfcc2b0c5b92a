package store

import (
	"context"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// SetGauges keeps gauges unless newer ones are there.
func (db *DB) SetGauges(ctx context.Context, id cluster.ID, g cluster.Gauges) error {
	return fail("set gauges", db.write(ctx).SetGauges(ctx, sqlcgen.SetGaugesParams{
		ClusterID: string(id), At: micros(g.At), Workers: g.Workers, Threads: g.Threads, Clients: g.Clients, Processing: g.Processing,
		Queued: g.Queued, Waiting: g.Waiting, NoWorker: g.NoWorker, InMemory: g.InMemory, Erred: g.Erred,
		ManagedBytes: g.ManagedBytes, SpilledBytes: g.SpilledBytes,
	}))
}

// GaugesByCluster returns the last gauges.
func (db *DB) GaugesByCluster(ctx context.Context, id cluster.ID) (cluster.Gauges, error) {
	r, err := db.read(ctx).GetGaugesByCluster(ctx, string(id))
	if err != nil {
		return cluster.Gauges{}, found("read gauges", "report of the scheduler", err)
	}
	return cluster.Gauges{
		At: fromMicros(r.At), Workers: r.Workers, Threads: r.Threads, Clients: r.Clients, Processing: r.Processing,
		Queued: r.Queued, Waiting: r.Waiting, NoWorker: r.NoWorker, InMemory: r.InMemory, Erred: r.Erred,
		ManagedBytes: r.ManagedBytes, SpilledBytes: r.SpilledBytes,
	}, nil
}
