package console

import (
	"context"
	"path/filepath"
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

// Lines implements core/console.Ledger. Who sees everything gets links to the warehouse's files. For others what they may see is written to a file: a condition in the
// statement's own process would let the statement's conditions see rows before the one that hides them, for instance in the text of an error.
func (l Ledger) Lines(ctx context.Context, _ time.Time, actor identity.Actor, since, until time.Time, columns []string, folder string) (core.Content, error) {
	if err := l.Refresh(ctx); err != nil {
		return core.Content{}, err
	}
	if scope := l.Scope(actor); !scope.All {
		path := filepath.Join(folder, "lines.parquet")
		asOf, err := l.Warehouse.Extract(ctx, path, scope, since, until, columns)
		if err != nil {
			if p := explain(err); p.Code == "sql_too_large" {
				return core.Content{}, failure(p)
			}
			return core.Content{}, err
		}
		return core.Content{Files: []string{path}, Columns: columns, AsOf: asOf}, nil
	}
	s, err := l.Warehouse.Snapshot(ctx, folder, since, until)
	if err != nil {
		return core.Content{}, err
	}
	return core.Content{Files: s.Files, Extra: s.Extra, Replaced: s.Replaced, Since: since, Until: until, AsOf: s.AsOf}, nil
}
