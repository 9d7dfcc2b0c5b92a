package controller_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lineitem/lineitem/internal/controller"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/segment"
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

// keeping is a housekeeper that notes which rows it was told to drop, and can fail.
type keeping struct {
	dropped []string
	fail    atomic.Bool
}

func (*keeping) DeleteBatches(context.Context, time.Time) (int64, error) { return 0, nil }
func (*keeping) DeleteExpired(context.Context, time.Time) error          { return nil }
func (*keeping) ThinResources(context.Context, time.Time) (int64, error) { return 0, nil }

func (k *keeping) DropRows(_ context.Context, table string, before time.Time) (int64, error) {
	if k.fail.Load() {
		return 0, errors.New("the disk is full")
	}
	k.dropped = append(k.dropped, table+" before "+before.Format(time.DateOnly))
	return 1, nil
}

// TestRowsAreDroppedOnceAMonth runs the loop over the end of a month: tables with a retention lose their rows once a month, and again where that failed.
func TestRowsAreDroppedOnceAMonth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keeping{}
		begin, now := time.Now(), time.Date(2026, 5, 31, 23, 0, 0, 0, time.UTC)
		loop := controller.Telemetry{
			Folder: &backlog{}, Housekeeper: k, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now.Add(time.Since(begin)) },
			Retain: segment.Retainer{Retention: segment.Retention{Reads: 1, GPU: 3, Lines: 1, Usage: 1}},
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- loop.Run(ctx) }()
		var want []string
		for _, step := range []struct {
			wait time.Duration
			fail bool
			want []string
		}{
			{9 * time.Minute, false, nil},
			{2 * time.Minute, false, []string{"reads before 2026-04-01", "gpu before 2026-02-01"}},
			{30 * time.Minute, true, nil},
			{30 * time.Minute, true, nil}, // the month has ended
			{10 * time.Minute, false, []string{"reads before 2026-05-01", "gpu before 2026-03-01"}},
			{24 * time.Hour, false, nil},
		} {
			k.fail.Store(step.fail)
			<-time.After(step.wait)
			synctest.Wait()
			if want = append(want, step.want...); !slices.Equal(k.dropped, want) {
				t.Fatalf("%v after the beginning %q are dropped, want %q", time.Since(begin), k.dropped, want)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
