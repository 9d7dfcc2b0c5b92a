package sdk

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// SQLRequest is a statement: one SELECT over the tables that docs/sql.md lists.
type SQLRequest struct {
	SQL string `json:"sql" minLength:"1" maxLength:"100000" example:"select user_name, sum(cost_nanos) / 1e9 as cost from lines group by all"`
	// Since and Until bound what the tables hold; hours that the window touches count whole.
	Since *time.Time `json:"since,omitempty" doc:"What the tables hold begins here; with the first cluster by default"`
	Until *time.Time `json:"until,omitempty" doc:"What the tables hold ends here; now by default"`
	Limit int        `json:"limit,omitempty" minimum:"0" doc:"How many rows to answer: 1,000 by default, at most 100,000; of a file all, at most 5,000,000"`
}

// SQLColumn is a column of an answer.
type SQLColumn struct {
	Name string `json:"name"`
	Type string `json:"type" doc:"DuckDB's name of the type" example:"BIGINT"`
}

// SQLResult is what a statement answers.
type SQLResult struct {
	Columns []SQLColumn `json:"columns" nullable:"false"`
	// Rows hold values in the order of the columns. Whole numbers beyond ±2^53, decimals, times and whatever else JSON has no word for are texts.
	Rows     [][]json.RawMessage `json:"rows" nullable:"false" doc:"Values in the order of the columns; whole numbers beyond 2^53, decimals and times are texts"`
	RowCount int                 `json:"row_count"`
	More     bool                `json:"more" doc:"There were more rows than are here"`
	Cut      string              `json:"cut" doc:"Why there are no more rows; empty where all are here"`
	Tables   []string            `json:"tables" nullable:"false" doc:"The tables that the statement names"`
	// LoadedRows is how many rows of tables were made for the statement from the store.
	LoadedRows   int64     `json:"loaded_rows"`
	Bytes        int64     `json:"bytes"`
	Milliseconds int64     `json:"milliseconds"`
	AsOf         time.Time `json:"as_of" doc:"Up to when the tables are complete"`
}

// SQLTable is a table that statements may name.
type SQLTable struct {
	Name    string           `json:"name"`
	About   string           `json:"about"`
	Columns []SQLTableColumn `json:"columns" nullable:"false"`
}

// SQLTableColumn is a column of such a table.
type SQLTableColumn struct {
	Name  string `json:"name"`
	Type  string `json:"type" example:"VARCHAR"`
	About string `json:"about"`
}

// SQLTableList holds the tables that statements may name.
type SQLTableList struct {
	Items []SQLTable `json:"items" nullable:"false"`
}

// SQL runs a statement.
func (c *Client) SQL(ctx context.Context, r SQLRequest) (SQLResult, error) {
	return call[SQLResult](ctx, c, http.MethodPost, "/sql", nil, r)
}

// SQLParquet runs a statement and returns its answer as a Parquet file.
func (c *Client) SQLParquet(ctx context.Context, r SQLRequest) ([]byte, error) {
	u, err := c.address("/sql.parquet", nil)
	if err != nil {
		return nil, err
	}
	return c.exchange(ctx, http.MethodPost, u, "*/*", r)
}

// SQLTables lists the tables that statements may name.
func (c *Client) SQLTables(ctx context.Context) (SQLTableList, error) {
	return call[SQLTableList](ctx, c, http.MethodGet, "/sql/tables", nil, nil)
}
