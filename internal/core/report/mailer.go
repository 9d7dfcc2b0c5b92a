package report

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/identity"
)

// Status is how far a mail is.
type Status string

// Statuses of a delivery. What is being sent when a server dies stays so: whether it arrived is not known, and nobody is sent a report twice.
const (
	StatusClaimed Status = "claimed" // a server makes it
	StatusSending Status = "sending" // a server talks to the mail server
	StatusSent    Status = "sent"
	StatusFailed  Status = "failed"  // the mail server did not take it; tried again
	StatusNothing Status = "nothing" // there was nothing to report
)

const (
	// lease is how long a server may take to make a report, before another one does it.
	lease = 15 * time.Minute
	// retryAfter is how long a mail that was not taken rests, maxAttempts how often it is tried.
	retryAfter  = 10 * time.Minute
	maxAttempts = 12
	// stale is how long after its time a report is still sent: a server that was down for longer says nothing of it.
	stale = 48 * time.Hour
)

// Subscriber is somebody who gets a mail each week.
type Subscriber struct {
	User    identity.User
	Address string
	// Token opens the link that ends the mails.
	Token string
	// Since is when they asked for it: what was due before is not sent.
	Since time.Time
	// Leads are the groups that they lead, of each of which they get a report.
	Leads []identity.GroupID
}

// Delivery is one mail that is due. Its scope names a group by its id: one that is renamed between two attempts is not reported twice.
type Delivery struct {
	Week  Week
	User  identity.UserID
	Scope Scope
}

// due are the mails of a week to a subscriber: their own or everything, and one for each group that they lead.
func (s Subscriber) due(w Week) []Delivery {
	all := []Delivery{{Week: w, User: s.User.ID, Scope: Default(identity.Actor{User: s.User})}}
	for _, g := range s.Leads {
		all = append(all, Delivery{Week: w, User: s.User.ID, Scope: GroupScope(string(g))})
	}
	return all
}

// MailStore keeps who is sent what. All of it is safe on several servers.
type MailStore interface {
	// Subscribers lists those who get mails.
	Subscribers(ctx context.Context) ([]Subscriber, error)
	// LedPaths returns all paths that the groups which a user leads bear or ever bore, as identity.Store does.
	LedPaths(ctx context.Context, user identity.UserID) ([]string, error)
	// SettledDeliveries lists what of a week is sent, being sent, or nothing.
	SettledDeliveries(ctx context.Context, w Week) ([]Delivery, error)
	// ClaimDelivery takes a delivery on and returns which attempt it is; 0 if it is done, another server's, or not to be tried now. Claims that are older than the lease,
	// and failures older than the retry, are taken over.
	ClaimDelivery(ctx context.Context, d Delivery, now, leaseBefore, retryBefore time.Time, most int) (attempt int, err error)
	// MoveDelivery sets the status of an attempt, if it still has the one before; it returns whether it had.
	MoveDelivery(ctx context.Context, d Delivery, attempt int, from, to Status, now time.Time, note string) (bool, error)
}

// Mail is a message to one person.
type Mail struct {
	To, Subject, Text, HTML string
	// ID is the same for every attempt, so that mail servers can tell a repetition.
	ID string
	// UnsubscribeURL takes a POST that ends the mails.
	UnsubscribeURL string
}

// Sender sends mails. It returns nil once the mail server has taken the mail.
type Sender interface {
	Send(ctx context.Context, m Mail) error
}

// Renderer writes a report as a mail.
type Renderer func(r Report, to string) (Mail, error)

// Mailer sends the reports that are due.
type Mailer struct {
	Service *Service
	Store   MailStore
	Sender  Sender
	Render  Renderer
}

// Due is the week whose report is due now, and since when; false where the last one is too long ago.
func Due(now time.Time, zone *time.Location) (w Week, since time.Time, ok bool) {
	w = WeekOf(now, zone).Before()
	if since = w.Due(zone); now.Before(since) {
		// On Monday before seven, the report of the week before last is far too late.
		return Week{}, time.Time{}, false
	}
	return w, since, now.Sub(since) < stale
}

// Result is what one look did.
type Result struct{ Sent, Failed int }

// Tick sends what is due and not sent. A failure of one mail does not keep the others back; their errors come together.
func (m *Mailer) Tick(ctx context.Context, now time.Time) (Result, error) {
	var done Result
	week, since, ok := Due(now, m.Service.settings.Zone)
	if !ok {
		return done, nil
	}
	subscribers, err := m.Store.Subscribers(ctx)
	if err != nil {
		return done, fmt.Errorf("list who gets reports: %w", err)
	}
	settled, err := m.Store.SettledDeliveries(ctx, week)
	if err != nil {
		return done, fmt.Errorf("list what was sent: %w", err)
	}
	over := make(map[Delivery]bool, len(settled))
	for _, d := range settled {
		over[d] = true
	}
	var failures []error
	for _, s := range subscribers {
		if s.Since.After(since) {
			continue
		}
		for _, d := range s.due(week) {
			if over[d] {
				continue
			}
			sent, err := m.deliver(ctx, now, s, d)
			switch {
			case err != nil:
				done.Failed++
				failures = append(failures, fmt.Errorf("report %s of %s to user %s: %w", week, d.Scope, s.User.ID, err))
			case sent:
				done.Sent++
			}
		}
	}
	return done, errors.Join(failures...)
}

// deliver sends one report, if it is this server's to send.
func (m *Mailer) deliver(ctx context.Context, now time.Time, s Subscriber, d Delivery) (sent bool, err error) {
	attempt, err := m.Store.ClaimDelivery(ctx, d, now, now.Add(-lease), now.Add(-retryAfter), maxAttempts)
	if err != nil || attempt == 0 {
		return false, err
	}
	fail := func(from Status, cause error) (bool, error) {
		_, err := m.Store.MoveDelivery(context.WithoutCancel(ctx), d, attempt, from, StatusFailed, now, cause.Error())
		return false, errors.Join(cause, err)
	}
	actor := identity.Actor{User: s.User}
	if s.User.Role != identity.RoleAdmin {
		if actor.Leads, err = m.Store.LedPaths(ctx, s.User.ID); err != nil {
			return fail(StatusClaimed, err)
		}
	}
	r, err := m.Service.Make(ctx, now, actor, d.Week, d.Scope)
	if err != nil {
		return fail(StatusClaimed, err)
	}
	if r.Empty() {
		_, err := m.Store.MoveDelivery(ctx, d, attempt, StatusClaimed, StatusNothing, now, "")
		return false, err
	}
	r.UnsubscribeURL = m.Service.UnsubscribeURL(s.Token)
	mail, err := m.Render(r, s.Address)
	if err != nil {
		return fail(StatusClaimed, err)
	}
	mail.ID = fmt.Sprintf("report.%s.%s.%s", d.Week, strings.TrimPrefix(string(d.Scope), ofGroup), s.User.ID)
	// From here on nobody else sends it, whatever happens to this server.
	mine, err := m.Store.MoveDelivery(ctx, d, attempt, StatusClaimed, StatusSending, now, "")
	if err != nil || !mine {
		return false, err
	}
	if err := m.Sender.Send(ctx, mail); err != nil {
		return fail(StatusSending, err)
	}
	_, err = m.Store.MoveDelivery(context.WithoutCancel(ctx), d, attempt, StatusSending, StatusSent, now, "")
	return true, err
}

// UnsubscribeURL is the link that ends somebody's mails.
func (s *Service) UnsubscribeURL(token string) string {
	return s.settings.PublicURL + "/reports/unsubscribe?token=" + url.QueryEscape(token)
}
