package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite" // The driver "sqlite".
)

// busyTimeout is how long SQLite waits for a lock of another process, such as a command that works on the file of a running server.
const busyTimeoutMillis = "10000"

func openSQLite(ctx context.Context, cfg Config) (*DB, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", cfg.Path, err)
	}
	if err := makePrivateFile(path); err != nil {
		return nil, err
	}
	writer, err := openSQLitePool(ctx, path, cfg, true)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	reader, err := openSQLitePool(ctx, path, cfg, false)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, errors.Join(err, writer.close()))
	}
	return &DB{engine: SQLite, log: cfg.Logger, noSync: cfg.NoSync, writer: writer, reader: reader}, nil
}

// makePrivateFile makes the file, and the folder where it is missing, before SQLite would make them for everyone: the database holds
// private keys. The write-ahead log takes the mode of the file.
func makePrivateFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the database's folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("make the database's file: %w", err)
	}
	defer f.Close() //nolint:errcheck // Nothing was written.
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("make the database's file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil && !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("make the database's file private: %w", err)
		}
	}
	return nil
}

func openSQLitePool(ctx context.Context, path string, cfg Config, writes bool) (*pool, error) {
	synchronous := "FULL"
	if cfg.NoSync {
		synchronous = "OFF"
	}
	query := url.Values{}
	for _, pragma := range []string{
		"busy_timeout(" + busyTimeoutMillis + ")",
		"journal_mode(WAL)",
		"synchronous(" + synchronous + ")",
		"fullfsync(1)", // macOS: fsync alone does not reach the disk there
		"checkpoint_fullfsync(1)",
		"foreign_keys(1)",
		"secure_delete(FAST)",          // overwrites deleted keys where that needs no write of its own
		"wal_autocheckpoint(4000)",     // 16 MB: fewer pages are written twice
		"journal_size_limit(67108864)", // gives the disk back after a long reader
		"cache_size(-16384)",
		"trusted_schema(0)",
	} {
		query.Add("_pragma", pragma)
	}
	if writes {
		query.Set("_txlock", "immediate") // a transaction that reads first could not become a writer otherwise
	} else {
		query.Add("_pragma", "query_only(1)")
	}
	// The driver takes what follows the first question mark, so the path may hold none, nor a percent sign of its own.
	dsn := "file://" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + query.Encode()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	conns := 1
	if !writes {
		conns = max(4, 2*runtime.GOMAXPROCS(0))
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return newPool(db, true), nil
}
