// Package backendtest holds the suite that every backend passes: what internal/backend promises, tried on real machines or
// on whatever the backend has instead.
package backendtest

import (
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Harness is what the suite needs to know of a backend. Every test gets its own, over machines of its own.
type Harness struct {
	// New opens a value over the harness's machines. It is called again to play a server that restarts; the values before it
	// are not used any more then, and get no chance to tidy up.
	New func(t testing.TB) backend.Backend
	// Mint makes the TLS identities of a cluster; nil, for a backend that does not look at them, means some text in their place.
	Mint func(t testing.TB, id cluster.ID) cluster.CredentialSet
	// Crash ends a process from outside, without warning.
	Crash func(t testing.TB, p backend.Process)
	// Deafen makes a process that runs ignore polite requests to end.
	Deafen func(t testing.TB, p backend.Process)
	// Adjust completes a launch with what this backend needs; nil for nothing.
	Adjust func(l *backend.Launch)
	// Invalid are changes, by name, that make a good launch impossible for this backend, besides those that are so for all.
	Invalid map[string]func(l *backend.Launch)
	// Timeout is how long something that should happen soon may take at worst.
	Timeout time.Duration
}

// fixture is one test's backend and cluster.
type fixture struct {
	testing.TB
	h           Harness
	b           backend.Backend
	cluster     cluster.ID
	credentials cluster.CredentialSet
}

func newFixture(t *testing.T, open func(t testing.TB) Harness) *fixture {
	t.Helper()
	f := &fixture{TB: t, h: open(t)}
	f.b = f.h.New(t)
	f.newCluster()
	return f
}

// newCluster makes launches belong to a new cluster from now on.
func (f *fixture) newCluster() {
	f.Helper()
	f.cluster = cluster.ID("cl_" + strings.ToLower(rand.Text()))
	if f.h.Mint != nil {
		f.credentials = f.h.Mint(f.TB, f.cluster)
		return
	}
	c := cluster.Credentials{CA: []byte("CA"), Certificate: []byte("CERTIFICATE"), Key: []byte("PRIVATE KEY")}
	f.credentials = cluster.CredentialSet{Scheduler: c, Worker: c, Client: c}
}

// restart plays a server that was killed and started anew.
func (f *fixture) restart() {
	f.Helper()
	f.b = f.h.New(f.TB)
}

func (f *fixture) launch(name string) backend.Launch {
	l := backend.Launch{
		ID: cluster.ProcessID(string(f.cluster) + "-" + name + "-1"), ClusterID: f.cluster,
		Role: cluster.RoleWorker, Name: name, Threads: 1, MemoryBytes: 512 << 20,
		Env:         map[string]string{"LINEITEM_AGENT": "off"},
		Credentials: f.credentials.Worker,
	}
	if name == "scheduler" {
		l.Role, l.Credentials, l.AgentToken = cluster.RoleScheduler, f.credentials.Scheduler, "secret-"+rand.Text()
	}
	if f.h.Adjust != nil {
		f.h.Adjust(&l)
	}
	return l
}

// start starts processes, in the order named, without waiting for any to come up.
func (f *fixture) start(names ...string) []cluster.ProcessID {
	f.Helper()
	ids := make([]cluster.ProcessID, 0, len(names))
	for _, name := range names {
		l := f.launch(name)
		p, err := f.b.Start(f.Context(), l)
		if err != nil {
			f.Fatalf("start %s: %v", name, err)
		}
		if p.ID != l.ID || p.ClusterID != l.ClusterID || p.Role != l.Role || p.Name != l.Name {
			f.Fatalf("start %s returned %+v, which is not what was launched", name, p)
		}
		ids = append(ids, l.ID)
	}
	return ids
}

func (f *fixture) stop(id cluster.ProcessID, grace time.Duration) {
	f.Helper()
	if err := f.b.Stop(f.Context(), id, grace); err != nil {
		f.Fatalf("stop %s: %v", id, err)
	}
}

// get returns what List says of a process, false if it says nothing.
func (f *fixture) get(id cluster.ProcessID) (backend.Process, bool) {
	f.Helper()
	all, err := f.b.List(f.Context())
	if err != nil {
		f.Fatalf("list: %v", err)
	}
	var found backend.Process
	n := 0
	for _, p := range all {
		if p.ID == id {
			found, n = p, n+1
		}
	}
	if n > 1 {
		f.Fatalf("list names %s %d times: %+v", id, n, all)
	}
	return found, n == 1
}

// await waits until a process is in a state.
func (f *fixture) await(id cluster.ProcessID, want backend.State) backend.Process {
	f.Helper()
	var last backend.Process
	f.eventually(func() bool {
		last, _ = f.get(id)
		if last.State == backend.StateEnded && want != backend.StateEnded {
			f.Fatalf("%s ended (%+v) instead of becoming %s; its log:\n%s", id, last, want, f.log(id, 0))
		}
		return last.State == want
	}, "%s becomes %s", id, want)
	return last
}

// ended waits for the end of a process and checks what is said of it.
func (f *fixture) ended(id cluster.ProcessID) backend.Process {
	f.Helper()
	p := f.await(id, backend.StateEnded)
	if p.EndedAt.IsZero() || p.EndedAt.Before(p.StartedAt) {
		f.Errorf("%s started at %v and ended at %v", id, p.StartedAt, p.EndedAt)
	}
	if err := f.b.Stop(f.Context(), id, time.Minute); !errors.Is(err, backend.ErrGone) {
		f.Errorf("stop of ended %s: %v, want ErrGone", id, err)
	}
	return p
}

// eventually polls until a condition holds, and fails the test when it does not in time.
func (f *fixture) eventually(holds func() bool, what string, args ...any) {
	f.Helper()
	deadline := time.NewTimer(f.h.Timeout)
	defer deadline.Stop()
	tick := time.NewTicker(max(f.h.Timeout/1000, time.Millisecond))
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			f.Fatalf("not within %v: "+what, append([]any{f.h.Timeout}, args...)...)
		}
	}
}

func (f *fixture) log(id cluster.ProcessID, tail int64) string {
	f.Helper()
	r, err := f.b.Logs(f.Context(), id, tail)
	if err != nil {
		f.Fatalf("logs of %s: %v", id, err)
	}
	text, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		f.Fatalf("read log of %s: %v", id, err)
	}
	return string(text)
}
