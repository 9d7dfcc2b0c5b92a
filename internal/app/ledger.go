package app

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// spending and metered are the two ways to the same money that the ledger's summary compares.
type spending struct{ *spend.Service }

// ByKind says what money went to.
func (s spending) ByKind(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (kinds map[string]cost.Nanos, asOf time.Time, err error) {
	a, err := s.Answer(ctx, now, actor, spend.Query{By: []spend.Dimension{"kind"}, Since: since, Until: until, Zone: time.UTC, Limit: spend.DefaultRows})
	if err != nil {
		return nil, now, err
	}
	kinds = make(map[string]cost.Nanos, len(a.Rows))
	for _, row := range a.Rows {
		kinds[row.Keys[0]] += row.Cost
	}
	return kinds, a.AsOf, nil
}

type metering struct{ *bill.Service }

// Metered says what machines cost by their rates.
func (m metering) Metered(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (cost.Nanos, error) {
	costs, err := m.Costs(ctx, now, actor, since, until)
	return costs.Total, err
}
