package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// TestWhatIsWrittenIsWhatWasMade writes a small organisation twice and asks the store and the warehouse of one, as a server would.
func TestWhatIsWrittenIsWhatWasMade(t *testing.T) {
	t.Parallel()
	var sums [2]summary
	var folder, told string
	for i := range sums {
		folder = filepath.Join(t.TempDir(), "data")
		var stdout, stderr bytes.Buffer
		args := []string{"--data", folder, "--rows", "20k", "--until", "2026-11-05", "--days", "40", "--users", "50", "--groups", "12"}
		if err := run(t.Context(), args, &stdout, &stderr); err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		told = stdout.String()
		text, err := os.ReadFile(filepath.Join(folder, "seed.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &sums[i]); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), args, &stdout, &stderr); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("the second time into one folder: %v", err)
		}
	}
	a, b := sums[0], sums[1]
	if a.Rows != b.Rows || a.Nanos != b.Nanos || a.Clusters != b.Clusters || a.Rows < 15_000 || a.Nanos == 0 {
		t.Errorf("made twice: %+v and %+v", a, b)
	}
	for _, want := range []string{"What went wrong in it:", "token, for 30 days:  lit_", "MB per million line-hours", "bin/lineitem server --data " + folder} {
		if !strings.Contains(told, want) {
			t.Errorf("it does not tell %q:\n%s", want, told)
		}
	}

	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(folder, "lineitem.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	clusters, err := db.ListClusters(t.Context(), cluster.ListFilter{})
	if err != nil || len(clusters) != b.Clusters {
		t.Errorf("%d clusters, want %d: %v", len(clusters), b.Clusters, err)
	}
	catalogue, err := db.Catalogue(t.Context())
	if err != nil || len(catalogue.Marks) != 0 {
		t.Fatalf("%d hours are to be computed again: %v", len(catalogue.Marks), err)
	}
	var nanos cost.Nanos
	var view warehouse.View
	for _, s := range catalogue.Segments {
		view.Segments = append(view.Segments, warehouse.Segment(s))
		if s.Table == "lines" {
			nanos += s.Nanos
		}
	}
	w, err := warehouse.Open(t.Context(), filepath.Join(folder, "warehouse"), warehouse.Options{Currency: b.Currency})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Refresh(t.Context(), view); err != nil {
		t.Fatal(err)
	}
	answer, err := w.Answer(t.Context(), spend.Query{By: []spend.Dimension{"user"}, Since: b.Since, Until: b.Until, Zone: time.UTC, Limit: 1000}, spend.Everything)
	if err != nil || answer.Total != b.Nanos || nanos != b.Nanos || len(answer.Rows) < 20 {
		t.Errorf("%d users cost %d, segments hold %d, want %d: %v", len(answer.Rows), answer.Total, nanos, b.Nanos, err)
	}
}

func TestWhatCannotBeAskedForIsExplained(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"say which folder":         {},
		"nothing beside":           {"--data", "x", "y"},
		`--rows is "many"`:         {"--data", "x", "--rows", "many"},
		`--rows is "9000M"`:        {"--data", "x", "--rows", "9000M"},
		`--until is "tomorrow"`:    {"--data", "x", "--until", "tomorrow"},
		`--time-zone is "Mars"`:    {"--data", "x", "--time-zone", "Mars"},
		"number of users is 1":     {"--data", "x", "--users", "1"},
		"flag provided but not":    {"--colour"},
		"number of groups is 9999": {"--data", "x", "--groups", "9999"},
	} {
		var out bytes.Buffer
		err := run(context.Background(), args, &out, &out)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
	if _, err := os.Stat("x"); err == nil {
		t.Error("a folder was made")
	}
}

func FuzzParseRows(f *testing.F) {
	for _, text := range []string{"100M", "250k", "1000", "-1", "9223372036854775807M", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseRows(text); (err == nil) != (n > 0) || n > 2_000_000_000 {
			t.Errorf("%q is %d, %v", text, n, err)
		}
	})
}
