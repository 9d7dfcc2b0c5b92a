package controller

import (
	"context"
	"log/slog"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Folder folds durable telemetry.
type Folder interface {
	Fold(ctx context.Context, id cluster.ID) (int, error)
}

// Housekeeper drops what nobody needs any more.
type Housekeeper interface {
	DeleteBatches(ctx context.Context, before time.Time) (int64, error)
	DeleteExpired(ctx context.Context, now time.Time) error
}

// Telemetry is the loop that folds telemetry and forgets it when it is old.
type Telemetry struct {
	Folder      Folder
	Housekeeper Housekeeper
	// Retention is how long raw batches are kept after they were folded.
	Retention time.Duration
	Logger    *slog.Logger
	Now       func() time.Time
}

const (
	foldPause  = time.Second
	cleanPause = 10 * time.Minute
)

// Run folds until ctx ends.
func (t *Telemetry) Run(ctx context.Context) error {
	fold, clean := time.NewTicker(foldPause), time.NewTicker(cleanPause)
	defer fold.Stop()
	defer clean.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-fold.C:
			t.fold(ctx)
		case <-clean.C:
			t.clean(ctx)
		}
	}
}

// fold folds until nothing is left.
func (t *Telemetry) fold(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := t.Folder.Fold(ctx, "")
		if err != nil && ctx.Err() == nil {
			t.Logger.ErrorContext(ctx, "folding telemetry failed", slog.Any("error", err))
		}
		if err != nil || n == 0 {
			return
		}
	}
}

func (t *Telemetry) clean(ctx context.Context) {
	now := t.Now()
	if _, err := t.Housekeeper.DeleteBatches(ctx, now.Add(-t.Retention)); err != nil {
		t.Logger.ErrorContext(ctx, "deleting old telemetry failed", slog.Any("error", err))
	}
	if err := t.Housekeeper.DeleteExpired(ctx, now); err != nil {
		t.Logger.ErrorContext(ctx, "deleting expired secrets failed", slog.Any("error", err))
	}
}
