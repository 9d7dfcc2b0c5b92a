package controller_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lineitem/lineitem/internal/controller"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// backlog is a folder with so many steps to do.
type backlog struct{ left, done atomic.Int64 }

func (b *backlog) Fold(context.Context, cluster.ID) (int, error) {
	if b.left.Load() == 0 {
		return 0, nil
	}
	b.left.Add(-1)
	b.done.Add(1)
	return 1, nil
}

func (b *backlog) ReclassifyOutdated(context.Context) (bool, error) { return false, nil }

// TestFoldingLetsAgentsGoFirst holds that folding waits while agents do, and that it goes on where they always do.
func TestFoldingLetsAgentsGoFirst(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		busy        func(since time.Duration) bool
		least, most int64 // steps within the first second of folding
	}{
		"nobody waits":       {func(time.Duration) bool { return false }, 1000, 1000},
		"somebody waits now": {func(since time.Duration) bool { return since < 1015*time.Millisecond }, 1000, 1000},
		"somebody always is": {func(time.Duration) bool { return true }, 45, 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				b := &backlog{}
				b.left.Store(1000)
				loop := controller.Telemetry{
					Folder: b, Logger: slog.New(slog.DiscardHandler), Now: time.Now, Busy: func() bool { return test.busy(time.Since(begin)) },
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- loop.Run(ctx) }()
				<-time.After(2 * time.Second) // the loop looks once a second
				if n := b.done.Load(); n < test.least || n > test.most {
					t.Errorf("%d steps were folded, want %d to %d", n, test.least, test.most)
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
