package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/lineitem/lineitem/internal/core/identity"
)

// Relaxed returns a transactor whose commits do not wait for the disk: after a power failure the last of them may be missing, each as a whole, as if they had
// never been. It is for what is computed again from what is durable, as folding is. A sync is most of what such a transaction takes on a slow disk, and agents
// wait for it as well. Everything else commits as always, and takes along what went before it. A call within a transaction joins it.
func (db *DB) Relaxed() identity.Transactor { return relaxed{db} }

type relaxed struct{ db *DB }

// Atomically implements identity.Transactor.
func (r relaxed) Atomically(ctx context.Context, f func(ctx context.Context) error) error {
	db := r.db
	if db.txFrom(ctx) != nil {
		return db.Atomically(ctx, f)
	}
	if db.engine == Postgres {
		return db.Atomically(ctx, func(ctx context.Context) error {
			if _, err := db.runner(ctx, db.writer).ExecContext(ctx, "SET LOCAL synchronous_commit TO off"); err != nil {
				return fail("let a commit not wait for the disk", err)
			}
			return f(ctx)
		})
	}
	if db.noSync {
		return db.Atomically(ctx, f)
	}
	db.writer.prepare(ctx) // not while this holds the only connection
	conn, err := db.writer.db.Conn(ctx)
	if err != nil {
		return fail("take the writing connection", err)
	}
	defer conn.Close() //nolint:errcheck // It goes back to the pool, or was thrown away.
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = NORMAL"); err != nil {
		return errors.Join(fail("let a commit not wait for the disk", err), discard(conn))
	}
	err = db.transactOn(ctx, db.writer, conn, sql.TxOptions{}, f)
	// Also when ctx has ended: the next user of this connection relies on it.
	if _, undo := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous = FULL"); undo != nil {
		if thrown := discard(conn); thrown != nil {
			err = errors.Join(err, fail("let commits wait for the disk again", undo), thrown)
		}
	}
	return err
}

// discard closes a connection for good: it is not what others expect.
func discard(conn *sql.Conn) error {
	err := conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(err, driver.ErrBadConn) {
		return nil
	}
	return err
}
