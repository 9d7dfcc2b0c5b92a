package api

import (
	"context"
	"iter"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/console"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Clusters is what the routes ask of core/cluster. Every method decides for itself what the actor may do, and answers
// errs.NotFound for what they may not see.
type Clusters interface {
	Create(ctx context.Context, now time.Time, actor identity.Actor, in cluster.CreateInput) (cluster.View, error)
	Watch(ctx context.Context, now time.Time, actor identity.Actor, in cluster.WatchInput) (cluster.Watching, error)
	Get(ctx context.Context, now time.Time, actor identity.Actor, ref string) (cluster.View, error)
	List(ctx context.Context, now time.Time, actor identity.Actor, in cluster.ListInput) (views []cluster.View, next string, err error)
	Scale(ctx context.Context, now time.Time, actor identity.Actor, ref string, in cluster.ScaleInput) (cluster.View, error)
	Stop(ctx context.Context, now time.Time, actor identity.Actor, ref string) (cluster.View, error)
	Credentials(ctx context.Context, actor identity.Actor, ref string) (cluster.Cluster, cluster.Credentials, error)
	Processes(ctx context.Context, now time.Time, actor identity.Actor, ref string) ([]cluster.ProcessView, error)
	Events(ctx context.Context, actor identity.Actor, ref string, limit int) ([]cluster.Event, error)
	Logs(ctx context.Context, actor identity.Actor, ref, process string, tail int64) ([]cluster.Log, error)
}

// Bills is what the routes ask of core/bill, under the same rule.
type Bills interface {
	Bill(ctx context.Context, now time.Time, actor identity.Actor, ref string) (bill.Bill, error)
	Timeline(ctx context.Context, now time.Time, actor identity.Actor, ref string, bins int) (bill.Timeline, error)
	Submissions(ctx context.Context, now time.Time, actor identity.Actor, ref string) (bill.SubmissionList, error)
	Reads(ctx context.Context, now time.Time, actor identity.Actor, ref string) (bill.ReadList, error)
	Receipt(ctx context.Context, now time.Time, actor identity.Actor, ref string, since time.Time, client string) (bill.Receipt, error)
	Costs(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (bill.Costs, error)
	ProcessHours(ctx context.Context, now time.Time, actor identity.Actor, ref string, since, until time.Time) (iter.Seq2[bill.ProcessHour, error], error)
	Sources(ctx context.Context, actor identity.Actor, ref string) ([]usage.Source, error)
	Source(ctx context.Context, actor identity.Actor, ref, file string) (usage.Source, error)
	PutSource(ctx context.Context, actor identity.Actor, ref, file, text string) error
	// SourcesWanted asks for a cluster that the actor has been shown already.
	SourcesWanted(ctx context.Context, id cluster.ID) ([]string, error)
}

// Spend is what the routes ask of core/spend, under the same rule.
type Spend interface {
	Answer(ctx context.Context, now time.Time, actor identity.Actor, q spend.Query) (spend.Answer, error)
}

// Inventory is what the routes ask of core/inventory, under the same rule.
type Inventory interface {
	Packages(ctx context.Context, now time.Time, actor identity.Actor, q inventory.Query) (inventory.List, error)
	Environment(ctx context.Context, actor identity.Actor, id string) (usage.Environment, error)
}

// Prices is what the routes ask of core/price, under the same rule.
type Prices interface {
	List(ctx context.Context, f price.Filter) (entries []price.Entry, more bool, err error)
	Import(ctx context.Context, now time.Time, actor identity.Actor, in price.ImportInput) (price.Import, error)
	Coverage(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (price.Coverage, error)
}

// Warehouse is what the routes ask of core/segment, under the same rule.
type Warehouse interface {
	Health(ctx context.Context, actor identity.Actor) (segment.Health, error)
}

// Console is what the routes ask of core/console, under the same rule.
type Console interface {
	Answer(ctx context.Context, now time.Time, actor identity.Actor, q console.Question) (console.Answer, error)
}

// Ledger is what the routes ask of core/ledger, under the same rule.
type Ledger interface {
	Months(ctx context.Context, actor identity.Actor) ([]ledger.Statement, error)
	Month(ctx context.Context, now time.Time, actor identity.Actor, month ledger.Month) (ledger.Details, error)
	Close(ctx context.Context, now time.Time, actor identity.Actor, month ledger.Month) (ledger.Details, error)
	Entries(ctx context.Context, actor identity.Actor, f ledger.Filter) ([]ledger.Entry, error)
	Summary(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (ledger.Summary, error)
	Import(ctx context.Context, now time.Time, actor identity.Actor, in ledger.ImportInput) (ledger.TrueUpResult, error)
}

// TrueUps is what the routes ask of core/ledger about what invoices changed, under the same rule.
type TrueUps interface {
	Of(ctx context.Context, actor identity.Actor, since, until time.Time) (ledger.ProcessTrueUps, error)
}

// Resources is what the routes ask of core/resource, under the same rule.
type Resources interface {
	Chart(ctx context.Context, now time.Time, actor identity.Actor, ref string, bins int) (resource.Chart, error)
}
