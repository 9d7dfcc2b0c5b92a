package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/sdk"
)

// defaultCostWindow is how far back costs go where the caller does not say.
const defaultCostWindow = 30 * 24 * time.Hour

// CostWindow are the parameters of all that asks for the costs of a time. It is exported because huma looks at exported fields only.
type CostWindow struct {
	Since time.Time `query:"since" doc:"Start of the window; 30 days before its end by default"`
	Until time.Time `query:"until" doc:"End of the window, which is not in it; now by default"`
}

// window is [since, until) in UTC.
func (in CostWindow) window(now time.Time) (since, until time.Time, err error) {
	since, until = in.Since.UTC(), in.Until.UTC()
	if in.Until.IsZero() {
		until = now.UTC()
	}
	if in.Since.IsZero() {
		since = until.Add(-defaultCostWindow)
	}
	if !since.Before(until) {
		return since, until, errs.InvalidFields(errs.Field{Name: "since", Message: "The window must start before it ends: since before until."})
	}
	return since, until, nil
}

func (s *server) costRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/cost", "list-costs", tagCost, "Say what clusters cost in a window of time"), s.costs)
	s.focusRoutes(a)
	register(s, a, operation(http.MethodGet, "/rates", "get-rates", tagCost, "Show the configured prices"), s.rates)
}

func (s *server) costs(ctx context.Context, in *CostWindow) (*body[sdk.CostList], error) {
	now := s.Now()
	since, until, err := in.window(now)
	if err != nil {
		return nil, err
	}
	costs, err := s.Bills.Costs(ctx, now, actorOf(ctx), since, until)
	if err != nil {
		return nil, err
	}
	return answer(costsToAPI(costs)), nil
}

func (s *server) rates(context.Context, *struct{}) (*body[sdk.RateCard], error) {
	return answer(cardToAPI(s.Card)), nil
}
