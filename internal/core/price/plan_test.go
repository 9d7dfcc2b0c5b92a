package price_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/price"
)

// apply does to entries what a store does.
func apply(entries []price.Entry, change price.Change) []price.Entry {
	out := slices.Clone(entries)
	for _, ending := range change.Ended {
		i := slices.IndexFunc(out, func(e price.Entry) bool { return e.ID == ending.Entry.ID })
		out[i].ValidTo = ending.At
	}
	for _, e := range change.Added {
		e.ID = fmt.Sprintf("p%d", len(out))
		out = append(out, e)
	}
	return out
}

// priced says what the entries of a key say at a moment; more than one in force is a failure.
func priced(t *rapid.T, entries []price.Entry, k price.Key, at time.Time) string {
	found := ""
	for _, e := range entries {
		if e.Key != k || !e.InForce(at) {
			continue
		}
		if found != "" {
			t.Fatalf("two prices of %s are in force at %s", k, at)
		}
		found = fmt.Sprint(e.NanosPerHour)
	}
	return found
}

func days(n int) time.Time { return noon.AddDate(0, 0, n) }

// Whatever is imported in whatever order: at most one price is in force, imported rows hold, the past keeps its prices, and the same list again
// changes nothing.
func TestImportsKeepTheBookSound(t *testing.T) {
	t.Parallel()
	keys := []price.Key{entry("aws", "", price.Instance, "a", 0).Key, entry("aws", "", price.Instance, "b", 0).Key}
	rapid.Check(t, func(t *rapid.T) {
		var book []price.Entry
		for day := range rapid.IntRange(1, 6).Draw(t, "imports") {
			now := days(4 * day)
			rows := make([]price.Row, rapid.IntRange(0, 5).Draw(t, "rows"))
			for i := range rows {
				e := entry("aws", "", price.Instance, "", cost.Nanos(rapid.IntRange(1, 3).Draw(t, "price")))
				e.Key = rapid.SampledFrom(keys).Draw(t, "key")
				from := rapid.IntRange(-4, 30).Draw(t, "from")
				e.ValidFrom = days(from)
				if rapid.Bool().Draw(t, "ends") {
					e.ValidTo = days(from + rapid.IntRange(1, 9).Draw(t, "length"))
				}
				rows[i] = price.Row{Entry: e, Line: i + 2}
			}
			change, err := price.Plan(book, slices.Clone(rows), now)
			if err != nil {
				if !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "Nothing was imported") {
					t.Fatalf("refused with %v", err)
				}
				continue
			}
			after := apply(book, change)
			for at := -5; at < 45; at++ {
				for _, k := range keys {
					was, is := priced(t, book, k, days(at)), priced(t, after, k, days(at))
					if days(at).Before(now) && was != "" && was != is {
						t.Fatalf("day %d of %s cost %s before and %s after an import on day %d", at, k, was, is, 4*day)
					}
				}
			}
			for _, r := range rows {
				if got := priced(t, after, r.Key, r.ValidFrom); got != fmt.Sprint(r.NanosPerHour) {
					t.Fatalf("%s costs %q from %s on, the list says %d", r.Key, got, r.ValidFrom, r.NanosPerHour)
				}
				if last := r.ValidTo.Add(-time.Nanosecond); !r.ValidTo.IsZero() && priced(t, after, r.Key, last) != fmt.Sprint(r.NanosPerHour) {
					t.Fatalf("%s does not cost %d until %s", r.Key, r.NanosPerHour, r.ValidTo)
				}
			}
			again, err := price.Plan(after, slices.Clone(rows), now)
			if err != nil || len(again.Added)+len(again.Ended) != 0 || again.Unchanged != len(rows) {
				t.Fatalf("the same list again: %+v, %v", again, err)
			}
			book = after
		}
	})
}

func TestWhatAnImportRefuses(t *testing.T) {
	t.Parallel()
	known := entry("aws", "", price.Instance, "a", 1)
	known.ValidFrom = days(-10)
	later := entry("aws", "", price.Instance, "a", 5)
	later.ID, later.ValidFrom = "later", days(20)
	known.ValidTo = days(20)
	row := func(line int, nanos cost.Nanos, from, to time.Time) price.Row {
		e := known
		e.ID, e.NanosPerHour, e.ValidFrom, e.ValidTo = "", nanos, from, to
		return price.Row{Entry: e, Line: line}
	}
	for want, rows := range map[string][]price.Row{
		"Lines 2 and 3 both price":     {row(2, 1, days(1), time.Time{}), row(3, 2, days(1), time.Time{})},
		"Lines 4 and 5 both price":     {row(4, 1, days(1), days(9)), row(5, 2, days(5), time.Time{})},
		"would change the past":        {row(2, 2, days(-1), time.Time{})},
		"entry later has another":      {row(2, 2, days(1), days(30))},
		"ends entry aws//instance/a, ": {row(7, 1, days(-10), days(-5))},
	} {
		change, err := price.Plan([]price.Entry{known, later}, rows, noon)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Nothing was imported") {
			t.Errorf("want %q, got %v, %+v", want, err, change)
		}
	}
	// A price that is to come may be withdrawn before it comes.
	change, err := price.Plan([]price.Entry{known, later}, []price.Row{row(2, 6, days(20), time.Time{})}, noon)
	if err != nil || len(change.Ended) != 1 || !change.Ended[0].At.Equal(days(20)) || len(change.Added) != 1 {
		t.Errorf("%+v, %v", change, err)
	}
}
