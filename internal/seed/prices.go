package seed

import (
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/price"
)

// Where clusters run.
const (
	backendKubernetes = "kubernetes"
	backendSlurm      = "slurm"
	backendWatched    = cluster.BackendWatched
)

// gigabyteHour is the same everywhere.
const gigabyteHour = cost.Nanos(4_500_000)

// PricesRise is when the cloud's price of a core rises: a contract ends after 58 % of the time.
func (org *Organisation) PricesRise() time.Time {
	return org.begin.Add(time.Duration(float64(org.options.Days)*0.58) * day)
}

// Prices lists what was in force when, for the price book.
func (org *Organisation) Prices() []price.Entry {
	c := org.stream(ofPrices)
	var out []price.Entry
	add := func(backend string, unit price.Unit, nanos cost.Nanos, since, until time.Time) {
		out = append(out, price.Entry{
			ID: c.newID("pr", since), Key: price.Key{Provider: backend, Unit: unit, Purchase: price.OnDemand}, NanosPerHour: nanos,
			Currency: org.options.Currency, ValidFrom: since, ValidTo: until, Source: "Made up with this organisation.", AsOf: since,
		})
	}
	for _, backend := range []string{backendKubernetes, backendSlurm, backendWatched} {
		add(backend, price.GigabyteHour, gigabyteHour, org.begin, time.Time{})
		before, after := org.coreHour(backend, org.begin), org.coreHour(backend, org.options.Until)
		if before == after {
			add(backend, price.CoreHour, before, org.begin, time.Time{})
			continue
		}
		add(backend, price.CoreHour, before, org.begin, org.PricesRise())
		add(backend, price.CoreHour, after, org.PricesRise(), time.Time{})
	}
	return out
}

func (org *Organisation) coreHour(backend string, at time.Time) cost.Nanos {
	switch {
	case backend == backendSlurm:
		return 18_000_000
	case backend == backendWatched:
		return 25_000_000
	case at.Before(org.PricesRise()):
		return 38_000_000
	default:
		return 43_500_000
	}
}

// rates are what an hour of all workers and of the scheduler costs, at the prices of the cluster's start.
func (org *Organisation) rates(backend string, start time.Time, threads int, memoryBytes int64) (workers, scheduler cost.Rate) {
	card := cost.Card{Currency: org.options.Currency, CoreHour: org.coreHour(backend, start), GigabyteHour: gigabyteHour}
	return card.Price(threads, memoryBytes), card.Price(1, 2e9)
}

// Cost is what the processes of a cluster cost over its life.
func (org *Organisation) Cost(c cluster.Cluster) cost.Nanos {
	n := c.Options.Workers
	workers, scheduler := org.rates(c.Backend, c.StartedAt, n*c.Options.Threads, int64(n)*c.Options.MemoryBytes)
	return workers.Over(c.StartedAt, c.EndedAt) + scheduler.Over(c.StartedAt, c.EndedAt)
}
