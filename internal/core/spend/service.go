package spend

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Clusters are those that money was spent on.
type Clusters interface {
	ListClusters(ctx context.Context, f cluster.ListFilter) ([]cluster.Cluster, error)
	UserByID(ctx context.Context, id identity.UserID) (identity.User, error)
}

// Bills splits what a cluster spent into hours.
type Bills interface {
	Hours(ctx context.Context, now time.Time, c cluster.Cluster, since, until time.Time) (hours []bill.Hour, rulesVersion int, err error)
}

// Service answers questions of cost within what the actor may see.
type Service struct {
	clusters Clusters
	bills    Bills
	currency cost.Currency
}

// NewService makes a Service.
func NewService(clusters Clusters, bills Bills, currency cost.Currency) *Service {
	return &Service{clusters: clusters, bills: bills, currency: currency}
}

// Answer answers a question. The window is widened to the whole hours that it touches, and ends now at the latest.
func (s *Service) Answer(ctx context.Context, now time.Time, actor identity.Actor, q Query) (Answer, error) {
	if q.Until.After(now) {
		q.Until = now
	}
	if err := q.Check(); err != nil {
		return Answer{}, err
	}
	q.Since = q.Since.UTC().Truncate(time.Hour)
	if hour := q.Until.UTC().Truncate(time.Hour); hour.Before(q.Until) {
		q.Until = hour.Add(time.Hour)
	}
	scope := actor.Scope()
	clusters, err := s.clusters.ListClusters(ctx, cluster.ListFilter{Scope: &scope, AliveSince: q.Since, CreatedBefore: q.Until})
	if err != nil {
		return Answer{}, fmt.Errorf("list clusters: %w", err)
	}
	owners := map[identity.UserID]string{}
	g := NewGrouping(q, s.currency)
	for _, c := range clusters {
		owner, ok := owners[c.OwnerID]
		if !ok {
			user, err := s.clusters.UserByID(ctx, c.OwnerID)
			if err != nil {
				return Answer{}, fmt.Errorf("find the owner of %s: %w", c.ID, err)
			}
			owner = user.Name
			owners[c.OwnerID] = owner
		}
		hours, version, err := s.bills.Hours(ctx, now, c, q.Since, q.Until)
		if err != nil {
			return Answer{}, fmt.Errorf("hours of %s: %w", c.ID, err)
		}
		g.Add(Of{Cluster: c.ID, Name: c.Name, Backend: c.Backend, UserID: c.OwnerID, User: owner, Group: c.GroupPath, RulesVersion: version}, hours)
	}
	return g.Answer(), nil
}
