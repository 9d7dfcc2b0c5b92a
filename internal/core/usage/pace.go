package usage

import (
	"sync/atomic"
	"time"
)

// Bounds of a transaction that folds. On SQLite all that is appended meanwhile waits for it, and so do the agents whose reports that is: it should be short, however
// busy the machine. It should also not be smaller than that needs, as each has a price of its own.
const (
	foldAtOnce, leastAtOnce, mostAtOnce = 50, 25, 200
	longFold, shortFold                 = 20 * time.Millisecond, 8 * time.Millisecond
)

// pace finds how many batches to fold in one transaction.
type pace struct {
	// now is nil where transactions are of one size.
	now    func() time.Time
	atOnce atomic.Int64 // 0 before the first
}

func (p *pace) size() int {
	if n := p.atOnce.Load(); n > 0 {
		return int(n)
	}
	return foldAtOnce
}

// step begins a transaction of so many batches; what it returns ends it.
func (p *pace) step(batches int) (done func()) {
	if p.now == nil {
		return func() {}
	}
	start := p.now()
	return func() { p.atOnce.Store(int64(nextSize(p.size(), batches, p.now().Sub(start)))) }
}

// nextSize is the size of the next transaction, after one of so many batches took so long: half where that was too long, a quarter more where it was short and
// full.
func nextSize(size, batches int, took time.Duration) int {
	switch {
	case took > longFold:
		return max(min(size, batches)/2, leastAtOnce)
	case took < shortFold && batches >= size:
		return min(size+(size+3)/4, mostAtOnce)
	default:
		return size
	}
}
