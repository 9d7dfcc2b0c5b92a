// Package controller holds the loops that move the machines towards what is wanted, and telemetry towards answers. Each loop
// reads, asks core for a decision, writes it down, and acts; all of it may be interrupted anywhere and done again.
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// How often clusters are looked at: often while one is on its way, seldom while all stand still.
const (
	quickPause = 100 * time.Millisecond
	calmPause  = time.Second
	// agentFresh is how old a scheduler's last report may be for it to be asked to retire workers.
	agentFresh = 30 * time.Second
	// launchAtOnce bounds concurrent launches and stops.
	launchAtOnce = 8
)

// Clusters is the loop that launches, watches and ends the processes of clusters.
type Clusters struct {
	cfg  ClustersConfig
	wake chan struct{}

	mu       sync.Mutex
	retiring map[cluster.ID][]string
	adopted  bool
	// retryAt holds launches that failed for want of capacity, or for a reason that may pass.
	retryAt map[cluster.ProcessID]time.Time
	// told holds the orphans of which an event tells already.
	told map[cluster.ProcessID]bool
}

// ClustersConfig is what the loop works with; all fields are needed.
type ClustersConfig struct {
	Store    cluster.Store
	Tx       identity.Transactor
	Backends map[string]backend.Backend
	Policy   cluster.Policy
	Logger   *slog.Logger
	Now      func() time.Time
	// Env returns the environment that a process gets beside what its owner chose and its backend adds.
	Env func(c cluster.Cluster, p cluster.Process) map[string]string
}

// NewClusters makes the loop.
func NewClusters(cfg ClustersConfig) *Clusters {
	return &Clusters{
		cfg: cfg, wake: make(chan struct{}, 1), retiring: map[cluster.ID][]string{}, retryAt: map[cluster.ProcessID]time.Time{},
		told: map[cluster.ProcessID]bool{},
	}
}

// Wake makes the loop look at once.
func (c *Clusters) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Retiring names the workers that the scheduler of a cluster should retire.
func (c *Clusters) Retiring(id cluster.ID) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.retiring[id])
}

// Swept reports whether the first look has been completed since the start: all that earlier servers left behind is known.
func (c *Clusters) Swept() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.adopted
}

// Run looks until ctx ends. Running clusters are left alone then: the next server adopts them.
func (c *Clusters) Run(ctx context.Context) error {
	for {
		result, err := c.Tick(ctx)
		if err != nil && ctx.Err() == nil {
			c.cfg.Logger.ErrorContext(ctx, "looking at clusters failed", slog.Any("error", err))
		}
		pause := calmPause
		if !result.Settled && err == nil {
			pause = quickPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-c.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Result says what one look did.
type Result struct {
	Launched, Stopped, Orphans int
	// Settled is true when every cluster is as wanted.
	Settled bool
}

// Tick looks at all backends and clusters once. What fails for one cluster is logged and does not keep the others waiting.
func (c *Clusters) Tick(ctx context.Context) (Result, error) {
	seen, byBackend, err := c.look(ctx)
	if err != nil {
		return Result{}, err
	}
	clusters, err := c.cfg.Store.ListClusters(ctx, cluster.ListFilter{Statuses: []cluster.Status{
		cluster.StatusPending, cluster.StatusStarting, cluster.StatusRunning, cluster.StatusStopping,
	}})
	if err != nil {
		return Result{}, fmt.Errorf("list clusters: %w", err)
	}
	result := Result{Settled: true}
	known := map[cluster.ProcessID]bool{}
	for _, row := range clusters {
		if row.Watched() {
			continue // nothing of it is ours to launch or to end
		}
		if err := c.reconcile(ctx, row.ID, seen, known, &result); err != nil {
			result.Settled = false
			c.cfg.Logger.ErrorContext(ctx, "reconciling a cluster failed", slog.String("cluster", string(row.ID)), slog.Any("error", err))
		}
	}
	if err := c.sweep(ctx, byBackend, known, &result); err != nil {
		return result, err
	}
	c.mu.Lock()
	c.adopted = true
	c.mu.Unlock()
	return result, nil
}

// look lists what every backend runs.
func (c *Clusters) look(ctx context.Context) (map[cluster.ProcessID]cluster.Sighting, map[string][]backend.Process, error) {
	seen := map[cluster.ProcessID]cluster.Sighting{}
	byBackend := map[string][]backend.Process{}
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Backends)) {
		processes, err := c.cfg.Backends[name].List(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("list processes of backend %s: %w", name, err)
		}
		byBackend[name] = processes
		for _, p := range processes {
			seen[p.ID] = sightingFrom(p)
		}
	}
	return seen, byBackend, nil
}

func sightingFrom(p backend.Process) cluster.Sighting {
	state := map[backend.State]cluster.SightingState{
		backend.StateStarting: cluster.SeenStarting, backend.StateRunning: cluster.SeenRunning,
		backend.StateEnding: cluster.SeenEnding, backend.StateEnded: cluster.SeenEnded,
	}[p.State]
	return cluster.Sighting{
		State: state, Handle: p.Handle, SchedulerAddress: p.SchedulerAddress, DashboardURL: p.DashboardURL,
		StartedAt: p.StartedAt.UTC(), EndedAt: p.EndedAt.UTC(), ExitCode: p.ExitCode,
	}
}

// reconcile takes one step with one cluster. It decides on what it can read; if that changes any row it decides again within a
// transaction, on the rows as they are then, and writes; then it acts.
func (c *Clusters) reconcile(ctx context.Context, id cluster.ID, seen map[cluster.ProcessID]cluster.Sighting, known map[cluster.ProcessID]bool, result *Result) error {
	row, plan, err := c.decide(ctx, id, seen, known)
	if err == nil && plan.Changed() {
		err = c.cfg.Tx.Atomically(ctx, func(ctx context.Context) error {
			if row, plan, err = c.decide(ctx, id, seen, known); err != nil {
				return err
			}
			return c.write(ctx, plan)
		})
	}
	if err != nil {
		return err
	}
	if plan.Cluster != nil {
		row = *plan.Cluster
	}
	c.setRetiring(id, plan.Retire)
	if plan.Changed() || len(plan.Launch)+len(plan.Stop)+len(plan.Retire) > 0 || (row.Status != cluster.StatusRunning && !row.Status.Ended()) {
		result.Settled = false
	}
	return c.act(ctx, row, plan, result)
}

// decide reads a cluster's rows and plans the next step.
func (c *Clusters) decide(ctx context.Context, id cluster.ID, seen map[cluster.ProcessID]cluster.Sighting, known map[cluster.ProcessID]bool) (cluster.Cluster, cluster.Plan, error) {
	row, err := c.cfg.Store.ClusterByID(ctx, id)
	if err != nil || row.Status.Ended() {
		return row, cluster.Plan{}, err
	}
	processes, err := c.cfg.Store.ProcessesByCluster(ctx, id)
	if err != nil {
		return row, cluster.Plan{}, err
	}
	for _, p := range processes {
		known[p.ID] = known[p.ID] || !p.Status.Ended()
	}
	now := c.cfg.Now()
	plan := cluster.Reconcile(now, row, processes, seen, c.agentReports(ctx, now, id), c.cfg.Policy)
	if alive := countAlive(processes, seen); alive > 0 && !c.Swept() {
		plan.Events = append(plan.Events, cluster.Event{
			ClusterID: id, At: now, Kind: cluster.EventAdopted, Message: fmt.Sprintf("The server started and found %d of its processes running", alive),
		})
	}
	return row, plan, nil
}

func (c *Clusters) write(ctx context.Context, plan cluster.Plan) error {
	if plan.Cluster != nil {
		if err := c.cfg.Store.UpdateCluster(ctx, *plan.Cluster); err != nil {
			return err
		}
	}
	for _, p := range plan.Created {
		if err := c.cfg.Store.CreateProcess(ctx, p); err != nil {
			return err
		}
	}
	for _, p := range plan.Updated {
		if err := c.cfg.Store.UpdateProcess(ctx, p); err != nil {
			return err
		}
	}
	for _, e := range plan.Events {
		if err := c.cfg.Store.AddEvent(ctx, e); err != nil {
			return err
		}
	}
	if plan.Ended {
		return c.cfg.Store.DeleteCredentials(ctx, plan.Cluster.ID)
	}
	return nil
}

func (c *Clusters) act(ctx context.Context, row cluster.Cluster, plan cluster.Plan, result *Result) error {
	b, ok := c.cfg.Backends[row.Backend]
	if !ok {
		return fmt.Errorf("backend %q is not configured any more", row.Backend)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(launchAtOnce)
	if len(plan.Launch) > 0 {
		set, token, err := c.cfg.Store.CredentialsByCluster(ctx, row.ID)
		if err != nil {
			return fmt.Errorf("read credentials: %w", err)
		}
		for _, p := range plan.Launch {
			if c.mustWait(p.ID) {
				continue
			}
			result.Launched++
			g.Go(func() error { return c.launch(gctx, b, row, p, set, token) })
		}
	}
	for _, id := range plan.Stop {
		result.Stopped++
		g.Go(func() error {
			if err := b.Stop(gctx, id, c.cfg.Policy.StopGrace); err != nil && !errors.Is(err, backend.ErrGone) {
				return fmt.Errorf("stop %s: %w", id, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if plan.Ended {
		c.setRetiring(row.ID, nil)
		if err := b.Forget(ctx, row.ID); err != nil {
			return fmt.Errorf("forget: %w", err)
		}
	}
	return nil
}

// launch starts one process whose intent is already written, and records that it runs.
func (c *Clusters) launch(ctx context.Context, b backend.Backend, row cluster.Cluster, p cluster.Process, set cluster.CredentialSet, token cluster.AgentToken) error {
	l := backend.Launch{
		ID: p.ID, ClusterID: row.ID, Role: p.Role, Name: p.Name, Threads: p.Threads, MemoryBytes: p.MemoryBytes,
		Python: row.Options.Python, Env: map[string]string{}, Credentials: set.Worker,
	}
	maps.Copy(l.Env, row.Options.Env)
	maps.Copy(l.Env, c.cfg.Env(row, p))
	if p.Role == cluster.RoleScheduler {
		l.Credentials, l.AgentToken = set.Scheduler, token.Text
	}
	got, err := b.Start(ctx, l)
	switch {
	case errors.Is(err, backend.ErrInvalid):
		p.Status, p.EndedAt, p.Reason = cluster.StatusFailed, c.cfg.Now(), "Could not be launched: "+err.Error()
		return c.cfg.Store.UpdateProcess(ctx, p)
	case err != nil:
		c.retryLater(p.ID)
		return fmt.Errorf("launch %s: %w", p.ID, err)
	}
	p.Status, p.Handle, p.StartedAt = cluster.StatusStarting, got.Handle, got.StartedAt.UTC()
	return c.cfg.Store.UpdateProcess(ctx, p)
}

// retryPause keeps a launch that failed from being tried on every look.
const retryPause = 5 * time.Second

func (c *Clusters) retryLater(id cluster.ProcessID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retryAt[id] = c.cfg.Now().Add(retryPause)
}

func (c *Clusters) mustWait(id cluster.ProcessID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.retryAt[id]
	if ok && !c.cfg.Now().Before(at) {
		delete(c.retryAt, id)
		return false
	}
	return ok
}

// sweep ends what runs and is wanted by nobody: processes of clusters that ended, or that no row tells of.
func (c *Clusters) sweep(ctx context.Context, byBackend map[string][]backend.Process, known map[cluster.ProcessID]bool, result *Result) error {
	for name, processes := range byBackend {
		for _, p := range processes {
			if p.State == backend.StateEnded || known[p.ID] {
				continue
			}
			if live, err := c.isLive(ctx, p); err != nil || live {
				if err != nil {
					return err
				}
				continue
			}
			result.Orphans++
			result.Settled = false
			if err := c.tell(ctx, p); err != nil {
				return err
			}
			err := c.cfg.Backends[name].Stop(ctx, p.ID, c.cfg.Policy.StopGrace)
			if err != nil && !errors.Is(err, backend.ErrGone) {
				return fmt.Errorf("end orphan %s: %w", p.ID, err)
			}
		}
	}
	return nil
}

// tell records, once, that an orphan is being ended: in the log, and with its cluster where there is one.
func (c *Clusters) tell(ctx context.Context, p backend.Process) error {
	if c.told[p.ID] {
		return nil
	}
	c.told[p.ID] = true
	c.cfg.Logger.WarnContext(ctx, "ending an orphan", slog.String("process", string(p.ID)), slog.String("handle", p.Handle))
	_, err := c.cfg.Store.ClusterByID(ctx, p.ClusterID)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err == nil {
		err = c.cfg.Store.AddEvent(ctx, cluster.Event{
			ClusterID: p.ClusterID, At: c.cfg.Now(), Kind: cluster.EventOrphanEnded,
			Message: fmt.Sprintf("Process %s ran though nobody wants it; it is being ended", p.Name),
		})
	}
	if err != nil {
		return fmt.Errorf("tell of orphan %s: %w", p.ID, err)
	}
	return nil
}

// isLive looks once more, because a cluster may have been created after the list of clusters was read.
func (c *Clusters) isLive(ctx context.Context, p backend.Process) (bool, error) {
	processes, err := c.cfg.Store.ProcessesByCluster(ctx, p.ClusterID)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return false, fmt.Errorf("list processes: %w", err)
	}
	return slices.ContainsFunc(processes, func(row cluster.Process) bool { return row.ID == p.ID && !row.Status.Ended() }), nil
}

func (c *Clusters) agentReports(ctx context.Context, now time.Time, id cluster.ID) bool {
	g, err := c.cfg.Store.GaugesByCluster(ctx, id)
	return err == nil && now.Sub(g.At) < agentFresh
}

func (c *Clusters) setRetiring(id cluster.ID, names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(names) == 0 {
		delete(c.retiring, id)
		return
	}
	c.retiring[id] = names
}

func countAlive(processes []cluster.Process, seen map[cluster.ProcessID]cluster.Sighting) int {
	alive := 0
	for _, p := range processes {
		if s, ok := seen[p.ID]; ok && s.State != cluster.SeenEnded && !p.Status.Ended() {
			alive++
		}
	}
	return alive
}
