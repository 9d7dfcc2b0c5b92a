package controller

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// ledgerPause is how often the ledger is brought up to date: prices that come into force are applied within it.
const ledgerPause = time.Minute

// LedgerPoster brings the ledger up to date.
type LedgerPoster interface {
	Post(ctx context.Context, now time.Time) (int, error)
}

// PriceLoader reads the price book again: another server may have imported a list.
type PriceLoader interface {
	Load(ctx context.Context) error
}

// Ledger is the loop that applies new prices to running processes and posts hours that are over.
type Ledger struct {
	Poster LedgerPoster
	Prices PriceLoader
	Logger *slog.Logger
	Now    func() time.Time
}

// Run posts until ctx ends.
func (l *Ledger) Run(ctx context.Context) error {
	ticker := time.NewTicker(ledgerPause)
	defer ticker.Stop()
	for {
		if err := l.Tick(ctx); err != nil && ctx.Err() == nil {
			l.Logger.ErrorContext(ctx, "posting to the ledger failed", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Tick posts once.
func (l *Ledger) Tick(ctx context.Context) error {
	if err := l.Prices.Load(ctx); err != nil {
		return fmt.Errorf("load prices: %w", err)
	}
	n, err := l.Poster.Post(ctx, l.Now())
	if n > 0 {
		l.Logger.DebugContext(ctx, "posted to the ledger", slog.Int("entries", n))
	}
	return err
}
