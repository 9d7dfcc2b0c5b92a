package warehouse

import (
	"fmt"
	"slices"
	"strconv"
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
	// conditions are what rows must pass, the first of them as filters say; needs has all columns that must be there for all of that.
	conditions []string
	filters    int
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
	out.filters = len(out.conditions)
	for _, c := range out.cells() {
		out.needs[c] = true
	}
	out.restrict(scope)
	return out
}

func (q *question) restrict(scope spend.Scope) {
	if scope.All {
		return
	}
	q.conditions = append(q.conditions, allowed(scope))
	if len(scope.Users) > 0 {
		q.needs["user_id"] = true
	}
	if len(scope.Groups) > 0 {
		q.needs["group_path"] = true
	}
}

// rowsSQL is the text that answers a question: rows, dearest first, each with what all rows cost and how many there are. source names what a part is read from.
func (q *question) rowsSQL(parts []part, home *time.Location, source func(p part) string) string {
	var keys []string
	merges := slices.ContainsFunc(q.By, func(name spend.Dimension) bool { return dimensions[name].merges })
	for _, k := range q.keys() {
		if k[0] != k[1] {
			k[1] = k[0] + " AS " + k[1]
		}
		keys = append(keys, k[1])
	}
	shown, order := q.shown()
	names, nameColumn := "", ""
	read := slices.Concat(q.columns, q.moments)
	if slices.Contains(q.By, "cluster") {
		names, nameColumn = ", any_value(cluster) AS cluster_name", ", cluster_name"
		if !slices.Contains(read, "cluster") {
			read = append(read, "cluster")
		}
	}
	const both = "sum(cost_nanos)::BIGINT AS cost_nanos, sum(thread_us + native_us)::BIGINT AS thread_us, sum(cpu_us + native_us)::BIGINT AS cpu_us"
	var b strings.Builder
	b.WriteString("WITH grouped AS MATERIALIZED (\n")
	fmt.Fprintf(&b, "  SELECT %s, %s%s\n  FROM (\n", list(keys), both, names)
	if merges {
		fmt.Fprintf(&b, "    SELECT %s, %s, sum(%s) AS %s FROM (\n", list(read), "sum(cost_nanos)::BIGINT AS cost_nanos, sum(thread_us)::BIGINT AS thread_us, sum(cpu_us)::BIGINT AS cpu_us, sum(native_us)::BIGINT AS native_us", countColumn, countColumn)
	}
	b.WriteString(q.from(parts, read, home, source))
	if merges {
		b.WriteString("    ) GROUP BY ALL\n")
	}
	fmt.Fprintf(&b, "  ) GROUP BY ALL HAVING sum(%s) <> 0\n)\n", countColumn)
	fmt.Fprintf(&b, "SELECT %s, cost_nanos, thread_us, cpu_us%s, (SELECT sum(cost_nanos)::BIGINT FROM grouped) AS total_nanos, (SELECT count(*) FROM grouped) AS row_count\nFROM grouped\n", list(shown), nameColumn)
	// Texts are made of the dearest rows only.
	fmt.Fprintf(&b, "WHERE cost_nanos >= (SELECT min(cost_nanos) FROM (SELECT cost_nanos FROM grouped ORDER BY cost_nanos DESC LIMIT %d))\n", q.Limit)
	fmt.Fprintf(&b, "ORDER BY cost_nanos DESC, %s\nLIMIT %d", list(order), q.Limit)
	return b.String()
}

// keys are what rows are grouped by: expressions of columns, and their names.
func (q *question) keys() [][2]string {
	var keys [][2]string
	have := map[string]bool{}
	for _, name := range q.By {
		d := dimensions[name]
		for _, k := range d.keys {
			if have[k[1]] && !d.merges {
				continue
			}
			have[k[1]] = true
			keys = append(keys, k)
		}
	}
	return keys
}

// shown are the texts of a row's keys, and by what rows are ordered that cost the same.
func (q *question) shown() (texts, order []string) {
	for i, name := range q.By {
		text := dimensions[name].shown
		if name == "hour" {
			text = fmt.Sprintf("strftime(%s, '%%Y-%%m-%%dT%%H:%%M') || %s", localTime(q.Zone, q.Since, q.Until), zoneSuffix(q.Zone, q.Since, q.Until))
		}
		texts = append(texts, fmt.Sprintf(`%s AS "%s"`, text, name))
		order = append(order, strconv.Itoa(i+1))
	}
	return texts, order
}

// Each table is there three times: files and delta under its own name, which is what is documented and shown, and each of them alone.
const (
	filesPrefix = "files_of_"
	deltaPrefix = "delta_of_"
)

func asDocumented(p part) string { return p.table.name }

func inDelta(p part) string { return deltaPrefix + p.table.name }

// from is the rows of all parts, with some columns and the amounts.
func (q *question) from(parts []part, columns []string, home *time.Location, source func(p part) string) string {
	if len(parts) == 0 { // no hour passes the filters
		parts = []part{{lines, span{q.Since, q.Since}}}
	}
	return q.union(parts, home, source, q.conditions, func(p part) []string { return q.columnsOf(p, columns) })
}

// columnsOf selects columns of a part's rows.
func (q *question) columnsOf(p part, columns []string) []string {
	selected := make([]string, 0, len(columns))
	for _, c := range columns {
		if c == "hour" || c == "day" || c == "month" {
			if m := moment(p.table, c, q.Zone, p.span); m != c {
				c = m + " AS " + c
			}
		}
		selected = append(selected, c)
	}
	return selected
}

// union is the rows of all parts that pass conditions, with what is selected of each and the amounts.
func (q *question) union(parts []part, home *time.Location, source func(p part) string, conditions []string, selected func(p part) []string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString("      UNION ALL\n")
		}
		columns := append(append(selected(p), amounts...), countColumn)
		fmt.Fprintf(&b, "      SELECT %s FROM %s WHERE %s\n", list(columns), source(p), strings.Join(append([]string{p.bounds(home)}, conditions...), " AND "))
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
