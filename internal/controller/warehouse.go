package controller

import (
	"context"
	"log/slog"
	"time"
)

// Keeper keeps the warehouse in step with the store.
type Keeper interface {
	// Rebuild makes rollups again that are missing, or of another zone.
	Rebuild(ctx context.Context) error
	// Settle writes the hours that are over and whose facts have changed.
	Settle(ctx context.Context) error
	// Sweep removes files that are not needed any more, and returns how many.
	Sweep(ctx context.Context) (removed int, err error)
	// Verify looks whether files are still what was written, and sets those aside that are not.
	Verify(ctx context.Context) error
	// Damaged is readable after files were set aside: Settle writes again what they held.
	Damaged() <-chan struct{}
}

// Warehouse is the loop that writes hours that are over to the warehouse, removes files that were replaced, and looks whether the others are still whole.
type Warehouse struct {
	Keeper Keeper
	Logger *slog.Logger
}

const (
	settlePause = time.Minute
	sweepPause  = 10 * time.Minute
)

// Run writes until ctx ends. It begins at once: an installation that is new to the warehouse has much to write.
func (w *Warehouse) Run(ctx context.Context) error {
	settle, sweep := time.NewTicker(settlePause), time.NewTicker(sweepPause)
	defer settle.Stop()
	defer sweep.Stop()
	if err := w.Keeper.Rebuild(ctx); err != nil && ctx.Err() == nil {
		w.Logger.ErrorContext(ctx, "rebuilding rollups of the warehouse failed; questions are answered without them", slog.Any("error", err))
	}
	w.settle(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-settle.C:
			w.settle(ctx)
		case <-w.Keeper.Damaged():
			w.settle(ctx)
		case <-sweep.C:
			w.sweep(ctx)
			w.verify(ctx)
		}
	}
}

func (w *Warehouse) settle(ctx context.Context) {
	if err := w.Keeper.Settle(ctx); err != nil && ctx.Err() == nil {
		w.Logger.ErrorContext(ctx, "writing hours to the warehouse failed, and is tried again in a minute", slog.Any("error", err))
	}
}

func (w *Warehouse) sweep(ctx context.Context) {
	removed, err := w.Keeper.Sweep(ctx)
	if err != nil && ctx.Err() == nil {
		w.Logger.ErrorContext(ctx, "removing files of the warehouse failed", slog.Any("error", err))
	}
	if removed > 0 {
		w.Logger.InfoContext(ctx, "removed files that the warehouse does not need any more", slog.Int("files", removed))
	}
}

func (w *Warehouse) verify(ctx context.Context) {
	if err := w.Keeper.Verify(ctx); err != nil && ctx.Err() == nil {
		w.Logger.ErrorContext(ctx, "looking whether files of the warehouse are whole failed", slog.Any("error", err))
	}
}
