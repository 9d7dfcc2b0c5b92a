// Package gauges shows what is spent as Prometheus gauges. They are computed beside the scrapes, at most once a minute and only while somebody
// scrapes: a scrape shows what was computed last, and never waits. docs/metrics.md lists them.
package gauges

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/spend"
)

const (
	// every is how often figures are computed at most.
	every = time.Minute
	// patience bounds one computation.
	patience = time.Minute
	// listed is how many groups and users have a gauge of their own; what the others spent is one gauge more, so that the number of time series has a bound.
	listed = 50
	// others is the value of what is not listed. No group and no user has it.
	others = "(other)"
)

// Spend answers questions of cost.
type Spend interface {
	Answer(ctx context.Context, now time.Time, actor identity.Actor, q spend.Query) (spend.Answer, error)
}

// Prices say how much of the time of machines has a price.
type Prices interface {
	Coverage(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (price.Coverage, error)
}

// Config is what a Collector works with; all fields are needed.
type Config struct {
	Spend  Spend
	Prices Prices
	// Zone is where days and months begin.
	Zone   *time.Location
	Now    func() time.Time
	Logger *slog.Logger
}

// Collector is a prometheus.Collector of what the whole organisation spends: it is for those who may see that.
type Collector struct {
	cfg Config
	// wanted holds at most one wish for new figures.
	wanted chan struct{}

	mu      sync.Mutex
	metrics []prometheus.Metric
	at      time.Time // when they were computed, or that was tried
}

// New makes a Collector. It shows nothing before its first Refresh.
func New(cfg Config) *Collector { return &Collector{cfg: cfg, wanted: make(chan struct{}, 1)} }

var (
	spent     = desc("lineitem_spend", "What was spent since the period began, in units of the currency.", "period", "currency")
	byGroup   = desc("lineitem_spend_by_group", "What was spent, by the group that paid.", "period", "currency", "group")
	byUser    = desc("lineitem_spend_by_user", "What was spent, by the owner of clusters.", "period", "currency", "user")
	waste     = desc("lineitem_waste", "What was spent on anything but work, by category.", "period", "currency", "category")
	unseen    = desc("lineitem_spend_unseen_ratio", "Share of what was spent that was not observed: unknown and lost.", "period")
	priced    = desc("lineitem_prices_covered_ratio", "Share of the time of machines that has a price.", "period")
	asOf      = desc("lineitem_spend_as_of_timestamp_seconds", "When the figures of spend were computed.")
	allDescs  = []*prometheus.Desc{spent, byGroup, byUser, waste, unseen, priced, asOf}
	everybody = identity.Actor{User: identity.User{Name: "metrics", Role: identity.RoleAdmin}}
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range allDescs {
		ch <- d
	}
}

// Collect implements prometheus.Collector: it shows the last figures, and asks for newer ones where they are old.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	metrics, at := c.metrics, c.at
	c.mu.Unlock()
	if c.cfg.Now().Sub(at) >= every {
		select {
		case c.wanted <- struct{}{}:
		default: // it is asked for already
		}
	}
	for _, m := range metrics {
		ch <- m
	}
}

// Run computes figures as they are asked for, until ctx ends.
func (c *Collector) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.wanted:
			if err := c.refreshIfOld(ctx); err != nil && ctx.Err() == nil {
				c.cfg.Logger.ErrorContext(ctx, "computing the gauges of spend failed; they keep their values", slog.Any("error", err))
			}
		}
	}
}

func (c *Collector) refreshIfOld(ctx context.Context) error {
	c.mu.Lock()
	at := c.at
	c.mu.Unlock()
	if c.cfg.Now().Sub(at) < every {
		return nil // it was asked for again while it was computed
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.Refresh(ctx)
}

// Refresh computes the figures. If it fails, the earlier ones stay, with the moment that they are of.
func (c *Collector) Refresh(ctx context.Context) error {
	now := c.cfg.Now()
	metrics, err := c.compute(ctx, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = now // also after a failure: a broken database is not asked all the time
	if err == nil {
		c.metrics = metrics
	}
	return err
}

func (c *Collector) compute(ctx context.Context, now time.Time) ([]prometheus.Metric, error) {
	local := now.In(c.cfg.Zone)
	metrics := []prometheus.Metric{gauge(asOf, float64(now.UnixMicro())/1e6)}
	for period, since := range map[string]time.Time{
		"today": time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, c.cfg.Zone),
		"month": time.Date(local.Year(), local.Month(), 1, 0, 0, 0, 0, c.cfg.Zone),
	} {
		if !since.Before(now) {
			since = now.Add(-time.Microsecond) // the very first moment of a day
		}
		of, err := c.period(ctx, now, period, since)
		if err != nil {
			return nil, fmt.Errorf("of the period %q: %w", period, err)
		}
		metrics = append(metrics, of...)
	}
	return metrics, nil
}

func (c *Collector) period(ctx context.Context, now time.Time, period string, since time.Time) ([]prometheus.Metric, error) {
	ask := func(by ...spend.Dimension) (spend.Answer, error) {
		return c.cfg.Spend.Answer(ctx, now, everybody, spend.Query{By: by, Since: since, Until: now, Zone: c.cfg.Zone, Limit: spend.MaxRows})
	}
	kinds, err := ask("kind", "category")
	if err != nil {
		return nil, err
	}
	currency := string(kinds.Currency)
	out := []prometheus.Metric{gauge(spent, units(kinds.All), period, currency)}
	for _, row := range kinds.Rows {
		if row.Keys[0] != bill.KindWork {
			out = append(out, gauge(waste, units(row.Cost), period, currency, row.Keys[1]))
		}
	}
	if kinds.All != 0 {
		out = append(out, gauge(unseen, float64(kinds.Unseen)/float64(kinds.All), period))
	}
	for dimension, d := range map[spend.Dimension]*prometheus.Desc{spend.DimensionGroup: byGroup, "user": byUser} {
		a, err := ask(dimension)
		if err != nil {
			return nil, err
		}
		for name, amount := range top(a) {
			out = append(out, gauge(d, units(amount), period, currency, name))
		}
	}
	coverage, err := c.cfg.Prices.Coverage(ctx, now, everybody, since, now)
	if err != nil {
		return nil, err
	}
	if all := coverage.PricedMicros + coverage.UnpricedMicros; all > 0 {
		out = append(out, gauge(priced, float64(coverage.PricedMicros)/float64(all), period))
	}
	return out, nil
}

// top returns what the dearest spent, and all others together.
func top(a spend.Answer) map[string]cost.Nanos {
	rows := slices.Clone(a.Rows)
	slices.SortFunc(rows, func(x, y spend.Row) int { return cmp.Or(cmp.Compare(y.Cost, x.Cost), slices.Compare(x.Keys, y.Keys)) })
	out := map[string]cost.Nanos{}
	rest := a.Rest
	for i, row := range rows {
		if i < listed {
			out[row.Keys[0]] = row.Cost
		} else {
			rest += row.Cost
		}
	}
	if len(rows) > listed || a.RestRows > 0 {
		out[others] = rest
	}
	return out
}

// units writes an amount as Prometheus wants it: a float is good enough for a curve, and no bill is made of it.
func units(n cost.Nanos) float64 { return float64(n) / 1e9 }

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}
