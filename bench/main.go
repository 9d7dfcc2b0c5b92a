// Command bench measures Lineitem against named baselines, both in the same run, so that a figure does not depend on the
// machine. It prints a table and writes out/<name>.json for each figure.
//
//	go run ./bench              all benchmarks
//	go run ./bench watched      one, or several by name
//	go run ./bench -list        what there is
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Benchmark is one measurement. It may yield several figures, each with a name of its own.
type Benchmark struct {
	Name  string
	About string // what is compared with what, in a sentence
	Run   func(ctx context.Context, env *Env) ([]Result, error)
}

// benchmarks are all there are, in the order they run.
var benchmarks = []Benchmark{watched, tpch, tasks, cpu, threads, firstResult, ingest, ingest10k, year}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	list := flags.Bool("list", false, "print the benchmarks and what they compare")
	strict := flags.Bool("strict", false, "fail when a target does not hold")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *list {
		for _, b := range benchmarks {
			fmt.Fprintf(stdout, "%-16s %s\n", b.Name, b.About)
		}
		return nil
	}
	chosen, err := choose(benchmarks, flags.Args())
	if err != nil {
		return err
	}
	env, err := newEnv(stderr)
	if err != nil {
		return err
	}

	var results []Result
	var failures []error
	for _, b := range chosen {
		env.Logf("%s: %s", b.Name, b.About)
		start := time.Now()
		measured, err := b.Run(ctx, env)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", b.Name, err))
			continue
		}
		env.Logf("%s: done in %s", b.Name, time.Since(start).Round(time.Second))
		for _, result := range measured {
			if err := result.Write(filepath.Join(env.Root, "bench", "out")); err != nil {
				failures = append(failures, err)
			}
		}
		results = append(results, measured...)
	}
	if err := writeTable(stdout, results); err != nil {
		return err
	}
	if *strict {
		for _, result := range results {
			if !result.Holds() {
				failures = append(failures, fmt.Errorf("%s does not hold: %s", result.Name, result.Target))
			}
		}
	}
	return errors.Join(failures...)
}

// choose picks benchmarks by name, in the order they are registered; all of them without a name.
func choose(all []Benchmark, names []string) ([]Benchmark, error) {
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, b := range all {
		known = append(known, b.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no benchmark %q: choose from %s", name, strings.Join(known, ", "))
		}
	}
	var chosen []Benchmark
	for _, b := range all {
		if slices.Contains(names, b.Name) {
			chosen = append(chosen, b)
		}
	}
	return chosen, nil
}
