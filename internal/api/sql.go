package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/console"
	"github.com/lineitem/lineitem/sdk"
)

type sqlInput struct {
	Body sdk.SQLRequest
}

func (in *sqlInput) question() console.Question {
	q := console.Question{SQL: in.Body.SQL, Limit: in.Body.Limit}
	if in.Body.Since != nil {
		q.Since = *in.Body.Since
	}
	if in.Body.Until != nil {
		q.Until = *in.Body.Until
	}
	return q
}

func (s *server) sqlRoutes(a huma.API) {
	register(s, a, operation(http.MethodPost, "/sql", "run-sql", tagCost, "Run a statement of SQL: one SELECT over what the caller may see"), s.sql)
	file := operation(http.MethodPost, "/sql.parquet", "save-sql", tagCost, "Run a statement of SQL and save its answer as Parquet")
	file.Responses = map[string]*huma.Response{"200": {
		Description: "The file", Content: map[string]*huma.MediaType{parquetType: {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
	}}
	register(s, a, file, s.sqlFile)
	register(s, a, operation(http.MethodGet, "/sql/tables", "list-sql-tables", tagCost, "List the tables that statements of SQL may name"), s.sqlTables)
}

func (s *server) sql(ctx context.Context, in *sqlInput) (*body[sdk.SQLResult], error) {
	a, err := s.Console.Answer(ctx, s.Now(), actorOf(ctx), in.question())
	if err != nil {
		return nil, err
	}
	out := sdk.SQLResult{
		Columns: convert(a.Columns, func(c console.ResultColumn) sdk.SQLColumn { return sdk.SQLColumn{Name: c.Name, Type: c.Type} }), RowCount: a.RowCount,
		More: a.More, Cut: a.Cut, Tables: a.Tables, LoadedRows: a.Loaded, Bytes: a.Bytes, Milliseconds: a.Took.Milliseconds(), AsOf: a.AsOf.UTC(),
	}
	out.Rows = make([][]json.RawMessage, len(a.Rows))
	for i, row := range a.Rows {
		if err := json.Unmarshal(row, &out.Rows[i]); err != nil {
			return nil, fmt.Errorf("read a row of the answer: %w", err)
		}
	}
	return answer(out), nil
}

// parquetType is the media type of Parquet files.
const parquetType = "application/vnd.apache.parquet"

func (s *server) sqlFile(ctx context.Context, in *sqlInput) (*file, error) {
	q := in.question()
	q.Parquet = true
	now := s.Now()
	a, err := s.Console.Answer(ctx, now, actorOf(ctx), q)
	if err != nil {
		return nil, err
	}
	return &file{ContentType: parquetType, Disposition: `attachment; filename="lineitem-` + now.UTC().Format(time.DateOnly) + `.parquet"`, Body: a.Parquet}, nil
}

func (s *server) sqlTables(context.Context, *struct{}) (*body[sdk.SQLTableList], error) {
	return answer(sdk.SQLTableList{Items: convert(console.Tables(), func(t console.Table) sdk.SQLTable {
		return sdk.SQLTable{Name: t.Name, About: t.About, Columns: convert(t.Columns, func(c console.Column) sdk.SQLTableColumn {
			return sdk.SQLTableColumn{Name: c.Name, Type: string(c.Type), About: c.About}
		})}
	})}), nil
}
