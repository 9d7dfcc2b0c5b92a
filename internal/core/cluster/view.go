package cluster

import (
	"context"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// LogReader reads the output of processes.
type LogReader interface {
	// ReadLog returns about the last tail bytes of a process's output, and whether that is not all of it. errs.NotFound if
	// there is none.
	ReadLog(ctx context.Context, c Cluster, p ProcessID, tail int64) (text []byte, truncated bool, err error)
}

// View is a cluster as people see it: with its owner and its money.
type View struct {
	Cluster Cluster
	Owner   identity.User
	// Rate is the hourly price of all that runs now, Cost what it has cost up to now.
	Rate, Cost cost.Nanos
	Currency   cost.Currency
	// WorkersRunning counts the workers that are up.
	WorkersRunning int
	// Away is true for a watched cluster that has said nothing for a while.
	Away bool
	// Gauges is nil before the scheduler's first report.
	Gauges *Gauges
}

// ProcessView is a process with what it has cost up to now.
type ProcessView struct {
	Process Process
	Cost    cost.Nanos
	// Rate is what an hour of it costs now, or cost when it ended.
	Rate cost.Nanos
}

// Log is the output of one process.
type Log struct {
	Process   Process
	Text      string
	Truncated bool
}

// CreateInput asks for a cluster.
type CreateInput struct {
	Name    string
	Backend string
	// Group names who pays: an id, a path or a name; empty for the group that pays for the actor by default.
	Group   string
	Options Options
}

// ListInput selects clusters.
type ListInput struct {
	Statuses []Status
	Cursor   string
	Limit    int
}

// ScaleInput sets how many workers are wanted.
type ScaleInput struct {
	Workers int
	// Remove names workers to go first when the number shrinks.
	Remove []string
}
