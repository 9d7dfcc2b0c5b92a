// Package local runs the processes of clusters on the server's own machine.
//
// A process is a real `dask scheduler` or `dask worker` in a session of its own, so that it survives the server. What the
// backend knows lies in files under its folder and in the processes' environment; a new server reads both and carries on:
//
//	lock                                     held for each change, so two values over one folder do not collide
//	alive                                    its time is when somebody last looked at the processes
//	clusters/<cluster>/processes/<id>.json   the record: intent, pid and start time, stop request, end
//	clusters/<cluster>/credentials/<id>/     key, certificates and agent token of one process, mode 0600
//	clusters/<cluster>/run/scheduler.json    where the scheduler listens; the scheduler writes it, workers wait for it
//	clusters/<cluster>/scratch/<id>/         working folder and spill space
//	clusters/<cluster>/logs/<id>.log         stdout and stderr
//	archive/<cluster>/{processes,logs}/      what Forget keeps
//
// Three rules keep processes from getting lost or strangers from being hit:
//
//   - A process waits behind a gate until its pid and start time are recorded. If the server dies before, the gate
//     breaks and Dask never starts. So an intent without a pid proves that nothing ran.
//   - A pid counts only together with its start time and the machine's boot; signals go through a process handle.
//   - Everything carries the tag LINEITEM_INSTALLATION in its environment, children included. On Linux, List finds what carries the tag
//     even if its record was lost. Other systems have the records only.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Name is the backend's name.
const Name = "local"

// Config says where and for whom a Backend works.
type Config struct {
	// Dir is the backend's own folder, created with mode 0700 if missing.
	Dir string
	// Installation is the id of the server's installation, the tag of its processes.
	Installation string
	// Python is the interpreter of launches that name none: a path, or a name to look up in PATH. Empty means "python3".
	Python string
	// Logger gets what people may need to know later; nil discards it.
	Logger *slog.Logger
}

// Backend runs processes on this machine. It implements backend.Backend.
type Backend struct {
	dir          string
	installation string
	python       string
	boot         string
	logger       *slog.Logger

	// mu is held during each change, and inside it the lock file.
	mu     sync.Mutex
	closed bool
	// children are the processes that this value started and has not yet waited for: their exit status will be known.
	children map[cluster.ProcessID]bool
	// watched are processes that this value has seen alive, so their end is noticed when it happens.
	watched map[cluster.ProcessID]bool
	// up are workers known to have registered with their scheduler.
	up map[cluster.ProcessID]bool
	// strays are what was left in the sessions of children when they ended.
	strays map[cluster.ProcessID][]sighting

	wake chan struct{}
	stop chan struct{}
	done chan struct{}
	once sync.Once
}

var _ backend.Backend = (*Backend)(nil)

// New opens the backend's folder and takes over what runs there: requests to stop that a former server did not finish are
// carried on at once. Close releases it.
func New(c Config) (*Backend, error) {
	if c.Dir == "" || c.Installation == "" {
		return nil, errors.New("open local backend: the folder or the installation id is missing")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open local backend: %w", err)
	}
	for _, d := range []string{dir, filepath.Join(dir, "clusters"), filepath.Join(dir, "archive")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("open local backend: %w", err)
		}
	}
	boot, err := bootID()
	if err != nil {
		return nil, fmt.Errorf("open local backend: read the machine's boot id: %w", err)
	}
	b := &Backend{
		dir: dir, installation: c.Installation, python: c.Python, boot: boot, logger: c.Logger,
		children: map[cluster.ProcessID]bool{}, watched: map[cluster.ProcessID]bool{}, up: map[cluster.ProcessID]bool{},
		strays: map[cluster.ProcessID][]sighting{},
		wake:   make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if b.python == "" {
		b.python = "python3"
	}
	if b.logger == nil {
		b.logger = slog.New(slog.DiscardHandler)
	}
	go b.attend()
	return b, nil
}

// errClosed is what every call after Close answers.
var errClosed = errors.New("the local backend is closed")

// Close ends the value's own work and waits until it has: the folder is not touched any more. The processes go on.
func (b *Backend) Close() error {
	b.once.Do(func() { close(b.stop) })
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// Name implements backend.Backend.
func (b *Backend) Name() string { return Name }

// lock makes the caller the only one who changes the folder, in this process and among others.
func (b *Backend) lock() (unlock func(), err error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil, errClosed
	}
	f, err := os.OpenFile(filepath.Join(b.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		b.mu.Unlock()
		return nil, fmt.Errorf("lock: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		b.mu.Unlock()
		return nil, fmt.Errorf("lock: %w", err)
	}
	return func() {
		_ = f.Close() // which releases the lock
		b.mu.Unlock()
	}, nil
}

// List implements backend.Backend.
func (b *Backend) List(ctx context.Context) ([]backend.Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list local processes: %w", err)
	}
	unlock, err := b.lock()
	if err != nil {
		return nil, fmt.Errorf("list local processes: %w", err)
	}
	defer unlock()
	records, err := b.records()
	if err != nil {
		return nil, fmt.Errorf("list local processes: %w", err)
	}
	found, err := b.scan()
	if err != nil {
		return nil, fmt.Errorf("list local processes: %w", err)
	}
	now := time.Now()
	known := map[cluster.ProcessID]bool{}
	var out []backend.Process
	for _, r := range records {
		if r.PID == 0 && r.EndedAt.IsZero() {
			continue // an intent: nothing runs, and Start or Stop will say what becomes of it
		}
		if err := b.settle(r, found[r.ID], now); err != nil {
			return nil, fmt.Errorf("list local processes: %w", err)
		}
		known[r.ID] = true
		out = append(out, b.process(r, now))
	}
	for id, tagged := range found {
		if known[id] {
			continue
		}
		if r, err := b.find(id); err == nil && !r.EndedAt.IsZero() {
			b.kill(tagged) // forgotten: it is over
			continue
		}
		out = append(out, b.process(b.recordOf(id, tagged), now))
	}
	b.touchAlive(now)
	return out, nil
}

// touchAlive notes that all processes without an end were alive at now. It spares the disk a write per call.
func (b *Backend) touchAlive(now time.Time) {
	path := filepath.Join(b.dir, "alive")
	if info, err := os.Stat(path); err == nil && now.Sub(info.ModTime()) < time.Second {
		return
	}
	if err := os.WriteFile(path, nil, 0o600); err == nil {
		err = os.Chtimes(path, now, now)
		if err != nil {
			b.logger.Warn("note when processes were seen", slog.Any("error", err))
		}
	}
}
