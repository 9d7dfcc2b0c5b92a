package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Spending says what the money of a window went to, by kind (bill.KindWork and so on), within what the actor may see, up to the moment asOf.
type Spending interface {
	ByKind(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (kinds map[string]cost.Nanos, asOf time.Time, err error)
}

// Costs says what was metered in a window: the time of processes by their rates.
type Costs interface {
	Metered(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (cost.Nanos, error)
}

// Summary says what became of what was allocated: Allocated = Used + Idle + Overhead + Lost + Unknown, to the nano-unit.
type Summary struct {
	Currency     cost.Currency
	Since, Until time.Time
	// AsOf is up to when costs that still accrue are counted.
	AsOf time.Time
	// Allocated is the time of all machines by their rates.
	Allocated cost.Nanos
	// Used was work, with a line or without one; Idle was paid for while nothing was to do; Overhead is Dask's own.
	Used, Idle, Overhead cost.Nanos
	// Lost was not observed for a reason that is known, Unknown for none.
	Lost, Unknown cost.Nanos
}

// attempts is how often a summary is made anew where something changed between its two sides.
const attempts = 4

// Summary splits what the machines of a window cost, which is widened to whole hours. Both sides are computed on their own ways, and an answer is only given if
// they agree: what was metered, and what the breakdown of costs sums to.
func (s *Service) Summary(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (Summary, error) {
	if until.After(now) {
		until = now
	}
	if !since.Before(until) {
		return Summary{}, errs.InvalidFields(errs.Field{Name: "since", Message: "The window must start before it ends, and before now: since before until."})
	}
	since, until = since.UTC().Truncate(time.Hour), fullHour(until)
	var metered, sum cost.Nanos
	for range attempts {
		kinds, asOf, err := s.spending.ByKind(ctx, now, actor, since, until)
		if err != nil {
			return Summary{}, fmt.Errorf("break costs down: %w", err)
		}
		if metered, err = s.costs.Metered(ctx, asOf, actor, since, earlier(until, asOf)); err != nil {
			return Summary{}, fmt.Errorf("add costs up: %w", err)
		}
		out := Summary{Currency: s.currency, Since: since, Until: until, AsOf: asOf, Allocated: metered}
		if err := out.split(kinds); err != nil {
			return Summary{}, err
		}
		if sum = out.Used + out.Idle + out.Overhead + out.Lost + out.Unknown; sum == metered {
			return out, nil
		}
	}
	return Summary{}, errs.Wrap(fmt.Errorf("summary from %s to %s: the parts sum to %d, %d were metered", since, until, sum, metered), errs.Unavailable, "does_not_reconcile",
		"The parts of this window's cost do not add up to what was metered, so no figures are shown. Try again in a minute; if it stays so, the server's log has both.")
}

// split books kinds. One that is not known would be missing in the sum, so it is an error.
func (s *Summary) split(kinds map[string]cost.Nanos) error {
	for kind, amount := range kinds {
		switch kind {
		case bill.KindWork, bill.KindUnattributed:
			s.Used += amount
		case bill.KindIdle:
			s.Idle += amount
		case bill.KindOverhead:
			s.Overhead += amount
		case bill.KindLost:
			s.Lost += amount
		case bill.KindUnknown:
			s.Unknown += amount
		default:
			return fmt.Errorf("costs of the kind %q have no place in a summary", kind)
		}
	}
	return nil
}
