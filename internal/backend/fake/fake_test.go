package fake_test

import (
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/backend/backendtest"
	"github.com/lineitem/lineitem/internal/backend/fake"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

func TestConformance(t *testing.T) {
	backendtest.Run(t, func(testing.TB) backendtest.Harness {
		m := fake.NewMachines(time.Now)
		return backendtest.Harness{
			New: func(testing.TB) backend.Backend { return fake.New(m, "one") },
			Adjust: func(l *backend.Launch) {
				l.Env[fake.EnvStartAfter] = "2ms"
				l.Env[fake.EnvStopAfter] = "2ms"
			},
			Crash: func(t testing.TB, p backend.Process) {
				if !m.Crash(p.ID, 139) {
					t.Fatalf("%s is not there to crash", p.ID)
				}
			},
			Deafen: func(t testing.TB, p backend.Process) {
				if !m.Deafen(p.ID) {
					t.Fatalf("%s is not there to deafen", p.ID)
				}
			},
			Invalid: map[string]func(l *backend.Launch){
				"an interpreter":       func(l *backend.Launch) { l.Python = "/usr/bin/python3" },
				"unknown start":        func(l *backend.Launch) { l.Env[fake.EnvStart] = "sometimes" },
				"bad duration":         func(l *backend.Launch) { l.Env[fake.EnvExitAfter] = "soon" },
				"negative duration":    func(l *backend.Launch) { l.Env[fake.EnvExitAfter] = "-1s" },
				"misspelt variable":    func(l *backend.Launch) { l.Env["LINEITEM_FAKE_EXIT"] = "1s" },
				"bad code":             func(l *backend.Launch) { l.Env[fake.EnvExitCode] = "one" },
				"asks to be refused":   func(l *backend.Launch) { l.Env[fake.EnvStart] = fake.StartInvalid },
				"bad value by name":    func(l *backend.Launch) { l.Env[fake.EnvStartAfter] = "w-1=1s, w-0=x" },
				"bad truth for a term": func(l *backend.Launch) { l.Env[fake.EnvIgnoreTerm] = "perhaps" },
			},
			Timeout: 5 * time.Second,
		}
	})
}

func launch(name string, env map[string]string) backend.Launch {
	c := cluster.Credentials{CA: []byte("a"), Certificate: []byte("b"), Key: []byte("c")}
	l := backend.Launch{
		ID: cluster.ProcessID("cl_1-" + name + "-1"), ClusterID: "cl_1", Role: cluster.RoleWorker, Name: name,
		Threads: 1, MemoryBytes: 1, Env: env, Credentials: c,
	}
	if name == "scheduler" {
		l.Role = cluster.RoleScheduler
	}
	return l
}

// seen is a process's state at one moment after its start.
type seen struct {
	After time.Duration
	State backend.State
	Code  int
}

func TestBehaviours(t *testing.T) {
	t.Parallel()
	const (
		starting, running, ending, ended = backend.StateStarting, backend.StateRunning, backend.StateEnding, backend.StateEnded
	)
	for _, tc := range []struct {
		name  string
		env   map[string]string
		stop  time.Duration // when to ask, 0 for never
		grace time.Duration
		want  []seen
	}{
		{"plain", nil, 0, 0, []seen{{0, running, 0}, {time.Hour, running, 0}}},
		{
			"slow start",
			map[string]string{fake.EnvStartAfter: "2s"},
			0, 0,
			[]seen{{0, starting, 0}, {1999 * time.Millisecond, starting, 0}, {2 * time.Second, running, 0}},
		},
		{"fails", map[string]string{fake.EnvStart: fake.StartFail}, 0, 0, []seen{{0, ended, 1}}},
		{"never comes up", map[string]string{fake.EnvStart: fake.StartNever}, 0, 0, []seen{{0, starting, 0}, {time.Hour, starting, 0}}},
		{
			"exits",
			map[string]string{fake.EnvExitAfter: "10s", fake.EnvExitCode: "3"},
			0, 0,
			[]seen{{9 * time.Second, running, 0}, {10 * time.Second, ended, 3}},
		},
		{
			"exits, by name",
			map[string]string{fake.EnvExitAfter: "w-9=1s, w-0=10s"},
			0, 0,
			[]seen{{9 * time.Second, running, 0}, {10 * time.Second, ended, 1}},
		},
		{"another exits", map[string]string{fake.EnvExitAfter: "w-9=1s"}, 0, 0, []seen{{time.Hour, running, 0}}},
		{
			"stops politely",
			map[string]string{fake.EnvStopAfter: "3s"},
			5 * time.Second, time.Minute,
			[]seen{{4 * time.Second, running, 0}, {6 * time.Second, ending, 0}, {8 * time.Second, ended, 0}},
		},
		{
			"stops too slowly",
			map[string]string{fake.EnvStopAfter: "3s"},
			5 * time.Second, time.Second,
			[]seen{{5500 * time.Millisecond, ending, 0}, {6 * time.Second, ended, 137}},
		},
		{
			"does not listen",
			map[string]string{fake.EnvIgnoreTerm: "1"},
			5 * time.Second, 10 * time.Second,
			[]seen{{14 * time.Second, ending, 0}, {15 * time.Second, ended, 137}},
		},
		{
			"crashes while ending",
			map[string]string{fake.EnvIgnoreTerm: "1", fake.EnvExitAfter: "6s"},
			5 * time.Second, 10 * time.Second,
			[]seen{{5500 * time.Millisecond, ending, 0}, {6 * time.Second, ended, 1}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var now time.Time
			begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			now = begin
			m := fake.NewMachines(func() time.Time { return now })
			b := fake.New(m, "one")
			l := launch("w-0", tc.env)
			if _, err := b.Start(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			for _, want := range tc.want {
				if at := begin.Add(tc.stop); tc.stop > 0 && now.Before(at) && want.After > tc.stop {
					now = at
					if err := b.Stop(t.Context(), l.ID, tc.grace); err != nil {
						t.Fatal(err)
					}
				}
				now = begin.Add(want.After)
				all, err := b.List(t.Context())
				if err != nil || len(all) != 1 {
					t.Fatalf("list: %v, %v", all, err)
				}
				got := seen{After: want.After, State: all[0].State}
				if all[0].ExitCode != nil {
					got.Code = *all[0].ExitCode
				}
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if want.State == ended && all[0].EndedAt != now {
					t.Errorf("ended at %v, want the very moment %v", all[0].EndedAt, now)
				}
			}
		})
	}
}

func TestCapacityStartsNothing(t *testing.T) {
	t.Parallel()
	m := fake.NewMachines(time.Now)
	b := fake.New(m, "one")
	env := map[string]string{fake.EnvStart: "w-1=capacity"}
	if _, err := b.Start(t.Context(), launch("w-0", env)); err != nil {
		t.Errorf("start w-0: %v", err)
	}
	if _, err := b.Start(t.Context(), launch("w-1", env)); !errors.Is(err, backend.ErrCapacity) {
		t.Errorf("start w-1: %v, want ErrCapacity", err)
	}
	if all, err := b.List(t.Context()); err != nil || len(all) != 1 || all[0].Name != "w-0" {
		t.Errorf("there are %+v, %v, want w-0 only", all, err)
	}
	if _, err := b.Start(t.Context(), launch("w-1", nil)); err != nil {
		t.Errorf("start w-1 once there is room: %v", err)
	}
}

func TestCallsAreRecordedAndFailOnDemand(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := fake.NewMachines(func() time.Time { return now })
	b := fake.New(m, "one")
	broken := errors.New("the switch is on fire")
	m.FailNext("Start", broken)
	l := launch("scheduler", map[string]string{"A": "b"})
	if _, err := b.Start(t.Context(), l); !errors.Is(err, broken) {
		t.Errorf("start: %v, want the failure asked for", err)
	}
	if all, err := b.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("a failed start left %v, %v", all, err)
	}
	p, err := b.Start(t.Context(), l)
	if err != nil || p.SchedulerAddress != "tls://127.0.0.1:9" {
		t.Errorf("start: %+v, %v", p, err)
	}
	if got := m.Env(l.ID)["A"]; got != "b" {
		t.Errorf("environment: A=%q", got)
	}
	if err := b.Stop(t.Context(), l.ID, time.Second); err != nil {
		t.Error(err)
	}
	r, err := b.Logs(t.Context(), l.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err != nil || len(text) == 0 {
		t.Errorf("log is %q, %v", text, err)
	}
	if err := b.Forget(t.Context(), "cl_1"); err != nil {
		t.Error(err)
	}
	want := []fake.Call{
		{At: now, Method: "Start", ID: string(l.ID), Err: broken},
		{At: now, Method: "List"},
		{At: now, Method: "Start", ID: string(l.ID)},
		{At: now, Method: "Stop", ID: string(l.ID), Grace: time.Second},
		{At: now, Method: "Logs", ID: string(l.ID)},
		{At: now, Method: "Forget", ID: "cl_1"},
	}
	if diff := cmp.Diff(want, m.Calls(), cmpopts.EquateErrors()); diff != "" {
		t.Errorf("calls differ:\n%s", diff)
	}
}

func TestInstallationsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	m := fake.NewMachines(time.Now)
	one, two := fake.New(m, "one"), fake.New(m, "two")
	m.Plant("two", backend.Process{ID: "cl_2-w-0-1", ClusterID: "cl_2", Role: cluster.RoleWorker, Name: "w-0"})
	if all, err := one.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("one sees %v, %v of two's", all, err)
	}
	if err := one.Stop(t.Context(), "cl_2-w-0-1", 0); !errors.Is(err, backend.ErrGone) {
		t.Errorf("one stops two's process: %v", err)
	}
	all, err := two.List(t.Context())
	if err != nil || len(all) != 1 || all[0].State != backend.StateRunning {
		t.Fatalf("two does not find its orphan: %v, %v", all, err)
	}
	if err := two.Stop(t.Context(), all[0].ID, 0); err != nil {
		t.Error(err)
	}
}

func TestInsideSynctest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := fake.NewMachines(time.Now)
		b := fake.New(m, "one")
		l := launch("w-0", map[string]string{fake.EnvStartAfter: "1h"})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := b.Start(t.Context(), l); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		timer := time.NewTimer(time.Hour)
		<-timer.C // costs no time here
		all, err := b.List(t.Context())
		if err != nil || len(all) != 1 || all[0].State != backend.StateRunning {
			t.Errorf("after an hour: %+v, %v", all, err)
		}
	})
}
