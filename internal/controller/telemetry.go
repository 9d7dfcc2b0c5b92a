package controller

import (
	"context"
	"log/slog"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/segment"
)

// Folder folds durable telemetry.
type Folder interface {
	Fold(ctx context.Context, id cluster.ID) (int, error)
	// ReclassifyOutdated folds one cluster again whose operations were named by older rules, and returns whether there was one.
	ReclassifyOutdated(ctx context.Context) (bool, error)
}

// Housekeeper drops what nobody needs any more.
type Housekeeper interface {
	DeleteBatches(ctx context.Context, before time.Time) (int64, error)
	DeleteExpired(ctx context.Context, now time.Time) error
	// ThinResources merges what was used before a time into hours.
	ThinResources(ctx context.Context, before time.Time) (int64, error)
	// DropRows drops the rows that one of the tables segment.Reads, Packages, GPU and Events has of before a time, and returns how many.
	DropRows(ctx context.Context, table string, before time.Time) (int64, error)
}

// Telemetry is the loop that folds telemetry, classifies it again when rules change, and forgets it when it is old.
type Telemetry struct {
	Folder      Folder
	Housekeeper Housekeeper
	// Retention is how long raw batches are kept after they were folded, and windows of resources before they become hours.
	Retention time.Duration
	// Retain says for how long tables of SQL keep their rows.
	Retain segment.Retainer
	Logger *slog.Logger
	Now    func() time.Time
	// Busy reports whether agents wait to get rid of reports, if not nil. Folding lets them go first, for a moment.
	Busy func() bool

	// dropped is by table up to when its rows have been dropped: there is something to do once a month.
	dropped map[string]time.Time
}

const (
	foldPause  = time.Second
	cleanPause = 10 * time.Minute
	// classifyPause lets live clusters go first while a server with newer rules works through the clusters of before.
	classifyPause = 5 * time.Second
	// yieldStep is how long folding waits before it looks whether agents still wait, yieldMost how long at most before each transaction: where they always do,
	// folding goes on.
	yieldStep, yieldMost = 2 * time.Millisecond, 20 * time.Millisecond
)

// Run folds until ctx ends.
func (t *Telemetry) Run(ctx context.Context) error {
	fold, clean, classify := time.NewTicker(foldPause), time.NewTicker(cleanPause), time.NewTicker(classifyPause)
	defer fold.Stop()
	defer clean.Stop()
	defer classify.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-fold.C:
			t.fold(ctx)
		case <-clean.C:
			t.clean(ctx)
		case <-classify.C:
			t.classify(ctx)
		}
	}
}

// fold folds until nothing is left.
func (t *Telemetry) fold(ctx context.Context) {
	for ctx.Err() == nil {
		t.yield(ctx)
		n, err := t.Folder.Fold(ctx, "")
		if err != nil && ctx.Err() == nil {
			t.Logger.ErrorContext(ctx, "folding telemetry failed", slog.Any("error", err))
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// yield lets agents go first.
func (t *Telemetry) yield(ctx context.Context) {
	if t.Busy == nil {
		return
	}
	for waited := time.Duration(0); waited < yieldMost && t.Busy(); waited += yieldStep {
		select {
		case <-time.After(yieldStep):
		case <-ctx.Done():
			return
		}
	}
}

// classify brings the classes of one older cluster up to date, once all that came in is folded.
func (t *Telemetry) classify(ctx context.Context) {
	t.fold(ctx)
	if _, err := t.Folder.ReclassifyOutdated(ctx); err != nil && ctx.Err() == nil {
		t.Logger.ErrorContext(ctx, "classifying older telemetry again failed", slog.Any("error", err))
	}
}

func (t *Telemetry) clean(ctx context.Context) {
	now := t.Now()
	if _, err := t.Housekeeper.DeleteBatches(ctx, now.Add(-t.Retention)); err != nil {
		t.Logger.ErrorContext(ctx, "deleting old telemetry failed", slog.Any("error", err))
	}
	if _, err := t.Housekeeper.ThinResources(ctx, now.Add(-t.Retention)); err != nil {
		t.Logger.ErrorContext(ctx, "merging old resources failed", slog.Any("error", err))
	}
	if err := t.Housekeeper.DeleteExpired(ctx, now); err != nil {
		t.Logger.ErrorContext(ctx, "deleting expired secrets failed", slog.Any("error", err))
	}
	for _, table := range []string{segment.Reads, segment.Packages, segment.GPU, segment.Events} {
		if err := t.drop(ctx, now, table); err != nil && ctx.Err() == nil {
			t.Logger.ErrorContext(ctx, "dropping rows past their retention failed, and is tried again in ten minutes", slog.String("table", table), slog.Any("error", err))
		}
	}
}

// drop drops what a table has of before its retention.
func (t *Telemetry) drop(ctx context.Context, now time.Time, table string) error {
	since, err := t.Retain.Since(ctx, now, table)
	if err != nil || !since.After(t.dropped[table]) {
		return err
	}
	n, err := t.Housekeeper.DropRows(ctx, table, since)
	if n > 0 {
		t.Logger.InfoContext(ctx, "dropped rows past their retention", slog.String("table", table), slog.Time("before", since), slog.Int64("rows", n))
	}
	if err != nil {
		return err
	}
	if t.dropped == nil {
		t.dropped = map[string]time.Time{}
	}
	t.dropped[table] = since
	return nil
}
