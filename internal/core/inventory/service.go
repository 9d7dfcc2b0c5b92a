package inventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Clusters finds one cluster that the actor may see.
type Clusters interface {
	Find(ctx context.Context, actor identity.Actor, ref string) (cluster.Cluster, error)
}

// Rows are the stored facts that answers are made of.
type Rows interface {
	Store
	ListClusters(ctx context.Context, f cluster.ListFilter) ([]cluster.Cluster, error)
	ProcessesByCluster(ctx context.Context, id cluster.ID) ([]cluster.Process, error)
	UserByID(ctx context.Context, id identity.UserID) (identity.User, error)
}

// Folder brings the stored facts up to date.
type Folder interface {
	FoldAll(ctx context.Context, id cluster.ID) error
}

// Service answers who has which software.
type Service struct {
	clusters Clusters
	rows     Rows
	moment   identity.Snapshotter
	folder   Folder
	card     cost.Card
	cache    environmentCache
}

// NewService makes a Service.
func NewService(clusters Clusters, rows Rows, moment identity.Snapshotter, folder Folder, card cost.Card) *Service {
	return &Service{clusters: clusters, rows: rows, moment: moment, folder: folder, card: card}
}

// Query asks for packages.
type Query struct {
	// Name is that of a distribution or of a top-level module; empty for all.
	Name string
	// Range limits versions, if a text of PEP 440.
	Range string
	// Grade is the least one.
	Grade Grade
	// Cluster limits the answer to one cluster, if not empty.
	Cluster string
}

// PackageUse is one version of a package in one environment of one cluster.
type PackageUse struct {
	Name, Version string
	Grade         Grade
	Cluster       cluster.Cluster
	Owner         identity.User
	// Roles names who has it, in alphabetical order.
	Roles       []string
	Environment string
	Python      string
	// LastAt is when it was last found in its grade.
	LastAt time.Time
	// Cost is that of thread-time with the package's code on the stack, ClusterCost that of the whole cluster.
	Cost, ClusterCost cost.Nanos
}

// List is an answer to a Query.
type List struct {
	Currency cost.Currency
	// Items come in the order of names and versions, dearest first within them.
	Items []PackageUse
	// Skipped counts entries whose version does not follow PEP 440, so that it could not be compared.
	Skipped int
}

// maxItems bounds an answer.
const maxItems = 20_000

// Packages answers a query about the clusters that the actor may see.
func (s *Service) Packages(ctx context.Context, now time.Time, actor identity.Actor, q Query) (List, error) {
	versions, err := ParseRange(q.Range)
	if err != nil {
		return List{}, err
	}
	clusters, err := s.visible(ctx, actor, q.Cluster)
	if err != nil {
		return List{}, err
	}
	if len(clusters) == 1 { // who asks for one wants it up to date; all of them are seconds behind
		if err := s.folder.FoldAll(ctx, clusters[0].ID); err != nil {
			return List{}, fmt.Errorf("fold telemetry: %w", err)
		}
	}
	out := List{Currency: s.card.Currency}
	owners := map[identity.UserID]identity.User{}
	for _, c := range clusters {
		items, skipped, err := s.ofCluster(ctx, now, c, q, versions)
		if err != nil {
			return List{}, err
		}
		if len(items)+skipped == 0 {
			continue
		}
		owner, ok := owners[c.OwnerID]
		if !ok {
			if owner, err = s.rows.UserByID(ctx, c.OwnerID); err != nil {
				return List{}, fmt.Errorf("find owner: %w", err)
			}
			owners[c.OwnerID] = owner
		}
		for i := range items {
			items[i].Owner = owner
		}
		out.Items = append(out.Items, items...)
		out.Skipped += skipped
		if len(out.Items) > maxItems {
			return List{}, errs.InvalidFields(errs.Field{Name: "name", Message: fmt.Sprintf(
				"The answer has more than %d entries. Ask for one name, one cluster, or only for packages that were imported or seen.", maxItems)})
		}
	}
	slices.SortStableFunc(out.Items, func(a, b PackageUse) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.Cost, a.Cost), cmp.Compare(b.Grade, a.Grade), b.LastAt.Compare(a.LastAt),
			cmp.Compare(a.Cluster.ID, b.Cluster.ID), cmp.Compare(a.Version, b.Version))
	})
	return out, nil
}

func (s *Service) visible(ctx context.Context, actor identity.Actor, ref string) ([]cluster.Cluster, error) {
	if ref != "" {
		c, err := s.clusters.Find(ctx, actor, ref)
		if err != nil {
			return nil, err
		}
		return []cluster.Cluster{c}, nil
	}
	scope := actor.Scope()
	clusters, err := s.rows.ListClusters(ctx, cluster.ListFilter{Scope: &scope})
	if err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	return clusters, nil
}

// ofCluster reads what is known of one cluster, of one moment.
func (s *Service) ofCluster(ctx context.Context, now time.Time, c cluster.Cluster, q Query, versions Range) ([]PackageUse, int, error) {
	in := Input{Cluster: c, AsOf: now}
	err := s.moment.Snapshot(ctx, func(ctx context.Context) error {
		var err error
		if in.Uses, err = s.rows.EnvironmentUses(ctx, c.ID); err != nil || len(in.Uses) == 0 {
			return err
		}
		in.Environments = map[string]usage.Environment{}
		for _, use := range in.Uses {
			e, err := s.cache.get(ctx, s.rows, use.Environment)
			switch {
			case errs.Is(err, errs.NotFound): // named, but not described yet
			case err != nil:
				return err
			default:
				in.Environments[e.ID] = e
			}
		}
		module, ok := in.wanted(q)
		if !ok {
			return nil
		}
		if in.Imports, err = s.rows.ModuleImports(ctx, c.ID, module); err != nil {
			return err
		}
		if in.Times, err = s.rows.ModuleTimes(ctx, c.ID, module); err != nil {
			return err
		}
		in.Processes, err = s.rows.ProcessesByCluster(ctx, c.ID)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the software of %s: %w", c.ID, err)
	}
	items, skipped := Compute(in, q, versions)
	return items, skipped, nil
}

// Environment returns an environment that a cluster has which the actor may see; errs.NotFound otherwise.
func (s *Service) Environment(ctx context.Context, actor identity.Actor, id string) (usage.Environment, error) {
	unknown := errs.New(errs.NotFound, "", "There is no environment %.100q that you may see.", id)
	if scope := actor.Scope(); !scope.All {
		seen, err := s.rows.EnvironmentSeen(ctx, scope, id)
		if err != nil {
			return usage.Environment{}, fmt.Errorf("look who has environment %.100q: %w", id, err)
		}
		if !seen {
			return usage.Environment{}, unknown
		}
	}
	e, err := s.cache.get(ctx, s.rows, id)
	if errs.Is(err, errs.NotFound) {
		return usage.Environment{}, unknown
	}
	return e, err
}

// environmentCache remembers environments: they never change, and many clusters have the same.
type environmentCache struct {
	mu   sync.Mutex
	byID map[string]usage.Environment
}

// maxCached bounds the cache; an environment has some hundred packages.
const maxCached = 200

func (c *environmentCache) get(ctx context.Context, store Store, id string) (usage.Environment, error) {
	c.mu.Lock()
	e, ok := c.byID[id]
	c.mu.Unlock()
	if ok {
		return e, nil
	}
	e, err := store.EnvironmentByID(ctx, id)
	if err != nil {
		return usage.Environment{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || len(c.byID) >= maxCached {
		c.byID = map[string]usage.Environment{}
	}
	c.byID[id] = e
	return e, nil
}
