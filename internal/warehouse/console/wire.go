package console

import (
	"encoding/json"

	core "github.com/lineitem/lineitem/internal/core/console"
)

// Server and worker speak JSON over the worker's standard input and output: order, named, loads, then answers up to the last one.

// order is what the server asks first.
type order struct {
	SQL string `json:"sql"`
	// Known are the tables that may be named.
	Known   []string `json:"known"`
	Limit   int      `json:"limit"`
	Parquet bool     `json:"parquet"`
	// Whole wants all columns of tables, whatever the statement seems to read.
	Whole  bool   `json:"whole"`
	Bounds Bounds `json:"bounds"`
}

// named says which tables the statement names and which of their columns it seems to read, all where nothing is said; or, as a piece does, why it is not run.
type named struct {
	Tables  []string            `json:"tables"`
	Columns map[string][]string `json:"columns"`
	Failed  *problem            `json:"failed"`
}

type problem struct {
	Code     string `json:"code"`
	Sentence string `json:"sentence"`
}

// load is a table's content, as files in the worker's folder.
type load struct {
	Table   string        `json:"table"`
	Columns []core.Column `json:"columns"`
	// CSV is a file of rows; otherwise the Parquet files are the table, as core.Content says.
	CSV             string   `json:"csv"`
	Files           []string `json:"files"`
	Extra, Replaced string
	// Where is the condition on rows of Files and Extra.
	Where string `json:"where"`
	// Present are the columns that the files have; nil is all.
	Present []string `json:"present"`
}

type loads struct {
	Tables []load `json:"tables"`
}

// piece is a part of the answer; one with Done or Failed is the last.
type piece struct {
	Columns []core.ResultColumn `json:"columns,omitempty"`
	Rows    []json.RawMessage   `json:"rows,omitempty"`
	Done    *done               `json:"done,omitempty"`
	Failed  *problem            `json:"failed,omitempty"`
}

type done struct {
	Rows  int    `json:"rows"`
	More  bool   `json:"more"`
	Cut   string `json:"cut"`
	Bytes int64  `json:"bytes"`
	// File is the Parquet file in the worker's folder.
	File string `json:"file"`
}
