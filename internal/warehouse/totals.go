package warehouse

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// maxTotals is how many windows' totals are remembered.
const maxTotals = 200

// totals is what all in a window adds up to, whatever a question groups and filters by. All but the number of clusters adds up over parts of the warehouse.
type totals struct {
	all, unseen cost.Nanos
	// facts counts rows of lines by the version of the rules that named their operations.
	facts    map[int]int64
	clusters int
}

// windowKey names a window as somebody sees it.
type windowKey struct {
	since, until time.Time
	scope        string
}

// settled remembers the totals of segments: they stay the same as long as the segments do, and many questions are of one window.
type settled struct {
	known map[windowKey]totals
}

// forgetTotals drops what was read of files that turned out to be damaged.
func (w *Warehouse) forgetTotals(g *generation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(g.settled.known)
}

// totalsOf adds a window up: what segments hold, remembered, and the delta.
func (w *Warehouse) totalsOf(ctx context.Context, conn *sql.Conn, g *generation, q spend.Query, scope spend.Scope) (totals, error) {
	look := look(spend.Query{Since: q.Since, Until: q.Until, Zone: q.Zone}, scope, w.options.Zone)
	look.needs["cluster_id"], look.needs["rules_version"], look.needs["kind"] = true, true, true
	parts := catalogue{g.usable, w.options.Zone}.plan(look.spans, look.needs, monthly)
	key := windowKey{q.Since, q.Until, strings.Join(look.conditions, " ")}
	w.mu.Lock()
	t, ok := g.settled.known[key]
	w.mu.Unlock()
	if !ok || g.changed {
		release, err := w.hold(ctx, g.filesOf(parts))
		if err != nil {
			return t, err
		}
		defer release()
	}
	if !ok {
		source, err := w.narrow(ctx, conn, g, parts, filesPrefix)
		if err != nil {
			return t, err
		}
		if t, err = w.sumUp(ctx, conn, look.from(parts, []string{"cluster_id", "kind", "rules_version"}, w.options.Zone, source)); err != nil {
			return t, err
		}
		w.mu.Lock()
		if len(g.settled.known) >= maxTotals {
			clear(g.settled.known)
		}
		g.settled.known[key] = t
		w.mu.Unlock()
	}
	if !g.changed {
		return t, nil
	}
	return w.withDelta(ctx, conn, g, &look, parts, t)
}

// sumUp adds rows up.
func (w *Warehouse) sumUp(ctx context.Context, conn *sql.Conn, from string) (totals, error) {
	t := totals{facts: map[int]int64{}}
	rows, err := conn.QueryContext(ctx, fmt.Sprintf("SELECT rules_version, sum(cost_nanos)::BIGINT, coalesce(sum(cost_nanos) FILTER (kind IN ('unknown', 'lost')), 0)::BIGINT, sum(%s)::BIGINT\nFROM (\n%s) GROUP BY 1", countColumn, from))
	if err != nil {
		return t, err
	}
	defer rows.Close()
	for rows.Next() {
		var version int
		var facts int64
		var all, unseen cost.Nanos
		if err := rows.Scan(&version, (*int64)(&all), (*int64)(&unseen), &facts); err != nil {
			return t, err
		}
		t.all, t.unseen = t.all+all, t.unseen+unseen
		t.facts[version] += facts
	}
	if err := rows.Err(); err != nil {
		return t, err
	}
	return t, conn.QueryRowContext(ctx, fmt.Sprintf("SELECT count(DISTINCT cluster_id)\nFROM (\n%s)", from)).Scan(&t.clusters)
}

// withDelta corrects totals of segments by the delta. A cluster of which the delta says something is counted anew; there are few.
func (w *Warehouse) withDelta(ctx context.Context, conn *sql.Conn, g *generation, look *question, parts []part, t totals) (totals, error) {
	columns, home := []string{"cluster_id", "kind", "rules_version"}, w.options.Zone
	delta := look.from([]part{{lines, span{look.Since, look.Until}}}, columns, home, inDelta)
	d, err := w.sumUp(ctx, conn, delta)
	if err != nil || d.clusters == 0 {
		return t, err
	}
	d.all, d.unseen = d.all+t.all, d.unseen+t.unseen
	for version, facts := range t.facts {
		d.facts[version] += facts
	}
	source, err := w.narrow(ctx, conn, g, parts, filesPrefix)
	if err != nil {
		return t, err
	}
	var change int
	err = conn.QueryRowContext(ctx, fmt.Sprintf(`WITH delta AS MATERIALIZED (
%s)
SELECT coalesce(sum(CASE WHEN held + fresh <> 0 THEN 1 ELSE 0 END - CASE WHEN held <> 0 THEN 1 ELSE 0 END), 0)::BIGINT FROM (
  SELECT cluster_id, sum(held) AS held, sum(fresh) AS fresh FROM (
    SELECT cluster_id, %s AS held, 0 AS fresh FROM (
%s    ) WHERE cluster_id IN (SELECT cluster_id FROM delta)
    UNION ALL SELECT cluster_id, 0, %s FROM delta
  ) GROUP BY 1
)`, delta, countColumn, look.from(parts, columns[:1], home, source), countColumn)).Scan(&change)
	d.clusters = t.clusters + change
	return d, err
}

// rulesVersion is the oldest version that named anything.
func (t totals) rulesVersion() int {
	oldest := 0
	for version, facts := range t.facts {
		if version > 0 && facts != 0 && (oldest == 0 || version < oldest) {
			oldest = version
		}
	}
	return oldest
}
