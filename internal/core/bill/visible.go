package bill

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Visible lists the clusters that the actor may see and that lived within [since, until).
func (s *Service) Visible(ctx context.Context, actor identity.Actor, since, until time.Time) ([]cluster.Cluster, error) {
	return s.clustersWithin(ctx, actor, since, until)
}
