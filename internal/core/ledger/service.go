package ledger

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Store keeps the books.
type Store interface {
	MonthStore
	ImportStore
}

// Transactor runs transactions.
type Transactor interface {
	identity.Transactor
	identity.Snapshotter
}

// Folder brings the stored facts up to date.
type Folder interface {
	FoldAll(ctx context.Context, id cluster.ID) error
}

// Config is what a Service works with; all fields are needed.
type Config struct {
	Store  Store
	Tx     Transactor
	Poster *Poster
	Folder Folder
	// Spending says what money went to, Costs what was metered.
	Spending Spending
	Costs    Costs
	// Zone is where months begin.
	Zone     *time.Location
	Currency cost.Currency
}

// Service answers what the books say, closes months and trues them up.
type Service struct {
	store    Store
	tx       Transactor
	poster   *Poster
	folder   Folder
	spending Spending
	costs    Costs
	zone     *time.Location
	currency cost.Currency
}

// NewService makes a Service.
func NewService(c Config) *Service {
	return &Service{
		store: c.Store, tx: c.Tx, poster: c.Poster, folder: c.Folder, spending: c.Spending, costs: c.Costs, zone: c.Zone, currency: c.Currency,
	}
}
