package report_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/outlook"
	"github.com/lineitem/lineitem/internal/core/report"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

var (
	admin = identity.Actor{User: identity.User{ID: "us_admin", Name: "admin", Role: identity.RoleAdmin}}
	// monday is when week 47 of 2026 begins, which is reported a week later.
	monday = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	week   = report.Week{Year: 2026, Number: 47}
	due    = monday.AddDate(0, 0, 7).Add(8 * time.Hour)
)

// paid is what somebody's cluster spent, and who paid: the group and those above it, as the tree was then.
type paid struct {
	of    spend.Of
	hour  bill.Hour
	chain []identity.GroupID
}

// engine answers questions of what was paid.
type engine []paid

func (e engine) Answer(_ context.Context, q spend.Query, scope spend.Scope) (spend.Answer, error) {
	g := spend.NewGrouping(q, "USD")
	for _, p := range e {
		if scope.Sees(p.of) && !p.hour.Start.Before(q.Since) && p.hour.Start.Before(q.Until) {
			g.Add(p.of, []bill.Hour{p.hour})
		}
	}
	return g.Answer(), nil
}

// outbox keeps what was rendered by address, and takes mails.
type outbox struct {
	lock  sync.Mutex
	made  map[string][]report.Report
	taken map[string]int // by id
	fail  bool
}

func (o *outbox) render(r report.Report, to string) (report.Mail, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	o.made[to] = append(o.made[to], r)
	return report.Mail{To: to}, nil
}

func (o *outbox) Send(_ context.Context, m report.Mail) error {
	o.lock.Lock()
	defer o.lock.Unlock()
	if o.fail {
		return errors.New("mailbox full")
	}
	o.taken[m.ID]++
	return nil
}

// world is an organisation: its groups change while they pay.
type world struct {
	db     *store.DB
	groups *identity.Groups
	now    time.Time
	root   string
	users  []identity.User
	paid   engine
}

// tree is the groups below the world's root, with it.
func (w *world) tree(t *rapid.T) []identity.Group {
	all, err := w.db.Groups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(g identity.Group) bool { return !identity.Under(g.Path, w.root) })
}

// chain is a group and those above it.
func chain(tree []identity.Group, g identity.GroupID) []identity.GroupID {
	var ids []identity.GroupID
	for g != "" {
		ids = append(ids, g)
		i := slices.IndexFunc(tree, func(one identity.Group) bool { return one.ID == g })
		if i < 0 {
			break
		}
		g = tree[i].Parent
	}
	return ids
}

// step lets something happen: a group is made, renamed or moved, somebody leads one, or lets one pay.
func (w *world) step(t *rapid.T) {
	w.now = w.now.Add(time.Second)
	tree := w.tree(t)
	pick := func(what string) identity.Group { return rapid.SampledFrom(tree).Draw(t, what) }
	name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
	user := rapid.SampledFrom(w.users).Draw(t, "user")
	var err error
	switch rapid.IntRange(0, 7).Draw(t, "step") {
	case 0, 1:
		_, err = w.groups.Create(t.Context(), w.now, admin, name, string(pick("above").ID))
	case 2:
		if g := pick("renamed"); g.Path != w.root {
			_, err = w.groups.Change(t.Context(), w.now, admin, string(g.ID), identity.GroupChange{Name: &name})
		}
	case 3:
		if g, above := pick("moved"), string(pick("above").ID); g.Path != w.root {
			_, err = w.groups.Change(t.Context(), w.now, admin, string(g.ID), identity.GroupChange{Parent: &above})
		}
	case 4:
		role := rapid.SampledFrom([]identity.GroupRole{identity.RoleLead, identity.RoleLead, identity.RoleMember}).Draw(t, "role")
		_, err = w.groups.PutMember(t.Context(), w.now, admin, string(pick("group").ID), user.Name, role, false)
	default:
		err = w.spend(t, user, tree)
	}
	if kind := errs.KindOf(err); err != nil && kind != errs.Conflict && kind != errs.Invalid {
		t.Fatal(err)
	}
}

// spend lets a cluster of a user cost something, which a group may pay for.
func (w *world) spend(t *rapid.T, user identity.User, tree []identity.Group) error {
	c := cluster.Cluster{
		ID: cluster.ID(id.New("cl", w.now)), Name: "c", OwnerID: user.ID, Backend: "fake", Status: cluster.StatusStopped, Target: cluster.TargetStopped, CreatedAt: w.now,
	}
	p := paid{of: spend.Of{Cluster: c.ID, UserID: user.ID, User: user.Name}}
	if rapid.IntRange(0, 4).Draw(t, "for") > 0 {
		g := rapid.SampledFrom(tree).Draw(t, "payer")
		c.GroupID, c.GroupPath, p.of.Group, p.chain = g.ID, g.Path, g.Path, chain(tree, g.ID)
	}
	p.hour = rapid.SampledFrom([]bill.Hour{
		{Kind: bill.KindWork, Category: bill.KindWork, Operation: "read.csv"}, {Kind: bill.KindIdle, Category: "idle.no_work"}, {Kind: bill.KindOverhead, Category: "overhead.scheduler"},
	}).Draw(t, "what")
	p.hour.Start = monday.Add(time.Duration(rapid.IntRange(-14*24, 8*24-1).Draw(t, "hour")) * time.Hour)
	p.hour.Cost = cost.Nanos(rapid.Int64Range(1, 1e12).Draw(t, "cost"))
	w.paid = append(w.paid, p)
	return w.db.CreateCluster(t.Context(), c)
}

// leads are the groups that a user leads.
func (w *world) leads(t *rapid.T, user identity.UserID) []identity.GroupID {
	all, err := w.db.MembershipsOf(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	var led []identity.GroupID
	for _, m := range all {
		if m.Role == identity.RoleLead {
			led = append(led, m.Group.ID)
		}
	}
	return led
}

// want is what a group and those below it paid for in the days [from, to), as far as who leads some groups may see it: what was paid below one of those, while it was the
// group or above it.
func (w *world) want(group identity.GroupID, led []identity.GroupID, from, to int) (sum cost.Nanos) {
	for _, p := range w.paid {
		at := slices.Index(p.chain, group)
		if at < 0 || !slices.ContainsFunc(p.chain[at:], func(g identity.GroupID) bool { return slices.Contains(led, g) }) {
			continue
		}
		if !p.hour.Start.Before(monday.AddDate(0, 0, from)) && p.hour.Start.Before(monday.AddDate(0, 0, to)) {
			sum += p.hour.Cost
		}
	}
	return sum
}

// own is what a user's clusters spent.
func (w *world) own(user identity.UserID, from, to int) (sum cost.Nanos) {
	for _, p := range w.paid {
		if p.of.UserID == user && !p.hour.Start.Before(monday.AddDate(0, 0, from)) && p.hour.Start.Before(monday.AddDate(0, 0, to)) {
			sum += p.hour.Cost
		}
	}
	return sum
}

func (w *world) service() *report.Service {
	return report.NewService(outlook.NewService(spend.NewService(w.paid, "USD")), w.groups, report.Settings{
		Zone: time.UTC, PublicURL: "https://lineitem.example", Prices: func(time.Time) string { return "settings" },
	})
}

// checkSums holds the parts of a report against its total.
func checkSums(t *rapid.T, r report.Report) {
	var split, payers cost.Nanos
	for _, p := range r.Overview.Split {
		split += p.Cost
		var owners cost.Nanos
		for _, o := range p.Owners {
			owners += o.Cost
		}
		// There are no more people than are named.
		if fixer, _ := p.Mend(); fixer == outlook.FixerOwner && owners != p.Cost || fixer != outlook.FixerOwner && owners != 0 || p.MoreOwners != 0 {
			t.Fatalf("of %d of %s, which is for %q, owners have %d", p.Cost, p.Name, fixer, owners)
		}
	}
	for _, p := range r.Overview.Payers {
		payers += p.Cost
	}
	if split != r.Overview.Total || payers != r.Overview.Total {
		t.Fatalf("of %d, the split sums to %d, payers to %d", r.Overview.Total, split, payers)
	}
	if n := len(r.Weeks); n > 0 && r.Weeks[n-1].Cost != r.Overview.Before {
		t.Fatalf("the week before cost %d or %d", r.Weeks[n-1].Cost, r.Overview.Before)
	}
}

// TestLeadsAreReportedTheirGroups lets an organisation's groups change while they pay, and then looks at what two servers mail: to each lead who asked, and to nobody else, what each of
// their groups ever paid for in that week, once.
func TestLeadsAreReportedTheirGroups(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		w := &world{db: db, groups: identity.NewGroups(db, db), now: monday.AddDate(-1, 0, 0).Add(time.Duration(runs) * time.Minute), root: fmt.Sprintf("/run%d", runs)}
		if _, err := w.groups.Create(t.Context(), w.now, admin, w.root[1:], ""); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			u := identity.User{ID: identity.UserID(id.New("us", w.now.Add(time.Duration(i)*time.Millisecond))), Name: fmt.Sprintf("u%d-%d", runs, i), Role: identity.RoleUser, CreatedAt: w.now}
			if err := db.CreateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			w.users = append(w.users, u)
		}
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			w.step(t)
		}
		subscribed := map[string]bool{}
		for i, u := range w.users {
			s := report.Subscription{Address: u.Name + "@example.org", Weekly: rapid.IntRange(0, 3).Draw(t, "weekly") > 0}
			subscribed[s.Address] = s.Weekly
			if err := db.PutSubscription(t.Context(), u.ID, s, fmt.Sprintf("token-%d-%d", runs, i), monday); err != nil {
				t.Fatal(err)
			}
		}
		w.mail(t, subscribed)
		w.ask(t)
		for i, u := range w.users { // the next run has the same database
			if err := db.PutSubscription(t.Context(), u.ID, report.Subscription{}, fmt.Sprintf("token-%d-%d", runs, i), monday); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// mail lets two servers send what is due, again and again, and checks who got what.
func (w *world) mail(t *rapid.T, subscribed map[string]bool) {
	box := &outbox{made: map[string][]report.Report{}, taken: map[string]int{}}
	box.fail = rapid.Bool().Draw(t, "refused at first")
	for _, minute := range []int{0, 5, 11, 30} { // what was refused rests for ten minutes
		errors := make([]error, 2)
		var wait sync.WaitGroup
		for i := range errors {
			m := &report.Mailer{Service: w.service(), Store: w.db, Sender: box, Render: box.render}
			wait.Go(func() { _, errors[i] = m.Tick(t.Context(), due.Add(time.Duration(minute)*time.Minute)) })
		}
		wait.Wait()
		for _, err := range errors {
			if err != nil && !box.fail {
				t.Fatalf("after %d minutes: %v", minute, err)
			}
		}
		if box.fail {
			box.fail = false
			clear(box.made)
		}
	}
	for mail, n := range box.taken {
		if n != 1 {
			t.Fatalf("%s was sent %d times", mail, n)
		}
	}
	for _, u := range w.users {
		address, led := u.Name+"@example.org", w.leads(t, u.ID)
		got := map[report.Scope]cost.Nanos{}
		for _, r := range box.made[address] {
			checkSums(t, r)
			if _, twice := got[r.Scope]; twice {
				t.Fatalf("%s was made %s twice", address, r.Scope)
			}
			got[r.Scope] = r.Overview.Total
		}
		want := map[report.Scope]cost.Nanos{}
		if subscribed[address] {
			if own := w.own(u.ID, 0, 7); own > 0 || w.own(u.ID, -7, 0) > 0 {
				want[report.ScopeOwn] = own
			}
			for _, g := range w.tree(t) {
				if sum := w.want(g.ID, led, 0, 7); sum > 0 && slices.Contains(led, g.ID) {
					want[report.Scope(g.Path)] = sum
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s was mailed %v, want %v", address, got, want)
		}
	}
}

// ask lets everybody ask for the report of every group.
func (w *world) ask(t *rapid.T) {
	s := w.service()
	tree := w.tree(t)
	for _, u := range w.users {
		led := w.leads(t, u.ID)
		actor := identity.Actor{User: u}
		var err error
		if actor.Leads, err = w.db.LedPaths(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		for _, g := range tree {
			may := slices.ContainsFunc(chain(tree, g.ID), func(above identity.GroupID) bool { return slices.Contains(led, above) })
			r, err := s.Make(t.Context(), due, actor, week, report.GroupScope(string(g.ID)))
			if kind := errs.KindOf(err); !may && (err == nil || kind != errs.NotFound && kind != errs.Forbidden) {
				t.Fatalf("%s, who leads none above it, asks for %s: %v", u.Name, g.Path, err)
			}
			if !may {
				continue
			}
			if err != nil {
				t.Fatalf("%s asks for %s: %v", u.Name, g.Path, err)
			}
			checkSums(t, r)
			if want, before := w.want(g.ID, led, 0, 7), w.want(g.ID, led, -7, 0); r.Overview.Total != want || r.Overview.Before != before || string(r.Scope) != g.Path {
				t.Fatalf("%s reads %d after %d of %s, want %d after %d of %s", u.Name, r.Overview.Total, r.Overview.Before, r.Scope, want, before, g.Path)
			}
		}
	}
	ids := make([]identity.GroupID, 0, len(tree))
	for _, g := range tree {
		ids = append(ids, g.ID)
	}
	for _, g := range tree {
		r, err := s.Make(t.Context(), due, admin, week, report.Scope(g.Path))
		if err != nil || r.Overview.Total != w.want(g.ID, ids, 0, 7) {
			t.Fatalf("the admin reads %d of %s, %v; want %d", r.Overview.Total, g.Path, err, w.want(g.ID, ids, 0, 7))
		}
	}
}
