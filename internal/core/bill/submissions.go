package bill

import (
	"cmp"
	"slices"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// MaxSubmissions is how many submissions are listed, the newest. A loop of submit() makes many.
const MaxSubmissions = 1000

// SubmissionCost is one call that sent work, who made it, and what the work cost.
type SubmissionCost struct {
	usage.Submission
	// Session is what the client said of itself; empty if it said nothing.
	Session      usage.Session
	Cost         cost.Nanos
	ThreadMicros int64
}

// Submissions says what the submissions of a cluster cost: the newest first, at most MaxSubmissions.
func Submissions(in Input, sessions []usage.Session) []SubmissionCost {
	type sum struct {
		cost   cost.Nanos
		micros int64
	}
	sums := map[int64]sum{}
	for _, w := range allocate(in).work {
		s := sums[w.Submission]
		sums[w.Submission] = sum{s.cost + w.cost, s.micros + w.ThreadMicros}
	}
	clients := make(map[string]usage.Session, len(sessions))
	for _, s := range sessions {
		clients[s.Client] = s
	}
	newest := slices.SortedFunc(slices.Values(in.Submissions), func(a, b usage.Submission) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID))
	})
	newest = newest[:min(len(newest), MaxSubmissions)]
	out := make([]SubmissionCost, len(newest))
	for i, s := range newest {
		out[i] = SubmissionCost{Submission: s, Session: clients[s.Client], Cost: sums[s.ID].cost, ThreadMicros: sums[s.ID].micros}
	}
	return out
}
