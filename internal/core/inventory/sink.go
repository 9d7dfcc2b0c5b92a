package inventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/profile"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Frames looks up whose code the frames of a batch are.
type Frames interface {
	Sites(b *usage.Batch) []*profile.Site
}

// Sink takes software out of the telemetry.
type Sink struct {
	store  Store
	frames Frames
}

// NewSink makes a Sink.
func NewSink(store Store, frames Frames) *Sink { return &Sink{store: store, frames: frames} }

// Take keeps what some batches say of software, in the transaction that marks them folded.
func (s *Sink) Take(ctx context.Context, batches []usage.Received) error {
	var f facts
	for _, r := range batches {
		id, b := r.Raw.ClusterID, r.Batch
		at := time.UnixMicro(b.T1Micros).UTC()
		switch b.Kind {
		case usage.KindWorker:
			f.software(id, string(b.Process), RoleWorker, b.Software, at)
			f.modules(id, b, s.frames)
		case usage.KindScheduler:
			f.software(id, string(b.Process), RoleScheduler, b.Software, at)
			for i := range b.Sessions {
				f.software(id, b.Sessions[i].Client, RoleClient, &b.Sessions[i].Software, at)
			}
			for _, submission := range b.Submissions {
				f.ran(id, submission.Client, at)
			}
		case usage.KindSoftware:
			if err := s.store.PutEnvironment(ctx, Normal(*b.Environment)); err != nil {
				return fmt.Errorf("keep environment %s: %w", b.Environment.ID, err)
			}
		}
	}
	return f.write(ctx, s.store)
}

// Forget drops what worker batches of a cluster added up to, before they are folded again.
func (s *Sink) Forget(ctx context.Context, id cluster.ID) error {
	return s.store.DeleteModuleUsage(ctx, id)
}

// facts is what the batches of one transaction come to.
type facts struct {
	uses    map[useKey]*Use
	imports []Import
	clients map[clientKey]time.Time
	times   map[moduleKey]int64
}

type (
	clientKey struct {
		id     cluster.ID
		client string
	}
	useKey struct {
		clientKey
		environment string
	}
	moduleKey struct {
		id      cluster.ID
		process cluster.ProcessID
		hour    int64
		module  string
	}
)

func (f *facts) software(id cluster.ID, subject, role string, s *usage.Software, at time.Time) {
	if s == nil || subject == "" {
		return
	}
	for _, module := range s.Imported {
		f.imports = append(f.imports, Import{ClusterID: id, Subject: subject, Module: module, At: at})
	}
	if s.Environment == "" {
		return
	}
	if f.uses == nil {
		f.uses = map[useKey]*Use{}
	}
	key := useKey{clientKey{id, subject}, s.Environment}
	if use, ok := f.uses[key]; ok {
		use.FirstAt, use.LastAt = earlier(use.FirstAt, at), later(use.LastAt, at)
		return
	}
	f.uses[key] = &Use{ClusterID: id, Subject: subject, Role: role, Environment: s.Environment, FirstAt: at, LastAt: at}
}

// ran records that a client asked for work: its session is sent only once.
func (f *facts) ran(id cluster.ID, client string, at time.Time) {
	if client == "" {
		return
	}
	if f.clients == nil {
		f.clients = map[clientKey]time.Time{}
	}
	key := clientKey{id, client}
	f.clients[key] = later(f.clients[key], at)
}

// modules adds up the thread-time of a batch by the packages on its stacks: a package counts once on each stack, however often it stands there.
func (f *facts) modules(id cluster.ID, b *usage.Batch, frames Frames) {
	if len(b.Samples) == 0 {
		return
	}
	sites := frames.Sites(b)
	of := make([][]string, len(b.Stacks))
	hour := time.UnixMicro(b.T0Micros).UTC().Truncate(time.Hour).UnixMicro()
	sums := map[string]int64{}
	for _, share := range b.Shares() {
		if share.Sample < 0 {
			continue
		}
		stack := b.Samples[share.Sample].Stack
		if of[stack] == nil {
			of[stack] = modulesOf(b.Stacks[stack], sites)
		}
		for _, module := range of[stack] {
			sums[module] += share.ThreadMicros + share.NativeMicros
		}
	}
	if f.times == nil {
		f.times = map[moduleKey]int64{}
	}
	for module, micros := range sums {
		f.times[moduleKey{id, b.Process, hour, module}] += micros
	}
}

// modulesOf returns the top-level modules of the packages on a stack, each once; never nil.
func modulesOf(stack []int, sites []*profile.Site) []string {
	modules := make([]string, 0, 4)
	for _, i := range stack {
		if module := sites[i].Module(); module != "" && !slices.Contains(modules, module) {
			modules = append(modules, module)
		}
	}
	return modules
}

// write keeps the facts, in one order everywhere, so that two transactions do not wait in a circle.
func (f *facts) write(ctx context.Context, store Store) error {
	uses := make([]Use, 0, len(f.uses))
	for _, use := range f.uses {
		uses = append(uses, *use)
	}
	slices.SortFunc(uses, func(a, b Use) int {
		return cmp.Or(cmp.Compare(a.ClusterID, b.ClusterID), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Environment, b.Environment))
	})
	if err := store.PutUses(ctx, uses); err != nil {
		return fmt.Errorf("keep who runs where: %w", err)
	}
	if err := store.PutImports(ctx, f.imports); err != nil {
		return fmt.Errorf("keep imports: %w", err)
	}
	clients := make([]clientKey, 0, len(f.clients))
	for key := range f.clients {
		clients = append(clients, key)
	}
	slices.SortFunc(clients, func(a, b clientKey) int { return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.client, b.client)) })
	for _, key := range clients {
		if err := store.TouchUses(ctx, key.id, key.client, f.clients[key]); err != nil {
			return fmt.Errorf("keep that a client ran: %w", err)
		}
	}
	rows := make([]ModuleUsage, 0, len(f.times))
	for key, micros := range f.times {
		if micros > 0 {
			rows = append(rows, ModuleUsage{
				ClusterID: key.id, ProcessID: key.process, HourAt: time.UnixMicro(key.hour).UTC(), Module: key.module, ThreadMicros: micros,
			})
		}
	}
	slices.SortFunc(rows, func(a, b ModuleUsage) int {
		return cmp.Or(cmp.Compare(a.ClusterID, b.ClusterID), cmp.Compare(a.ProcessID, b.ProcessID), a.HourAt.Compare(b.HourAt), cmp.Compare(a.Module, b.Module))
	})
	if err := store.AddModuleUsage(ctx, rows); err != nil {
		return fmt.Errorf("add time of modules: %w", err)
	}
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
