package resource

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Clusters finds what a chart is about.
type Clusters interface {
	Find(ctx context.Context, actor identity.Actor, ref string) (cluster.Cluster, error)
}

// Rows are the stored facts that a chart is made of.
type Rows interface {
	Store
	ProcessesByCluster(ctx context.Context, id cluster.ID) ([]cluster.Process, error)
}

// Folder brings the stored facts up to date.
type Folder interface {
	FoldAll(ctx context.Context, id cluster.ID) error
}

// Service shows what clusters use.
type Service struct {
	clusters Clusters
	rows     Rows
	moment   identity.Snapshotter
	folder   Folder
}

// NewService makes a Service.
func NewService(clusters Clusters, rows Rows, moment identity.Snapshotter, folder Folder) *Service {
	return &Service{clusters: clusters, rows: rows, moment: moment, folder: folder}
}

const (
	// MaxBins bounds a chart.
	MaxBins = 1000
	// grains is into how many parts the store cuts a bin at least: what it merges may end up a part of a bin beside its own.
	grains = 4
)

// Chart shows what the processes of a cluster used up to now.
func (s *Service) Chart(ctx context.Context, now time.Time, actor identity.Actor, ref string, bins int) (Chart, error) {
	c, err := s.clusters.Find(ctx, actor, ref)
	if err != nil {
		return Chart{}, err
	}
	if bins < 1 || bins > MaxBins {
		return Chart{}, errs.InvalidFields(errs.Field{Name: "bins", Message: fmt.Sprintf("A chart has 1 to %d bins, not %d.", MaxBins, bins)})
	}
	if err := s.folder.FoldAll(ctx, c.ID); err != nil {
		return Chart{}, fmt.Errorf("fold telemetry: %w", err)
	}
	if !c.EndedAt.IsZero() && c.EndedAt.Before(now) {
		now = c.EndedAt
	}
	var processes []cluster.Process
	var windows []Window
	var gpus []GPUWindow
	err = s.moment.Snapshot(ctx, func(ctx context.Context) error {
		var err error
		if processes, err = s.rows.ProcessesByCluster(ctx, c.ID); err != nil {
			return fmt.Errorf("list processes: %w", err)
		}
		grain := max(newChart(now, bins, processes).Step/grains, time.Microsecond)
		if windows, err = s.rows.ResourcesByCluster(ctx, c.ID, grain); err != nil {
			return fmt.Errorf("list resources: %w", err)
		}
		gpus, err = s.rows.GPUsByCluster(ctx, c.ID, grain)
		return err
	})
	if err != nil {
		return Chart{}, fmt.Errorf("read the resources of %s: %w", c.ID, err)
	}
	return MakeChart(now, bins, processes, windows, gpus), nil
}
