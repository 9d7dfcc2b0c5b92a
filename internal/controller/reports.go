package controller

import (
	"context"
	"log/slog"
	"time"

	"github.com/lineitem/lineitem/internal/core/report"
)

// Mailer sends the reports that are due.
type Mailer interface {
	Tick(ctx context.Context, now time.Time) (report.Result, error)
}

// Reports is the loop that sends weekly reports.
type Reports struct {
	Mailer Mailer
	Logger *slog.Logger
	Now    func() time.Time
}

// reportPause is how often it looks whether a report is due.
const reportPause = time.Minute

// Run sends reports until ctx ends.
func (r *Reports) Run(ctx context.Context) error {
	ticker := time.NewTicker(reportPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			r.Tick(ctx)
		}
	}
}

// Tick looks once.
func (r *Reports) Tick(ctx context.Context) {
	done, err := r.Mailer.Tick(ctx, r.Now())
	if err != nil && ctx.Err() == nil {
		r.Logger.ErrorContext(ctx, "sending reports failed", slog.Int("failed", done.Failed), slog.Any("error", err))
	}
	if done.Sent > 0 {
		r.Logger.InfoContext(ctx, "reports sent", slog.Int("sent", done.Sent))
	}
}
