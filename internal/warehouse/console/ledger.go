package console

import (
	"context"
	"time"

	core "github.com/lineitem/lineitem/internal/core/console"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// Ledger gives statements the table lines of the warehouse: the same rows, at the same moment, as questions of cost.
type Ledger struct {
	Warehouse *warehouse.Warehouse
	// Refresh brings what questions see up to date, as it does before a question of cost.
	Refresh func(ctx context.Context) error
	// Scope is what an actor may see.
	Scope func(actor identity.Actor) spend.Scope
}

// Lines implements core/console.Ledger.
func (l Ledger) Lines(ctx context.Context, _ time.Time, actor identity.Actor, since, until time.Time, folder string) (core.Content, error) {
	if err := l.Refresh(ctx); err != nil {
		return core.Content{}, err
	}
	s, err := l.Warehouse.Snapshot(ctx, folder, since, until)
	if err != nil {
		return core.Content{}, err
	}
	return core.Content{
		Files: s.Files, Extra: s.Extra, Replaced: s.Replaced, Since: since, Until: until, Scope: l.Scope(actor), AsOf: s.AsOf,
	}, nil
}
