// Package report makes weekly reports of spend: what a week cost, what of it was waste and who can mend it, what changed, and how much of it was observed. It also
// decides who is sent which, when, and that nobody is sent one twice.
package report

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/outlook"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// Scope is whose spend a report is of.
type Scope string

// Scopes. One that begins with a slash is the path of a group: of it and all below it.
const (
	// ScopeOwn is what the reader's own clusters cost.
	ScopeOwn Scope = "own"
	// ScopeAll is everything: the report for management.
	ScopeAll Scope = "all"
)

// Report is what a week cost, for somebody.
type Report struct {
	Week  Week
	Scope Scope
	// Reader is the name of whom it is for; Organisation may be empty.
	Reader, Organisation string
	Overview             outlook.Overview
	// Prices says where prices come from.
	Prices string
	// URL is the report's page, OverviewURL that of the overview; UnsubscribeURL ends the mails, and is empty where none is sent.
	URL, OverviewURL, UnsubscribeURL string
}

// Empty reports whether there is nothing to say: nothing was spent, neither this week nor the one before.
func (r Report) Empty() bool { return r.Overview.Total == 0 && r.Overview.Before == 0 }

// Running reports whether the week is not over.
func (r Report) Running() bool { return r.Overview.Until.Before(r.Overview.End) }

// Outlook is what reports are made from.
type Outlook interface {
	Overview(ctx context.Context, now time.Time, actor identity.Actor, p outlook.Period, only ...spend.Filter) (outlook.Overview, error)
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
	settings Settings
}

// NewService makes a Service.
func NewService(o Outlook, s Settings) *Service { return &Service{outlook: o, settings: s} }

// Default is what an actor is reported if nothing else is asked for: everything to those who may see it.
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
	var only []spend.Filter
	switch {
	case scope == ScopeAll && actor.User.Role != identity.RoleAdmin:
		return Report{}, errs.New(errs.Forbidden, "", "The report of everything is for administrators. Ask for your own: leave the scope out.")
	case scope == ScopeOwn && actor.User.Role == identity.RoleAdmin:
		only = []spend.Filter{{Dimension: "user", Values: []string{actor.User.Name}}}
	case scope == ScopeAll, scope == ScopeOwn:
	case len(scope) > 1 && scope[0] == '/':
		only = []spend.Filter{{Dimension: "group", Values: []string{string(scope), string(scope) + "/*"}}}
	default:
		return Report{}, errs.InvalidFields(errs.Field{Name: "scope", Message: "A scope is own, all, or the path of a group, such as /research."})
	}
	o, err := s.outlook.Overview(ctx, now, actor, w.Period(s.settings.Zone), only...)
	if err != nil {
		return Report{}, err
	}
	return Report{
		Week: w, Scope: scope, Reader: actor.User.Name, Organisation: s.settings.Organisation, Overview: o, Prices: s.settings.Prices(now),
		URL: s.settings.PublicURL + "/reports/" + w.String(), OverviewURL: s.settings.PublicURL + "/",
	}, nil
}
