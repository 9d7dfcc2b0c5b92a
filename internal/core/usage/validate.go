package usage

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Bounds of what schedulers and clients say of themselves.
const (
	maxTags         = 20
	maxTagKey       = 64
	maxTagValue     = 200
	maxSpan         = 50
	maxLevels       = 20
	maxCallers      = 8
	maxShared       = 1000
	maxSessions     = 1000
	maxModules      = 10_000
	maxName         = 500
	maxPackages     = 20_000
	maxDetails      = 100
	maxGPUs         = 64
	hashLength      = 64
	maxCount        = 1 << 53 // what JSON numbers hold exactly
	maxWorkerLength = 200
)

func (b *Batch) validateScheduler(id cluster.ID) error {
	for what, n := range map[string]int{
		"submissions": len(b.Submissions), "origins": len(b.Origins), "reads": len(b.Reads), "workers": len(b.Workers),
	} {
		if n > maxSubmissions {
			return invalid("The batch has %d %s; at most %d are allowed.", n, what, maxSubmissions)
		}
	}
	for i, s := range b.Submissions {
		if err := s.validate(i); err != nil {
			return err
		}
	}
	if len(b.Sessions) > maxSessions {
		return invalid("The batch has %d sessions; at most %d are allowed.", len(b.Sessions), maxSessions)
	}
	for i, s := range b.Sessions {
		if err := s.validate(i); err != nil {
			return err
		}
	}
	for i, o := range b.Origins {
		if err := o.validate(i); err != nil {
			return err
		}
	}
	for i, p := range b.Parts {
		if p.Submission < 0 || p.Origin < 0 || p.Name == "" || len(p.Name) > maxTextLength {
			return invalid("Part %d is not sound: it needs a submission, an origin, and a name of at most %d bytes.", i, maxTextLength)
		}
	}
	for i, r := range b.Reads {
		if err := r.validate(i); err != nil {
			return err
		}
	}
	for i, w := range b.Workers {
		if err := validateReported(i, w, id); err != nil {
			return err
		}
	}
	if err := validateCluster(b.Cluster); err != nil {
		return err
	}
	return b.Software.validate()
}

func (s Submission) validate(i int) error {
	if s.ID < 1 || s.Line < 0 || s.Tasks < 0 || tooLong(s.File, s.Function, s.Text, s.Client) || !sayable(s.At) {
		return invalid("Submission %d is not sound: ids count from 1, its time must lie before 2100 and texts have at most %d bytes.", i, maxTextLength)
	}
	if len(s.Tags) > maxTags || len(s.Span) > maxSpan || len(s.Levels) > maxLevels {
		return invalid("Submission %d has %d tags, %d spans and %d levels; at most %d, %d and %d are allowed.",
			i, len(s.Tags), len(s.Span), len(s.Levels), maxTags, maxSpan, maxLevels)
	}
	for key, value := range s.Tags {
		if key == "" || utf8.RuneCountInString(key) > maxTagKey || utf8.RuneCountInString(value) > maxTagValue {
			return invalid("A tag of submission %d is too long, or has no name: names have 1 to %d characters, values at most %d.", i, maxTagKey, maxTagValue)
		}
	}
	for _, name := range s.Span {
		if len(name) > maxName {
			return invalid("A span of submission %d has %d bytes; at most %d are allowed.", i, len(name), maxName)
		}
	}
	for level, n := range s.Levels {
		if len(level) > maxTagKey || n < 0 || n > maxCount {
			return invalid("The levels of submission %d are not sound: they count tasks under short names.", i)
		}
	}
	return nil
}

func (s Session) validate(i int) error {
	if s.Client == "" || tooLong(s.Client, s.User, s.Host, s.Path) || len(s.Commit) > hashLength {
		return invalid("Session %d is not sound: it needs a client, and texts have at most %d bytes.", i, maxTextLength)
	}
	switch s.Kind {
	case "", "notebook", "script", "shell":
	default:
		return invalid("Session %d is of the kind %.40q, which is not known; there are notebook, script and shell.", i, s.Kind)
	}
	return s.Software.validate()
}

func (o Origin) validate(i int) error {
	if o.ID < 1 || o.Line < 0 || tooLong(o.File, o.Function, o.Text) || len(o.Callers) > maxCallers || len(o.Shared) > maxShared {
		return invalid("Origin %d is not sound: ids count from 1, texts have at most %d bytes, and there are at most %d callers and %d shared lines.",
			i, maxTextLength, maxCallers, maxShared)
	}
	for _, c := range o.Callers {
		if c.Line < 0 || tooLong(c.File, c.Function) {
			return invalid("A caller of origin %d is not sound: lines are not negative and texts have at most %d bytes.", i, maxTextLength)
		}
	}
	for _, id := range o.Shared {
		if id < 1 {
			return invalid("Origin %d shares its work with origin %d, which cannot be: ids count from 1.", i, id)
		}
	}
	return nil
}

func (r Read) validate(i int) error {
	if r.Direction != "read" && r.Direction != "write" {
		return invalid("Read %d has the direction %.40q; there are read and write.", i, r.Direction)
	}
	if r.Submission < 0 || r.Origin < 0 || !counts(r.Files, r.Tasks, r.Bytes, int64(r.Columns), int64(r.ColumnsUsed)) ||
		tooLong(r.Prefix, r.Path) || len(r.Format) > maxTagKey || len(r.Engine) > maxTagKey || len(r.Compression) > maxTagKey {
		return invalid("Read %d is not sound: counts are not negative, texts have at most %d bytes.", i, maxTextLength)
	}
	return nil
}

func validateReported(i int, w cluster.ReportedWorker, id cluster.ID) error {
	if !strings.HasPrefix(string(w.Process), string(id)+"-") || len(w.Process) > maxWorkerLength {
		return invalid("Worker %d has the process %.100q, which does not belong to cluster %s.", i, w.Process, id)
	}
	if w.Threads < 0 || w.Threads > maxThreads || !counts(w.MemoryBytes, w.LostTasks) || tooLong(w.Name, w.Host, w.Reason) ||
		!sayable(w.StartedAt) || !sayable(w.EndedAt) {
		return invalid("Worker %d is not sound: counts are not negative, times lie before 2100 and texts have at most %d bytes.", i, maxTextLength)
	}
	return nil
}

func (s *Software) validate() error {
	if s == nil {
		return nil
	}
	if s.Environment != "" && !isHash(s.Environment) {
		return invalid("The environment %.100q is not a SHA-256 in hexadecimal.", s.Environment)
	}
	return validateModules(s.Imported)
}

func validateModules(modules []string) error {
	if len(modules) > maxModules {
		return invalid("%d modules are named at once; at most %d are allowed.", len(modules), maxModules)
	}
	for _, m := range modules {
		if m == "" || len(m) > maxName {
			return invalid("A module has no name, or one of more than %d bytes.", maxName)
		}
	}
	return nil
}

func (e *Environment) validate() error {
	if e == nil || !isHash(e.ID) {
		return invalid("A software batch needs the id of its environment, a SHA-256 in hexadecimal.")
	}
	if tooLong(e.Python, e.Implementation, e.Platform) || len(e.Details) > maxDetails || len(e.Packages) > maxPackages {
		return invalid("The environment has %d details and %d packages; at most %d and %d are allowed.", len(e.Details), len(e.Packages), maxDetails, maxPackages)
	}
	for key, value := range e.Details {
		if len(key) > maxName || tooLong(value) {
			return invalid("A detail of the environment is longer than %d bytes.", maxTextLength)
		}
	}
	for i, p := range e.Packages {
		if p.Name == "" || len(p.Name) > maxName || len(p.Version) > maxName || len(p.Manager) > maxTagKey {
			return invalid("Package %d is not sound: it needs a name, and name and version have at most %d bytes.", i, maxName)
		}
		if err := validateModules(p.Modules); err != nil {
			return err
		}
	}
	return nil
}

func (r *Resources) validate() error {
	if r == nil {
		return nil
	}
	if !counts(r.RSSBytes, r.RSSPeakBytes, r.ManagedBytes, r.SpilledBytes, r.MemoryLimitBytes, r.CPUMicros, r.TransferInBytes, r.TransferOutBytes,
		r.DiskReadBytes, r.DiskWriteBytes) {
		return invalid("The resources are not sound: none may be negative.")
	}
	if len(r.GPUs) > maxGPUs {
		return invalid("The batch has %d GPUs; at most %d are allowed.", len(r.GPUs), maxGPUs)
	}
	for i, g := range r.GPUs {
		if len(g.UUID) > maxName || len(g.Name) > maxName || g.Index < 0 || (g.SMMicros != nil && !counts(*g.SMMicros)) ||
			!counts(g.ObservedMicros, g.UtilMicros, g.IdleMicros, g.MemoryPeakBytes, g.MemoryTotalBytes, g.EnergyMillijoules) {
			return invalid("GPU %d is not sound: nothing may be negative, and names have at most %d bytes.", i, maxName)
		}
	}
	return nil
}

func validateCluster(c *cluster.ReportedCluster) error {
	if c != nil && tooLong(c.Deployment, c.SchedulerAddress, c.DashboardURL, c.Host, c.User, c.Python, c.DaskVersion, c.Distributed) {
		return invalid("A text about the cluster is longer than %d bytes.", maxTextLength)
	}
	return nil
}

func tooLong(texts ...string) bool {
	for _, t := range texts {
		if len(t) > maxTextLength {
			return true
		}
	}
	return false
}

func counts(numbers ...int64) bool {
	for _, n := range numbers {
		if n < 0 || n > maxCount {
			return false
		}
	}
	return true
}

// sayable reports whether a time can be shown: not known, or between 1970 and 2100.
func sayable(t time.Time) bool {
	return t.IsZero() || (t.UnixMicro() >= 0 && t.UnixMicro() <= latest)
}

func isHash(s string) bool {
	return len(s) == hashLength && !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}
