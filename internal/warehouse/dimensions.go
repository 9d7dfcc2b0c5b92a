package warehouse

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/spend"
)

// dimension is how a dimension of spend is read from the tables.
type dimension struct {
	// columns are what it needs of a table. Those of times are made by moment.
	columns []string
	// text is what it shows, of these columns: what filters compare.
	text string
	// keys are what rows are grouped by, as an expression of the columns and a name: two rows have the same keys if and only if they have the same text.
	keys [][2]string
	// shown is the text as an expression of the keys.
	shown string
	// merges tells that many values of the columns have one text: they are grouped by columns first, which is quicker.
	merges bool
	// coarsest is the coarsest table that has it; times only, others are monthly.
	coarsest grain
	// is makes a condition on the columns out of a value; nil where the text is the column.
	is func(value string) string
}

// dimensions has all of spend's. That both say the same of every fact is tested.
var dimensions = map[spend.Dimension]dimension{
	"user":     plain("user_name"),
	"group":    plain("group_path"),
	"cluster":  plain("cluster_id"),
	"name":     plain("cluster"),
	"backend":  plain("backend"),
	"project":  plain("project"),
	"kind":     plain("kind"),
	"category": plain("category"),
	"operation": {
		columns: []string{"kind", "category", "operation"}, text: operationText, keys: [][2]string{{operationText, "operation"}}, shown: "operation", merges: true, coarsest: monthly,
	},
	"library":  plain("library"),
	"file":     plain("file"),
	"line":     place("file", "line"),
	"function": plain("function"),
	"leaf":     place("leaf_file", "leaf_line"),
	"task":     plain("task"),
	"hour":     {columns: []string{"hour"}, keys: [][2]string{{"hour", "hour"}}, coarsest: hourly}, // what it shows depends on the zone
	"day":      {columns: []string{"day"}, keys: [][2]string{{"day", "day"}}, shown: "strftime(day, '%Y-%m-%d')", coarsest: daily},
	"week":     {columns: []string{"day"}, keys: [][2]string{{"date_trunc('week', day)::DATE", "week"}}, shown: "strftime(week, '%G-W%V')", coarsest: daily},
	"month":    {columns: []string{"month"}, keys: [][2]string{{"month", "month"}}, shown: "strftime(month, '%Y-%m')", coarsest: monthly},
}

const operationText = "CASE WHEN kind = 'work' THEN operation ELSE category END"

// times are the dimensions that are decided by the window.
var times = []spend.Dimension{"hour", "day", "week", "month"}

func plain(column string) dimension {
	return dimension{columns: []string{column}, text: column, keys: [][2]string{{column, column}}, shown: column, coarsest: monthly}
}

// placed splits file:line.
var placed = regexp.MustCompile(`(?s)^(.+):(0|-?[1-9][0-9]{0,8})$`)

func place(file, line string) dimension {
	text := fmt.Sprintf("CASE WHEN %s = '' THEN '' ELSE %s || ':' || %s END", file, file, line)
	return dimension{
		columns: []string{file, line}, coarsest: monthly, text: text, shown: text,
		keys: [][2]string{{file, file}, {fmt.Sprintf("CASE WHEN %s = '' THEN 0 ELSE %s END", file, line), line}},
		is: func(value string) string {
			if value == "" {
				return file + " = ''"
			}
			if m := placed.FindStringSubmatch(value); m != nil {
				return fmt.Sprintf("(%s = %s AND %s = %s)", file, quote(m[1]), line, m[2])
			}
			return "false"
		},
	}
}

// condition keeps rows that pass a filter.
func condition(f spend.Filter) string {
	d := dimensions[f.Dimension]
	var out, exact []string
	for _, value := range f.Values {
		head, open := strings.CutSuffix(value, "*")
		switch {
		case open:
			out = append(out, fmt.Sprintf("starts_with(%s, %s)", d.text, quote(head)))
			if root, ok := strings.CutSuffix(head, "/"); ok && f.Dimension == spend.DimensionGroup { // the group itself is of its tree
				exact = append(exact, quote(root))
			}
		case d.is != nil:
			out = append(out, d.is(clean(value)))
		default:
			exact = append(exact, quote(value))
		}
	}
	if len(exact) > 0 {
		out = append(out, fmt.Sprintf("%s IN (%s)", d.text, list(exact)))
	}
	if len(out) == 0 {
		return "false"
	}
	return "(" + strings.Join(out, " OR ") + ")"
}

// allowed keeps rows that may be seen by somebody who does not see all.
func allowed(s spend.Scope) string {
	out := []string{}
	if len(s.Users) > 0 {
		ids := make([]string, len(s.Users))
		for i, id := range s.Users {
			ids[i] = quote(string(id))
		}
		out = append(out, "user_id IN ("+list(ids)+")")
	}
	for _, group := range s.Groups {
		if group != "" {
			out = append(out, fmt.Sprintf("group_path = %s OR starts_with(group_path, %s)", quote(group), quote(group+"/")))
		}
	}
	if len(out) == 0 {
		return "false"
	}
	return "(" + strings.Join(out, " OR ") + ")"
}

// moment is the expression of hour, day or month in a row of a table, on the clocks of a zone within a span.
func moment(t *table, column string, zone *time.Location, s span) string {
	switch {
	case column == t.timeColumn():
		return column
	case t.grain == daily && column == "month":
		return "date_trunc('month', day)::DATE"
	case column == "month":
		return (&table{grain: monthly}).timeOf(localTime(zone, s.since, s.until))
	default:
		return (&table{grain: daily}).timeOf(localTime(zone, s.since, s.until))
	}
}

// kept lists the hours of a window that pass the filters of time: each hour's value is known without looking at any row.
func kept(q spend.Query) []span {
	var filters []spend.Filter
	for _, f := range q.Where {
		if slices.Contains(times, f.Dimension) {
			filters = append(filters, f)
		}
	}
	if len(filters) == 0 {
		return []span{{q.Since, q.Until}}
	}
	var out []span
	for t := q.Since; t.Before(q.Until); t = t.Add(time.Hour) {
		if !slices.ContainsFunc(filters, func(f spend.Filter) bool { return !f.KeepsHour(t, q.Zone) }) {
			if n := len(out); n > 0 && out[n-1].until.Equal(t) {
				out[n-1].until = t.Add(time.Hour)
			} else {
				out = append(out, span{t, t.Add(time.Hour)})
			}
		}
	}
	return out
}

// sameZone: two zones of one name have the same days.
func sameZone(a, b *time.Location) bool { return a.String() == b.String() }
