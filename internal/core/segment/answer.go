package segment

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/spend"
)

const (
	// patience is how long a question waits for a refresh where it can be answered from what was known before it: the answer says as of when it is.
	patience = 2 * time.Second
	// firstPatience is how long it waits where nothing is known yet.
	firstPatience = 25 * time.Second
)

// refresh is one in progress, which all questions that come meanwhile share.
type refresh struct {
	done chan struct{}
	// seen is how often files had been set aside when it read the catalogue.
	seen int
	err  error
}

// Answer answers a question that has passed Check, from segments and what they do not say yet. A damaged file is set aside, and the question answered without it.
func (k *Keeper) Answer(ctx context.Context, q spend.Query, scope spend.Scope) (a spend.Answer, err error) {
	err = k.Use(ctx, func(ctx context.Context) error {
		a, err = k.cfg.Files.Answer(ctx, q, scope)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return spend.Answer{}, err
		}
		return spend.Answer{}, explain(err)
	}
	k.mu.Lock()
	a.Losses = losses(k.losses, q, scope)
	k.mu.Unlock()
	return a, nil
}

// Fresh sees to it that questions see what is not too old, and nothing that was found damaged.
func (k *Keeper) Fresh(ctx context.Context) error {
	k.mu.Lock()
	want := k.mends
	k.mu.Unlock()
	for {
		if ready, err := k.freshen(ctx, want); ready || err != nil {
			return err
		}
	}
}

// freshen waits for one refresh; ready is false if that began before the files that are not wanted any more were set aside.
func (k *Keeper) freshen(ctx context.Context, want int) (ready bool, err error) {
	now := k.cfg.Now()
	k.mu.Lock()
	known := !k.asOf.IsZero() && k.seen >= want
	if known && k.cfg.MaxAge > 0 && now.Sub(k.asOf) < k.cfg.MaxAge {
		k.mu.Unlock()
		return true, nil
	}
	r := k.running
	if r == nil {
		r = &refresh{done: make(chan struct{})}
		k.running = r
		k.work.Go(func() { k.run(r, now) })
	}
	k.mu.Unlock()

	if k.cfg.MaxAge == 0 {
		known = false // what is known is too old, however old it is
	}
	wait := firstPatience
	if known {
		wait = patience
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-r.done:
		return r.seen >= want, r.err
	case <-timer.C:
		if known {
			return true, nil
		}
		return false, errs.New(errs.Unavailable, "warehouse_not_ready",
			"What was spent in the past is still being written to the warehouse, so questions of cost cannot be answered yet; nothing was changed. Ask again in a minute.")
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// run carries out a refresh. It does not end with the question that began it: others wait for it too.
func (k *Keeper) run(r *refresh, now time.Time) {
	var found []Damage
	r.err = explain(k.mended(k.ctx, func(ctx context.Context) (err error) {
		k.mu.Lock()
		r.seen = k.mends
		k.mu.Unlock()
		found, err = k.refresh(ctx, now)
		return err
	}))
	k.mu.Lock()
	if r.err == nil {
		k.asOf, k.losses, k.seen = now, found, r.seen
	}
	k.running = nil
	k.mu.Unlock()
	close(r.done)
}

// explain says what an error means to those who asked. Which file it is about, and what to do, is in the server's log.
func explain(err error) error {
	if err == nil || errs.KindOf(err) != errs.Internal {
		return err
	}
	return errs.Wrap(err, errs.Unavailable, "warehouse_unavailable",
		"Questions of cost cannot be answered now: what was spent could not be read. Nothing was changed. The server's log says why, and what to do.")
}

// refresh computes what the segments do not say, and returns what was lost of them.
func (k *Keeper) refresh(ctx context.Context, now time.Time) ([]Damage, error) {
	catalogue, err := k.look(ctx, now)
	if err != nil {
		return nil, err
	}
	if settled, _ := Plan(now, catalogue.Marks); len(settled) > 1 {
		// More than fits into memory, as after the update of an old installation: it is written first.
		if err := k.settleNow(ctx); err != nil {
			return nil, err
		}
		if catalogue, err = k.look(ctx, now); err != nil {
			return nil, err
		}
	}
	facts, _, err := k.facts(ctx, now, catalogue.Marks)
	if err != nil {
		return nil, err
	}
	pairs := make([]Pair, len(catalogue.Marks))
	for i, m := range catalogue.Marks {
		pairs[i] = m.Pair
	}
	return catalogue.Losses, k.cfg.Files.Refresh(ctx, View{Segments: catalogue.Segments, Pairs: pairs, Facts: facts, AsOf: now})
}
