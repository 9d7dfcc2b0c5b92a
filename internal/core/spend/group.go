package spend

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
)

// Grouping adds entries up. A question that passes Check makes one.
type Grouping struct {
	answer Answer
	by     []func(f *Fact, zone *time.Location) string
	where  []func(f *Fact, zone *time.Location) string
	rows   map[string]*Row
	names  map[string]string
}

// NewGrouping begins an answer.
func NewGrouping(q Query, currency cost.Currency) *Grouping {
	g := &Grouping{answer: Answer{Query: q, Currency: currency, Names: map[string]string{}}, rows: map[string]*Row{}, names: map[string]string{}}
	for _, name := range q.By {
		g.by = append(g.by, find(name))
	}
	for _, filter := range q.Where {
		g.where = append(g.where, find(filter.Dimension))
	}
	return g
}

// Add books what one cluster spent.
func (g *Grouping) Add(of Of, hours []bill.Hour) {
	if len(hours) == 0 {
		return
	}
	g.names[string(of.Cluster)] = of.Name
	if of.RulesVersion > 0 && (g.answer.RulesVersion == 0 || of.RulesVersion < g.answer.RulesVersion) {
		g.answer.RulesVersion = of.RulesVersion
	}
	zone := g.answer.Zone
	for _, h := range hours {
		f := Fact{Of: of, Hour: h}
		g.answer.All += f.Cost
		if f.Kind == bill.KindUnknown || f.Kind == bill.KindLost {
			g.answer.Unseen += f.Cost
		}
		if g.passes(&f) {
			g.book(&f, zone)
		}
	}
}

func (g *Grouping) passes(f *Fact) bool {
	for i, filter := range g.answer.Where {
		if !filter.keeps(g.where[i](f, g.answer.Zone)) {
			return false
		}
	}
	return true
}

func (g *Grouping) book(f *Fact, zone *time.Location) {
	keys := make([]string, len(g.by))
	for i, of := range g.by {
		keys[i] = of(f, zone)
	}
	mark := strings.Join(keys, "\x00")
	row, ok := g.rows[mark]
	if !ok {
		row = &Row{Keys: keys}
		g.rows[mark] = row
	}
	row.Cost += f.Cost
	row.ThreadMicros += f.ThreadMicros + f.NativeMicros
	row.CPUMicros += f.CPUMicros + f.NativeMicros
	g.answer.Total += f.Cost
}

// Answer lists the rows, dearest first; by time where the first dimension is one. The dearest rows are the ones that a limit leaves.
func (g *Grouping) Answer() Answer {
	a := g.answer
	for _, row := range g.rows {
		a.Rows = append(a.Rows, *row)
	}
	dearest := func(x, y Row) int { return cmp.Or(cmp.Compare(y.Cost, x.Cost), slices.Compare(x.Keys, y.Keys)) }
	slices.SortFunc(a.Rows, dearest)
	if len(a.Rows) > a.Limit {
		for _, row := range a.Rows[a.Limit:] {
			a.Rest += row.Cost
		}
		a.RestRows = len(a.Rows) - a.Limit
		a.Rows = a.Rows[:a.Limit:a.Limit]
	}
	if slices.Contains(times, a.By[0]) {
		slices.SortStableFunc(a.Rows, func(x, y Row) int { return cmp.Compare(x.Keys[0], y.Keys[0]) })
	}
	a.Clusters = len(g.names)
	if at := slices.Index(a.By, "cluster"); at >= 0 {
		for _, row := range a.Rows {
			a.Names[row.Keys[at]] = g.names[row.Keys[at]]
		}
	}
	return a
}
