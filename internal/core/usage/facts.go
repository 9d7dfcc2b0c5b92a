package usage

import (
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Session is a client as it describes itself: nobody has verified it.
type Session struct {
	ClusterID cluster.ID
	Client    string
	User      string
	Host      string
	// Kind is "notebook", "script", "shell" or empty.
	Kind string
	// Path is the notebook or script, Commit the git commit it belongs to, Dirty whether there were changes beside it.
	Path, Commit string
	Dirty        bool
	// Software is the client's environment and the modules that it imported.
	Software Software
}

// Origin is a line of user code that created work.
type Origin struct {
	ClusterID cluster.ID
	// ID counts from 1 within the cluster.
	ID       int64
	File     string
	Line     int
	Function string
	Text     string
	// Callers are up to two lines of user code further out.
	Callers []Line
	// Shared are origins that asked for exactly the same work.
	Shared []int64
}

// Part translates the name of a sub-task of a fused task to its origin.
type Part struct {
	ClusterID  cluster.ID
	Submission int64
	Name       string
	Origin     int64
}

// Read is a set of files that work of one submission, prefix and origin reads or writes.
type Read struct {
	ClusterID  cluster.ID
	Submission int64
	Prefix     string
	Origin     int64
	// Direction is "read" or "write".
	Direction                         string
	Format, Engine, Compression, Path string
	Files, Tasks, Bytes               int64
	Columns, ColumnsUsed              int
	PushedDown                        bool
}

// Software names an environment, and modules that were imported in it.
type Software struct {
	Environment string
	Imported    []string
}

// Environment is one set of installed software, known by the hash of its content.
type Environment struct {
	ID                               string
	Python, Implementation, Platform string
	Details                          map[string]string
	Packages                         []Package
}

// Package is an installed distribution.
type Package struct {
	// Name is normalised (PEP 503).
	Name, Version string
	// Manager is "pip", "conda", "vcs" or "editable".
	Manager string
	// Modules are the top-level modules that it brings.
	Modules []string
}

// Resources is what a worker's process used in a window. A gauge that was not told is 0 with no bytes at all in the process, so 0 of
// RSSBytes means not known.
type Resources struct {
	RSSBytes, RSSPeakBytes, ManagedBytes, SpilledBytes, MemoryLimitBytes int64
	CPUMicros                                                            int64
	TransferInBytes, TransferOutBytes, DiskReadBytes, DiskWriteBytes     int64
	GPUs                                                                 []GPU
}

// GPU is what one device did in a window. Integrals are in microseconds.
type GPU struct {
	UUID, Name                        string
	Index                             int
	ObservedMicros, UtilMicros        int64
	IdleMicros                        int64
	SMMicros                          *int64
	MemoryPeakBytes, MemoryTotalBytes int64
	EnergyMillijoules                 int64
}

// GPUHour is how long a process watched one device in the full hour that begins at HourAt, and for how much of that nothing ran on it.
type GPUHour struct {
	ProcessID                  cluster.ProcessID
	UUID                       string
	HourAt                     time.Time
	ObservedMicros, IdleMicros int64
}
