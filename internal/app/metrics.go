package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// scrapeTimeout bounds what a scrape may ask of the database.
const scrapeTimeout = 5 * time.Second

// metered is what the metrics are read from.
type metered interface {
	clusterLister
	warehouseMeter
}

func newRegistry(store metered, now func() time.Time) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newWarehouseCollector(store, now),
		&clusterCollector{clusters: store, count: prometheus.NewDesc("lineitem_clusters", "Clusters that have not ended, by status.", []string{"status"}, nil)},
	)
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

// warehouseMeter says how far the warehouse is behind the store.
type warehouseMeter interface {
	MeasureSegments(ctx context.Context) (count, bytes int64, err error)
	DirtyHours(ctx context.Context) (hours int64, since time.Time, err error)
}

// warehouseCollector measures the warehouse when it is asked.
type warehouseCollector struct {
	meter                         warehouseMeter
	now                           func() time.Time
	segments, bytes, dirty, waits *prometheus.Desc
}

func newWarehouseCollector(meter warehouseMeter, now func() time.Time) *warehouseCollector {
	return &warehouseCollector{
		meter: meter, now: now,
		segments: prometheus.NewDesc("lineitem_warehouse_segments", "Files of the warehouse.", nil, nil),
		bytes:    prometheus.NewDesc("lineitem_warehouse_bytes", "Size of the files of the warehouse.", nil, nil),
		dirty:    prometheus.NewDesc("lineitem_warehouse_dirty_hours", "Hours of clusters that the files do not hold rightly yet; what runs has one.", nil, nil),
		waits:    prometheus.NewDesc("lineitem_warehouse_oldest_dirty_seconds", "For how long the first of those hours has been so.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *warehouseCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.segments, c.bytes, c.dirty, c.waits} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *warehouseCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	count, bytes, err := c.meter.MeasureSegments(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(c.segments, err)
		return
	}
	hours, since, err := c.meter.DirtyHours(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(c.dirty, err)
		return
	}
	age := 0.0
	if hours > 0 {
		age = max(c.now().Sub(since).Seconds(), 0)
	}
	ch <- prometheus.MustNewConstMetric(c.segments, prometheus.GaugeValue, float64(count))
	ch <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(bytes))
	ch <- prometheus.MustNewConstMetric(c.dirty, prometheus.GaugeValue, float64(hours))
	ch <- prometheus.MustNewConstMetric(c.waits, prometheus.GaugeValue, age)
}
