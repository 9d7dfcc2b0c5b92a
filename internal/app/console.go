package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	core "github.com/lineitem/lineitem/internal/core/console"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/warehouse/console"
)

// Statements of SQL that run at a time.
const (
	statementsPerUser = 2
	statementsOverall = 4
)

// openConsole makes what answers SQL.
func (a *App) openConsole(packages *inventory.Service) (*core.Service, error) {
	bounds := console.DefaultBounds()
	bounds.MemoryBytes, bounds.Time = a.cfg.SQLMemory, a.cfg.SQLTime
	engine, err := console.New(filepath.Join(a.files.Scratch(), "sql"), bounds)
	if err != nil {
		return nil, err
	}
	return core.NewService(core.Config{
		Engine: engine,
		Sources: core.Sources{
			Bills: a.bills, Packages: packages, Rows: a.db,
			Ledger: mending{a.keeper, console.Ledger{Warehouse: a.files, Refresh: fresh, Scope: spend.ScopeOf}}, Retain: a.retainer(),
		},
		Audit: auditor{a.logger}, PerUser: statementsPerUser, Overall: statementsOverall,
	}), nil
}

// mending gives statements the lines of the warehouse, and sets files aside that are found damaged then.
type mending struct {
	keeper *segment.Keeper
	ledger console.Ledger
}

// fresh is no work: Use has brought what statements see up to date.
func fresh(context.Context) error { return nil }

// Lines implements core.Ledger.
func (m mending) Lines(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time, columns []string, folder string) (content core.Content, err error) {
	err = m.keeper.Use(ctx, func(ctx context.Context) error {
		content, err = m.ledger.Lines(ctx, now, actor, since, until, columns, folder)
		return err
	})
	return content, err
}

// auditor writes to the server's log who ran which statement, and never what it answered.
type auditor struct{ logger *slog.Logger }

// RecordStatement implements core.Auditor.
func (a auditor) RecordStatement(ctx context.Context, e core.Entry) {
	a.logger.InfoContext(ctx, "sql statement", slog.String("user_id", string(e.User)), slog.String("token_id", e.TokenID), slog.Time("at", e.At),
		slog.String("statement", e.Statement), slog.String("tables", strings.Join(e.Tables, ",")), slog.Int("rows", e.Rows),
		slog.Int64("milliseconds", e.Took.Milliseconds()), slog.String("outcome", e.Outcome), slog.String("reason", e.Reason))
}
