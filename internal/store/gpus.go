package store

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// AddGPUs adds devices that a process has been found to see, with their first prices, and marks what that changes: the process's hours, and those of all that
// share a device with it. Devices that are known already stay as they are.
func (db *DB) AddGPUs(ctx context.Context, p cluster.Process, gpus []cluster.GPU, at time.Time) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		added := int64(0)
		for _, g := range gpus {
			n, err := db.write(ctx).AddProcessGPU(ctx, sqlcgen.AddProcessGPUParams{
				ProcessID: string(p.ID), Uuid: text(g.UUID), ClusterID: string(p.ClusterID), Device: int64(g.Index), Model: text(g.Model), RecordedAt: micros(at),
			})
			if err != nil {
				return fail("add a GPU of a process", err)
			}
			added += n
			for _, price := range g.Prices {
				price.From = fromMicros(0) // from the beginning
				if _, err := db.addGPUPrice(ctx, p, g.Model, price, at); err != nil {
					return err
				}
			}
		}
		if added == 0 {
			return nil
		}
		n, err := db.write(ctx).CountProcessGPUs(ctx, sqlcgen.CountProcessGPUsParams{Gpus: added, ID: string(p.ID)})
		if err := one(n, err, "count the GPUs of a process", "process"); err != nil {
			return err
		}
		from, until := spanOf(p)
		var m marks
		m.stretch(string(p.ClusterID), from, until)
		if err := db.mark(ctx, m); err != nil {
			return err
		}
		return db.markHolders(ctx, p, from, until)
	})
}

// HeldGPUs returns the devices that the processes of a cluster are known to see, by UUID.
func (db *DB) HeldGPUs(ctx context.Context, id cluster.ID) (map[cluster.ProcessID][]string, error) {
	rows, err := db.read(ctx).ListProcessGPUs(ctx, string(id))
	held := map[cluster.ProcessID][]string{}
	for _, r := range rows {
		held[cluster.ProcessID(r.ProcessID)] = append(held[cluster.ProcessID(r.ProcessID)], r.Uuid)
	}
	return held, fail("list the GPUs of processes", err)
}

// AddGPUPrices adds prices of GPUs that came into force while a process ran, by model.
func (db *DB) AddGPUPrices(ctx context.Context, p cluster.Process, prices map[string][]cluster.GPUPrice, at time.Time) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		for _, model := range slices.Sorted(maps.Keys(prices)) {
			for _, price := range prices[model] {
				n, err := db.addGPUPrice(ctx, p, model, price, at)
				if err := inserted(n, err, "add the price of a GPU", "price of a GPU"); err != nil {
					return err
				}
				if err := db.MarkSince(ctx, p.ClusterID, price.From); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (db *DB) addGPUPrice(ctx context.Context, p cluster.Process, model string, price cluster.GPUPrice, at time.Time) (int64, error) {
	n, err := db.write(ctx).AddGPUPrice(ctx, sqlcgen.AddGPUPriceParams{
		ProcessID: string(p.ID), Model: text(model), FromAt: micros(price.From), ClusterID: string(p.ClusterID), NanosPerHour: int64(price.Hour),
		PriceSource: text(price.Source), PriceAsOf: maybeMicros(price.AsOf), RecordedAt: micros(at),
	})
	return n, fail("add the price of a GPU", err)
}

// addGPUs gives processes of one cluster their GPUs, and with how many others they share them. Few have any, so most reads are spared the queries.
func (db *DB) addGPUs(ctx context.Context, id cluster.ID, rows []sqlcgen.Process, process func(i int) *cluster.Process) error {
	since, until := int64(math.MaxInt64), int64(math.MinInt64)
	for _, r := range rows {
		if r.Gpus == 0 || !r.StartedAt.Valid {
			continue
		}
		since = min(since, r.StartedAt.Int64)
		if !r.EndedAt.Valid {
			until = open
		}
		until = max(until, r.EndedAt.Int64)
	}
	if since > until {
		return nil
	}
	gpus, err := db.read(ctx).ListProcessGPUs(ctx, string(id))
	if err != nil {
		return fail("list the GPUs of processes", err)
	}
	prices, err := db.read(ctx).ListGPUPrices(ctx, string(id))
	if err != nil {
		return fail("list the prices of GPUs", err)
	}
	holders, err := db.read(ctx).ListGPUHolders(ctx, sqlcgen.ListGPUHoldersParams{ClusterID: string(id), Until: until, Since: since})
	if err != nil {
		return fail("list who shares GPUs", err)
	}
	type ofModel struct{ process, model string }
	priced := map[ofModel][]cluster.GPUPrice{}
	for _, r := range prices {
		k := ofModel{r.ProcessID, r.Model}
		priced[k] = append(priced[k], cluster.GPUPrice{
			From: fromMicros(r.FromAt), Hour: cost.Nanos(r.NanosPerHour), Source: r.PriceSource, AsOf: fromMaybeMicros(r.PriceAsOf),
		})
	}
	sharing := map[string][]cluster.GPUHolder{}
	for _, r := range holders {
		sharing[r.Uuid] = append(sharing[r.Uuid], cluster.GPUHolder{
			Process: cluster.ProcessID(r.ID), Start: fromMaybeMicros(r.StartedAt), End: fromMaybeMicros(r.EndedAt),
		})
	}
	shares := make(map[string]map[cluster.ProcessID][]cluster.GPUShare, len(sharing))
	for uuid, who := range sharing {
		shares[uuid] = cluster.ShareGPU(who)
	}
	of := map[string][]cluster.GPU{}
	for _, r := range gpus {
		of[r.ProcessID] = append(of[r.ProcessID], cluster.GPU{
			UUID: r.Uuid, Model: r.Model, Index: int(r.Device), Prices: priced[ofModel{r.ProcessID, r.Model}],
			Shares: shares[r.Uuid][cluster.ProcessID(r.ProcessID)],
		})
	}
	for i, r := range rows {
		process(i).GPUs = of[r.ID]
	}
	return nil
}

// markHolders marks the hours within [from, until] of all that share a device with a process, and has their ledgers looked at again: its coming or going there
// changes their parts.
func (db *DB) markHolders(ctx context.Context, p cluster.Process, from, until int64) error {
	holders, err := db.read(ctx).ListOtherHolders(ctx, sqlcgen.ListOtherHoldersParams{ProcessID: string(p.ID), Until: until, Since: from})
	if err != nil {
		return fail("list who shares the GPUs of a process", err)
	}
	var m marks
	for _, h := range holders {
		last := int64(open)
		if h.EndedAt.Valid {
			last = h.EndedAt.Int64 - 1
		}
		m.stretch(h.ClusterID, max(from, h.StartedAt.Int64), min(until, last))
		if h.Unposted == 0 {
			if err := db.write(ctx).UnsettleProcess(ctx, h.ID); err != nil {
				return fail("look at a ledger again", err)
			}
		}
	}
	return db.mark(ctx, m)
}

// markSharing marks what it changes for others that a process with GPUs starts or ends at another time.
func (db *DB) markSharing(ctx context.Context, was, is cluster.Process) error {
	from, until := min(endOf(was), endOf(is)), max(endOf(was), endOf(is))
	if !was.StartedAt.Equal(is.StartedAt) {
		first, _ := spanOf(was)
		second, _ := spanOf(is)
		from = min(first, second)
	} else if from == until {
		return nil
	}
	return db.markHolders(ctx, is, from, until)
}

// GPUTime says how long GPUs were held by the processes of clusters within the scope, in [since, until), by model and price.
func (db *DB) GPUTime(ctx context.Context, scope identity.Scope, since, until time.Time) (out []price.GPUTime, err error) {
	owner, led := scopeToDB(&scope)
	err = db.Snapshot(ctx, func(ctx context.Context) error {
		out = nil
		rows, err := db.read(ctx).ListGPUProcesses(ctx, sqlcgen.ListGPUProcessesParams{Until: micros(until), Since: micros(since), Owner: owner, Led: led})
		if err != nil {
			return fail("list processes with GPUs", err)
		}
		for from := 0; from < len(rows); {
			to, id := from, rows[from].Process.ClusterID
			var processes []cluster.Process
			var of []sqlcgen.Process
			for ; to < len(rows) && rows[to].Process.ClusterID == id; to++ {
				of, processes = append(of, rows[to].Process), append(processes, processFromDB(rows[to].Process))
			}
			if err := db.addGPUs(ctx, cluster.ID(id), of, func(i int) *cluster.Process { return &processes[i] }); err != nil {
				return err
			}
			for _, p := range processes {
				for _, u := range p.GPUUses(since, until) {
					out = append(out, price.GPUTime{Provider: rows[from].Backend, Model: u.Model, Source: u.Price.Source, AsOf: u.Price.AsOf, Micros: u.Micros})
				}
			}
			from = to
		}
		return nil
	})
	return out, err
}

// GPUHours returns how long the devices of a cluster were watched, and did nothing, in windows that begin within [since, until), by hour.
func (db *DB) GPUHours(ctx context.Context, id cluster.ID, since, until time.Time) ([]usage.GPUHour, error) {
	rows, err := db.read(ctx).ListGPUHours(ctx, sqlcgen.ListGPUHoursParams{ClusterID: string(id), Since: micros(since), Until: micros(until)})
	return convert(rows, func(r sqlcgen.ListGPUHoursRow) usage.GPUHour {
		return usage.GPUHour{
			ProcessID: cluster.ProcessID(r.ProcessID), UUID: r.Uuid, HourAt: fromMicros(r.Hour * microsPerHour), ObservedMicros: r.ObservedMicros, IdleMicros: r.IdleMicros,
		}
	}), fail("list the hours of GPUs", err)
}
