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

// warehouseMeter says how far the warehouse is behind the store.
type warehouseMeter interface {
	MeasureSegments(ctx context.Context) (count, bytes int64, err error)
	DirtyHours(ctx context.Context) (hours int64, since time.Time, err error)
	MeasureDamage(ctx context.Context) (files, losses int64, err error)
}

// warehouseCollector measures the warehouse when it is asked.
type warehouseCollector struct {
	meter                         warehouseMeter
	now                           func() time.Time
	segments, bytes, dirty, waits *prometheus.Desc
	damaged, lossy                *prometheus.Desc
}

func newWarehouseCollector(meter warehouseMeter, now func() time.Time) *warehouseCollector {
	return &warehouseCollector{
		meter: meter, now: now,
		segments: prometheus.NewDesc("lineitem_warehouse_segments", "Files of the warehouse.", nil, nil),
		bytes:    prometheus.NewDesc("lineitem_warehouse_bytes", "Size of the files of the warehouse.", nil, nil),
		dirty:    prometheus.NewDesc("lineitem_warehouse_dirty_hours", "Hours of clusters that the files do not hold rightly yet; what runs has one.", nil, nil),
		waits:    prometheus.NewDesc("lineitem_warehouse_oldest_dirty_seconds", "For how long the first of those hours has been so.", nil, nil),
		damaged:  prometheus.NewDesc("lineitem_warehouse_damaged_files", "Files of the warehouse that were found damaged and set aside, ever.", nil, nil),
		lossy:    prometheus.NewDesc("lineitem_warehouse_lossy_files", "Of those, the ones whose days have lost detail, because what they were made of is not kept any more.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *warehouseCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.segments, c.bytes, c.dirty, c.waits, c.damaged, c.lossy} {
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
	files, losses, err := c.meter.MeasureDamage(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(c.damaged, err)
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
	ch <- prometheus.MustNewConstMetric(c.damaged, prometheus.GaugeValue, float64(files))
	ch <- prometheus.MustNewConstMetric(c.lossy, prometheus.GaugeValue, float64(losses))
}
