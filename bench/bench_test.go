package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQuantileAndMedian(t *testing.T) {
	t.Parallel()
	values := []float64{5, 1, 4, 2, 3}
	for _, test := range []struct{ q, want float64 }{{0, 1}, {0.2, 1}, {0.21, 2}, {0.5, 3}, {0.99, 5}, {1, 5}} {
		if got := quantile(values, test.q); got != test.want {
			t.Errorf("quantile(%v) = %v, want %v", test.q, got, test.want)
		}
	}
	if got := median(values); got != 3 {
		t.Errorf("median = %v, want 3", got)
	}
	if got := median(values[:4]); got != 3 {
		t.Errorf("median of four = %v, want the mean of 2 and 4", got)
	}
	if !math.IsNaN(median(nil)) || !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("nothing measured is not a number")
	}
}

// A machine that gets slower during the run changes both sides of a pair alike: the ratio must not see it.
func TestCompareIgnoresDrift(t *testing.T) {
	t.Parallel()
	pairs := []Pair{{With: 1.1, Without: 1}, {With: 2.2, Without: 2}, {With: 4.4, Without: 4}}
	got := compare("x", pairs, AtMost("ratio", 1.2))
	if math.Abs(got.Ratio-1.1) > 1e-9 || got.Value != 2.2 || got.Baseline != 2 || !got.Holds() {
		t.Errorf("compare = %+v", got)
	}
}

func TestTheIntervalOfAMedian(t *testing.T) {
	t.Parallel()
	var values []float64
	for i := range 100 {
		values = append(values, float64(i))
	}
	// Of 100 fair coins 42 to 58 show heads in about nine of ten cases.
	if low, high := medianInterval(values); low != 41 || high != 58 {
		t.Errorf("medianInterval = %v to %v", low, high)
	}
	if low, high := medianInterval([]float64{3, 1, 2}); low != 1 || high != 3 {
		t.Errorf("of three: %v to %v", low, high)
	}
}

func TestCPUIsAddedUp(t *testing.T) {
	t.Parallel()
	got := compareCPU("x", []Pair{{WithCPU: 1, WithoutCPU: 2}, {WithCPU: 3.04, WithoutCPU: 2}}, AtMost("ratio", 1.01))
	if math.Abs(got.Ratio-1.01) > 1e-9 || !got.Holds() {
		t.Errorf("compareCPU = %+v", got)
	}
}

// Pairs of one start of the processes err together: a thousand of them say no more than one where the starts differ.
func TestTheIntervalIsThatOfStarts(t *testing.T) {
	t.Parallel()
	var pairs []Pair
	for start, ratio := range []float64{0.98, 1.00, 1.02, 1.04} {
		for range 1000 {
			pairs = append(pairs, Pair{With: ratio, Without: 1, WithCPU: 2 * ratio, WithoutCPU: 2, Start: start})
		}
	}
	// The mean of four, and Student's 2.353 (three degrees of freedom, tables) times 0.0258 / 2.
	for _, got := range []Result{compare("x", pairs, AtMost("ratio", 1.01)), compareCPU("x_cpu", pairs, AtMost("ratio", 1.01))} {
		if math.Abs(got.Ratio-1.01) > 1e-9 || math.Abs(got.High-1.0404) > 0.001 || math.Abs(got.Low-0.9796) > 0.001 || !got.Holds() {
			t.Errorf("%+v", got)
		}
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		result Result
		want   bool
	}{
		{Result{Ratio: 1.01, Target: AtMost("ratio", 1.01)}, true},
		{Result{Ratio: 1.02, Target: AtMost("ratio", 1.01)}, false},
		{Result{Ratio: 9, Value: 10, Target: AtLeast("value", 10)}, true},
		{Result{Ratio: 11, Value: 9, Target: AtLeast("value", 10)}, false},
		{Result{Ratio: math.NaN(), Target: AtMost("ratio", 1)}, false},
		{Result{Value: math.Inf(1), Target: AtLeast("value", 1)}, false},
	} {
		if got := test.result.Holds(); got != test.want {
			t.Errorf("%+v holds = %v, want %v", test.result, got, test.want)
		}
	}
}

func TestWriteAndTable(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "out")
	result := Result{Name: "watched", Value: 2.02, Unit: "s", Baseline: 2, Ratio: 1.01, Target: AtMost("ratio", 1.01)}
	if err := result.Write(folder); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "watched.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"name": "watched", "value": 2.02, "unit": "s", "baseline": 2.0, "ratio": 1.01, "target": "ratio <= 1.01", "holds": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}

	var table strings.Builder
	missed := Result{Name: "slow", Value: 123456, Unit: "1/s", Baseline: 200000, Ratio: 0.617, Target: AtLeast("ratio", 1)}
	if err := writeTable(&table, []Result{result, missed}); err != nil {
		t.Fatal(err)
	}
	wantTable := `NAME     VALUE   BASELINE  UNIT  RATIO  TARGET         HOLDS
watched  2.02    2         s     1.01   ratio <= 1.01  yes
slow     123456  200000    1/s   0.617  ratio >= 1     NO
`
	if diff := cmp.Diff(wantTable, table.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	all := []Benchmark{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	chosen, err := choose(all, []string{"c", "a"})
	if err != nil || len(chosen) != 2 || chosen[0].Name != "a" || chosen[1].Name != "c" {
		t.Errorf("choose = %v, %v", chosen, err)
	}
	if _, err := choose(all, []string{"d"}); err == nil || !strings.Contains(err.Error(), "choose from a, b, c") {
		t.Errorf("an unknown name gives %v", err)
	}
}

// TestQuestionsAreManyAndDifferent holds that the benchmark of the year asks what docs/cost.md offers.
func TestQuestionsAreManyAndDifferent(t *testing.T) {
	t.Parallel()
	month := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	all := questions(Cast{
		Dearest: "ana", Group: "/risk", Project: "churn", Line: "a.py:1", Cluster: "cl_1",
		Months: []UserMonth{{"ana", month, month.AddDate(0, 1, 0)}, {"ben", month, month.AddDate(0, 1, 0)}},
	})
	seen, classes, dimensions := map[string]bool{}, map[string]int{}, map[string]bool{}
	for _, q := range all {
		if seen[q.String()] {
			t.Errorf("%s is there twice", q)
		}
		seen[q.String()] = true
		classes[q.Class]++
		if q.Since.IsZero() && !strings.Contains(q.By, ",") && len(q.Where) == 0 {
			dimensions[q.By] = true
		}
		if !q.Since.IsZero() && q.Until.Sub(q.Since) > 31*24*time.Hour {
			t.Errorf("%s is more than a month", q)
		}
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "cost.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| dimension | value |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, row := range strings.Split(table, "\n")[2:] {
		first, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for _, name := range strings.Split(first, ",") {
			if name = strings.Trim(name, " `"); !dimensions[name] {
				t.Errorf("nobody asks by %q alone", name)
			}
		}
	}
	if classes[classRollup] < 20 || classes[classDetail] < 15 || classes[classUser] < 10 {
		t.Errorf("questions by class: %v", classes)
	}
}
