package backendtest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// patience is a grace that no test waits for.
const patience = time.Hour

// Run runs the suite. Open is called once per test.
func Run(t *testing.T, open func(t testing.TB) Harness) {
	for _, tc := range []struct {
		name string
		test func(f *fixture)
	}{
		{"cluster comes up and ends", comesUpAndEnds},
		{"start twice", startTwice},
		{"start concurrently", startConcurrently},
		{"start with a cancelled context", startCancelled},
		{"refuse invalid launches", refuseInvalid},
		{"stop before anything came up", stopBeforeUp},
		{"stop what was never started", stopNeverStarted},
		{"stop twice", stopTwice},
		{"force after grace", forceAfterGrace},
		{"a shorter grace hastens the end", shorterGrace},
		{"stop and list concurrently", stopConcurrently},
		{"lose a worker", loseWorker},
		{"restart finds what runs", restartFinds},
		{"restart while ending", restartWhileEnding},
		{"an ended id is never started again", neverAgain},
		{"logs", logs},
		{"forget keeps logs", forgetKeepsLogs},
		{"forget refuses what runs", forgetRefuses},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.test(newFixture(t, open)) })
	}
}

func comesUpAndEnds(f *fixture) {
	began := time.Now().Add(-time.Second)
	ids := f.start("w-0", "w-1", "scheduler") // workers first: a backend must not depend on the order
	for _, id := range ids {
		p := f.await(id, backend.StateRunning)
		if p.Handle == "" || p.StartedAt.Before(began) || !p.EndedAt.IsZero() || p.ExitCode != nil {
			f.Errorf("running process lacks what it should have, or has what it should not: %+v", p)
		}
		if scheduler := p.Role == cluster.RoleScheduler; scheduler != strings.HasPrefix(p.SchedulerAddress, "tls://") {
			f.Errorf("address of %s is %q, want tls:// for the scheduler only", p.Name, p.SchedulerAddress)
		}
	}
	for _, id := range ids { // the scheduler last: workers leave in good order only while they have one
		f.stop(id, patience)
		if p := f.ended(id); p.ExitCode != nil && *p.ExitCode != 0 {
			f.Errorf("%s was asked politely and ended with code %d; its log:\n%s", p.Name, *p.ExitCode, f.log(id, 0))
		}
	}
}

func startTwice(f *fixture) {
	id := f.start("scheduler")[0]
	first, _ := f.get(id)
	f.start("scheduler")
	second, _ := f.get(id)
	if first.Handle == "" || first.Handle != second.Handle || !first.StartedAt.Equal(second.StartedAt) {
		f.Errorf("start again changed the process:\n%+v\n%+v", first, second)
	}
	f.stop(id, 0)
	f.ended(id)
}

func startConcurrently(f *fixture) {
	l := f.launch("w-0")
	handles := make([]string, 8)
	var wg sync.WaitGroup
	for i := range handles {
		wg.Go(func() {
			p, err := f.b.Start(f.Context(), l)
			if err != nil {
				f.Errorf("start: %v", err)
			}
			handles[i] = p.Handle
		})
	}
	wg.Wait()
	for _, h := range handles {
		if h == "" || h != handles[0] {
			f.Errorf("starts at the same time created %q", handles)
		}
	}
	f.stop(l.ID, 0)
	f.ended(l.ID)
}

func startCancelled(f *fixture) {
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	l := f.launch("scheduler")
	if _, err := f.b.Start(ctx, l); !errors.Is(err, context.Canceled) {
		f.Errorf("start: %v, want context.Canceled", err)
	}
	if p, ok := f.get(l.ID); ok {
		f.Errorf("it was started all the same: %+v", p)
	}
}

func refuseInvalid(f *fixture) {
	cases := map[string]func(l *backend.Launch){
		"no id":          func(l *backend.Launch) { l.ID = "" },
		"id is a path":   func(l *backend.Launch) { l.ID = "../../etc/passwd" },
		"no cluster":     func(l *backend.Launch) { l.ClusterID = "" },
		"cluster path":   func(l *backend.Launch) { l.ClusterID = "a/../../b" },
		"unknown role":   func(l *backend.Launch) { l.Role = "nanny" },
		"no name":        func(l *backend.Launch) { l.Name = "" },
		"no threads":     func(l *backend.Launch) { l.Threads = 0 },
		"no memory":      func(l *backend.Launch) { l.MemoryBytes = -1 },
		"no credentials": func(l *backend.Launch) { l.Credentials = cluster.Credentials{} },
		"environment":    func(l *backend.Launch) { l.Env = map[string]string{"A=B": "c"} },
	}
	for name, change := range f.h.Invalid {
		cases[name] = change
	}
	for name, change := range cases {
		l := f.launch("w-0")
		change(&l)
		_, err := f.b.Start(f.Context(), l)
		if !errors.Is(err, backend.ErrInvalid) {
			f.Errorf("%s: %v, want ErrInvalid", name, err)
		} else if !strings.HasSuffix(err.Error(), ".") {
			f.Errorf("%s: %q is for users, and so a sentence", name, err)
		}
	}
	if all, err := f.b.List(f.Context()); err != nil || len(all) != 0 {
		f.Errorf("after nothing but invalid launches there is %+v, %v", all, err)
	}
	id := f.start("w-0")[0] // the same id, well asked
	f.stop(id, 0)
	f.ended(id)
}

func stopBeforeUp(f *fixture) {
	ids := f.start("w-0", "scheduler")
	for _, id := range ids {
		f.stop(id, patience)
		if p, ok := f.get(id); !ok || p.State != backend.StateEnding && p.State != backend.StateEnded {
			f.Errorf("asked to stop, it is %+v", p)
		}
	}
	for _, id := range ids {
		f.ended(id)
	}
}

func stopNeverStarted(f *fixture) {
	for _, id := range []cluster.ProcessID{f.launch("w-0").ID, "", "no such", "../x"} {
		if err := f.b.Stop(f.Context(), id, time.Second); !errors.Is(err, backend.ErrGone) {
			f.Errorf("stop %q: %v, want ErrGone", id, err)
		}
	}
}

func stopTwice(f *fixture) {
	id := f.start("scheduler")[0]
	p := f.await(id, backend.StateRunning)
	f.h.Deafen(f, p)
	f.stop(id, patience)
	f.stop(id, patience)
	if p, _ := f.get(id); p.State != backend.StateEnding {
		f.Errorf("it does not listen, and its patience is long, yet it is %+v", p)
	}
	f.stop(id, 0)
	f.ended(id)
}

func forceAfterGrace(f *fixture) {
	ids := f.start("scheduler", "w-0")
	var up []backend.Process
	for _, id := range ids {
		up = append(up, f.await(id, backend.StateRunning))
	}
	for _, p := range up {
		f.h.Deafen(f, p)
		f.stop(p.ID, f.h.Timeout/100)
	}
	for _, id := range ids {
		if p := f.ended(id); p.ExitCode != nil && *p.ExitCode == 0 {
			f.Errorf("%s was ended by force and yet reports success: %+v", id, p)
		}
	}
}

func shorterGrace(f *fixture) {
	id := f.start("scheduler")[0]
	f.h.Deafen(f, f.await(id, backend.StateRunning))
	f.stop(id, patience)
	f.stop(id, f.h.Timeout/100)
	f.stop(id, patience) // a longer one does not delay it again
	f.ended(id)
}

func stopConcurrently(f *fixture) {
	ids := f.start("w-0", "w-1", "w-2")
	var wg sync.WaitGroup
	for range 4 {
		for _, id := range ids {
			wg.Go(func() {
				if err := f.b.Stop(f.Context(), id, f.h.Timeout/100); err != nil && !errors.Is(err, backend.ErrGone) {
					f.Errorf("stop: %v", err)
				}
			})
			wg.Go(func() {
				if _, err := f.b.List(f.Context()); err != nil {
					f.Errorf("list: %v", err)
				}
			})
		}
	}
	wg.Wait()
	for _, id := range ids {
		f.ended(id)
	}
}

func loseWorker(f *fixture) {
	ids := f.start("scheduler", "w-0")
	f.await(ids[0], backend.StateRunning)
	f.h.Crash(f, f.await(ids[1], backend.StateRunning))
	if p := f.ended(ids[1]); p.ExitCode != nil && *p.ExitCode == 0 {
		f.Errorf("a crash reports success: %+v", p)
	}
	if p, _ := f.get(ids[0]); p.State != backend.StateRunning {
		f.Errorf("the scheduler suffered: %+v", p)
	}
	f.stop(ids[0], 0)
	f.ended(ids[0])
}

func restartFinds(f *fixture) {
	first := f.cluster
	up := f.start("scheduler")[0]
	want := f.await(up, backend.StateRunning)
	f.newCluster()
	gone := f.start("w-0")[0]
	f.stop(gone, 0)
	lost := f.ended(gone)
	f.restart()
	if got, _ := f.get(up); !cmp.Equal(want, got) {
		f.Errorf("after a restart the running process differs:\n%s", cmp.Diff(want, got))
	}
	if got, _ := f.get(gone); !cmp.Equal(lost, got) {
		f.Errorf("after a restart the ended process differs:\n%s", cmp.Diff(lost, got))
	}
	f.cluster = first
	f.start("scheduler") // changes nothing
	if got, _ := f.get(up); !cmp.Equal(want, got) {
		f.Errorf("start after a restart changed the process:\n%s", cmp.Diff(want, got))
	}
	f.h.Crash(f, want)
	f.ended(up)
}

func restartWhileEnding(f *fixture) {
	id := f.start("scheduler")[0]
	f.h.Deafen(f, f.await(id, backend.StateRunning))
	f.stop(id, patience)
	f.restart()
	if p, _ := f.get(id); p.State != backend.StateEnding {
		f.Errorf("the restart forgot that it was asked to stop: %+v", p)
	}
	f.stop(id, f.h.Timeout/100)
	f.restart()
	f.ended(id)
}

func neverAgain(f *fixture) {
	l := f.launch("w-0")
	f.start("w-0")
	f.stop(l.ID, 0)
	f.ended(l.ID)
	again := func(when string) {
		f.Helper()
		p, err := f.b.Start(f.Context(), l)
		if err != nil || p.ID != l.ID || p.State != backend.StateEnded {
			f.Errorf("start %s: %+v, %v, want the ended process", when, p, err)
		}
	}
	again("after the end")
	f.restart()
	again("after a restart")
	if err := f.b.Forget(f.Context(), f.cluster); err != nil {
		f.Fatalf("forget: %v", err)
	}
	again("after it was forgotten")
	f.restart()
	again("after it was forgotten and a restart")
	if p, ok := f.get(l.ID); ok {
		f.Errorf("the forgotten process is listed again: %+v", p)
	}
}

func logs(f *fixture) {
	id := f.start("scheduler")[0]
	f.await(id, backend.StateRunning)
	f.eventually(func() bool { return strings.Contains(f.log(id, 0), "Scheduler at:") }, "the log of a running process")
	f.stop(id, patience)
	f.ended(id)
	all := f.log(id, 0)
	if !strings.Contains(all, "Scheduler at:") || strings.Contains(all, "PRIVATE KEY") || strings.Contains(all, "secret-") {
		f.Errorf("the log of an ended process is incomplete or holds secrets:\n%s", all)
	}
	tail := f.log(id, 100)
	if tail == "" || len(tail) > 100 || !strings.HasSuffix(all, "\n"+tail) {
		f.Errorf("tail is %q, want whole lines from the end of:\n%s", tail, all)
	}
	if got := f.log(id, int64(len(all))+1); got != all {
		f.Errorf("a tail longer than the log is %q, want all of it", got)
	}
	for _, unknown := range []cluster.ProcessID{f.launch("w-9").ID, "../x", "*"} {
		if _, err := f.b.Logs(f.Context(), unknown, 0); !errors.Is(err, backend.ErrGone) {
			f.Errorf("logs of %q: %v, want ErrGone", unknown, err)
		}
	}
}

func forgetKeepsLogs(f *fixture) {
	kept := f.start("w-0")[0]
	f.newCluster()
	id := f.start("w-0")[0]
	for _, id := range []cluster.ProcessID{kept, id} {
		f.stop(id, 0)
		f.ended(id)
	}
	before := f.log(id, 0)
	for range 2 {
		if err := f.b.Forget(f.Context(), f.cluster); err != nil {
			f.Fatalf("forget: %v", err)
		}
	}
	if p, ok := f.get(id); ok {
		f.Errorf("the forgotten process is still listed: %+v", p)
	}
	if _, ok := f.get(kept); !ok {
		f.Error("another cluster's process was forgotten as well")
	}
	if after := f.log(id, 0); after != before {
		f.Errorf("the log became %q, want %q", after, before)
	}
	for _, unknown := range []cluster.ID{"cl_unknown", "", "../.."} {
		if err := f.b.Forget(f.Context(), unknown); err != nil {
			f.Errorf("forget %q: %v, want nil", unknown, err)
		}
	}
}

func forgetRefuses(f *fixture) {
	id := f.start("scheduler")[0]
	want := f.await(id, backend.StateRunning)
	if err := f.b.Forget(f.Context(), f.cluster); err == nil {
		f.Error("a running cluster was forgotten")
	}
	if got, _ := f.get(id); !cmp.Equal(want, got) {
		f.Errorf("the attempt to forget changed the process:\n%s", cmp.Diff(want, got))
	}
	f.stop(id, 0)
	f.ended(id)
}
