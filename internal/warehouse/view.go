package warehouse

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// generation is what questions are answered from at one time: a schema of DuckDB with a view of each table, over its files and the delta. It is immutable, so that
// all parts of an answer speak of the same moment.
type generation struct {
	schema   string
	segments []Segment
	files    map[*table][]Segment
	// usable are the tables that questions may be planned with, with their rows.
	usable map[*table]int64
	asOf   time.Time
	// changed tells that the delta has rows; settled are totals without it.
	changed bool
	settled *settled
	// narrowed are the views that leave files of other months out.
	narrowing sync.Mutex
	narrowed  map[string]bool
	// users are questions that are being answered from it; guarded by the warehouse's mutex.
	users int
}

// Refresh says what questions see from now on. Segments that were not seen before are compared with what the catalogue says of them; if one is wrong nothing changes.
func (w *Warehouse) Refresh(ctx context.Context, v View) error {
	w.viewing.Lock()
	defer w.viewing.Unlock()
	if err := w.refresh(ctx, v); err != nil {
		return fmt.Errorf("refresh the warehouse: %w", err)
	}
	return nil
}

func (w *Warehouse) refresh(ctx context.Context, v View) error {
	g := &generation{segments: slices.Clone(v.Segments), files: map[*table][]Segment{}, usable: map[*table]int64{}, asOf: v.AsOf, narrowed: map[string]bool{}}
	for i := range g.segments {
		g.segments[i].Day = g.segments[i].Day.UTC()
		s := g.segments[i]
		if err := checkName(s.Name); err != nil {
			return err
		}
		if t := tableNamed(s.Table); t != nil {
			g.files[t] = append(g.files[t], s)
		}
	}
	err := w.private(ctx, func(conn *sql.Conn) error {
		if err := w.check(ctx, conn, g); err != nil {
			return err
		}
		w.choose(g)
		g.settled = w.settledFor(g)
		return w.build(ctx, conn, g, v)
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	old := w.now
	w.now = g
	g.users++
	w.mu.Unlock()
	if old != nil {
		w.release(ctx, old)
	}
	w.forget(g.segments)
	return nil
}

// check measures segments that were not seen before. All that are bad are in the error.
func (w *Warehouse) check(ctx context.Context, conn *sql.Conn, g *generation) error {
	seen := map[Segment]bool{}
	for _, s := range w.viewed() {
		seen[s] = true
	}
	var failures []error
	for t, files := range g.files {
		unseen := slices.DeleteFunc(slices.Clone(files), func(s Segment) bool { return seen[s] || w.isVerified(s) })
		if w.options.Blobs == nil { // else hold does it, when they are there
			failures = append(failures, w.compare(ctx, conn, unseen))
		}
		slices.SortFunc(g.files[t], func(a, b Segment) int { return a.Day.Compare(b.Day) })
	}
	return errors.Join(failures...)
}

// compare holds segments of one table against the catalogue, and remembers those that are as it says. All that are not are in the error.
func (w *Warehouse) compare(ctx context.Context, conn *sql.Conn, segments []Segment) error {
	var failures []error
	whole := make([]Segment, 0, len(segments))
	for _, s := range segments {
		if err := w.checkDigest(s); err != nil {
			failures = append(failures, err)
		} else {
			whole = append(whole, s)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	got, err := w.measure(ctx, conn, whole)
	if err != nil {
		return errors.Join(append(failures, err)...)
	}
	for i, s := range whole {
		if got[i] != s {
			failures = append(failures, &BadSegment{Segment: s, Err: fmt.Errorf("it has %d rows, %d bytes and a sum of %d nano-units, where the catalogue says %d, %d and %d",
				got[i].Rows, got[i].Bytes, got[i].Nanos, s.Rows, s.Bytes, s.Nanos)})
			continue
		}
		w.verify(s)
	}
	return errors.Join(failures...)
}

// measure reads how many rows segments of one table have and what they sum to. If not all can be read, each is read alone, and all that cannot are in the error.
func (w *Warehouse) measure(ctx context.Context, conn *sql.Conn, segments []Segment) ([]Segment, error) {
	out, err := w.measureAll(ctx, conn, segments)
	if err == nil || ctx.Err() != nil {
		return out, err
	}
	var failures []error
	for _, s := range segments {
		_, alone := w.measureAll(ctx, conn, []Segment{s})
		var bad *BadSegment
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case alone == nil:
		case errors.As(alone, &bad):
			failures = append(failures, alone)
		default:
			failures = append(failures, &BadSegment{Segment: s, Err: alone})
		}
	}
	if len(failures) > 0 {
		return nil, errors.Join(failures...)
	}
	return nil, err
}

func (w *Warehouse) measureAll(ctx context.Context, conn *sql.Conn, segments []Segment) ([]Segment, error) {
	if len(segments) == 0 {
		return nil, nil
	}
	out := slices.Clone(segments)
	at := make(map[string]*Segment, len(out))
	for i := range out {
		info, err := os.Stat(w.path(out[i]))
		if err != nil {
			return nil, &BadSegment{Segment: out[i], Err: err}
		}
		out[i].Bytes, out[i].Rows, out[i].Nanos = info.Size(), 0, 0
		at[w.path(out[i])] = &out[i]
	}
	if err := w.checkColumns(ctx, conn, segments); err != nil {
		return nil, err
	}
	rows, err := conn.QueryContext(ctx, fmt.Sprintf("SELECT filename, count(*), sum(cost_nanos)::BIGINT FROM read_parquet(%s, hive_partitioning = false, filename = true) GROUP BY 1", w.names(out)))
	if err != nil {
		return nil, w.blame(segments, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var count, nanos int64
		if err := rows.Scan(&name, &count, &nanos); err != nil {
			return nil, fmt.Errorf("measure segments: %w", err)
		}
		s, ok := at[name]
		if !ok {
			return nil, fmt.Errorf("measure segments: %s was not asked for", name)
		}
		s.Rows, s.Nanos = count, cost.Nanos(nanos)
	}
	return out, w.blame(segments, rows.Err())
}

// checkColumns sees that files have the columns of their table: DuckDB believes the first one for all.
func (w *Warehouse) checkColumns(ctx context.Context, conn *sql.Conn, segments []Segment) error {
	want := slices.Sorted(slices.Values(tableNamed(segments[0].Table).fileColumns()))
	byPath := make(map[string]Segment, len(segments))
	for _, s := range segments {
		byPath[w.path(s)] = s
	}
	rows, err := conn.QueryContext(ctx, "SELECT file_name, string_agg(name, ',' ORDER BY name) FROM parquet_schema("+w.names(segments)+") WHERE num_children IS NULL GROUP BY 1")
	if err != nil {
		return w.blame(segments, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, columns string
		if err := rows.Scan(&name, &columns); err != nil {
			return fmt.Errorf("read the columns of segments: %w", err)
		}
		if columns != strings.Join(want, ",") {
			return &BadSegment{Segment: byPath[name], Err: fmt.Errorf("its columns are %.1000q", columns)}
		}
	}
	return w.blame(segments, rows.Err())
}

// choose finds the rollups that stand for all of lines: those with days of the organisation's zone that sum to the same in each period.
func (w *Warehouse) choose(g *generation) {
	for _, t := range tables {
		want, got := map[time.Time]cost.Nanos{}, map[time.Time]cost.Nanos{}
		for _, s := range g.files[lines] {
			want[t.period(s.Day)] += s.Nanos
		}
		var rows int64
		complete := true
		for _, s := range g.files[t] {
			got[t.period(s.Day)] += s.Nanos
			rows += s.Rows
			complete = complete && (t == lines || inZone(s, w.options.Zone))
		}
		if complete && maps.Equal(want, got) {
			g.usable[t] = rows
		}
	}
}

// build makes the schema of a generation.
func (w *Warehouse) build(ctx context.Context, conn *sql.Conn, g *generation, v View) error {
	w.mu.Lock()
	w.count++
	g.schema = fmt.Sprintf("at_%d", w.count)
	w.mu.Unlock()
	if err := run(ctx, conn, "BEGIN TRANSACTION"); err != nil {
		return err
	}
	if err := w.fill(ctx, conn, g, v); err != nil {
		return err // the connection is thrown away, and with it the transaction
	}
	return run(ctx, conn, "COMMIT")
}

func (w *Warehouse) fill(ctx context.Context, conn *sql.Conn, g *generation, v View) error {
	columns := lines.fileColumns()
	for _, statement := range []string{
		"CREATE SCHEMA " + g.schema,
		"CREATE TEMP TABLE right_now (" + definition(columns) + ")",
		"CREATE TEMP TABLE wrong (" + pairsDefinition + ")",
	} {
		if err := run(ctx, conn, statement); err != nil {
			return err
		}
	}
	if err := appendRows(conn, "right_now", factRows(slices.Values(v.Facts))); err != nil {
		return err
	}
	if err := appendRows(conn, "wrong", pairRows(v.Pairs)); err != nil {
		return err
	}
	from := fmt.Sprintf("SELECT %s, 1 AS %s FROM right_now", list(columns), countColumn)
	held := holding(g.files[lines], v.Pairs)
	release, err := w.hold(ctx, held)
	if err != nil {
		return err
	}
	defer release()
	if len(held) > 0 {
		from += fmt.Sprintf(" UNION ALL SELECT %s, %s, -1 FROM %s WHERE (cluster_id, hour) IN (SELECT cluster_id, hour FROM wrong)",
			list(append([]string{"hour"}, lines.columns...)), "-"+strings.Join(amounts, ", -"), w.read(held))
	}
	since, until := bounds(v)
	local := localTime(w.options.Zone, since, until)
	delta := fmt.Sprintf("CREATE TABLE %s.delta AS SELECT *, %s AS day, %s AS month FROM (%s)", g.schema,
		(&table{grain: daily}).timeOf(local), (&table{grain: monthly}).timeOf(local), from)
	if err := run(ctx, conn, delta); err != nil {
		return w.blame(held, err)
	}
	var rows int64
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM "+g.schema+".delta").Scan(&rows); err != nil {
		return fmt.Errorf("count the delta: %w", err)
	}
	g.changed = rows > 0
	for _, t := range tables {
		for _, view := range w.views(g, t) {
			if err := run(ctx, conn, view); err != nil {
				return w.blame(g.files[t], err)
			}
		}
	}
	return nil
}

// views define the views of a table: its files, the delta, and both.
func (w *Warehouse) views(g *generation, t *table) []string {
	var files []Segment
	// A view names files that are there: where they are kept elsewhere, narrow makes views of those that are held.
	if _, ok := g.usable[t]; ok && w.options.Blobs == nil {
		files = g.files[t]
	}
	return []string{w.viewOf(g, t, filesPrefix+t.name, files, false), w.viewOf(g, t, deltaPrefix+t.name, nil, true), w.viewOf(g, t, t.name, files, true)}
}

// viewOf defines a view of some files of a table and, if so wanted, of the delta.
func (w *Warehouse) viewOf(g *generation, t *table, name string, files []Segment, delta bool) string {
	columns := t.fileColumns()
	head := slices.Clone(columns)
	if t == lines {
		columns, head = append(columns, countColumn), append(head, "1 AS "+countColumn)
	}
	var from []string
	if len(files) > 0 {
		from = append(from, fmt.Sprintf("SELECT %s FROM %s", list(head), w.read(files)))
	}
	if delta || len(files) == 0 {
		end := ""
		if !delta {
			end = " WHERE false"
		}
		from = append(from, fmt.Sprintf("SELECT %s FROM %s.delta%s", list(columns), g.schema, end))
	}
	return fmt.Sprintf("CREATE VIEW %s.%s AS %s", g.schema, name, strings.Join(from, " UNION ALL "))
}

// narrow names for each part what it is read from. Opening a year's files, if only to see that nothing in them is wanted, takes longer than reading a day: where a
// part needs few of many files, a view of the UTC months that it touches is made.
func (w *Warehouse) narrow(ctx context.Context, conn *sql.Conn, g *generation, parts []part, prefix string) (source func(p part) string, err error) {
	names := map[part]string{}
	g.narrowing.Lock()
	defer g.narrowing.Unlock()
	for _, p := range parts {
		names[p] = prefix + p.table.name
		first, last := monthOf(p.since), monthOf(p.until.Add(-time.Hour))
		files := g.filesFor(p)
		if p.empty() || w.options.Blobs == nil && 2*len(files) > len(g.files[p.table]) {
			continue
		}
		name := fmt.Sprintf("%s%s_%s_%s", prefix, p.table.name, first.Format("200601"), last.Format("200601"))
		names[p] = name
		if g.narrowed[name] {
			continue
		}
		if err := run(ctx, conn, w.viewOf(g, p.table, name, files, prefix == "")); err != nil {
			return nil, err
		}
		g.narrowed[name] = true
	}
	return func(p part) string { return cmp.Or(names[p], prefix+p.table.name) }, nil
}

// filesFor are the files of the UTC months that a part touches.
func (g *generation) filesFor(p part) []Segment {
	first, last := monthOf(p.since), monthOf(p.until.Add(-time.Hour))
	return slices.DeleteFunc(slices.Clone(g.files[p.table]), func(s Segment) bool { return monthOf(s.Day).Before(first) || monthOf(s.Day).After(last) })
}

// bounds are those of the hours of a view's delta.
func bounds(v View) (since, until time.Time) {
	for _, p := range v.Pairs {
		if since.IsZero() || p.Hour.Before(since) {
			since = p.Hour
		}
		if p.Hour.After(until) {
			until = p.Hour
		}
	}
	for _, f := range v.Facts {
		if since.IsZero() || f.Start.Before(since) {
			since = f.Start
		}
		if f.Start.After(until) {
			until = f.Start
		}
	}
	return since, until.Add(time.Hour)
}

// settledFor keeps the totals of segments that stay.
func (w *Warehouse) settledFor(g *generation) *settled {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now != nil && slices.Equal(w.now.segments, g.segments) {
		return w.now.settled
	}
	return &settled{known: map[windowKey]totals{}}
}

// acquire takes part in the present generation.
func (w *Warehouse) acquire() *generation {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.users++
	return w.now
}

// release ends that; the last one clears it away.
func (w *Warehouse) release(ctx context.Context, g *generation) {
	w.mu.Lock()
	g.users--
	last := g.users == 0
	w.mu.Unlock()
	if last {
		// If it fails the schema stays until the process ends: memory, and no wrong answer.
		_, _ = w.db.ExecContext(context.WithoutCancel(ctx), "DROP SCHEMA "+g.schema+" CASCADE")
	}
}

// viewed are the segments that questions are answered from.
func (w *Warehouse) viewed() []Segment {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now == nil {
		return nil
	}
	return w.now.segments
}
