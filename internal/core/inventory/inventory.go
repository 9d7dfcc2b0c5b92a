// Package inventory knows which software runs where: what is installed, what of it was imported, and whose code was found running, which is what
// costs money.
package inventory

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Grade says how much is known of the use of a package. Each grade includes the ones before it.
type Grade int

// Grades.
const (
	Installed Grade = iota
	Imported
	Seen
)

var gradeWords = []string{"installed", "imported", "seen"}

// String returns the word for a grade.
func (g Grade) String() string { return gradeWords[g] }

// Roles of a subject.
const (
	RoleClient    = "client"
	RoleScheduler = "scheduler"
	RoleWorker    = "worker"
)

// Use is that a subject, a process or a client of a cluster, ran in an environment from FirstAt to LastAt at least.
type Use struct {
	ClusterID       cluster.ID
	Subject         string
	Role            string
	Environment     string
	FirstAt, LastAt time.Time
}

// Import is that a subject had imported a top-level module.
type Import struct {
	ClusterID cluster.ID
	Subject   string
	Module    string
	At        time.Time
}

// ModuleUsage is thread-time of a process with code of a top-level module on the stack. Modules that call each other share time.
type ModuleUsage struct {
	ClusterID    cluster.ID
	ProcessID    cluster.ProcessID
	HourAt       time.Time
	Module       string
	ThreadMicros int64
}

// EnvironmentUse is that subjects of one role in a cluster ran in an environment.
type EnvironmentUse struct {
	Environment, Role string
	FirstAt, LastAt   time.Time
}

// ModuleImport is that a module was imported in an environment of a cluster; LastAt is when a process that had it was last heard of.
type ModuleImport struct {
	Environment, Module string
	LastAt              time.Time
}

// ModuleTime sums ModuleUsage of a process.
type ModuleTime struct {
	ProcessID           cluster.ProcessID
	Environment, Module string
	ThreadMicros        int64
	// LastHourAt is the beginning of the last hour with any.
	LastHourAt time.Time
}

// Store keeps the inventory. Methods return errs.NotFound where nothing matches.
type Store interface {
	// PutEnvironment keeps an environment, unless one of its id is there.
	PutEnvironment(ctx context.Context, e usage.Environment) error
	EnvironmentByID(ctx context.Context, id string) (usage.Environment, error)
	// EnvironmentSeen tells whether a cluster within the scope has the environment.
	EnvironmentSeen(ctx context.Context, scope identity.Scope, id string) (bool, error)

	// PutUses widens what is there of a subject and an environment. LastAt may lag by half a minute.
	PutUses(ctx context.Context, uses []Use) error
	// TouchUses records that a subject still ran.
	TouchUses(ctx context.Context, id cluster.ID, subject string, at time.Time) error
	// PutImports keeps the earliest import of a module by a subject.
	PutImports(ctx context.Context, imports []Import) error
	// AddModuleUsage adds thread-time to what is there under the same keys.
	AddModuleUsage(ctx context.Context, rows []ModuleUsage) error
	// DeleteModuleUsage drops the thread-time of a cluster.
	DeleteModuleUsage(ctx context.Context, id cluster.ID) error

	EnvironmentUses(ctx context.Context, id cluster.ID) ([]EnvironmentUse, error)
	// ModuleImports and ModuleTimes are about one module, or about all if it is empty.
	ModuleImports(ctx context.Context, id cluster.ID, module string) ([]ModuleImport, error)
	ModuleTimes(ctx context.Context, id cluster.ID, module string) ([]ModuleTime, error)
}
