package warehouse

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/spend"
)

// question is a spend.Query that has been looked at: what it needs of tables, and when.
type question struct {
	spend.Query
	scope spend.Scope
	spans []span
	// columns are those that rows are grouped by at first, besides times; moments are the columns of time.
	columns, moments []string
	// conditions are what rows must pass, and needs all columns that must be there for all of that.
	conditions []string
	needs      map[string]bool
	coarsest   grain
}

// look finds what a question needs. home is the zone of the rollups' days.
func look(q spend.Query, scope spend.Scope, home *time.Location) question {
	out := question{Query: q, scope: scope, spans: kept(q), needs: map[string]bool{}, coarsest: monthly}
	for _, name := range q.By {
		d := dimensions[name]
		for _, c := range d.columns {
			switch {
			case slices.Contains(times, name):
				if !slices.Contains(out.moments, c) {
					out.moments = append(out.moments, c)
				}
			case !slices.Contains(out.columns, c):
				out.columns = append(out.columns, c)
			}
		}
		if d.coarsest < out.coarsest {
			out.coarsest = d.coarsest
		}
		if slices.Contains(times, name) && !sameZone(q.Zone, home) {
			out.coarsest = hourly
		}
	}
	for _, c := range out.columns {
		out.needs[c] = true
	}
	for _, f := range q.Where {
		if slices.Contains(times, f.Dimension) {
			continue
		}
		out.conditions = append(out.conditions, condition(f))
		for _, c := range dimensions[f.Dimension].columns {
			out.needs[c] = true
		}
	}
	out.restrict(scope)
	return out
}

func (q *question) restrict(scope spend.Scope) {
	if c := allowed(scope); c != "" {
		q.conditions = append(q.conditions, c)
		q.needs["user_id"], q.needs["group_path"] = true, true
	}
}

// rowsSQL is the text that answers a question: rows, dearest first, each with what all rows cost and how many there are.
func (q *question) rowsSQL(parts []part, home *time.Location) string {
	aliases, shown := make([]string, len(q.By)), make([]string, len(q.By))
	names := ""
	for i, name := range q.By {
		aliases[i] = `"` + string(name) + `"`
		text := dimensions[name].text
		if name == "hour" {
			text = fmt.Sprintf("strftime(%s, '%%Y-%%m-%%dT%%H:%%M') || %s", localTime(q.Zone, q.Since, q.Until), zoneSuffix(q.Zone, q.Since, q.Until))
		}
		shown[i] = text + " AS " + aliases[i]
		if name == "cluster" {
			names = ", max(cluster) AS cluster_name"
		}
	}
	inner := slices.Clone(q.columns)
	if names != "" && !slices.Contains(inner, "cluster") {
		inner = append(inner, "cluster")
	}
	inner = append(inner, q.moments...)
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT *, sum(cost_nanos) OVER ()::BIGINT AS total_nanos, count(*) OVER () AS row_count\nFROM (\n")
	fmt.Fprintf(&b, "  SELECT %s, sum(cost_nanos)::BIGINT AS cost_nanos, sum(thread_us)::BIGINT AS thread_us, sum(cpu_us)::BIGINT AS cpu_us%s\n  FROM (\n", list(shown), names)
	fmt.Fprintf(&b, "    SELECT %s, sum(cost_nanos) AS cost_nanos, sum(thread_us + native_us) AS thread_us, sum(cpu_us + native_us) AS cpu_us\n    FROM (\n", list(inner))
	b.WriteString(q.from(parts, inner, home))
	fmt.Fprintf(&b, "    ) GROUP BY ALL HAVING sum(%s) <> 0\n  ) GROUP BY ALL\n)\nORDER BY cost_nanos DESC, %s\nLIMIT %d", countColumn, list(aliases), q.Limit)
	return b.String()
}

// totalsSQL is the text that adds a whole window up, and what of it was not seen.
func (q *question) totalsSQL(parts []part, home *time.Location) string {
	return fmt.Sprintf("SELECT coalesce(sum(cost_nanos), 0)::BIGINT AS all_nanos, coalesce(sum(cost_nanos) FILTER (kind IN ('unknown', 'lost')), 0)::BIGINT AS unseen_nanos\nFROM (\n%s)",
		q.from(parts, []string{"kind"}, home))
}

// clustersSQL is the text that counts clusters and finds the oldest rules.
func (q *question) clustersSQL(parts []part, home *time.Location) string {
	return fmt.Sprintf("SELECT count(DISTINCT cluster_id) AS clusters, coalesce(min(rules_version) FILTER (rules_version > 0), 0) AS rules_version\nFROM (\n"+
		"  SELECT cluster_id, rules_version FROM (\n%s  ) GROUP BY ALL HAVING sum(%s) <> 0\n)", q.from(parts, []string{"cluster_id", "rules_version"}, home), countColumn)
}

// from is the rows of all parts, with some columns and the amounts.
func (q *question) from(parts []part, columns []string, home *time.Location) string {
	if len(parts) == 0 { // no hour passes the filters
		parts = []part{{lines, span{q.Since, q.Since}}}
	}
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString("      UNION ALL\n")
		}
		selected := make([]string, 0, len(columns)+5)
		for _, c := range columns {
			if c == "hour" || c == "day" || c == "month" {
				if m := moment(p.table, c, q.Zone, p.span); m != c {
					c = m + " AS " + c
				}
			}
			selected = append(selected, c)
		}
		selected = append(append(selected, amounts...), countColumn)
		fmt.Fprintf(&b, "      SELECT %s FROM %s WHERE %s\n", list(selected), p.table.name, strings.Join(append([]string{p.bounds(home)}, q.conditions...), " AND "))
	}
	return b.String()
}

// bounds keeps the rows of a part's table that are within its span.
func (p part) bounds(home *time.Location) string {
	if p.table.grain == hourly {
		return within(p.since, p.until)
	}
	c := p.table.timeColumn()
	return fmt.Sprintf("%s >= %s AND %s < %s", c, date(dateIn(p.since, home)), c, date(dateIn(p.until, home)))
}
