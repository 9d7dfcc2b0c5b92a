package gauges_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/gauges"
)

// books answer from hours, as the service does from the store.
type books struct {
	of    []spend.Of
	hours [][]bill.Hour
	asked int
	fails error
}

func (b *books) Answer(_ context.Context, _ time.Time, actor identity.Actor, q spend.Query) (spend.Answer, error) {
	b.asked++
	if err := q.Check(); err != nil {
		return spend.Answer{}, err
	}
	if !actor.Scope().All {
		return spend.Answer{}, errors.New("the gauges are of everything")
	}
	g := spend.NewGrouping(q, "EUR")
	for i, of := range b.of {
		var within []bill.Hour
		for _, h := range b.hours[i] {
			if !h.Start.Before(q.Since) && h.Start.Before(q.Until) {
				within = append(within, h)
			}
		}
		g.Add(of, within)
	}
	return g.Answer(), b.fails
}

func (b *books) Coverage(context.Context, time.Time, identity.Actor, time.Time, time.Time) (price.Coverage, error) {
	return price.Coverage{PricedMicros: 3, UnpricedMicros: 1}, nil
}

func (b *books) add(user, group string, hours ...bill.Hour) {
	b.of = append(b.of, spend.Of{Cluster: cluster.ID(fmt.Sprintf("cl_%d", len(b.of))), User: user, Group: group})
	b.hours = append(b.hours, hours)
}

// scrape reads the collector over HTTP with Prometheus's own parser.
func scrape(t *testing.T, c prometheus.Collector) map[string]*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(w.Body.Bytes()))
	if err != nil || w.Code != 200 {
		t.Fatalf("%d, %v:\n%s", w.Code, err, w.Body)
	}
	return families
}

// value finds the gauge with exactly these labels; NaN if there is none.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, m := range families[name].GetMetric() {
		got := map[string]string{}
		for _, l := range m.GetLabel() {
			got[l.GetName()] = l.GetValue()
		}
		all := len(got) == len(labels)/2
		for i := 0; i < len(labels); i += 2 {
			all = all && got[labels[i]] == labels[i+1]
		}
		if all {
			return m.GetGauge().GetValue()
		}
	}
	return math.NaN()
}

func TestGauges(t *testing.T) {
	t.Parallel()
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 4, 12, 30, 0, 0, time.UTC)
	hour := func(at time.Time, kind, category string, nanos int64) bill.Hour {
		return bill.Hour{Start: at, Kind: kind, Category: category, Cost: cost.Nanos(nanos)}
	}
	today := time.Date(2026, 3, 3, 23, 0, 0, 0, time.UTC) // the first hour of the 4th in Oslo
	b := &books{}
	b.add("ana", "/research",
		hour(today, bill.KindWork, "work", 4e9), hour(today, bill.KindIdle, "idle.no_work", 2e9), hour(today.Add(-time.Hour), bill.KindIdle, "idle.no_work", 1e9),
		hour(today.Add(-40*24*time.Hour), bill.KindWork, "work", 1e12))
	b.add("ben", "", hour(today, bill.KindUnknown, "unknown", 2e9))
	for i := range 60 {
		b.add(fmt.Sprintf("user%02d", i), "/many", hour(now.Truncate(time.Hour), bill.KindWork, "work", 1e6))
	}
	c := gauges.New(gauges.Config{Spend: b, Prices: b, Zone: oslo, Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)})
	if families := scrape(t, c); len(families) != 0 {
		t.Errorf("before anything was computed it shows %v", families)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := scrape(t, c)
	for _, test := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"lineitem_spend", []string{"period", "today", "currency", "EUR"}, 8.06},
		{"lineitem_spend", []string{"period", "month", "currency", "EUR"}, 9.06},
		{"lineitem_spend_by_group", []string{"period", "today", "currency", "EUR", "group", "/research"}, 6},
		{"lineitem_spend_by_group", []string{"period", "month", "currency", "EUR", "group", "/research"}, 7},
		{"lineitem_spend_by_group", []string{"period", "today", "currency", "EUR", "group", ""}, 2},
		{"lineitem_spend_by_group", []string{"period", "today", "currency", "EUR", "group", "/many"}, .06},
		{"lineitem_spend_by_user", []string{"period", "today", "currency", "EUR", "user", "ben"}, 2},
		{"lineitem_spend_by_user", []string{"period", "today", "currency", "EUR", "user", "(other)"}, .012},
		{"lineitem_waste", []string{"period", "today", "currency", "EUR", "category", "idle.no_work"}, 2},
		{"lineitem_waste", []string{"period", "today", "currency", "EUR", "category", "unknown"}, 2},
		{"lineitem_waste", []string{"period", "month", "currency", "EUR", "category", "idle.no_work"}, 3},
		{"lineitem_spend_unseen_ratio", []string{"period", "today"}, 2 / 8.06},
		{"lineitem_prices_covered_ratio", []string{"period", "month"}, .75},
		{"lineitem_spend_as_of_timestamp_seconds", nil, float64(now.Unix())},
	} {
		if got := value(f, test.name, test.labels...); !(math.Abs(got-test.want) < 1e-9) {
			t.Errorf("%s%v = %v, want %v", test.name, test.labels, got, test.want)
		}
	}
	if !math.IsNaN(value(f, "lineitem_waste", "period", "today", "currency", "EUR", "category", "work")) {
		t.Error("work counts as waste")
	}
	if n := len(f["lineitem_spend_by_user"].GetMetric()); n != 2*51 {
		t.Errorf("%d users have gauges, want 50 and the others in each period", n)
	}
	sum := 0.0
	for _, m := range f["lineitem_spend_by_user"].GetMetric() {
		sum += m.GetGauge().GetValue()
	}
	if math.Abs(sum-8.06-9.06) > 1e-9 {
		t.Errorf("the gauges of users sum to %v", sum)
	}

	// A failure leaves what was there, as of when it was computed.
	b.fails = errors.New("the disk is full")
	if err := c.Refresh(t.Context()); err == nil {
		t.Error("a failure is hidden")
	}
	if got := value(scrape(t, c), "lineitem_spend", "period", "today", "currency", "EUR"); got != 8.06 {
		t.Errorf("after a failure it shows %v", got)
	}
}

// TestScrapesDoNotWait lets scrapes come every ten seconds: figures are computed once a minute, and nobody waits for them.
func TestScrapesDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &books{}
		c := gauges.New(gauges.Config{Spend: b, Prices: b, Zone: time.UTC, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		begin := time.Now()
		tick := time.NewTicker(10 * time.Second)
		for range 31 { // five minutes
			scrape(t, c)
			synctest.Wait()
			<-tick.C
		}
		const perRefresh = 6 // three questions of two periods
		if b.asked > 6*perRefresh || b.asked < 5*perRefresh {
			t.Errorf("%d questions were asked within %s", b.asked, time.Since(begin))
		}
		asked := b.asked
		<-time.After(time.Hour)
		if b.asked != asked {
			t.Error("figures are computed though nobody scrapes")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
