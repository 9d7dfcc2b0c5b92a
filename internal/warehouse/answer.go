package warehouse

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// Answer answers a question that has passed its Check, of whole hours, from what the last Refresh said.
func (w *Warehouse) Answer(ctx context.Context, q spend.Query, scope spend.Scope) (spend.Answer, error) {
	g := w.acquire()
	defer w.release(ctx, g)
	a := spend.Answer{Query: q, Currency: w.options.Currency, Names: map[string]string{}, AsOf: g.asOf}
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return a, fmt.Errorf("connect to DuckDB: %w", err)
	}
	defer giveBack(conn)
	if err := run(ctx, conn, "SET schema = '"+g.schema+"'"); err != nil {
		return a, err
	}
	if err := w.rows(ctx, conn, g, look(q, scope, w.options.Zone), &a); err != nil {
		return a, fmt.Errorf("answer a question: %w", w.accuse(ctx, g, q, err))
	}
	t, err := w.totalsOf(ctx, conn, g, q, scope)
	if err != nil {
		return a, fmt.Errorf("add a window up: %w", w.accuse(ctx, g, q, err))
	}
	metered := a.Total
	if q.Booked != nil {
		metered = a.MeteredTotal
	}
	if len(q.Where) == 0 && metered != t.all {
		// Different rollups, or the same at another time, do not say the same: a file is not any more what it was.
		err := fmt.Errorf("%w: its rows sum to %d nano-units and the window to %d", errContradiction, metered, t.all)
		return a, fmt.Errorf("answer a question: %w", w.accuse(ctx, g, q, err))
	}
	a.All, a.Unseen, a.Clusters, a.RulesVersion = t.all, t.unseen, t.clusters, t.rulesVersion()
	if q.Booked != nil {
		all, unseen, err := w.trueUps(ctx, conn, g, q, scope)
		if err != nil {
			return a, fmt.Errorf("add what was invoiced up: %w", w.blame(g.segments, err))
		}
		a.All, a.Unseen = a.All+all, a.Unseen+unseen
		for _, c := range q.Booked.All {
			a.Unplaced += c.Nanos
		}
		a.Unplaced -= all
	}
	return a, nil
}

// errContradiction is that of an answer that does not fit itself.
var errContradiction = errors.New("files of the warehouse contradict one another")

// accuse makes an error of answering one that names the damaged files.
func (w *Warehouse) accuse(ctx context.Context, g *generation, q spend.Query, err error) error {
	var touched []Segment
	for _, s := range g.segments {
		if t := tableNamed(s.Table); t != nil && s.Day.Before(q.Until) && t.until(s.Day).After(q.Since) {
			touched = append(touched, s)
		}
	}
	blamedFor := w.blame(touched, err)
	if ctx.Err() == nil && len(blamed(blamedFor)) > 0 {
		w.forgetTotals(g)
	}
	return blamedFor
}

// rows answers what was asked.
func (w *Warehouse) rows(ctx context.Context, conn *sql.Conn, g *generation, q question, a *spend.Answer) error {
	if slices.Contains(q.By, "cluster") {
		q.needs["cluster"] = true
	}
	home := w.options.Zone
	parts := catalogue{g.usable, home}.plan(q.spans, q.needs, q.coarsest)
	a.SQL = q.rowsSQL(parts, home, asDocumented)
	if q.Booked != nil {
		a.SQL = q.invoicedSQL(parts, home, asDocumented, q.shownCells())
	}
	a.ReadRows, a.Segments = g.touched(parts)
	release, err := w.hold(ctx, g.filesOf(parts))
	if err != nil {
		return err
	}
	defer release()
	// It runs on the same tables, without the files that are of other months.
	source, err := w.narrow(ctx, conn, g, parts, "")
	if err != nil {
		return err
	}
	statement := q.rowsSQL(parts, home, source)
	if q.Booked != nil {
		booked, done, err := q.holdCells(ctx, conn, q.Booked.Per)
		if err != nil {
			return err
		}
		defer done()
		statement = q.invoicedSQL(parts, home, source, booked)
	}
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	at := slices.Index(q.By, "cluster")
	for rows.Next() {
		r := spend.Row{Keys: make([]string, len(q.By))}
		total, metered, name := int64(0), int64(0), ""
		var into []any
		for i := range r.Keys {
			into = append(into, &r.Keys[i])
		}
		into = append(into, (*int64)(&r.Cost), &r.ThreadMicros, &r.CPUMicros)
		if at >= 0 {
			into = append(into, &name)
		}
		into = append(into, &total, &a.RestRows)
		if q.Booked != nil {
			into = append(into, &metered)
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if at >= 0 {
			a.Names[r.Keys[at]] = name
		}
		a.Total, a.MeteredTotal = cost.Nanos(total), cost.Nanos(metered)
		a.Rows = append(a.Rows, r)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	a.Rest, a.RestRows = a.Total, a.RestRows-len(a.Rows)
	for _, r := range a.Rows {
		a.Rest -= r.Cost
	}
	if slices.Contains(times, q.By[0]) {
		slices.SortStableFunc(a.Rows, func(x, y spend.Row) int { return cmp.Compare(x.Keys[0], y.Keys[0]) })
	}
	return nil
}

// touched tells how many files some parts look into, and how many rows those have.
func (g *generation) touched(parts []part) (rows int64, segments int) {
	for _, t := range tables {
		for _, s := range g.files[t] {
			if slices.ContainsFunc(parts, func(p part) bool { return p.table == t && s.Day.Before(p.until) && t.until(s.Day).After(p.since) }) {
				rows += s.Rows
				segments++
			}
		}
	}
	return rows, segments
}
