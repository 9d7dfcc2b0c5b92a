package local_test

import (
	"testing"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/backend/backendtest"
	"github.com/lineitem/lineitem/internal/backend/local"
)

func TestConformance(t *testing.T) {
	backendtest.Run(t, func(t testing.TB) backendtest.Harness {
		m := newMachine(t)
		return backendtest.Harness{
			New:     func(t testing.TB) backend.Backend { return m.open(t) },
			Mint:    mint,
			Crash:   func(t testing.TB, p backend.Process) { m.signalAll(t, p, kill) },
			Deafen:  func(t testing.TB, p backend.Process) { m.signalAll(t, p, freeze) },
			Timeout: patience,
			Invalid: map[string]func(l *backend.Launch){
				"no such interpreter":     func(l *backend.Launch) { l.Python = "/nonexistent/bin/python" },
				"no such command":         func(l *backend.Launch) { l.Python = "python-nonexistent" },
				"relative interpreter":    func(l *backend.Launch) { l.Python = "venv/bin/python" },
				"interpreter is a folder": func(l *backend.Launch) { l.Python = "/tmp" },
				"no such working folder":  func(l *backend.Launch) { l.Env = map[string]string{"PWD": "/nonexistent"} },
			},
		}
	})
}

func TestNewRefusesIncompleteConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []local.Config{{}, {Dir: t.TempDir()}, {Installation: "x"}} {
		if b, err := local.New(c); err == nil {
			_ = b.Close()
			t.Errorf("New(%+v) succeeded", c)
		}
	}
}

func TestClosedBackendAnswersNothing(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := m.open(t)
	l := m.launches(t, "w-0")[0]
	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if p, err := b.Start(t.Context(), l); err == nil {
		t.Errorf("a closed backend started %+v", p)
	}
	if _, err := b.List(t.Context()); err == nil {
		t.Error("a closed backend lists, although it does not know any more")
	}
	if all := list(t, m.open(t)); len(all) != 0 {
		t.Errorf("there is %+v", all)
	}
}
