// Package storetest opens migrated databases for tests: SQLite in a folder of the test, and PostgreSQL where LINEITEM_TEST_POSTGRES
// has the URL of a server on which databases may be created. Each test gets a database of its own.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/lineitem/lineitem/internal/store"
)

// Variable is the environment variable with the URL of a PostgreSQL server for tests.
const Variable = "LINEITEM_TEST_POSTGRES"

var sayMissing sync.Once

// Engines returns the engines to test on. Without a PostgreSQL server it is SQLite alone, which is said once; in CI that is a failure.
func Engines(tb testing.TB) []store.Engine {
	tb.Helper()
	if os.Getenv(Variable) != "" {
		return []store.Engine{store.SQLite, store.Postgres}
	}
	if os.Getenv("CI") == "true" {
		tb.Fatalf("%s is not set: in CI the store is tested on PostgreSQL too", Variable)
	}
	sayMissing.Do(func() {
		fmt.Fprintf(os.Stderr, "%s is not set: tested on SQLite only; scripts/with-postgres.sh runs a command with PostgreSQL.\n", Variable)
	})
	return []store.Engine{store.SQLite}
}

// Each runs f once for each engine, in parallel, with a database of its own.
func Each(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	for _, engine := range Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			f(t, Open(t, engine))
		})
	}
}

// Open opens a migrated database, which is closed and removed at the end of the test. It may be called inside a synctest bubble.
func Open(tb testing.TB, engine store.Engine) *store.DB {
	tb.Helper()
	cfg := Config(tb, engine)
	db, err := store.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatalf("open a test database: %v", err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close the test database: %v", err)
		}
	})
	if err := db.Migrate(tb.Context()); err != nil {
		tb.Fatalf("migrate a test database: %v", err)
	}
	return db
}

// Config returns what opens a new database; on PostgreSQL it is a copy of a migrated one. It is removed at the end of the test.
func Config(tb testing.TB, engine store.Engine) store.Config {
	tb.Helper()
	switch engine {
	case store.SQLite:
		return store.Config{Path: filepath.Join(tb.TempDir(), "data", "lineitem.db"), NoSync: true}
	case store.Postgres:
		return store.Config{DatabaseURL: clone(tb), MaxConns: connsPerTest}
	default:
		tb.Fatalf("unknown engine %q", engine)
		return store.Config{}
	}
}

// clone makes a database from the template and returns its URL.
func clone(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv(Variable)
	if server == "" {
		tb.Fatalf("%s is not set", Variable)
	}
	name, err := createClone(tb.Context(), server)
	if err != nil {
		tb.Fatalf("make a test database: %v", err)
	}
	tb.Cleanup(func() {
		// The test's own context has ended by now.
		if err := dropDatabase(context.WithoutCancel(tb.Context()), server, name); err != nil {
			tb.Errorf("drop the test database: %v", err)
		}
	})
	url, err := withDatabase(server, name)
	if err != nil {
		tb.Fatalf("make a test database: %v", err)
	}
	return url
}

var errNotURL = errors.New(Variable + " must be a URL: postgres://user@host:port/database")
