package cli_test

import (
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// TestGroups walks from a new user to a cluster that their group pays for.
func TestGroups(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	admin := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.AdminToken)
	equal := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("prints\n%s\nwant\n%s", got, want)
		}
	}
	equal(admin.must(t, "group", "list"), "There is no group that you may see. Admins make them with \"lineitem group create\".\n")
	equal(admin.must(t, "group", "create", "/research"), "There is a group /research now.\n")
	equal(admin.must(t, "group", "create", "/labs"), "There is a group /labs now.\n")
	equal(admin.must(t, "group", "create", "/research/genes"), "There is a group /research/genes now.\n")
	equal(admin.must(t, "group", "rename", "genes", "genomics"), "genes is /research/genomics from now on.\n")
	equal(admin.must(t, "group", "move", "genomics", "labs"), "genomics is /labs/genomics from now on.\n")
	equal(admin.must(t, "group", "move", "genomics", "/"), "genomics is /genomics from now on.\n")
	equal(admin.must(t, "group", "move", "genomics", "/research"), "genomics is /research/genomics from now on.\n")
	equal(admin.must(t, "group", "delete", "labs"), "labs is deleted.\n")

	link := admin.must(t, "user", "create", "carla")
	_, link, _ = strings.Cut(link, "\n")
	equal(admin.must(t, "group", "add", "genomics", "carla"), "carla is a member of genomics. It pays where they name no other group.\n")
	equal(admin.must(t, "group", "add", "/research", "carla", "--lead"), "carla is a lead of /research.\n")
	equal(admin.must(t, "group", "members", "genomics", "-o", "csv"), "user_id,user_name,role,pays\n"+userID(t, s, "carla")+",carla,member,true\n")
	if got := admin.must(t, "user", "list"); !strings.Contains(got, "carla  user") {
		t.Errorf("users:\n%s", got)
	}

	carla := newTerminal(t)
	carla.must(t, "login", strings.TrimSpace(link))
	if got := carla.must(t, "whoami"); !strings.Contains(got, "Group (pays)  /research/genomics\n") || !strings.Contains(got, "Leads         /research\n") {
		t.Errorf("whoami:\n%s", got)
	}
	equal(carla.must(t, "group", "list"), ""+
		"group               members  you\n"+
		"/research                 1  lead\n"+
		"/research/genomics        1  member, it pays for you\n")
	if got := carla.must(t, "cluster", "create", "first"); !strings.Contains(got, "Paid by  /research/genomics\n") {
		t.Errorf("create:\n%s", got)
	}
	if got := carla.must(t, "cluster", "create", "second", "--group", "research", "-o", "csv"); !strings.HasSuffix(got, ",/research\n") {
		t.Errorf("create --group:\n%s", got)
	}
	if got := carla.must(t, "cluster", "list"); !strings.Contains(got, "  group  ") || !strings.Contains(got, "  /research/genomics  ") {
		t.Errorf("list:\n%s", got)
	}
	equal(admin.must(t, "group", "remove", "genomics", "carla"), "carla is not in genomics any more.\n")
	equal(admin.must(t, "group", "members", "genomics"), "Nobody is in /research/genomics. Add somebody with \"lineitem group add\".\n")
}

func userID(t *testing.T, s *servertest.Server, name string) string {
	t.Helper()
	users, err := s.Admin.ListUsers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users.Items {
		if u.Name == name {
			return u.ID
		}
	}
	t.Fatalf("there is no user %s in %+v", name, users)
	return ""
}

func TestTheEnvironmentSaysWhoPays(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	u := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.AdminToken, "LINEITEM_GROUP=/research")
	for _, name := range []string{"research", "labs"} {
		if _, err := s.Admin.CreateGroup(t.Context(), sdk.CreateGroupRequest{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	if got := u.must(t, "cluster", "create", "-o", "csv"); !strings.HasSuffix(got, ",/research\n") {
		t.Errorf("by the environment:\n%s", got)
	}
	if got := u.must(t, "cluster", "create", "--group", "labs", "-o", "csv"); !strings.HasSuffix(got, ",/labs\n") {
		t.Errorf("by the flag:\n%s", got)
	}
}
