package segment

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// patience is how long a question waits for a refresh where it can be answered from what was known before it: the answer says as of when it is.
const patience = 2 * time.Second

// refresh is one in progress, which all questions that come meanwhile share.
type refresh struct {
	done chan struct{}
	err  error
}

// Answer answers a question that has passed Check, from segments and what they do not say yet.
func (k *Keeper) Answer(ctx context.Context, q spend.Query, scope spend.Scope) (spend.Answer, error) {
	if err := k.Fresh(ctx); err != nil {
		return spend.Answer{}, err
	}
	return k.cfg.Files.Answer(ctx, q, scope)
}

// Fresh sees to it that questions see what is not too old.
func (k *Keeper) Fresh(ctx context.Context) error {
	now := k.cfg.Now()
	k.mu.Lock()
	known := !k.asOf.IsZero()
	if known && k.cfg.MaxAge > 0 && now.Sub(k.asOf) < k.cfg.MaxAge {
		k.mu.Unlock()
		return nil
	}
	r := k.running
	if r == nil {
		r = &refresh{done: make(chan struct{})}
		k.running = r
		k.work.Go(func() { k.run(r, now) })
	}
	k.mu.Unlock()

	var enough <-chan time.Time
	if known && k.cfg.MaxAge > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-r.done:
		return r.err
	case <-enough:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run carries out a refresh. It does not end with the question that began it: others wait for it too.
func (k *Keeper) run(r *refresh, now time.Time) {
	r.err = explain(k.refresh(k.ctx, now))
	k.mu.Lock()
	if r.err == nil {
		k.asOf = now
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

// refresh computes what the segments do not say.
func (k *Keeper) refresh(ctx context.Context, now time.Time) error {
	catalogue, err := k.look(ctx, now)
	if err != nil {
		return err
	}
	if settled, _ := Plan(now, catalogue.Marks); len(settled) > 1 {
		// More than fits into memory, as after the update of an old installation: it is written first.
		if err := k.Settle(ctx); err != nil {
			return err
		}
		if catalogue, err = k.look(ctx, now); err != nil {
			return err
		}
	}
	facts, _, err := k.facts(ctx, now, catalogue.Marks)
	if err != nil {
		return err
	}
	pairs := make([]Pair, len(catalogue.Marks))
	for i, m := range catalogue.Marks {
		pairs[i] = m.Pair
	}
	return k.cfg.Files.Refresh(ctx, View{Segments: catalogue.Segments, Pairs: pairs, Facts: facts, AsOf: now})
}
