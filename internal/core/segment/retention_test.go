package segment_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/segment"
)

// booksSince are books whose first open month begins then.
type booksSince time.Time

func (b booksSince) OpenSince(context.Context) (time.Time, error) { return time.Time(b), nil }

// TestRetainerKeepsOpenMonths draws retentions and books: what is kept begins with a month of UTC, reaches back as far as is configured, and as far as the books are open.
func TestRetainerKeepsOpenMonths(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		instant := func(name string) time.Time {
			return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, name), 0).In(time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "zone")*3600))
		}
		now, months := instant("now"), rapid.IntRange(0, 30).Draw(t, "months")
		retainer := segment.Retainer{Retention: segment.Retention{GPU: months}}
		open := time.Time{}
		if rapid.Bool().Draw(t, "with books") {
			open = instant("open")
			retainer.Books = booksSince(open)
		}
		since, err := retainer.Since(t.Context(), now, segment.GPU)
		if err != nil {
			t.Fatal(err)
		}
		if months == 0 {
			if !since.IsZero() {
				t.Fatalf("what is kept for ever is kept since %v", since)
			}
			return
		}
		if since.Location() != time.UTC || since.Day() != 1 || !since.Equal(since.Truncate(24*time.Hour)) {
			t.Fatalf("%v is no beginning of a month", since)
		}
		if since.After(now.AddDate(0, 0, -27*months)) || (!open.IsZero() && since.After(open)) {
			t.Fatalf("since %v is kept at %v what is kept for %d months, with books open since %v", since, now, months, open)
		}
		if configured := segment.RetainSince(now, months); !since.Equal(configured) && (open.IsZero() || open.AddDate(0, 0, -31).After(since)) {
			t.Fatalf("since %v is more than is needed, with books open since %v", since, open)
		}
		if forever, err := retainer.Since(t.Context(), now, "prices"); err != nil || !forever.IsZero() {
			t.Fatalf("prices are kept since %v, %v", forever, err)
		}
	})
}
