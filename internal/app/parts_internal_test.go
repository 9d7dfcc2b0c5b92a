package app

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
)

func TestLastLines(t *testing.T) {
	t.Parallel()
	for _, try := range []struct {
		text      string
		n         int
		want      string
		truncated bool
	}{
		{"", 10, "", false},
		{"one\ntwo\n", 8, "one\ntwo\n", false},
		{"one\ntwo\n", 7, "two\n", true},
		{"one\ntwo\n", 4, "two\n", true},
		{"one\ntwo\n", 3, "wo\n", true},
		{"no end of line", 4, "line", true},
	} {
		got, truncated := lastLines([]byte(try.text), try.n)
		if string(got) != try.want || truncated != try.truncated {
			t.Errorf("lastLines(%q, %d) = %q, %v; want %q, %v", try.text, try.n, got, truncated, try.want, try.truncated)
		}
	}
}

// logs is a backend whose processes have written.
type logs struct {
	backend.Backend
	text map[cluster.ProcessID]string
}

func (l logs) Logs(_ context.Context, id cluster.ProcessID, tail int64) (io.ReadCloser, error) {
	text, ok := l.text[id]
	if !ok {
		return nil, backend.ErrGone
	}
	return io.NopCloser(strings.NewReader(text[max(0, len(text)-int(tail)):])), nil
}

func TestReadLog(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a line of the log\n", 20_000)
	r := logReader{"local": logs{text: map[cluster.ProcessID]string{"short": "hello\n", "long": long}}}
	c := cluster.Cluster{Name: "x", Backend: "local"}
	if text, truncated, err := r.ReadLog(t.Context(), c, "short", 100); string(text) != "hello\n" || truncated || err != nil {
		t.Errorf("short: %q, %v, %v", text, truncated, err)
	}
	text, truncated, err := r.ReadLog(t.Context(), c, "long", 1000)
	if len(text) > 1000 || len(text) < 900 || !strings.HasPrefix(string(text), "a line") || !truncated || err != nil {
		t.Errorf("long: %d bytes beginning %.10q, %v, %v; want about 1000 from the beginning of a line", len(text), text, truncated, err)
	}
	if _, _, err := r.ReadLog(t.Context(), c, "none", 10); !errs.Is(err, errs.NotFound) {
		t.Errorf("no log: %v, want not found", err)
	}
	if _, _, err := r.ReadLog(t.Context(), cluster.Cluster{Backend: "cloud"}, "short", 10); !errs.Is(err, errs.NotFound) {
		t.Errorf("other backend: %v, want not found", err)
	}
}

func TestDefaultWorkerMemory(t *testing.T) {
	t.Parallel()
	got := defaultWorkerMemory()
	if got < leastMemory || (got > leastMemory && got%memoryGranule != 0) {
		t.Errorf("default memory of a worker is %d", got)
	}
}

func TestListenErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	a := App{now: time.Now}
	a.cfg.Listen = "192.0.2.1:8470" // an address for documentation, which no machine has
	err := a.listen(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--listen") || !strings.Contains(err.Error(), "nothing was started") {
		t.Errorf("err = %v, want a sentence with --listen", err)
	}
}

// TestDasksOwnProfilerRestsWhereTheAgentLooks and nowhere else, and not where the owner wants it otherwise.
func TestDasksOwnProfilerRestsWhereTheAgentLooks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"watched":     {nil, daskProfileInterval},
		"chosen":      {map[string]string{daskProfile: "10ms"}, ""},
		"not watched": {map[string]string{"LINEITEM_AGENT": " OFF"}, ""},
	} {
		env := environment("http://127.0.0.1:8470", cluster.Cluster{ID: "cl_1", Options: cluster.Options{Env: c.env}}, cluster.Process{ID: "cl_1-w-0-1"})
		if env[daskProfile] != c.want || env["LINEITEM_CLUSTER"] != "cl_1" || env["LINEITEM_PROCESS"] != "cl_1-w-0-1" {
			t.Errorf("%s: %v, want the interval %q", name, env, c.want)
		}
	}
}
