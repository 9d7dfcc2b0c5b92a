package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

var addLedgerEntries = newBulk(`INSERT INTO ledger_entries (kind, process_id, cluster_id, owner_id, backend, hour_at, sequence, month, cost_nanos, micros,
    nanos_per_hour, currency, price_source, price_as_of, recorded_at, reason, import_id)`, 17, ``)

var addLedgerTotals = newBulk(`INSERT INTO ledger_totals (month, owner_id, group_path, backend, kind, currency, owner, entries, micros, cost_nanos)`, 10, ``)

// UnpostedClusters lists clusters with processes whose ledger may be behind, by id after one.
func (db *DB) UnpostedClusters(ctx context.Context, after cluster.ID, limit int) ([]cluster.ID, error) {
	rows, err := db.read(ctx).ListUnpostedClusters(ctx, sqlcgen.ListUnpostedClustersParams{ClusterID: string(after), Limit: int32(min(limit, math.MaxInt32))})
	return convert(rows, func(r string) cluster.ID { return cluster.ID(r) }), fail("list clusters that are not posted", err)
}

// Unposted returns the processes of the clusters from one to another whose ledger may be behind, by cluster, and how far it is.
func (db *DB) Unposted(ctx context.Context, first, last cluster.ID) ([]ledger.Due, error) {
	rows, err := db.read(ctx).ListUnpostedProcesses(ctx, sqlcgen.ListUnpostedProcessesParams{First: string(first), Last: string(last)})
	if err != nil {
		return nil, fail("list processes that are not posted", err)
	}
	processes := make([]sqlcgen.Process, len(rows))
	dues := make([]ledger.Due, len(rows))
	for i, r := range rows {
		processes[i] = r.Process
		dues[i] = ledger.Due{
			Process: processFromDB(r.Process), Owner: identity.UserID(r.OwnerID), Backend: r.Backend,
			State: ledger.State{Until: fromMaybeMicros(r.UntilAt), Meter: r.Meter.String},
		}
	}
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && processes[to].ClusterID == processes[from].ClusterID {
			to++
		}
		of := dues[from:to]
		if err := db.addPrices(ctx, of[0].Process.ClusterID, processes[from:to], func(i int) *cluster.Process { return &of[i].Process }); err != nil {
			return nil, err
		}
		from = to
	}
	return dues, nil
}

// PostedHours returns what is posted of a process by hour, true-ups aside.
func (db *DB) PostedHours(ctx context.Context, id cluster.ProcessID) ([]ledger.HourSum, error) {
	rows, err := db.read(ctx).ListPostedHours(ctx, string(id))
	return convert(rows, func(r sqlcgen.ListPostedHoursRow) ledger.HourSum {
		return ledger.HourSum{Hour: fromMicros(r.HourAt), Cost: cost.Nanos(r.CostNanos), Micros: r.Micros, Corrections: int(r.Corrections)}
	}), fail("list posted hours", err)
}

// ClosedThrough returns the last closed month, "" before the first.
func (db *DB) ClosedThrough(ctx context.Context) (ledger.Month, error) {
	month, err := db.read(ctx).GetClosedThrough(ctx)
	return ledger.Month(month), fail("read the last closed month", err)
}

// AddEntries appends to the ledger. errs.Conflict if one of them is there already.
func (db *DB) AddEntries(ctx context.Context, entries []ledger.Entry) error {
	return db.exec(ctx, "add to the ledger", addLedgerEntries, len(entries), func(to []any, i int) []any {
		e := entries[i]
		return append(to, string(e.Kind), string(e.Process), string(e.Cluster), string(e.Owner), e.Backend, micros(e.Hour), int64(e.Sequence), string(e.Month),
			int64(e.Cost), e.Micros, int64(e.Rate.NanosPerHour), string(e.Rate.Currency), text(e.Source), maybeMicros(e.AsOf), micros(e.RecordedAt), text(e.Reason), e.Import)
	})
}

// PutState notes how far a process is posted.
func (db *DB) PutState(ctx context.Context, p cluster.Process, s ledger.State) error {
	return fail("note how far a process is posted", db.write(ctx).PutLedgerState(ctx, sqlcgen.PutLedgerStateParams{
		ProcessID: string(p.ID), UntilAt: micros(s.Until), Meter: s.Meter,
	}))
}

// Settle notes that nothing of a process is left to post, until its row changes.
func (db *DB) Settle(ctx context.Context, id cluster.ProcessID) error {
	n, err := db.write(ctx).SettleProcess(ctx, string(id))
	return one(n, err, "settle a process", "process")
}

// Closings returns the closed months in the order of time.
func (db *DB) Closings(ctx context.Context) ([]ledger.Closing, error) {
	rows, err := db.read(ctx).ListLedgerMonths(ctx)
	return convert(rows, func(r sqlcgen.LedgerMonth) ledger.Closing {
		return ledger.Closing{Month: ledger.Month(r.Month), Start: fromMicros(r.StartAt), End: fromMicros(r.EndAt), At: fromMicros(r.ClosedAt), By: r.ClosedBy}
	}), fail("list closed months", err)
}

// TotalsAfter returns what was booked in the months after one of clusters within a scope.
func (db *DB) TotalsAfter(ctx context.Context, after ledger.Month, scope identity.Scope) ([]ledger.MonthTotal, error) {
	owner, led := scopeToDB(&scope)
	rows, err := db.read(ctx).LedgerTotalsPerMonth(ctx, sqlcgen.LedgerTotalsPerMonthParams{After: string(after), Owner: owner, Led: led})
	return convert(rows, func(r sqlcgen.LedgerTotalsPerMonthRow) ledger.MonthTotal {
		return ledger.MonthTotal{
			Month: ledger.Month(r.Month), Kind: ledger.Kind(r.Kind), Currency: cost.Currency(r.Currency), Entries: r.Entries, Cost: cost.Nanos(r.CostNanos),
		}
	}), fail("add months up", err)
}

// TotalsOf returns what was booked in a month of clusters within a scope.
func (db *DB) TotalsOf(ctx context.Context, month ledger.Month, scope identity.Scope) ([]ledger.Total, error) {
	owner, led := scopeToDB(&scope)
	rows, err := db.read(ctx).LedgerTotalsPerOwner(ctx, sqlcgen.LedgerTotalsPerOwnerParams{Month: string(month), Owner: owner, Led: led})
	return convert(rows, func(r sqlcgen.LedgerTotalsPerOwnerRow) ledger.Total {
		return ledger.Total{
			MonthTotal: ledger.MonthTotal{Month: month, Kind: ledger.Kind(r.Kind), Currency: cost.Currency(r.Currency), Entries: r.Entries, Cost: cost.Nanos(r.CostNanos)},
			Owner:      identity.UserID(r.OwnerID), OwnerName: r.Owner, Group: r.GroupPath, Backend: r.Backend, Micros: r.Micros,
		}
	}), fail("add a month up", err)
}

// Extent says which entries are booked in a month.
func (db *DB) Extent(ctx context.Context, month ledger.Month) (ledger.Extent, error) {
	row, err := db.read(ctx).GetLedgerExtent(ctx, string(month))
	return ledger.Extent{Entries: row.Entries, Newest: row.Newest}, fail("count the entries of a month", err)
}

// MonthAfter returns the first month after one in which anything is booked, "" if there is none.
func (db *DB) MonthAfter(ctx context.Context, after ledger.Month) (ledger.Month, error) {
	month, err := db.read(ctx).GetMonthAfter(ctx, string(after))
	return ledger.Month(month), fail("find the first open month", err)
}

// ClosedTotals returns what was written down when months were closed, of one month or of all for "", of clusters within a scope.
func (db *DB) ClosedTotals(ctx context.Context, month ledger.Month, scope identity.Scope) ([]ledger.Total, error) {
	owner, led := scopeToDB(&scope)
	rows, err := db.read(ctx).ListClosedTotals(ctx, sqlcgen.ListClosedTotalsParams{Month: string(month), Owner: owner, Led: led})
	return convert(rows, func(r sqlcgen.LedgerTotal) ledger.Total {
		return ledger.Total{
			MonthTotal: ledger.MonthTotal{
				Month: ledger.Month(r.Month), Kind: ledger.Kind(r.Kind), Currency: cost.Currency(r.Currency), Entries: r.Entries, Cost: cost.Nanos(r.CostNanos),
			},
			Owner: identity.UserID(r.OwnerID), OwnerName: r.Owner, Group: r.GroupPath, Backend: r.Backend, Micros: r.Micros,
		}
	}), fail("list closed totals", err)
}

// AddClosing writes down a closed month. errs.Conflict if it is closed already.
func (db *DB) AddClosing(ctx context.Context, c ledger.Closing, totals []ledger.Total) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		n, err := db.write(ctx).AddLedgerMonth(ctx, sqlcgen.AddLedgerMonthParams{
			Month: string(c.Month), StartAt: micros(c.Start), EndAt: micros(c.End), ClosedAt: micros(c.At), ClosedBy: text(c.By),
		})
		if err := inserted(n, err, "close a month", "closed month"); err != nil {
			return err
		}
		return db.exec(ctx, "write closed totals", addLedgerTotals, len(totals), func(to []any, i int) []any {
			t := totals[i]
			return append(to, string(c.Month), string(t.Owner), t.Group, t.Backend, string(t.Kind), string(t.Currency), text(t.OwnerName), t.Entries, t.Micros, int64(t.Cost))
		})
	})
}

// NotPosted names clusters that have processes whose hours before a moment are not all posted.
func (db *DB) NotPosted(ctx context.Context, before time.Time, limit int) ([]string, error) {
	rows, err := db.read(ctx).ListUnpostedWithin(ctx, sqlcgen.ListUnpostedWithinParams{Before: micros(before), AtMost: int32(min(limit, math.MaxInt32))})
	return convert(rows, func(r sqlcgen.ListUnpostedWithinRow) string { return fmt.Sprintf("%s (%s)", r.Name, r.ID) }), fail("list clusters that are not posted", err)
}

// Entries returns entries of the ledger, the newest first.
func (db *DB) Entries(ctx context.Context, f ledger.Filter) ([]ledger.Entry, error) {
	if f.Before == 0 {
		f.Before = math.MaxInt64
	}
	owner, led := scopeToDB(&f.Scope)
	rows, err := db.read(ctx).ListLedgerEntries(ctx, sqlcgen.ListLedgerEntriesParams{
		Month: string(f.Month), Cluster: text(string(f.Cluster)), Kind: string(f.Kind), Owner: owner, Led: led, Before: f.Before, AtMost: int32(min(f.Limit, math.MaxInt32)),
	})
	return convert(rows, func(r sqlcgen.LedgerEntry) ledger.Entry {
		return ledger.Entry{
			ID: r.ID, Kind: ledger.Kind(r.Kind), Process: cluster.ProcessID(r.ProcessID), Cluster: cluster.ID(r.ClusterID), Owner: identity.UserID(r.OwnerID),
			Backend: r.Backend, Hour: fromMicros(r.HourAt), Sequence: int(r.Sequence), Month: ledger.Month(r.Month), Cost: cost.Nanos(r.CostNanos), Micros: r.Micros,
			Rate:   cost.Rate{NanosPerHour: cost.Nanos(r.NanosPerHour), Currency: cost.Currency(r.Currency)},
			Source: r.PriceSource, AsOf: fromMaybeMicros(r.PriceAsOf), RecordedAt: fromMicros(r.RecordedAt), Reason: r.Reason, Import: r.ImportID,
		}
	}), fail("list the ledger", err)
}

// PostedWithin sums what is posted for hours that begin in a window by process, true-ups aside.
func (db *DB) PostedWithin(ctx context.Context, since, until time.Time) (map[cluster.ProcessID]cost.Nanos, error) {
	rows, err := db.read(ctx).PostedPerProcess(ctx, sqlcgen.PostedPerProcessParams{Since: micros(since), Until: micros(until)})
	sums := make(map[cluster.ProcessID]cost.Nanos, len(rows))
	for _, r := range rows {
		sums[cluster.ProcessID(r.ProcessID)] = cost.Nanos(r.CostNanos)
	}
	return sums, fail("add posted hours up", err)
}

// PostedUntil says how far the processes are posted that ran in a window.
func (db *DB) PostedUntil(ctx context.Context, since, until time.Time) (map[cluster.ProcessID]time.Time, error) {
	rows, err := db.read(ctx).ListLedgerStates(ctx, sqlcgen.ListLedgerStatesParams{Until: maybeMicros(until), Since: maybeMicros(since)})
	reached := make(map[cluster.ProcessID]time.Time, len(rows))
	for _, r := range rows {
		reached[cluster.ProcessID(r.ID)] = fromMicros(r.UntilAt)
	}
	return reached, fail("list how far processes are posted", err)
}

// MonthByProcess returns what is booked in a month for hours since a moment, by process.
func (db *DB) MonthByProcess(ctx context.Context, month ledger.Month, since time.Time) ([]ledger.Metered, error) {
	rows, err := db.read(ctx).ListMonthByProcess(ctx, sqlcgen.ListMonthByProcessParams{Month: string(month), Since: micros(since)})
	return convert(rows, func(r sqlcgen.ListMonthByProcessRow) ledger.Metered {
		return ledger.Metered{
			Process: cluster.ProcessID(r.ProcessID), Cluster: cluster.ID(r.ClusterID), Owner: identity.UserID(r.OwnerID), Backend: r.Backend,
			Currency: cost.Currency(r.Currency), Handle: r.Handle, Hour: fromMicros(r.HourAt),
			Metered: cost.Nanos(r.MeteredNanos), TruedUp: cost.Nanos(r.TruedUpNanos), TrueUps: int(r.LastTrueUp),
		}
	}), fail("add a month up by process", err)
}

// AddImport writes down an invoice that was imported.
func (db *DB) AddImport(ctx context.Context, in ledger.Imported) error {
	result, err := ledger.EncodeResult(in.Result)
	if err != nil {
		return fmt.Errorf("encode what an import did: %w", err)
	}
	rules, err := json.Marshal(append([]string{}, in.Rules...))
	if err != nil {
		return fmt.Errorf("encode the rules of an import: %w", err)
	}
	n, err := db.write(ctx).AddLedgerImport(ctx, sqlcgen.AddLedgerImportParams{
		ID: in.ID, Month: string(in.Month), Source: text(in.Source), Sha256: in.SHA256, Rules: text(string(rules)), Result: text(result),
		ImportedAt: micros(in.At), ImportedBy: text(in.By),
	})
	return inserted(n, err, "add an import", "import")
}

// Imports returns the invoices that were imported for a month, the oldest first.
func (db *DB) Imports(ctx context.Context, month ledger.Month) ([]ledger.Imported, error) {
	rows, err := db.read(ctx).ListLedgerImports(ctx, string(month))
	if err != nil {
		return nil, fail("list imports", err)
	}
	return importsFromDB(rows)
}

// ImportsWithin returns the invoices that were imported for the months from one to another, by month, the oldest first.
func (db *DB) ImportsWithin(ctx context.Context, first, last ledger.Month) ([]ledger.Imported, error) {
	rows, err := db.read(ctx).ListLedgerImportsWithin(ctx, sqlcgen.ListLedgerImportsWithinParams{First: string(first), Last: string(last)})
	if err != nil {
		return nil, fail("list imports", err)
	}
	return importsFromDB(rows)
}

// TrueUps returns what true-ups add to the processes within a scope in the months from one to another.
func (db *DB) TrueUps(ctx context.Context, scope identity.Scope, first, last ledger.Month) ([]ledger.TruedUp, error) {
	owner, led := scopeToDB(&scope)
	rows, err := db.read(ctx).ListTrueUps(ctx, sqlcgen.ListTrueUpsParams{First: string(first), Last: string(last), Owner: owner, Led: led})
	return convert(rows, func(r sqlcgen.ListTrueUpsRow) ledger.TruedUp {
		return ledger.TruedUp{
			Month: ledger.Month(r.Month), Process: cluster.ProcessID(r.ProcessID), Cluster: cluster.ID(r.ClusterID), Owner: identity.UserID(r.OwnerID),
			Group: r.GroupPath, Backend: r.Backend, Nanos: cost.Nanos(r.CostNanos),
		}
	}), fail("list true-ups", err)
}

func importsFromDB(rows []sqlcgen.LedgerImport) ([]ledger.Imported, error) {
	out := make([]ledger.Imported, len(rows))
	for i, r := range rows {
		out[i] = ledger.Imported{
			ID: r.ID, Month: ledger.Month(r.Month), Source: r.Source, SHA256: r.Sha256, Rules: jsonFromDB[[]string](r.Rules), At: fromMicros(r.ImportedAt), By: r.ImportedBy,
		}
		var err error
		if out[i].Result, err = ledger.DecodeResult(r.Result); err != nil {
			return nil, fmt.Errorf("decode what import %s did: %w", r.ID, err)
		}
	}
	return out, nil
}
