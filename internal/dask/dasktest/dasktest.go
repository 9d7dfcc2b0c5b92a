// Package dasktest runs real Dask clusters of the repository's interpreter for tests.
package dasktest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

//go:embed cluster.py
var script string

// Options choose a cluster.
type Options struct {
	Workers int `json:"workers,omitempty"`
	Threads int `json:"threads,omitempty"`
	// TLS is a folder with the files "ca", and "<role>-certificate" and "<role>-key" for client, scheduler and worker; empty for none.
	TLS string `json:"tls,omitempty"`
}

// Cluster is a running cluster.
type Cluster struct {
	// Address is the scheduler's. Script is the path of the file whose functions run on the workers.
	Address, Script string

	mu  sync.Mutex
	in  io.WriteCloser
	out *bufio.Reader
}

// Python returns the interpreter that LINEITEM_PYTHON names, else the repository's.
func Python(tb testing.TB) string {
	tb.Helper()
	if path := os.Getenv("LINEITEM_PYTHON"); path != "" {
		return path
	}
	folder, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		path := filepath.Join(folder, ".venv", "bin", "python")
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			tb.Fatal("there is no .venv/bin/python above this folder: run make setup")
		}
		folder = parent
	}
}

// startTimeout bounds how long a cluster may take to come up, on a busy machine.
const startTimeout = 2 * time.Minute

// Start runs a cluster until the test ends.
func Start(tb testing.TB, o Options) *Cluster {
	tb.Helper()
	folder := tb.TempDir()
	c := &Cluster{Script: filepath.Join(folder, "cluster.py")}
	if err := os.WriteFile(c.Script, []byte(script), 0o600); err != nil {
		tb.Fatal(err)
	}
	options, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(Python(tb), c.Script, string(options))
	cmd.Dir = folder
	// The clusters of tests have no agent of ours, and leave nothing outside the folder.
	cmd.Env = append(os.Environ(), "LINEITEM_AGENT=off", "DASK_TEMPORARY_DIRECTORY="+folder, "DASK_DISTRIBUTED__SCHEDULER__DASHBOARD__ENABLED=false")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.in, err = cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	hung := time.AfterFunc(startTimeout, func() { _ = cmd.Process.Kill() })
	c.out = bufio.NewReader(out)
	tb.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // with its workers, whatever they do
		_, _ = io.Copy(io.Discard, c.out)
		_ = cmd.Wait()
	})
	line, err := c.out.ReadBytes('\n')
	hung.Stop()
	if err != nil {
		tb.Fatalf("the cluster did not come up: %v", err)
	}
	var hello struct{ Address string }
	if err := json.Unmarshal(line, &hello); err != nil {
		tb.Fatal(err)
	}
	c.Address = hello.Address
	return c
}

// Do tells the cluster to do something; cluster.py knows what.
func (c *Cluster) Do(tb testing.TB, command string) {
	tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		tb.Fatalf("%s: %v", command, err)
	}
	if _, err := c.out.ReadBytes('\n'); err != nil {
		tb.Fatalf("%s: %v", command, err)
	}
}
