package app

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"time"

	"github.com/lineitem/lineitem/internal/controller"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// answerAge is how old what a question of cost sees may be.
const answerAge = 2 * time.Second

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
	w, err := warehouse.Open(ctx, folder, warehouse.Options{MemoryBytes: a.cfg.WarehouseMemory, Zone: zone, Currency: a.cfg.Currency})
	if err != nil {
		return fmt.Errorf("open the warehouse in %s: %w; nothing was started, choose another folder with --warehouse", folder, err)
	}
	a.onClose(w.Close)
	a.files = w
	cfg := segment.Config{
		Store: a.db, Bills: a.bills, Folder: a.folder, Files: files{w}, Now: a.now, MaxAge: answerAge, RetainMonths: a.cfg.WarehouseRetention,
	}
	if a.options.Manual {
		cfg.MaxAge = 0 // the caller's clock may stand still
	}
	a.keeper = segment.NewKeeper(cfg)
	a.onClose(a.keeper.Close)
	a.warehouse = &controller.Warehouse{Keeper: a.keeper, Logger: a.logger}
	return a.keeper.Rebuild(ctx)
}

// files is the warehouse as core/segment sees it.
type files struct{ w *warehouse.Warehouse }

func (f files) Replace(ctx context.Context, live []segment.Segment, drop []segment.Pair, facts iter.Seq[spend.Fact]) (segment.Change, error) {
	change, err := f.w.Replace(ctx, segmentsTo(live), pairsTo(drop), facts)
	return changeFrom(change), err
}

func (f files) Facts(ctx context.Context, live []segment.Segment, pairs []segment.Pair) ([]spend.Fact, error) {
	return f.w.Facts(ctx, segmentsTo(live), pairsTo(pairs))
}

func (f files) Refresh(ctx context.Context, v segment.View) error {
	return f.w.Refresh(ctx, warehouse.View{Segments: segmentsTo(v.Segments), Pairs: pairsTo(v.Pairs), Facts: v.Facts, AsOf: v.AsOf})
}

func (f files) Answer(ctx context.Context, q spend.Query, scope spend.Scope) (spend.Answer, error) {
	return f.w.Answer(ctx, q, scope)
}

func (f files) Sweep(ctx context.Context, names []string, olderThan time.Time) (int, error) {
	live := make([]warehouse.Segment, len(names))
	for i, name := range names {
		live[i].Name = name
	}
	return f.w.Sweep(ctx, live, olderThan)
}

func (f files) Rebuild(ctx context.Context, live []segment.Segment) (segment.Change, error) {
	change, err := f.w.Rebuild(ctx, segmentsTo(live))
	return changeFrom(change), err
}

func segmentsTo(in []segment.Segment) []warehouse.Segment {
	out := make([]warehouse.Segment, len(in))
	for i, s := range in {
		out[i] = warehouse.Segment(s)
	}
	return out
}

func segmentsFrom(in []warehouse.Segment) []segment.Segment {
	out := make([]segment.Segment, len(in))
	for i, s := range in {
		out[i] = segment.Segment(s)
	}
	return out
}

func changeFrom(c warehouse.Change) segment.Change {
	return segment.Change{Fresh: segmentsFrom(c.Fresh), Gone: segmentsFrom(c.Gone)}
}

func pairsTo(in []segment.Pair) []warehouse.Pair {
	out := make([]warehouse.Pair, len(in))
	for i, p := range in {
		out[i] = warehouse.Pair(p)
	}
	return out
}
