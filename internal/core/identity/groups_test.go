package identity_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

var admin = identity.Actor{User: identity.User{ID: "us_admin", Role: identity.RoleAdmin}}

func TestScope(t *testing.T) {
	t.Parallel()
	lead := identity.Actor{User: identity.User{ID: "us_2", Role: identity.RoleUser}, Leads: []string{"/a/b", "/c"}}
	for _, test := range []struct {
		actor identity.Actor
		owner identity.UserID
		group string
		want  bool
	}{
		{admin, "us_1", "", true},
		{admin, "us_1", "/x", true},
		{lead, "us_2", "", true},
		{lead, "us_1", "", false},
		{lead, "us_1", "/a", false},
		{lead, "us_1", "/a/b", true},
		{lead, "us_1", "/a/b/c", true},
		{lead, "us_1", "/a/bc", false},
		{lead, "us_1", "/c", true},
		{lead, "us_1", "c", false},
		{identity.Actor{}, "", "", false},
		{identity.Actor{}, "us_1", "/a", false},
		{identity.Actor{Leads: []string{""}}, "us_1", "/a", false},
	} {
		if got := test.actor.Scope().Sees(test.owner, test.group); got != test.want {
			t.Errorf("%s with %v sees what %s has and %q paid: %v", test.actor.User.ID, test.actor.Leads, test.owner, test.group, got)
		}
		if want := test.actor.User.Role == identity.RoleAdmin || test.owner == "us_2" && test.actor.User.ID == "us_2"; test.actor.MayChange(test.owner) != want {
			t.Errorf("%s may change what %s has: %v", test.actor.User.ID, test.owner, !want)
		}
	}
}

// TestGroupsStayATree lets admins create, rename, move and delete in any order while groups pay, and checks what must hold all the time.
func TestGroupsStayATree(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		groups := identity.NewGroups(db, db)
		owner := identity.User{ID: "us_1", Name: "ana", Role: identity.RoleUser, CreatedAt: noon}
		must(t, db.CreateUser(ctx, owner))
		names := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		now := noon
		paid := map[string]identity.GroupID{} // path -> who paid under it, of all runs: the database is one
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				now = now.Add(time.Second)
				all, err := db.Groups(ctx)
				if err != nil {
					rt.Fatal(err)
				}
				refs := []string{""}
				for _, g := range all {
					refs = append(refs, g.Path)
				}
				ref := rapid.SampledFrom(refs).Draw(rt, "group")
				parent := rapid.SampledFrom(refs).Draw(rt, "parent")
				name := names.Draw(rt, "name")
				switch step := rapid.IntRange(0, 4).Draw(rt, "step"); {
				case step == 0 || ref == "":
					_, err = groups.Create(ctx, now, admin, name, parent)
				case step == 1:
					_, err = groups.Change(ctx, now, admin, ref, identity.GroupChange{Name: &name})
				case step == 2:
					_, err = groups.Change(ctx, now, admin, ref, identity.GroupChange{Parent: &parent})
				case step == 3:
					err = groups.Delete(ctx, admin, ref)
				default:
					var payer identity.Payer
					if payer, err = groups.Payer(ctx, admin, ref); err == nil {
						err = db.CreateCluster(ctx, cluster.Cluster{
							ID: cluster.ID(id.New("cl", now)), Name: "c", OwnerID: owner.ID, Backend: "fake", Status: cluster.StatusStopped,
							Target: cluster.TargetStopped, CreatedAt: now, GroupID: payer.Group, GroupPath: payer.Path,
						})
						if before, ok := paid[payer.Path]; ok && before != payer.Group {
							rt.Fatalf("%s paid as %s and as %s", payer.Path, before, payer.Group)
						}
						paid[payer.Path] = payer.Group
					}
				}
				if kind := errs.KindOf(err); err != nil && kind != errs.Conflict && kind != errs.Invalid {
					rt.Fatal(err)
				}
				checkTree(ctx, rt, db)
			}
		})
	})
}

func checkTree(ctx context.Context, t *rapid.T, db *store.DB) {
	all, err := db.Groups(ctx)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[identity.GroupID]identity.Group{}
	for _, g := range all {
		byID[g.ID] = g
	}
	for _, g := range all {
		path := ""
		seen := map[identity.GroupID]bool{}
		for at := g; ; at = byID[at.Parent] {
			if seen[at.ID] || at.ID == "" {
				t.Fatalf("%s (%s) stands in a circle, or on nothing", g.Path, g.ID)
			}
			seen[at.ID] = true
			path = "/" + at.Name + path
			if at.Parent == "" {
				break
			}
		}
		if path != g.Path {
			t.Fatalf("the path of %s is kept as %s", path, g.Path)
		}
		if owner, err := db.GroupOfPath(ctx, path); err != nil || owner.ID != g.ID {
			t.Fatalf("%s is the path of %s, %v; want %s", path, owner.ID, err, g.ID)
		}
	}
}

func TestGroupsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	eachGroups(t, func(t *testing.T, groups *identity.Groups, db *store.DB) {
		ctx := t.Context()
		user := identity.Actor{User: identity.User{ID: "us_1", Role: identity.RoleUser}, Leads: []string{"/research"}}
		for _, name := range []string{"", "-a", "A", "a/b", "a b", "ä", strings.Repeat("a", 61)} {
			_, err := groups.Create(ctx, noon, admin, name, "")
			wantKind(t, err, errs.Invalid)
		}
		_, err := groups.Create(ctx, noon, user, "x", "")
		wantKind(t, err, errs.Forbidden)
		_, err = groups.Create(ctx, noon, admin, "x", "/nowhere")
		wantKind(t, err, errs.NotFound)
		_, err = groups.Create(ctx, noon, admin, "research", "")
		says(t, err, "There is a group /research already; nothing was changed.")
		circle := "/research/genomics"
		_, err = groups.Change(ctx, noon, admin, "research", identity.GroupChange{Parent: &circle})
		says(t, err, "A group cannot be put below itself: /research/genomics is /research or below it. Nothing was changed.")
		says(t, groups.Delete(ctx, admin, "research"), "/research has groups below it, as /research/genomics; nothing was deleted. Move or delete those first.")
		says(t, groups.RemoveMember(ctx, admin, "research", "ana"), "ana is not a member of /research; nothing was changed.")
		_, err = groups.PutMember(ctx, noon, admin, "research", "zoe", identity.RoleMember, false)
		says(t, err, `There is no user "zoe"; nothing was changed.`)
		_, err = groups.PutMember(ctx, noon, admin, "research", "ana", "boss", false)
		wantKind(t, err, errs.Invalid)
		_, _, err = groups.Members(ctx, user, "/labs")
		wantKind(t, err, errs.NotFound)
		deep := ""
		for range 12 {
			g, err := groups.Create(ctx, noon, admin, "deep", deep)
			must(t, err)
			deep = g.Path
		}
		_, err = groups.Create(ctx, noon, admin, "deep", deep)
		wantKind(t, err, errs.Invalid)
		_, err = groups.Payer(ctx, admin, "deep")
		wantKind(t, err, errs.Conflict)
	})
}

func TestWhoPays(t *testing.T) {
	t.Parallel()
	eachGroups(t, func(t *testing.T, groups *identity.Groups, db *store.DB) {
		ctx := t.Context()
		user, err := db.UserByName(ctx, "ana")
		must(t, err)
		ana := identity.Actor{User: user}
		pays := func(actor identity.Actor, ref, want string) {
			t.Helper()
			got, err := groups.Payer(ctx, actor, ref)
			if err != nil || got.Path != want {
				t.Errorf("for %q pays %q, %v; want %q", ref, got.Path, err, want)
			}
		}
		put := func(group string, first bool) {
			t.Helper()
			_, err := groups.PutMember(ctx, noon.Add(time.Duration(len(group))*time.Second), admin, group, "ana", identity.RoleMember, first)
			must(t, err)
		}
		pays(ana, "", "")
		_, err = groups.Payer(ctx, ana, "genomics")
		says(t, err, `There is no group "genomics" that may pay for you; nothing was started. You are in none: ask an admin.`)
		put("/research/genomics", false)
		pays(ana, "", "/research/genomics")
		put("/labs", false)
		pays(ana, "", "/research/genomics")
		pays(ana, "labs", "/labs")
		put("/labs", true)
		pays(ana, "", "/labs")
		put("/labs", false) // changes nothing about who pays
		pays(ana, "", "/labs")
		_, err = groups.Payer(ctx, ana, "/research")
		says(t, err, `There is no group "/research" that may pay for you; nothing was started. You are in /labs, /research/genomics.`)
		ana.Leads = []string{"/research"}
		pays(ana, "/research", "/research")
		pays(admin, "labs", "/labs")

		views, err := groups.List(ctx, ana)
		must(t, err)
		var seen []string
		for _, v := range views {
			seen = append(seen, v.Path)
		}
		if want := []string{"/labs", "/research", "/research/genomics"}; !slices.Equal(seen, want) {
			t.Errorf("ana sees %v, want %v", seen, want)
		}
		must(t, groups.RemoveMember(ctx, admin, "labs", "ana"))
		pays(ana, "", "/research/genomics")
		must(t, groups.RemoveMember(ctx, admin, "genomics", "ana"))
		pays(ana, "", "")
	})
}

// TestPathsOfAGroup moves a group that has paid, and looks who is told under which paths it paid.
func TestPathsOfAGroup(t *testing.T) {
	t.Parallel()
	eachGroups(t, func(t *testing.T, groups *identity.Groups, db *store.DB) {
		ctx := t.Context()
		ana := identity.Actor{User: identity.User{ID: "us_1", Name: "ana", Role: identity.RoleUser}}
		_, err := groups.PutMember(ctx, noon, admin, "genomics", "ana", identity.RoleMember, true)
		must(t, err)
		payer, err := groups.Payer(ctx, ana, "")
		must(t, err)
		must(t, db.CreateCluster(ctx, cluster.Cluster{
			ID: cluster.ID(id.New("cl", noon)), Name: "c", OwnerID: "us_1", Backend: "fake", Status: cluster.StatusStopped, Target: cluster.TargetStopped, CreatedAt: noon,
			GroupID: payer.Group, GroupPath: payer.Path,
		}))
		labs, genes := "labs", "genes"
		_, err = groups.Change(ctx, noon, admin, "genomics", identity.GroupChange{Name: &genes, Parent: &labs})
		must(t, err)

		leads := func(paths ...string) identity.Actor {
			return identity.Actor{User: identity.User{ID: "us_2", Role: identity.RoleUser}, Leads: paths}
		}
		for _, c := range []struct {
			actor     identity.Actor
			ref, path string
			paths     []string
		}{
			{admin, "genes", "/labs/genes", []string{"/labs/genes", "/research/genomics"}},
			{admin, "/research/genomics", "/labs/genes", []string{"/labs/genes", "/research/genomics"}},
			{leads("/labs/genes", "/research/genomics"), string(payer.Group), "/labs/genes", []string{"/labs/genes", "/research/genomics"}},
			// Who leads the group above its new place sees what it pays from now on, above the old one what it paid then.
			{leads("/labs"), "genes", "/labs/genes", []string{"/labs/genes"}},
			{leads("/research"), "/research/genomics", "/research/genomics", []string{"/research/genomics"}},
		} {
			g, paths, err := groups.Paths(ctx, c.actor, c.ref)
			if err != nil || g.ID != payer.Group || g.Path != c.path || !slices.Equal(paths, c.paths) {
				t.Errorf("who leads %v asks for %s: %s %v, %v; want %s %v", c.actor.Leads, c.ref, g.Path, paths, err, c.path, c.paths)
			}
		}
		for _, c := range []struct {
			actor identity.Actor
			ref   string
			want  errs.Kind
		}{
			{ana, "genes", errs.Forbidden},
			{ana, "/labs/genes", errs.Forbidden},
			{ana, "/labs", errs.NotFound},
			{ana, "/research/genomics", errs.NotFound}, // it was its path, which says nothing to a member
			{leads("/research"), "genes", errs.NotFound},
			{leads("/lab"), "genes", errs.NotFound},
			{leads("/research"), "/research/nowhere", errs.NotFound},
			{admin, "", errs.NotFound},
		} {
			g, _, err := groups.Paths(ctx, c.actor, c.ref)
			if errs.KindOf(err) != c.want {
				t.Errorf("%s, who leads %v, asks for %q: %+v, %v; want %v", c.actor.User.ID, c.actor.Leads, c.ref, g, err, c.want)
			}
		}
	})
}

// eachGroups runs f with /labs and /research/genomics, and a user ana.
func eachGroups(t *testing.T, f func(t *testing.T, groups *identity.Groups, db *store.DB)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		groups := identity.NewGroups(db, db)
		for _, g := range [][2]string{{"labs", ""}, {"research", ""}, {"genomics", "research"}} {
			_, err := groups.Create(t.Context(), noon, admin, g[0], g[1])
			must(t, err)
		}
		must(t, db.CreateUser(t.Context(), identity.User{ID: "us_1", Name: "ana", Role: identity.RoleUser, CreatedAt: noon}))
		f(t, groups, db)
	})
}

func says(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestUsersAreMadeByAdmins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *identity.Service, db *store.DB, _ string) {
		ctx := t.Context()
		user, code, err := s.CreateUser(ctx, noon, admin, "ana@example.org", identity.RoleUser)
		must(t, err)
		_, signedIn, err := s.SignIn(ctx, noon, code)
		must(t, err)
		if signedIn.ID != user.ID || signedIn.Name != "ana@example.org" || signedIn.Role != identity.RoleUser {
			t.Errorf("%+v signed in", signedIn)
		}
		ana := identity.Actor{User: user}
		_, _, err = s.CreateUser(ctx, noon, admin, "ana@example.org", identity.RoleUser)
		wantKind(t, err, errs.Conflict)
		_, _, err = s.CreateUser(ctx, noon, ana, "ben", identity.RoleAdmin)
		wantKind(t, err, errs.Forbidden)
		_, err = s.CodeFor(ctx, noon, ana, identity.AdminName)
		wantKind(t, err, errs.Forbidden)
		_, err = s.Users(ctx, ana)
		wantKind(t, err, errs.Forbidden)
		_, err = s.CodeFor(ctx, noon, admin, "zoe")
		wantKind(t, err, errs.NotFound)
		for _, name := range []string{"", "Ana", "a b", "-a", "us_1", strings.Repeat("a", 101)} {
			_, _, err = s.CreateUser(ctx, noon, admin, name, identity.RoleUser)
			wantKind(t, err, errs.Invalid)
		}
		_, _, err = s.CreateUser(ctx, noon, admin, "ben", "king")
		wantKind(t, err, errs.Invalid)
		users, err := s.Users(ctx, admin)
		must(t, err)
		if len(users) != 2 {
			t.Errorf("%d users, want admin and ana", len(users))
		}
	})
}
