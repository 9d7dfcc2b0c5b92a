package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Connections to PostgreSQL.
const (
	defaultMaxConns = 16
	connMaxIdle     = 5 * time.Minute
)

func openPostgres(ctx context.Context, cfg Config) (*DB, error) {
	// Errors of the parser leave out the password.
	conn, err := pgx.ParseConfig(cfg.DatabaseURL)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "lineitem"
	}
	db := stdlib.OpenDB(*conn)
	conns := cfg.MaxConns
	if conns <= 0 {
		conns = defaultMaxConns
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(connMaxIdle)
	if err := db.PingContext(ctx); err != nil {
		return nil, fail("open the database", errors.Join(err, db.Close()))
	}
	p := newPool(db, false)
	return &DB{engine: Postgres, log: cfg.Logger, writer: p, reader: p}, nil
}
