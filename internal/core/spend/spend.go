// Package spend answers what was spent on anything, over any window: by user, operation, line, day and so on. Whatever the money is grouped by, the rows sum to
// the same total, to the nano-unit.
package spend

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
)

// Dimension is something that money can be grouped and filtered by.
type Dimension string

// DimensionGroup is the group that paid, whose values are paths.
const DimensionGroup Dimension = "group"

// Bounds of a question.
const (
	maxDimensions = 6
	maxFilters    = 20
	DefaultRows   = 1_000
	// MaxRows are the most that an answer lists, MaxExportRows the most that a file holds.
	MaxRows       = 10_000
	MaxExportRows = 1_000_000
)

// dimensions says what each of them reads. What has no such thing has the empty text: idle time has no line, a line without a tag no project.
var dimensions = []struct {
	name  Dimension
	about string
	of    func(f *Fact, zone *time.Location) string
}{
	{"user", "who owns the cluster", func(f *Fact, _ *time.Location) string { return f.User }},
	{DimensionGroup, "the group that paid, as a path: /research/genomics", func(f *Fact, _ *time.Location) string { return f.Group }},
	{"cluster", "the cluster's id", func(f *Fact, _ *time.Location) string { return string(f.Cluster) }},
	{"name", "the cluster's name", func(f *Fact, _ *time.Location) string { return f.Name }},
	{"backend", "what ran the cluster", func(f *Fact, _ *time.Location) string { return f.Backend }},
	{"project", "the tag project that a client declared", func(f *Fact, _ *time.Location) string { return f.Project }},
	{"kind", "work, idle, overhead, lost, unattributed, unknown", func(f *Fact, _ *time.Location) string { return f.Kind }},
	{"category", "the kind more closely, like idle.no_work", func(f *Fact, _ *time.Location) string { return f.Category }},
	{"operation", "the kind of work, like read.csv; of what is no work its category", func(f *Fact, _ *time.Location) string {
		if f.Kind == bill.KindWork {
			return f.Operation
		}
		return f.Category
	}},
	{"library", "the library that did the work", func(f *Fact, _ *time.Location) string { return f.Library }},
	{"file", "the file of the line that created the work", func(f *Fact, _ *time.Location) string { return f.Origin.File }},
	{"line", "the line that created the work, as file:line", func(f *Fact, _ *time.Location) string { return place(f.Origin.File, f.Origin.Line) }},
	{"function", "the function that the line is in", func(f *Fact, _ *time.Location) string { return f.Origin.Function }},
	{"leaf", "the line where the threads stood, as file:line", func(f *Fact, _ *time.Location) string { return place(f.Leaf.File, f.Leaf.Line) }},
	{"task", "Dask's task prefix", func(f *Fact, _ *time.Location) string { return f.Prefix }},
	{"hour", "the hour, in the answer's zone", func(f *Fact, z *time.Location) string { return f.Start.In(z).Format("2006-01-02T15:04Z07:00") }},
	{"day", "the day", func(f *Fact, z *time.Location) string { return f.Start.In(z).Format(time.DateOnly) }},
	{"week", "the ISO week", func(f *Fact, z *time.Location) string {
		year, week := f.Start.In(z).ISOWeek()
		return fmt.Sprintf("%04d-W%02d", year, week)
	}},
	{"month", "the month", func(f *Fact, z *time.Location) string { return f.Start.In(z).Format("2006-01") }},
}

// times are dimensions whose rows are listed by time.
var times = []Dimension{"hour", "day", "week", "month"}

func place(file string, line int) string {
	if file == "" {
		return ""
	}
	return file + ":" + strconv.Itoa(line)
}

// Dimensions lists all of them with what they mean.
func Dimensions() (names []Dimension, about map[Dimension]string) {
	about = map[Dimension]string{}
	for _, d := range dimensions {
		names = append(names, d.name)
		about[d.name] = d.about
	}
	return names, about
}

func find(name Dimension) func(f *Fact, zone *time.Location) string {
	for _, d := range dimensions {
		if d.name == name {
			return d.of
		}
	}
	return nil
}

// Filter keeps entries whose value of a dimension is one of some; a value that ends in * stands for all that begin so. Of groups, /research/* is /research
// and all below it.
type Filter struct {
	Dimension Dimension
	Values    []string
}

func (f Filter) keeps(value string) bool {
	return slices.ContainsFunc(f.Values, func(wanted string) bool {
		if head, ok := strings.CutSuffix(wanted, "*"); ok {
			if root, ok := strings.CutSuffix(head, "/"); ok && f.Dimension == DimensionGroup && value == root {
				return true
			}
			return strings.HasPrefix(value, head)
		}
		return value == wanted
	})
}

// KeepsHour tells whether a filter by hour, day, week or month keeps what was spent within the hour that begins then.
func (f Filter) KeepsHour(start time.Time, zone *time.Location) bool {
	return f.keeps(find(f.Dimension)(&Fact{Hour: bill.Hour{Start: start}}, zone))
}

// ParseFilter reads "operation=read.csv,read.parquet". A comma that belongs to a value has a backslash before it.
func ParseFilter(text string) (Filter, error) {
	name, values, ok := strings.Cut(text, "=")
	f := Filter{Dimension: Dimension(strings.TrimSpace(name)), Values: splitValues(values)}
	switch {
	case !ok:
		return Filter{}, fmt.Errorf("%.100q is no filter; write dimension=value, as operation=read.csv", text)
	case find(f.Dimension) == nil:
		return Filter{}, fmt.Errorf("%.100q is nothing to filter by; there are %s", f.Dimension, known())
	}
	return f, nil
}

// splitValues cuts at commas. Only a backslash before a comma is no text: paths of Windows are full of them.
func splitValues(text string) []string {
	var values []string
	var value strings.Builder
	for {
		part, rest, more := strings.Cut(text, ",")
		head, escaped := strings.CutSuffix(part, `\`)
		switch {
		case more && escaped:
			value.WriteString(head + ",")
		default:
			value.WriteString(part)
			values = append(values, value.String())
			value.Reset()
		}
		if !more {
			return values
		}
		text = rest
	}
}

// String writes the filter as ParseFilter reads it.
func (f Filter) String() string {
	values := make([]string, len(f.Values))
	for i, value := range f.Values {
		values[i] = strings.ReplaceAll(value, ",", `\,`)
	}
	return string(f.Dimension) + "=" + strings.Join(values, ",")
}

func known() string {
	names, _ := Dimensions()
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, ", ")
}

// Query is a question of cost.
type Query struct {
	By    []Dimension
	Where []Filter
	// Since and Until bound the window; hours that it touches count whole.
	Since, Until time.Time
	// Zone is where days begin.
	Zone *time.Location
	// Limit is how many rows are listed; what the others cost is in Rest.
	Limit int
	// Figures says which money is asked for; Booked is what invoices changed, filled in by the Service where that is asked for.
	Figures Figures
	Booked  *Booked
}

// Check returns errs.Invalid for a question that cannot be answered.
func (q Query) Check() error {
	var wrong []errs.Field
	add := func(name, format string, args ...any) {
		wrong = append(wrong, errs.Field{Name: name, Message: fmt.Sprintf(format, args...)})
	}
	if len(q.By) == 0 || len(q.By) > maxDimensions {
		add("by", "Group by 1 to %d of: %s.", maxDimensions, known())
	}
	for i, name := range q.By {
		switch {
		case find(name) == nil:
			add("by", "%.100q is nothing to group by; there are %s.", name, known())
		case slices.Contains(q.By[:i], name):
			add("by", "%s is there twice.", name)
		}
	}
	if len(q.Where) > maxFilters {
		add("where", "There are %d filters; at most %d are allowed.", len(q.Where), maxFilters)
	}
	if !q.Since.Before(q.Until) {
		add("since", "The window must start before it ends: since before until.")
	}
	if q.Limit < 1 || q.Limit > MaxExportRows {
		add("limit", "1 to %d rows can be listed, not %d.", MaxExportRows, q.Limit)
	}
	if q.Figures != "" && q.Figures != Metered && q.Figures != Invoiced {
		add("figures", "%.100q are no figures; there are %s and %s.", string(q.Figures), Metered, Invoiced)
	}
	return errs.InvalidFields(wrong...)
}

// Row is what one combination of values cost.
type Row struct {
	// Keys are the values, in the order of the question's dimensions.
	Keys                    []string
	Cost                    cost.Nanos
	ThreadMicros, CPUMicros int64
}

// Answer is what was spent.
type Answer struct {
	Query
	Currency cost.Currency
	// Total is what the entries that pass the filters cost: rows and rest. All is the whole window's cost, before filters.
	Total, All cost.Nanos
	Rows       []Row
	// Rest is what rows beyond the limit cost, and how many they are.
	Rest     cost.Nanos
	RestRows int
	// MeteredTotal is what Total is in metered figures, where invoiced ones were asked for.
	MeteredTotal cost.Nanos
	// Unplaced is what invoices add to what the warehouse has nothing of in the window; it is in no other figure.
	Unplaced cost.Nanos
	// Unseen is the part of All that was paid for and not observed: unknown and lost.
	Unseen cost.Nanos
	// Clusters is how many clusters ran in the window. Names has the names of those in the rows, where the rows are by cluster.
	Clusters int
	Names    map[string]string
	// RulesVersion is the oldest version of the rules that named operations, 0 if nothing was named.
	RulesVersion int
	// AsOf is when what it was answered from was made.
	AsOf time.Time
	// Losses are days of the window whose detail was lost; Notes says so in words.
	Losses []Loss
	// SQL is the question as it was put to the warehouse, which read ReadRows rows of Segments files. Empty if it was answered without.
	SQL      string
	ReadRows int64
	Segments int
}
