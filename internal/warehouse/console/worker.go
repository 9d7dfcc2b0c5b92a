package console

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the driver

	core "github.com/lineitem/lineitem/internal/core/console"
)

// workerName is how a process is called that is to be a worker. Whatever program this package is part of, called so it is one: a server needs no second binary, and
// neither do tests.
const workerName = "lineitem-sql-worker"

// confinedWorker is the argument of a worker that has been confined.
const confinedWorker = "confined"

func init() {
	switch {
	case len(os.Args) == 1 && os.Args[0] == workerName:
		program, err := os.Executable()
		folder, err2 := os.Getwd()
		if err = errors.Join(err, err2); err == nil {
			err = become(program, folder, []string{workerName, confinedWorker})
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case len(os.Args) == 2 && os.Args[0] == workerName && os.Args[1] == confinedWorker:
		os.Exit(work(os.Stdin, os.Stdout))
	}
}

// work is the life of a worker: one statement. Its folder is the current one.
func work(in io.Reader, out io.Writer) int {
	from, to := json.NewDecoder(in), json.NewEncoder(out)
	to.SetEscapeHTML(false)
	var o order
	if err := from.Decode(&o); err != nil {
		return 1
	}
	w := &worker{order: o, to: to}
	if err := bound(o.Bounds); err != nil {
		return w.fail(err)
	}
	debug.SetMemoryLimit(64 << 20)
	ctx := context.Background() //nolint:forbidigo // the life of the process: it is ended from outside
	if err := w.run(ctx, from); err != nil {
		return w.fail(err)
	}
	return 0
}

type worker struct {
	order order
	to    *json.Encoder
	conn  *sql.Conn
}

func (w *worker) fail(err error) int {
	p := explain(err)
	if folder, err := os.Getwd(); err == nil {
		p.Sentence = strings.ReplaceAll(p.Sentence, folder+"/", "")
	}
	if w.to.Encode(piece{Failed: &p}) != nil {
		return 1
	}
	return 0
}

func (w *worker) run(ctx context.Context, from *json.Decoder) error {
	folder, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	if err := w.open(ctx, folder); err != nil {
		return err
	}
	text, names, err := w.check(ctx)
	if err != nil {
		return err
	}
	if err := w.to.Encode(names); err != nil {
		return err
	}
	var l loads
	if err := from.Decode(&l); err != nil {
		return fmt.Errorf("read what to load: %w", err)
	}
	for _, table := range l.Tables {
		if err := w.load(ctx, table); err != nil {
			return fmt.Errorf("load the table %s: %w", table.Table, err)
		}
	}
	if err := w.set(ctx, locked...); err != nil {
		return err
	}
	if w.order.Parquet {
		return w.file(ctx, text)
	}
	return w.rows(ctx, text)
}

// open starts DuckDB so that it may not reach anything but the folder.
func (w *worker) open(ctx context.Context, folder string) error {
	b := w.order.Bounds
	// What is given here DuckDB does not look for in the system, where it may not.
	options := url.Values{}
	options.Set("memory_limit", strconv.FormatInt(b.MemoryBytes, 10)+"B")
	options.Set("threads", strconv.Itoa(b.Threads))
	options.Set("temp_directory", filepath.Join(folder, "spill"))
	options.Set("home_directory", folder)
	db, err := sql.Open("duckdb", "?"+options.Encode())
	if err != nil {
		return fmt.Errorf("open DuckDB: %w", err)
	}
	if w.conn, err = db.Conn(ctx); err != nil {
		return fmt.Errorf("open DuckDB: %w", err)
	}
	return w.set(ctx, "autoinstall_known_extensions = false", "autoload_known_extensions = false", "allow_community_extensions = false",
		"max_temp_directory_size = '"+strconv.FormatInt(b.SpillBytes, 10)+"B'", "allowed_directories = ["+quote(folder)+"]", "TimeZone = 'UTC'")
}

// locked is what is set once the tables are there: the last that can be.
var locked = []string{"enable_external_access = false", "lock_configuration = true"}

func (w *worker) set(ctx context.Context, settings ...string) error {
	for _, setting := range settings {
		if _, err := w.conn.ExecContext(ctx, "SET "+setting); err != nil {
			return fmt.Errorf("set %s: %w", setting, err)
		}
	}
	return nil
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// check parses the statement, and then the text that is run in its place, with its bound on rows.
func (w *worker) check(ctx context.Context) (text string, n named, err error) {
	s, err := takeApart(w.order.SQL)
	if err != nil {
		return "", n, err
	}
	body, err := w.parse(ctx, s.body)
	if err != nil {
		return "", n, err
	}
	if _, err = examine(body, w.order.Known); err != nil {
		return "", n, err
	}
	text = s.bounded(w.order.Limit)
	tree, err := w.parse(ctx, text)
	if err != nil {
		return "", n, err
	}
	if n.Tables, err = examine(tree, w.order.Known); err != nil {
		return "", n, err
	}
	if s.explain {
		if w.order.Parquet {
			return "", n, refuse("EXPLAIN answers text; ask for it as a table.")
		}
		text = "EXPLAIN " + text
	}
	if !w.order.Whole {
		// The bound on rows names all columns of the statement, so the statement alone is looked at.
		n.Columns = columnsRead(body, n.Tables)
	}
	return text, n, nil
}

// parse makes a tree of a text.
func (w *worker) parse(ctx context.Context, text string) ([]byte, error) {
	var tree string
	if err := w.conn.QueryRowContext(ctx, "SELECT CAST(json_serialize_sql(?::VARCHAR) AS VARCHAR)", text).Scan(&tree); err != nil {
		return nil, &refusal{code: "sql_wrong", sentence: "This is not understood: " + stop(err.Error())}
	}
	return []byte(tree), nil
}

// load makes a table.
func (w *worker) load(ctx context.Context, l load) error {
	if l.CSV != "" {
		types := make([]string, len(l.Columns))
		for i, c := range l.Columns {
			types[i] = quote(c.Name) + ": " + quote(string(c.Type))
		}
		_, err := w.conn.ExecContext(ctx, "CREATE TABLE "+l.Table+" AS SELECT * FROM read_csv("+quote(l.CSV)+", auto_detect = false, header = false, delim = ',', quote = '\"', "+
			"escape = '\"', nullstr = '', allow_quoted_nulls = false, new_line = '\\n', max_line_size = 16777216, buffer_size = 33554432, timestampformat = '%Y-%m-%dT%H:%M:%S.%fZ', columns = {"+strings.Join(types, ", ")+"})")
		return err
	}
	names, shown, empty := []string{}, make([]string, len(l.Columns)), []string{}
	for i, c := range l.Columns {
		name := `"` + c.Name + `"`
		if l.Present != nil && !slices.Contains(l.Present, c.Name) {
			shown[i] = "CAST(error(" + quote(notLoaded) + ") AS " + string(c.Type) + ") AS " + name
			continue
		}
		shown[i], names, empty = name, append(names, name), append(empty, "CAST(NULL AS "+string(c.Type)+") AS "+name)
	}
	columns := strings.Join(names, ", ")
	parts := []string{"SELECT " + strings.Join(empty, ", ") + " WHERE false"}
	if len(l.Files) > 0 {
		part := "SELECT " + columns + " FROM read_parquet(" + list(l.Files) + ") AS kept WHERE " + l.Where
		if l.Replaced != "" {
			part += " AND NOT EXISTS (SELECT 1 FROM read_parquet(" + quote(l.Replaced) + ") AS r WHERE r.cluster_id = kept.cluster_id AND r.hour = kept.hour)"
		}
		parts = append(parts, part)
	}
	if l.Extra != "" {
		parts = append(parts, "SELECT "+columns+" FROM read_parquet("+quote(l.Extra)+") WHERE "+l.Where)
	}
	_, err := w.conn.ExecContext(ctx, "CREATE VIEW "+l.Table+" AS SELECT "+strings.Join(shown, ", ")+" FROM ("+strings.Join(parts, " UNION ALL ")+")")
	return err
}

func list(files []string) string {
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = quote(f)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// answerFile is the name of the file that a worker leaves.
const answerFile = "answer.parquet"

func (w *worker) file(ctx context.Context, text string) error {
	folder, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	path := filepath.Join(folder, answerFile)
	result, err := w.conn.ExecContext(ctx, "COPY (\n"+text+"\n) TO "+quote(path)+" (FORMAT parquet, COMPRESSION zstd)")
	if err != nil {
		return err
	}
	rows, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("count rows: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at the file: %w", err)
	}
	d := done{Rows: int(rows), Bytes: info.Size(), File: answerFile}
	if d.Rows > w.order.Limit {
		d.More, d.Cut = true, fmt.Sprintf("The file has the first %d rows and one more: there are more than the limit.", w.order.Limit)
	}
	return w.to.Encode(piece{Done: &d})
}

// chunk is how many rows a piece has.
const chunk = 1_000

func (w *worker) rows(ctx context.Context, text string) error {
	rows, err := w.conn.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return fmt.Errorf("read types: %w", err)
	}
	head := piece{Columns: []core.ResultColumn{}}
	for _, t := range types {
		head.Columns = append(head.Columns, core.ResultColumn{Name: t.Name(), Type: t.DatabaseTypeName()})
	}
	if err := w.to.Encode(head); err != nil {
		return err
	}
	values, places := make([]any, len(types)), make([]any, len(types))
	for i := range values {
		places[i] = &values[i]
	}
	var d done
	var batch []json.RawMessage
	for rows.Next() {
		if d.Rows == w.order.Limit {
			d.More, d.Cut = true, "The answer has more rows than the limit."
			break
		}
		if err := rows.Scan(places...); err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		row, err := encodeRow(values, head.Columns)
		if err != nil {
			return err
		}
		if d.Bytes+int64(len(row)) > w.order.Bounds.AnswerBytes {
			d.More, d.Cut = true, fmt.Sprintf("The answer was cut where it became larger than %d MiB; save it as Parquet, or ask for less.", w.order.Bounds.AnswerBytes>>20)
			break
		}
		d.Bytes += int64(len(row))
		d.Rows++
		if batch = append(batch, row); len(batch) == chunk {
			if err := w.to.Encode(piece{Rows: batch}); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return w.to.Encode(piece{Rows: batch, Done: &d})
}

var lineNumber = regexp.MustCompile(`(?m)^LINE (\d+):`)

// explain makes a sentence of an error of DuckDB.
func explain(err error) problem {
	message := err.Error()
	var r *refusal
	switch {
	case errors.As(err, &r):
		return problem{r.code, r.sentence}
	case strings.Contains(message, notLoaded):
		return problem{codeColumns, notLoaded}
	case strings.Contains(message, "Out of Memory Error"), strings.Contains(message, "max_temp_directory_size"), strings.Contains(message, "bad_alloc"):
		return problem{"sql_too_large", "The statement needs more memory than it is given, and was ended. Ask for less at a time: a shorter window, fewer columns, sums in place of rows, joins on equal columns."}
	case strings.Contains(message, "Permission Error"):
		return problem{"sql_refused", "The statement wants to reach something outside its tables, which is not allowed. Nothing was read."}
	}
	for _, known := range []string{"Parser Error: ", "Binder Error: ", "Catalog Error: ", "Conversion Error: ", "Invalid Input Error: ", "Out of Range Error: ", "Not implemented Error: ", "Invalid Error: ", "Constraint Error: ", "Invalid type Error: ", "Mismatch Type Error: ", "Syntax Error: ", "Type Error: ", "Arithmetic Error: ", "Expression Error: "} {
		if _, rest, ok := strings.Cut(message, known); ok {
			rest = lineNumber.ReplaceAllStringFunc(rest, func(s string) string {
				n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(s, "LINE "), ":"))
				return "LINE " + strconv.Itoa(max(n-1, 1)) + ":"
			})
			first, more, _ := strings.Cut(strings.TrimSpace(rest), "\n")
			return problem{"sql_wrong", strings.TrimSpace(stop(first) + "\n" + more)}
		}
	}
	return problem{"sql_failed", message}
}
