package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
)

// Retries of a transaction that lost against another one.
const (
	maxAttempts  = 12
	firstBackoff = 2 * time.Millisecond
	maxBackoff   = 250 * time.Millisecond
)

// transaction is a transaction in a context.
type transaction struct {
	pool     *pool
	tx       *sql.Tx
	readOnly bool
}

// txKey finds the transaction of one database: another one's is not ours.
type txKey struct{ db *DB }

func (db *DB) txFrom(ctx context.Context) *transaction {
	tx, _ := ctx.Value(txKey{db}).(*transaction)
	return tx
}

// Atomically runs f in one transaction, which rides in the context. Transactions happen as if one after the other: where one loses
// against another, f runs again from the start, so it keeps its results to itself until Atomically returns. If f returns an error, or panics,
// nothing of it remains. A nested call joins the outer transaction; if only the nested f fails, what it did is undone and the
// outer one may go on.
func (db *DB) Atomically(ctx context.Context, f func(ctx context.Context) error) error {
	if tx := db.txFrom(ctx); tx != nil {
		if tx.readOnly {
			return errors.New("begin a transaction: the context holds a snapshot, which cannot write")
		}
		return nested(ctx, runner{pool: tx.pool, tx: tx.tx}, f)
	}
	// SQLite has only this level; PostgreSQL would let two transactions each act on what the other has changed.
	return db.transact(ctx, db.writer, sql.TxOptions{Isolation: db.isolation(sql.LevelSerializable)}, f)
}

// Snapshot runs f in a transaction that only reads, and sees the database at one moment: sums over several tables match. It does not block
// writers. Inside Atomically it sees that transaction.
func (db *DB) Snapshot(ctx context.Context, f func(ctx context.Context) error) error {
	if db.txFrom(ctx) != nil {
		return f(ctx)
	}
	return db.transact(ctx, db.reader, sql.TxOptions{ReadOnly: true, Isolation: db.isolation(sql.LevelRepeatableRead)}, f)
}

// isolation asks for a level where there are several.
func (db *DB) isolation(level sql.IsolationLevel) sql.IsolationLevel {
	if db.engine == Postgres {
		return level
	}
	return sql.LevelDefault
}

// transact begins, runs f, commits, and does so again while the database asks for it.
func (db *DB) transact(ctx context.Context, p *pool, options sql.TxOptions, f func(ctx context.Context) error) error {
	p.prepare(ctx)
	return db.transactOn(ctx, p, p.db, options, f)
}

// beginner is a pool, or one of its connections.
type beginner interface {
	BeginTx(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error)
}

func (db *DB) transactOn(ctx context.Context, p *pool, on beginner, options sql.TxOptions, f func(ctx context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := db.attempt(ctx, p, on, options, f)
		if err == nil || !transient(err) || ctx.Err() != nil {
			return err
		}
		if attempt == maxAttempts {
			return errs.Wrap(err, errs.Unavailable, "", "The database is busy; nothing was changed. Try again in a moment.")
		}
		db.log.LogAttrs(ctx, slog.LevelDebug, "transaction runs again", slog.Int("attempt", attempt), slog.Any("error", err))
		if err := wait(ctx, backoff(attempt)); err != nil {
			return err
		}
	}
}

func (db *DB) attempt(ctx context.Context, p *pool, on beginner, options sql.TxOptions, f func(ctx context.Context) error) (err error) {
	tx, err := on.BeginTx(ctx, &options)
	if err != nil {
		return fail("begin a transaction", err)
	}
	done := false
	defer func() {
		if !done { // f failed or panicked
			if rollback := tx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) && err != nil {
				err = errors.Join(err, fmt.Errorf("roll back: %w", rollback))
			}
		}
	}()
	if err := f(context.WithValue(ctx, txKey{db}, &transaction{pool: p, tx: tx, readOnly: options.ReadOnly})); err != nil {
		return err
	}
	done = true
	if err := tx.Commit(); err != nil {
		return fail("commit a transaction", err)
	}
	return nil
}

// nested runs f in a savepoint.
func nested(ctx context.Context, tx runner, f func(ctx context.Context) error) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT nested"); err != nil {
		return fail("begin a nested transaction", err)
	}
	if err := f(ctx); err != nil {
		// Where this fails too, the outer transaction cannot commit.
		if _, undo := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT nested"); undo != nil {
			return errors.Join(err, fail("undo a nested transaction", undo))
		}
		return err
	}
	if _, err := tx.ExecContext(ctx, "RELEASE SAVEPOINT nested"); err != nil {
		return fail("end a nested transaction", err)
	}
	return nil
}

func backoff(attempt int) time.Duration {
	d := min(firstBackoff<<(attempt-1), maxBackoff)
	return d/2 + rand.N(d/2) //nolint:gosec // Spreads retries; nothing depends on it being unpredictable.
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
