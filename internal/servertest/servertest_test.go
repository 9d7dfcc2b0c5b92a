package servertest_test

import (
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

func TestClusterLivesThroughARestartOfTheServer(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "flights", Options: sdk.ClusterOptions{Workers: 2, Threads: 2}})
	if c.Status != "running" || c.WorkersRunning != 2 {
		t.Fatalf("cluster is %s with %d workers, want running with 2", c.Status, c.WorkersRunning)
	}
	s.Stop(t)
	s.Clock.Advance(time.Hour)
	s.Start(t)
	again, err := s.User.GetCluster(t.Context(), "flights")
	if err != nil {
		t.Fatal(err)
	}
	if again.Status != "running" || again.WorkersRunning != 2 {
		t.Errorf("after the restart: %s with %d workers, want running with 2", again.Status, again.WorkersRunning)
	}
	if again.CostNanos <= c.CostNanos {
		t.Errorf("cost went from %d to %d in an hour, want more", c.CostNanos, again.CostNanos)
	}
	if _, err := s.User.StopCluster(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	s.Settle(t)
	ended, err := s.User.GetCluster(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if ended.Status != "stopped" || ended.EndedAt == nil || ended.RateNanosPerHour != 0 {
		t.Errorf("after stop: %s, ended %v, rate %d; want stopped, a time, 0", ended.Status, ended.EndedAt, ended.RateNanosPerHour)
	}
}
