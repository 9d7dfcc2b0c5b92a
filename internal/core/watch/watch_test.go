package watch_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/watch"
)

var (
	noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	card = cost.Card{Currency: "USD", CoreHour: 40_000_000, GigabyteHour: 5_000_000, SchedulerCore: 1, SchedulerMem: 1e9}
)

func watched() cluster.Cluster {
	return cluster.Cluster{
		ID: "cl_1", Backend: cluster.BackendWatched, Status: cluster.StatusRunning, Target: cluster.TargetRunning, CreatedAt: noon, StartedAt: noon, LastSeenAt: noon,
	}
}

func worker(started, ended time.Duration) cluster.ReportedWorker {
	w := cluster.ReportedWorker{Process: "cl_1-w-0123abcd", Name: "w", Threads: 2, MemoryBytes: 2e9, StartedAt: noon.Add(started)}
	if ended != 0 {
		w.EndedAt = noon.Add(ended)
	}
	return w
}

func window(start, end, received time.Duration) watch.Window {
	return watch.Window{Start: noon.Add(start), End: noon.Add(end), Received: noon.Add(received)}
}

func TestWhenAWorkerStarts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reported time.Duration
		at       watch.Window
		want     time.Duration
	}{
		"during the window":                {12 * time.Second, window(10*time.Second, 20*time.Second, 21*time.Second), 12 * time.Second},
		"shortly before the window":        {-50 * time.Second, window(5*time.Second, 10*time.Second, 11*time.Second), -50 * time.Second},
		"shortly before the announcement":  {-59 * time.Second, window(0, 10*time.Second, 11*time.Second), -59 * time.Second},
		"before anybody looked":            {-time.Hour, window(0, 10*time.Second, 11*time.Second), 0},
		"while nobody looked":              {time.Minute, window(time.Hour, time.Hour+time.Second, time.Hour+time.Second), time.Hour},
		"by a clock that is ahead":         {time.Hour, window(0, 10*time.Second, 11*time.Second), 0},
		"by a clock that is ahead of ours": {2 * time.Hour, window(2*time.Hour, 3*time.Hour, 11*time.Second), 11 * time.Second},
		"by a clock that is behind":        {-2 * time.Hour, window(-2*time.Hour, -time.Hour, 11*time.Second), -time.Minute},
	} {
		if got := watch.NewWorker(watched(), card, worker(c.reported, 0), 1, c.at); !got.StartedAt.Equal(noon.Add(c.want)) || got.Status != cluster.StatusRunning {
			t.Errorf("%s: it starts %v after the announcement, want %v", name, got.StartedAt.Sub(noon), c.want)
		}
	}
}

// Whatever is reported, a process lives within the time between the announcement, less a minute, and now, and costs what its size costs for that time.
func TestNoReportMovesAProcessOutOfItsTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := watched()
		moment := func(name string) time.Duration {
			return time.Duration(rapid.Int64Range(-1e6, 1e6).Draw(t, name)) * time.Second
		}
		received := time.Duration(0)
		var p cluster.Process
		for i := range rapid.IntRange(1, 6).Draw(t, "reports") {
			received += time.Duration(rapid.Int64Range(0, 1e6).Draw(t, "pause")) * time.Second
			start := moment("window")
			at := watch.Window{Start: noon.Add(start), End: noon.Add(start + time.Duration(rapid.Int64Range(0, 100).Draw(t, "length"))*time.Second), Received: noon.Add(received)}
			w := cluster.ReportedWorker{
				Process: "cl_1-w", Threads: rapid.IntRange(1, 4096).Draw(t, "threads"), MemoryBytes: rapid.Int64Range(0, 1<<40).Draw(t, "memory"),
				StartedAt: noon.Add(moment("started")), LostTasks: rapid.Int64Range(0, 2).Draw(t, "lost"),
			}
			if rapid.Bool().Draw(t, "ended") {
				w.EndedAt = noon.Add(moment("ended at"))
			}
			before := p
			switch {
			case i == 0:
				p = watch.NewWorker(c, card, w, 1, at)
			case rapid.Bool().Draw(t, "fell silent"):
				change, ok := watch.Silent(at.Received.Add(time.Hour), noon, c, []cluster.Process{p}, time.Minute)
				if !ok {
					t.Fatal("an hour of silence is nothing")
				}
				for _, each := range change.Processes {
					p = each
				}
			default:
				p = watch.Update(c, card, p, w, at)
			}
			if p.StartedAt.Before(noon.Add(-time.Minute)) || p.StartedAt.After(at.Received) || (!p.EndedAt.IsZero() && p.EndedAt.Before(p.StartedAt)) || p.EndedAt.After(at.Received) {
				t.Fatalf("it lives from %v to %v; announced at %v, received at %v", p.StartedAt, p.EndedAt, noon, at.Received)
			}
			if p.EndedAt.IsZero() == p.Status.Ended() {
				t.Fatalf("status %s, ended at %v", p.Status, p.EndedAt)
			}
			if i > 0 && before.Target == cluster.TargetStopped && !p.Status.Ended() {
				t.Fatal("what is known to have ended lives again")
			}
			if p.Rate != card.Price(p.Threads, p.MemoryBytes) {
				t.Fatalf("rate %v", p.Rate)
			}
		}
	})
}

func TestSilence(t *testing.T) {
	t.Parallel()
	c := watched()
	c.LastSeenAt = noon.Add(time.Minute)
	scheduler := cluster.Process{ID: "cl_1-scheduler-1", Role: cluster.RoleScheduler, Status: cluster.StatusRunning, Target: cluster.TargetRunning, StartedAt: noon}
	late := cluster.Process{ID: "cl_1-late", Role: cluster.RoleWorker, Status: cluster.StatusRunning, Target: cluster.TargetRunning, StartedAt: noon.Add(2 * time.Minute)}
	gone := cluster.Process{ID: "cl_1-gone", Role: cluster.RoleWorker, Status: cluster.StatusFailed, Target: cluster.TargetStopped, StartedAt: noon, EndedAt: noon.Add(time.Second)}
	all := []cluster.Process{scheduler, late, gone}
	if _, ok := watch.Silent(noon.Add(5*time.Minute), noon, c, all, 5*time.Minute); ok {
		t.Error("four minutes are five")
	}
	if _, ok := watch.Silent(noon.Add(20*time.Minute), noon.Add(18*time.Minute), c, all, 5*time.Minute); ok {
		t.Error("the server's own absence counts")
	}
	change, ok := watch.Silent(noon.Add(6*time.Minute), noon, c, all, 5*time.Minute)
	if !ok || change.Cluster.Status != cluster.StatusStopped || change.Cluster.Target != cluster.TargetRunning || !change.Cluster.EndedAt.Equal(c.LastSeenAt) ||
		!strings.Contains(change.Cluster.Reason, "2026-03-04T12:01:00Z") || change.Event.Kind != cluster.EventAway || len(change.Processes) != 2 {
		t.Fatalf("%+v", change)
	}
	if !change.Processes[0].EndedAt.Equal(c.LastSeenAt) || !change.Processes[1].EndedAt.Equal(late.StartedAt) {
		t.Errorf("processes: %+v", change.Processes)
	}

	// It reports again: the scheduler is back, workers wait for their own reports, what had ended stays ended.
	ended := slices.Concat(change.Processes, []cluster.Process{gone})
	if _, ok := watch.Back(change.Cluster, ended, c.LastSeenAt); ok {
		t.Error("its last report brings it back")
	}
	back, ok := watch.Back(change.Cluster, ended, noon.Add(time.Hour))
	if !ok || back.Cluster.Status != cluster.StatusRunning || !back.Cluster.EndedAt.IsZero() || back.Cluster.Reason != "" || len(back.Processes) != 1 ||
		back.Processes[0].ID != scheduler.ID || back.Processes[0].Status != cluster.StatusRunning {
		t.Errorf("%+v", back)
	}
	if p := watch.Revive(ended[1], window(50*time.Minute, time.Hour, time.Hour)); p.Status != cluster.StatusRunning || !p.StartedAt.Equal(late.StartedAt) {
		t.Errorf("%+v", p)
	}
	if p := watch.Revive(gone, window(50*time.Minute, time.Hour, time.Hour)); p.Status != cluster.StatusFailed {
		t.Errorf("%+v", p)
	}

	// One that said its last word does not come back by itself; and a cluster of ours never does.
	done := watch.Finish(c, all, window(0, time.Minute, 2*time.Minute))
	if !done.Cluster.EndedAt.Equal(noon.Add(time.Minute)) || done.Cluster.Target != cluster.TargetStopped {
		t.Errorf("%+v", done)
	}
	if _, ok := watch.Back(done.Cluster, nil, noon.Add(time.Hour)); ok {
		t.Error("a last word is not the last")
	}
	ours := change.Cluster
	ours.Backend = "local"
	if _, ok := watch.Back(ours, nil, noon.Add(time.Hour)); ok {
		t.Error("a cluster of ours is watched")
	}
	// The end lies between start and now, by whatever clock.
	for _, at := range []watch.Window{window(-2*time.Hour, -time.Hour, time.Minute), window(time.Hour, 2*time.Hour, time.Minute)} {
		if end := watch.Finish(c, nil, at).Cluster.EndedAt; end.Before(noon) || end.After(noon.Add(time.Minute)) {
			t.Errorf("it ends at %v", end)
		}
	}
}

func TestLosses(t *testing.T) {
	t.Parallel()
	w := worker(0, time.Minute)
	at := window(0, time.Minute, 2*time.Minute)
	if _, ok := watch.LossOf("cl_1", w, at); ok {
		t.Error("a worker that took nothing with it is no loss")
	}
	w.LostTasks, w.Reason = 1, "worker-ttl exceeded"
	event, ok := watch.LossOf("cl_1", w, at)
	if !ok || event.Kind != cluster.EventWorkerLost || event.Message != "Worker w vanished while 1 task ran on it: worker-ttl exceeded" || !event.At.Equal(w.EndedAt) {
		t.Errorf("%+v", event)
	}
	p := watch.NewWorker(watched(), card, w, 1, at)
	if p.Status != cluster.StatusFailed || p.Target != cluster.TargetStopped || p.Reason != w.Reason {
		t.Errorf("%+v", p)
	}
	w.LostTasks = 0
	if _, ok := watch.LossOf("cl_1", worker(0, 0), at); ok {
		t.Error("a worker that lives is no loss")
	}
}

func TestDescriptionsAreHarmless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := watched()
		c.Deployment, c.DashboardURL, c.SchedulerAddress = "manual", "http://x:1/status", "tcp://x:1"
		r := cluster.ReportedCluster{
			Deployment:   rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"local", "cuda", ""})).Draw(t, "deployment"),
			DashboardURL: rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"javascript:alert(1)", "http://y:2/status", "http:", "https://"})).Draw(t, "dashboard"),
		}
		got := watch.Describe(c, r)
		if !strings.HasPrefix(got.DashboardURL, "http") || len(got.DashboardURL) > 500 || len(got.Deployment) > 10 {
			t.Fatalf("%+v", got)
		}
	})
	long := worker(0, 0)
	long.Name = strings.Repeat("ü", 300)
	if p := watch.NewWorker(watched(), card, long, 1, window(0, time.Second, time.Second)); len(p.Name) > 200 || !utf8.ValidString(p.Name) {
		t.Errorf("name of %d bytes", len(p.Name))
	}
}
