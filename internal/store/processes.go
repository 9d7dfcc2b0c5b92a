package store

import (
	"context"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// CreateProcess inserts a process, and marks the hours that it costs something in.
func (db *DB) CreateProcess(ctx context.Context, p cluster.Process) error {
	return db.together(ctx, func(ctx context.Context) error {
		if err := db.createProcess(ctx, p); err != nil {
			return err
		}
		return db.markProcess(ctx, nil, p)
	})
}

func (db *DB) createProcess(ctx context.Context, p cluster.Process) error {
	n, err := db.write(ctx).CreateProcess(ctx, sqlcgen.CreateProcessParams{
		ID: string(p.ID), ClusterID: string(p.ClusterID), Role: string(p.Role), Name: text(p.Name), Generation: int64(p.Generation),
		Status: string(p.Status), Target: string(p.Target), Threads: int64(p.Threads), MemoryBytes: p.MemoryBytes,
		NanosPerHour: int64(p.Rate.NanosPerHour), Currency: string(p.Rate.Currency),
		Handle: text(p.Handle), ExitCode: exitCodeToDB(p.ExitCode), Reason: text(p.Reason),
		CreatedAt: micros(p.CreatedAt), StartedAt: maybeMicros(p.StartedAt), RetireAt: maybeMicros(p.RetireAt), EndedAt: maybeMicros(p.EndedAt),
		CoreHourNanos: int64(p.Basis.CoreHour), GigabyteHourNanos: int64(p.Basis.GigabyteHour), PriceSource: text(p.Basis.Source),
		PriceAsOf: maybeMicros(p.Basis.AsOf),
	})
	return inserted(n, err, "create a process", "process")
}

// ProcessesByCluster returns all processes of a cluster, the scheduler first, then by name and generation; w-2 comes before w-10.
func (db *DB) ProcessesByCluster(ctx context.Context, id cluster.ID) ([]cluster.Process, error) {
	rows, err := db.read(ctx).ListProcessesByCluster(ctx, string(id))
	return convert(rows, processFromDB), fail("list processes", err)
}

// ProcessByID finds a process.
func (db *DB) ProcessByID(ctx context.Context, id cluster.ProcessID) (cluster.Process, error) {
	row, err := db.read(ctx).GetProcessByID(ctx, text(string(id)))
	if err != nil {
		return cluster.Process{}, found("read a process", "process", err)
	}
	return processFromDB(row), nil
}

// UpdateProcess writes all but identity, name and creation time, and marks the hours in which that makes it cost something else.
func (db *DB) UpdateProcess(ctx context.Context, p cluster.Process) error {
	return db.together(ctx, func(ctx context.Context) error {
		row, err := db.read(ctx).GetProcessByID(ctx, text(string(p.ID)))
		if err != nil {
			return found("update a process", "process", err)
		}
		was := processFromDB(row)
		p.ClusterID, p.Role = was.ClusterID, was.Role
		if err := db.markProcess(ctx, &was, p); err != nil {
			return err
		}
		return db.updateProcess(ctx, p)
	})
}

func (db *DB) updateProcess(ctx context.Context, p cluster.Process) error {
	n, err := db.write(ctx).UpdateProcess(ctx, sqlcgen.UpdateProcessParams{
		ID: string(p.ID), Status: string(p.Status), Target: string(p.Target), Handle: text(p.Handle), ExitCode: exitCodeToDB(p.ExitCode),
		Reason: text(p.Reason), StartedAt: maybeMicros(p.StartedAt), RetireAt: maybeMicros(p.RetireAt), EndedAt: maybeMicros(p.EndedAt),
		Threads: int64(p.Threads), MemoryBytes: p.MemoryBytes, NanosPerHour: int64(p.Rate.NanosPerHour), Currency: string(p.Rate.Currency),
		CoreHourNanos: int64(p.Basis.CoreHour), GigabyteHourNanos: int64(p.Basis.GigabyteHour), PriceSource: text(p.Basis.Source),
		PriceAsOf: maybeMicros(p.Basis.AsOf),
	})
	return one(n, err, "update a process", "process")
}
