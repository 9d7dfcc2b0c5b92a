package console

import (
	"database/sql"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every function that is allowed is one that DuckDB has, and that docs/sql.md lists.
func TestFunctions(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	there := map[string]bool{}
	rows, err := db.QueryContext(t.Context(), "SELECT DISTINCT lower(function_name) FROM duckdb_functions()")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		there[name] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	// These are not functions to DuckDB's catalogue, but to its parser and binder.
	syntax := map[string]bool{"coalesce": true, "grouping": true, "grouping_id": true, "unnest": true}
	for name := range functions() {
		if !there[name] && !syntax[name] {
			t.Errorf("%s is allowed, and DuckDB has no such function", name)
		}
		if regexp.MustCompile(`^[a-z]`).MatchString(name) && !strings.Contains(strings.ToLower(string(page)), "`"+name+"`") {
			t.Errorf("%s is allowed, and docs/sql.md does not list it", name)
		}
	}
}

// What reads files, settings, secrets or other statements, what writes or waits, is not allowed, whatever it is called in DuckDB.
func TestNoFunctionReachesOut(t *testing.T) {
	t.Parallel()
	reaches := regexp.MustCompile(`^(read_|write|duckdb_|pragma_|query|current_(setting|query|schema|database|catalog|user|role|connection|transaction)|getenv|getvariable|which_secret|nextval|currval|sleep|error$|glob|.*serialize|version$|txid|stats$|__internal|create_sort|icu_|st_|variant_|enum_|in_search|cast_to)`)
	for name := range functions() {
		if reaches.MatchString(name) {
			t.Errorf("%s is allowed", name)
		}
	}
}
