package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// MonthTotal is what was booked in a month, of one kind and currency.
type MonthTotal struct {
	Month    Month
	Kind     Kind
	Currency cost.Currency
	Entries  int64
	Cost     cost.Nanos
}

// Total is what was booked in a month for one owner, group, backend, kind and currency.
type Total struct {
	MonthTotal
	Owner     identity.UserID
	OwnerName string
	// Group is the path of the group that paid, "" for none.
	Group   string
	Backend string
	Micros  int64
}

// Closing says when and by whom a month was closed, and which hours it has.
type Closing struct {
	Month      Month
	Start, End time.Time
	At         time.Time
	// By is the name of who closed it.
	By string
}

// Filter selects entries; empty fields but Scope select all.
type Filter struct {
	Month   Month
	Cluster cluster.ID
	Kind    Kind
	// Scope is whose entries: the zero Scope has none.
	Scope identity.Scope
	// Before selects those with a smaller id, if it is not 0.
	Before int64
	Limit  int
}

// Extent is how many entries there are, and the id of the newest.
type Extent struct{ Entries, Newest int64 }

// MonthStore is what statements and closing read and write.
type MonthStore interface {
	ClosedThrough(ctx context.Context) (Month, error)
	Closings(ctx context.Context) ([]Closing, error)
	// TotalsAfter returns what was booked in the months after one of clusters within a scope.
	TotalsAfter(ctx context.Context, after Month, scope identity.Scope) ([]MonthTotal, error)
	// TotalsOf returns what was booked in a month.
	TotalsOf(ctx context.Context, month Month, scope identity.Scope) ([]Total, error)
	// MonthAfter returns the first month after one in which anything is booked, "" if there is none.
	MonthAfter(ctx context.Context, after Month) (Month, error)
	// Extent says which entries are booked in a month: as entries never change, the same extent means the same entries.
	Extent(ctx context.Context, month Month) (Extent, error)
	// ClosedTotals returns what was written down when months were closed, of one month or of all for "".
	ClosedTotals(ctx context.Context, month Month, scope identity.Scope) ([]Total, error)
	// AddClosing writes down a closed month. errs.Conflict if it is closed already.
	AddClosing(ctx context.Context, c Closing, totals []Total) error
	// NotPosted names clusters that have processes whose hours before a moment are not all posted.
	NotPosted(ctx context.Context, before time.Time, limit int) ([]string, error)
	// Entries returns entries, the newest first.
	Entries(ctx context.Context, f Filter) ([]Entry, error)
	// PostedWithin sums what is posted for hours that begin in a window by process, true-ups aside.
	PostedWithin(ctx context.Context, since, until time.Time) (map[cluster.ProcessID]cost.Nanos, error)
	// PostedUntil says how far the processes are posted that ran in a window.
	PostedUntil(ctx context.Context, since, until time.Time) (map[cluster.ProcessID]time.Time, error)
	ListClusters(ctx context.Context, f cluster.ListFilter) ([]cluster.Cluster, error)
	ProcessesByCluster(ctx context.Context, id cluster.ID) ([]cluster.Process, error)
	Imports(ctx context.Context, month Month) ([]Imported, error)
}

// Statement is what the books say of one month, in one currency.
type Statement struct {
	Month    Month
	Currency cost.Currency
	// Start and End bound the hours that begin in it.
	Start, End time.Time
	// Closed is nil while the month is open.
	Closed *Closing
	// Opening is what was booked in all months before, Closing what is booked up to the month's end.
	Opening, Closing cost.Nanos
	Sums
}

// Months returns the statements of all months that have entries, and the closed ones, in the order of time: of the clusters that the actor may see.
func (s *Service) Months(ctx context.Context, actor identity.Actor) ([]Statement, error) {
	scope := actor.Scope()
	var out []Statement
	err := s.tx.Snapshot(ctx, func(ctx context.Context) error {
		closings, err := s.store.Closings(ctx)
		if err != nil {
			return err
		}
		closed, err := s.store.ClosedTotals(ctx, "", scope)
		if err != nil {
			return err
		}
		last := Month("")
		if n := len(closings); n > 0 {
			last = closings[n-1].Month
		}
		open, err := s.store.TotalsAfter(ctx, last, scope)
		if err != nil {
			return err
		}
		totals := make([]MonthTotal, 0, len(closed)+len(open))
		for _, t := range closed {
			totals = append(totals, t.MonthTotal)
		}
		out = s.statements(closings, append(totals, open...))
		return nil
	})
	return out, err
}

// statements puts totals into months: one statement for each currency that has entries so far, at least one for each closed month.
func (s *Service) statements(closings []Closing, totals []MonthTotal) []Statement {
	var months []Month
	closed := map[Month]*Closing{}
	for i := range closings {
		closed[closings[i].Month] = &closings[i]
		months = append(months, closings[i].Month)
	}
	type key struct {
		month    Month
		currency cost.Currency
	}
	sums := map[key]*Sums{}
	var currencies []cost.Currency
	for _, t := range totals {
		k := key{t.Month, t.Currency}
		if sums[k] == nil {
			sums[k] = &Sums{}
		}
		sums[k].add(t.Kind, t.Cost, t.Entries)
		months, currencies = append(months, t.Month), append(currencies, t.Currency)
	}
	if len(currencies) == 0 {
		currencies = []cost.Currency{s.currency}
	}
	slices.Sort(months)
	slices.Sort(currencies)
	currencies = slices.Compact(currencies)
	balance := map[cost.Currency]cost.Nanos{}
	var out []Statement
	for _, month := range slices.Compact(months) {
		start, end := month.Window(s.zone)
		if c := closed[month]; c != nil {
			start, end = c.Start, c.End
		}
		for _, currency := range currencies {
			sum := sums[key{month, currency}]
			if sum == nil {
				if len(currencies) > 1 {
					continue
				}
				sum = &Sums{}
			}
			st := Statement{Month: month, Currency: currency, Start: start, End: end, Closed: closed[month], Opening: balance[currency], Sums: *sum}
			balance[currency] += sum.Total()
			st.Closing = balance[currency]
			out = append(out, st)
		}
	}
	return out
}

// Details is a month with what it is made of.
type Details struct {
	Statements []Statement
	Totals     []Total
	// Corrections are the newest of those that are booked in the month.
	Corrections []Entry
	Imports     []Imported
	Check       Check
}

// maxCorrections is how many corrections a month shows.
const maxCorrections = 200

// Month returns what is booked in one month. errs.NotFound if nothing is.
func (s *Service) Month(ctx context.Context, now time.Time, actor identity.Actor, month Month) (Details, error) {
	all, err := s.Months(ctx, actor)
	if err != nil {
		return Details{}, err
	}
	var d Details
	for _, st := range all {
		if st.Month == month {
			d.Statements = append(d.Statements, st)
		}
	}
	if len(d.Statements) == 0 {
		return d, errs.New(errs.NotFound, "", "Nothing that you may see is booked in %s.", month)
	}
	scope := actor.Scope()
	if d.Statements[0].Closed != nil {
		d.Totals, err = s.store.ClosedTotals(ctx, month, scope)
	} else {
		d.Totals, err = s.store.TotalsOf(ctx, month, scope)
	}
	if err != nil {
		return d, err
	}
	if d.Corrections, err = s.store.Entries(ctx, Filter{Month: month, Kind: Correction, Scope: scope, Limit: maxCorrections}); err != nil {
		return d, err
	}
	if scope.All {
		if d.Imports, err = s.store.Imports(ctx, month); err != nil {
			return d, err
		}
	}
	d.Check, err = s.check(ctx, now, scope, d.Statements[0].Start, d.Statements[0].End)
	return d, err
}

// Entries returns entries that the actor may see, the newest first.
func (s *Service) Entries(ctx context.Context, actor identity.Actor, f Filter) ([]Entry, error) {
	f.Scope = actor.Scope()
	return s.store.Entries(ctx, f)
}

// Check compares the books of some hours with what the processes are metered at: the figure that bills are made of.
type Check struct {
	Since, Until time.Time
	Processes    int
	// Metered and Posted are the sums over the time that is posted; Ahead is what was metered up to now and is not posted yet.
	Metered, Posted, Ahead cost.Nanos
	// Wrong names processes, ten at most, whose entries do not sum to what they are metered at: never any.
	Wrong []cluster.ProcessID
}

// Balanced reports whether the entries sum to what is metered, for every process.
func (c Check) Balanced() bool { return c.Metered == c.Posted && len(c.Wrong) == 0 }

// check reads one moment. The window is one of whole hours.
func (s *Service) check(ctx context.Context, now time.Time, scope identity.Scope, since, until time.Time) (Check, error) {
	out := Check{Since: since, Until: until}
	err := s.tx.Snapshot(ctx, func(ctx context.Context) error {
		out = Check{Since: since, Until: until}
		posted, err := s.store.PostedWithin(ctx, since, until)
		if err != nil {
			return err
		}
		reached, err := s.store.PostedUntil(ctx, since, until)
		if err != nil {
			return err
		}
		clusters, err := s.store.ListClusters(ctx, cluster.ListFilter{Scope: &scope, AliveSince: since, CreatedBefore: until})
		if err != nil {
			return err
		}
		for _, c := range clusters {
			processes, err := s.store.ProcessesByCluster(ctx, c.ID)
			if err != nil {
				return err
			}
			for _, p := range processes {
				out.add(now, p, posted[p.ID], reached[p.ID])
			}
		}
		return nil
	})
	return out, err
}

func (c *Check) add(now time.Time, p cluster.Process, posted cost.Nanos, reached time.Time) {
	if _, _, ok := p.Interval(c.Until); !ok && posted == 0 {
		return
	}
	reached = later(reached, c.Since)
	metered := p.Cost(earlier(reached, c.Until)) - p.Cost(c.Since)
	c.Processes++
	c.Metered += metered
	c.Posted += posted
	c.Ahead += p.Cost(later(c.Since, earlier(c.Until, now))) - p.Cost(c.Since) - metered
	if metered != posted && len(c.Wrong) < 10 {
		c.Wrong = append(c.Wrong, p.ID)
	}
}

// Close freezes a month: what is booked in it is written down and never changes, and later corrections of its hours are booked in the first open
// month. Only administrators may. errs.Conflict if it is not over, not fully posted, or closed already.
func (s *Service) Close(ctx context.Context, now time.Time, actor identity.Actor, month Month) (Details, error) {
	if actor.User.Role != identity.RoleAdmin {
		return Details{}, errs.New(errs.Forbidden, "", "Only admins close months: they apply to everybody. Nothing was changed; ask one.")
	}
	start, end := month.Window(s.zone)
	if over := end.Add(Grace); now.Before(over) {
		return Details{}, errs.New(errs.Conflict, "month_not_over", "%s can be closed from %s on, when its last hour is posted. Nothing was changed.",
			month, over.UTC().Format(time.RFC3339))
	}
	// What was reported and not looked at yet may hold workers of the month.
	if err := s.folder.FoldAll(ctx, ""); err != nil {
		return Details{}, fmt.Errorf("fold telemetry: %w", err)
	}
	// What cannot be posted is named below, if it is of this month.
	_, unposted := s.poster.Post(ctx, now)
	for range attempts {
		done, err := s.close(ctx, now, Closing{Month: month, Start: start, End: end, At: now, By: actor.User.Name})
		if err != nil {
			return Details{}, errors.Join(err, unposted)
		}
		if done {
			return s.Month(ctx, now, actor, month)
		}
	}
	return Details{}, errs.New(errs.Unavailable, "month_changes", "Entries were booked in %s while it was added up. Nothing was changed; try again in a moment.", month)
}

// close adds a month up, checks it and freezes it. Adding up takes seconds in a large month, so it happens beside the writers; done is false if they have written to the month
// since.
func (s *Service) close(ctx context.Context, now time.Time, c Closing) (done bool, err error) {
	var totals []Total
	var before Extent
	err = s.tx.Snapshot(ctx, func(ctx context.Context) error {
		if err := s.closable(ctx, c.Month, c.End); err != nil {
			return err
		}
		check, err := s.check(ctx, now, identity.Scope{All: true}, c.Start, c.End)
		if err != nil {
			return err
		}
		if !check.Balanced() {
			return fmt.Errorf("close %s: the books say %d nano-units where %d were metered; processes %v", c.Month, check.Posted, check.Metered, check.Wrong)
		}
		if before, err = s.store.Extent(ctx, c.Month); err != nil {
			return err
		}
		totals, err = s.store.TotalsOf(ctx, c.Month, identity.Scope{All: true})
		return err
	})
	if err != nil {
		return false, err
	}
	err = s.tx.Atomically(ctx, func(ctx context.Context) error {
		done = false
		if err := s.closable(ctx, c.Month, c.End); err != nil {
			return err
		}
		after, err := s.store.Extent(ctx, c.Month)
		if err != nil || after != before {
			return err
		}
		done = true
		return s.store.AddClosing(ctx, c, totals)
	})
	return done, err
}

// closable says why a month cannot be closed, nil if it can.
func (s *Service) closable(ctx context.Context, month Month, end time.Time) error {
	closings, err := s.store.Closings(ctx)
	if err != nil {
		return err
	}
	last := Month("")
	for _, c := range closings {
		if c.Month == month {
			return errs.New(errs.Conflict, "month_closed", "%s was closed at %s by %s already. Nothing was changed.", month, c.At.UTC().Format(time.RFC3339), c.By)
		}
		last = c.Month
	}
	if month < last {
		return errs.New(errs.Conflict, "month_closed", "%s lies before %s, which is closed, so nothing can be booked in it any more. Nothing was changed.", month, last)
	}
	open, err := s.store.MonthAfter(ctx, last)
	if err != nil {
		return err
	}
	if open != "" && open < month {
		return errs.New(errs.Conflict, "earlier_month_open", "%s is still open. Close it first; months are closed in their order. Nothing was changed.", open)
	}
	const shown = 5
	missing, err := s.store.NotPosted(ctx, end, shown+1)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		more := ""
		if len(missing) > shown {
			missing, more = missing[:shown], " and others"
		}
		return errs.New(errs.Conflict, "month_not_posted",
			"%s cannot be closed yet: not all of its hours are posted of %s%s. Nothing was changed; try again in a minute, and see the server's log if it stays so.",
			month, strings.Join(missing, ", "), more)
	}
	return nil
}
