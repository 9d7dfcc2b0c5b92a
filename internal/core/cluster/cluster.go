// Package cluster knows what a cluster is: its options, its processes (one scheduler, workers), what is wanted of them and
// what has been seen. It decides what should run next; internal/controller carries it out.
package cluster

import (
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// ID identifies a cluster: "cl_" and a time-ordered, lower-case ULID.
type ID string

// ProcessID identifies one run of a process: "<cluster id>-<name>-<generation>", so it is known before the launch, and
// a launch can be repeated without starting two.
type ProcessID string

// Status is what has been seen of a cluster or process.
type Status string

// Statuses; docs/state-machine.md has the diagram.
const (
	StatusPending  Status = "pending"  // wanted, nothing launched yet
	StatusStarting Status = "starting" // launched, Dask not up yet
	StatusRunning  Status = "running"  // Dask is up
	StatusStopping Status = "stopping" // asked to end, the backend has not confirmed yet
	StatusStopped  Status = "stopped"  // ended as wanted; nothing is left on any machine
	StatusFailed   Status = "failed"   // ended unasked; nothing is left on any machine
)

// Ended reports whether the status is final.
func (s Status) Ended() bool { return s == StatusStopped || s == StatusFailed }

// Target is what is wanted.
type Target string

// Targets.
const (
	TargetRunning Target = "running"
	TargetStopped Target = "stopped"
)

// Role is what a process is in its cluster.
type Role string

// Roles.
const (
	RoleScheduler Role = "scheduler"
	RoleWorker    Role = "worker"
)

// Options are what a user chooses for a cluster.
type Options struct {
	// Workers is how many workers are wanted now; Scale changes it.
	Workers int
	// Threads is the number of task slots of each worker (Dask's nthreads).
	Threads int
	// MemoryBytes is the memory limit of each worker.
	MemoryBytes int64
	// Python is the interpreter that the cluster's processes use; empty for the server's.
	Python string
	// Env is added to the environment of scheduler and workers.
	Env map[string]string
}

// Cluster is a scheduler and its workers.
type Cluster struct {
	ID      ID
	Name    string
	OwnerID identity.UserID
	Backend string
	Options Options
	Status  Status
	Target  Target
	// Reason says in a sentence why the cluster is stopping, stopped or failed.
	Reason string
	// SchedulerAddress is "tls://host:port" while the scheduler is up.
	SchedulerAddress string
	// DashboardURL is where the Dask dashboard listens, empty if nowhere.
	DashboardURL string
	CreatedAt    time.Time
	// StartedAt is when the scheduler and the first worker were up; zero before.
	StartedAt time.Time
	// EndedAt is when nothing was left of it; zero before.
	EndedAt time.Time
	// Deployment says how a watched cluster was started: "local", "jobqueue", "kubernetes", "gateway", "cuda", "manual" or "".
	Deployment string
	// Method is MethodAgent or MethodSampled: how its threads are observed. Empty means MethodAgent.
	Method string
	// SchedulerKey is the own id of a watched cluster's scheduler: one scheduler of one owner is one cluster.
	SchedulerKey string
	// LastSeenAt is when a watched cluster last reported; zero before. TouchCluster alone writes it.
	LastSeenAt time.Time
	// GroupID and GroupPath are the group that pays, and the path that it had when the cluster was made; empty for none. Neither ever changes.
	GroupID   identity.GroupID
	GroupPath string
}

// BackendWatched is the backend of clusters that Lineitem did not start: nothing of them is ever launched, scaled or ended.
const BackendWatched = "watched"

// Watched reports whether Lineitem only watches the cluster.
func (c Cluster) Watched() bool { return c.Backend == BackendWatched }

// Methods of observation.
const (
	MethodAgent   = "agent"   // threads are measured from within
	MethodSampled = "sampled" // threads are looked at from outside
)

// Process is one run of a scheduler or worker: the unit that is launched, metered and ended.
type Process struct {
	ID        ProcessID
	ClusterID ID
	Role      Role
	// Name is the process's name in Dask: "scheduler" or "w-<n>".
	Name string
	// Generation counts the runs under one name from 1.
	Generation  int
	Status      Status
	Target      Target
	Threads     int
	MemoryBytes int64
	// Rate is what an hour of it cost when it was created, and costs for as long as no other prices apply (Repricings).
	Rate cost.Rate
	// Basis says what the rate was made of and where that came from; it is empty for processes older than that record.
	Basis cost.Basis
	// Repricings are the prices that came after the first ones, in the order of time. They are only ever added.
	Repricings []Repricing
	// GPUs are the devices that it sees, once it has reported them.
	GPUs     []GPU
	Handle   string
	ExitCode *int
	Reason   string
	// CreatedAt is when it was wanted.
	CreatedAt time.Time
	// StartedAt is when it was launched; metering begins. Zero before.
	StartedAt time.Time
	// RetireAt is when a worker was asked to hand over its data and go; zero if it was not.
	RetireAt time.Time
	// EndedAt is when it was gone; metering ends. Zero before.
	EndedAt time.Time
}

// Repricing says since when a process is charged by other prices.
type Repricing struct {
	From  time.Time
	Basis cost.Basis
}

// Credentials are one role's TLS identity in its cluster, PEM-encoded.
type Credentials struct {
	CA, Certificate, Key []byte
}

// CredentialSet holds the identities of the three roles of one cluster, all signed by a CA made for it alone, whose key
// was thrown away.
type CredentialSet struct {
	Scheduler, Worker, Client Credentials
}

// EventKind classifies events.
type EventKind string

// Event is something that happened to a cluster, for people: shown in order, never changed.
type Event struct {
	ID        int64
	ClusterID ID
	At        time.Time
	// Kind is a stable word: "created", "started", "scaled", "worker_lost", "stop_requested", "stopped", "failed", "adopted", "orphan_ended".
	Kind EventKind
	// Message is a sentence.
	Message string
}

// Gauges is the last thing the scheduler said about itself.
type Gauges struct {
	At time.Time
	Workers, Threads, Clients, Processing, Queued, Waiting, NoWorker,
	InMemory, Erred int64
	ManagedBytes, SpilledBytes int64
}

// ReportedWorker is a worker as its scheduler sees it.
type ReportedWorker struct {
	Process     ProcessID
	Name, Host  string
	Threads     int
	MemoryBytes int64
	StartedAt   time.Time
	// EndedAt is zero while the worker is there.
	EndedAt time.Time
	Reason  string
	// LostTasks counts the tasks that it was running when it vanished.
	LostTasks int64
}

// ReportedCluster is what a scheduler says about its cluster as a whole.
type ReportedCluster struct {
	// Deployment says how it was started: "local", "jobqueue", "kubernetes", "gateway", "cuda" or "manual".
	Deployment                       string
	SchedulerAddress, DashboardURL   string
	Host, User                       string
	Python, DaskVersion, Distributed string
}
