package spend

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Engine answers questions that have passed Check and are of whole hours, within what may be seen.
type Engine interface {
	Answer(ctx context.Context, q Query, scope Scope) (Answer, error)
}

// Service answers questions of cost within what the actor may see.
type Service struct {
	engine   Engine
	books    Books
	currency cost.Currency
}

// NewService makes a Service, which answers in metered figures.
func NewService(engine Engine, currency cost.Currency) *Service {
	return &Service{engine: engine, currency: currency}
}

// Answer answers a question. The window is widened to the whole hours that it touches, and ends now at the latest.
func (s *Service) Answer(ctx context.Context, now time.Time, actor identity.Actor, q Query) (Answer, error) {
	if q.Until.After(now) {
		q.Until = now
	}
	if err := q.Check(); err != nil {
		return Answer{}, err
	}
	q.Since = q.Since.UTC().Truncate(time.Hour)
	if hour := q.Until.UTC().Truncate(time.Hour); hour.Before(q.Until) {
		q.Until = hour.Add(time.Hour)
	}
	if err := s.book(ctx, now, actor, &q); err != nil {
		return Answer{}, err
	}
	a, err := s.engine.Answer(ctx, q, ScopeOf(actor))
	if err != nil {
		return Answer{}, fmt.Errorf("answer a question of cost: %w", err)
	}
	a.Currency = s.currency
	return a, nil
}

// ScopeOf returns what an actor may see: users what they pay for, leads what their groups pay for, administrators everything.
func ScopeOf(actor identity.Actor) Scope {
	scope := actor.Scope()
	if scope.All {
		return Everything
	}
	return Scope{Users: []identity.UserID{scope.User}, Groups: scope.Groups}
}
