package warehouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// What invoices add to metered costs is known for cells: what has one owner, group and backend (or is of one cluster) in one month of the books and one period of the
// question. The amount of a cell is divided
// over all that was metered in it, in proportion to cost and by largest remainder, so that what is left of it after filters, groups and limits always sums to it.

// maxShownCells is how many cells a statement carries with it. More are put into a table.
const maxShownCells = 500

// atColumn is the column of a cell's period; cellPrefix keeps the names of its other columns apart from those that rows are grouped by.
const (
	cellPrefix = "cell_"
	atColumn   = "at"
)

// cells are the columns that name a cell, nil where metered figures are asked for.
func (q *question) cells() []string {
	switch {
	case q.Booked == nil:
		return nil
	case q.Booked.ByCluster:
		return []string{"cluster_id"}
	default:
		return []string{"user_id", "group_path", "backend"}
	}
}

// cellNames are the columns of booked but for the amount, and their types.
func (q *question) cellNames() (names, types []string) {
	for _, c := range q.cells() {
		names, types = append(names, cellPrefix+c), append(types, "VARCHAR")
	}
	names, types = append(names, cellPrefix+"month"), append(types, "DATE")
	switch q.Booked.Period {
	case "":
		return names, types
	case "hour":
		return append(names, cellPrefix+atColumn), append(types, "TIMESTAMP")
	default:
		return append(names, cellPrefix+atColumn), append(types, "DATE")
	}
}

// cellOf selects what names the cell of a part's rows. The months of the books are those of home.
func (q *question) cellOf(p part, home *time.Location) []string {
	var out []string
	for _, c := range q.cells() {
		out = append(out, c+" AS "+cellPrefix+c)
	}
	out = append(out, moment(p.table, "month", home, p.span)+" AS "+cellPrefix+"month")
	var at string
	switch q.Booked.Period {
	case "hour":
		at = "hour"
	case "day":
		at = moment(p.table, "day", q.Zone, p.span)
	case "week":
		at = "date_trunc('week', " + moment(p.table, "day", q.Zone, p.span) + ")::DATE"
	case "month":
		at = moment(p.table, "month", q.Zone, p.span)
	default:
		return out
	}
	return append(out, at+" AS "+cellPrefix+atColumn)
}

// values are a cell's columns and amount.
func (q *question) values(c spend.Cell) []driver.Value {
	out := []driver.Value{clean(string(c.UserID)), clean(c.Group), clean(c.Backend)}
	if q.Booked.ByCluster {
		out = []driver.Value{clean(string(c.Cluster))}
	}
	out = append(out, c.Month)
	if q.Booked.Period != "" {
		out = append(out, c.At)
	}
	return append(out, int64(c.Nanos))
}

// literals is a statement that has some cells as its rows.
func (q *question) literals(cells []spend.Cell) string {
	names, types := q.cellNames()
	if len(cells) == 0 {
		nulls := make([]string, len(names))
		for i, name := range names {
			nulls[i] = "NULL::" + types[i] + " AS " + name
		}
		return "SELECT " + list(append(nulls, "NULL::BIGINT AS nanos")) + " WHERE false"
	}
	rows := make([]string, len(cells))
	for i, c := range cells {
		var row []string
		for at, v := range q.values(c) {
			switch v := v.(type) {
			case string:
				row = append(row, quote(v))
			case time.Time:
				if types[at] == "DATE" {
					row = append(row, date(v))
				} else {
					row = append(row, stamp(v))
				}
			case int64:
				row = append(row, fmt.Sprintf("(%d)::BIGINT", v))
			}
		}
		rows[i] = "(" + list(row) + ")"
	}
	return "SELECT * FROM (VALUES " + strings.Join(rows, ", ") + ") AS cells(" + list(append(names, "nanos")) + ")"
}

// holdCells puts cells where statements find them: into their text, or into a table that done removes.
func (q *question) holdCells(ctx context.Context, conn *sql.Conn, cells []spend.Cell) (held string, done func(), err error) {
	if len(cells) <= maxShownCells {
		return q.literals(cells), func() {}, nil
	}
	names, types := q.cellNames()
	columns := make([]string, len(names))
	for i, name := range names {
		columns[i] = name + " " + types[i]
	}
	table := "booked_" + token()
	if err := run(ctx, conn, fmt.Sprintf("CREATE TEMP TABLE %s (%s)", table, list(append(columns, "nanos BIGINT")))); err != nil {
		return "", nil, err
	}
	done = func() { _ = run(context.WithoutCancel(ctx), conn, "DROP TABLE "+table) } // it goes with the connection at the latest
	err = appendRows(conn, table, func(yield func([]driver.Value) bool) {
		for _, c := range cells {
			if !yield(q.values(c)) {
				return
			}
		}
	})
	if err != nil {
		done()
		return "", nil, err
	}
	return "SELECT * FROM " + table, done, nil
}

// shownCells is what a statement that is shown says of its cells.
func (q *question) shownCells() string {
	if n := len(q.Booked.Per); n > maxShownCells {
		return fmt.Sprintf("SELECT * FROM booked_cells -- %d rows of the ledger, by %s", n, list(slices.DeleteFunc(append(q.cells(), "month", string(q.Booked.Period)), func(c string) bool { return c == "" })))
	}
	return q.literals(q.Booked.Per)
}

// dividing begins a statement that divides cells over what was metered: the rows of divided are the groups of what was read, by keys where they pass, with what is
// added to each. from is what was read, with the columns of the keys and of cells, and whether it passes.
func (q *question) dividing(booked, from string, keys [][2]string, extra ...string) string {
	names, _ := q.cellNames()
	cell := list(names)
	var grouped, order []string
	for _, k := range keys {
		grouped = append(grouped, fmt.Sprintf("CASE WHEN passes THEN %s END AS %s", k[0], k[1]))
		order = append(order, k[1])
	}
	grouped = append(append(append(grouped, "passes"), names...), extra...)
	var b strings.Builder
	fmt.Fprintf(&b, "WITH booked AS (\n  %s\n), grouped AS MATERIALIZED (\n", booked)
	fmt.Fprintf(&b, "  SELECT %s, sum(cost_nanos)::BIGINT AS cost_nanos, sum(thread_us + native_us)::BIGINT AS thread_us, sum(cpu_us + native_us)::BIGINT AS cpu_us\n  FROM (\n%s  ) GROUP BY ALL HAVING sum(%s) <> 0\n), weighed AS (\n",
		list(grouped), from, countColumn)
	fmt.Fprintf(&b, "  SELECT grouped.*, booked.nanos, sum(cost_nanos) OVER (PARTITION BY %s) AS whole FROM grouped JOIN booked USING (%s)\n), shared AS (\n", cell, cell)
	b.WriteString("  SELECT *, CASE WHEN whole = 0 THEN 0 ELSE abs(nanos::HUGEINT) * cost_nanos // whole END AS share, CASE WHEN whole = 0 THEN 0 ELSE abs(nanos::HUGEINT) * cost_nanos % whole END AS remainder FROM weighed\n), ranked AS (\n")
	fmt.Fprintf(&b, "  SELECT *, abs(nanos::HUGEINT) - sum(share) OVER (PARTITION BY %s) AS missing, row_number() OVER (PARTITION BY %s ORDER BY %s) AS place FROM shared\n), divided AS (\n",
		cell, cell, list(append([]string{"remainder DESC", "passes DESC"}, order...)))
	b.WriteString("  SELECT *, sign(nanos) * (share + CASE WHEN whole = 0 THEN CASE WHEN place = 1 THEN missing ELSE 0 END WHEN place <= missing THEN 1 ELSE 0 END) AS added FROM ranked\n)")
	return b.String()
}

// invoicedSQL is rowsSQL for invoiced figures; each row ends with what all rows were metered at.
func (q *question) invoicedSQL(parts []part, home *time.Location, source func(p part) string, booked string) string {
	if len(parts) == 0 { // no hour passes the filters
		parts = []part{{lines, span{q.Since, q.Since}}}
	}
	passes := "true"
	if q.filters > 0 {
		passes = strings.Join(q.conditions[:q.filters], " AND ")
	}
	read := slices.Concat(q.columns, q.moments)
	named := slices.Contains(q.By, "cluster")
	if named && !slices.Contains(read, "cluster") {
		read = append(read, "cluster")
	}
	from := q.union(parts, home, source, q.conditions[q.filters:], func(p part) []string {
		return append(append(q.columnsOf(p, read), q.cellOf(p, home)...), "("+passes+") AS passes")
	})
	var extra, keys []string
	name, noName, nameColumn, anyName := "", "", "", ""
	if named {
		extra = []string{"any_value(cluster) AS cluster_name"}
		name, noName, nameColumn, anyName = ", cluster_name", ", NULL", ", cluster_name", ", any_value(cluster_name) AS cluster_name"
	}
	for _, k := range q.keys() {
		keys = append(keys, k[1])
	}
	shown, order := q.shown()
	var b strings.Builder
	b.WriteString(q.dividing(booked, from, q.keys(), extra...))
	fmt.Fprintf(&b, ", priced AS MATERIALIZED (\n  SELECT %s, sum(cost_nanos)::BIGINT AS cost_nanos, sum(metered)::BIGINT AS metered_nanos, sum(thread_us)::BIGINT AS thread_us, sum(cpu_us)::BIGINT AS cpu_us%s\n  FROM (\n", list(keys), anyName)
	fmt.Fprintf(&b, "    SELECT %s, cost_nanos, cost_nanos AS metered, thread_us, cpu_us%s FROM grouped WHERE passes\n", list(keys), name)
	fmt.Fprintf(&b, "    UNION ALL SELECT %s, added, 0, 0, 0%s FROM divided WHERE passes\n  ) GROUP BY ALL\n)\n", list(keys), noName)
	fmt.Fprintf(&b, "SELECT %s, cost_nanos, thread_us, cpu_us%s, (SELECT sum(cost_nanos)::BIGINT FROM priced) AS total_nanos, (SELECT count(*) FROM priced) AS row_count, (SELECT sum(metered_nanos)::BIGINT FROM priced) AS metered_nanos\nFROM priced\n",
		list(shown), nameColumn)
	fmt.Fprintf(&b, "WHERE cost_nanos >= (SELECT min(cost_nanos) FROM (SELECT cost_nanos FROM priced ORDER BY cost_nanos DESC LIMIT %d))\n", q.Limit)
	fmt.Fprintf(&b, "ORDER BY cost_nanos DESC, %s\nLIMIT %d", list(order), q.Limit)
	return b.String()
}

// trueUps adds up what invoices add to a window, whatever is asked of it, and to the part of it that was not seen.
func (w *Warehouse) trueUps(ctx context.Context, conn *sql.Conn, g *generation, q spend.Query, scope spend.Scope) (all, unseen cost.Nanos, err error) {
	if len(q.Booked.All) == 0 {
		return 0, 0, nil
	}
	of := look(spend.Query{Since: q.Since, Until: q.Until, Zone: q.Zone, Booked: &spend.Booked{ByCluster: q.Booked.ByCluster}}, scope, w.options.Zone)
	of.needs["kind"] = true
	parts := catalogue{g.usable, w.options.Zone}.plan(of.spans, of.needs, monthly)
	release, err := w.hold(ctx, g.filesOf(parts))
	if err != nil {
		return 0, 0, err
	}
	defer release()
	source, err := w.narrow(ctx, conn, g, parts, "")
	if err != nil {
		return 0, 0, err
	}
	booked, done, err := of.holdCells(ctx, conn, q.Booked.All)
	if err != nil {
		return 0, 0, err
	}
	defer done()
	from := of.union(parts, w.options.Zone, source, of.conditions, func(p part) []string {
		return append(of.cellOf(p, w.options.Zone), "(kind IN ('unknown', 'lost')) AS passes")
	})
	statement := of.dividing(booked, from, nil) + "\nSELECT coalesce(sum(added), 0)::BIGINT, coalesce(sum(added) FILTER (passes), 0)::BIGINT FROM divided"
	err = conn.QueryRowContext(ctx, statement).Scan((*int64)(&all), (*int64)(&unseen))
	return all, unseen, err
}
