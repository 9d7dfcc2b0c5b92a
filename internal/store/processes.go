package store

import (
	"context"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
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
	if err != nil {
		return nil, fail("list processes", err)
	}
	processes := convert(rows, processFromDB)
	return processes, db.addPrices(ctx, id, rows, func(i int) *cluster.Process { return &processes[i] })
}

// ProcessByID finds a process.
func (db *DB) ProcessByID(ctx context.Context, id cluster.ProcessID) (cluster.Process, error) {
	row, err := db.read(ctx).GetProcessByID(ctx, text(string(id)))
	if err != nil {
		return cluster.Process{}, found("read a process", "process", err)
	}
	p := processFromDB(row)
	return p, db.addPrices(ctx, p.ClusterID, []sqlcgen.Process{row}, func(int) *cluster.Process { return &p })
}

// addPrices gives processes of one cluster all that their cost depends on beside their rows.
func (db *DB) addPrices(ctx context.Context, id cluster.ID, rows []sqlcgen.Process, process func(i int) *cluster.Process) error {
	if err := db.addRepricings(ctx, id, rows, process); err != nil {
		return err
	}
	return db.addGPUs(ctx, id, rows, process)
}

// addRepricings gives processes of one cluster the prices that came after their first ones. Few have any, so most reads are spared the query.
func (db *DB) addRepricings(ctx context.Context, id cluster.ID, rows []sqlcgen.Process, process func(i int) *cluster.Process) error {
	if !slices.ContainsFunc(rows, func(r sqlcgen.Process) bool { return r.Repricings > 0 }) {
		return nil
	}
	prices, err := db.read(ctx).ListProcessPricesByCluster(ctx, string(id))
	if err != nil {
		return fail("list prices of processes", err)
	}
	of := map[string][]cluster.Repricing{}
	for _, r := range prices {
		of[r.ProcessID] = append(of[r.ProcessID], cluster.Repricing{From: fromMicros(r.FromAt), Basis: cost.Basis{
			CoreHour: cost.Nanos(r.CoreHourNanos), GigabyteHour: cost.Nanos(r.GigabyteHourNanos), Source: r.PriceSource, AsOf: fromMaybeMicros(r.PriceAsOf),
		}})
	}
	for i, r := range rows {
		process(i).Repricings = of[r.ID]
	}
	return nil
}

// AddRepricings adds prices that came into force while a process ran.
func (db *DB) AddRepricings(ctx context.Context, p cluster.Process, repricings []cluster.Repricing, at time.Time) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		for _, r := range repricings {
			n, err := db.write(ctx).AddProcessPrice(ctx, sqlcgen.AddProcessPriceParams{
				ProcessID: string(p.ID), FromAt: micros(r.From), ClusterID: string(p.ClusterID), CoreHourNanos: int64(r.Basis.CoreHour),
				GigabyteHourNanos: int64(r.Basis.GigabyteHour), PriceSource: text(r.Basis.Source), PriceAsOf: maybeMicros(r.Basis.AsOf), RecordedAt: micros(at),
			})
			if err := inserted(n, err, "add the price of a process", "price of a process"); err != nil {
				return err
			}
			if err := db.MarkSince(ctx, p.ClusterID, r.From); err != nil {
				return err
			}
		}
		n, err := db.write(ctx).CountRepricings(ctx, sqlcgen.CountRepricingsParams{Repricings: int64(len(repricings)), ID: string(p.ID)})
		return one(n, err, "count the prices of a process", "process")
	})
}

// UpdateProcess writes all but identity, name and creation time, and marks the hours in which that makes it cost something else. Its ledger is looked at again.
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
		if row.Gpus > 0 {
			if err := db.markSharing(ctx, was, p); err != nil {
				return err
			}
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
