package price

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
)

// Current knows what the machines of the backends cost: by the book where it has entries of the backend, else by the options. It keeps
// those entries at hand, because processes are created in loops; Load reads them. It is safe for concurrent use.
type Current struct {
	store    Reader
	options  cost.Card
	backends []string
	loading  sync.Mutex // the last to read is the last to set
	books    atomic.Pointer[map[string]Book]
}

// Reader reads the book.
type Reader interface {
	Prices(ctx context.Context, f Filter) ([]Entry, error)
}

// NewCurrent makes a Current that knows the options only, until it is loaded.
func NewCurrent(store Reader, options cost.Card, backends ...string) *Current {
	c := &Current{store: store, options: options, backends: backends}
	c.books.Store(&map[string]Book{})
	return c
}

// Load reads the entries of the backends.
func (c *Current) Load(ctx context.Context) error {
	c.loading.Lock()
	defer c.loading.Unlock()
	books := make(map[string]Book, len(c.backends))
	for _, backend := range c.backends {
		entries, err := c.store.Prices(ctx, Filter{Provider: backend})
		if err != nil {
			return fmt.Errorf("load the prices of %s: %w", backend, err)
		}
		if len(entries) > 0 {
			books[backend] = NewBook(entries)
		}
	}
	c.books.Store(&books)
	return nil
}

// Card returns the prices of a core and of memory on a backend at a moment, and where they come from. Both come from the book or both from
// the options: a sum of the two would have no source.
func (c *Current) Card(backend string, at time.Time) cost.Card {
	card, _ := c.ByBook(backend, at)
	return card
}

// ByBook returns the prices on a backend at a moment, and whether the book said them, not the options.
func (c *Current) ByBook(backend string, at time.Time) (card cost.Card, byBook bool) {
	card = c.options
	book, ok := (*c.books.Load())[backend]
	if !ok {
		return card, false
	}
	core, hasCore := book.Find(coreHourOf(backend), at)
	memory, hasMemory := book.Find(gigabyteHourOf(backend), at)
	if !hasCore || !hasMemory {
		card.Source += fmt.Sprintf(" The price book has entries of provider %s, but not both a core_hour and a gb_hour without region that are in force.", backend)
		return card, false
	}
	card.CoreHour, card.GigabyteHour = core.NanosPerHour, memory.NanosPerHour
	card.Source, card.AsOf = "Price book: "+core.Source, core.AsOf
	if memory.Source != core.Source {
		card.Source += " (core), " + memory.Source + " (memory)"
	}
	if memory.AsOf.Before(card.AsOf) {
		card.AsOf = memory.AsOf
	}
	return card, true
}

// GPU returns what an hour of a model of GPU costs on a backend at a moment, in a currency. Only the book says that, in an entry without region; without one the
// price is not known.
func (c *Current) GPU(backend, model string, currency cost.Currency, at time.Time) cluster.GPUPrice {
	if book, ok := (*c.books.Load())[backend]; ok && model != "" {
		if e, ok := book.Find(gpuHourOf(backend, model), at); ok && e.Currency == currency {
			return cluster.GPUPrice{From: at, Hour: e.NanosPerHour, Source: "Price book: " + e.Source, AsOf: e.AsOf}
		}
	}
	return cluster.GPUPrice{From: at}
}

// GPUChanges returns when the price of a model of GPU on a backend may change in (after, until], in the order of time.
func (c *Current) GPUChanges(backend, model string, after, until time.Time) []time.Time {
	return c.changes(backend, after, until, gpuHourOf(backend, model))
}

// Changes returns when the prices of a core or of memory on a backend may change in (after, until], in the order of time: where an entry begins
// or ends.
func (c *Current) Changes(backend string, after, until time.Time) []time.Time {
	return c.changes(backend, after, until, coreHourOf(backend), gigabyteHourOf(backend))
}

func (c *Current) changes(backend string, after, until time.Time, keys ...Key) []time.Time {
	book, ok := (*c.books.Load())[backend]
	if !ok {
		return nil
	}
	var times []time.Time
	for _, k := range keys {
		for _, e := range book.entries[k.fold()] {
			for _, at := range []time.Time{e.ValidFrom, e.ValidTo} {
				if at.After(after) && !at.After(until) {
					times = append(times, at)
				}
			}
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return slices.CompactFunc(times, time.Time.Equal)
}

func coreHourOf(backend string) Key {
	return Key{Provider: backend, Unit: CoreHour, Purchase: OnDemand}
}

func gigabyteHourOf(backend string) Key {
	return Key{Provider: backend, Unit: GigabyteHour, Purchase: OnDemand}
}

func gpuHourOf(backend, model string) Key {
	return Key{Provider: backend, Unit: GPUHour, Name: model, Purchase: OnDemand}
}
