// Package backend declares what can run the processes of a cluster: this machine, Kubernetes, Slurm, a cloud.
//
// A backend is a mechanism, not a policy: it launches, lists and ends processes when told to, and it keeps no
// memory that it could not rebuild from the machines themselves. What should run is decided in core/cluster and written
// to the store first; internal/controller moves the machines towards it.
package backend

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Errors that a backend returns, wrapped. They say what to do next.
var (
	// ErrGone reports that the process does not exist (any more): nothing is left to end.
	ErrGone = errors.New("process is gone")
	// ErrCapacity reports that there is no room now: try again later or elsewhere, nothing was started.
	ErrCapacity = errors.New("no capacity")
	// ErrInvalid reports a launch that can never work as asked: tell the user, do not retry.
	ErrInvalid = errors.New("invalid launch")
)

// Backend launches, lists and ends the processes of clusters.
//
// Lifetime: one value serves all clusters of one installation for the life of the server; the processes outlive it,
// and a new value over the same machines (after a crash, say) sees and controls everything the old one started.
// Concurrency: all methods may be called at the same time, also for the same process.
// Idempotence: every method may be called again with the same arguments after any failure or crash.
// Identity: a process is known by Launch.ID, chosen by the caller before the first call and never reused.
type Backend interface {
	// Name is the short name that users see: "local".
	Name() string

	// Start launches the process described by l and returns as soon as it has been created; it does not wait for
	// Dask to come up. Starting an id that already runs changes nothing and returns its state; an id that
	// already ended returns its ended state and is not started again. A worker may be started before its scheduler has
	// come up. On error either nothing runs, or List shows what runs.
	Start(ctx context.Context, l Launch) (Process, error)

	// Stop asks the process to end: politely first, by force after grace. It returns nil as soon as the
	// request is made, also when called again while the process is ending, and ErrGone when nothing of it is
	// left. A later call with a shorter grace hastens the end.
	Stop(ctx context.Context, id cluster.ProcessID, grace time.Duration) error

	// List returns every process of this installation that runs, and every ended one that has not been
	// forgotten, in no order. It is the truth for the sweeper: nothing that runs and carries the installation's tag may be missing.
	List(ctx context.Context) ([]Process, error)

	// Logs opens the output (stdout and stderr as one) of a process, running or ended. A tail > 0 limits it to about
	// the last so many bytes, beginning at a line. ErrGone if there is none.
	Logs(ctx context.Context, id cluster.ProcessID, tail int64) (io.ReadCloser, error)

	// Forget drops what is kept of an ended process's cluster on the machines except its logs (credentials, scratch
	// space). Nothing is left to forget: nil.
	Forget(ctx context.Context, id cluster.ID) error
}

// Launch describes a process to start.
type Launch struct {
	ID        cluster.ProcessID
	ClusterID cluster.ID
	Role      cluster.Role
	// Name is the process's name in Dask, "scheduler" or "w-0".
	Name    string
	Threads int
	// MemoryBytes is the memory limit that Dask is told.
	MemoryBytes int64
	// Python is the interpreter to use; empty for the backend's default. A backend without interpreters refuses it.
	Python string
	// Env is added to the process's environment. It includes the LINEITEM_ variables that the caller decides on
	// (docs/telemetry.md); the backend adds those that depend on it.
	Env map[string]string
	// Credentials of this role: written where only the process can read them.
	Credentials cluster.Credentials
	// AgentToken is set for the scheduler only.
	AgentToken string
}

// State is what a backend knows of a process.
type State string

// States of a process.
const (
	// StateStarting: created, Dask not up yet (no address known for a scheduler).
	StateStarting State = "starting"
	// StateRunning: up, as far as the backend can see without speaking Dask.
	StateRunning State = "running"
	// StateEnding: asked to stop, still there.
	StateEnding State = "ending"
	// StateEnded: gone; ExitCode and EndedAt say how, where known.
	StateEnded State = "ended"
)

// Process is what a backend sees of one process.
type Process struct {
	ID        cluster.ProcessID
	ClusterID cluster.ID
	Role      cluster.Role
	Name      string
	State     State
	// Handle is the backend's own reference ("pid 4711 started 889211"), for people and logs.
	Handle string
	// SchedulerAddress is "tls://host:port" once a scheduler is up.
	SchedulerAddress string
	// DashboardURL is where the Dask dashboard of a scheduler listens, if anywhere.
	DashboardURL string
	StartedAt    time.Time
	// EndedAt is zero while the process runs.
	EndedAt time.Time
	// ExitCode is 128+n after signal n. It is nil while the process runs and where it cannot be known (a server that adopted the process is not its parent).
	ExitCode *int
}
