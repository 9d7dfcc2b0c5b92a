package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/spend"
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
	register(s, a, operation(http.MethodGet, "/cost/breakdown", "get-cost-breakdown", tagCost, "Say what was spent, grouped by anything"), s.breakdown)
	register(s, a, operation(http.MethodGet, "/rates", "get-rates", tagCost, "Show the prices of the server's own machines"), s.rates)
	s.breakdownFileRoutes(a)
	s.focusRoutes(a)
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

// CostQuestion are the parameters of a question of cost. It is exported because huma looks at exported fields only.
type CostQuestion struct {
	By    []string `query:"by" required:"true" minItems:"1" maxItems:"6" doc:"Dimensions to group by; docs/cost.md lists them"`
	Where []string `query:"where,explode" maxItems:"20" doc:"Filters, as operation=read.csv,read.parquet; * at the end of a value stands for the rest"`
	CostWindow
	Zone    string `query:"zone" doc:"IANA time zone in which days begin; the organisation's by default"`
	Figures string `query:"figures" enum:"metered,invoiced" default:"metered" doc:"Time by the prices in force, or what was truly invoiced where an invoice was imported"`
}

// query is the question in the words of core; the zone is the organisation's where none is asked for.
func (in CostQuestion) query(now time.Time, zone string, limit int) (spend.Query, error) {
	since, until, err := in.window(now)
	if err != nil {
		return spend.Query{}, err
	}
	q := spend.Query{Since: since, Until: until, Limit: limit, Figures: spend.Figures(in.Figures)}
	if q.Zone, err = findZone(in.Zone, zone); err != nil {
		return spend.Query{}, err
	}
	for _, name := range in.By {
		q.By = append(q.By, spend.Dimension(name))
	}
	for _, text := range in.Where {
		filter, err := spend.ParseFilter(text)
		if err != nil {
			return spend.Query{}, errs.InvalidFields(errs.Field{Name: "where", Message: err.Error() + "."})
		}
		q.Where = append(q.Where, filter)
	}
	return q, nil
}

// findZone loads a time zone by its name, or the standard one where none is named.
func findZone(name, standard string) (*time.Location, error) {
	if name == "" {
		name = standard
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, errs.InvalidFields(errs.Field{Name: "zone", Message: fmt.Sprintf("%.100q is no IANA time zone, such as Europe/Oslo.", name)})
	}
	return zone, nil
}

type breakdownInput struct {
	CostQuestion
	Limit int `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"How many rows to list"`
}

func (s *server) breakdown(ctx context.Context, in *breakdownInput) (*body[sdk.CostBreakdown], error) {
	now := s.Now()
	q, err := in.query(now, s.TimeZone, in.Limit)
	if err != nil {
		return nil, err
	}
	a, err := s.Spend.Answer(ctx, now, actorOf(ctx), q)
	if err != nil {
		return nil, err
	}
	out := breakdownToAPI(a)
	if out.Prices, err = s.pricesOf(ctx, now, a.Since, a.Until); err != nil {
		return nil, err
	}
	out.By, out.Where, out.Rates = in.By, append([]string{}, in.Where...), cardToAPI(s.Card(now))
	return answer(out), nil
}

func (s *server) rates(context.Context, *struct{}) (*body[sdk.RateCard], error) {
	return answer(cardToAPI(s.Card(s.Now()))), nil
}
