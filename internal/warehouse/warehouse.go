package warehouse

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Bounds of what DuckDB may take.
const (
	defaultMemory = 768 << 20
	maxSpill      = "16GiB"
	connections   = 8
)

// Options are what a Warehouse may take, and where its days begin.
type Options struct {
	// MemoryBytes bounds DuckDB's memory; what needs more goes to files in the folder. 0 is 768 MiB.
	MemoryBytes int64
	// Threads is how many threads answer; 0 is as many as there are cores.
	Threads int
	// Zone is the organisation's: the rollups' days and months are its own. nil is UTC.
	Zone     *time.Location
	Currency cost.Currency
	// Blobs keeps segments elsewhere; nil keeps all of them in the folder.
	Blobs Blobs
}

// Warehouse keeps segments in a folder and answers questions from those that it was told of. Its methods may be called at once from many goroutines.
type Warehouse struct {
	dir, scratch string
	options      Options
	db           *sql.DB

	writing sync.Mutex // one change at a time: it is heavy
	viewing sync.Mutex // one Refresh at a time
	mu      sync.Mutex // guards what follows
	now     *generation
	// verified are segments by name whose files were found to be as the catalogue says.
	verified map[string]Segment
	// scrubbed is the name of the last segment that Verify read.
	scrubbed string
	count    int
}

// Open opens the warehouse in a folder, which is made if it is not there. It has nothing to answer from until Refresh.
func Open(ctx context.Context, dir string, o Options) (*Warehouse, error) {
	if o.MemoryBytes == 0 {
		o.MemoryBytes = defaultMemory
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the warehouse's folder: %w", err)
	}
	w := &Warehouse{dir: dir, scratch: filepath.Join(dir, scratchFolder, token()), options: o, verified: map[string]Segment{}}
	if err := os.MkdirAll(w.scratch, 0o700); err != nil {
		return nil, fmt.Errorf("make the warehouse's folder: %w", err)
	}
	settings := []string{
		"SET GLOBAL autoinstall_known_extensions = false",
		"SET GLOBAL autoload_known_extensions = false",
		fmt.Sprintf("SET GLOBAL memory_limit = '%dB'", o.MemoryBytes),
		fmt.Sprintf("SET GLOBAL threads = %d", o.Threads),
		"SET GLOBAL temp_directory = " + quote(w.scratch),
		"SET GLOBAL max_temp_directory_size = '" + maxSpill + "'",
		"SET GLOBAL parquet_metadata_cache = true",
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open DuckDB: %w", err), os.RemoveAll(w.scratch))
	}
	w.db = sql.OpenDB(connector)
	w.db.SetMaxOpenConns(connections)
	for _, s := range settings {
		if _, err := w.db.ExecContext(ctx, s); err != nil {
			return nil, errors.Join(fmt.Errorf("set DuckDB up: %s: %w", s, err), w.Close())
		}
	}
	if err := w.Refresh(ctx, View{}); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Close ends questions that are being answered.
func (w *Warehouse) Close() error {
	return errors.Join(w.db.Close(), os.RemoveAll(w.scratch))
}

// private runs something on a connection of its own, which is thrown away: what it made there is gone.
func (w *Warehouse) private(ctx context.Context, do func(conn *sql.Conn) error) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to DuckDB: %w", err)
	}
	defer giveBack(conn)
	defer func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }()
	return do(conn)
}

// giveBack ends the use of a connection; what it was used for has been checked.
func giveBack(conn *sql.Conn) { _ = conn.Close() }

func run(ctx context.Context, conn *sql.Conn, statement string) error {
	if _, err := conn.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%.300s: %w", statement, err)
	}
	return nil
}

// read is the expression that reads the files of segments of one table.
func (w *Warehouse) read(segments []Segment) string {
	return "read_parquet(" + w.names(segments) + ", hive_partitioning = false)"
}

// names is the list of the segments' files.
func (w *Warehouse) names(segments []Segment) string {
	names := make([]string, len(segments))
	for i, s := range segments {
		names[i] = quote(w.path(s))
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// path is where a segment's file is.
func (w *Warehouse) path(s Segment) string { return filepath.Join(w.dir, filepath.FromSlash(s.Name)) }

// token makes names that no two files share.
func token() string { return strings.ToLower(rand.Text()[:16]) }

// quote makes a literal of a text. There is no way to write the character NUL in one.
func quote(text string) string {
	return "'" + strings.ReplaceAll(clean(text), "'", "''") + "'"
}

// clean replaces what DuckDB's texts cannot hold.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
