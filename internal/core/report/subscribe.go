package report

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Subscription is whether and where somebody gets mails.
type Subscription struct {
	Address string
	Weekly  bool
}

// SubscriptionStore keeps subscriptions.
type SubscriptionStore interface {
	// SubscriptionOf returns errs.NotFound for somebody who never said anything.
	SubscriptionOf(ctx context.Context, user identity.UserID) (Subscription, error)
	// PutSubscription sets one; the token is kept if there is one.
	PutSubscription(ctx context.Context, user identity.UserID, s Subscription, token string, at time.Time) error
	// Unsubscribe ends the mails of whom a token belongs to, and returns whether there is such a one.
	Unsubscribe(ctx context.Context, token string, at time.Time) (bool, error)
}

// Subscriptions lets people say whether they want mails.
type Subscriptions struct {
	store  SubscriptionStore
	sender Sender // nil where the server sends no mail
	render Renderer
	making *Service
}

// NewSubscriptions makes Subscriptions. The sender is nil on a server that sends no mail.
func NewSubscriptions(store SubscriptionStore, sender Sender, render Renderer, making *Service) *Subscriptions {
	return &Subscriptions{store: store, sender: sender, render: render, making: making}
}

// Get says whether the actor gets mails, and whether this server sends any.
func (s *Subscriptions) Get(ctx context.Context, actor identity.Actor) (sub Subscription, sends bool, err error) {
	sub, err = s.store.SubscriptionOf(ctx, actor.User.ID)
	if errs.Is(err, errs.NotFound) {
		err = nil
	}
	return sub, s.sender != nil, err
}

// Put sets whether and where the actor gets mails.
func (s *Subscriptions) Put(ctx context.Context, now time.Time, actor identity.Actor, sub Subscription) error {
	if sub.Address == "" && sub.Weekly {
		return errs.InvalidFields(errs.Field{Name: "address", Message: "Weekly reports need an address to go to. Nothing was changed."})
	}
	if sub.Address != "" {
		address, err := CheckAddress(sub.Address)
		if err != nil {
			return err
		}
		sub.Address = address
	}
	var token [16]byte
	rand.Read(token[:]) // never fails: it ends the program instead
	return s.store.PutSubscription(ctx, actor.User.ID, sub, base64.RawURLEncoding.EncodeToString(token[:]), now)
}

// Unsubscribe ends the mails of whom a token belongs to. Doing it again changes nothing.
func (s *Subscriptions) Unsubscribe(ctx context.Context, now time.Time, token string) error {
	known, err := s.store.Unsubscribe(ctx, token, now)
	if err == nil && !known {
		return errs.New(errs.NotFound, "", "This link ends nobody's mails; nothing was changed. Use the link of the newest mail, or: lineitem report --unsubscribe.")
	}
	return err
}

// SendTest sends the actor's last report of a scope to an address now. An empty scope is the default.
func (s *Subscriptions) SendTest(ctx context.Context, now time.Time, actor identity.Actor, to string, scope Scope) error {
	if s.sender == nil {
		return errs.New(errs.Conflict, "no_mail", "This server sends no mail: start it with --smtp-address and --smtp-from. Nothing was sent.")
	}
	if actor.User.Role != identity.RoleAdmin {
		own, err := s.store.SubscriptionOf(ctx, actor.User.ID)
		if err != nil || !strings.EqualFold(own.Address, to) {
			return errs.New(errs.Forbidden, "", "Only administrators may send to any address; yours is the one that you subscribed with. Nothing was sent.")
		}
	}
	address, err := CheckAddress(to)
	if err != nil {
		return err
	}
	r, err := s.making.Make(ctx, now, actor, s.making.Last(now), scope)
	if err != nil {
		return err
	}
	m, err := s.render(r, address)
	if err != nil {
		return err
	}
	m.Subject = "Test: " + m.Subject
	m.ID = fmt.Sprintf("test.%d.%s", now.UnixNano(), actor.User.ID)
	if err := s.sender.Send(ctx, m); err != nil {
		return errs.Wrap(err, errs.Unavailable, "mail_refused", "The mail server did not take the mail: %v.", err)
	}
	return nil
}

// maxAddress is what SMTP allows.
const maxAddress = 254

// CheckAddress returns a bare address, or errs.Invalid.
func CheckAddress(text string) (string, error) {
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != strings.TrimSpace(text) || len(text) > maxAddress || strings.ContainsAny(text, "\r\n") {
		return "", errs.InvalidFields(errs.Field{Name: "address", Message: fmt.Sprintf("%.100q is no mail address, such as ana@example.org.", text)})
	}
	return parsed.Address, nil
}
