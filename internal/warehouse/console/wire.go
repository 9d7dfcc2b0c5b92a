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
	Bounds  Bounds   `json:"bounds"`
}

// named says which tables the statement names, or, as a piece does, why it is not run.
type named struct {
	Tables []string `json:"tables"`
	Failed *problem `json:"failed"`
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
	// Where is the condition on rows of Files. Own is set where not all of them may be seen.
	Where string `json:"where"`
	Own   bool   `json:"own"`
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
