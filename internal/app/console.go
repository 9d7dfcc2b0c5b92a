package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/lineitem/lineitem/internal/core/bill"
	core "github.com/lineitem/lineitem/internal/core/console"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/warehouse/console"
)

// Statements of SQL that run at a time.
const (
	statementsPerUser = 2
	statementsOverall = 4
)

// openConsole makes what answers SQL.
func (a *App) openConsole(bills *bill.Service, packages *inventory.Service) (*core.Service, error) {
	engine, err := console.New(filepath.Join(a.cfg.Data, "sql"), console.DefaultBounds())
	if err != nil {
		return nil, err
	}
	return core.NewService(core.Config{
		Engine: engine,
		Sources: core.Sources{
			Bills: bills, Packages: packages, Rows: a.db, Ledger: core.StoredLedger{Bills: bills, Hours: bills, Rows: a.db},
		},
		Audit: auditor{a.logger}, PerUser: statementsPerUser, Overall: statementsOverall,
	}), nil
}

// auditor writes to the server's log who ran which statement, and never what it answered.
type auditor struct{ logger *slog.Logger }

// RecordStatement implements core.Auditor.
func (a auditor) RecordStatement(ctx context.Context, e core.Entry) {
	a.logger.InfoContext(ctx, "sql statement", slog.String("user_id", string(e.User)), slog.String("token_id", e.TokenID), slog.Time("at", e.At),
		slog.String("statement", e.Statement), slog.String("tables", strings.Join(e.Tables, ",")), slog.Int("rows", e.Rows),
		slog.Int64("milliseconds", e.Took.Milliseconds()), slog.String("outcome", e.Outcome), slog.String("reason", e.Reason))
}
