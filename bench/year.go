package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lineitem/lineitem/sdk"
)

const (
	// yearFolder names the data folder of a seeded year; without it a small one is made.
	yearFolder = "LINEITEM_YEAR"
	// yearRows is how many rows that small one has: a hundredth.
	yearRows   = 1_000_000
	yearRounds = 5
)

var year = Benchmark{
	Name:  "year",
	About: "questions of cost over the seeded year of " + yearFolder + " (make seed-year), else over one of a hundredth of its size; beside their targets",
	Run:   runYear,
}

// Seeded is what seeding wrote down of a year.
type Seeded struct {
	Rows    int64     `json:"rows"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Bytes   int64     `json:"segment_bytes"`
	Seconds float64   `json:"seconds"`
}

func runYear(ctx context.Context, env *Env) (_ []Result, err error) {
	folder, remove, err := env.seededYear(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	var seeded Seeded
	text, err := os.ReadFile(filepath.Join(folder, "seed.json"))
	if err == nil {
		err = json.Unmarshal(text, &seeded)
	}
	if err != nil {
		return nil, fmt.Errorf("read what seeding wrote of %s: %w", folder, err)
	}
	env.Logf("year: %d line-hours from %s to %s", seeded.Rows, seeded.Since.Format(time.DateOnly), seeded.Until.Format(time.DateOnly))

	server, err := env.StartServer(ctx, "--data", folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	client, err := server.Client()
	if err != nil {
		return nil, err
	}
	times, err := env.askAll(ctx, client, seeded)
	if err != nil {
		return nil, err
	}
	peak, err := peakMemory(server.process.Process.Pid)
	if err != nil {
		return nil, err
	}
	var results []Result
	add := func(name, unit string, value, target float64) {
		results = append(results, Result{Name: name, Unit: unit, Value: value, Baseline: target, Ratio: value / target, Target: AtMost("value", target)})
	}
	for _, c := range []struct {
		class  string
		target float64
	}{{classRollup, 300}, {classDetail, 3000}, {classUser, 100}} {
		env.Logf("year: %s: p50 %.0f ms, p95 %.0f ms, slowest %.0f ms of %d", c.class, quantile(times[c.class], 0.5), quantile(times[c.class], 0.95), quantile(times[c.class], 1), len(times[c.class]))
		add("year_"+c.class+"_p95", "ms", quantile(times[c.class], 0.95), c.target)
	}
	add("year_server_peak_memory", "MB", float64(peak)/1e6, 1500)
	add("year_disk_per_million", "MB", float64(seeded.Bytes)/float64(seeded.Rows), 25)
	return results, nil
}

// seededYear returns the folder of a year, and what removes it if it was made for this run.
func (e *Env) seededYear(ctx context.Context) (folder string, remove func() error, err error) {
	if folder = os.Getenv(yearFolder); folder != "" {
		return folder, func() error { return nil }, nil
	}
	e.Logf("year: %s is not set, so this is NOT the full size: a year of %d line-hours is made", yearFolder, yearRows)
	parent, err := os.MkdirTemp("", "lineitem-year-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder for the year: %w", err)
	}
	remove = func() error { return os.RemoveAll(parent) }
	folder = filepath.Join(parent, "data")
	command := exec.CommandContext(ctx, "go", "run", "-buildvcs=false", "./internal/seed/seedyear", "--data", folder, "--rows", strconv.Itoa(yearRows)) //nolint:gosec // our own program
	command.Dir, command.Stdout, command.Stderr = e.Root, e.stderr, e.stderr
	if err := command.Run(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("seed a year: %w", err), remove())
	}
	return folder, remove, nil
}

// askAll asks every question several times, in another order each time, and returns the milliseconds by class. It fails where answers
// of one window do not hold the same money.
func (e *Env) askAll(ctx context.Context, client *sdk.Client, seeded Seeded) (map[string][]float64, error) {
	cast, err := casting(ctx, client, seeded)
	if err != nil {
		return nil, err
	}
	all := questions(cast)
	money, each, times := map[time.Time]int64{}, make([][]float64, len(all)), map[string][]float64{}
	order := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // The same order each time.
	for range yearRounds {
		for _, i := range order.Perm(len(all)) {
			q := all[i]
			if q.Since.IsZero() {
				q.Since, q.Until = seeded.Since, seeded.Until
			}
			start := time.Now()
			answer, err := ask(ctx, client, q)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", all[i], err)
			}
			ms := float64(time.Since(start).Microseconds()) / 1000
			each[i] = append(each[i], ms)
			times[q.Class] = append(times[q.Class], ms)
			if err := sums(answer); err != nil {
				return nil, fmt.Errorf("%s: %w", all[i], err)
			}
			if known, ok := money[q.Since]; ok && known != answer.AllNanos {
				return nil, fmt.Errorf("%s: the window's cost is %d, and was %d in another answer", all[i], answer.AllNanos, known)
			}
			money[q.Since] = answer.AllNanos
		}
	}
	for i, q := range all {
		e.Logf("year: %7.1f ms, at worst %7.1f: %s", median(each[i]), quantile(each[i], 1), q)
	}
	return times, nil
}

func ask(ctx context.Context, client *sdk.Client, q Question) (sdk.CostBreakdown, error) {
	return client.CostBreakdown(ctx, sdk.BreakdownOptions{By: strings.Split(q.By, ","), Where: q.Where, Since: q.Since, Until: q.Until, Zone: "UTC"})
}

// sums checks that rows and rest are the total, and that there is one.
func sums(a sdk.CostBreakdown) error {
	sum := a.RestNanos
	for _, row := range a.Rows {
		sum += row.CostNanos
	}
	switch {
	case sum != a.TotalNanos:
		return fmt.Errorf("rows and rest sum to %d, the total is %d", sum, a.TotalNanos)
	case a.TotalNanos == 0:
		return errors.New("it cost nothing: the question is about nobody")
	}
	return nil
}

// casting finds who and what to ask about.
func casting(ctx context.Context, client *sdk.Client, seeded Seeded) (Cast, error) {
	cast := Cast{Until: seeded.Until}
	var failures []error
	keys := func(by string, where ...string) []string {
		a, err := client.CostBreakdown(ctx, sdk.BreakdownOptions{By: []string{by}, Where: where, Since: seeded.Since, Until: seeded.Until, Zone: "UTC", Limit: 10_000})
		if err != nil {
			failures = append(failures, fmt.Errorf("ask by %s: %w", by, err))
			return nil
		}
		var out []string
		for _, row := range a.Rows {
			if row.Keys[0] != "" {
				out = append(out, row.Keys[0])
			}
		}
		if len(out) == 0 {
			failures = append(failures, fmt.Errorf("there is no %s in that year", by))
		}
		return out
	}
	users, groups, projects := keys("user"), keys("group"), keys("project")
	lines, clusters := keys("line", "kind=work"), keys("cluster")
	if err := errors.Join(failures...); err != nil {
		return Cast{}, err
	}
	cast.Dearest, cast.Middle, cast.Small = users[0], users[len(users)/4], users[len(users)/2]
	cast.Group = "/" + strings.Split(groups[0], "/")[1]
	cast.Project, cast.Line, cast.Cluster = projects[0], lines[0], clusters[len(clusters)/2]
	return cast, nil
}

// peakMemory is the most that a process has had in memory.
func peakMemory(pid int) (int64, error) {
	file, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("read a process's memory: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			return kilobytes * 1024, err
		}
	}
	return 0, errors.Join(errors.New("the system does not tell a process's peak of memory"), lines.Err())
}
