package bill

import (
	"cmp"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
)

const (
	// flushSpread is how far apart the reports of workers lie that were asked for at one moment.
	flushSpread = 1500 * time.Millisecond
	// flushAge is how old the newest of them may be when the asker comes for its receipt: it had to travel.
	flushAge = 3 * time.Second
)

// Receipt is what a client's work since a moment cost.
type Receipt struct {
	Card       cost.Card
	Start, End time.Time
	// Cost is that of the whole cluster in [Start, End).
	Cost cost.Nanos
	// Work is the part of it on the submissions that the client made since Start.
	Work cost.Nanos
	// Top is the dearest origin among them, nil if there is none.
	Top *ReceiptLine
	// IdleShare is the share (0 to 1) of the workers' observed thread-time that was idle.
	IdleShare float64
	// Complete is false while reports of that time are missing.
	Complete bool
}

// ReceiptLine is the dearest line of a receipt.
type ReceiptLine struct {
	usage.Line
	Text string
	// Operation is what most of it was.
	Operation string
	Cost      cost.Nanos
	// Share is its share (0 to 1) of the work.
	Share float64
}

// MakeReceipt makes the receipt of the client's submissions since a moment, of all clients' if client is empty.
func MakeReceipt(in Input, since time.Time, client string) Receipt {
	since = earlier(since, in.AsOf)
	r := Receipt{Card: in.Card, Start: since, End: in.AsOf}
	for _, p := range in.Processes {
		r.Cost += p.Cost(in.AsOf) - p.Cost(since) // both counted from the start, so windows side by side sum exactly
	}
	mine := map[int64]bool{}
	for _, s := range in.Submissions {
		if !s.At.Before(since) && (client == "" || s.Client == client) {
			mine[s.ID] = true
		}
	}
	r.addWork(in, mine)
	r.IdleShare = idleShare(in.Categories, since, in.AsOf)
	r.Complete = complete(in, since)
	return r
}

// topSum adds up one origin.
type topSum struct {
	cost       cost.Nanos
	micros     int64
	operations map[string]int64
}

// addWork finds the work of the submissions and its dearest origin.
func (r *Receipt) addWork(in Input, mine map[int64]bool) {
	places := newPlaces(in)
	sums := map[usage.Line]*topSum{}
	all := int64(0)
	for _, w := range allocate(in).work {
		if !mine[w.Submission] {
			continue
		}
		r.Work += w.cost
		all += weight(w.LineUsage)
		at, ok := places.of(w.LineUsage)
		if !ok {
			continue
		}
		sum, ok := sums[at.origin]
		if !ok {
			sum = &topSum{operations: map[string]int64{}}
			sums[at.origin] = sum
		}
		sum.cost += w.cost
		sum.micros += weight(w.LineUsage)
		sum.operations[w.Operation] += weight(w.LineUsage)
	}
	var top *topSum
	for line, sum := range sums {
		if top != nil && cmp.Or(cmp.Compare(sum.cost, top.cost), cmp.Compare(sum.micros, top.micros), compareLine(r.Top.Line, line)) < 0 {
			continue
		}
		top = sum
		r.Top = &ReceiptLine{Line: line, Cost: sum.cost, Operation: most(sum.operations), Share: float64(sum.micros) / float64(max(all, 1))}
		if r.Work > 0 {
			r.Top.Share = float64(sum.cost) / float64(r.Work)
		}
	}
}

// most returns the name with the largest number; of equal ones the first by name.
func most(numbers map[string]int64) string {
	best := ""
	for name, n := range numbers {
		if best == "" || n > numbers[best] || (n == numbers[best] && name < best) {
			best = name
		}
	}
	return best
}

// idleShare clips the windows to [since, until) and returns how much of their time was idle; 0 if nothing was observed.
func idleShare(windows []usage.CategoryUsage, since, until time.Time) float64 {
	var idle, all float64
	for _, w := range windows {
		width := w.EndAt.Sub(w.StartAt)
		inside := earlier(w.EndAt, until).Sub(later(w.StartAt, since))
		if width <= 0 || inside <= 0 {
			continue
		}
		micros := float64(w.ThreadMicros) * (float64(inside) / float64(width))
		all += micros
		if strings.HasPrefix(w.Category, usage.CategoryIdlePrefix) {
			idle += micros
		}
	}
	if all == 0 {
		return 0
	}
	return idle / all
}

// complete reports whether all reports of the time since a moment are there. The server is not told when a client asked its workers to report
// (lineitem_flush), but it shows: they report together, after that moment, and just now.
func complete(in Input, since time.Time) bool {
	last := map[cluster.ProcessID]time.Time{}
	var newest time.Time
	for _, w := range in.Categories {
		last[w.ProcessID] = later(last[w.ProcessID], w.EndAt)
		newest = later(newest, w.EndAt)
	}
	live := 0
	for _, p := range in.Processes {
		if p.Role != cluster.RoleWorker || !p.EndedAt.IsZero() || p.Status != cluster.StatusRunning {
			continue // its last word has been said, or it has not begun
		}
		live++
		if at := last[p.ID]; at.Before(since) || newest.Sub(at) > flushSpread {
			return false
		}
	}
	return live == 0 || in.AsOf.Sub(newest) <= flushAge
}
