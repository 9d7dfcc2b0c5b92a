package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// spoolRows is how many facts of a change are held in memory; more are written to files of the folder meanwhile.
const spoolRows = 400_000

// linesOrder sorts the detail: what one user did on one line is side by side, so that a question about a user reads few row groups, and texts compress.
// All columns that tell rows apart follow, so that the same facts make the same file.
const linesOrder = "user_id, file, line, leaf_file, leaf_line, hour, cluster_id, kind, category, operation, library, task, project, function, leaf_function, created, " +
	"backend, cluster, user_name, group_path, rules_version, cost_nanos, thread_us, cpu_us, native_us"

const parquet = "(FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE 122880)"

// writer is a change that is being made, on a connection of its own. What comes in lies in the views incoming (facts to be added) and outgoing (rows of segments
// to be taken out).
type writer struct {
	*Warehouse
	ctx  context.Context //nolint:containedctx // it lives as long as one call of Replace
	conn *sql.Conn
	live map[*table]map[time.Time]Segment
	// strangers are of tables that this version does not have.
	strangers []Segment
	spools    []string
	change    Change
}

// Replace writes what the segments become when they hold facts and nothing else of the pairs in drop. live is the whole catalogue. A pair of a fact need not be in
// drop if segments hold nothing of it. Files are on the disk when it returns; the old ones stay until Sweep.
func (w *Warehouse) Replace(ctx context.Context, live []Segment, drop []Pair, facts iter.Seq[spend.Fact]) (Change, error) {
	return w.write(ctx, live, facts, func(x *writer) error { return x.replace(live, drop) })
}

// Rebuild writes rollups again from lines: where they are missing or wrong, those of tables that
// another version had, and all of them after the organisation's zone has changed. The change is empty where
// all is well.
func (w *Warehouse) Rebuild(ctx context.Context, live []Segment) (Change, error) {
	return w.write(ctx, live, func(func(spend.Fact) bool) {}, (*writer).rebuild)
}

// write makes a change.
func (w *Warehouse) write(ctx context.Context, live []Segment, facts iter.Seq[spend.Fact], do func(x *writer) error) (Change, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	var change Change
	err := w.private(ctx, func(conn *sql.Conn) error {
		x := &writer{Warehouse: w, ctx: ctx, conn: conn}
		err := x.index(live)
		if err == nil {
			err = x.take(facts)
		}
		if err == nil {
			err = do(x)
		}
		change = x.change
		return errors.Join(err, x.clear())
	})
	if err != nil {
		return Change{}, fmt.Errorf("write the warehouse: %w", err)
	}
	return change, nil
}

func (x *writer) rebuild() error {
	x.change.Gone = append(x.change.Gone, x.strangers...)
	for _, t := range rollups {
		days := map[time.Time][]Segment{}
		want := map[time.Time]cost.Nanos{}
		for _, day := range sorted(x.live[lines]) {
			s := x.live[lines][day]
			days[t.period(day)] = append(days[t.period(day)], s)
			want[t.period(day)] += s.Nanos
		}
		for _, period := range sorted(x.live[t]) {
			if s := x.live[t][period]; len(days[period]) == 0 {
				x.change.Gone = append(x.change.Gone, s)
			}
		}
		for _, period := range sorted(days) {
			if s, had := x.live[t][period]; had && inZone(s, x.options.Zone) && s.Nanos == want[period] {
				continue
			}
			if err := x.rollUp(t, period, x.detail(t, period, x.source(days[period]...), 1), want[period]); err != nil {
				return x.blame(days[period], fmt.Errorf("%s of %s: %w", t.name, period.Format(time.DateOnly), err))
			}
		}
	}
	return nil
}

func (x *writer) replace(live []Segment, drop []Pair) error {
	held := holding(live, drop)
	if err := x.out(held, drop); err != nil {
		return err
	}
	days, err := x.differences()
	if err != nil {
		return err
	}
	months := map[time.Time]cost.Nanos{}
	for _, day := range sorted(days) {
		months[monthOf(day)] += days[day]
		if err := x.day(day, days[day]); err != nil {
			return fmt.Errorf("%s: %w", day.Format(time.DateOnly), err)
		}
	}
	for _, month := range sorted(months) {
		if err := x.month(month, months[month]); err != nil {
			return fmt.Errorf("%s: %w", month.Format("2006-01"), err)
		}
	}
	return nil
}

func (x *writer) index(live []Segment) error {
	x.live = map[*table]map[time.Time]Segment{}
	for _, t := range tables {
		x.live[t] = map[time.Time]Segment{}
	}
	for _, s := range live {
		s.Day = s.Day.UTC()
		if err := checkName(s.Name); err != nil {
			return err
		}
		t := tableNamed(s.Table)
		if t == nil {
			x.strangers = append(x.strangers, s)
			continue
		}
		if _, twice := x.live[t][s.Day]; twice {
			return fmt.Errorf("the catalogue has two segments of %s, %s", s.Table, s.Day.Format(time.DateOnly))
		}
		x.live[t][s.Day] = s
	}
	return nil
}

// take stores what is to be added.
func (x *writer) take(facts iter.Seq[spend.Fact]) error {
	if err := run(x.ctx, x.conn, "CREATE TEMP TABLE spool ("+definition(lines.fileColumns())+")"); err != nil {
		return err
	}
	next, stop := iter.Pull(facts)
	defer stop()
	for more := true; more; {
		batch := func(yield func(spend.Fact) bool) {
			for range spoolRows {
				var f spend.Fact
				if f, more = next(); !more {
					return
				}
				if !yield(f) {
					return
				}
			}
		}
		if err := appendRows(x.conn, "spool", factRows(batch)); err != nil {
			return err
		}
		if more {
			if err := x.spill(); err != nil {
				return err
			}
		}
		if err := x.ctx.Err(); err != nil {
			return err
		}
	}
	from := "SELECT * FROM spool"
	if len(x.spools) > 0 {
		names := make([]string, len(x.spools))
		for i, name := range x.spools {
			names[i] = quote(name)
		}
		from += " UNION ALL SELECT * FROM read_parquet([" + strings.Join(names, ", ") + "])"
	}
	return run(x.ctx, x.conn, "CREATE TEMP VIEW incoming AS "+from)
}

// spill moves the spool to a file.
func (x *writer) spill() error {
	name := filepath.Join(x.scratch, token()+".parquet")
	x.spools = append(x.spools, name)
	if err := run(x.ctx, x.conn, fmt.Sprintf("COPY (SELECT * FROM spool) TO %s (FORMAT parquet, COMPRESSION snappy)", quote(name))); err != nil {
		return err
	}
	return run(x.ctx, x.conn, "DELETE FROM spool")
}

func (x *writer) clear() error {
	var errList []error
	for _, name := range x.spools {
		if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
			errList = append(errList, err)
		}
	}
	return errors.Join(errList...)
}

// out collects the rows of segments that leave.
func (x *writer) out(held []Segment, drop []Pair) error {
	if err := run(x.ctx, x.conn, "CREATE TEMP TABLE dropped ("+pairsDefinition+")"); err != nil {
		return err
	}
	if len(held) == 0 {
		return run(x.ctx, x.conn, "CREATE TEMP TABLE outgoing ("+definition(lines.fileColumns())+")")
	}
	if err := appendRows(x.conn, "dropped", pairRows(drop)); err != nil {
		return err
	}
	return x.blame(held, run(x.ctx, x.conn, fmt.Sprintf("CREATE TEMP TABLE outgoing AS SELECT %s FROM %s WHERE (cluster_id, hour) IN (SELECT cluster_id, hour FROM dropped)",
		list(lines.fileColumns()), x.read(held))))
}

// differences tells for each UTC day that something enters or leaves by how much its sum changes.
func (x *writer) differences() (map[time.Time]cost.Nanos, error) {
	rows, err := x.conn.QueryContext(x.ctx, `SELECT date_trunc('day', hour)::TIMESTAMP, sum(nanos)::BIGINT
		FROM (SELECT hour, cost_nanos AS nanos FROM incoming UNION ALL SELECT hour, -cost_nanos FROM outgoing) GROUP BY 1`)
	if err != nil {
		return nil, fmt.Errorf("add up what changes: %w", err)
	}
	defer rows.Close()
	out := map[time.Time]cost.Nanos{}
	for rows.Next() {
		var day time.Time
		var nanos int64
		if err := rows.Scan(&day, &nanos); err != nil {
			return nil, fmt.Errorf("add up what changes: %w", err)
		}
		out[day.UTC()] = cost.Nanos(nanos)
	}
	return out, rows.Err()
}

// day writes the files of one UTC day, whose sum changes by a difference.
func (x *writer) day(day time.Time, difference cost.Nanos) error {
	from := fmt.Sprintf("SELECT * FROM incoming WHERE %s", within(day, day.AddDate(0, 0, 1)))
	old, had := x.live[lines][day]
	if had {
		from += fmt.Sprintf(" UNION ALL SELECT %s FROM %s ANTI JOIN dropped USING (cluster_id, hour)", list(lines.fileColumns()), x.read([]Segment{old}))
	}
	fresh, err := x.store(lines, day, from+" ORDER BY "+linesOrder, old.Nanos+difference)
	if err != nil {
		return x.blame([]Segment{old}, err)
	}
	for _, t := range rollups {
		if !t.perMonth {
			if err := x.rollUp(t, day, x.detail(t, day, x.source(fresh), 1), fresh.Nanos); err != nil {
				return err
			}
		}
	}
	return nil
}

// month writes the files of one UTC month whose days have changed: from the old ones if they were right, else from the days.
func (x *writer) month(month time.Time, difference cost.Nanos) error {
	var days []Segment
	var sum cost.Nanos
	for day, s := range x.live[lines] {
		if monthOf(day).Equal(month) {
			days = append(days, s)
			sum += s.Nanos
		}
	}
	slices.SortFunc(days, func(a, b Segment) int { return a.Day.Compare(b.Day) })
	for _, t := range rollups {
		if !t.perMonth {
			continue
		}
		var from string
		if old, had := x.live[t][month]; had && inZone(old, x.options.Zone) && old.Nanos == sum-difference {
			bounds := " WHERE " + within(month, month.AddDate(0, 1, 0))
			from = fmt.Sprintf("SELECT %s FROM %s UNION ALL %s UNION ALL %s", list(t.fileColumns()), x.read([]Segment{old}),
				x.detail(t, month, "incoming"+bounds, 1), x.detail(t, month, "outgoing"+bounds, -1))
		} else {
			from = x.detail(t, month, x.source(days...), 1)
		}
		if err := x.rollUp(t, month, from, sum); err != nil {
			return x.blame(append(days, x.live[t][month]), err)
		}
	}
	return nil
}

// source reads segments of lines; none have no rows.
func (x *writer) source(segments ...Segment) string {
	segments = slices.DeleteFunc(slices.Clone(segments), func(s Segment) bool { return s.Name == "" })
	if len(segments) == 0 {
		return "incoming WHERE false"
	}
	return x.read(segments)
}

// detail is rows of lines as rows of a rollup, added or taken away.
func (x *writer) detail(t *table, period time.Time, from string, sign int) string {
	columns := []string{t.timeOf(localTime(x.options.Zone, period, t.until(period))) + " AS " + t.timeColumn()}
	columns = append(columns, t.columns...)
	for _, a := range amounts {
		if sign < 0 {
			a = "-" + a + " AS " + a
		}
		columns = append(columns, a)
	}
	return fmt.Sprintf("SELECT %s, %d AS %s FROM %s", list(columns), sign, countColumn, from)
}

// rollUp writes a rollup's file of one period from rows like its own.
func (x *writer) rollUp(t *table, period time.Time, from string, want cost.Nanos) error {
	keys := append([]string{t.timeColumn()}, t.columns...)
	// What is read together lies together, as in lines: rows of one line follow one another, which halves the time to add them up.
	var order []string
	for _, c := range slices.Concat([]string{"user_id"}, lineColumns, leafColumns, keys) {
		if slices.Contains(keys, c) && !slices.Contains(order, c) {
			order = append(order, c)
		}
	}
	_, err := x.store(t, period, fmt.Sprintf("SELECT %s, %s FROM (%s) GROUP BY ALL HAVING sum(%s) <> 0 ORDER BY %s", list(keys), sums(countColumn), from, countColumn, list(order)), want)
	return err
}

// store makes a segment of a query, reads it again to see that it is right, and puts it in the place of the old one.
func (x *writer) store(t *table, period time.Time, query string, want cost.Nanos) (Segment, error) {
	s := Segment{Table: t.name, Day: period, Name: fileName(t, period, x.options.Zone)}
	full := x.path(s)
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return s, fmt.Errorf("make a folder of the warehouse: %w", err)
	}
	if err := run(x.ctx, x.conn, fmt.Sprintf("COPY (%s) TO %s %s", query, quote(full), parquet)); err != nil {
		return s, err
	}
	got, err := x.measure(x.ctx, x.conn, []Segment{s})
	if err != nil {
		return s, err
	}
	s = got[0]
	if s.Nanos != want {
		return s, fmt.Errorf("%s was written with a sum of %d and not %d nano-units; the old files stay", s.Name, s.Nanos, want)
	}
	if old, had := x.live[t][period]; had {
		x.change.Gone = append(x.change.Gone, old)
	}
	if s.Rows == 0 {
		delete(x.live[t], period)
		if err := os.Remove(full); err != nil {
			return s, fmt.Errorf("remove a file with no rows: %w", err)
		}
		return Segment{}, nil
	}
	if err := x.syncFile(s.Name); err != nil {
		return s, err
	}
	x.live[t][period] = s
	x.change.Fresh = append(x.change.Fresh, s)
	return s, nil
}

func within(since, until time.Time) string {
	return fmt.Sprintf("hour >= %s AND hour < %s", stamp(since), stamp(until))
}

func sorted[V any](times map[time.Time]V) []time.Time {
	return slices.SortedFunc(maps.Keys(times), time.Time.Compare)
}
