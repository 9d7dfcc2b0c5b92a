package segment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/spend"
)

const (
	// maxMends bounds how often something is tried again after files that were in its way have been set aside.
	maxMends = 4
	// verifyBytes is how much Verify reads at once: all of a year of a large organisation within some hours.
	verifyBytes = 512 << 20
)

// Damaged is a live segment whose file is not what was written.
type Damaged struct {
	Segment
	// Reason says what is wrong with it, for people.
	Reason string
	// With are the live segments that were made of it, which go with it.
	With []Segment
}

// Damage is what became of a damaged segment.
type Damage struct {
	Segment
	Reason  string
	FoundAt time.Time
	// Unknown is what of its day's cost was seen in detail and is unknown now, because the store does not keep any more what the detail was made of. Missing is what the day
	// had cost and no cluster of the store has spent. Both are 0 where all could be written again. AtMost tells that they may be less.
	Unknown, Missing cost.Nanos
	AtMost           bool
}

// Sum is what something cost, and what of it was not seen.
type Sum struct{ Cost, Unseen cost.Nanos }

// Held is what rollups say of a day whose detail is damaged.
type Held struct {
	// Known is false where they are damaged, too.
	Known bool
	Day   Sum
	// Hours has the same by hour; nil where only the day is known.
	Hours map[time.Time]Sum
}

// Loss compares what a damaged segment of lines held with the facts that the store has for its day now. Hours that are dirty were wrong in the file anyway, and have all that
// they need in the store.
func Loss(s Segment, held Held, facts []spend.Fact, dirty map[time.Time]bool) (unknown, missing cost.Nanos, atMost bool) {
	var now Sum
	rows := int64(0)
	hours := map[time.Time]Sum{}
	for _, f := range facts {
		at := f.Start.UTC()
		if !dirty[at] {
			rows++
		}
		sum := hours[at]
		sum.Cost += f.Cost
		if f.Kind == bill.KindUnknown || f.Kind == bill.KindLost {
			sum.Unseen += f.Cost
		}
		hours[at] = sum
	}
	for at, sum := range hours {
		if !dirty[at] {
			now.Cost, now.Unseen = now.Cost+sum.Cost, now.Unseen+sum.Unseen
		}
	}
	switch {
	case rows == s.Rows && now.Cost == s.Nanos: // nothing of hours that are dirty was in it
		return 0, 0, false
	case held.Hours != nil:
		for at, was := range held.Hours {
			if !dirty[at] {
				u, m := lost(was, hours[at])
				unknown, missing = unknown+u, missing+m
			}
		}
		return unknown, missing, false
	case held.Known && len(dirty) == 0:
		unknown, missing = lost(held.Day, now)
		return unknown, missing, false
	default:
		if len(dirty) == 0 {
			missing = max(0, s.Nanos-now.Cost)
		}
		unknown = max(0, min(now.Unseen, s.Nanos))
		return unknown, missing, unknown != 0
	}
}

// lost is what was seen before and is unknown now, and what was there before and is not now.
func lost(was, is Sum) (unknown, missing cost.Nanos) {
	seen := was.Cost - was.Unseen
	return min(max(0, is.Unseen-was.Unseen), max(0, seen)), max(0, was.Cost-is.Cost)
}

// mended does something, and does it again where damaged files were in its way and have been set aside.
func (k *Keeper) mended(ctx context.Context, do func(ctx context.Context) error) error {
	for range maxMends {
		k.mu.Lock()
		began := k.mends
		k.mu.Unlock()
		err := do(ctx)
		again, failure := k.heal(ctx, err, began)
		if failure != nil {
			return errors.Join(err, failure)
		}
		if !again {
			return err
		}
	}
	return do(ctx)
}

// heal takes the damaged files that an error names out of the catalogue and sets them aside. The hours that they held are dirty then: they are answered from the store, and written
// again. It returns whether what failed may succeed now. began is what mends was when that was begun.
func (k *Keeper) heal(ctx context.Context, failure error, began int) (again bool, err error) {
	var file interface{ BadFile() string }
	if failure == nil || ctx.Err() != nil || !errors.As(failure, &file) {
		return false, nil
	}
	k.healing.Lock() // what is found twice is counted once
	defer k.healing.Unlock()
	catalogue, err := k.cfg.Store.Catalogue(ctx)
	if err != nil {
		return false, err
	}
	bad, again, err := k.cfg.Files.Inspect(ctx, catalogue.Segments, failure)
	if err != nil {
		return false, fmt.Errorf("look at damaged files: %w", err)
	}
	if len(bad) == 0 {
		if again {
			k.outdated(began)
		}
		return again, nil
	}
	now := k.cfg.Now()
	var found []Damage
	var gone []Segment
	named := map[string]bool{}
	for _, d := range bad {
		one := Damage{Segment: d.Segment, Reason: d.Reason, FoundAt: now}
		if d.Table == Lines {
			if err := k.assess(ctx, now, catalogue, &one); err != nil {
				return false, err
			}
		}
		found = append(found, one)
		for _, s := range append([]Segment{d.Segment}, d.With...) {
			if !named[s.Name] {
				named[s.Name] = true
				gone = append(gone, s)
			}
		}
	}
	err = k.cfg.Store.SetAside(ctx, found, gone, now)
	if errs.Is(err, errs.Conflict) { // another server has found the same, or has written these days
		k.outdated(began)
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("take damaged files out of the catalogue: %w", err)
	}
	aside := make([]Segment, len(found))
	for i, d := range found {
		aside[i] = d.Segment
	}
	// A server that ends here leaves them where they are, and they are swept.
	err = k.cfg.Files.SetAside(aside)
	if k.cfg.Damaged != nil {
		k.cfg.Damaged(found, err)
	}
	k.mu.Lock()
	k.mends++
	k.unbuilt = true
	k.mu.Unlock()
	select {
	case k.damaged <- struct{}{}:
	default:
	}
	return true, nil
}

// assess finds out what of a damaged day cannot be written again.
func (k *Keeper) assess(ctx context.Context, now time.Time, catalogue Catalogue, d *Damage) error {
	since, err := k.cfg.Retain.Since(ctx, now, Lines)
	if err != nil {
		return err
	}
	if d.Day.Before(since) {
		return nil
	}
	pairs, err := k.cfg.Store.HoursOn(ctx, d.Day, now)
	if err != nil {
		return fmt.Errorf("look who ran on %s: %w", d.Day.Format(time.DateOnly), err)
	}
	marks := make([]Mark, len(pairs))
	for i, p := range pairs {
		marks[i].Pair = p
	}
	facts, _, failure := k.facts(ctx, now, marks)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	dirty := map[time.Time]bool{}
	for _, m := range catalogue.Marks {
		if dayOf(m.Hour).Equal(dayOf(d.Day)) {
			dirty[m.Hour.UTC()] = true
		}
	}
	d.Unknown, d.Missing, d.AtMost = Loss(d.Segment, k.cfg.Files.Held(ctx, catalogue.Segments, d.Day), facts, dirty)
	d.AtMost = d.AtMost || failure != nil
	return nil
}

// outdated sees to it that the next question does not see what was seen when something began, if nobody has done so since.
func (k *Keeper) outdated(began int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mends == began {
		k.mends++
	}
}

// Damaged is readable after files were set aside: Settle writes again what they held.
func (k *Keeper) Damaged() <-chan struct{} { return k.damaged }

// Verify looks whether files are still what was written, a part of them each time, and sets those aside that are not.
func (k *Keeper) Verify(ctx context.Context) error {
	return k.mended(ctx, func(ctx context.Context) error {
		catalogue, err := k.cfg.Store.Catalogue(ctx)
		if err != nil {
			return err
		}
		if err := k.cfg.Files.Verify(ctx, catalogue.Segments, verifyBytes); err != nil {
			return fmt.Errorf("verify segments: %w", err)
		}
		return nil
	})
}

// Use does something with what questions see, and does it again where damaged files were in its way and have been set aside.
func (k *Keeper) Use(ctx context.Context, do func(ctx context.Context) error) error {
	return k.mended(ctx, func(ctx context.Context) error {
		if err := k.Fresh(ctx); err != nil {
			return err
		}
		return do(ctx)
	})
}

// losses are the days of a window of which something was lost, as somebody may know it: how much is for those who see all.
func losses(of []Damage, q spend.Query, scope spend.Scope) (out []spend.Loss) {
	for _, d := range of {
		if !d.Day.Before(q.Until) || !d.Day.AddDate(0, 0, 1).After(q.Since) {
			continue
		}
		loss := spend.Loss{Day: d.Day.UTC(), Unknown: d.Unknown, Missing: d.Missing, AtMost: d.AtMost, Known: true}
		if !scope.All {
			loss = spend.Loss{Day: loss.Day}
		}
		out = append(out, loss)
	}
	return out
}
