// Package usage turns the telemetry of agents into thread-time by line and by category. docs/telemetry.md is the contract.
package usage

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// RawBatch is a batch as it was received: durable before it is acknowledged, identified by (ClusterID, Epoch, Seq).
type RawBatch struct {
	ClusterID  cluster.ID
	ProcessID  cluster.ProcessID
	Kind       string // "worker", "scheduler", "source", "software"
	Epoch      string
	Seq        int64
	ReceivedAt time.Time
	// Payload is the batch's msgpack.
	Payload []byte
	// Again is set where the batch was folded before and is to be folded once more (Reclassify).
	Again bool
}

// Submission is one call that sent work to a cluster.
type Submission struct {
	ClusterID cluster.ID
	// ID counts from 1 within the cluster.
	ID       int64
	At       time.Time
	Client   string
	File     string
	Line     int
	Function string
	Text     string
	Tasks    int64
	// Tags and Span are what the client declared for this work.
	Tags map[string]string
	Span []string
	// Levels counts tasks by how their origin was found.
	Levels map[string]int64
}

// Line is a line of user code.
type Line struct {
	File     string
	Line     int
	Function string
}

// LineUsage is thread-time on a line, folded per process, hour, submission and task prefix.
type LineUsage struct {
	ClusterID  cluster.ID
	ProcessID  cluster.ProcessID
	HourAt     time.Time
	Submission int64
	Prefix     string
	// Origin is the line that created the work, 0 if not known. Part, if not empty, names the sub-task of a fused task, whose origin counts instead.
	Origin int64
	Part   string
	// Line is where the thread stood; the zero Line if there was no user code on its stack.
	Line Line
	// Operation and Library say what kind of work it was.
	Operation, Library string
	// ThreadMicros is exact thread-time, CPUMicros the part of it on a core, NativeMicros what libraries' own threads used beside it.
	ThreadMicros, CPUMicros, NativeMicros int64
}

// CategoryUsage is thread-time of one window of a process that is on no line: "idle.<reason>" or "overhead.dask"; the category
// "work" holds the window's thread-time that is on lines, so that the categories of a window sum to its capacity.
type CategoryUsage struct {
	ClusterID    cluster.ID
	ProcessID    cluster.ProcessID
	Epoch        string
	StartAt      time.Time
	EndAt        time.Time
	Final        bool
	Category     string
	ThreadMicros int64
}

// CategoryWork is the category of thread-time that is on lines or unattributed.
const CategoryWork = "work"

// Source is the text of a file of user code.
type Source struct {
	ClusterID cluster.ID
	File      string
	SHA256    string
	Text      string
}

// Store keeps telemetry. Methods return errs.NotFound where nothing matches.
type Store interface {
	// AppendBatches makes batches durable in one transaction and returns for each whether it was new. A batch that
	// is already there is left alone.
	AppendBatches(ctx context.Context, batches []RawBatch) ([]bool, error)
	// UnfoldedBatches returns up to limit batches that are not folded yet, oldest first, those to be folded again last; of one cluster if id is not empty.
	UnfoldedBatches(ctx context.Context, id cluster.ID, limit int) ([]RawBatch, error)
	// MarkFolded records in the caller's transaction that a batch has been folded; errs.Conflict if it already was.
	MarkFolded(ctx context.Context, b RawBatch) error

	// AddLineUsage adds thread-time to what is there under the same keys.
	AddLineUsage(ctx context.Context, rows []LineUsage) error
	AddCategoryUsage(ctx context.Context, rows []CategoryUsage) error
	// The Put methods replace what is there under the same key; of equal keys in one call the last counts.
	PutSubmissions(ctx context.Context, subs []Submission) error
	PutSessions(ctx context.Context, sessions []Session) error
	PutOrigins(ctx context.Context, origins []Origin) error
	PutParts(ctx context.Context, parts []Part) error
	PutReads(ctx context.Context, reads []Read) error
	PutSource(ctx context.Context, s Source) error
	// MarkSince notes that a scheduler has told where work of a cluster belongs that began at a moment or later.
	MarkSince(ctx context.Context, id cluster.ID, since time.Time) error

	LineUsageByCluster(ctx context.Context, id cluster.ID) ([]LineUsage, error)
	// CategoryUsageByCluster returns rows ordered by process and start.
	CategoryUsageByCluster(ctx context.Context, id cluster.ID) ([]CategoryUsage, error)
	SubmissionByID(ctx context.Context, id cluster.ID, submission int64) (Submission, error)
	SubmissionsByCluster(ctx context.Context, id cluster.ID) ([]Submission, error)
	SessionsByCluster(ctx context.Context, id cluster.ID) ([]Session, error)
	OriginsByCluster(ctx context.Context, id cluster.ID) ([]Origin, error)
	PartsByCluster(ctx context.Context, id cluster.ID) ([]Part, error)
	ReadsByCluster(ctx context.Context, id cluster.ID) ([]Read, error)
	// FilesWithoutSource returns the files of lines and submissions that begin with prefix and whose text is not there, by name.
	FilesWithoutSource(ctx context.Context, id cluster.ID, prefix string) ([]string, error)
	ListSources(ctx context.Context, id cluster.ID) ([]Source, error) // without texts
	SourceByFile(ctx context.Context, id cluster.ID, file string) (Source, error)

	// NoteFolded remembers by which rules worker batches of a cluster were folded (the oldest count) and whether any was sampled.
	NoteFolded(ctx context.Context, state FoldState) error
	FoldStateByCluster(ctx context.Context, id cluster.ID) (FoldState, error)
	// OutdatedClusters returns up to limit clusters with a RulesVersion below version and all their batches, newest first.
	OutdatedClusters(ctx context.Context, version, limit int) ([]cluster.ID, error)
	// Unfold drops a cluster's line and category usage, makes all its worker batches wait again, and notes the version, in the caller's transaction.
	Unfold(ctx context.Context, id cluster.ID, version int) error

	// DeleteBatches drops folded batches received before a time and returns how many. It counts them in the clusters' FoldState.
	DeleteBatches(ctx context.Context, before time.Time) (int64, error)
}
