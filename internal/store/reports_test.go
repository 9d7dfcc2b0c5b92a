package store_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/report"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

func TestReportSubscriptions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana, ben := newUser(t, db, "ana"), newUser(t, db, "ben")
		_, err := db.SubscriptionOf(ctx, ana.ID)
		wantKind(t, err, errs.NotFound)

		weekly := report.Subscription{Address: "ana@example.org", Weekly: true}
		must(t, db.PutSubscription(ctx, ana.ID, weekly, "first", noon))
		must(t, db.PutSubscription(ctx, ben.ID, report.Subscription{Address: "ben@example.org"}, "bens", noon))
		must(t, db.PutSubscription(ctx, ana.ID, weekly, "second", noon.Add(time.Minute)))
		equal(t, get(t, ctx, db.Subscribers), []report.Subscriber{{User: ana, Address: "ana@example.org", Token: "first", Since: noon.Add(time.Minute).UTC()}})
		equal(t, getBy(t, ctx, db.SubscriptionOf, ana.ID), weekly)

		// Of subscribers, the groups that they lead are known, by path.
		for i, path := range []string{"/b", "/a", "/c", "/d"} {
			group := identity.GroupID([]string{"gr_1", "gr_2", "gr_3", "gr_4"}[i])
			must(t, db.CreateGroup(ctx, identity.Group{ID: group, Name: path[1:], Path: path, CreatedAt: noon}))
			role, user := identity.RoleLead, ana
			if path == "/c" {
				role = identity.RoleMember
			}
			if path == "/d" {
				user = ben
			}
			must(t, db.PutMember(ctx, identity.Member{Group: group, User: user, Role: role}, noon))
		}
		equal(t, get(t, ctx, db.Subscribers)[0].Leads, []identity.GroupID{"gr_2", "gr_1"})

		for token, want := range map[string]bool{"": false, "second": false, "first": true} {
			known, err := db.Unsubscribe(ctx, token, noon)
			must(t, err)
			equal(t, known, want)
		}
		equal(t, get(t, ctx, db.Subscribers), []report.Subscriber{})
		equal(t, getBy(t, ctx, db.SubscriptionOf, ana.ID), report.Subscription{Address: "ana@example.org"})
	})
}

// Of many servers, one sends; what a dead one left is taken over only as long as nothing can have been sent.
func TestDeliveriesAreClaimedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		d := report.Delivery{Week: report.Week{Year: 2026, Number: 47}, User: newUser(t, db, "ana").ID, Scope: report.ScopeOwn}
		claim := func(now time.Time) int {
			attempt, err := db.ClaimDelivery(ctx, d, now, now.Add(-15*time.Minute), now.Add(-10*time.Minute), 3)
			must(t, err)
			return attempt
		}
		move := func(attempt int, from, to report.Status, at time.Time) bool {
			moved, err := db.MoveDelivery(ctx, d, attempt, from, to, at, "")
			must(t, err)
			return moved
		}
		claims := make([]int, 8)
		var wait sync.WaitGroup
		for i := range claims {
			wait.Go(func() {
				attempt, err := db.ClaimDelivery(ctx, d, noon, noon.Add(-15*time.Minute), noon.Add(-10*time.Minute), 3)
				if err != nil {
					t.Error(err)
				}
				claims[i] = attempt
			})
		}
		wait.Wait()
		sum := 0
		for _, attempt := range claims {
			sum += attempt
		}
		equal(t, sum, 1)

		// The server that claimed it died: after the lease another one takes over, and the first, should it wake, may not send.
		equal(t, claim(noon.Add(14*time.Minute)), 0)
		equal(t, claim(noon.Add(16*time.Minute)), 2)
		equal(t, move(1, report.StatusClaimed, report.StatusSending, noon), false)
		equal(t, move(2, report.StatusClaimed, report.StatusSending, noon.Add(16*time.Minute)), true)
		// It dies while it sends: nobody knows whether the mail went out, so nobody sends it again.
		equal(t, claim(noon.Add(48*time.Hour)), 0)
		// It was refused instead: after a rest it is tried again, but not for ever.
		equal(t, move(2, report.StatusSending, report.StatusFailed, noon.Add(17*time.Minute)), true)
		equal(t, claim(noon.Add(20*time.Minute)), 0)
		equal(t, claim(noon.Add(28*time.Minute)), 3)
		equal(t, move(3, report.StatusClaimed, report.StatusFailed, noon.Add(28*time.Minute)), true)
		equal(t, claim(noon.Add(time.Hour)), 0)
		equal(t, getBy(t, ctx, db.SettledDeliveries, d.Week), []report.Delivery{})

		// What is sent, being sent, or nothing needs no second look; it is known by week, user and scope.
		for scope, status := range map[report.Scope]report.Status{"group:gr_1": report.StatusSending, "group:gr_2": report.StatusNothing, "group:gr_3": report.StatusFailed} {
			d.Scope = scope
			equal(t, move(claim(noon), report.StatusClaimed, status, noon), true)
		}
		settled := getBy(t, ctx, db.SettledDeliveries, d.Week)
		slices.SortFunc(settled, func(a, b report.Delivery) int { return strings.Compare(string(a.Scope), string(b.Scope)) })
		equal(t, settled, []report.Delivery{{Week: d.Week, User: d.User, Scope: "group:gr_1"}, {Week: d.Week, User: d.User, Scope: "group:gr_2"}})
		equal(t, getBy(t, ctx, db.SettledDeliveries, d.Week.Before()), []report.Delivery{})
	})
}
