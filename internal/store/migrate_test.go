package store_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// raw opens the database without the store.
func raw(t *testing.T, cfg store.Config) *sql.DB {
	t.Helper()
	driver, dsn := "sqlite", cfg.Path
	if cfg.DatabaseURL != "" {
		driver, dsn = "pgx", cfg.DatabaseURL
	}
	db, err := sql.Open(driver, dsn)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// column returns the first column of a query.
func column(t *testing.T, db *sql.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	must(t, err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		must(t, rows.Scan(&s))
		out = append(out, s)
	}
	must(t, rows.Err())
	return out
}

// TestEveryTableHasRows fills a database, brings it to the newest schema again, and checks that every table has rows and that they are what
// they were.
func TestEveryTableHasRows(t *testing.T) {
	t.Parallel()
	for _, engine := range storetest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, engine)
			db, err := store.Open(t.Context(), cfg)
			must(t, err)
			must(t, db.Migrate(t.Context()))
			check := fill(t, db)
			must(t, db.Close())

			plain := raw(t, cfg)
			tables := tablesOf(t, plain, engine)
			if len(tables) < 16 {
				t.Errorf("only %d tables: %v", len(tables), tables)
			}
			for _, table := range tables {
				var n int
				must(t, plain.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
				if n == 0 {
					t.Errorf("fill has no row for the table %s: add one", table)
				}
			}

			db, err = store.Open(t.Context(), cfg)
			must(t, err)
			defer db.Close()
			must(t, db.Migrate(t.Context()))
			check(t, db)
		})
	}
}

func TestMigrateRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	for _, engine := range storetest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, engine)
			db, err := store.Open(t.Context(), cfg)
			must(t, err)
			defer db.Close()
			must(t, db.Migrate(t.Context()))
			_, err = raw(t, cfg).ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)")
			must(t, err)
			err = db.Migrate(t.Context())
			wantKind(t, err, errs.Conflict)
			if err == nil || !strings.Contains(err.Error(), "9999") {
				t.Errorf("the error does not tell the version: %v", err)
			}
		})
	}
}

func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	for _, engine := range storetest.Engines(t) {
		if engine != store.Postgres {
			continue // two servers on one SQLite file are refused by the data folder's lock
		}
		cfg := storetest.Config(t, engine)
		_, err := raw(t, cfg).ExecContext(t.Context(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
		must(t, err)
		failed := make(chan error)
		for range 4 {
			go func() {
				db, err := store.Open(t.Context(), cfg)
				if err == nil {
					err = db.Migrate(t.Context())
					db.Close()
				}
				failed <- err
			}()
		}
		for range 4 {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
	}
}

func tablesOf(t *testing.T, db *sql.DB, engine store.Engine) []string {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' ORDER BY name`
	if engine == store.Postgres {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name NOT LIKE 'goose_%' ORDER BY table_name`
	}
	return column(t, db, query)
}

// TestSameSchema compares what the migrations of the two engines end in: tables, columns, types, NULLs, keys, indexes, references.
func TestSameSchema(t *testing.T) {
	t.Parallel()
	schemas := map[store.Engine][]string{}
	for _, engine := range storetest.Engines(t) {
		cfg := storetest.Config(t, engine)
		db, err := store.Open(t.Context(), cfg)
		must(t, err)
		must(t, db.Migrate(t.Context()))
		must(t, db.Close())
		plain := raw(t, cfg)
		for _, table := range tablesOf(t, plain, engine) {
			if engine == store.SQLite {
				schemas[engine] = append(schemas[engine], describeSQLite(t, plain, table)...)
			} else {
				schemas[engine] = append(schemas[engine], describePostgres(t, plain, table)...)
			}
		}
		slices.Sort(schemas[engine])
	}
	if len(schemas[store.SQLite]) < 120 {
		t.Errorf("the description of the schema has only %d lines", len(schemas[store.SQLite]))
	}
	if _, ok := schemas[store.Postgres]; ok {
		equal(t, schemas[store.Postgres], schemas[store.SQLite])
	}
}

// describeSQLite and describePostgres return one line for each column, unique key, index and reference of a table.
func describeSQLite(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	lines := column(t, db, `SELECT $1 || '.' || name || ' ' || type || CASE "notnull" WHEN 1 THEN ' NOT NULL' ELSE '' END FROM pragma_table_info($1)`, table)
	lines = append(lines, column(t, db,
		`SELECT $1 || ' primary key ' || group_concat(name, ',') FROM (SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk)`, table)...)
	lines = append(lines, column(t, db, `
SELECT $1 || CASE i."unique" WHEN 1 THEN ' unique ' ELSE ' index ' END ||
       (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
FROM pragma_index_list($1) i WHERE i.origin <> 'pk'`, table)...)
	return append(lines, column(t, db, `SELECT $1 || '.' || "from" || ' references ' || "table" || '.' || "to" FROM pragma_foreign_key_list($1)`, table)...)
}

func describePostgres(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	lines := column(t, db, `
SELECT $1 || '.' || column_name || ' ' ||
       CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'boolean' THEN 'INTEGER' WHEN 'text' THEN 'TEXT' WHEN 'bytea' THEN 'BLOB' ELSE data_type END ||
       CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1`, table)
	return append(lines, append(column(t, db, `
SELECT $1 || CASE WHEN i.indisprimary THEN ' primary key ' WHEN i.indisunique THEN ' unique ' ELSE ' index ' END ||
       (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, n)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum)
FROM pg_index i WHERE i.indrelid = CAST($1 AS regclass)`, table), column(t, db, `
SELECT $1 || '.' || a.attname || ' references ' || c.confrelid::regclass || '.' || b.attname
FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
WHERE c.contype = 'f' AND c.conrelid = CAST($1 AS regclass)`, table)...)...)
}
