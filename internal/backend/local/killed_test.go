package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/backend/local"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// ownerEnv holds, as JSON, what a copy of the test program has to do as the server that will be killed.
const ownerEnv = "LOCAL_TEST_OWNER"

// ownerJob is the life of a server up to its death.
type ownerJob struct {
	Dir, Installation, Python string
	Launches                  []backend.Launch
	// AwaitUp waits for all to run before it stops the first, Stop asks for that.
	AwaitUp, Stop bool
	// DieAt names the failpoint, and DieCount which passing of it, at which the server kills itself. Without one it waits to be killed
	// when done.
	DieAt    string
	DieCount int
}

func TestMain(m *testing.M) {
	if text := os.Getenv(ownerEnv); text != "" {
		var job ownerJob
		err := json.Unmarshal([]byte(text), &job)
		if err == nil {
			err = own(job)
		}
		fmt.Fprintln(os.Stderr, "the owner was to be killed but ended:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// own is the server's life.
func own(job ownerJob) error {
	passed := 0
	local.SetFailpoint(func(point string) {
		if point != job.DieAt {
			return
		}
		if passed++; passed == max(job.DieCount, 1) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	})
	b, err := local.New(local.Config{Dir: job.Dir, Installation: job.Installation, Python: job.Python})
	if err != nil {
		return err
	}
	ctx := context.Background()
	for _, l := range job.Launches {
		if _, err := b.Start(ctx, l); err != nil {
			return err
		}
	}
	tick := time.NewTicker(50 * time.Millisecond)
	for job.AwaitUp {
		all, err := b.List(ctx)
		if err != nil {
			return err
		}
		up := 0
		for _, p := range all {
			if p.State == backend.StateRunning {
				up++
			}
		}
		if up == len(job.Launches) {
			break
		}
		<-tick.C
	}
	if job.Stop {
		if err := b.Stop(ctx, job.Launches[0].ID, time.Hour); err != nil {
			return err
		}
	}
	fmt.Println("done")
	select {}
}

// runOwner plays a server's life and ends it by SIGKILL.
func runOwner(t *testing.T, job ownerJob) {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), ownerEnv+"="+string(text))
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if n, _ := out.Read(make([]byte, 16)); n > 0 { // it is done, and was not to die on its way
		_ = cmd.Process.Kill()
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the owner ended by itself: %v", err)
	}
}

func TestServerKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		job   ownerJob
		names []string
		// started is how many processes the next server must find.
		started int
	}{
		{"intent written", ownerJob{DieAt: "intent written"}, []string{"scheduler"}, 0},
		{"forked", ownerJob{DieAt: "forked"}, []string{"scheduler"}, 0},
		{"recorded", ownerJob{DieAt: "recorded"}, []string{"scheduler"}, 1},
		{"released", ownerJob{DieAt: "released"}, []string{"scheduler"}, 1},
		{"second one: intent written", ownerJob{DieAt: "intent written", DieCount: 2}, []string{"scheduler", "w-0"}, 1},
		{"second one: forked", ownerJob{DieAt: "forked", DieCount: 2}, []string{"scheduler", "w-0"}, 1},
		{"third one: released", ownerJob{DieAt: "released", DieCount: 3}, []string{"scheduler", "w-0", "w-1"}, 3},
		{"all launched, none up", ownerJob{}, []string{"scheduler", "w-0"}, 2},
		{"all up", ownerJob{AwaitUp: true}, []string{"scheduler", "w-0"}, 2},
		{"stop marked", ownerJob{AwaitUp: true, Stop: true, DieAt: "stop marked"}, []string{"w-0", "scheduler"}, 2},
		{"stop sent", ownerJob{AwaitUp: true, Stop: true, DieAt: "stop sent"}, []string{"w-0", "scheduler"}, 2},
		{"stop asked before up", ownerJob{Stop: true}, []string{"w-0", "scheduler"}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newMachine(t)
			job := tc.job
			job.Dir, job.Installation, job.Python = m.dir, m.installation, python(t)
			job.Launches = m.launches(t, tc.names...)
			runOwner(t, job)

			b := m.open(t)
			all := list(t, b)
			if len(all) != tc.started {
				t.Errorf("the next server finds %+v, want %d processes", all, tc.started)
			}
			for _, p := range all {
				if job.AwaitUp && p.State == backend.StateStarting {
					t.Errorf("it was up before the restart and is %+v after", p)
				}
				if err := b.Stop(t.Context(), p.ID, 30*time.Second); err != nil && !errors.Is(err, backend.ErrGone) {
					t.Errorf("stop %s: %v", p.ID, err)
				}
			}
			eventually(t, func() bool {
				for _, p := range list(t, b) {
					if p.State != backend.StateEnded {
						return false
					}
				}
				return true
			}, "all end")
			eventually(t, func() bool { return len(m.pids(t, "")) == 0 }, "nothing that carries the tag is left")

			// What had not begun may be asked for again; what ran may not.
			for _, l := range job.Launches {
				ran := false
				for _, p := range all {
					ran = ran || p.ID == l.ID
				}
				p, err := b.Start(t.Context(), l)
				if err != nil || (p.State == backend.StateEnded) != ran {
					t.Errorf("start %s, which ran before: %v, answered %+v, %v", l.ID, ran, p, err)
				}
				if err := b.Stop(t.Context(), l.ID, 0); err != nil && !errors.Is(err, backend.ErrGone) {
					t.Error(err)
				}
			}
			eventually(t, func() bool { return len(m.pids(t, "")) == 0 }, "nothing that carries the tag is left")
		})
	}
}

// TestStopOutlivesServer: the request and its deadline survive, and the next server carries them out without being told.
func TestStopOutlivesServer(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := m.open(t)
	l := m.launches(t, "scheduler")[0]
	p := start(t, b, l)
	m.signalAll(t, p, freeze)
	if err := b.Stop(t.Context(), l.ID, 2*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil { // no more of this one's own work
		t.Fatal(err)
	}
	next := m.open(t)
	eventually(t, func() bool { return len(m.pids(t, "")) == 0 }, "the next server forces it to end")
	if got := list(t, next); len(got) != 1 || got[0].EndedAt.Sub(p.StartedAt) < 2*time.Second {
		t.Errorf("it was ended before its grace was over: %+v", got)
	}
}

// TestEndWhileNobodyWatched: the end is dated by the last sign of life, not by when the next server came to look.
func TestEndWhileNobodyWatched(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	job := ownerJob{Dir: m.dir, Installation: m.installation, Python: python(t), Launches: m.launches(t, "scheduler"), AwaitUp: true}
	runOwner(t, job)
	m.signalAll(t, backend.Process{ID: job.Launches[0].ID}, kill)
	// As if an hour had gone by since: all traces of life are moved back by it.
	m.age(t, time.Hour)
	got := list(t, m.open(t))
	if len(got) != 1 || got[0].State != backend.StateEnded || got[0].ExitCode != nil {
		t.Fatalf("found %+v, want one ended process whose exit code nobody knows", got)
	}
	if ago := time.Since(got[0].EndedAt); ago < time.Hour || ago > time.Hour+10*time.Minute {
		t.Errorf("it ended %v ago by that account, want an hour", ago)
	}
}

// TestAdoptedEndIsNoticed: a process that this server took over ends, and the end is dated at once though it is not our child.
func TestAdoptedEndIsNoticed(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	job := ownerJob{Dir: m.dir, Installation: m.installation, Python: python(t), Launches: m.launches(t, "scheduler"), AwaitUp: true}
	runOwner(t, job)
	b := m.open(t)
	before := list(t, b)
	if len(before) != 1 || before[0].State != backend.StateRunning {
		t.Fatalf("found %+v, want one running process", before)
	}
	killedAt := time.Now()
	m.signalAll(t, before[0], kill)
	var got []backend.Process
	eventually(t, func() bool { got = list(t, b); return got[0].State == backend.StateEnded }, "the end is noticed")
	if late := got[0].EndedAt.Sub(killedAt); late < 0 || late > 30*time.Second {
		t.Errorf("the end is dated %v after it", late)
	}
}

func start(t testing.TB, b *local.Backend, l backend.Launch) backend.Process {
	t.Helper()
	p, err := b.Start(t.Context(), l)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	return p
}

func list(t testing.TB, b *local.Backend) []backend.Process {
	t.Helper()
	all, err := b.List(t.Context())
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return all
}

// await waits until a process is in a state.
func await(t testing.TB, b *local.Backend, id cluster.ProcessID, want backend.State) backend.Process {
	t.Helper()
	var last backend.Process
	eventually(t, func() bool {
		for _, p := range list(t, b) {
			if p.ID == id {
				last = p
			}
		}
		if last.State == backend.StateEnded && want != backend.StateEnded {
			t.Fatalf("%s ended instead of becoming %s; its log:\n%s", id, want, logOf(t, b, id))
		}
		return last.State == want
	}, fmt.Sprintf("%s becomes %s", id, want))
	return last
}
