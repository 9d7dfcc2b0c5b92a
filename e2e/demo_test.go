package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemo is the main job, end to end: nothing is there but the binary and an interpreter.
func TestDemo(t *testing.T) {
	h := newHome(t)
	t.Run("once", func(t *testing.T) { demoOnce(t, h) })
	t.Run("stays", func(t *testing.T) { demoStays(t, h) })
}

func demoOnce(t *testing.T, h *home) {
	r := h.must(t, "demo", "--once", "--listen", "127.0.0.1:0", "-o", "json")
	b := bill(t, r.stdout)
	observed(t, b)
	if !strings.Contains(r.stderr, "Minutes late on arrival") {
		t.Errorf("the example's answer is missing:\n%s", r.stderr)
	}

	source, err := os.ReadFile(filepath.Join("..", "examples", "flights.py"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(source), "\n")
	functions := map[string]bool{}
	for _, line := range b.Lines {
		if filepath.Base(line.File) != "flights.py" || line.Line < 1 || line.Line > len(lines) {
			t.Errorf("a line is not of the example: %+v", line)
			continue
		}
		if want := strings.TrimSpace(lines[line.Line-1]); strings.TrimSpace(line.Text) != want {
			t.Errorf("line %d is said to be %q, it is %q", line.Line, line.Text, want)
		}
		functions[line.Function] = true
	}
	// The user's own functions on the workers, and the line of main that asked for the rest.
	for _, want := range []string{"great_circle", "sun_height", "dark_share", "main"} {
		if !functions[want] {
			t.Errorf("no line of %s is in the bill; there are %v", want, functions)
		}
	}
	parquet, err := filepath.Glob(filepath.Join(demoData(h), "features", "*.parquet"))
	if err != nil || len(parquet) == 0 {
		t.Errorf("the example wrote no Parquet: %v", err)
	}
}

// demoStays checks that without --once the server is there after the bill, until it is told to stop.
func demoStays(t *testing.T, h *home) {
	// One month of the year is enough here.
	for month := 2; month <= 12; month++ {
		if err := os.Remove(filepath.Join(demoData(h), fmt.Sprintf("flights-%02d.csv", month))); err != nil {
			t.Fatal(err)
		}
	}
	cmd := h.command("demo", "--listen", "127.0.0.1:0", "--workers", "1", "-o", "json")
	stdout, stderr := &safeBuffer{}, &safeBuffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stderr.waitFor(t, "Ctrl-C stops the server.")
	b := bill(t, stdout.String())
	_, rest, _ := strings.Cut(stderr.String(), "The bill is at ")
	page, _, _ := strings.Cut(rest, ". Ctrl-C")
	if !strings.HasSuffix(page, "/clusters/"+b.ClusterID) || !strings.Contains(stderr.String(), "/signin?to=%2Fclusters%2F"+b.ClusterID+"#code=") {
		t.Errorf("the way to the cluster's page is missing:\n%s", stderr.String())
	}
	answer, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("the page %s answers %s, %v", page, answer.Status, err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the demo ends with %v", err)
	}
}

// demoData is where the demo keeps the flights.
func demoData(h *home) string {
	return filepath.Join(h.folder, ".local", "share", "lineitem", "demo", "flights")
}
