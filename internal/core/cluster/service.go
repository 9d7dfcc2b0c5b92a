package cluster

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Users finds the owner of a cluster.
type Users interface {
	UserByID(ctx context.Context, id identity.UserID) (identity.User, error)
}

// Groups find who pays for a cluster.
type Groups interface {
	Payer(ctx context.Context, actor identity.Actor, ref string) (identity.Payer, error)
}

// Service is what people do with clusters. It records what is wanted; the reconciler makes it so.
type Service struct {
	cfg ServiceConfig
}

// ServiceConfig is what a Service works with; all fields are needed.
type ServiceConfig struct {
	Store Store
	Tx    identity.Transactor
	Users Users
	// Groups say who pays.
	Groups Groups
	// Mint makes the TLS identities of a new cluster.
	Mint func(id ID, now time.Time) (CredentialSet, error)
	Logs LogReader
	// Backends names the backends that exist; the first is the default.
	Backends []string
	// Prices say what the processes of a backend cost that are created at a moment.
	Prices Prices
	// DefaultMemory is the memory limit of a worker for which none was asked.
	DefaultMemory int64
	// Wake tells the reconciler that something is wanted; it returns at once.
	Wake func()
}

// Prices are the cards of the backends.
type Prices interface {
	Card(backend string, at time.Time) cost.Card
}

// NewService makes a Service.
func NewService(cfg ServiceConfig) *Service { return &Service{cfg: cfg} }

// Create records a new cluster, its scheduler and workers as wanted, and returns it without waiting for anything to run.
// errs.Invalid where the input is wrong.
func (s *Service) Create(ctx context.Context, now time.Time, actor identity.Actor, in CreateInput) (View, error) {
	in = s.withDefaults(in)
	if err := in.validate(s.cfg.Backends); err != nil {
		return View{}, err
	}
	clusterID := ID(id.New("cl", now))
	if in.Name == "" {
		in.Name = defaultName(clusterID, actor.User.Name)
	}
	credentials, err := s.cfg.Mint(clusterID, now)
	if err != nil {
		return View{}, fmt.Errorf("mint credentials: %w", err)
	}
	token := newAgentToken()
	c := Cluster{
		ID: clusterID, Name: in.Name, OwnerID: actor.User.ID, Backend: in.Backend, Options: in.Options,
		Status: StatusPending, Target: TargetRunning, CreatedAt: now,
	}
	card := s.cfg.Prices.Card(c.Backend, now)
	err = s.cfg.Tx.Atomically(ctx, func(ctx context.Context) error {
		payer, err := s.cfg.Groups.Payer(ctx, actor, in.Group)
		if err != nil {
			return err
		}
		c.GroupID, c.GroupPath = payer.Group, payer.Path
		if err := s.cfg.Store.CreateCluster(ctx, c); err != nil {
			return err
		}
		if err := s.cfg.Store.SetCredentials(ctx, c.ID, credentials, token); err != nil {
			return err
		}
		if err := s.cfg.Store.CreateProcess(ctx, NewScheduler(c, card, now)); err != nil {
			return err
		}
		for i := range in.Options.Workers {
			if err := s.cfg.Store.CreateProcess(ctx, NewWorker(c, card, WorkerName(i), 1, now)); err != nil {
				return err
			}
		}
		return s.cfg.Store.AddEvent(ctx, Event{
			ClusterID: c.ID, At: now, Kind: EventCreated,
			Message: fmt.Sprintf("Created by %s with %s", actor.User.Name, countWorkers(in.Options.Workers)),
		})
	})
	if err != nil {
		return View{}, err
	}
	s.cfg.Wake()
	return s.view(ctx, now, c)
}

// Get returns one cluster by id, or by name where the actor has a live one of that name. errs.NotFound if there is none that the
// actor may see.
func (s *Service) Get(ctx context.Context, now time.Time, actor identity.Actor, ref string) (View, error) {
	c, err := s.Find(ctx, actor, ref)
	if err != nil {
		return View{}, err
	}
	return s.view(ctx, now, c)
}

// Find returns the cluster that ref names, as Get does, without its money.
func (s *Service) Find(ctx context.Context, actor identity.Actor, ref string) (Cluster, error) {
	var c Cluster
	var err error
	if strings.HasPrefix(ref, "cl_") {
		c, err = s.cfg.Store.ClusterByID(ctx, ID(ref))
	} else {
		c, err = s.cfg.Store.LiveClusterByName(ctx, actor.User.ID, ref)
	}
	switch {
	case errs.Is(err, errs.NotFound), err == nil && !actor.Scope().Sees(c.OwnerID, c.GroupPath):
		return Cluster{}, errs.New(errs.NotFound, "", "There is no cluster %q that you may see.", ref)
	case err != nil:
		return Cluster{}, fmt.Errorf("find cluster: %w", err)
	}
	return c, nil
}

// List returns one page of the clusters that the actor may see, newest first, and the cursor of the next.
func (s *Service) List(ctx context.Context, now time.Time, actor identity.Actor, in ListInput) ([]View, string, error) {
	if in.Limit <= 0 || in.Limit > maxPage {
		in.Limit = maxPage
	}
	scope := actor.Scope()
	f := ListFilter{Scope: &scope, Statuses: in.Statuses, Before: ID(in.Cursor), Limit: in.Limit + 1}
	clusters, err := s.cfg.Store.ListClusters(ctx, f)
	if err != nil {
		return nil, "", fmt.Errorf("list clusters: %w", err)
	}
	next := ""
	if len(clusters) > in.Limit {
		clusters = clusters[:in.Limit]
		next = string(clusters[in.Limit-1].ID)
	}
	views := make([]View, 0, len(clusters))
	for _, c := range clusters {
		v, err := s.view(ctx, now, c)
		if err != nil {
			return nil, "", err
		}
		views = append(views, v)
	}
	return views, next, nil
}

const maxPage = 200

// own returns the cluster that ref names if the actor may change it, and errs.Forbidden where they only see it, as lead of the group that pays.
func (s *Service) own(ctx context.Context, actor identity.Actor, ref string) (Cluster, error) {
	c, err := s.Find(ctx, actor, ref)
	if err == nil && !actor.MayChange(c.OwnerID) {
		return Cluster{}, errs.New(errs.Forbidden, "not_yours",
			"You see cluster %s because you lead a group that pays for it; only its owner and admins change it or connect to it. Nothing was changed.", c.Name)
	}
	return c, err
}

// Scale sets how many workers are wanted. Growing adds workers under new names; shrinking asks the named ones, then the
// newest, to hand over their data and go. errs.Conflict once the cluster is stopping or has ended.
func (s *Service) Scale(ctx context.Context, now time.Time, actor identity.Actor, ref string, in ScaleInput) (View, error) {
	c, err := s.own(ctx, actor, ref)
	if err != nil {
		return View{}, err
	}
	if f := validateWorkers("n_workers", in.Workers); f != nil {
		return View{}, errs.InvalidFields(*f)
	}
	err = s.cfg.Tx.Atomically(ctx, func(ctx context.Context) error {
		c, err = s.cfg.Store.ClusterByID(ctx, c.ID)
		if err != nil {
			return err
		}
		if c.Watched() {
			return notControlled(c, "cannot scale it")
		}
		if c.Target == TargetStopped {
			return errs.New(errs.Conflict, "cluster_not_running",
				"Cluster %s is %s and cannot be scaled; nothing was changed. Create a new one.", c.Name, c.Status)
		}
		processes, err := s.cfg.Store.ProcessesByCluster(ctx, c.ID)
		if err != nil {
			return err
		}
		change := planScale(now, c, processes, s.cfg.Prices.Card(c.Backend, now), in)
		if len(change.created)+len(change.updated) == 0 && c.Options.Workers == in.Workers {
			return nil
		}
		was := c.Options.Workers
		c.Options.Workers = in.Workers
		if err := s.cfg.Store.UpdateCluster(ctx, c); err != nil {
			return err
		}
		for _, p := range change.created {
			if err := s.cfg.Store.CreateProcess(ctx, p); err != nil {
				return err
			}
		}
		for _, p := range change.updated {
			if err := s.cfg.Store.UpdateProcess(ctx, p); err != nil {
				return err
			}
		}
		return s.cfg.Store.AddEvent(ctx, Event{
			ClusterID: c.ID, At: now, Kind: EventScaled,
			Message: fmt.Sprintf("Scaled from %d to %s by %s", was, countWorkers(in.Workers), actor.User.Name),
		})
	})
	if err != nil {
		return View{}, err
	}
	s.cfg.Wake()
	return s.view(ctx, now, c)
}

// Stop records that the cluster is not wanted any more. Stopping it again, or when it has ended, changes nothing.
func (s *Service) Stop(ctx context.Context, now time.Time, actor identity.Actor, ref string) (View, error) {
	c, err := s.own(ctx, actor, ref)
	if err != nil {
		return View{}, err
	}
	err = s.cfg.Tx.Atomically(ctx, func(ctx context.Context) error {
		c, err = s.cfg.Store.ClusterByID(ctx, c.ID)
		if err == nil && c.Watched() {
			return notControlled(c, "cannot end it")
		}
		if err != nil || c.Target == TargetStopped {
			return err
		}
		c.Target, c.Status = TargetStopped, StatusStopping
		c.Reason = fmt.Sprintf("Stopped by %s", actor.User.Name)
		if err := s.cfg.Store.UpdateCluster(ctx, c); err != nil {
			return err
		}
		return s.cfg.Store.AddEvent(ctx, Event{ClusterID: c.ID, At: now, Kind: EventStopRequested, Message: "Stop asked for by " + actor.User.Name})
	})
	if err != nil {
		return View{}, err
	}
	s.cfg.Wake()
	return s.view(ctx, now, c)
}

// Credentials returns what a Dask client needs to connect. errs.Conflict while the scheduler is not up.
func (s *Service) Credentials(ctx context.Context, actor identity.Actor, ref string) (Cluster, Credentials, error) {
	c, err := s.own(ctx, actor, ref)
	if err != nil {
		return Cluster{}, Credentials{}, err
	}
	if c.Watched() {
		return Cluster{}, Credentials{}, notControlled(c, "has no credentials for it")
	}
	if c.SchedulerAddress == "" || c.Target == TargetStopped {
		return Cluster{}, Credentials{}, errs.New(errs.Conflict, "scheduler_not_up",
			"The scheduler of cluster %s is not up (the cluster is %s). Ask again once it is running.", c.Name, c.Status)
	}
	set, _, err := s.cfg.Store.CredentialsByCluster(ctx, c.ID)
	if err != nil {
		return Cluster{}, Credentials{}, fmt.Errorf("read credentials: %w", err)
	}
	return c, set.Client, nil
}

// Processes returns the processes of a cluster with their cost.
func (s *Service) Processes(ctx context.Context, now time.Time, actor identity.Actor, ref string) ([]ProcessView, error) {
	c, err := s.Find(ctx, actor, ref)
	if err != nil {
		return nil, err
	}
	processes, err := s.cfg.Store.ProcessesByCluster(ctx, c.ID)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	views := make([]ProcessView, len(processes))
	for i, p := range processes {
		views[i] = ProcessView{Process: p, Cost: p.Cost(now), Rate: p.RateAt(now)}
	}
	return views, nil
}

// Events returns the newest events of a cluster first.
func (s *Service) Events(ctx context.Context, actor identity.Actor, ref string, limit int) ([]Event, error) {
	c, err := s.Find(ctx, actor, ref)
	if err != nil {
		return nil, err
	}
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	return s.cfg.Store.EventsByCluster(ctx, c.ID, limit)
}

// Logs returns the output of all processes of a cluster that have any, or of the newest run of one process by its name.
func (s *Service) Logs(ctx context.Context, actor identity.Actor, ref, process string, tail int64) ([]Log, error) {
	c, err := s.Find(ctx, actor, ref)
	if err != nil {
		return nil, err
	}
	if c.Watched() {
		return nil, notControlled(c, "has no logs of it")
	}
	processes, err := s.cfg.Store.ProcessesByCluster(ctx, c.ID)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	if process != "" {
		processes = slices.DeleteFunc(processes, func(p Process) bool { return p.Name != process && string(p.ID) != process })
		if len(processes) == 0 {
			return nil, errs.New(errs.NotFound, "", "Cluster %s has no process %q.", c.Name, process)
		}
		processes = processes[len(processes)-1:]
	}
	logs := make([]Log, 0, len(processes))
	for _, p := range processes {
		text, truncated, err := s.cfg.Logs.ReadLog(ctx, c, p.ID, tail)
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read log of %s: %w", p.Name, err)
		}
		logs = append(logs, Log{Process: p, Text: strings.ToValidUTF8(string(text), "\uFFFD"), Truncated: truncated})
	}
	return logs, nil
}

func (s *Service) view(ctx context.Context, now time.Time, c Cluster) (View, error) {
	owner, err := s.cfg.Users.UserByID(ctx, c.OwnerID)
	if err != nil {
		return View{}, fmt.Errorf("find owner: %w", err)
	}
	processes, err := s.cfg.Store.ProcessesByCluster(ctx, c.ID)
	if err != nil {
		return View{}, fmt.Errorf("list processes: %w", err)
	}
	v := View{Cluster: c, Owner: owner, Currency: s.cfg.Prices.Card(c.Backend, now).Currency}
	for _, p := range processes {
		v.Cost += p.Cost(now)
		if p.Metered() {
			v.Rate += p.RateAt(now)
		}
		if p.Role == RoleWorker && p.Status == StatusRunning {
			v.WorkersRunning++
		}
	}
	if c.Watched() {
		v.Cluster.Options.Workers = v.WorkersRunning
		if since := c.Away(now); !since.IsZero() {
			v.Away = true
			v.Cluster.Reason = "It has not reported since " + since.UTC().Format(time.RFC3339) + "."
		}
	}
	gauges, err := s.cfg.Store.GaugesByCluster(ctx, c.ID)
	switch {
	case err == nil:
		v.Gauges = &gauges
	case !errs.Is(err, errs.NotFound):
		return View{}, fmt.Errorf("read gauges: %w", err)
	}
	return v, nil
}

// HashAgentToken hashes the text of an agent token.
func HashAgentToken(text string) identity.Hash {
	sum := sha256.Sum256([]byte(text))
	return identity.Hash(hex.EncodeToString(sum[:]))
}

func newAgentToken() AgentToken {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails: crypto/rand.Read aborts the program instead
	text := "lia_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret[:]))
	return AgentToken{Hash: HashAgentToken(text), Text: text}
}

func defaultName(clusterID ID, user string) string {
	text := string(clusterID)
	return user + "-" + text[len(text)-5:]
}

func countWorkers(n int) string {
	if n == 1 {
		return "1 worker"
	}
	return fmt.Sprintf("%d workers", n)
}
