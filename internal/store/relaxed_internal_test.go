package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/identity"
)

// TestRelaxedIsForOneTransaction holds that only the transaction that asked for it does not wait for the disk, however it ends.
func TestRelaxedIsForOneTransaction(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "lineitem.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	level := func(ctx context.Context) (n int) {
		if err := db.runner(ctx, db.writer).QueryRowContext(ctx, "PRAGMA synchronous").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const normal, full = 1, 2
	create := func(ctx context.Context, name string) error {
		return db.CreateUser(ctx, identity.User{ID: identity.UserID("us_" + name), Name: name, Role: identity.RoleUser, CreatedAt: time.Unix(0, 0)})
	}
	count := func() int {
		n, err := db.CountUsers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	relaxed := db.Relaxed()
	canceled, cancel := context.WithCancel(t.Context())
	failure := errors.New("no")
	for name, test := range map[string]struct {
		ctx  context.Context
		end  func() error
		kept int
	}{
		"commits":        {t.Context(), func() error { return nil }, 1},
		"fails":          {t.Context(), func() error { return failure }, 0},
		"is interrupted": {canceled, func() error { cancel(); return canceled.Err() }, 0},
	} {
		before := count()
		err := relaxed.Atomically(test.ctx, func(ctx context.Context) error {
			if got := level(ctx); got != normal {
				t.Errorf("%s: within it the level is %d, want %d", name, got, normal)
			}
			if err := create(ctx, name[:2]); err != nil {
				return err
			}
			return test.end()
		})
		if (err == nil) != (test.kept == 1) {
			t.Errorf("%s: %v", name, err)
		}
		if got := count() - before; got != test.kept {
			t.Errorf("%s: %d users were made, want %d", name, got, test.kept)
		}
		if got := level(t.Context()); got != full {
			t.Errorf("%s: afterwards the level is %d, want %d", name, got, full)
		}
	}
	// Within a transaction that waits for the disk it waits with it.
	err = db.Atomically(t.Context(), func(ctx context.Context) error {
		return relaxed.Atomically(ctx, func(ctx context.Context) error {
			if got := level(ctx); got != full {
				t.Errorf("within another transaction the level is %d, want %d", got, full)
			}
			return create(ctx, "outer")
		})
	})
	if err != nil {
		t.Error(err)
	}
}
