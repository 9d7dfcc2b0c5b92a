package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Env is what benchmarks run with: the repository, built and set up.
type Env struct {
	Root   string // of the repository
	Binary string // bin/lineitem
	Python string // of .venv
	stderr io.Writer
}

func newEnv(stderr io.Writer) (*Env, error) {
	root, err := filepath.Abs(".")
	if err != nil {
		return nil, fmt.Errorf("find the repository: %w", err)
	}
	env := &Env{
		Root: root, stderr: stderr,
		Binary: filepath.Join(root, "bin", "lineitem"),
		Python: filepath.Join(root, ".venv", "bin", "python"),
	}
	for _, path := range []string{env.Binary, env.Python} {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w: run this from the repository's root, as make bench does", err)
		}
	}
	return env, nil
}

// Logf tells what is going on.
func (e *Env) Logf(format string, args ...any) {
	fmt.Fprintf(e.stderr, format+"\n", args...)
}

// RunPython runs a program of this folder and decodes the JSON that it prints last, as one line, on its standard output.
func (e *Env) RunPython(ctx context.Context, program string, environ []string, into any, args ...string) error {
	command := exec.CommandContext(ctx, e.Python, append([]string{filepath.Join(e.Root, "bench", program)}, args...)...)
	command.Dir = e.Root
	command.Env = append(os.Environ(), environ...)
	command.Stderr = e.stderr
	// An interrupt lets the program end its clusters.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 30 * time.Second
	output, err := command.Output()
	if err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	lines := bytes.Split(bytes.TrimSpace(output), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], into); err != nil {
		return fmt.Errorf("read what %s printed: %w", program, err)
	}
	return nil
}
