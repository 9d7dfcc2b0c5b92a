package segment

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// MaxDamage is how many damaged files Health lists.
const MaxDamage = 200

// Health is how the warehouse is.
type Health struct {
	Segments, Bytes int64
	// DirtyHours are hours of clusters that the segments do not hold rightly yet, and DirtySince is since when there are any; zero if there are none.
	DirtyHours int64
	DirtySince time.Time
	// Damaged are the files that were found damaged, the newest MaxDamage of DamagedFiles; of LossyFiles something could not be written again.
	Damaged                  []Damage
	DamagedFiles, LossyFiles int64
}

// Gauge is what the store knows of how the warehouse is.
type Gauge interface {
	MeasureSegments(ctx context.Context) (count, bytes int64, err error)
	DirtyHours(ctx context.Context) (hours int64, since time.Time, err error)
	MeasureDamage(ctx context.Context) (files, losses int64, err error)
	// Damage lists what was found damaged, the newest first.
	Damage(ctx context.Context, limit int) ([]Damage, error)
}

// HealthService tells administrators how the warehouse is.
type HealthService struct{ store Gauge }

// NewHealthService makes a HealthService.
func NewHealthService(store Gauge) *HealthService { return &HealthService{store: store} }

// Health says how the warehouse is. Only administrators may know: damage tells what everybody spends.
func (s *HealthService) Health(ctx context.Context, actor identity.Actor) (h Health, err error) {
	if actor.User.Role != identity.RoleAdmin {
		return h, errs.New(errs.Forbidden, "", "Only admins see how the warehouse is. Ask one.")
	}
	if h.Segments, h.Bytes, err = s.store.MeasureSegments(ctx); err != nil {
		return h, fmt.Errorf("measure the warehouse: %w", err)
	}
	if h.DirtyHours, h.DirtySince, err = s.store.DirtyHours(ctx); err != nil {
		return h, fmt.Errorf("measure the warehouse: %w", err)
	}
	if h.DamagedFiles, h.LossyFiles, err = s.store.MeasureDamage(ctx); err != nil {
		return h, fmt.Errorf("measure the warehouse: %w", err)
	}
	if h.Damaged, err = s.store.Damage(ctx, MaxDamage); err != nil {
		return h, fmt.Errorf("measure the warehouse: %w", err)
	}
	return h, nil
}
