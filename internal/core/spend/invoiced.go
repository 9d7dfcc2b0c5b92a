package spend

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Figures says which money an answer is in.
type Figures string

const (
	// Metered is time by the prices that were in force: what there is of every hour at once. The empty Figures are these.
	Metered Figures = "metered"
	// Invoiced is the same where no invoice was imported, and what was invoiced where one was.
	Invoiced Figures = "invoiced"
)

// Slice is a stretch of whole hours of a question's window that counts as one. At is the value of the question's finest dimension of time in it: the hour itself in
// UTC, or the date that its day, week or month begins with, as midnight in UTC. It is zero where nothing is grouped by time.
type Slice struct {
	Since, Until time.Time
	At           time.Time
}

// Cell is what invoices add to what was metered, of what has the same owner, group and backend (or is of one cluster, where cells are by cluster) within one month
// of the books and one value of At, as slices have it. It is less than nothing where less was invoiced.
type Cell struct {
	Cluster cluster.ID
	UserID  identity.UserID
	Group   string
	Backend string
	// Month is the first of the month, as midnight in UTC.
	Month, At time.Time
	Nanos     cost.Nanos
}

// Booked is what the books say that invoices changed.
type Booked struct {
	// ByCluster says that cells are of one cluster each. They need not be where all clusters of a backend were invoiced at the same factor.
	ByCluster bool
	// Per is of what was by dimensions of time: of each slice; Period is that dimension, empty for none. All is of the whole window.
	Per    []Cell
	Period Dimension
	All    []Cell
	// Months says what is known of the months of the window, in their order.
	Months []InvoicedMonth
}

// InvoicedMonth is what invoices say of one month of the books.
type InvoicedMonth struct {
	// Name is like 2026-10; it has the hours of [Since, Until).
	Name         string
	Since, Until time.Time
	// Over tells that the month is over: before, nothing can be invoiced.
	Over bool
	// Invoices were imported for it, the oldest first; without any, its figures are those that were metered.
	Invoices []Invoice
	// TrueUp is what they add to the clusters and hours that the answer is of.
	TrueUp cost.Nanos
}

// Invoice is an import of an invoice.
type Invoice struct {
	ID, Source string
	At         time.Time
	// Factors are what was invoiced for each unit that was metered, of what the actor may know, dearest first; Groups is how many there are.
	Factors []Factor
	Groups  int
}

// Factor says at what share of its metered cost something was invoiced.
type Factor struct {
	Target string
	Ratio  float64
}

// Books says what invoices changed.
type Books interface {
	// TrueUps returns, within what the actor may see, what invoices changed in slices, which lie side by side or apart in their order, and in the whole window
	// [since, until). byCluster asks for cells by cluster.
	TrueUps(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time, slices []Slice, byCluster bool) (Booked, error)
}

// WithBooks makes the service answer with what was invoiced, too.
func (s *Service) WithBooks(books Books) *Service {
	s.books = books
	return s
}

// book adds to a question what invoices changed in its window.
func (s *Service) book(ctx context.Context, now time.Time, actor identity.Actor, q *Query) error {
	if q.Figures != Invoiced {
		return nil
	}
	if s.books == nil {
		return errs.New(errs.Unavailable, "no_books", "This server keeps no books, so it cannot say what was invoiced. Ask for metered figures.")
	}
	period := q.period()
	booked, err := s.books.TrueUps(ctx, now, actor, q.Since, q.Until, q.slices(period), q.namesClusters())
	if err != nil {
		return fmt.Errorf("read what was invoiced: %w", err)
	}
	booked.Period = period
	q.Booked = &booked
	return nil
}

// namesClusters tells whether the question tells clusters apart.
func (q Query) namesClusters() bool {
	for _, d := range []Dimension{"cluster", "name"} {
		if slices.Contains(q.By, d) || slices.ContainsFunc(q.Where, func(f Filter) bool { return f.Dimension == d }) {
			return true
		}
	}
	return false
}

// period is the dimension of time that all of the question's dimensions of time can be told from, empty if there is none. A week may be in two months.
func (q Query) period() Dimension {
	has := func(d Dimension) bool { return slices.Contains(q.By, d) }
	switch {
	case has("hour"):
		return "hour"
	case has("day"), has("week") && has("month"):
		return "day"
	case has("week"):
		return "week"
	case has("month"):
		return "month"
	}
	return ""
}

// slices divides the hours of the window that pass the filters by time.
func (q Query) slices(period Dimension) []Slice {
	var filters []Filter
	for _, f := range q.Where {
		if slices.Contains(times, f.Dimension) {
			filters = append(filters, f)
		}
	}
	if period == "" && len(filters) == 0 {
		return []Slice{{Since: q.Since, Until: q.Until}}
	}
	var out []Slice
	for hour := q.Since; hour.Before(q.Until); hour = hour.Add(time.Hour) {
		if slices.ContainsFunc(filters, func(f Filter) bool { return !f.KeepsHour(hour, q.Zone) }) {
			continue
		}
		at, end := PeriodOf(period, hour, q.Zone), hour.Add(time.Hour)
		if n := len(out); n > 0 && out[n-1].Until.Equal(hour) && out[n-1].At.Equal(at) {
			out[n-1].Until = end
		} else {
			out = append(out, Slice{Since: hour, Until: end, At: at})
		}
	}
	return out
}

// PeriodOf is the value of a dimension of time that an hour has, as Slice has it.
func PeriodOf(period Dimension, hour time.Time, zone *time.Location) time.Time {
	y, m, d := hour.In(zone).Date()
	date := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	switch period {
	case "hour":
		return hour.UTC()
	case "day":
		return date
	case "week":
		return date.AddDate(0, 0, -((int(date.Weekday()) + 6) % 7)) // weeks begin on Mondays
	case "month":
		return date.AddDate(0, 0, 1-d)
	default:
		return time.Time{}
	}
}
