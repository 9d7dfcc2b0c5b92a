package console

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/segment"
)

// Bills knows what clusters cost, and which of them somebody may see.
type Bills interface {
	// Visible lists the clusters that the actor may see and that lived within [since, until).
	Visible(ctx context.Context, actor identity.Actor, since, until time.Time) ([]cluster.Cluster, error)
	ProcessHours(ctx context.Context, now time.Time, actor identity.Actor, ref string, since, until time.Time) (iter.Seq2[bill.ProcessHour, error], error)
	Reads(ctx context.Context, now time.Time, actor identity.Actor, ref string) (bill.ReadList, error)
}

// Packages knows who has which software.
type Packages interface {
	Packages(ctx context.Context, now time.Time, actor identity.Actor, q inventory.Query) (inventory.List, error)
}

// Rows are the stored facts that tables are made of.
type Rows interface {
	EventsByCluster(ctx context.Context, id cluster.ID, limit int) ([]cluster.Event, error)
	GPUsByCluster(ctx context.Context, id cluster.ID, grain time.Duration) ([]resource.GPUWindow, error)
	ProcessesByCluster(ctx context.Context, id cluster.ID) ([]cluster.Process, error)
	UserByID(ctx context.Context, id identity.UserID) (identity.User, error)
	Prices(ctx context.Context, f price.Filter) ([]price.Entry, error)
}

// Ledger is where the table lines is.
type Ledger interface {
	// Lines says what the table lines holds of [since, until) for the actor, at least these columns, or all for nil; files that are made for it go into the folder.
	Lines(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time, columns []string, folder string) (Content, error)
}

// Sources fill the tables.
type Sources struct {
	Bills    Bills
	Packages Packages
	Rows     Rows
	Ledger   Ledger
	// Retain says since when tables that are made of the store show their rows; the zero value shows all.
	Retain segment.Retainer
}

type window struct{ since, until time.Time }

// from leaves out what is before a time.
func (w window) from(since time.Time) window {
	if since.After(w.since) {
		w.since = since
	}
	if w.since.After(w.until) {
		w.since = w.until
	}
	return w
}

func (w window) holds(at time.Time) bool { return !at.Before(w.since) && at.Before(w.until) }

// load says what a table holds for an actor.
func (s Sources) load(ctx context.Context, now time.Time, actor identity.Actor, t Table, columns []string, w window, folder string) (Content, error) {
	since, err := s.Retain.Since(ctx, now, t.Name)
	if err != nil {
		return Content{}, err
	}
	w = w.from(since)
	var rows iter.Seq2[[]any, error]
	switch t.Name {
	case Lines:
		return s.Ledger.Lines(ctx, now, actor, w.since, w.until, columns, folder)
	case "usage":
		rows = s.usage(ctx, now, actor, w)
	case "reads":
		rows = s.perCluster(ctx, actor, w, func(c cluster.Cluster, owner identity.User) ([][]any, error) {
			return s.reads(ctx, now, actor, c, owner)
		})
	case "packages":
		rows = s.perCluster(ctx, actor, w, func(c cluster.Cluster, _ identity.User) ([][]any, error) { return s.packages(ctx, now, actor, c) })
	case "gpu":
		rows = s.perCluster(ctx, actor, w, func(c cluster.Cluster, owner identity.User) ([][]any, error) { return s.gpus(ctx, now, c, owner, w) })
	case "events":
		rows = s.perCluster(ctx, actor, w, func(c cluster.Cluster, owner identity.User) ([][]any, error) { return s.events(ctx, c, owner, w) })
	case "prices":
		rows = s.prices(ctx)
	case "clusters":
		rows = s.perCluster(ctx, actor, w, func(c cluster.Cluster, owner identity.User) ([][]any, error) {
			return [][]any{clusterRow(c, owner)}, nil
		})
	default:
		return Content{}, fmt.Errorf("nothing fills the table %q", t.Name)
	}
	return Content{Rows: rows}, nil
}

// perCluster yields the rows of each cluster that the actor may see and that lived within the window, one cluster at a time.
func (s Sources) perCluster(ctx context.Context, actor identity.Actor, w window, of func(c cluster.Cluster, owner identity.User) ([][]any, error)) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		clusters, err := s.Bills.Visible(ctx, actor, w.since, w.until)
		if err != nil {
			yield(nil, err)
			return
		}
		owners := map[identity.UserID]identity.User{}
		for _, c := range clusters {
			owner, ok := owners[c.OwnerID]
			if !ok {
				if owner, err = s.Rows.UserByID(ctx, c.OwnerID); err != nil {
					yield(nil, fmt.Errorf("find the owner of %s: %w", c.ID, err))
					return
				}
				owners[c.OwnerID] = owner
			}
			rows, err := of(c, owner)
			if err != nil {
				yield(nil, fmt.Errorf("read %s: %w", c.ID, err))
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

func (s Sources) usage(ctx context.Context, now time.Time, actor identity.Actor, w window) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		hours, err := s.Bills.ProcessHours(ctx, now, actor, "", w.since, w.until)
		if err != nil {
			yield(nil, err)
			return
		}
		for h, err := range hours {
			if err != nil {
				yield(nil, err)
				return
			}
			p, c := h.Process, h.Cluster
			row := []any{
				h.Start, string(c.ID), c.Name, c.Backend, string(c.OwnerID), h.Owner.Name, string(p.ID), p.Name, string(p.Role), int64(p.Threads), p.MemoryBytes,
				h.Micros, int64(h.Cost), int64(p.Rate.NanosPerHour), int64(p.Basis.CoreHour), int64(p.Basis.GigabyteHour), string(p.Rate.Currency), p.Basis.Source, moment(p.Basis.AsOf),
				int64(h.GPUCost),
				c.GroupPath,
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (s Sources) reads(ctx context.Context, now time.Time, actor identity.Actor, c cluster.Cluster, owner identity.User) ([][]any, error) {
	list, err := s.Bills.Reads(ctx, now, actor, string(c.ID))
	if err != nil {
		return nil, err
	}
	rows := make([][]any, 0, len(list.Items))
	for _, r := range list.Items {
		rows = append(rows, []any{
			string(c.ID), c.Name, string(c.OwnerID), owner.Name, r.Direction, r.Path, r.Format, r.Engine, r.Compression, r.Files, r.Tasks, r.Bytes,
			int64(r.Columns), int64(r.ColumnsUsed), r.PushedDown, r.Line.File, int64(r.Line.Line), r.Line.Function, int64(r.Cost), r.ThreadMicros,
		})
	}
	return rows, nil
}

func (s Sources) packages(ctx context.Context, now time.Time, actor identity.Actor, c cluster.Cluster) ([][]any, error) {
	list, err := s.Packages.Packages(ctx, now, actor, inventory.Query{Cluster: string(c.ID)})
	if err != nil {
		return nil, err
	}
	rows := make([][]any, 0, len(list.Items))
	for _, p := range list.Items {
		rows = append(rows, []any{
			p.Name, p.Version, p.Grade.String(), string(c.ID), c.Name, string(p.Owner.ID), p.Owner.Name, strings.Join(p.Roles, ","), p.Environment, p.Python,
			moment(p.LastAt), int64(p.Cost), int64(p.ClusterCost),
		})
	}
	return rows, nil
}

func (s Sources) events(ctx context.Context, c cluster.Cluster, owner identity.User, w window) ([][]any, error) {
	events, err := s.Rows.EventsByCluster(ctx, c.ID, 0)
	if err != nil {
		return nil, err
	}
	rows := make([][]any, 0, len(events))
	for _, e := range events {
		if w.holds(e.At) {
			rows = append(rows, []any{e.At, string(c.ID), c.Name, string(c.OwnerID), owner.Name, string(e.Kind), e.Message})
		}
	}
	return rows, nil
}

func (s Sources) prices(ctx context.Context) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		entries, err := s.Rows.Prices(ctx, price.Filter{Limit: MaxTableRows + 1})
		if err != nil {
			yield(nil, fmt.Errorf("list prices: %w", err))
			return
		}
		for _, e := range entries {
			row := []any{
				e.Provider, e.Region, string(e.Unit), e.Name, string(e.Purchase), int64(e.NanosPerHour), string(e.Currency), moment(e.ValidFrom), moment(e.ValidTo),
				e.Source, moment(e.AsOf), e.Accelerator, int64(e.Accelerators),
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func clusterRow(c cluster.Cluster, owner identity.User) []any {
	return []any{
		string(c.ID), c.Name, c.Backend, string(c.OwnerID), owner.Name, string(c.Status), c.Reason, int64(c.Options.Workers), int64(c.Options.Threads),
		c.Options.MemoryBytes, moment(c.CreatedAt), moment(c.StartedAt), moment(c.EndedAt), c.GroupPath,
	}
}

// moment is a time, or nil for none.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}
