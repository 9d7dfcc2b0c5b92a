package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"
)

// Result is one figure beside what it is compared with.
type Result struct {
	Name     string
	Value    float64
	Unit     string
	Baseline float64 // in the same unit, measured in the same run unless the benchmark says otherwise
	Ratio    float64 // how the value stands to the baseline; for pairs the mean over starts of the processes of the median ratio, or with few starts the median of all
	// Low and High bound the true ratio with a probability of about 90 %; zero where no interval is known.
	Low, High float64
	Target    Target
}

// Target is what a figure must keep to.
type Target struct {
	Of    string // "ratio" or "value"
	Most  float64
	Least float64 // used where Most is zero
}

// AtMost is a target for figures that should be small.
func AtMost(of string, bound float64) Target { return Target{Of: of, Most: bound} }

// AtLeast is a target for figures that should be large.
func AtLeast(of string, bound float64) Target { return Target{Of: of, Least: bound} }

func (t Target) String() string {
	if t.Most != 0 {
		return t.Of + " <= " + number(t.Most)
	}
	return t.Of + " >= " + number(t.Least)
}

// Holds reports whether the figure keeps to its target. What could not be computed does not.
func (r Result) Holds() bool {
	figure := r.Value
	if r.Target.Of == "ratio" {
		figure = r.Ratio
	}
	if math.IsNaN(figure) || math.IsInf(figure, 0) {
		return false
	}
	if r.Target.Most != 0 {
		return figure <= r.Target.Most
	}
	return figure >= r.Target.Least
}

// MarshalJSON writes the target as a sentence and whether it holds.
func (r Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name     string  `json:"name"`
		Value    float64 `json:"value"`
		Unit     string  `json:"unit"`
		Baseline float64 `json:"baseline"`
		Ratio    float64 `json:"ratio"`
		Low      float64 `json:"low,omitempty"`
		High     float64 `json:"high,omitempty"`
		Target   string  `json:"target"`
		Holds    bool    `json:"holds"`
	}{r.Name, r.Value, r.Unit, r.Baseline, r.Ratio, r.Low, r.High, r.Target.String(), r.Holds()})
}

// Write writes the result to <name>.json in a folder.
func (r Result) Write(folder string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the result %s: %w", r.Name, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write the result %s: %w", r.Name, err)
	}
	return os.WriteFile(filepath.Join(folder, r.Name+".json"), append(text, '\n'), 0o644)
}

func writeTable(w io.Writer, results []Result) error {
	if len(results) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var failures []error
	row := func(format string, args ...any) {
		_, err := fmt.Fprintf(table, format, args...)
		failures = append(failures, err)
	}
	row("NAME\tVALUE\tBASELINE\tUNIT\tRATIO\tTARGET\tHOLDS\n")
	for _, r := range results {
		holds := "yes"
		if !r.Holds() {
			holds = "NO"
		}
		row("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, number(r.Value), number(r.Baseline), r.Unit, r.ratio(), r.Target, holds)
	}
	failures = append(failures, table.Flush())
	return errors.Join(failures...)
}

// ratio writes the ratio, with its interval where there is one.
func (r Result) ratio() string {
	if r.High == 0 {
		return number(r.Ratio)
	}
	return fmt.Sprintf("%s (%s–%s)", number(r.Ratio), number(r.Low), number(r.High))
}

// number writes a figure with four significant digits, and whole where it is large.
func number(x float64) string {
	if math.Abs(x) >= 1000 {
		return strconv.FormatFloat(math.Round(x), 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
