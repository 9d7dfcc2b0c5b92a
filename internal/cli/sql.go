package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

// maxStatementBytes is more than the server takes.
const maxStatementBytes = 200_000

func newSQLCommand(c *connection) *cobra.Command {
	o := output{files: []string{"parquet"}}
	var file, since, until string
	var request sdk.SQLRequest
	cmd := &cobra.Command{
		Use:   "sql [STATEMENT]",
		Short: "Ask the costs anything, in SQL",
		Long: `Run one SELECT of SQL (DuckDB's) over what you may see: the tables lines, usage, reads, packages, gpu, events, prices and clusters.
"lineitem sql --tables" lists their columns. Nothing can be written, and no file or network reached.

The statement is the argument, or a file's, or standard input's. On a terminal, without one, there is a prompt.`,
		Example: `  lineitem sql "select user_name, sum(cost_nanos) / 1e9 as cost from lines group by all order by cost desc" --since 30d
  lineitem sql -f report.sql -o parquet > report.parquet
  lineitem sql`,
		Args: rangeArgs(0, "STATEMENT"),
	}
	var tables bool
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		window, err := costWindow(cmd, since, until, time.Now())
		if err != nil {
			return err
		}
		start, end := window.Since, window.Until
		if !start.IsZero() {
			request.Since = &start
		}
		if !end.IsZero() {
			request.Until = &end
		}
		if file != "" && len(args) > 0 {
			return usage(cmd, "give a statement or --file, not both.")
		}
		client, err := c.client()
		if err != nil {
			return err
		}
		s := sqlSession{cmd: cmd, client: client, output: &o, request: request}
		switch {
		case tables:
			return s.tables()
		case len(args) == 1:
			return s.run(args[0])
		case file == "" && isTerminal(cmd.InOrStdin()):
			return s.prompt(cmd.InOrStdin(), cmd.ErrOrStderr())
		}
		statement, err := readStatement(cmd.InOrStdin(), file)
		if err != nil {
			return err
		}
		return s.run(statement)
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file with the statement; - is standard input")
	cmd.Flags().StringVar(&since, "since", "", "what the tables hold begins here: a date, a time, or how long ago, like 7d (default: the first cluster)")
	cmd.Flags().StringVar(&until, "until", "", "what the tables hold ends here (default: now)")
	cmd.Flags().IntVar(&request.Limit, "limit", 0, "how many rows to print (default 1000; of a file all)")
	cmd.Flags().BoolVar(&tables, "tables", false, "list the tables and their columns instead")
	o.flag(cmd)
	return cmd
}

func readStatement(stdin io.Reader, name string) (string, error) {
	from := stdin
	if name != "" && name != "-" {
		var file io.ReadCloser // read only: its Close has nothing to say
		var err error
		if file, err = os.Open(name); err != nil {
			return "", fmt.Errorf("open the statement: %w", err)
		}
		defer file.Close()
		from = file
	}
	text, err := io.ReadAll(io.LimitReader(from, maxStatementBytes))
	if err != nil {
		return "", fmt.Errorf("read the statement: %w", err)
	}
	return string(text), nil
}

// sqlSession runs statements one after the other.
type sqlSession struct {
	cmd     *cobra.Command
	client  *sdk.Client
	output  *output
	request sdk.SQLRequest
}

func (s *sqlSession) run(statement string) error {
	s.request.SQL = statement
	if s.output.isFile() {
		file, err := s.client.SQLParquet(s.cmd.Context(), s.request)
		if err != nil {
			return err
		}
		if isTerminal(s.cmd.OutOrStdout()) {
			return usage(s.cmd, "Parquet is not for terminals; write it to a file: lineitem sql … -o parquet > answer.parquet")
		}
		if _, err := s.cmd.OutOrStdout().Write(file); err != nil {
			return fmt.Errorf("print the answer: %w", err)
		}
		return nil
	}
	result, err := s.client.SQL(s.cmd.Context(), s.request)
	if err != nil {
		return err
	}
	a, err := sqlAnswer(result)
	if err != nil {
		return err
	}
	if err := s.output.write(s.cmd, a); err != nil {
		return err
	}
	if result.More && s.output.format != outputFormats[0] { // what is cut must not look whole to programs either
		fmt.Fprintln(s.cmd.ErrOrStderr(), result.Cut)
	}
	return nil
}

// sqlAnswer lists what a statement answered.
func sqlAnswer(result sdk.SQLResult) (answer, error) {
	a := answer{json: result}
	headers := make([]format.Header, len(result.Columns))
	for i, column := range result.Columns {
		a.header = append(a.header, column.Name)
		headers[i] = format.Header{Name: column.Name, Max: 80}
		if isNumber(column.Type) {
			headers[i].Align = format.Right
		}
	}
	table := format.NewTable(headers...)
	for _, values := range result.Rows {
		row, err := sqlCells(values)
		if err != nil {
			return a, err
		}
		programs, people := make([]string, len(row)), make([]string, len(row))
		for i, cell := range row {
			programs[i] = cell.text
			if people[i] = cell.text; cell.null {
				people[i] = "NULL"
			}
		}
		a.rows = append(a.rows, programs)
		table.Row(people...)
	}
	if len(headers) == 2 && a.header[0] == "explain_key" {
		for _, row := range a.rows { // a plan is a drawing, not a table
			a.text += row[1] + "\n"
		}
		return a, nil
	}
	a.table = table
	rows := "rows"
	if result.RowCount == 1 {
		rows = "row"
	}
	a.notes = append(a.notes, fmt.Sprintf("%d %s in %s, as of %s UTC", result.RowCount, rows, format.Duration(time.Duration(result.Milliseconds)*time.Millisecond), result.AsOf.UTC().Format(time.DateTime)))
	if result.More {
		a.notes = append(a.notes, result.Cut+" See --limit.")
	}
	return a, nil
}

// isNumber reports whether a type of DuckDB is one of numbers.
func isNumber(kind string) bool {
	switch name, _, _ := strings.Cut(kind, "("); name {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL":
		return true
	}
	return false
}

type sqlCell struct {
	text string
	null bool
}

// sqlCells are the values of a row as texts: texts as they are, all else as JSON writes it.
func sqlCells(values []json.RawMessage) ([]sqlCell, error) {
	cells := make([]sqlCell, len(values))
	for i, value := range values {
		switch {
		case bytes.Equal(value, []byte("null")):
			cells[i].null = true
		case value[0] == '"':
			if err := json.Unmarshal(value, &cells[i].text); err != nil {
				return nil, fmt.Errorf("the server answers a text that is none: %w", err)
			}
		default:
			cells[i].text = string(value)
		}
	}
	return cells, nil
}

// tables lists the tables with their columns.
func (s *sqlSession) tables() error {
	list, err := s.client.SQLTables(s.cmd.Context())
	if err != nil {
		return err
	}
	a := answer{json: list, header: []string{"table", "column", "type", "about"}}
	a.table = format.NewTable(format.Header{Name: "table"}, format.Header{Name: "column"}, format.Header{Name: "type"}, format.Header{Name: "about"})
	for _, t := range list.Items {
		a.table.Row(t.Name, "", "", t.About)
		for _, column := range t.Columns {
			a.rows = append(a.rows, []string{t.Name, column.Name, column.Type, column.About})
			a.table.Row("", column.Name, strings.ToLower(column.Type), column.About)
		}
	}
	if s.output.isFile() {
		return usage(s.cmd, "the list of tables has no form in %s.", s.output.format)
	}
	return s.output.write(s.cmd, a)
}
