package price

import (
	"context"
	"io"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Filter selects entries; empty fields select all.
type Filter struct {
	Provider, Region, Name string
	// At selects those in force at a moment; zero selects those of all times.
	At time.Time
	// Limit bounds how many there are; 0 does not.
	Limit int
}

// Store keeps the book.
type Store interface {
	// Prices returns entries by provider, region, unit, name, purchase and beginning.
	Prices(ctx context.Context, f Filter) ([]Entry, error)
	AddPrices(ctx context.Context, entries []Entry, at time.Time) error
	// EndPrice sets when an entry stops being in force: all that ever changes about it.
	EndPrice(ctx context.Context, id string, at time.Time) error
	// PricedTime says by what the processes of clusters within the scope were priced in [since, until).
	PricedTime(ctx context.Context, scope identity.Scope, since, until time.Time) ([]PricedTime, error)
	// GPUTime says how long GPUs were held by those processes, by price.
	GPUTime(ctx context.Context, scope identity.Scope, since, until time.Time) ([]GPUTime, error)
}

// Service is what people do with the book.
type Service struct {
	store   Store
	tx      identity.Transactor
	current *Current
}

// NewService makes a Service. What it imports, current knows at once.
func NewService(store Store, tx identity.Transactor, current *Current) *Service {
	return &Service{store: store, tx: tx, current: current}
}

// List returns entries, and whether there are more than the limit.
func (s *Service) List(ctx context.Context, f Filter) (entries []Entry, more bool, err error) {
	limit := f.Limit
	f.Limit++
	entries, err = s.store.Prices(ctx, f)
	if err != nil || len(entries) <= limit {
		return entries, false, err
	}
	return entries[:limit], true, nil
}

// ImportInput is a price list and what it does not say itself.
type ImportInput struct {
	Shape Shape
	Text  io.Reader
	// Provider is needed where the shape does not say it.
	Provider string
	// ValidFrom is now where it is not given, and so is AsOf.
	ValidFrom, AsOf time.Time
	// Source names the list in words.
	Source string
	// DryRun only says what would change.
	DryRun bool
}

// Import is what an import did, or would do.
type Import struct {
	Change
	LeftOut map[string]int
	DryRun  bool
}

// Import puts a price list into the book: all of it, or nothing. Only admins may.
func (s *Service) Import(ctx context.Context, now time.Time, actor identity.Actor, in ImportInput) (Import, error) {
	if actor.User.Role != identity.RoleAdmin {
		return Import{}, errs.New(errs.Forbidden, "", "Only admins import prices: they apply to everybody. Nothing was imported; ask one.")
	}
	now = now.UTC().Truncate(time.Microsecond)
	o := ListOptions{
		Provider: in.Provider, Currency: s.current.options.Currency, ValidFrom: in.ValidFrom.UTC().Truncate(time.Microsecond), AsOf: in.AsOf.UTC(), Source: in.Source,
	}
	if in.ValidFrom.IsZero() {
		o.ValidFrom = now
	}
	if in.AsOf.IsZero() {
		o.AsOf = now
	}
	if o.Source == "" {
		o.Source = "A list of the shape " + string(in.Shape)
	}
	if !isText(o.Source) {
		return Import{}, errs.New(errs.Invalid, "", "The source is longer than %d bytes, or holds characters that cannot be printed. Nothing was imported.", maxField)
	}
	list, err := Read(in.Shape, in.Text, o)
	if err != nil {
		return Import{}, err
	}
	out := Import{LeftOut: list.LeftOut, DryRun: in.DryRun}
	err = s.tx.Atomically(ctx, func(ctx context.Context) error {
		existing, err := s.ofProviders(ctx, list.Rows)
		if err != nil {
			return err
		}
		if out.Change, err = Plan(existing, list.Rows, now); err != nil || in.DryRun {
			return err
		}
		for i := range out.Added {
			out.Added[i].ID = id.New("pr", now)
		}
		for _, e := range out.Ended {
			if err := s.store.EndPrice(ctx, e.Entry.ID, e.At); err != nil {
				return err
			}
		}
		return s.store.AddPrices(ctx, out.Added, now)
	})
	if err != nil || in.DryRun {
		return out, err
	}
	return out, s.current.Load(ctx)
}

// ofProviders returns the entries of all times of the providers that rows name.
func (s *Service) ofProviders(ctx context.Context, rows []Row) ([]Entry, error) {
	var all []Entry
	done := map[string]bool{}
	for _, r := range rows {
		if done[r.Provider] {
			continue
		}
		done[r.Provider] = true
		entries, err := s.store.Prices(ctx, Filter{Provider: r.Provider})
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

// PricedTime is how long processes ran that were priced in one way.
type PricedTime struct {
	// Provider is the backend that ran them.
	Provider string
	Basis    cost.Basis
	Rate     cost.Rate
	Micros   int64
}

// GPUTime is how long GPUs of a model were held by processes at one price. Processes that share a device have their parts of its time.
type GPUTime struct {
	// Provider is the backend that ran the processes.
	Provider, Model string
	// Source and AsOf say where the price comes from; an empty source is that of time without a price.
	Source string
	AsOf   time.Time
	Micros int64
}

// Covered is time of machines with a price, or without one.
type Covered struct {
	Provider string
	// GPU is the model where it is time of GPUs that processes held, not of machines.
	GPU    string
	Priced bool
	// Source and AsOf say where the price comes from; Reason, why there is none.
	Source string
	AsOf   time.Time
	Reason string
	Micros int64
}

// Coverage says how much of the time of machines has a price.
type Coverage struct {
	Since, Until                 time.Time
	PricedMicros, UnpricedMicros int64
	// PricedGPUMicros and UnpricedGPUMicros are time of GPUs, beside that of the machines that they are in.
	PricedGPUMicros, UnpricedGPUMicros int64
	Items                              []Covered
}

// Why time has no price.
const (
	reasonGPU   = "The price book has no gpu_hour entry of this provider for this model, without region, that was in force."
	reasonFree  = "Its rate is 0: the prices that applied when it began say nothing for what it has."
	sourceOlder = "Not kept: it began before prices kept their source."
)

// Coverage tells the actor how much of the time of the machines that they may see has a price, in a window up to now.
func (s *Service) Coverage(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (Coverage, error) {
	if until.After(now) {
		until = now
	}
	out := Coverage{Since: since, Until: until}
	if !since.Before(until) {
		return out, errs.InvalidFields(errs.Field{Name: "since", Message: "The window must start before it ends, and before now: since before until."})
	}
	scope := actor.Scope()
	times, err := s.store.PricedTime(ctx, scope, since, until)
	if err != nil {
		return out, err
	}
	index := map[Covered]int{}
	add := func(c Covered, micros int64) {
		i, ok := index[c]
		if !ok {
			i = len(out.Items)
			index[c] = i
			out.Items = append(out.Items, c)
		}
		out.Items[i].Micros += micros
	}
	for _, t := range times {
		c := Covered{Provider: t.Provider, Priced: t.Rate.NanosPerHour > 0, Source: t.Basis.Source, AsOf: t.Basis.AsOf}
		switch {
		case !c.Priced:
			c = Covered{Provider: t.Provider, Reason: reasonFree}
			out.UnpricedMicros += t.Micros
		default:
			if c.Source == "" {
				c.Source = sourceOlder
			}
			out.PricedMicros += t.Micros
		}
		add(c, t.Micros)
	}
	gpus, err := s.store.GPUTime(ctx, scope, since, until)
	if err != nil {
		return out, err
	}
	for _, g := range gpus {
		c := Covered{Provider: g.Provider, GPU: g.Model, Priced: g.Source != "", Source: g.Source, AsOf: g.AsOf}
		if c.Priced {
			out.PricedGPUMicros += g.Micros
		} else {
			c.Reason = reasonGPU
			out.UnpricedGPUMicros += g.Micros
		}
		add(c, g.Micros)
	}
	return out, nil
}
