// Package fake is a backend that launches nothing: its machines exist in memory and behave as the data of each launch says.
//
// It serves tests of what is built on backends, and demonstrations without Python. Nothing in it runs in the background: what a
// process has become is worked out from the times, whenever somebody looks. So it is as deterministic as the clock it is
// given, and works inside testing/synctest.
//
// The environment of a launch steers it. A value holds for all processes that get it, or, as "w-1=5s, w-2=9s", for those named:
//
//	LINEITEM_FAKE_START=fail         ends at once with code 1; never: stays starting; capacity: there is no room; invalid: it is refused
//	LINEITEM_FAKE_START_AFTER=2s     how long it takes to come up
//	LINEITEM_FAKE_EXIT_AFTER=10s     ends unasked so long after its start
//	LINEITEM_FAKE_EXIT_CODE=3        with this code instead of 1
//	LINEITEM_FAKE_STOP_AFTER=500ms   how long it takes to end when asked
//	LINEITEM_FAKE_IGNORE_TERM=1      ends by force only
package fake

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Name is the backend's name.
const Name = "fake"

// Backend is one server's view of some Machines. It implements backend.Backend and keeps nothing itself.
type Backend struct {
	machines     *Machines
	installation string
}

var _ backend.Backend = (*Backend)(nil)

// New opens the machines for an installation. A second value for the same one plays a server that restarted.
func New(m *Machines, installation string) *Backend {
	return &Backend{machines: m, installation: installation}
}

// Name implements backend.Backend.
func (b *Backend) Name() string { return Name }

// Start implements backend.Backend.
func (b *Backend) Start(ctx context.Context, l backend.Launch) (backend.Process, error) {
	p, err := b.machines.start(ctx, b.installation, l)
	if err != nil {
		return backend.Process{}, fmt.Errorf("start process %s: %w", l.ID, err)
	}
	return p, nil
}

// Stop implements backend.Backend.
func (b *Backend) Stop(ctx context.Context, id cluster.ProcessID, grace time.Duration) error {
	if err := b.machines.stop(ctx, b.installation, id, grace); err != nil {
		return fmt.Errorf("stop process %s: %w", id, err)
	}
	return nil
}

// List implements backend.Backend.
func (b *Backend) List(ctx context.Context) ([]backend.Process, error) {
	all, err := b.machines.list(ctx, b.installation)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	return all, nil
}

// Logs implements backend.Backend.
func (b *Backend) Logs(ctx context.Context, id cluster.ProcessID, tail int64) (io.ReadCloser, error) {
	text, err := b.machines.log(ctx, b.installation, id)
	if err != nil {
		return nil, fmt.Errorf("open log of process %s: %w", id, err)
	}
	if from := int64(len(text)) - tail; tail > 0 && from > 0 {
		if i := strings.IndexByte(text[from-1:], '\n'); i >= 0 && int(from)+i < len(text) {
			from += int64(i)
		}
		text = text[from:]
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// Forget implements backend.Backend.
func (b *Backend) Forget(ctx context.Context, id cluster.ID) error {
	if err := b.machines.forget(ctx, b.installation, id); err != nil {
		return fmt.Errorf("forget cluster %s: %w", id, err)
	}
	return nil
}
