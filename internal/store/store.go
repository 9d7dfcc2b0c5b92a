// Package store is the only place with SQL: it keeps what core's storage interfaces describe, on SQLite or PostgreSQL. One text
// of each query runs on both; the engines differ in how they are opened, in their migrations, and in how a transaction begins.
//
// Durability: a method that has returned without an error has written to the disk. SQLite runs with a write-ahead log that is
// synced at each commit (synchronous=FULL), so a commit survives the end of the process and, as far as the disk is honest, of the
// power. PostgreSQL does what its synchronous_commit says, which is the same by default. Folding alone
// does not wait for the disk (Relaxed): what a power failure takes of it is folded again.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// Engine names a database engine.
type Engine string

// Engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Config says which database to open: a file or a URL, not both.
type Config struct {
	// Path is the file of the SQLite database. It and its folder are made if they are not there, for this user alone.
	Path string
	// DatabaseURL is the address of a PostgreSQL database: "postgres://user:password@host/name".
	DatabaseURL string
	// MaxConns bounds the connections to PostgreSQL; 0 means 16.
	MaxConns int
	// NoSync leaves SQLite's writes to the operating system: fast, and unsafe when the power fails. For tests.
	NoSync bool
	// Logger receives migrations and retries; nil discards them.
	Logger *slog.Logger
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine Engine
	log    *slog.Logger
	noSync bool
	// writer and reader are one pool on PostgreSQL. On SQLite the writer is a single connection: writers queue in this process instead
	// of failing in SQLite.
	writer, reader *pool
	appends        appendQueue
}

// DB keeps everything.
var (
	_ identity.Store       = (*DB)(nil)
	_ identity.Transactor  = (*DB)(nil)
	_ identity.Snapshotter = (*DB)(nil)
	_ cluster.Store        = (*DB)(nil)
	_ usage.Store          = (*DB)(nil)
)

// Open opens the database. It does not change its schema: call Migrate before anything else.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.Path != "" && cfg.DatabaseURL != "":
		return nil, errors.New("open the database: both a path and a URL are given; give one")
	case cfg.DatabaseURL != "":
		return openPostgres(ctx, cfg)
	case cfg.Path != "":
		return openSQLite(ctx, cfg)
	default:
		return nil, errors.New("open the database: neither a path nor a URL is given; give one")
	}
}

// Engine tells which engine runs.
func (db *DB) Engine() Engine { return db.engine }

// Ping checks that the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.reader.db.PingContext(ctx); err != nil {
		return fail("reach the database", err)
	}
	return nil
}

// Close ends all connections. On SQLite the write-ahead log is folded into the file.
func (db *DB) Close() error {
	err := db.reader.close()
	if db.writer != db.reader {
		err = errors.Join(err, db.writer.close())
	}
	if err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

// InstallationID returns the random name of this installation, made at the first migration and never changed: processes and
// machines are tagged with it.
func (db *DB) InstallationID(ctx context.Context) (string, error) {
	id, err := db.read(ctx).GetInstallationID(ctx)
	if err != nil {
		return "", fail("read the installation's id", err)
	}
	return id, nil
}

// read returns the queries for reading: in the context's transaction, if there is one.
func (db *DB) read(ctx context.Context) *sqlcgen.Queries {
	return sqlcgen.New(db.runner(ctx, db.reader))
}

// write returns the queries for writing: in the context's transaction, if there is one.
func (db *DB) write(ctx context.Context) *sqlcgen.Queries {
	return sqlcgen.New(db.runner(ctx, db.writer))
}

func (db *DB) runner(ctx context.Context, p *pool) runner {
	if tx := db.txFrom(ctx); tx != nil {
		return runner{pool: tx.pool, tx: tx.tx}
	}
	return runner{pool: p}
}

// one turns "so many rows changed" into an error where there should be one row.
func one(n int64, err error, op, missing string) error {
	if err != nil {
		return fail(op, err)
	}
	if n == 0 {
		return notFound(missing)
	}
	return nil
}

// inserted turns "no row inserted" into a conflict. Inserts are written ON CONFLICT DO NOTHING, because on PostgreSQL a failed statement
// would end the transaction that it is in.
func inserted(n int64, err error, op, taken string) error {
	if err != nil {
		return fail(op, err)
	}
	if n == 0 {
		return conflict(taken)
	}
	return nil
}

var _ sqlcgen.DBTX = runner{}

// runner runs statements in a transaction or outside, prepared where that helps.
type runner struct {
	pool *pool
	tx   *sql.Tx // nil outside a transaction
}

// ExecContext runs a statement.
func (r runner) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if s := r.prepared(ctx, text); s != nil { //nolint:sqlclosecheck // The pool closes it.
		return s.ExecContext(ctx, args...)
	}
	if r.tx != nil {
		return r.tx.ExecContext(ctx, text, args...)
	}
	return r.pool.db.ExecContext(ctx, text, args...)
}

// PrepareContext is there because the generated interface asks for it.
func (r runner) PrepareContext(ctx context.Context, text string) (*sql.Stmt, error) {
	if r.tx != nil {
		return r.tx.PrepareContext(ctx, text)
	}
	return r.pool.db.PrepareContext(ctx, text)
}

// QueryContext runs a query.
func (r runner) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if s := r.prepared(ctx, text); s != nil { //nolint:sqlclosecheck // The pool closes it.
		return s.QueryContext(ctx, args...)
	}
	if r.tx != nil {
		return r.tx.QueryContext(ctx, text, args...)
	}
	return r.pool.db.QueryContext(ctx, text, args...)
}

// QueryRowContext runs a query that returns at most one row.
func (r runner) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	if s := r.prepared(ctx, text); s != nil { //nolint:sqlclosecheck // The pool closes it.
		return s.QueryRowContext(ctx, args...)
	}
	if r.tx != nil {
		return r.tx.QueryRowContext(ctx, text, args...)
	}
	return r.pool.db.QueryRowContext(ctx, text, args...)
}

func (r runner) prepared(ctx context.Context, text string) *sql.Stmt {
	s := r.pool.prepared(text)
	switch {
	case r.tx == nil && s == nil:
		r.pool.prepare(ctx)
		return r.pool.prepared(text)
	case r.tx != nil && s != nil:
		return r.tx.StmtContext(ctx, s)
	default:
		return s
	}
}
