// Package resource shows what the processes of a cluster used: processors, memory, network, disks and GPUs.
package resource

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
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

// Sink takes resources out of the telemetry.
type Sink struct {
	store Store
}

// NewSink makes a Sink.
func NewSink(store Store) *Sink { return &Sink{store: store} }

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
	return nil
}

// Forget drops what worker batches of a cluster came to, before they are folded again: some of it may be merged.
func (s *Sink) Forget(ctx context.Context, id cluster.ID) error {
	return s.store.DeleteResources(ctx, id)
}
