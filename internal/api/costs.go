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

type costsInput struct {
	Since time.Time `query:"since" doc:"Start of the window; 30 days before its end by default"`
	Until time.Time `query:"until" doc:"End of the window, which is not in it; now by default"`
}

func (s *server) costRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/cost", "list-costs", tagCost, "Say what clusters cost in a window of time"), s.costs)
	register(s, a, operation(http.MethodGet, "/rates", "get-rates", tagCost, "Show the prices of the server's own machines"), s.rates)
}

func (s *server) costs(ctx context.Context, in *costsInput) (*body[sdk.CostList], error) {
	now := s.Now()
	if in.Until.IsZero() {
		in.Until = now
	}
	if in.Since.IsZero() {
		in.Since = in.Until.Add(-defaultCostWindow)
	}
	if !in.Since.Before(in.Until) {
		return nil, errs.InvalidFields(errs.Field{Name: "since", Message: "The window must start before it ends: since before until."})
	}
	costs, err := s.Bills.Costs(ctx, now, actorOf(ctx), in.Since.UTC(), in.Until.UTC())
	if err != nil {
		return nil, err
	}
	return answer(costsToAPI(costs)), nil
}

func (s *server) rates(context.Context, *struct{}) (*body[sdk.RateCard], error) {
	return answer(cardToAPI(s.Card(s.Now()))), nil
}
