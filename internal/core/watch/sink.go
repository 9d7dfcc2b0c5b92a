package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Store is what the sink and the loop read and write; cluster.Store says what the methods mean.
type Store interface {
	ClusterByID(ctx context.Context, id cluster.ID) (cluster.Cluster, error)
	UpdateCluster(ctx context.Context, c cluster.Cluster) error
	ProcessByID(ctx context.Context, id cluster.ProcessID) (cluster.Process, error)
	ProcessesByCluster(ctx context.Context, id cluster.ID) ([]cluster.Process, error)
	CreateProcess(ctx context.Context, p cluster.Process) error
	UpdateProcess(ctx context.Context, p cluster.Process) error
	AddEvent(ctx context.Context, e cluster.Event) error
}

// Sink takes what schedulers say about their clusters and workers out of the telemetry. Of a cluster that Lineitem started it keeps only the
// losses: that cluster's processes are the controller's.
type Sink struct {
	store  Store
	prices cluster.Prices
}

// NewSink makes a Sink that prices workers as they are first reported.
func NewSink(store Store, prices cluster.Prices) *Sink { return &Sink{store: store, prices: prices} }

// Take keeps the facts of some batches, in the transaction that marks them folded.
func (s *Sink) Take(ctx context.Context, batches []usage.Received) error {
	clusters := map[cluster.ID]cluster.Cluster{}
	rolls := map[cluster.ID]*roll{}
	for _, r := range batches {
		if r.Batch.Kind != usage.KindScheduler && r.Batch.Kind != usage.KindWorker {
			continue
		}
		c, ok := clusters[r.Raw.ClusterID]
		if !ok {
			var err error
			if c, err = s.store.ClusterByID(ctx, r.Raw.ClusterID); err != nil {
				return fmt.Errorf("find the cluster of a report: %w", err)
			}
			rolls[c.ID] = &roll{}
		}
		at := Window{
			Start: time.UnixMicro(r.Batch.T0Micros).UTC(), End: time.UnixMicro(r.Batch.T1Micros).UTC(), Received: r.Raw.ReceivedAt,
		}
		c, err := s.back(ctx, c, at)
		switch {
		case err != nil:
		case r.Batch.Kind == usage.KindScheduler:
			c, err = s.scheduler(ctx, c, rolls[c.ID], r.Batch, at)
		case c.Watched():
			err = s.worker(ctx, c, rolls[c.ID], r.Batch, at)
		}
		if err != nil {
			return fmt.Errorf("keep a report of %s: %w", c.ID, err)
		}
		clusters[c.ID] = c
	}
	return nil
}

// back brings a cluster back that had fallen silent: what it reports must find it alive.
func (s *Sink) back(ctx context.Context, c cluster.Cluster, at Window) (cluster.Cluster, error) {
	if _, ok := Back(c, nil, at.Received); !ok {
		return c, nil
	}
	processes, err := s.store.ProcessesByCluster(ctx, c.ID)
	if err != nil {
		return c, err
	}
	change, _ := Back(c, processes, at.Received)
	return change.Cluster, Write(ctx, s.store, change)
}

func (s *Sink) scheduler(ctx context.Context, c cluster.Cluster, known *roll, b *usage.Batch, at Window) (cluster.Cluster, error) {
	for _, w := range b.Workers {
		if !Sound(c, w) {
			continue // a broken or hostile sender; there is nobody to tell
		}
		if event, ok := LossOf(c.ID, w, at); ok {
			if err := s.store.AddEvent(ctx, event); err != nil {
				return c, err
			}
		}
		if c.Watched() {
			if err := s.reported(ctx, c, known, w, at); err != nil {
				return c, err
			}
		}
	}
	if !c.Watched() {
		return c, nil
	}
	if b.Cluster != nil {
		described := Describe(c, *b.Cluster)
		changed := described.Deployment != c.Deployment || described.SchedulerAddress != c.SchedulerAddress || described.DashboardURL != c.DashboardURL
		if c = described; changed {
			if err := s.store.UpdateCluster(ctx, c); err != nil {
				return c, err
			}
		}
	}
	if !b.Final || c.Status.Ended() && c.Target == cluster.TargetStopped {
		return c, nil
	}
	processes, err := s.store.ProcessesByCluster(ctx, c.ID)
	if err != nil {
		return c, err
	}
	change := Finish(c, processes, at)
	return change.Cluster, Write(ctx, s.store, change)
}

// maxProcesses bounds the processes of a watched cluster over its life: whoever holds its token could otherwise fill the disk with names.
const maxProcesses = 20_000

// roll knows the names of a cluster's processes, once they were needed.
type roll struct {
	generations map[string]int
	processes   int
}

// next returns the next free generation of a name, 0 if the cluster has had enough processes. Dask may give one name to several workers, one after
// the other.
func (k *roll) next(ctx context.Context, store Store, id cluster.ID, name string) (int, error) {
	if k.generations == nil {
		processes, err := store.ProcessesByCluster(ctx, id)
		if err != nil {
			return 0, err
		}
		k.generations = make(map[string]int, len(processes))
		for _, p := range processes {
			k.generations[p.Name] = max(k.generations[p.Name], p.Generation)
		}
		k.processes = len(processes)
	}
	if k.processes >= maxProcesses {
		return 0, nil
	}
	k.processes++
	k.generations[name]++
	return k.generations[name], nil
}

// reported keeps a row about a worker.
func (s *Sink) reported(ctx context.Context, c cluster.Cluster, known *roll, w cluster.ReportedWorker, at Window) error {
	p, err := s.store.ProcessByID(ctx, w.Process)
	switch {
	case err == nil:
		return s.store.UpdateProcess(ctx, within(c, Update(c, s.prices.Card(c.Backend, at.Received), p, w, at)))
	case !errs.Is(err, errs.NotFound):
		return err
	}
	return s.create(ctx, c, known, w, at)
}

func (s *Sink) create(ctx context.Context, c cluster.Cluster, known *roll, w cluster.ReportedWorker, at Window) error {
	generation, err := known.next(ctx, s.store, c.ID, nameOf(c, w))
	if err != nil || generation == 0 {
		return err
	}
	return s.store.CreateProcess(ctx, within(c, NewWorker(c, s.prices.Card(c.Backend, at.Received), w, generation, at)))
}

// within keeps a process from outliving its cluster.
func within(c cluster.Cluster, p cluster.Process) cluster.Process {
	if c.Status.Ended() && !p.Status.Ended() {
		p.Status, p.Target, p.EndedAt = cluster.StatusStopped, c.Target, later(c.EndedAt, p.StartedAt)
	}
	return p
}

// worker brings a worker back that had been given up for lost. One of which no row has come yet is known by what it says of itself, until its row
// corrects that: rows are sent once, and the report that held it may be lost.
func (s *Sink) worker(ctx context.Context, c cluster.Cluster, known *roll, b *usage.Batch, at Window) error {
	p, err := s.store.ProcessByID(ctx, b.Process)
	if errs.Is(err, errs.NotFound) {
		w := cluster.ReportedWorker{Process: b.Process, Name: nameFrom(c, b.Process), Threads: int(b.Threads), StartedAt: at.Start}
		if b.Res != nil {
			w.MemoryBytes = min(b.Res.MemoryLimitBytes, maxMemory)
		}
		if !Sound(c, w) {
			return nil
		}
		return s.create(ctx, c, known, w, at)
	}
	if err != nil {
		return err
	}
	revived := within(c, Revive(p, at))
	if revived.Status == p.Status {
		return nil
	}
	return s.store.UpdateProcess(ctx, revived)
}

// Write writes a change in the caller's transaction.
func Write(ctx context.Context, store Store, change Change) error {
	if err := store.UpdateCluster(ctx, change.Cluster); err != nil {
		return err
	}
	for _, p := range change.Processes {
		if err := store.UpdateProcess(ctx, p); err != nil {
			return err
		}
	}
	return store.AddEvent(ctx, change.Event)
}
