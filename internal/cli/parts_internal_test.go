package cli

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lineitem/lineitem/sdk"
)

func TestMemorySize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1": 1, "512MiB": 512 << 20, "2GB": 2_000_000_000, "1.5 gb": 1_500_000_000, "4kb": 4000, "1TiB": 1 << 40, "7B": 7,
	} {
		var m memorySize
		if err := m.Set(text); err != nil || int64(m) != want {
			t.Errorf("%q is %d, %v, want %d", text, m, err, want)
		}
	}
	for _, text := range []string{"", "GB", "-1GB", "0", "NaN", "InfGB", "1e300TB", "9.3e18", "2 G", "1GBGB"} {
		var m memorySize
		if err := m.Set(text); err == nil {
			t.Errorf("%q passes as %d", text, m)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 19, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"2026-11-01":                time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		"2026-11-01T10:00:00+02:00": time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC),
		"90m":                       now.Add(-90 * time.Minute),
		"7d":                        now.AddDate(0, 0, -7),
	} {
		if got, err := parseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-7d", "7 d", "2026-13-01", "d", "999999999999d"} {
		if got, err := parseTime(text, now); err == nil {
			t.Errorf("%q passes as %v", text, got)
		}
	}
}

func TestParseLink(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"http://127.0.0.1:8470/signin#code=a":                  {"http://127.0.0.1:8470", "a"},
		"https://example.com/signin?to=%2Fclusters#code=a%2Bb": {"https://example.com", "a+b"},
		"lic_1": {"", "lic_1"},
	} {
		if server, code, err := parseLink(text); err != nil || server != want[0] || code != want[1] {
			t.Errorf("%q is %q, %q, %v", text, server, code, err)
		}
	}
	for _, text := range []string{"http://127.0.0.1:8470/signin", "http://127.0.0.1:8470/signin#code=", "http://[secret/#code=a"} {
		if _, _, err := parseLink(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLinkTo(t *testing.T) {
	t.Parallel()
	got := linkTo("http://127.0.0.1:8470/signin#code=lic_a-B", "http://127.0.0.1:8470/clusters/cl_1")
	if want := "http://127.0.0.1:8470/signin?to=%2Fclusters%2Fcl_1#code=lic_a-B"; got != want {
		t.Errorf("the link is %s, want %s", got, want)
	}
}

func TestClusterName(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"/a/flights.py": "flights-", "my script.py": "my-script-", "né.py": "n-", "..py": "script-", "cl_x.py": "script-",
		strings.Repeat("x", 300) + ".py": strings.Repeat("x", maxStem) + "-",
	} {
		got := clusterName(script)
		if stem, end := got[:len(got)-4], got[len(got)-4:]; stem != want || strings.Trim(end, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Errorf("%q makes %q, want %q and four characters", script, got, want)
		}
	}
	names := map[string]bool{}
	for range 8 {
		names[clusterName("a.py")] = true
	}
	if len(names) < 2 {
		t.Error("all runs of a script get the same name")
	}
}

func TestOnThisMachine(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]bool{
		"http://127.0.0.1:8470": true, "http://localhost:1": true, "http://[::1]:8470": true,
		"https://lineitem.example.com": false, "http://10.0.0.7:8470": false,
	} {
		if got := onThisMachine(server); got != want {
			t.Errorf("%s is on this machine: %v", server, got)
		}
	}
}

func TestWithEnv(t *testing.T) {
	t.Parallel()
	got := withEnv([]string{"A=1", "B=2", "A=3", "AB=4"}, "A=5", "C=6")
	if want := []string{"B=2", "AB=4", "A=5", "C=6"}; !slices.Equal(got, want) {
		t.Errorf("the environment is %q, want %q", got, want)
	}
}

// TestInterrupts checks who gets a signal: the context before and after a script, the script while it runs.
func TestInterrupts(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal)
	i, ctx := watchInterrupts(t.Context(), signals)
	defer i.stop()

	out := make(chan int, 1)
	ready := make(chan struct{})
	go func() {
		// It ends politely with the first signal, as Python does with an interruption.
		status, err := runScript(i, []string{"/bin/sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done"},
			os.Environ(), strings.NewReader(""), &readyWriter{ready: ready})
		if err != nil {
			t.Error(err)
		}
		out <- status
	}()
	<-ready
	signals <- syscall.SIGTERM
	if got := <-out; got != 9 {
		t.Errorf("the script ends with %d, want 9", got)
	}
	if ctx.Err() != nil {
		t.Error("a signal for the script ended the run")
	}
	if i.signal() != syscall.SIGTERM {
		t.Errorf("the first signal was %v", i.signal())
	}

	ending, cancel := context.WithCancel(t.Context())
	restore := i.rearm(cancel)
	signals <- os.Interrupt
	<-ending.Done()
	if ctx.Err() != nil {
		t.Error("a signal for the end of the cluster ended the run")
	}
	restore()
	signals <- os.Interrupt
	<-ctx.Done()
}

// TestStubbornScript checks that a script that ignores signals is killed with the third.
func TestStubbornScript(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal)
	i, _ := watchInterrupts(t.Context(), signals)
	defer i.stop()
	out := make(chan int, 1)
	ready := make(chan struct{})
	go func() {
		status, err := runScript(i, []string{"/bin/sh", "-c", "trap '' INT TERM; echo ready; while :; do sleep 0.01; done"},
			os.Environ(), strings.NewReader(""), &readyWriter{ready: ready})
		if err != nil {
			t.Error(err)
		}
		out <- status
	}()
	<-ready
	for range killAfter {
		signals <- os.Interrupt
	}
	if got := <-out; got != signalExit+int(syscall.SIGKILL) {
		t.Errorf("the script ends with %d", got)
	}
}

func TestRunScriptThatCannotStart(t *testing.T) {
	t.Parallel()
	i, _ := watchInterrupts(t.Context(), nil)
	defer i.stop()
	if _, err := runScript(i, []string{"/nowhere/python"}, nil, nil, nil); err == nil {
		t.Error("a missing interpreter passes")
	}
}

// readyWriter tells of the first write.
type readyWriter struct {
	ready chan struct{}
	told  bool
}

func (w *readyWriter) Write(p []byte) (int, error) {
	if !w.told {
		w.told = true
		close(w.ready)
	}
	return len(p), nil
}

// TestMissingPackages asks a real interpreter.
func TestMissingPackages(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatalf("%v: the set-up brings one", err)
	}
	p := Process{Environ: os.Environ()}
	missing, err := missingPackages(t.Context(), p, python, []string{"json", "no_such_package", "email"})
	if err != nil || !slices.Equal(missing, []string{"no_such_package"}) {
		t.Errorf("missing are %q, %v", missing, err)
	}
	if _, err := missingPackages(t.Context(), p, "/bin/false", nil); err == nil {
		t.Error("/bin/false passes as an interpreter")
	}
}

// TestWorkerProgress checks that waiting is told in few lines.
func TestWorkerProgress(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	p := newProgress(&text)
	c := sdk.Cluster{Name: "x", Status: "starting", Options: sdk.ClusterOptions{Workers: 50}}
	for up := range 51 {
		c.WorkersRunning = up
		if up == 50 {
			c.Status, c.SchedulerAddress = "running", "tls://127.0.0.1:1"
		}
		p.workers(c)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if lines[0] != "Cluster x: 0 of 50 workers up." || !strings.HasPrefix(lines[len(lines)-1], "Cluster x: 50 of 50 workers up after ") || len(lines) > 20 {
		t.Errorf("said %q", lines)
	}
}
