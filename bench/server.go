package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lineitem/lineitem/sdk"
)

// Server is a running `lineitem server` with a folder of its own.
type Server struct {
	URL   string
	Token string
	// Folder is gone after Stop.
	Folder string

	binary  string
	args    []string
	root    string
	process *exec.Cmd
	log     *os.File
}

const (
	// startPatience is far more than a server needs to start, on any machine.
	startPatience = 60 * time.Second
	// stopPatience bounds the ending of what it runs.
	stopPatience = 60 * time.Second
	// ticksPerSecond is Linux's USER_HZ, which is fixed.
	ticksPerSecond = 100
	// signInPrefix begins the line in which a server tells how to sign in from a terminal.
	signInPrefix = "Sign in from a terminal once: lineitem login "
)

// StartServer starts the built binary on a free port, with a fresh database, and signs in.
func (e *Env) StartServer(ctx context.Context, args ...string) (_ *Server, err error) {
	folder, err := os.MkdirTemp("", "lineitem-bench-")
	if err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	s := &Server{Folder: folder, binary: e.Binary, args: args, root: e.Root}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start a server: %w", err), s.Stop())
		}
	}()
	if s.log, err = os.Create(filepath.Join(folder, "log")); err != nil {
		return nil, err
	}
	return s, s.Start(ctx)
}

// Start starts the binary on the server's folder, on a free port, and signs in.
func (s *Server) Start(ctx context.Context) error {
	s.URL = "" // of an earlier life
	// Not bound to ctx: Stop ends it in good order, also after an interrupt.
	s.process = exec.Command(s.binary, append([]string{ //nolint:gosec // our own binary
		"server", "--listen", "127.0.0.1:0", "--data", filepath.Join(s.Folder, "data"), "--log-level", "warn",
	}, s.args...)...)
	s.process.Dir = s.root
	s.process.Stderr = s.log
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	link, err := signInLink(ctx, stdout)
	if err != nil {
		return err
	}
	login := exec.CommandContext(ctx, s.binary, "login", link) //nolint:gosec // our own binary
	login.Env = append(os.Environ(), s.Environ()...)
	if output, err := login.CombinedOutput(); err != nil {
		return fmt.Errorf("sign in: %w: %s", err, output)
	}
	return s.readCredentials()
}

// Kill ends the server as a crash would, without a word to it. Start starts it again.
func (s *Server) Kill() error {
	if err := s.process.Process.Kill(); err != nil {
		return fmt.Errorf("kill the server: %w", err)
	}
	_ = s.process.Wait() // it says that it was killed
	return nil
}

// CPUSeconds is the processor time that the server has used since it started.
func (s *Server) CPUSeconds() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the server's processor time: %w", err)
	}
	_, rest, ok := strings.Cut(string(text), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("read the server's processor time: %q", text)
	}
	ticks := 0.0
	for _, field := range fields[11:13] { // of the user, of the system
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, fmt.Errorf("read the server's processor time: %w", err)
		}
		ticks += n
	}
	return ticks / ticksPerSecond, nil
}

// Environ makes our programs use this server and nothing of the user's.
func (s *Server) Environ() []string {
	return []string{"XDG_CONFIG_HOME=" + filepath.Join(s.Folder, "config"), "LINEITEM_SERVER=" + s.URL, "LINEITEM_TOKEN="}
}

// Client speaks to the server as its admin.
func (s *Server) Client() (*sdk.Client, error) { return sdk.New(s.URL, s.Token) }

// Database is the path of the server's SQLite file.
func (s *Server) Database() string { return filepath.Join(s.Folder, "data", "lineitem.db") }

func signInLink(ctx context.Context, stdout io.Reader) (string, error) {
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if link, ok := strings.CutPrefix(lines.Text(), signInPrefix); ok {
				found <- strings.Trim(link, "'")
			}
		}
		close(found)
	}()
	select {
	case link, ok := <-found:
		if !ok {
			return "", errors.New("it ended before it told how to sign in")
		}
		return link, nil
	case <-time.After(startPatience):
		return "", fmt.Errorf("it did not tell how to sign in within %s", startPatience)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (s *Server) readCredentials() error {
	text, err := os.ReadFile(filepath.Join(s.Folder, "config", "lineitem", "credentials.json"))
	if err != nil {
		return err
	}
	var credentials struct {
		Servers map[string]struct {
			Token string `json:"token"`
		} `json:"servers"`
		Default string `json:"default"`
	}
	if err := json.Unmarshal(text, &credentials); err != nil {
		return fmt.Errorf("read the credentials: %w", err)
	}
	s.URL = credentials.Default
	s.Token = credentials.Servers[s.URL].Token
	if s.Token == "" {
		return errors.New("signing in left no token")
	}
	return nil
}

// Stop ends every cluster that is left and then the server, and removes its folder.
func (s *Server) Stop() error {
	var failures []error
	if s.process != nil && s.process.Process != nil {
		failures = append(failures, s.stopClusters(), s.process.Process.Signal(syscall.SIGTERM))
		ended := make(chan error, 1)
		go func() { ended <- s.process.Wait() }()
		select {
		case err := <-ended:
			failures = append(failures, err)
		case <-time.After(stopPatience):
			failures = append(failures, fmt.Errorf("the server did not end within %s", stopPatience), s.process.Process.Kill())
			failures = append(failures, <-ended)
		}
	}
	err := errors.Join(failures...)
	if err != nil && s.log != nil {
		if text, readErr := os.ReadFile(s.log.Name()); readErr == nil {
			err = fmt.Errorf("%w\nthe server's log:\n%s", err, text)
		}
	}
	if s.log != nil {
		err = errors.Join(err, s.log.Close())
	}
	return errors.Join(err, os.RemoveAll(s.Folder))
}

// stopClusters asks every live cluster to end and waits until all have: processes outlive a server, and must not outlive a benchmark.
func (s *Server) stopClusters() error {
	if s.Token == "" {
		return nil
	}
	// Not the benchmark's context: after an interrupt there is still this to do.
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	client, err := s.Client()
	if err != nil {
		return err
	}
	for {
		live, err := client.ListClusters(ctx, sdk.ListClustersOptions{Statuses: []string{"pending", "starting", "running", "stopping"}, Limit: 200})
		if err != nil {
			return fmt.Errorf("end the clusters: %w", err)
		}
		// Watched ones are nothing that runs.
		live.Items = slices.DeleteFunc(live.Items, func(c sdk.Cluster) bool { return c.Watched })
		if len(live.Items) == 0 {
			return nil
		}
		for _, c := range live.Items {
			if c.Target == "stopped" {
				continue
			}
			if _, err := client.StopCluster(ctx, c.ID); err != nil {
				return fmt.Errorf("end cluster %s: %w", c.Name, err)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d clusters did not end within %s", len(live.Items), stopPatience)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
