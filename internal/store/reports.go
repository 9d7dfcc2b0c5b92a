package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/report"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// Subscribers lists who gets weekly reports by mail, with the groups that they lead.
func (db *DB) Subscribers(ctx context.Context) ([]report.Subscriber, error) {
	rows, err := db.read(ctx).ListReportSubscribers(ctx)
	if err != nil {
		return nil, fail("list who gets reports", err)
	}
	leads, err := db.read(ctx).ListReportLeads(ctx)
	led := map[string][]identity.GroupID{}
	for _, l := range leads {
		led[l.UserID] = append(led[l.UserID], identity.GroupID(l.GroupID))
	}
	return convert(rows, func(r sqlcgen.ListReportSubscribersRow) report.Subscriber {
		return report.Subscriber{
			User:    identity.User{ID: identity.UserID(r.ID), Name: r.Name, Role: identity.Role(r.Role), CreatedAt: fromMicros(r.CreatedAt)},
			Address: r.Address, Token: r.Token, Since: fromMicros(r.UpdatedAt), Leads: led[r.ID],
		}
	}), fail("list who leads what", err)
}

// SettledDeliveries lists what of a week is sent, being sent, or nothing.
func (db *DB) SettledDeliveries(ctx context.Context, w report.Week) ([]report.Delivery, error) {
	rows, err := db.read(ctx).ListSettledReportDeliveries(ctx, w.String())
	return convert(rows, func(r sqlcgen.ListSettledReportDeliveriesRow) report.Delivery {
		return report.Delivery{Week: w, User: identity.UserID(r.UserID), Scope: report.Scope(r.Scope)}
	}), fail("list what was sent", err)
}

// SubscriptionOf says whether and where somebody gets mails.
func (db *DB) SubscriptionOf(ctx context.Context, user identity.UserID) (report.Subscription, error) {
	row, err := db.read(ctx).GetReportSubscription(ctx, string(user))
	return report.Subscription{Address: row.Address, Weekly: row.Weekly == 1}, found("read a subscription", "subscription", err)
}

// PutSubscription sets whether and where somebody gets mails; the token is kept if there is one.
func (db *DB) PutSubscription(ctx context.Context, user identity.UserID, s report.Subscription, token string, at time.Time) error {
	var weekly int64
	if s.Weekly {
		weekly = 1
	}
	return fail("keep a subscription", db.write(ctx).PutReportSubscription(ctx, sqlcgen.PutReportSubscriptionParams{
		UserID: string(user), Address: text(s.Address), Weekly: weekly, Token: token, UpdatedAt: micros(at),
	}))
}

// Unsubscribe ends the mails of whom a token belongs to.
func (db *DB) Unsubscribe(ctx context.Context, token string, at time.Time) (bool, error) {
	n, err := db.write(ctx).EndReportSubscription(ctx, sqlcgen.EndReportSubscriptionParams{UpdatedAt: micros(at), Token: text(token)})
	return n > 0, fail("end a subscription", err)
}

// ClaimDelivery takes a delivery on and returns which attempt it is, 0 if it is not to be tried now.
func (db *DB) ClaimDelivery(ctx context.Context, d report.Delivery, now, leaseBefore, retryBefore time.Time, most int) (int, error) {
	attempt, err := db.write(ctx).ClaimReportDelivery(ctx, sqlcgen.ClaimReportDeliveryParams{
		Week: d.Week.String(), UserID: string(d.User), Scope: text(string(d.Scope)), Now: micros(now), Most: int64(most),
		LeaseBefore: micros(leaseBefore), RetryBefore: micros(retryBefore),
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return int(attempt), fail("claim a delivery", err)
}

// MoveDelivery sets the status of an attempt, if it still has the one before.
func (db *DB) MoveDelivery(ctx context.Context, d report.Delivery, attempt int, from, to report.Status, now time.Time, note string) (bool, error) {
	n, err := db.write(ctx).MoveReportDelivery(ctx, sqlcgen.MoveReportDeliveryParams{
		ToStatus: string(to), Now: micros(now), Note: text(note), Week: d.Week.String(), UserID: string(d.User), Scope: text(string(d.Scope)),
		FromStatus: string(from), Attempt: int64(attempt),
	})
	return n > 0, fail("move a delivery", err)
}
