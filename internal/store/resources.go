package store

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

var (
	putResources = newBulk(
		`INSERT INTO resource_usage (cluster_id, process_id, start_at, epoch, end_at, whole, observed_micros, rss_bytes, rss_peak_bytes,
    managed_bytes, spilled_bytes, memory_limit_bytes, cpu_micros, transfer_in_bytes, transfer_out_bytes, disk_read_bytes, disk_write_bytes)`, 17,
		`ON CONFLICT DO NOTHING`)
	putGPUs = newBulk(
		`INSERT INTO gpu_usage (cluster_id, process_id, start_at, epoch, key, end_at, whole, uuid, device, name, observed_micros, util_micros,
    idle_micros, sm_micros, memory_peak_bytes, memory_total_bytes, energy_millijoules)`, 17,
		`ON CONFLICT DO NOTHING`)
)

// PutResources keeps windows; one that is there already stays.
func (db *DB) PutResources(ctx context.Context, windows []resource.Window) error {
	return db.exec(ctx, "put resources", putResources, len(windows), func(to []any, i int) []any {
		w := windows[i]
		u := w.Usage
		return append(to, string(w.ClusterID), text(string(w.ProcessID)), micros(w.StartAt), text(w.Epoch), micros(w.EndAt), false, w.ObservedMicros,
			u.RSSBytes, u.RSSPeakBytes, u.ManagedBytes, u.SpilledBytes, u.MemoryLimitBytes, u.CPUMicros,
			u.TransferInBytes, u.TransferOutBytes, u.DiskReadBytes, u.DiskWriteBytes)
	})
}

// PutGPUs keeps windows of GPUs; one that is there already stays.
func (db *DB) PutGPUs(ctx context.Context, windows []resource.GPUWindow) error {
	return db.exec(ctx, "put the use of GPUs", putGPUs, len(windows), func(to []any, i int) []any {
		w := windows[i]
		g := w.GPU
		uuid, sm := text(g.UUID), sql.NullInt64{}
		if g.SMMicros != nil {
			sm = sql.NullInt64{Int64: *g.SMMicros, Valid: true}
		}
		return append(to, string(w.ClusterID), text(string(w.ProcessID)), micros(w.StartAt), text(w.Epoch), hashKey(uuid, strconv.Itoa(g.Index)),
			micros(w.EndAt), false, uuid, int64(g.Index), text(g.Name), g.ObservedMicros, g.UtilMicros, g.IdleMicros, sm,
			g.MemoryPeakBytes, g.MemoryTotalBytes, g.EnergyMillijoules)
	})
}

// DeleteResources drops all of a cluster.
func (db *DB) DeleteResources(ctx context.Context, id cluster.ID) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		if err := db.write(ctx).DeleteResourceUsage(ctx, string(id)); err != nil {
			return fail("delete resources", err)
		}
		return fail("delete the use of GPUs", db.write(ctx).DeleteGPUUsage(ctx, string(id)))
	})
}

// ResourcesByCluster returns windows ordered by process and start; those that begin in the same stretch of length grain come as one.
func (db *DB) ResourcesByCluster(ctx context.Context, id cluster.ID, grain time.Duration) ([]resource.Window, error) {
	rows, err := db.read(ctx).ListResourceUsage(ctx, sqlcgen.ListResourceUsageParams{ClusterID: string(id), Column2: max(grain.Microseconds(), 1)})
	return convert(rows, func(r sqlcgen.ListResourceUsageRow) resource.Window {
		return resource.Window{
			ClusterID: id, ProcessID: cluster.ProcessID(r.ProcessID), StartAt: fromMicros(r.StartAt), EndAt: fromMicros(r.EndAt),
			ObservedMicros: r.ObservedMicros,
			Usage: usage.Resources{
				RSSBytes: r.RssBytes, RSSPeakBytes: r.RssPeakBytes, ManagedBytes: r.ManagedBytes, SpilledBytes: r.SpilledBytes,
				MemoryLimitBytes: r.MemoryLimitBytes, CPUMicros: r.CpuMicros, TransferInBytes: r.TransferInBytes,
				TransferOutBytes: r.TransferOutBytes, DiskReadBytes: r.DiskReadBytes, DiskWriteBytes: r.DiskWriteBytes,
			},
		}
	}), fail("list resources", err)
}

// GPUsByCluster returns windows of GPUs ordered by process, device and start; those that begin in the same stretch of length grain come as one.
func (db *DB) GPUsByCluster(ctx context.Context, id cluster.ID, grain time.Duration) ([]resource.GPUWindow, error) {
	rows, err := db.read(ctx).ListGPUUsage(ctx, sqlcgen.ListGPUUsageParams{ClusterID: string(id), Column2: max(grain.Microseconds(), 1)})
	return convert(rows, func(r sqlcgen.ListGPUUsageRow) resource.GPUWindow {
		w := resource.GPUWindow{
			ClusterID: id, ProcessID: cluster.ProcessID(r.ProcessID), StartAt: fromMicros(r.StartAt), EndAt: fromMicros(r.EndAt),
			GPU: usage.GPU{
				UUID: r.Uuid, Name: r.Name, Index: int(r.Device), ObservedMicros: r.ObservedMicros, UtilMicros: r.UtilMicros, IdleMicros: r.IdleMicros,
				MemoryPeakBytes: r.MemoryPeakBytes, MemoryTotalBytes: r.MemoryTotalBytes, EnergyMillijoules: r.EnergyMillijoules,
			},
		}
		if r.SmKnown > 0 {
			w.GPU.SMMicros = &r.SmMicros
		}
		return w
	}), fail("list the use of GPUs", err)
}

// ThinResources merges the windows that ended before a time into hours: sums stay exact, gauges and peaks become the largest of the hour. It works
// an hour at a time, so that others get their turn, and returns how many windows it merged.
func (db *DB) ThinResources(ctx context.Context, before time.Time) (int64, error) {
	var merged int64
	last := before.UTC().Truncate(time.Hour)
	for ctx.Err() == nil {
		var oldest int64
		n := int64(0)
		err := db.Atomically(ctx, func(ctx context.Context) error {
			var err error
			if oldest, err = db.oldestWindow(ctx); err != nil || oldest == 0 || oldest >= micros(last) {
				return err
			}
			n, err = db.thinHour(ctx, min(micros(fromMicros(oldest).Truncate(time.Hour).Add(time.Hour)), micros(last)))
			return err
		})
		if err != nil {
			return merged, fail("thin resources", err)
		}
		merged += n
		if n == 0 {
			return merged, nil
		}
	}
	return merged, ctx.Err()
}

// oldestWindow returns when the first window ended that is not merged, 0 if there is none.
func (db *DB) oldestWindow(ctx context.Context) (int64, error) {
	resources, err := db.read(ctx).OldestResourceUsage(ctx, false)
	if err != nil {
		return 0, err
	}
	gpus, err := db.read(ctx).OldestGPUUsage(ctx, false)
	if err != nil || gpus == 0 || (resources != 0 && resources < gpus) {
		return resources, err
	}
	return gpus, nil
}

// thinHour merges what ended before a time.
func (db *DB) thinHour(ctx context.Context, before int64) (int64, error) {
	q := db.write(ctx)
	if err := q.SumResourceUsage(ctx, sqlcgen.SumResourceUsageParams{Column1: true, Whole: false, EndAt: before}); err != nil {
		return 0, err
	}
	n, err := q.DeleteOldResourceUsage(ctx, sqlcgen.DeleteOldResourceUsageParams{Whole: false, EndAt: before})
	if err != nil {
		return 0, err
	}
	if err := q.SumGPUUsage(ctx, sqlcgen.SumGPUUsageParams{Column1: true, Whole: false, EndAt: before}); err != nil {
		return 0, err
	}
	m, err := q.DeleteOldGPUUsage(ctx, sqlcgen.DeleteOldGPUUsageParams{Whole: false, EndAt: before})
	return n + m, err
}
