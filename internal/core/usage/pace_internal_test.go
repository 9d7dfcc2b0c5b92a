package usage

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestPaceFindsTheSize lets transactions take as long as their batches do, on machines from fast to drowning: after a while they are short, or as small as they get.
func TestPaceFindsTheSize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		each := time.Duration(rapid.Int64Range(int64(time.Microsecond), int64(5*time.Millisecond)).Draw(t, "each"))
		var now time.Time
		p := pace{now: func() time.Time { return now }}
		for range 60 {
			batches := p.size()
			if batches < leastAtOnce || batches > mostAtOnce {
				t.Fatalf("%d batches at once", batches)
			}
			done := p.step(batches)
			now = now.Add(time.Duration(batches) * each)
			done()
		}
		took := time.Duration(p.size()) * each
		if took > longFold+longFold/4 && p.size() > leastAtOnce {
			t.Fatalf("transactions of %d batches take %s", p.size(), took)
		}
		if took < shortFold/2 && p.size() < mostAtOnce {
			t.Fatalf("transactions of %d batches take only %s", p.size(), took)
		}
	})
}

func TestPaceWithoutAClock(t *testing.T) {
	t.Parallel()
	var p pace
	p.step(3)()
	if p.size() != foldAtOnce {
		t.Errorf("%d batches at once, want %d", p.size(), foldAtOnce)
	}
	if got := nextSize(100, 3, time.Millisecond); got != 100 {
		t.Errorf("a short transaction that was not full makes the next one %d", got)
	}
}
