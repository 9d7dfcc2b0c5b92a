package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestPragmas checks that what the package promises is what SQLite does: a misspelt pragma is ignored without an error.
func TestPragmas(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		noSync bool
		sync   int
	}{"server": {false, 2}, "test": {true, 0}} {
		db, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "lineitem.db"), NoSync: test.noSync})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for pragma, want := range map[string]any{
			"journal_mode": "wal", "synchronous": int64(test.sync), "foreign_keys": int64(1), "busy_timeout": int64(10000), "fullfsync": int64(1),
			"checkpoint_fullfsync": int64(1), "secure_delete": int64(2), "wal_autocheckpoint": int64(4000), "trusted_schema": int64(0),
			"journal_size_limit": int64(64 << 20), "query_only": int64(0),
		} {
			for pool, p := range map[string]*pool{"writer": db.writer, "reader": db.reader} {
				if pragma == "query_only" && pool == "reader" {
					want = int64(1)
				}
				var got any
				if err := p.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil {
					t.Fatalf("%s: %v", pragma, err)
				}
				if pragma == "query_only" && pool == "writer" {
					want = int64(0)
				}
				if got != want {
					t.Errorf("%s, %s: %s = %v, want %v", name, pool, pragma, got, want)
				}
			}
		}
	}
}

// TestQueriesUseIndexes asks SQLite how it would run each query: none may read a whole table of those that grow.
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "lineitem.db"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	queries := 0
	for name, query := range generatedQueries(t) {
		if !strings.Contains(query, "WHERE") {
			continue
		}
		queries++
		for _, detail := range plan(t, db.writer.db, query) {
			for _, table := range []string{"batches", "b", "line_usage", "category_usage", "processes", "events", "clusters", "submissions", "sources"} {
				if detail == "SCAN "+table {
					t.Errorf("%s reads a whole table: %s", name, detail)
				}
			}
		}
	}
	if queries < 25 {
		t.Errorf("explained only %d queries", queries)
	}
}

func plan(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	var args []any
	for strings.Contains(query, fmt.Sprintf("$%d", len(args)+1)) {
		args = append(args, "1")
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var details []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		details = append(details, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return details
}
