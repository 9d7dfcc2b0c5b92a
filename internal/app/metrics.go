package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/gauges"
)

// scrapeTimeout bounds what a scrape may ask of the database.
const scrapeTimeout = 5 * time.Second

func newRegistry(clusters clusterLister) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&clusterCollector{clusters: clusters, count: prometheus.NewDesc("lineitem_clusters", "Clusters that have not ended, by status.", []string{"status"}, nil)},
	)
	return registry
}

// spendingRegistry makes the gauges of spend and the registry that holds them: they are not for everybody.
func (a *App) spendingRegistry(spending gauges.Spend, prices gauges.Prices) *prometheus.Registry {
	zone, err := time.LoadLocation(a.cfg.TimeZone)
	if err != nil { // the settings were checked
		zone = time.UTC
	}
	a.gauges = gauges.New(gauges.Config{Spend: spending, Prices: prices, Zone: zone, Now: a.now, Logger: a.logger})
	registry := prometheus.NewRegistry()
	registry.MustRegister(a.gauges)
	return registry
}

type clusterLister interface {
	ListClusters(ctx context.Context, f cluster.ListFilter) ([]cluster.Cluster, error)
}

// clusterCollector counts clusters when it is asked, so that the count cannot drift from the rows.
type clusterCollector struct {
	clusters clusterLister
	count    *prometheus.Desc
}

// liveStatuses are those of clusters that have not ended: ended ones are without number.
func liveStatuses() []cluster.Status {
	return []cluster.Status{cluster.StatusPending, cluster.StatusStarting, cluster.StatusRunning, cluster.StatusStopping}
}

// Describe implements prometheus.Collector.
func (c *clusterCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.count }

// Collect implements prometheus.Collector.
func (c *clusterCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	clusters, err := c.clusters.ListClusters(ctx, cluster.ListFilter{Statuses: liveStatuses()})
	if err != nil {
		ch <- prometheus.NewInvalidMetric(c.count, err)
		return
	}
	counts := map[cluster.Status]int{}
	for _, row := range clusters {
		counts[row.Status]++
	}
	for _, status := range liveStatuses() {
		ch <- prometheus.MustNewConstMetric(c.count, prometheus.GaugeValue, float64(counts[status]), string(status))
	}
}
