package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/ledger"
)

// sides are two ways to the same money that may differ: what real ones only do when something is wrong.
type sides struct {
	kinds   map[string]cost.Nanos
	metered []cost.Nanos // one answer after the other, the last one for good
	asked   *int
	windows *[][2]time.Time
}

func (s sides) ByKind(_ context.Context, now time.Time, _ identity.Actor, _, _ time.Time) (map[string]cost.Nanos, time.Time, error) {
	return s.kinds, now.Add(-time.Second), nil
}

func (s sides) Metered(_ context.Context, _ time.Time, _ identity.Actor, since, until time.Time) (cost.Nanos, error) {
	*s.windows = append(*s.windows, [2]time.Time{since, until})
	i := min(*s.asked, len(s.metered)-1)
	*s.asked++
	return s.metered[i], nil
}

// An answer is given only where both sides agree; one that changed in between is made anew.
func TestSummaryAgreesOrRefuses(t *testing.T) {
	t.Parallel()
	all := map[string]cost.Nanos{bill.KindWork: 1, bill.KindUnattributed: 2, bill.KindIdle: 4, bill.KindOverhead: 8, bill.KindLost: 16, bill.KindUnknown: 32}
	ask := func(s sides) (ledger.Summary, error) {
		s.asked, s.windows = new(int), new([][2]time.Time)
		out, err := ledger.NewService(ledger.Config{Spending: s, Costs: s, Currency: "USD"}).
			Summary(t.Context(), begin, identity.Actor{}, begin.Add(-90*time.Minute), begin.Add(time.Hour))
		for _, w := range *s.windows { // whole hours, up to when the other side counts
			if w[0] != begin.Add(-90*time.Minute).Truncate(time.Hour) || !w[1].Equal(begin.Add(-time.Second)) {
				t.Errorf("window %v", w)
			}
		}
		return out, err
	}
	out, err := ask(sides{kinds: all, metered: []cost.Nanos{64, 62, 63}})
	if err != nil || out.Allocated != 63 || out.Used != 3 || out.Idle != 4 || out.Overhead != 8 || out.Lost != 16 || out.Unknown != 32 || out.Until != begin.Truncate(time.Hour).Add(time.Hour) {
		t.Errorf("summary: %+v, %v", out, err)
	}
	_, err = ask(sides{kinds: all, metered: []cost.Nanos{64}})
	var refused *errs.Error
	if !errors.As(err, &refused) || refused.Code != "does_not_reconcile" || strings.Contains(refused.Message, "64") {
		t.Errorf("sides that differ: %v", err)
	}
	all["gratis"] = 1
	if out, err := ask(sides{kinds: all, metered: []cost.Nanos{64}}); err == nil || errs.KindOf(err) != errs.Internal {
		t.Errorf("a kind that has no place: %+v, %v", out, err)
	}
}
