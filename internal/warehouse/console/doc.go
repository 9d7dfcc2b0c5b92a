// Package console runs SQL statements of users, away from the server: each in a process of its own that holds nothing but the tables that the statement names and
// that the asker may see, and that can read no file but those, open no connection, take no more memory and time than it is given. docs/sql.md says what is allowed.
//
// A statement passes three fences. It is parsed, and everything in it must be on a list: one SELECT, known tables, functions that compute from their arguments
// (check.go, functions.txt). DuckDB is told to load and reach nothing and to keep its configuration (worker.go). And the process is confined by the system
// (confine_linux.go): what breaks the first two still finds nothing.
package console
