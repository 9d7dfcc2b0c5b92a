package ingest

import (
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// moment translates microseconds since 1970; 0 means never.
func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// addFacts adds what a scheduler says beside its gauges.
func (w *wireBatch) addFacts(b *usage.Batch) {
	for _, s := range w.Submissions {
		b.Submissions = append(b.Submissions, usage.Submission{
			ID: s.ID, At: time.UnixMicro(s.At).UTC(), Client: s.Client, File: s.File, Line: s.Line, Function: s.Function, Text: s.Text, Tasks: s.Tasks,
			Tags: s.Tags, Span: s.Span, Levels: s.Levels,
		})
	}
	for _, s := range w.Sessions {
		b.Sessions = append(b.Sessions, usage.Session{
			Client: s.Client, User: s.User, Host: s.Host, Kind: s.Kind, Path: s.Path, Commit: s.Commit, Dirty: s.Dirty,
			Software: usage.Software{Environment: s.Environment, Imported: s.Imported},
		})
	}
	for _, o := range w.Origins {
		origin := usage.Origin{ID: o.ID, File: o.File, Line: o.Line, Function: o.Function, Text: o.Text, Shared: o.Shared}
		for _, c := range o.Callers {
			origin.Callers = append(origin.Callers, usage.Line{File: c.File, Line: c.Line, Function: c.Function})
		}
		b.Origins = append(b.Origins, origin)
	}
	for _, p := range w.Parts {
		b.Parts = append(b.Parts, usage.Part{Submission: p.Submission, Name: p.Name, Origin: p.Origin})
	}
	for _, r := range w.Reads {
		b.Reads = append(b.Reads, usage.Read{
			Submission: r.Submission, Prefix: r.Prefix, Origin: r.Origin, Direction: r.Direction, Format: r.Format, Engine: r.Engine,
			Compression: r.Compression, Path: r.Path, Files: r.Files, Tasks: r.Tasks, Bytes: r.Bytes, Columns: r.Columns, ColumnsUsed: r.ColumnsUsed,
			PushedDown: r.PushedDown,
		})
	}
	for _, s := range w.Workers {
		b.Workers = append(b.Workers, cluster.ReportedWorker{
			Process: cluster.ProcessID(s.Process), Name: s.Name, Host: s.Host, Threads: s.Threads, MemoryBytes: s.Memory,
			StartedAt: moment(s.Started), EndedAt: moment(s.Ended), Reason: s.Reason, LostTasks: s.LostTasks,
		})
	}
}

func (w *wireSoftware) software() *usage.Software {
	if w == nil {
		return nil
	}
	return &usage.Software{Environment: w.Environment, Imported: w.Imported}
}

func (w *wireCluster) reported() *cluster.ReportedCluster {
	if w == nil {
		return nil
	}
	return &cluster.ReportedCluster{
		Deployment: w.Deployment, SchedulerAddress: w.SchedulerAddress, DashboardURL: w.Dashboard, Host: w.Host, User: w.User,
		Python: w.Python, DaskVersion: w.Dask, Distributed: w.Distributed,
	}
}

func (w *wireBatch) environment() *usage.Environment {
	e := &usage.Environment{ID: w.Environment, Python: w.Python, Implementation: w.Implementation, Platform: w.Platform, Details: w.Details}
	for _, p := range w.Packages {
		e.Packages = append(e.Packages, usage.Package{Name: p.Name, Version: p.Version, Manager: p.Manager, Modules: p.Modules})
	}
	return e
}

func (w *wireResources) resources() *usage.Resources {
	if w == nil {
		return nil
	}
	r := &usage.Resources{
		RSSBytes: w.RSS, RSSPeakBytes: w.RSSPeak, ManagedBytes: w.Managed, SpilledBytes: w.Spilled, MemoryLimitBytes: w.Limit, CPUMicros: w.CPU,
		TransferInBytes: w.TransferIn, TransferOutBytes: w.TransferOut, DiskReadBytes: w.DiskRead, DiskWriteBytes: w.DiskWrite,
	}
	for _, g := range w.GPUs {
		r.GPUs = append(r.GPUs, usage.GPU{
			UUID: g.UUID, Name: g.Name, Index: g.Index, ObservedMicros: g.Observed, UtilMicros: g.Util, IdleMicros: g.Idle, SMMicros: g.SM,
			MemoryPeakBytes: g.MemoryPeak, MemoryTotalBytes: g.MemoryTotal, EnergyMillijoules: g.Energy,
		})
	}
	return r
}
