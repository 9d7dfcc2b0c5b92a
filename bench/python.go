package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The benchmarks that are programs in Python: they compare runs of Dask, and the comparison is theirs; this is the server beside them.

// watchedRatio is what being watched may cost.
const watchedRatio = 1.01

var (
	watched = watch("watched", "mixed", "CSV files, a user function and 400 small tasks")
	tpch    = watch("watched_tpch", "tpch", "TPC-H queries (of another module with LINEITEM_BENCH_TPCH=/path/to/queries.py)")
	tasks   = watch("watched_tasks", "tasks", "20,000 tasks that do nothing")
	cpu     = watch("watched_cpu", "cpu", "plain Python that computes")
	threads = Benchmark{
		Name:  "watched_threads",
		About: "the same work per thread on a worker with 1, 8 and 32 threads, on a cluster with the agent beside one without",
		Run: func(ctx context.Context, env *Env) ([]Result, error) {
			var all []Result
			for _, workload := range []string{"threads_1", "threads_8", "threads_32"} {
				results, err := runWatched(ctx, env, "watched_"+workload, workload)
				if err != nil {
					return all, err
				}
				all = append(all, results...)
			}
			return all, nil
		},
	}
)

var firstResult = Benchmark{
	Name: "first_result",
	About: "Cluster() to the first result, with TLS and the agent, beside a scheduler and a worker started by hand without either, " +
		"taking turns",
	Run: func(ctx context.Context, env *Env) (_ []Result, err error) {
		server, err := env.StartServer(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		measured, err := measurePairs(ctx, env, server, "first_result.py")
		if err != nil {
			return nil, err
		}
		return []Result{compare("first_result", measured, AtMost("ratio", 1.2))}, nil
	},
}

func watch(name, workload, what string) Benchmark {
	return Benchmark{
		Name:  name,
		About: "run time on a cluster with the agent, beside one without it on the same server, by two clients that take turns: " + what,
		Run: func(ctx context.Context, env *Env) ([]Result, error) {
			return runWatched(ctx, env, name, workload)
		},
	}
}

// runWatched compares a workload with and without the agent, and reads what the agents said of themselves.
func runWatched(ctx context.Context, env *Env, name, workload string) (_ []Result, err error) {
	server, err := env.StartServer(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	measured, err := measurePairs(ctx, env, server, "watched.py", workload)
	if err != nil {
		return nil, err
	}
	target := AtMost("ratio", watchedRatio)
	results := []Result{compare(name, measured, target), compareCPU(name+"_cpu", measured, target)}
	figures, err := agentFigures(ctx, env, server)
	if err != nil {
		return nil, err
	}
	return append(results, figures.results(name)...), nil
}

// measurePairs runs a program that prints pairs of seconds, with and without what is measured.
func measurePairs(ctx context.Context, env *Env, server *Server, program string, args ...string) ([]Pair, error) {
	var measured []Pair
	if err := env.RunPython(ctx, program, server.Environ(), &measured, args...); err != nil {
		return nil, err
	}
	if len(measured) == 0 {
		return nil, errors.New("the program measured nothing")
	}
	for _, pair := range measured {
		env.Logf("  with %.3f s, without %.3f s: %.4f", pair.With, pair.Without, pair.With/pair.Without)
	}
	return measured, nil
}

// figures is what the agents of a server's workers cost.
type figures struct {
	Seconds, ThreadSeconds, AgentSeconds float64
	Dropped, Errors                      float64
	// Bytes that the server received, those of schedulers included.
	Bytes float64
}

// Budgets of the agent: docs/telemetry.md.
const (
	agentShare = 0.005     // of a worker's capacity
	agentBytes = 10 * 1000 // a minute and worker
)

func agentFigures(ctx context.Context, env *Env, server *Server) (figures, error) {
	f, err := readFigures(ctx, env, server)
	if err != nil {
		return f, err
	}
	if f.Seconds == 0 {
		return f, errors.New("no worker has reported")
	}
	if f.Errors > 0 || f.Dropped > 0 {
		return f, fmt.Errorf("agents counted %.0f errors and dropped %.0f reports; %s", f.Errors, f.Dropped, agentComplaints(server.Folder))
	}
	f.Bytes, err = metric(ctx, server.URL+"/metrics", "lineitem_ingest_bytes_total")
	return f, err
}

// agentComplaints returns what agents said of their errors in the logs of their processes.
func agentComplaints(folder string) string {
	var found []string
	walk := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".log") {
			return err
		}
		text, err := os.ReadFile(path)
		if at := strings.Index(string(text), "Lineitem's agent"); at >= 0 {
			found = append(found, string(text[at:min(len(text), at+2000)]))
		}
		return err
	}
	if err := filepath.WalkDir(folder, walk); err != nil {
		return err.Error()
	}
	if len(found) == 0 {
		return "their logs say nothing"
	}
	return strings.Join(found, "\n")
}

func (f figures) results(name string) []Result {
	perMinute := f.Bytes / (f.Seconds / 60)
	share := f.AgentSeconds / f.ThreadSeconds
	return []Result{
		{
			Name: name + "_bytes", Unit: "bytes/min/worker", Value: perMinute, Baseline: agentBytes, Ratio: perMinute / agentBytes,
			Target: AtMost("ratio", 2), // a run is short: its first minute may take twice the steady budget
		},
		{
			Name: name + "_agent", Unit: "% of capacity", Value: 100 * share, Baseline: 100 * agentShare, Ratio: share / agentShare,
			Target: AtMost("ratio", 1),
		},
	}
}

// metric reads one figure of a server's metrics.
func metric(ctx context.Context, url, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(text, 64)
		}
	}
	return 0, fmt.Errorf("the server has no metric %s", name)
}
