package store

import (
	"context"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// AddEvent appends an event; its ID is given by the database.
func (db *DB) AddEvent(ctx context.Context, e cluster.Event) error {
	return fail("add an event", db.write(ctx).CreateEvent(ctx, sqlcgen.CreateEventParams{
		ClusterID: string(e.ClusterID), At: micros(e.At), Kind: string(e.Kind), Message: text(e.Message),
	}))
}

// EventsByCluster returns the newest events first; a limit of 0 means all.
func (db *DB) EventsByCluster(ctx context.Context, id cluster.ID, limit int) ([]cluster.Event, error) {
	rows, err := db.read(ctx).ListEventsByCluster(ctx, sqlcgen.ListEventsByClusterParams{ClusterID: string(id), MaxRows: limitToDB(limit)})
	return convert(rows, eventFromDB), fail("list events", err)
}
