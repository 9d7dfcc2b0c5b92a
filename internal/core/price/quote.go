package price

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Machine is what is to be priced. Fields that are not known are empty.
type Machine struct {
	Provider, Region, Zone string
	// Node is the machine's name, Type its instance type.
	Node, Type string
	// Purchase is on demand where it is not given.
	Purchase    Purchase
	Cores       int
	MemoryBytes int64
	GPUs        int
	GPUModel    string
}

// Part is an entry that a quote uses: Amount is its price for Quantity of its unit, which for memory is bytes.
type Part struct {
	Entry    Entry
	Quantity int64
	Amount   cost.Nanos
}

// Quote is the price of a machine for an hour.
type Quote struct {
	// Known is false where no price was found; Reason says why then, and nothing else is set.
	Known        bool
	Reason       string
	NanosPerHour cost.Nanos
	Currency     cost.Currency
	// Parts sum to NanosPerHour exactly.
	Parts []Part
}

// Book holds entries and finds those in force. It does not change.
type Book struct {
	entries map[Key][]Entry // each in the order of their beginnings
}

// NewBook makes a book of entries of which no two of one key are in force at once, which Plan sees to.
func NewBook(entries []Entry) Book {
	b := Book{entries: make(map[Key][]Entry, len(entries))}
	for _, e := range entries {
		k := e.Key.fold()
		b.entries[k] = append(b.entries[k], e)
	}
	for _, list := range b.entries {
		slices.SortFunc(list, compareEntries)
	}
	return b
}

// Find returns the entry of a key that is in force at a moment.
func (b Book) Find(k Key, at time.Time) (Entry, bool) {
	for _, e := range b.entries[k.fold()] {
		if e.InForce(at) {
			return e, true
		}
	}
	return Entry{}, false
}

// nearest finds the entry of a name in the machine's zone, else in its region, else anywhere.
func (b Book) nearest(m Machine, unit Unit, name string, at time.Time) (Entry, bool) {
	places := []string{m.Zone, m.Region, ""}
	for i, place := range places {
		if place == "" && i < len(places)-1 {
			continue
		}
		if e, ok := b.Find(Key{Provider: m.Provider, Region: place, Unit: unit, Name: name, Purchase: m.Purchase}, at); ok {
			return e, true
		}
	}
	return Entry{}, false
}

// Quote prices a machine at a moment. The most specific entry wins: of the machine by its name, of its type, of its parts; and of each in
// its zone, in its region, anywhere. The purchase must match.
func (b Book) Quote(m Machine, at time.Time) Quote {
	if m.Purchase == "" {
		m.Purchase = OnDemand
	}
	if m.Cores < 0 || m.MemoryBytes < 0 || m.GPUs < 0 {
		return unknown("the machine has a negative number of cores, bytes or GPUs")
	}
	for _, named := range []struct {
		unit Unit
		name string
	}{{Node, m.Node}, {Instance, m.Type}} {
		if named.name == "" {
			continue
		}
		if e, ok := b.nearest(m, named.unit, named.name, at); ok {
			return b.whole(m, e, at)
		}
	}
	return b.parts(m, at)
}

// whole prices a machine by the entry for all of it. An entry without accelerators prices only the host of a machine with GPUs; they
// must have a price of their own then.
func (b Book) whole(m Machine, e Entry, at time.Time) Quote {
	parts := []Part{{Entry: e, Quantity: 1}}
	switch {
	case e.Accelerators > 0 && m.GPUs > 0 && e.Accelerators != m.GPUs:
		return unknown("the price of %s is for %d GPUs, the machine has %d", e.Key, e.Accelerators, m.GPUs)
	case e.Accelerators > 0, m.GPUs == 0 && !accelerated(m.Provider, m.Type):
	case m.GPUs == 0:
		return unknown("%s has GPUs or other accelerators, and its price names none: it may be that of the host alone", e.Key)
	default:
		gpu, ok := b.gpu(m, at)
		if !ok {
			return unknown("the machine has GPUs, the price of %s carries none, and no entry prices %s", e.Key, modelOf(m))
		}
		parts = append(parts, gpu)
	}
	return sum(parts)
}

// parts prices a machine by its cores, its memory and its GPUs, all of which need a price.
func (b Book) parts(m Machine, at time.Time) Quote {
	var parts []Part
	for _, p := range []struct {
		unit     Unit
		quantity int64
		what     string
	}{{CoreHour, int64(m.Cores), "a core"}, {GigabyteHour, m.MemoryBytes, "a GB of memory"}} {
		if p.quantity == 0 {
			continue
		}
		e, ok := b.nearest(m, p.unit, "", at)
		if !ok {
			return unknown("no entry prices %s, nor %s, for %s of %q then", describe(m), p.what, m.Purchase, m.Provider)
		}
		parts = append(parts, Part{Entry: e, Quantity: p.quantity})
	}
	switch {
	case m.GPUs > 0:
		gpu, ok := b.gpu(m, at)
		if !ok {
			return unknown("the machine has GPUs, and no entry prices %s", modelOf(m))
		}
		parts = append(parts, gpu)
	case accelerated(m.Provider, m.Type):
		return unknown("%s has GPUs, and nobody said which", m.Type)
	}
	if len(parts) == 0 {
		return unknown("no entry prices %s for %s, and nothing else is known of it", describe(m), m.Purchase)
	}
	return sum(parts)
}

func (b Book) gpu(m Machine, at time.Time) (Part, bool) {
	if m.GPUModel == "" {
		return Part{}, false
	}
	e, ok := b.nearest(m, GPUHour, m.GPUModel, at)
	return Part{Entry: e, Quantity: int64(m.GPUs)}, ok
}

func modelOf(m Machine) string {
	if m.GPUModel == "" {
		return "a GPU whose model is not known"
	}
	return "the GPU " + m.GPUModel
}

func describe(m Machine) string {
	switch {
	case m.Node != "":
		return fmt.Sprintf("the machine %q", m.Node)
	case m.Type != "":
		return fmt.Sprintf("the type %q", m.Type)
	default:
		return "the machine"
	}
}

func unknown(format string, args ...any) Quote {
	return Quote{Reason: fmt.Sprintf(format, args...)}
}

// sum adds parts up. All must be in one currency, and the sum must fit.
func sum(parts []Part) Quote {
	q := Quote{Known: true, Currency: parts[0].Entry.Currency, Parts: parts}
	total := new(big.Int)
	for i := range parts {
		p := &parts[i]
		if p.Entry.Currency != q.Currency {
			return unknown("its parts are priced in %s and %s, which do not add up", q.Currency, p.Entry.Currency)
		}
		amount := new(big.Int).Mul(big.NewInt(int64(p.Entry.NanosPerHour)), big.NewInt(p.Quantity))
		if p.Entry.Unit == GigabyteHour {
			amount.Quo(amount, big.NewInt(1_000_000_000))
		}
		if total.Add(total, amount); !total.IsInt64() {
			return unknown("its price is too large")
		}
		p.Amount = cost.Nanos(amount.Int64())
	}
	q.NanosPerHour = cost.Nanos(total.Int64())
	return q
}
