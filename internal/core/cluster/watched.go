package cluster

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Kinds of events of watched clusters.
const (
	EventWatched EventKind = "watched"
	EventAway    EventKind = "away"
	EventBack    EventKind = "back"
)

const (
	// maxLiveWatched bounds the watched clusters that one user may have alive: a script that announces in a loop stops somewhere.
	maxLiveWatched = 1000
	// keptWatchTokens is how many tokens of one watched cluster are good: the last announcements'.
	keptWatchTokens = 100
	// awayAfter is how long a watched cluster may say nothing before people are told.
	awayAfter = 30 * time.Second
	// maxAddress and maxSchedulerKey bound texts of an announcement.
	maxAddress, maxSchedulerKey = 500, 200
)

// deployments are the ways to start a cluster that have a name.
var deployments = map[string]bool{
	"": true, "local": true, "jobqueue": true, "kubernetes": true, "gateway": true, "cuda": true, "manual": true,
}

// WatchInput announces a cluster that Lineitem did not start.
type WatchInput struct {
	// Name is shown to people; empty for one made from the scheduler's host.
	Name, Deployment, Method       string
	SchedulerAddress, DashboardURL string
	// SchedulerKey is the scheduler's own id.
	SchedulerKey string
	// Group names who pays, as in CreateInput. What a cluster is paid by is decided by its first announcement.
	Group string
}

// Watching is what the observer of a watched cluster needs.
type Watching struct {
	View      View
	Scheduler ProcessID
	// Token is new with each announcement; its hash is kept, its text is not.
	Token AgentToken
}

// Watch records a cluster that Lineitem did not start, and returns what its observer needs. Announcing the same scheduler again returns the same
// cluster, alive again if it had ended, with a new token; earlier tokens stay good, so that a second client does not silence the
// first one's agent. Only where the method changes are they revoked: two methods at once would count time twice. errs.Conflict where a live agent
// measures the cluster and somebody wants to sample it.
func (s *Service) Watch(ctx context.Context, now time.Time, actor identity.Actor, in WatchInput) (Watching, error) {
	in, err := in.clean()
	if err != nil {
		return Watching{}, err
	}
	var c Cluster
	token := newAgentToken()
	announce := func(ctx context.Context) error {
		var err error
		c, err = s.cfg.Store.ClusterBySchedulerKey(ctx, actor.User.ID, in.SchedulerKey)
		switch {
		case errs.Is(err, errs.NotFound):
			c, err = s.createWatched(ctx, now, actor, in)
		case err == nil:
			c, err = s.renewWatched(ctx, now, actor, c, in)
		}
		if err != nil {
			return err
		}
		if err := s.cfg.Store.AddWatchToken(ctx, c.ID, token.Hash, now, keptWatchTokens); err != nil {
			return err
		}
		return s.cfg.Store.TouchCluster(ctx, c.ID, now)
	}
	err = s.cfg.Tx.Atomically(ctx, announce)
	if errs.Is(err, errs.Conflict) && errs.CodeOf(err) == string(errs.Conflict) {
		err = s.cfg.Tx.Atomically(ctx, announce) // two announced one scheduler at the same moment, and the other was first
	}
	if err != nil {
		return Watching{}, err
	}
	view, err := s.Get(ctx, now, actor, string(c.ID))
	return Watching{View: view, Scheduler: processID(c.ID, schedulerName, 1), Token: token}, err
}

func (in WatchInput) clean() (WatchInput, error) {
	var wrong []errs.Field
	add := func(name, format string, args ...any) {
		wrong = append(wrong, errs.Field{Name: name, Message: fmt.Sprintf(format, args...)})
	}
	if in.Method == "" {
		in.Method = MethodAgent
	}
	if in.Method != MethodAgent && in.Method != MethodSampled {
		add("method", "The method is %q or %q, not %.40q.", MethodAgent, MethodSampled, in.Method)
	}
	if !deployments[in.Deployment] {
		add("deployment", "The deployment %.40q is not known; leave it empty where no word fits.", in.Deployment)
	}
	if in.SchedulerKey == "" || len(in.SchedulerKey) > maxSchedulerKey || strings.ContainsFunc(in.SchedulerKey, notPrintable) {
		add("scheduler_id", "The scheduler's id needs 1 to %d printable characters.", maxSchedulerKey)
	}
	if len(in.SchedulerAddress) > maxAddress || strings.ContainsFunc(in.SchedulerAddress, notPrintable) {
		add("scheduler_address", "The scheduler's address may have at most %d printable characters.", maxAddress)
	}
	if !soundDashboard(in.DashboardURL) {
		add("dashboard_url", "The dashboard needs an address that begins with http:// or https://, or none.")
	}
	in.Name = cleanName(in.Name)
	return in, errs.InvalidFields(wrong...)
}

// soundDashboard reports whether a link to the text is harmless: what a stranger says ends up in pages.
func soundDashboard(text string) bool {
	if text == "" {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && len(text) <= maxAddress && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

func notPrintable(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }

// cleanName makes a name that Create would take: deployments have names of their own, and none is worth a refusal.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if notInName(r) {
			return '-'
		}
		return r
	}, name)
	name = strings.Trim(name[:min(len(name), maxNameLength)], "-")
	return strings.TrimPrefix(name, "cl_")
}

func (s *Service) createWatched(ctx context.Context, now time.Time, actor identity.Actor, in WatchInput) (Cluster, error) {
	n, err := s.cfg.Store.CountLiveWatched(ctx, actor.User.ID)
	if err != nil {
		return Cluster{}, err
	}
	if n >= maxLiveWatched {
		return Cluster{}, errs.New(errs.Conflict, "too_many_watched",
			"You have %d watched clusters alive, the most that one user may have; this one is not recorded. They end by themselves once they stop reporting.", n)
	}
	c := Cluster{
		ID: ID(id.New("cl", now)), Name: in.Name, OwnerID: actor.User.ID, Backend: BackendWatched, Status: StatusRunning, Target: TargetRunning,
		SchedulerAddress: in.SchedulerAddress, DashboardURL: in.DashboardURL, Deployment: in.Deployment, Method: in.Method,
		SchedulerKey: in.SchedulerKey, CreatedAt: now, StartedAt: now, LastSeenAt: now,
	}
	payer, err := s.cfg.Groups.Payer(ctx, actor, in.Group)
	if err != nil {
		return Cluster{}, err
	}
	c.GroupID, c.GroupPath = payer.Group, payer.Path
	if c.Name == "" {
		c.Name = defaultName(c.ID, cleanName(hostOf(in.SchedulerAddress)))
	}
	if err := s.cfg.Store.CreateCluster(ctx, c); err != nil {
		return Cluster{}, err
	}
	scheduler := NewScheduler(c, s.cfg.Prices.Card(c.Backend, now), now)
	scheduler.Status, scheduler.StartedAt = StatusRunning, now
	if err := s.cfg.Store.CreateProcess(ctx, scheduler); err != nil {
		return Cluster{}, err
	}
	return c, s.cfg.Store.AddEvent(ctx, Event{
		ClusterID: c.ID, At: now, Kind: EventWatched, Message: fmt.Sprintf("Announced by %s; Lineitem did not start it and only watches it", actor.User.Name),
	})
}

// renewWatched brings what is known of a cluster up to date, and the cluster back if it had ended.
func (s *Service) renewWatched(ctx context.Context, now time.Time, actor identity.Actor, c Cluster, in WatchInput) (Cluster, error) {
	if c.Method != in.Method {
		if in.Method == MethodSampled && !c.Status.Ended() && now.Sub(c.LastSeenAt) < awayAfter {
			return Cluster{}, errs.New(errs.Conflict, "already_measured",
				"An agent inside the cluster measures it already (%s), so it is not sampled as well: its time would be charged twice.", c.Name)
		}
		if err := s.changeMethod(ctx, now, c); err != nil {
			return Cluster{}, err
		}
	}
	c.Method = in.Method
	if in.Deployment != "" {
		c.Deployment = in.Deployment
	}
	if in.SchedulerAddress != "" {
		c.SchedulerAddress = in.SchedulerAddress
	}
	if in.DashboardURL != "" {
		c.DashboardURL = in.DashboardURL
	}
	if in.Name != "" {
		c.Name = in.Name
	}
	if !c.Status.Ended() {
		return c, s.cfg.Store.UpdateCluster(ctx, c)
	}
	c.Status, c.Target, c.Reason, c.EndedAt = StatusRunning, TargetRunning, "", time.Time{}
	if err := s.cfg.Store.UpdateCluster(ctx, c); err != nil {
		return Cluster{}, err
	}
	processes, err := s.cfg.Store.ProcessesByCluster(ctx, c.ID)
	if err != nil {
		return Cluster{}, err
	}
	for _, p := range processes {
		if p.Role != RoleScheduler {
			continue // a worker comes back once it reports
		}
		p.Status, p.Target, p.Reason, p.EndedAt = StatusRunning, TargetRunning, "", time.Time{}
		if err := s.cfg.Store.UpdateProcess(ctx, p); err != nil {
			return Cluster{}, err
		}
	}
	return c, s.cfg.Store.AddEvent(ctx, Event{
		ClusterID: c.ID, At: now, Kind: EventBack, Message: fmt.Sprintf("Announced again by %s; the time since its last report is not known", actor.User.Name),
	})
}

// changeMethod shuts out the earlier observer: its tokens are revoked, and its workers end, for the new one names them in its own way.
func (s *Service) changeMethod(ctx context.Context, now time.Time, c Cluster) error {
	if err := s.cfg.Store.ForgetWatchTokens(ctx, c.ID); err != nil {
		return err
	}
	processes, err := s.cfg.Store.ProcessesByCluster(ctx, c.ID)
	if err != nil {
		return err
	}
	for _, p := range processes {
		if p.Role != RoleWorker || p.Status.Ended() {
			continue
		}
		p.Status, p.Target, p.Reason, p.EndedAt = StatusStopped, TargetStopped, "Observed by other means from here on", now
		if now.Before(p.StartedAt) {
			p.EndedAt = p.StartedAt
		}
		if err := s.cfg.Store.UpdateProcess(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// hostOf returns the host of an address like tcp://10.0.0.4:8786.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "dask"
	}
	return u.Hostname()
}

// notControlled is the answer to what only the owner of the machines can do.
func notControlled(c Cluster, what string) error {
	return errs.New(errs.Conflict, "watched_cluster",
		"Lineitem did not start cluster %s and only watches it, so it %s; nothing was changed. Do it where the cluster was started.", c.Name, what)
}

// Away returns since when a watched cluster that should be there has said nothing, zero if it reports.
func (c Cluster) Away(now time.Time) time.Time {
	if !c.Watched() || c.Status.Ended() || now.Sub(c.LastSeenAt) < awayAfter {
		return time.Time{}
	}
	return c.LastSeenAt
}
