package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
)

const (
	// maxEntries is about how many entries one transaction writes, so that others come in between.
	maxEntries = 4000
	// clusterPage is how many clusters are listed at a time.
	clusterPage = 500
)

// Due is a process that may have something to post.
type Due struct {
	Process cluster.Process
	// Owner and Backend are those of its cluster.
	Owner   identity.UserID
	Backend string
	State   State
}

// PostStore is what posting reads and writes.
type PostStore interface {
	// UnpostedClusters lists clusters with processes that are not settled, by id after one, at most so many.
	UnpostedClusters(ctx context.Context, after cluster.ID, limit int) ([]cluster.ID, error)
	// Unposted returns the processes that are not settled of the clusters from one to another, by cluster.
	Unposted(ctx context.Context, first, last cluster.ID) ([]Due, error)
	// PostedHours returns what is posted of a process by hour, true-ups aside.
	PostedHours(ctx context.Context, id cluster.ProcessID) ([]HourSum, error)
	// ClosedThrough returns the last closed month, "" before the first.
	ClosedThrough(ctx context.Context) (Month, error)
	// MonthAfter returns the first month after one in which anything is booked, "" if there is none.
	MonthAfter(ctx context.Context, after Month) (Month, error)
	// AddEntries appends to the ledger. errs.Conflict if one of them is there already.
	AddEntries(ctx context.Context, entries []Entry) error
	AddRepricings(ctx context.Context, p cluster.Process, repricings []cluster.Repricing, at time.Time) error
	// AddGPUPrices is AddRepricings for the GPUs of a process, by model.
	AddGPUPrices(ctx context.Context, p cluster.Process, prices map[string][]cluster.GPUPrice, at time.Time) error
	PutState(ctx context.Context, p cluster.Process, s State) error
	// Settle notes that nothing of a process is left to post, until its row changes.
	Settle(ctx context.Context, id cluster.ProcessID) error
}

// Poster brings the ledger up to date. Several of them, on several servers, do no more than one: each cluster is posted in a transaction that reads
// how far it is.
type Poster struct {
	store  PostStore
	tx     identity.Transactor
	prices Prices
	zone   *time.Location
}

// NewPoster makes a Poster. Months begin in zone.
func NewPoster(store PostStore, tx identity.Transactor, prices Prices, zone *time.Location) *Poster {
	return &Poster{store: store, tx: tx, prices: prices, zone: zone}
}

// OpenSince is when the first month begins that is not closed and in which something is booked; the zero time if there is none. What lies before can be
// corrected no more.
func (p *Poster) OpenSince(ctx context.Context) (time.Time, error) {
	closed, err := p.store.ClosedThrough(ctx)
	if err != nil {
		return time.Time{}, err
	}
	open, err := p.store.MonthAfter(ctx, closed)
	if err != nil || open == "" {
		return time.Time{}, err
	}
	since, _ := open.Window(p.zone)
	return since, nil
}

// Post writes down what new prices apply to running processes and posts the hours that are over, of all clusters. It returns how many entries it wrote. A
// cluster that cannot be posted does not hold up the others.
func (p *Poster) Post(ctx context.Context, now time.Time) (int, error) {
	now = now.UTC().Truncate(time.Microsecond)
	total := 0
	var failures []error
	for after := cluster.ID(""); ; {
		ids, err := p.store.UnpostedClusters(ctx, after, clusterPage)
		if err != nil {
			return total, errors.Join(append(failures, fmt.Errorf("list clusters to post: %w", err))...)
		}
		if len(ids) == 0 {
			return total, errors.Join(failures...)
		}
		after = ids[len(ids)-1]
		dues, err := p.store.Unposted(ctx, ids[0], after)
		if err != nil {
			return total, errors.Join(append(failures, fmt.Errorf("list processes to post: %w", err))...)
		}
		for _, id := range p.withWork(now, dues) {
			n, err := p.PostCluster(ctx, now, id)
			total += n
			if err != nil {
				failures = append(failures, fmt.Errorf("post %s: %w", id, err))
			}
			if ctx.Err() != nil {
				return total, errors.Join(failures...)
			}
		}
	}
}

// withWork returns the clusters that have something to write, before transactions are begun for them.
func (p *Poster) withWork(now time.Time, dues []Due) []cluster.ID {
	var ids []cluster.ID
	for _, d := range dues {
		if n := len(ids); n > 0 && ids[n-1] == d.Process.ClusterID {
			continue
		}
		if post, settled := due(d.Process, d.State, now); post || settled || len(p.reprice(now, d)) > 0 || len(p.repriceGPUs(now, d)) > 0 {
			ids = append(ids, d.Process.ClusterID)
		}
	}
	return ids
}

// PostCluster is Post for one cluster.
func (p *Poster) PostCluster(ctx context.Context, now time.Time, id cluster.ID) (int, error) {
	now = now.UTC().Truncate(time.Microsecond)
	for total := 0; ; {
		written, more, err := p.some(ctx, now, id)
		total += written
		if err != nil || !more {
			return total, err
		}
	}
}

// some posts one transaction's worth.
func (p *Poster) some(ctx context.Context, now time.Time, id cluster.ID) (written int, more bool, err error) {
	err = p.tx.Atomically(ctx, func(ctx context.Context) error {
		written, more = 0, false
		dues, err := p.store.Unposted(ctx, id, id)
		if err != nil {
			return err
		}
		closed, err := p.store.ClosedThrough(ctx)
		if err != nil {
			return err
		}
		for _, d := range dues {
			if written >= maxEntries {
				more = true
				return nil
			}
			n, all, err := p.process(ctx, now, d, closed, maxEntries-written)
			if err != nil {
				return err
			}
			written += n
			more = more || !all
		}
		return nil
	})
	return written, more, err
}

func (p *Poster) reprice(now time.Time, d Due) []cluster.Repricing {
	if d.Process.StartedAt.IsZero() {
		return nil
	}
	return Reprice(d.Process, d.Backend, d.State, p.prices, now)
}

func (p *Poster) repriceGPUs(now time.Time, d Due) map[string][]cluster.GPUPrice {
	if d.Process.StartedAt.IsZero() {
		return nil
	}
	return RepriceGPUs(d.Process, d.Backend, d.State, p.prices, now)
}

// process posts one process, and says whether that was all.
func (p *Poster) process(ctx context.Context, now time.Time, d Due, closed Month, limit int) (written int, all bool, err error) {
	if repricings := p.reprice(now, d); len(repricings) > 0 {
		if err := p.store.AddRepricings(ctx, d.Process, repricings, now); err != nil {
			return 0, false, fmt.Errorf("add prices: %w", err)
		}
		d.Process.Repricings = append(d.Process.Repricings, repricings...)
	}
	if prices := p.repriceGPUs(now, d); len(prices) > 0 {
		if err := p.store.AddGPUPrices(ctx, d.Process, prices, now); err != nil {
			return 0, false, fmt.Errorf("add prices of GPUs: %w", err)
		}
		for i, g := range d.Process.GPUs {
			d.Process.GPUs[i].Prices = slices.Concat(g.Prices, prices[g.Model])
		}
	}
	post, settled := due(d.Process, d.State, now)
	if post {
		var posted []HourSum
		if !fresh(d.Process, d.State) {
			if posted, err = p.store.PostedHours(ctx, d.Process.ID); err != nil {
				return 0, false, fmt.Errorf("read posted hours: %w", err)
			}
		}
		entries, state := Post(d.Process, d.State, posted, now, limit)
		for i := range entries {
			entries[i].Owner, entries[i].Backend, entries[i].RecordedAt = d.Owner, d.Backend, now
			entries[i] = book(entries[i], closed, p.zone)
		}
		if err := p.store.AddEntries(ctx, entries); err != nil {
			return 0, false, fmt.Errorf("add entries: %w", err)
		}
		if err := p.store.PutState(ctx, d.Process, state); err != nil {
			return 0, false, fmt.Errorf("note how far it is posted: %w", err)
		}
		written = len(entries)
		post, settled = due(d.Process, state, now)
	}
	if settled {
		if err := p.store.Settle(ctx, d.Process.ID); err != nil {
			return 0, false, fmt.Errorf("settle: %w", err)
		}
	}
	return written, !post, nil
}
