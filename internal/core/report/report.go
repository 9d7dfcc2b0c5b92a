// Package report makes weekly reports of spend: what a week cost, what of it was waste and who can mend it, what changed, and how much of it was observed. It also
// decides who is sent which, when, and that nobody is sent one twice.
package report

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/outlook"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// Scope is whose spend a report is of. One that begins with a slash is the path of a group: what it and all below it paid for.
type Scope string

// Scopes.
const (
	// ScopeOwn is what the reader's own clusters cost.
	ScopeOwn Scope = "own"
	// ScopeAll is everything: the report for management.
	ScopeAll Scope = "all"
)

// ofGroup begins the scope of a group that is named by something other than its path.
const ofGroup = "group:"

// GroupScope is the scope of a group by its path, its id, or its name; "" for "".
func GroupScope(ref string) Scope {
	if ref == "" {
		return ""
	}
	return Scope(ofGroup + ref)
}

// Group is what names the group that a scope is of.
func (s Scope) Group() (ref string, ok bool) {
	if strings.HasPrefix(string(s), "/") {
		return string(s), true
	}
	return strings.CutPrefix(string(s), ofGroup)
}

// weeksBefore is how many earlier weeks a report compares with.
const weeksBefore = 8

// WeekSpend is what a week cost.
type WeekSpend struct {
	Week Week
	Cost cost.Nanos
}

// Report is what a week cost, for somebody.
type Report struct {
	Week Week
	// Scope names a group by its path.
	Scope Scope
	// Reader is the name of whom it is for; Organisation may be empty.
	Reader, Organisation string
	Overview             outlook.Overview
	// Weeks are those before, oldest first, from the first in which anything was spent.
	Weeks []WeekSpend
	// Prices says where prices come from.
	Prices string
	// URL is the report's page, OverviewURL that of the overview; UnsubscribeURL ends the mails, and is empty where none is sent.
	URL, OverviewURL, UnsubscribeURL string
}

// Empty reports whether there is nothing to say: nothing was spent, neither this week nor the one before. Of a group it is enough that nothing was spent this week: who
// leads it need not be told twice that it is over.
func (r Report) Empty() bool {
	if _, group := r.Scope.Group(); group {
		return r.Overview.Total == 0
	}
	return r.Overview.Total == 0 && r.Overview.Before == 0
}

// Running reports whether the week is not over.
func (r Report) Running() bool { return r.Overview.Until.Before(r.Overview.End) }

// Usual is the mean of the weeks before; false if they are fewer than two, or the week is not over.
func (r Report) Usual() (cost.Nanos, bool) {
	if len(r.Weeks) < 2 || r.Running() {
		return 0, false
	}
	var sum cost.Nanos
	for _, w := range r.Weeks {
		sum += w.Cost
	}
	return sum / cost.Nanos(len(r.Weeks)), true
}

// pastWeeks adds the days before a week up to weeks.
func pastWeeks(w Week, past outlook.Series) []WeekSpend {
	var weeks []WeekSpend
	for range weeksBefore {
		w = w.Before()
		from := past.Index(w.monday())
		if from+7 <= 0 { // nothing was spent before the first of these days
			break
		}
		weeks = append([]WeekSpend{{Week: w, Cost: past.Sum(from, from+7)}}, weeks...)
	}
	return weeks
}

// Outlook is what reports are made from.
type Outlook interface {
	Overview(ctx context.Context, now time.Time, actor identity.Actor, p outlook.Period, only ...spend.Filter) (outlook.Overview, error)
}

// Groups finds a group of whose spend the actor may see all, and the paths under which it paid.
type Groups interface {
	Paths(ctx context.Context, actor identity.Actor, ref string) (identity.Group, []string, error)
}

// Settings are those of an installation.
type Settings struct {
	Zone         *time.Location
	Organisation string
	// PublicURL has no slash at its end.
	PublicURL string
	// Prices says where prices come from.
	Prices func(now time.Time) string
}

// Service makes reports.
type Service struct {
	outlook  Outlook
	groups   Groups
	settings Settings
}

// NewService makes a Service.
func NewService(o Outlook, g Groups, s Settings) *Service {
	return &Service{outlook: o, groups: g, settings: s}
}

// Default is what an actor is reported if nothing else is asked for: everything to administrators, to others their own.
func Default(actor identity.Actor) Scope {
	if actor.User.Role == identity.RoleAdmin {
		return ScopeAll
	}
	return ScopeOwn
}

// Last is the newest week that is over.
func (s *Service) Last(now time.Time) Week { return WeekOf(now, s.settings.Zone).Before() }

// Make makes the report of a week for an actor, within what the actor may see. An empty scope is the default.
func (s *Service) Make(ctx context.Context, now time.Time, actor identity.Actor, w Week, scope Scope) (Report, error) {
	if scope == "" {
		scope = Default(actor)
	}
	scope, only, err := s.only(ctx, actor, scope)
	if err != nil {
		return Report{}, err
	}
	o, err := s.outlook.Overview(ctx, now, actor, w.Period(s.settings.Zone), only...)
	if err != nil {
		return Report{}, err
	}
	return Report{
		Week: w, Scope: scope, Reader: actor.User.Name, Organisation: s.settings.Organisation, Overview: o, Weeks: pastWeeks(w, o.Past), Prices: s.settings.Prices(now),
		URL: s.settings.PublicURL + "/reports/" + w.String() + query(actor, scope), OverviewURL: s.settings.PublicURL + "/",
	}, nil
}

// only is what a scope keeps of what the actor may see. The scope of a group is returned by its path.
func (s *Service) only(ctx context.Context, actor identity.Actor, scope Scope) (Scope, []spend.Filter, error) {
	if ref, ok := scope.Group(); ok {
		g, paths, err := s.groups.Paths(ctx, actor, ref)
		if err != nil {
			return "", nil, err
		}
		filter := spend.Filter{Dimension: spend.DimensionGroup}
		for _, path := range paths {
			filter.Values = append(filter.Values, path+"/*") // which holds the path itself
		}
		return Scope(g.Path), []spend.Filter{filter}, nil
	}
	switch {
	case scope == ScopeAll && actor.User.Role != identity.RoleAdmin:
		return "", nil, errs.New(errs.Forbidden, "", "The report of everything is for administrators. Ask for your own: leave the scope out.")
	case scope == ScopeAll:
		return scope, nil, nil
	case scope == ScopeOwn:
		// Who leads a group sees more than their own.
		return scope, []spend.Filter{{Dimension: "user", Values: []string{actor.User.Name}}}, nil
	}
	return "", nil, errs.InvalidFields(errs.Field{Name: "scope", Message: "A scope is own, all, or the path of a group, such as /research."})
}

// query asks for a scope again.
func query(actor identity.Actor, scope Scope) string {
	if scope == Default(actor) {
		return ""
	}
	key := "scope"
	if _, group := scope.Group(); group {
		key = "group"
	}
	return "?" + url.Values{key: {string(scope)}}.Encode()
}
