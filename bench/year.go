package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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
	pid := server.process.Process.Pid
	times, processor, err := env.askAll(ctx, client, seeded, pid)
	if err != nil {
		return nil, err
	}
	peak, err := peakMemory(pid)
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
		waits, cpu := times[c.class], processor[c.class]
		env.Logf("year: %s: %d answers, p50 %.0f ms, p95 %.0f ms, slowest %.0f ms; processor time p50 %.0f ms, p95 %.0f ms",
			c.class, len(waits), quantile(waits, 0.5), quantile(waits, 0.95), quantile(waits, 1), quantile(cpu, 0.5), quantile(cpu, 0.95))
		add("year_"+c.class+"_p95", "ms", quantile(waits, 0.95), c.target)
	}
	add("year_server_peak_memory", "MB", float64(peak)/1e6, 1500)
	add("year_disk_per_million", "MB", float64(seeded.Bytes)/float64(seeded.Rows), 40)
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

// askAll asks every question several times, in another order each time, and returns by class the milliseconds until the answer and those that the
// server's threads ran meanwhile, which other programs on the machine change less. It fails where answers of one window do not hold the same money.
func (e *Env) askAll(ctx context.Context, client *sdk.Client, seeded Seeded, pid int) (times, processor map[string][]float64, err error) {
	cast, err := casting(ctx, client, seeded)
	if err != nil {
		return nil, nil, err
	}
	all := questions(cast)
	times, processor = map[string][]float64{}, map[string][]float64{}
	money, each, cpus := map[time.Time]int64{}, make([][]float64, len(all)), make([][]float64, len(all))
	order := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // The same order each time.
	for range yearRounds {
		for _, i := range order.Perm(len(all)) {
			q := all[i]
			if q.Since.IsZero() {
				q.Since, q.Until = seeded.Since, seeded.Until
			}
			start, before := time.Now(), processorTime(pid)
			answer, err := ask(ctx, client, q)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", all[i], err)
			}
			ms, cpu := float64(time.Since(start).Microseconds())/1000, processorTime(pid)-before
			each[i], cpus[i] = append(each[i], ms), append(cpus[i], cpu)
			times[q.Class], processor[q.Class] = append(times[q.Class], ms), append(processor[q.Class], cpu)
			if err := sums(answer); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", all[i], err)
			}
			if known, ok := money[q.Since]; ok && known != answer.AllNanos {
				return nil, nil, fmt.Errorf("%s: the window's cost is %d, and was %d in another answer", all[i], answer.AllNanos, known)
			}
			money[q.Since] = answer.AllNanos
		}
	}
	for i, q := range all {
		e.Logf("year: %7.1f ms, at worst %7.1f, processor %5.0f: %s", median(each[i]), quantile(each[i], 1), median(cpus[i]), q)
	}
	return times, processor, nil
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
	var failures []error
	keys := func(since, until time.Time, by string, where ...string) []string {
		a, err := client.CostBreakdown(ctx, sdk.BreakdownOptions{By: []string{by}, Where: where, Since: since, Until: until, Zone: "UTC", Limit: 10_000})
		if err != nil {
			failures = append(failures, fmt.Errorf("ask by %s: %w", by, err))
		}
		var out []string
		for _, row := range a.Rows {
			if row.Keys[0] != "" {
				out = append(out, row.Keys[0])
			}
		}
		if len(out) == 0 {
			failures = append(failures, fmt.Errorf("there is no %s in that time", by))
			out = []string{""}
		}
		return out
	}
	of := func(by string, where ...string) []string { return keys(seeded.Since, seeded.Until, by, where...) }
	clusters := of("cluster")
	cast := Cast{
		Dearest: of("user")[0], Group: "/" + strings.Split(strings.TrimPrefix(of("group")[0], "/"), "/")[0], Project: of("project")[0],
		Line: of("line", "kind=work")[0], Cluster: clusters[len(clusters)/2],
	}
	// The dearest, one of the middle, and one who spent little.
	for i, of := range []float64{0, 0.25, 0.6} {
		month := time.Date(seeded.Until.Year(), seeded.Until.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, -1-2*i, 0)
		users := keys(month, month.AddDate(0, 1, 0), "user")
		cast.Months = append(cast.Months, UserMonth{users[int(of*float64(len(users)))], month, month.AddDate(0, 1, 0)})
	}
	return cast, errors.Join(failures...)
}

// tick is the unit in which Linux counts processor time, in milliseconds.
const tick = 10

// processorTime is how many milliseconds the threads of a process have run, NaN where the system does not tell.
func processorTime(pid int) float64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	// The second field is a name in brackets, which may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if err != nil || len(fields) < 13 {
		return math.NaN()
	}
	user, failedUser := strconv.ParseInt(fields[11], 10, 64)
	system, failedSystem := strconv.ParseInt(fields[12], 10, 64)
	if failedUser != nil || failedSystem != nil {
		return math.NaN()
	}
	return float64(user+system) * tick
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
