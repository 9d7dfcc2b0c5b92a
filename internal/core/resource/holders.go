package resource

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// maxHeld bounds the devices that one process holds: more are no machine's, but a broken or hostile sender's.
const maxHeld = 64

// device is a GPU as a process sees it.
type device struct {
	uuid, model string
	index       int
}

// hold notes which devices processes see, of those that are not noted yet. received is when the reports of each cluster came.
func (s *Sink) hold(ctx context.Context, seen []GPUWindow, received map[cluster.ID]time.Time) error {
	devices := map[cluster.ID]map[cluster.ProcessID][]device{}
	for _, w := range seen {
		if w.GPU.UUID == "" {
			continue // one without an id cannot be told from another
		}
		if devices[w.ClusterID] == nil {
			devices[w.ClusterID] = map[cluster.ProcessID][]device{}
		}
		devices[w.ClusterID][w.ProcessID] = append(devices[w.ClusterID][w.ProcessID], device{w.GPU.UUID, w.GPU.Name, w.GPU.Index})
	}
	for _, id := range slices.Sorted(maps.Keys(devices)) { // one order everywhere, against deadlocks
		if err := s.holdOf(ctx, id, devices[id], received[id]); err != nil {
			return fmt.Errorf("keep which GPUs the processes of %s see: %w", id, err)
		}
	}
	return nil
}

// holdOf is hold for one cluster. Mostly there is nothing new.
func (s *Sink) holdOf(ctx context.Context, id cluster.ID, seen map[cluster.ProcessID][]device, received time.Time) error {
	held, err := s.holders.HeldGPUs(ctx, id)
	if err != nil {
		return err
	}
	news := map[cluster.ProcessID][]device{}
	for process, devices := range seen {
		if fresh := freshDevices(devices, held[process]); len(fresh) > 0 {
			news[process] = fresh
		}
	}
	if len(news) == 0 {
		return nil
	}
	c, err := s.holders.ClusterByID(ctx, id)
	if err != nil {
		return err
	}
	processes, err := s.holders.ProcessesByCluster(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range processes {
		if len(news[p.ID]) == 0 || p.Role != cluster.RoleWorker || p.StartedAt.IsZero() { // it is going to report again
			continue
		}
		gpus := make([]cluster.GPU, len(news[p.ID]))
		for i, d := range news[p.ID] {
			gpus[i] = cluster.GPU{
				UUID: d.uuid, Model: d.model, Index: d.index,
				Prices: []cluster.GPUPrice{s.prices.GPU(c.Backend, d.model, p.Rate.Currency, p.StartedAt)},
			}
		}
		if err := s.holders.AddGPUs(ctx, p, gpus, received); err != nil {
			return err
		}
	}
	return nil
}

// freshDevices returns those that are not held yet, each once, as many as a process may have.
func freshDevices(seen []device, held []string) []device {
	known := make(map[string]bool, len(held))
	for _, uuid := range held {
		known[uuid] = true
	}
	var out []device
	for _, d := range seen {
		if !known[d.uuid] && len(known) < maxHeld {
			known[d.uuid] = true
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b device) int { return cmp.Compare(a.uuid, b.uuid) })
	return out
}
