package store

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

var addPrices = newBulk(`INSERT INTO prices (id, provider, region, unit, name, purchase, nanos_per_hour, currency, accelerator, accelerators,
    valid_from, valid_to, source, as_of, created_at)`, 15, ``)

// Prices returns entries of the price book by provider, region, unit, name, purchase and beginning.
func (db *DB) Prices(ctx context.Context, f price.Filter) ([]price.Entry, error) {
	limit := int32(math.MaxInt32)
	if f.Limit > 0 && f.Limit < math.MaxInt32 {
		limit = int32(f.Limit)
	}
	rows, err := db.read(ctx).ListPrices(ctx, sqlcgen.ListPricesParams{
		Provider: text(f.Provider), Region: text(f.Region), Name: text(f.Name), At: maybeMicros(f.At), AtMost: limit,
	})
	return convert(rows, priceFromDB), fail("list prices", err)
}

// AddPrices adds entries to the price book.
func (db *DB) AddPrices(ctx context.Context, entries []price.Entry, at time.Time) error {
	return db.exec(ctx, "add prices", addPrices, len(entries), func(to []any, i int) []any {
		e := entries[i]
		return append(to, e.ID, text(e.Provider), text(e.Region), string(e.Unit), text(e.Name), string(e.Purchase), int64(e.NanosPerHour),
			string(e.Currency), text(e.Accelerator), int64(e.Accelerators), micros(e.ValidFrom), maybeMicros(e.ValidTo), text(e.Source), micros(e.AsOf), micros(at))
	})
}

// EndPrice sets when an entry of the price book stops being in force.
func (db *DB) EndPrice(ctx context.Context, id string, at time.Time) error {
	n, err := db.write(ctx).EndPrice(ctx, sqlcgen.EndPriceParams{ValidTo: sql.NullInt64{Int64: micros(at), Valid: true}, ID: id})
	return one(n, err, "end a price", "price")
}

// PricedTime says by what the processes of clusters within the scope were priced in [since, until).
func (db *DB) PricedTime(ctx context.Context, scope identity.Scope, since, until time.Time) (out []price.PricedTime, err error) {
	owner, led := scopeToDB(&scope)
	err = db.Snapshot(ctx, func(ctx context.Context) error {
		rows, err := db.read(ctx).ListPricedTime(ctx, sqlcgen.ListPricedTimeParams{Until: micros(until), Since: micros(since), Owner: owner, Led: led})
		if err != nil {
			return fail("list priced time", err)
		}
		out = convert(rows, func(r sqlcgen.ListPricedTimeRow) price.PricedTime {
			return price.PricedTime{
				Provider: r.Backend, Rate: cost.Rate{NanosPerHour: cost.Nanos(r.NanosPerHour), Currency: cost.Currency(r.Currency)}, Micros: r.Micros,
				Basis: cost.Basis{
					CoreHour: cost.Nanos(r.CoreHourNanos), GigabyteHour: cost.Nanos(r.GigabyteHourNanos), Source: r.PriceSource, AsOf: fromMaybeMicros(r.PriceAsOf),
				},
			}
		})
		more, err := db.repricedTime(ctx, owner, led, since, until)
		out = append(out, more...)
		return err
	})
	return out, err
}

// repricedTime is PricedTime of processes whose prices changed.
func (db *DB) repricedTime(ctx context.Context, owner, led string, since, until time.Time) ([]price.PricedTime, error) {
	rows, err := db.read(ctx).ListRepricedProcesses(ctx, sqlcgen.ListRepricedProcessesParams{Until: micros(until), Since: micros(since), Owner: owner, Led: led})
	if err != nil {
		return nil, fail("list processes whose prices changed", err)
	}
	var out []price.PricedTime
	for from := 0; from < len(rows); {
		to, id := from, rows[from].Process.ClusterID
		var processes []cluster.Process
		var of []sqlcgen.Process
		for ; to < len(rows) && rows[to].Process.ClusterID == id; to++ {
			of, processes = append(of, rows[to].Process), append(processes, processFromDB(rows[to].Process))
		}
		if err := db.addRepricings(ctx, cluster.ID(id), of, func(i int) *cluster.Process { return &processes[i] }); err != nil {
			return nil, err
		}
		for _, p := range processes {
			start, end, ok := p.Interval(until)
			if start.Before(since) {
				start = since
			}
			if !ok || !start.Before(end) {
				continue
			}
			for _, s := range p.BaseSpans(start, end) {
				out = append(out, price.PricedTime{Provider: rows[from].Backend, Basis: s.Basis, Rate: s.Rate, Micros: s.End.UnixMicro() - s.Start.UnixMicro()})
			}
		}
		from = to
	}
	return out, nil
}

func priceFromDB(r sqlcgen.Price) price.Entry {
	return price.Entry{
		ID:           r.ID,
		Key:          price.Key{Provider: r.Provider, Region: r.Region, Unit: price.Unit(r.Unit), Name: r.Name, Purchase: price.Purchase(r.Purchase)},
		NanosPerHour: cost.Nanos(r.NanosPerHour), Currency: cost.Currency(r.Currency),
		ValidFrom: fromMicros(r.ValidFrom), ValidTo: fromMaybeMicros(r.ValidTo), Source: r.Source, AsOf: fromMicros(r.AsOf),
		Accelerator: r.Accelerator, Accelerators: int(r.Accelerators),
	}
}
