package segment_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// question is asked where only what it looks at matters.
func question(w *world) spend.Query {
	return spend.Query{By: []spend.Dimension{"day"}, Since: begin.AddDate(0, 0, -1), Until: w.now.Add(24 * time.Hour), Zone: time.UTC, Limit: 100}
}

// TestSegmentsFollowTheStore lets anything happen to clusters, in any order, with reports that come late, twice or before what they name. At any moment, what
// segments and the delta say together is what the bills say, fact by fact: nothing that changes a figure forgets to mark it.
func TestSegmentsFollowTheStore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, storetest.Open(t, store.SQLite))
		files := newMemory()
		keeper := segment.NewKeeper(t.Context(), segment.Config{Store: w.db, Bills: w, Folder: w, Files: files, Now: w.clock})
		steps := w.steps(t)
		steps["settle"] = func(rt *rapid.T) {
			if err := keeper.Settle(t.Context()); err != nil {
				rt.Fatal(err)
			}
		}
		steps["settle too"] = steps["settle"]
		steps[""] = func(rt *rapid.T) {
			if _, err := keeper.Answer(t.Context(), question(w), spend.Everything); err != nil {
				rt.Fatal(err)
			}
			want, err := w.truth(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			wantSame(rt, "segments and delta", files.seen(), want)
		}
		rt.Repeat(steps)
	})
}
