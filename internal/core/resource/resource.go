// Package resource shows what the processes of a cluster used: processors, memory, network, disks and GPUs.
package resource

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Window is what a process used in [StartAt, EndAt). Windows that are old are merged into hours: then sums cover ObservedMicros of it, and gauges
// and peaks are the largest.
type Window struct {
	ClusterID      cluster.ID
	ProcessID      cluster.ProcessID
	Epoch          string
	StartAt, EndAt time.Time
	ObservedMicros int64
	// Usage is without GPUs.
	Usage usage.Resources
}

// GPUWindow is what a GPU did for a process in [StartAt, EndAt).
type GPUWindow struct {
	ClusterID      cluster.ID
	ProcessID      cluster.ProcessID
	Epoch          string
	StartAt, EndAt time.Time
	GPU            usage.GPU
}

// Store keeps windows.
type Store interface {
	// PutResources and PutGPUs keep windows; one that is there already stays.
	PutResources(ctx context.Context, windows []Window) error
	PutGPUs(ctx context.Context, windows []GPUWindow) error
	// DeleteResources drops all of a cluster.
	DeleteResources(ctx context.Context, id cluster.ID) error
	// ResourcesByCluster returns windows ordered by process and start, GPUsByCluster by process, device and start. Windows that begin in the same
	// stretch of time of length grain come as one, without an epoch.
	ResourcesByCluster(ctx context.Context, id cluster.ID, grain time.Duration) ([]Window, error)
	GPUsByCluster(ctx context.Context, id cluster.ID, grain time.Duration) ([]GPUWindow, error)
}

// Holders keeps which process sees which device.
type Holders interface {
	// HeldGPUs returns the devices that the processes of a cluster are known to see, by UUID.
	HeldGPUs(ctx context.Context, id cluster.ID) (map[cluster.ProcessID][]string, error)
	ClusterByID(ctx context.Context, id cluster.ID) (cluster.Cluster, error)
	ProcessesByCluster(ctx context.Context, id cluster.ID) ([]cluster.Process, error)
	// AddGPUs adds devices that a process has been found to see; those that are known stay as they are.
	AddGPUs(ctx context.Context, p cluster.Process, gpus []cluster.GPU, at time.Time) error
}

// Prices says what GPUs cost.
type Prices interface {
	GPU(backend, model string, currency cost.Currency, at time.Time) cluster.GPUPrice
}

// Sink takes resources out of the telemetry. It does so after the one that makes processes of what is reported.
type Sink struct {
	store   Store
	holders Holders
	prices  Prices
}

// NewSink makes a Sink that prices GPUs as they are first reported.
func NewSink(store Store, holders Holders, prices Prices) *Sink {
	return &Sink{store: store, holders: holders, prices: prices}
}

// Take keeps the resources of some batches, in the transaction that marks them folded.
func (s *Sink) Take(ctx context.Context, batches []usage.Received) error {
	var windows []Window
	var gpus []GPUWindow
	for _, r := range batches {
		b := r.Batch
		if b.Kind != usage.KindWorker || b.Res == nil || b.T1Micros <= b.T0Micros {
			continue
		}
		w := Window{
			ClusterID: r.Raw.ClusterID, ProcessID: b.Process, Epoch: b.Epoch,
			StartAt: time.UnixMicro(b.T0Micros).UTC(), EndAt: time.UnixMicro(b.T1Micros).UTC(), ObservedMicros: b.T1Micros - b.T0Micros, Usage: *b.Res,
		}
		w.Usage.GPUs = nil
		windows = append(windows, w)
		for _, g := range b.Res.GPUs {
			gpus = append(gpus, GPUWindow{
				ClusterID: w.ClusterID, ProcessID: w.ProcessID, Epoch: w.Epoch, StartAt: w.StartAt, EndAt: w.EndAt, GPU: g,
			})
		}
	}
	if err := s.store.PutResources(ctx, windows); err != nil {
		return fmt.Errorf("keep resources: %w", err)
	}
	if err := s.store.PutGPUs(ctx, gpus); err != nil {
		return fmt.Errorf("keep the use of GPUs: %w", err)
	}
	received := map[cluster.ID]time.Time{}
	for _, r := range batches {
		if at := received[r.Raw.ClusterID]; r.Raw.ReceivedAt.After(at) {
			received[r.Raw.ClusterID] = r.Raw.ReceivedAt
		}
	}
	return s.hold(ctx, gpus, received)
}

// Forget drops what worker batches of a cluster came to, before they are folded again: some of it may be merged.
func (s *Sink) Forget(ctx context.Context, id cluster.ID) error {
	return s.store.DeleteResources(ctx, id)
}
