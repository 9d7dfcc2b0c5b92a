package usage

import (
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
)

// Kinds of batches.
const (
	KindWorker    = "worker"
	KindScheduler = "scheduler"
	KindSource    = "source"
	KindSoftware  = "software"
)

// Methods of observation.
const (
	MethodAgent   = "agent"
	MethodSampled = "sampled"
)

// Batch is one decoded message of an agent. The kind says which fields are set.
type Batch struct {
	Version int
	Kind    string
	Process cluster.ProcessID
	Epoch   string
	Seq     int64
	Final   bool
	// T0Micros and T1Micros bound the window [t0, t1).
	T0Micros, T1Micros int64

	// Of a worker. Method is MethodAgent or MethodSampled.
	Method  string
	Threads int64
	Strings []string
	Files   []File
	Frames  []Frame
	Stacks  [][]int
	Ledger  []LedgerRow
	Samples []SampleRow
	Idle    map[string]int64
	Res     *Resources

	// Of a worker or a scheduler: the environment it runs in, and the modules imported that it has not named before.
	Software *Software

	// Of a scheduler.
	Submissions []Submission
	Sessions    []Session
	Origins     []Origin
	Parts       []Part
	Reads       []Read
	Workers     []cluster.ReportedWorker
	Cluster     *cluster.ReportedCluster
	Gauges      *cluster.Gauges

	// Of a software batch.
	Environment *Environment

	// Of a source.
	File, SHA256, Text string
}

// File is a file on a stack. Its class is 'u' for user code, 's' for the standard library, 'p' for an installed package.
type File struct {
	Path  string
	Class string
}

// Frame is a line of a function in a file; File and Function are indices.
type Frame struct {
	File, Function, Line int
}

// LedgerRow is the exact time that tasks of one submission and prefix held task slots, and the part of it in which their threads ran.
type LedgerRow struct {
	Submission                             int64
	Prefix                                 int
	SlotMicros, ThreadMicros, Done, Failed int64
	Origin                                 int64
	// NativeMicros is native parallelism: CPU beyond the tasks' own threads, at most what slots were free.
	NativeMicros int64
}

// SampleRow is the sampled weight of one stack within a submission and prefix.
type SampleRow struct {
	Submission            int64
	Prefix, Stack         int
	WallMicros, CPUMicros int64
	Origin                int64
	// Part is 0, or 1 + the index in Strings of the sub-task of a fused task.
	Part int
}

// Bounds of a batch; what is outside is a broken or hostile sender.
const (
	maxRows        = 100_000
	maxWindow      = 24 * time.Hour
	maxThreads     = 4096
	maxTextLength  = 4096
	maxSubmissions = 10_000
	maxSourceBytes = 256 << 10
	earliest       = 1_577_836_800_000_000 // 2020-01-01
	latest         = 4_102_444_800_000_000 // 2100-01-01
)

// Validate checks a batch of the cluster: shape, bounds, indices, and that the thread-time of a worker's window adds up exactly.
func (b *Batch) Validate(id cluster.ID) error {
	switch {
	case b.Version != 1:
		return invalid("Version %d is not known; this server knows version 1.", b.Version)
	case !strings.HasPrefix(string(b.Process), string(id)+"-"):
		return invalid("Process %.100q does not belong to cluster %s.", b.Process, id)
	case b.Epoch == "" || len(b.Epoch) > 64:
		return invalid("The epoch must have 1 to 64 characters; it has %d.", len(b.Epoch))
	case b.Seq < 0:
		return invalid("The sequence number %d is negative.", b.Seq)
	}
	switch b.Kind {
	case KindWorker:
		if err := b.validateWindow(); err != nil {
			return err
		}
		return b.validateWorker()
	case KindScheduler:
		if err := b.validateWindow(); err != nil {
			return err
		}
		return b.validateScheduler(id)
	case KindSource:
		return b.validateSource()
	case KindSoftware:
		return b.Environment.validate()
	default:
		return invalid("Kind %.40q is not known; there are worker, scheduler, source and software.", b.Kind)
	}
}

func (b *Batch) validateWindow() error {
	if b.T0Micros < earliest || b.T1Micros > latest || b.T1Micros < b.T0Micros || b.T1Micros-b.T0Micros > maxWindow.Microseconds() {
		return invalid("The window [%d, %d) is not a window of at most a day between 2020 and 2100 in microseconds.", b.T0Micros, b.T1Micros)
	}
	return nil
}

func (b *Batch) validateWorker() error {
	if b.Threads < 1 || b.Threads > maxThreads {
		return invalid("A worker has 1 to %d threads, not %d.", maxThreads, b.Threads)
	}
	if n := len(b.Strings) + len(b.Files) + len(b.Frames) + len(b.Stacks) + len(b.Ledger) + len(b.Samples) + len(b.Idle); n > maxRows {
		return invalid("The batch has %d rows; at most %d are allowed.", n, maxRows)
	}
	for i, f := range b.Files {
		if len(f.Path) > maxTextLength || (f.Class != "u" && f.Class != "s" && f.Class != "p") {
			return invalid("File %d needs a path of at most %d bytes and a class of u, s or p.", i, maxTextLength)
		}
	}
	for i, s := range b.Strings {
		if len(s) > maxTextLength {
			return invalid("String %d has %d bytes; at most %d are allowed.", i, len(s), maxTextLength)
		}
	}
	for i, f := range b.Frames {
		if outside(f.File, len(b.Files)) || outside(f.Function, len(b.Strings)) || f.Line < 0 {
			return invalid("Frame %d points at a file or string that is not in the batch.", i)
		}
	}
	for i, stack := range b.Stacks {
		for _, f := range stack {
			if outside(f, len(b.Frames)) {
				return invalid("Stack %d points at a frame that is not in the batch.", i)
			}
		}
	}
	if b.Method != "" && b.Method != MethodAgent && b.Method != MethodSampled {
		return invalid("Method %.40q is not known; there are agent and sampled.", b.Method)
	}
	if err := b.Software.validate(); err != nil {
		return err
	}
	if err := b.Res.validate(); err != nil {
		return err
	}
	return b.validateTimes()
}

func (b *Batch) validateTimes() error {
	capacity := b.Threads * (b.T1Micros - b.T0Micros)
	left := capacity
	spend := func(us int64) bool {
		left -= us
		return us >= 0 && left >= 0
	}
	for i, row := range b.Ledger {
		if outside(row.Prefix, len(b.Strings)) || row.Submission < 0 || row.ThreadMicros < 0 || row.ThreadMicros > row.SlotMicros ||
			row.Origin < 0 {
			return invalid("Ledger row %d is not sound: its prefix must exist, its origin must not be negative and 0 <= thread_us <= slot_us.", i)
		}
		if !spend(row.SlotMicros) || !spend(row.NativeMicros) {
			return addsUp(capacity)
		}
	}
	for reason, us := range b.Idle {
		if reason == "" || len(reason) > 40 || strings.ContainsFunc(reason, notInReason) {
			return invalid("%.40q is not a reason to be idle.", reason)
		}
		if !spend(us) {
			return addsUp(capacity)
		}
	}
	if left != 0 {
		return addsUp(capacity)
	}
	weight := int64(0)
	for i, row := range b.Samples {
		weight += max(row.WallMicros, 0)
		if outside(row.Prefix, len(b.Strings)) || outside(row.Stack, len(b.Stacks)) || row.Submission < 0 ||
			row.Origin < 0 || outside(row.Part, len(b.Strings)+1) || row.WallMicros < 0 || row.CPUMicros < 0 || row.CPUMicros > maxRows*maxWindow.Microseconds() || weight > maxRows*maxWindow.Microseconds() {
			return invalid("Sample %d is not sound: its prefix, stack and part must exist and its times must not be negative.", i)
		}
	}
	return nil
}

func (b *Batch) validateSource() error {
	if b.File == "" || len(b.File) > maxTextLength || len(b.SHA256) != 64 || len(b.Text) > maxSourceBytes {
		return invalid("A source needs a file name, a SHA-256 in hexadecimal and a text of at most %d bytes.", maxSourceBytes)
	}
	return nil
}

func outside(i, n int) bool { return i < 0 || i >= n }

func notInReason(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }

func invalid(format string, args ...any) error {
	return errs.New(errs.Invalid, "invalid_batch", format, args...)
}

func addsUp(capacity int64) error {
	return invalid("Thread-time does not add up: slots, native parallelism and idle time must sum to nthreads x window = %d microseconds, and none may be negative.", capacity)
}
