package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/outlook"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/sdk"
)

// Outlook is what the routes ask of core/outlook.
type Outlook interface {
	Overview(ctx context.Context, now time.Time, actor identity.Actor, p outlook.Period, only ...spend.Filter) (outlook.Overview, error)
}

// overviewMovers is the order in which dimensions of movers are listed.
var overviewMovers = []spend.Dimension{"group", "user", "operation", "line"}

type overviewInput struct {
	Month string    `query:"month" maxLength:"20" doc:"A month of the calendar, as 2026-11; the current one by default"`
	Since time.Time `query:"since" doc:"Instead of a month: start of the period"`
	Until time.Time `query:"until" doc:"End of the period, which is not in it; now by default"`
	Zone  string    `query:"zone" doc:"IANA time zone in which days begin; the organisation's by default"`
}

func (s *server) overviewRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/overview", "get-overview", tagCost, "Say what was spent in a period, and what to think of it"), s.overview)
}

func (s *server) overview(ctx context.Context, in *overviewInput) (*body[sdk.Overview], error) {
	now := s.Now()
	p, err := s.period(in, now)
	if err != nil {
		return nil, err
	}
	actor := actorOf(ctx)
	o, err := s.Outlook.Overview(ctx, now, actor, p)
	if err != nil {
		return nil, err
	}
	out := overviewToAPI(o)
	out.Whole = actor.User.Role == identity.RoleAdmin
	out.Rates = cardToAPI(s.Card(now))
	for i := range out.Lines {
		out.Lines[i].Text = s.lineText(ctx, actor, out.Lines[i])
	}
	return answer(out), nil
}

// period is the month or the window that was asked for.
func (s *server) period(in *overviewInput, now time.Time) (outlook.Period, error) {
	zone, err := findZone(in.Zone, s.TimeZone)
	switch {
	case err != nil:
		return outlook.Period{}, err
	case in.Month != "" && (!in.Since.IsZero() || !in.Until.IsZero()):
		return outlook.Period{}, errs.InvalidFields(errs.Field{Name: "month", Message: "Give a month or since and until, not both."})
	case in.Month != "":
		return outlook.ParseMonth(in.Month, zone)
	case in.Since.IsZero() && in.Until.IsZero():
		return outlook.MonthOf(now, zone), nil
	case in.Since.IsZero():
		return outlook.Period{}, errs.InvalidFields(errs.Field{Name: "since", Message: "A period needs a start: give since, or a month."})
	case in.Until.IsZero():
		in.Until = now
	}
	return outlook.Between(in.Since, in.Until, zone)
}

// zone finds a time zone by its name, the organisation's for "".

// lineText is the source of a line, empty where it is not kept.
func (s *server) lineText(ctx context.Context, actor identity.Actor, l sdk.OverviewLine) string {
	source, err := s.Bills.Source(ctx, actor, l.ClusterID, l.File)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(source.Text) {
		if l.Line--; l.Line == 0 {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func overviewToAPI(o outlook.Overview) sdk.Overview {
	out := sdk.Overview{
		Currency: string(o.Currency), Zone: o.Zone.String(), Month: o.Month, Start: o.Since.UTC(), End: o.End.UTC(), Until: o.Until.UTC(), AsOf: o.AsOf.UTC(),
		Notes:       append([]string{}, o.Notes...),
		BeforeStart: o.BeforeSince.UTC(), BeforeEnd: o.BeforeUntil.UTC(), TotalNanos: int64(o.Total), BeforeNanos: int64(o.Before),
		WasteNanos: int64(o.Waste), WasteBeforeNanos: int64(o.WasteBefore), UnseenNanos: int64(o.Unseen), Clusters: o.Clusters,
		FirstDay: o.First.Format(time.DateOnly), Days: nanos(o.Days), NoForecast: o.NoForecast, By: string(o.By),
		LinesNanos: int64(o.LinesTotal), RestNanos: int64(o.Rest), RestLines: o.RestLines, Movers: []sdk.OverviewMovers{},
		Split: convert(o.Split, func(p outlook.Part) sdk.OverviewPart {
			fixer, what := p.Mend()
			return sdk.OverviewPart{
				Kind: p.Kind, Name: p.Name, CostNanos: int64(p.Cost), BeforeNanos: int64(p.Before), Waste: p.Waste(), Fixer: string(fixer), Advice: what,
				Owners: convert(p.Owners, func(o outlook.Owner) sdk.OverviewOwner {
					return sdk.OverviewOwner{User: o.User, CostNanos: int64(o.Cost)}
				}),
				MoreOwners: p.MoreOwners,
			}
		}),
		Payers: convert(o.Payers, func(p outlook.Payer) sdk.OverviewPayer {
			return sdk.OverviewPayer{Key: p.Key, CostNanos: int64(p.Cost), BeforeNanos: int64(p.Before), Days: nanos(p.Days)}
		}),
		Lines:     convert(o.Lines, overviewLineToAPI),
		Anomalies: convert(o.Anomalies, func(a outlook.Anomaly) sdk.OverviewAnomaly { return anomalyToAPI(a, o.Currency) }),
		Questions: convert(o.Asked, askedToAPI),
	}
	if f := o.Forecast; f != nil {
		out.Forecast = &sdk.OverviewForecast{
			LowNanos: int64(f.Low), MidNanos: int64(f.Mid), HighNanos: int64(f.High), HistoryDays: f.History, Tested: f.Tested,
			Path: convert(f.Path, func(p outlook.Point) sdk.OverviewPoint {
				return sdk.OverviewPoint{LowNanos: int64(p.Low), MidNanos: int64(p.Mid), HighNanos: int64(p.High)}
			}),
		}
	}
	for _, by := range overviewMovers {
		if changes, ok := o.Movers[by]; ok {
			out.Movers = append(out.Movers, sdk.OverviewMovers{By: string(by), Items: convert(changes, func(c outlook.Change) sdk.OverviewMover {
				return sdk.OverviewMover{Key: c.Key, CostNanos: int64(c.Now), BeforeNanos: int64(c.Before)}
			})})
		}
	}
	return out
}

func overviewLineToAPI(l outlook.Line) sdk.OverviewLine {
	// The place is one of ours, so its number is one; what is none is no line.
	number, _ := strconv.Atoi(l.Number())
	return sdk.OverviewLine{
		File: l.File(), Line: number, Operation: l.Operation, Payer: l.Payer, ClusterID: string(l.Cluster), CostNanos: int64(l.Cost), BeforeNanos: int64(l.Before),
	}
}

func anomalyToAPI(a outlook.Anomaly, currency cost.Currency) sdk.OverviewAnomaly {
	return sdk.OverviewAnomaly{
		By: a.Dimension, Key: a.Key, FirstDay: a.First.Format(time.DateOnly), LastDay: a.Last.Format(time.DateOnly),
		CostNanos: int64(a.Cost), UsualNanos: int64(a.Usual), Sentence: a.Sentence(currency),
	}
}

// askedToAPI says where a question of cost can be asked again.
func askedToAPI(asked outlook.Asked) sdk.OverviewQuestion {
	a := asked.Answer
	by := convert(a.By, func(d spend.Dimension) string { return string(d) })
	q := url.Values{
		"by": {strings.Join(by, ",")}, "since": {a.Since.UTC().Format(time.RFC3339)}, "until": {a.Until.UTC().Format(time.RFC3339)},
		"zone": {a.Zone.String()}, "limit": {strconv.Itoa(a.Limit)},
	}
	for _, f := range a.Where {
		q.Add("where", string(f.Dimension)+"="+strings.Join(f.Values, ","))
	}
	return sdk.OverviewQuestion{
		About: asked.About, By: by, Path: base + "/cost/breakdown?" + q.Encode(), Start: a.Since.UTC(), End: a.Until.UTC(), Rows: len(a.Rows) + a.RestRows,
		TotalNanos: int64(a.Total), Clusters: a.Clusters, AsOf: optionalTime(a.AsOf), SQL: a.SQL, ReadRows: a.ReadRows,
	}
}

func nanos(amounts []cost.Nanos) []int64 {
	return convert(amounts, func(n cost.Nanos) int64 { return int64(n) })
}
