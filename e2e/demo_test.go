package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemo is the main job, end to end: nothing is there but the binary and an interpreter.
func TestDemo(t *testing.T) {
	h := newHome(t)
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
	parquet, err := filepath.Glob(filepath.Join(h.folder, ".local", "share", "lineitem", "demo", "flights", "features", "*.parquet"))
	if err != nil || len(parquet) == 0 {
		t.Errorf("the example wrote no Parquet: %v", err)
	}
}
