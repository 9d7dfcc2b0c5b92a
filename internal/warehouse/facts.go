package warehouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// row is a fact as a row of lines.
func row(f *spend.Fact, into []driver.Value) []driver.Value {
	return append(into[:0], f.Start.UTC(),
		clean(string(f.Cluster)), clean(f.Name), clean(f.Backend), clean(string(f.UserID)), clean(f.User), clean(f.Group), clean(f.Project),
		clean(f.Kind), clean(f.Category), clean(f.Operation), clean(f.Library),
		clean(f.Origin.File), small(f.Origin.Line), clean(f.Origin.Function), f.Created,
		clean(f.Leaf.File), small(f.Leaf.Line), clean(f.Leaf.Function), clean(f.Prefix), small(f.RulesVersion),
		int64(f.Cost), f.ThreadMicros, f.CPUMicros, f.NativeMicros)
}

// small keeps a number within the column's type; no file has so many lines.
func small(n int) int32 { return int32(max(math.MinInt32, min(math.MaxInt32, n))) }

// scan reads what row made.
func scan(rows *sql.Rows) (spend.Fact, error) {
	var (
		f       spend.Fact
		id, uid string
		nanos   int64
		origin  usage.Line
		leaf    usage.Line
		h       bill.Hour
		o       spend.Of
	)
	err := rows.Scan(&h.Start, &id, &o.Name, &o.Backend, &uid, &o.User, &o.Group, &h.Project, &h.Kind, &h.Category, &h.Operation, &h.Library,
		&origin.File, &origin.Line, &origin.Function, &h.Created, &leaf.File, &leaf.Line, &leaf.Function, &h.Prefix, &o.RulesVersion,
		&nanos, &h.ThreadMicros, &h.CPUMicros, &h.NativeMicros)
	if err != nil {
		return f, fmt.Errorf("read a fact: %w", err)
	}
	o.Cluster, o.UserID, h.Cost, h.Origin, h.Leaf = cluster.ID(id), identity.UserID(uid), cost.Nanos(nanos), origin, leaf
	h.Start = h.Start.UTC()
	return spend.Fact{Of: o, Hour: h}, nil
}

// appendRows fills a table of a connection.
func appendRows(conn *sql.Conn, table string, rows iter.Seq[[]driver.Value]) error {
	err := conn.Raw(func(c any) error {
		a, err := duckdb.NewAppenderFromConn(c.(driver.Conn), "", table)
		if err != nil {
			return err
		}
		for r := range rows {
			if err := a.AppendRow(r...); err != nil {
				return errors.Join(err, a.Close())
			}
		}
		return a.Close()
	})
	if err != nil {
		return fmt.Errorf("fill %s: %w", table, err)
	}
	return nil
}

func factRows(facts iter.Seq[spend.Fact]) iter.Seq[[]driver.Value] {
	return func(yield func([]driver.Value) bool) {
		var buffer []driver.Value
		for f := range facts {
			if buffer = row(&f, buffer); !yield(buffer) {
				return
			}
		}
	}
}

func pairRows(pairs []Pair) iter.Seq[[]driver.Value] {
	return func(yield func([]driver.Value) bool) {
		for _, p := range pairs {
			if !yield([]driver.Value{clean(string(p.Cluster)), p.Hour.UTC()}) {
				return
			}
		}
	}
}

// pairsDefinition is the table of pairs.
const pairsDefinition = "cluster_id VARCHAR, hour TIMESTAMP"

// holding is which of some segments of lines may hold facts of some pairs.
func holding(segments []Segment, pairs []Pair) []Segment {
	days := map[time.Time]bool{}
	for _, p := range pairs {
		days[dayOf(p.Hour)] = true
	}
	var out []Segment
	for _, s := range segments {
		if s.Table == lines.name && days[s.Day] {
			out = append(out, s)
		}
	}
	return out
}

// Facts reads what segments hold of pairs, in the order of the facts' columns.
func (w *Warehouse) Facts(ctx context.Context, live []Segment, pairs []Pair) (facts []spend.Fact, err error) {
	held := holding(live, pairs)
	if len(held) == 0 {
		return nil, nil
	}
	err = w.private(ctx, func(conn *sql.Conn) error {
		if err := run(ctx, conn, "CREATE TEMP TABLE wanted ("+pairsDefinition+")"); err != nil {
			return err
		}
		if err := appendRows(conn, "wanted", pairRows(pairs)); err != nil {
			return err
		}
		columns := lines.fileColumns()
		rows, err := conn.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE (cluster_id, hour) IN (SELECT cluster_id, hour FROM wanted) ORDER BY ALL", list(columns), w.read(held)))
		if err != nil {
			return w.blame(held, err)
		}
		defer rows.Close()
		for rows.Next() {
			f, err := scan(rows)
			if err != nil {
				return err
			}
			facts = append(facts, f)
		}
		return w.blame(held, rows.Err())
	})
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	return facts, nil
}
