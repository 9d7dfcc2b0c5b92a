package usage

import (
	"github.com/lineitem/lineitem/internal/core/cost"
)

// Share is the exact part of a ledger row's time that belongs to one of its samples.
type Share struct {
	// Row and Sample are indices in Ledger and Samples. Sample is -1 where the row has no sample: then the share is the whole row.
	Row, Sample int
	// ThreadMicros and NativeMicros of all shares of a row sum to the row's.
	ThreadMicros, NativeMicros int64
}

// Shares splits the time of every ledger row over the samples of the same submission, prefix and origin by their weights, by largest
// remainder. Everything that adds up the time of a batch starts from here, so that all agree to the microsecond.
func (b *Batch) Shares() []Share {
	samples := make(map[workKey][]int, len(b.Ledger))
	for i, s := range b.Samples {
		key := workKey{s.Submission, s.Prefix, s.Origin}
		samples[key] = append(samples[key], i)
	}
	out := make([]Share, 0, len(b.Samples)+len(b.Ledger))
	for i, row := range b.Ledger {
		own := samples[workKey{row.Submission, row.Prefix, row.Origin}]
		if len(own) == 0 {
			out = append(out, Share{Row: i, Sample: -1, ThreadMicros: row.ThreadMicros, NativeMicros: row.NativeMicros})
			continue
		}
		weights := make([]int64, len(own))
		for j, s := range own {
			weights[j] = b.Samples[s].WallMicros
		}
		threads, native := cost.Split(cost.Nanos(row.ThreadMicros), weights), cost.Split(cost.Nanos(row.NativeMicros), weights)
		for j, s := range own {
			out = append(out, Share{Row: i, Sample: s, ThreadMicros: int64(threads[j]), NativeMicros: int64(native[j])})
		}
	}
	return out
}

// workKey is what a ledger row is known by, and what its samples carry.
type workKey struct {
	submission int64
	prefix     int
	origin     int64
}
