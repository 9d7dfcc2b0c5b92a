package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

func TestGroups(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana := newUser(t, db, "ana")
		fillGroups(t, db, ana)
		wantKind(t, db.CreateGroup(ctx, identity.Group{ID: "gr_3", Name: "research", Path: "/research"}), errs.Conflict)
		wantKind(t, db.UpdateGroup(ctx, identity.Group{ID: "gr_9", Name: "x", Path: "/x"}), errs.NotFound)
		wantKind(t, db.DeleteGroup(ctx, "gr_9"), errs.NotFound)
		wantKind(t, db.DeleteMember(ctx, "gr_1", ana.ID), errs.NotFound)
		_, err := db.GroupOfPath(ctx, "/genomics")
		wantKind(t, err, errs.NotFound)
		for path, want := range map[string]bool{"/research": true, "/research/genomics": true, "/research/gen": false, "/res": false, "/research/genomics/x": false} {
			equal(t, getBy(t, ctx, db.PaidUnder, path), want)
		}
		equal(t, getBy(t, ctx, db.PaidBy, "gr_1"), false)
		equal(t, getBy(t, ctx, db.PaidBy, "gr_2"), true)

		must(t, db.PutMember(ctx, identity.Member{Group: "gr_1", User: ana, Role: identity.RoleMember}, noon.Add(time.Hour)))
		must(t, db.SetPays(ctx, ana.ID, "gr_1"))
		got := getBy(t, ctx, db.MembershipsOf, ana.ID)
		if len(got) != 2 || !got[0].Pays || got[1].Pays || got[0].Group.ID != "gr_1" || !got[0].Since.Equal(noon.Add(time.Hour)) {
			t.Errorf("memberships %+v, want that gr_1 alone pays", got)
		}
		equal(t, get(t, ctx, db.CountMembers), map[identity.GroupID]int{"gr_1": 1, "gr_2": 1})
		equal(t, get(t, ctx, db.ListUsers), []identity.User{ana})

		// A lead has the paths of before; another group that takes one over takes it from them.
		must(t, db.KeepPath(ctx, "/labs/genomics", "gr_2", noon))
		equal(t, getBy(t, ctx, db.LedPaths, ana.ID), []string{"/labs/genomics", "/research/genomics"})
		equal(t, getBy(t, ctx, db.PathsOf, "gr_2"), []string{"/labs/genomics", "/research/genomics"})
		must(t, db.KeepPath(ctx, "/labs/genomics", "gr_1", noon))
		equal(t, getBy(t, ctx, db.LedPaths, ana.ID), []string{"/research/genomics"})

		must(t, db.CreateGroup(ctx, identity.Group{ID: "gr_3", Name: "chemistry", Path: "/chemistry", CreatedAt: noon}))
		must(t, db.KeepPath(ctx, "/chemistry", "gr_3", noon))
		must(t, db.DeleteGroup(ctx, "gr_3"))
		_, err = db.GroupOfPath(ctx, "/chemistry")
		wantKind(t, err, errs.NotFound)
	})
}

// TestScopesAreWhatTheRuleSays holds the SQL of what somebody may see against the rule itself.
func TestScopesAreWhatTheRuleSays(t *testing.T) {
	t.Parallel()
	paths := []string{"/a", "/a/b", "/a/b/c", "/ab", "/a-b", "/b", "/b/a"}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		users := []identity.User{newUser(t, db, "ana"), newUser(t, db, "ben")}
		var all []cluster.Cluster
		var totals []ledger.Total
		for i, path := range append([]string{""}, paths...) {
			group := identity.GroupID("gr_" + string(rune('0'+i)))
			if path != "" {
				must(t, db.CreateGroup(ctx, identity.Group{ID: group, Name: "g", Path: path, CreatedAt: noon}))
				must(t, db.KeepPath(ctx, path, group, noon))
			}
			for n, user := range users {
				c := fullCluster(user.ID, "flights", noon.Add(time.Duration(2*i+n)*time.Second))
				if path != "" {
					c.GroupID, c.GroupPath = group, path
				}
				must(t, db.CreateCluster(ctx, c))
				p := cluster.NewWorker(c, optionsCard, "w-0", 1, noon)
				must(t, db.CreateProcess(ctx, p))
				entry := fullEntry(user.ID, p)
				entry.Kind, entry.Month, entry.Cost = ledger.TrueUp, "2026-01", 1
				must(t, db.AddEntries(ctx, []ledger.Entry{entry}))
				totals = append(totals, ledger.Total{
					MonthTotal: ledger.MonthTotal{Month: "2026-01", Kind: ledger.TrueUp, Currency: "EUR", Entries: 1, Cost: 1}, Owner: user.ID, OwnerName: user.Name,
					Group: c.GroupPath, Backend: "local", Micros: entry.Micros,
				})
				must(t, db.PutUses(ctx, []inventory.Use{{
					ClusterID: c.ID, Subject: "w", Role: "worker", Environment: "env of " + string(c.ID), FirstAt: noon, LastAt: noon,
				}}))
				all = append(all, c)
			}
		}
		must(t, db.AddClosing(ctx, ledger.Closing{Month: "2026-01", Start: noon, End: noon.Add(time.Hour), At: noon, By: "ana"}, totals))
		rapid.Check(t, func(t *rapid.T) {
			scope := identity.Scope{
				All:    rapid.IntRange(0, 9).Draw(t, "all") == 0,
				User:   rapid.SampledFrom([]identity.UserID{"", users[0].ID, users[1].ID, "us_nobody"}).Draw(t, "user"),
				Groups: rapid.SliceOfDistinct(rapid.SampledFrom(append([]string{"/gone"}, paths...)), rapid.ID).Draw(t, "groups"),
			}
			var want []cluster.ID
			for _, c := range slices.Backward(all) {
				if scope.Sees(c.OwnerID, c.GroupPath) {
					want = append(want, c.ID)
				}
				seen, err := db.EnvironmentSeen(ctx, scope, "env of "+string(c.ID))
				if err != nil || seen != scope.Sees(c.OwnerID, c.GroupPath) {
					t.Fatalf("the environment of %s is seen: %v, %v", c.GroupPath, seen, err)
				}
			}
			list, err := db.ListClusters(ctx, cluster.ListFilter{Scope: &scope})
			if err != nil {
				t.Fatal(err)
			}
			var got []cluster.ID
			for _, c := range list {
				got = append(got, c.ID)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%+v lists %v, want %v", scope, got, want)
			}
			sameBooks(t, db, scope, want)
		})
	})
}

// sameBooks checks that a scope sees the entries, totals and true-ups of some clusters, each of which has one, and no others.
func sameBooks(t *rapid.T, db *store.DB, scope identity.Scope, want []cluster.ID) {
	ctx := context.Background()
	entries, err := db.Entries(ctx, ledger.Filter{Scope: scope, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var got []cluster.ID
	for _, e := range entries {
		got = append(got, e.Cluster)
	}
	trueUps, err := db.TrueUps(ctx, scope, "2026-01", "2026-01")
	if err != nil {
		t.Fatal(err)
	}
	var trued []cluster.ID
	for _, u := range slices.Backward(trueUps) {
		trued = append(trued, u.Cluster)
	}
	if !slices.Equal(got, want) || !slices.Equal(trued, want) {
		t.Fatalf("%+v sees entries of %v and true-ups of %v, want %v", scope, got, trued, want)
	}
	months, err := db.TotalsAfter(ctx, "", scope)
	if err != nil {
		t.Fatal(err)
	}
	var all int64
	for _, m := range months {
		all += m.Entries
	}
	now, err := db.TotalsOf(ctx, "2026-01", scope)
	if err != nil {
		t.Fatal(err)
	}
	closed, err := db.ClosedTotals(ctx, "2026-01", scope)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(now, closed); d != "" || len(now) != len(want) || all != int64(len(want)) {
		t.Fatalf("%+v sees %d totals of %d entries, want %d; closed ones differ:\n%s", scope, len(now), all, len(want), d)
	}
}
