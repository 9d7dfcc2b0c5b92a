package controller

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/watch"
)

// WatchedStore is what the loop of watched clusters reads and writes.
type WatchedStore interface {
	watch.Store
	ListLiveWatched(ctx context.Context) ([]cluster.Cluster, error)
	TouchCluster(ctx context.Context, id cluster.ID, at time.Time) error
	GaugesByCluster(ctx context.Context, id cluster.ID) (cluster.Gauges, error)
}

const (
	watchedPause = time.Second
	// touchEvery is how stale the stored time of a cluster's last report may become: reports come every few seconds, and each would cost a write.
	touchEvery = 5 * time.Second
	// maxStarted bounds what is remembered of clusters that are not watched.
	maxStarted = 10_000
)

// Watched is the loop that ends clusters that Lineitem did not start and that have fallen silent, and brings them back when they speak again.
type Watched struct {
	cfg   WatchedConfig
	began time.Time

	mu sync.Mutex
	// heard holds reports that the loop has not looked at yet, told what it has written down of each live cluster.
	heard, told map[cluster.ID]time.Time
	// started holds clusters that Lineitem started: they report as often, and no report of theirs matters here.
	started map[cluster.ID]bool
}

// WatchedConfig is what the loop works with; all fields are needed.
type WatchedConfig struct {
	Store  WatchedStore
	Tx     identity.Transactor
	Logger *slog.Logger
	Now    func() time.Time
	// Timeout is how long a cluster may be silent before it counts as ended at its last report.
	Timeout time.Duration
}

// NewWatched makes the loop.
func NewWatched(cfg WatchedConfig) *Watched {
	return &Watched{cfg: cfg, began: cfg.Now(), heard: map[cluster.ID]time.Time{}, told: map[cluster.ID]time.Time{}, started: map[cluster.ID]bool{}}
}

// Heard notes that a scheduler has reported; it returns at once.
func (w *Watched) Heard(id cluster.ID, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard[id] = at
}

// Run looks until ctx ends.
func (w *Watched) Run(ctx context.Context) error {
	ticker := time.NewTicker(watchedPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := w.Tick(ctx); err != nil && ctx.Err() == nil {
				w.cfg.Logger.ErrorContext(ctx, "looking at watched clusters failed", slog.Any("error", err))
			}
		}
	}
}

// Tick looks at all watched clusters once.
func (w *Watched) Tick(ctx context.Context) error {
	heard := w.takeHeard()
	live, err := w.cfg.Store.ListLiveWatched(ctx)
	if err != nil {
		w.giveBack(heard)
		return fmt.Errorf("list watched clusters: %w", err)
	}
	now := w.cfg.Now()
	alive := make(map[cluster.ID]time.Time, len(live))
	for _, c := range live {
		at := later(w.told[c.ID], c.LastSeenAt)
		if when, ok := heard[c.ID]; ok {
			delete(heard, c.ID)
			at = later(at, when)
		}
		alive[c.ID] = at
		// What is in memory only would be lost with the server, so a cluster that may be ended next is written first.
		if at.Sub(c.LastSeenAt) >= touchEvery || (at.After(c.LastSeenAt) && now.Sub(at) >= touchEvery) {
			if err := w.cfg.Store.TouchCluster(ctx, c.ID, at); err != nil {
				return fmt.Errorf("record a report of %s: %w", c.ID, err)
			}
		}
		c.LastSeenAt = at
		if err := w.end(ctx, now, c); err != nil {
			return err
		}
	}
	w.told = alive
	for id, at := range heard { // of clusters that Lineitem started, or that had ended
		if w.started[id] {
			continue
		}
		if err := w.back(ctx, id, at); err != nil {
			return err
		}
	}
	return nil
}

// end ends a cluster if it has been silent for too long.
func (w *Watched) end(ctx context.Context, now time.Time, c cluster.Cluster) error {
	if _, silent := watch.Silent(now, w.began, c, nil, w.cfg.Timeout); !silent {
		return nil
	}
	err := w.cfg.Tx.Atomically(ctx, func(ctx context.Context) error {
		row, err := w.cfg.Store.ClusterByID(ctx, c.ID)
		if err != nil {
			return err
		}
		row.LastSeenAt = later(row.LastSeenAt, c.LastSeenAt)
		// A report that a server received and did not live to note is known by what it said.
		switch g, err := w.cfg.Store.GaugesByCluster(ctx, c.ID); {
		case err == nil:
			row.LastSeenAt = later(row.LastSeenAt, g.At)
		case !errs.Is(err, errs.NotFound):
			return err
		}
		processes, err := w.cfg.Store.ProcessesByCluster(ctx, c.ID)
		if err != nil {
			return err
		}
		change, silent := watch.Silent(now, w.began, row, processes, w.cfg.Timeout)
		if !silent {
			return nil
		}
		return watch.Write(ctx, w.cfg.Store, change)
	})
	if err != nil {
		return fmt.Errorf("end watched cluster %s: %w", c.ID, err)
	}
	return nil
}

// back brings a cluster back that had fallen silent.
func (w *Watched) back(ctx context.Context, id cluster.ID, at time.Time) error {
	c, err := w.cfg.Store.ClusterByID(ctx, id)
	if err != nil {
		return fmt.Errorf("find a cluster that reported: %w", err)
	}
	if !c.Watched() {
		if len(w.started) >= maxStarted { // most of them have ended by now
			clear(w.started)
		}
		w.started[id] = true
		return nil
	}
	if _, ok := watch.Back(c, nil, at); !ok {
		return nil
	}
	err = w.cfg.Tx.Atomically(ctx, func(ctx context.Context) error {
		row, err := w.cfg.Store.ClusterByID(ctx, id)
		if err != nil {
			return err
		}
		processes, err := w.cfg.Store.ProcessesByCluster(ctx, id)
		if err != nil {
			return err
		}
		change, ok := watch.Back(row, processes, at)
		if !ok {
			return nil
		}
		if err := watch.Write(ctx, w.cfg.Store, change); err != nil {
			return err
		}
		return w.cfg.Store.TouchCluster(ctx, id, at)
	})
	if err != nil {
		return fmt.Errorf("bring watched cluster %s back: %w", id, err)
	}
	return nil
}

func (w *Watched) takeHeard() map[cluster.ID]time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := w.heard
	w.heard = map[cluster.ID]time.Time{}
	return heard
}

// giveBack keeps reports that could not be looked at.
func (w *Watched) giveBack(heard map[cluster.ID]time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, at := range heard {
		w.heard[id] = later(w.heard[id], at)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
