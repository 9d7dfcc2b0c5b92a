package warehouse

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// grain is how fine a table tells time apart.
type grain int

const (
	hourly grain = iota
	daily
	monthly
)

// table is lines or one of its rollups.
type table struct {
	name  string
	grain grain
	// perMonth tables have a file a UTC month, the others one a UTC day.
	perMonth bool
	// columns are what it tells apart, besides time.
	columns []string
}

// amounts are what is added up. The column facts counts the rows of lines that a row stands for: what a correction takes back counts as -1, so that what is left
// with none is no row, even where it cost nothing.
var amounts = []string{"cost_nanos", "thread_us", "cpu_us", "native_us"}

const countColumn = "facts"

// The columns of rollups.
var (
	userColumns  = []string{"user_id", "user_name"}
	groupColumns = []string{"group_path", "project", "backend"}
	whatColumns  = []string{"kind", "category", "operation", "library", "task"}
	lineColumns  = []string{"file", "line", "function"}
	leafColumns  = []string{"leaf_file", "leaf_line", "leaf_function"}
	codeColumns  = slices.Concat([]string{"group_path", "kind", "operation", "library", "task"}, lineColumns)
)

// lines is the detail; its columns are promised in docs/warehouse.md.
var lines = &table{
	name: "lines", grain: hourly,
	columns: []string{
		"cluster_id", "cluster", "backend", "user_id", "user_name", "group_path", "project", "kind", "category", "operation", "library",
		"file", "line", "function", "created", "leaf_file", "leaf_line", "leaf_function", "task", "rules_version",
	},
}

// rollups are sums of lines. Which there are was measured: docs/decisions/0013-warehouse.md. Those without users are so small that questions about the whole
// organisation are answered at once; those by day answer for the days before and after whole months, too.
var rollups = []*table{
	{name: "hour_groups", grain: hourly, perMonth: true, columns: []string{"group_path", "backend", "kind", "category"}},
	{name: "days", grain: daily, columns: slices.Concat(userColumns, groupColumns, whatColumns)},
	{name: "day_lines", grain: daily, columns: slices.Concat(userColumns, groupColumns, whatColumns, lineColumns)},
	{name: "day_groups", grain: daily, perMonth: true, columns: slices.Concat(groupColumns, whatColumns)},
	{name: "day_clusters", grain: daily, perMonth: true, columns: slices.Concat([]string{"cluster_id", "cluster"}, userColumns, []string{"group_path", "backend", "kind", "rules_version"})},
	{name: "months", grain: monthly, perMonth: true, columns: slices.Concat(userColumns, groupColumns, whatColumns)},
	{name: "month_lines", grain: monthly, perMonth: true, columns: slices.Concat(userColumns, groupColumns, whatColumns, lineColumns)},
	{name: "month_code", grain: monthly, perMonth: true, columns: codeColumns},
	{name: "month_leaves", grain: monthly, perMonth: true, columns: slices.Concat(codeColumns, leafColumns)},
	{name: "month_groups", grain: monthly, perMonth: true, columns: slices.Concat(groupColumns, whatColumns)},
}

var tables = append([]*table{lines}, rollups...)

// timeColumn is the name of the column that begins the hour, day or month of a row; days and months are those of the organisation's zone.
func (t *table) timeColumn() string { return [...]string{"hour", "day", "month"}[t.grain] }

// timeOf makes a value of the time column from an expression of the hour on the zone's clocks.
func (t *table) timeOf(local string) string {
	switch t.grain {
	case monthly:
		return "date_trunc('month', " + local + ")::DATE"
	case daily:
		return "(" + local + ")::DATE"
	default:
		return "hour"
	}
}

func (t *table) has(columns map[string]bool) bool {
	for c := range columns {
		if !slices.Contains(t.columns, c) {
			return false
		}
	}
	return true
}

// period is the day that the file of something that happened then is kept under.
func (t *table) period(when time.Time) time.Time {
	if t.perMonth {
		return monthOf(when)
	}
	return dayOf(when)
}

// until ends a period.
func (t *table) until(day time.Time) time.Time {
	if t.perMonth {
		return day.AddDate(0, 1, 0)
	}
	return day.AddDate(0, 0, 1)
}

// tableNamed finds a table; nil is one of another version of this program.
func tableNamed(name string) *table {
	for _, t := range tables {
		if t.name == name {
			return t
		}
	}
	return nil
}

func columnType(name string) string {
	switch name {
	case "hour":
		return "TIMESTAMP"
	case "day", "month":
		return "DATE"
	case "line", "leaf_line", "rules_version":
		return "INTEGER"
	case "created":
		return "BOOLEAN"
	case "cost_nanos", "thread_us", "cpu_us", "native_us", countColumn:
		return "BIGINT"
	}
	return "VARCHAR"
}

// fileColumns are those of a table's files, in their order.
func (t *table) fileColumns() []string {
	out := slices.Concat([]string{t.timeColumn()}, t.columns, amounts)
	if t != lines {
		out = append(out, countColumn)
	}
	return out
}

// definition lists columns with their types, as CREATE TABLE wants them.
func definition(columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c + " " + columnType(c)
	}
	return strings.Join(out, ", ")
}

func list(columns []string) string { return strings.Join(columns, ", ") }

// sums adds the amounts and the count of a rollup up; facts is an expression.
func sums(facts string) string {
	var out []string
	for _, a := range amounts {
		out = append(out, fmt.Sprintf("sum(%s)::BIGINT AS %s", a, a))
	}
	return list(append(out, fmt.Sprintf("sum(%s)::BIGINT AS %s", facts, countColumn)))
}
