package main

import (
	"context"
	"errors"
)

// The benchmarks that are programs in Python: they compare runs of Dask, and the comparison is theirs; this is the server beside them.

var watched = Benchmark{
	Name: "watched",
	About: "run time of a workload on a cluster with the agent, beside one without it on the same server, " +
		"by two clients that take turns",
	Run: pairs("watched.py", "watched", AtMost("ratio", 1.01)),
}

var firstResult = Benchmark{
	Name: "first_result",
	About: "Cluster() to the first result, with TLS and the agent, beside a scheduler and a worker started by hand without either, " +
		"taking turns",
	Run: pairs("first_result.py", "first_result", AtMost("ratio", 1.2)),
}

// pairs runs a program that prints pairs of seconds, with and without what is measured.
func pairs(program, name string, target Target) func(ctx context.Context, env *Env) ([]Result, error) {
	return func(ctx context.Context, env *Env) (_ []Result, err error) {
		server, err := env.StartServer(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		var measured []Pair
		if err := env.RunPython(ctx, program, server.Environ(), &measured); err != nil {
			return nil, err
		}
		if len(measured) == 0 {
			return nil, errors.New("the program measured nothing")
		}
		for _, pair := range measured {
			env.Logf("  with %.3f s, without %.3f s: %.4f", pair.With, pair.Without, pair.With/pair.Without)
		}
		return []Result{compare(name, "s", measured, target)}, nil
	}
}
