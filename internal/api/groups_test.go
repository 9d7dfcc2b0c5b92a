package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// wantRefused checks the code of a refusal and that its sentence says something.
func wantRefused(t *testing.T, err error, code, says string) {
	t.Helper()
	if !sdk.IsCode(err, code) || !strings.Contains(err.Error(), says) {
		t.Errorf("error %v, want code %s and %q", err, code, says)
	}
}

func TestGroupsOverTheAPI(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx := t.Context()
	lea, _ := s.AddUser(t, "lea")
	makeGroups(t, s)

	me, err := s.User.Me(ctx)
	if err != nil || len(me.Groups) != 1 || me.Groups[0].Path != "/research/genomics" || !me.Groups[0].Pays || me.Groups[0].Role != "member" {
		t.Fatalf("ana is in %+v, %v; want genomics, which pays", me.Groups, err)
	}
	mine := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "flights", Options: sdk.ClusterOptions{Workers: 1}})
	if mine.Group != "/research/genomics" {
		t.Errorf("%q pays, want the default group", mine.Group)
	}
	_, err = s.User.CreateCluster(ctx, sdk.CreateClusterRequest{Group: "/research"})
	wantRefused(t, err, "invalid", "You are in /research/genomics.")

	// A group that has moved pays under its new path; what it paid keeps the old one, and stays where its leads see it.
	if _, err := s.Admin.CreateGroup(ctx, sdk.CreateGroupRequest{Name: "labs"}); err != nil {
		t.Fatal(err)
	}
	labs, name := "labs", "genes"
	moved, err := s.Admin.ChangeGroup(ctx, "genomics", sdk.ChangeGroupRequest{Name: &name, Parent: &labs})
	if err != nil || moved.Path != "/labs/genes" {
		t.Fatalf("moved to %q, %v", moved.Path, err)
	}
	later := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "later"})
	s.Clock.Advance(30 * time.Minute)
	if later.Group != "/labs/genes" {
		t.Errorf("%q pays after the move", later.Group)
	}
	ben, _ := s.AddUser(t, "ben")
	if _, err := s.Admin.PutMember(ctx, "genes", "ben", sdk.PutMemberRequest{Role: "lead"}); err != nil {
		t.Fatal(err)
	}
	for who, try := range map[string]struct {
		client *sdk.Client
		want   []string
	}{
		"lead of before":       {lea, []string{mine.ID}},
		"lead of the group":    {ben, []string{later.ID, mine.ID}},
		"owner":                {s.User, []string{later.ID, mine.ID}},
		"admin":                {s.Admin, []string{later.ID, mine.ID}},
		"nobody in particular": {other(t, s, "carl"), nil},
	} {
		list, err := try.client.ListClusters(ctx, sdk.ListClustersOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, c := range list.Items {
			ids = append(ids, c.ID)
		}
		if !slices.Equal(ids, try.want) {
			t.Errorf("the %s sees %v, want %v", who, ids, try.want)
		}
		costs, err := try.client.Costs(ctx, sdk.CostOptions{})
		if err != nil || len(costs.Items) != len(try.want) {
			t.Errorf("the %s sees the costs of %d clusters, %v; want %d", who, len(costs.Items), err, len(try.want))
		}
		b, err := try.client.CostBreakdown(ctx, sdk.BreakdownOptions{By: []string{"group"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Rows) != len(try.want) || b.TotalNanos != costs.TotalNanos {
			t.Errorf("the %s sees %d groups of %d nanos, want %d of %d", who, len(b.Rows), b.TotalNanos, len(try.want), costs.TotalNanos)
		}
	}
	for where, want := range map[string]int{
		"group=/research": 0, "group=/research/*": 1, "group=/research/genomics": 1, "group=/research/genomics/*": 1, "group=/research/gen/*": 0,
		"group=/labs/*,/research/*": 2, "group=": 0,
	} {
		b, err := s.Admin.CostBreakdown(ctx, sdk.BreakdownOptions{By: []string{"group"}, Where: []string{where}})
		if err != nil || len(b.Rows) != want {
			t.Errorf("%s: %d groups, %v; want %d", where, len(b.Rows), err, want)
		}
	}

	_, err = s.Admin.CreateGroup(ctx, sdk.CreateGroupRequest{Name: "genomics", Parent: "/research"})
	wantRefused(t, err, "group_path_used", "/labs/genes")
	err = s.Admin.DeleteGroup(ctx, "research")
	wantRefused(t, err, "group_not_empty", "a member")
	if err := s.Admin.RemoveMember(ctx, "research", "lea"); err != nil {
		t.Fatal(err)
	}
	if err := s.Admin.DeleteGroup(ctx, "research"); err != nil {
		t.Errorf("an empty group that never paid is deleted: %v", err)
	}
	list, err := lea.ListClusters(ctx, sdk.ListClustersOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("who leads nothing any more sees %d clusters, %v", len(list.Items), err)
	}
}

func other(t *testing.T, s *servertest.Server, name string) *sdk.Client {
	t.Helper()
	client, _ := s.AddUser(t, name)
	return client
}

func TestWhoWatchesSaysWhoPays(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	makeGroupsWithoutLead(t, s)
	in := sdk.WatchRequest{SchedulerAddress: "tcp://10.0.0.4:8786", SchedulerID: "Scheduler-1", Group: "/chemistry"}
	_, err := s.User.WatchCluster(t.Context(), in)
	wantRefused(t, err, "invalid", `"/chemistry"`)
	in.Group = "second"
	w, err := s.User.WatchCluster(t.Context(), in)
	if err != nil || w.Cluster.Group != "/second" {
		t.Fatalf("%q pays, %v; want what was named", w.Cluster.Group, err)
	}
	in.Group = ""
	again, err := s.User.WatchCluster(t.Context(), in)
	if err != nil || again.Cluster.ID != w.Cluster.ID || again.Cluster.Group != "/second" {
		t.Errorf("announced again, %q pays, %v; the first announcement decides", again.Cluster.Group, err)
	}
}

// makeGroupsWithoutLead puts ana into two groups, of which the first pays by default.
func makeGroupsWithoutLead(t *testing.T, s *servertest.Server) {
	t.Helper()
	for _, name := range []string{"first", "second"} {
		if _, err := s.Admin.CreateGroup(t.Context(), sdk.CreateGroupRequest{Name: name}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Admin.PutMember(t.Context(), name, "ana", sdk.PutMemberRequest{}); err != nil {
			t.Fatal(err)
		}
	}
}
