package console

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// gpuKey is an hour of a device of a process.
type gpuKey struct {
	process cluster.ProcessID
	uuid    string
	hour    int64
}

// gpus returns what the GPUs of a cluster did and cost, by hour: of each hour that a process held them, whether it was watched or not.
func (s Sources) gpus(ctx context.Context, now time.Time, c cluster.Cluster, owner identity.User, w window) ([][]any, error) {
	windows, err := s.Rows.GPUsByCluster(ctx, c.ID, time.Hour)
	if err != nil {
		return nil, err
	}
	processes, err := s.Rows.ProcessesByCluster(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	watched := make(map[gpuKey]resource.GPUWindow, len(windows))
	idle := map[gpuKey]map[int64]int64{} // of devices: without an hour
	for _, g := range windows {
		hour := g.StartAt.UTC().Truncate(time.Hour).UnixMicro()
		watched[gpuKey{g.ProcessID, g.GPU.UUID, hour}] = g
		of := gpuKey{process: g.ProcessID, uuid: g.GPU.UUID}
		if idle[of] == nil {
			idle[of] = map[int64]int64{}
		}
		idle[of][hour] += g.GPU.IdleMicros
	}
	var rows [][]any
	add := func(g resource.GPUWindow, hour time.Time, paid []any) {
		if !w.holds(hour) {
			return
		}
		var sm any
		if g.GPU.SMMicros != nil {
			sm = *g.GPU.SMMicros
		}
		rows = append(rows, append([]any{
			hour, string(c.ID), c.Name, string(c.OwnerID), owner.Name, string(g.ProcessID), g.GPU.UUID, int64(g.GPU.Index), g.GPU.Name, g.GPU.ObservedMicros,
			g.GPU.UtilMicros, g.GPU.IdleMicros, sm, g.GPU.MemoryPeakBytes, g.GPU.MemoryTotalBytes, g.GPU.EnergyMillijoules,
		}, paid...))
	}
	if w.until.Before(now) {
		now = w.until
	}
	for _, p := range processes {
		for _, g := range p.GPUs {
			for _, h := range bill.GPUHours(p, g, w.since, now, idle[gpuKey{process: p.ID, uuid: g.UUID}]) {
				k := gpuKey{p.ID, g.UUID, h.Start.UnixMicro()}
				seen, ok := watched[k]
				if !ok {
					seen = resource.GPUWindow{ProcessID: p.ID, GPU: usage.GPU{UUID: g.UUID, Name: g.Model, Index: g.Index}}
				}
				delete(watched, k)
				add(seen, h.Start, paidFor(h))
			}
		}
	}
	for _, g := range windows { // what no process is charged for: clocks that differ, devices without an id, reports from before GPUs were charged
		hour := g.StartAt.UTC().Truncate(time.Hour)
		if _, ok := watched[gpuKey{g.ProcessID, g.GPU.UUID, hour.UnixMicro()}]; ok {
			add(g, hour, []any{int64(0), nil, nil})
		}
	}
	return rows, nil
}

// paidFor are the columns of an hour's money. What has no price at all has no amount.
func paidFor(h bill.GPUHour) []any {
	if h.UnpricedMicros > 0 && h.UnpricedMicros == h.Micros {
		return []any{h.Micros, nil, nil}
	}
	return []any{h.Micros, int64(h.Cost), int64(h.Idle)}
}
