package app

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/lineitem/lineitem/internal/controller"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// answerAge is how old what a question of cost sees may be.
const answerAge = 2 * time.Second

// retainer says what tables keep, as far as the books allow it.
func (a *App) retainer() segment.Retainer {
	return segment.Retainer{Retention: segment.Retention(a.cfg.WarehouseRetention), Books: a.poster}
}

// openWarehouse opens the warehouse and makes what keeps it in step with the store.
func (a *App) openWarehouse(ctx context.Context) error {
	folder := a.cfg.Warehouse
	if folder == "" {
		folder = filepath.Join(a.cfg.Data, "warehouse")
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("find the warehouse's folder: %w", err)
	}
	zone, err := time.LoadLocation(a.cfg.TimeZone)
	if err != nil {
		return fmt.Errorf("load the time zone: %w", err)
	}
	blobs, err := a.openBucket(ctx, folder)
	if err != nil {
		return err
	}
	w, err := warehouse.Open(ctx, folder, warehouse.Options{MemoryBytes: a.cfg.WarehouseMemory, Zone: zone, Currency: a.cfg.Currency, Blobs: blobs})
	if err != nil {
		return fmt.Errorf("open the warehouse in %s: %w; nothing was started, choose another folder with --warehouse", folder, err)
	}
	a.onClose(w.Close)
	a.files = w
	cfg := segment.Config{
		Store: a.db, Bills: a.bills, Folder: a.folder, Files: warehouse.Files{Warehouse: w}, Now: a.now, MaxAge: answerAge, Retain: a.retainer(),
		Damaged: a.damaged,
	}
	if a.options.Manual {
		cfg.MaxAge = 0 // the caller's clock may stand still
	}
	a.keeper = segment.NewKeeper(ctx, cfg)
	a.onClose(a.keeper.Close)
	a.warehouse = &controller.Warehouse{Keeper: a.keeper, Logger: a.logger}
	return nil
}

// damaged says that files of the warehouse were found damaged: one line for each.
func (a *App) damaged(found []segment.Damage, failure error) {
	for _, d := range found {
		attrs := []any{
			slog.String("file", d.Name), slog.String("table", d.Table), slog.String("day", d.Day.Format(time.DateOnly)), slog.String("reason", d.Reason),
			slog.Int64("unknown_nanos", int64(d.Unknown)), slog.Int64("missing_nanos", int64(d.Missing)),
		}
		if failure != nil {
			attrs = append(attrs, slog.Any("error", failure))
		}
		if d.Unknown != 0 || d.Missing != 0 {
			a.logger.Error("a file of the warehouse was damaged and is set aside; what it was made of is not kept any more, so its day has lost detail", attrs...)
		} else {
			a.logger.Warn("a file of the warehouse was damaged and is set aside; what it held is written again", attrs...)
		}
	}
}
