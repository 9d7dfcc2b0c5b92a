package usage

import (
	"maps"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// byHour cuts the window of a worker's batch at full hours. Money is divided within hours, so no time of one may stand in another. The pieces
// have the batch's tables in common; their times sum to the batch's, and those of each piece to its part of the window, to the microsecond.
// Tasks that ended count in the last piece, the only one that is final if the batch is.
func (b *Batch) byHour() []*Batch {
	var pieces []*Batch
	rest := b
	for {
		next := time.UnixMicro(rest.T0Micros).UTC().Truncate(time.Hour).Add(time.Hour).UnixMicro()
		if next >= rest.T1Micros {
			return append(pieces, rest)
		}
		var piece *Batch
		piece, rest = rest.cut(next)
		pieces = append(pieces, piece)
	}
}

// cut divides the time of a window at a moment within it: in proportion, by largest remainder over all that its time went to.
func (b *Batch) cut(at int64) (before, after *Batch) {
	first, second := *b, *b
	first.T1Micros, first.Final, second.T0Micros = at, false, at
	first.Ledger, second.Ledger = slices.Clone(b.Ledger), slices.Clone(b.Ledger)
	first.Samples, second.Samples = slices.Clone(b.Samples), slices.Clone(b.Samples)
	first.Idle, second.Idle = map[string]int64{}, map[string]int64{}

	// What adds up to the capacity: of each row the thread-time, the overhead and the native time, then idle time by reason.
	reasons := slices.Sorted(maps.Keys(b.Idle))
	amounts := make([]int64, 0, 3*len(b.Ledger)+len(reasons))
	for _, row := range b.Ledger {
		amounts = append(amounts, row.ThreadMicros, row.SlotMicros-row.ThreadMicros, row.NativeMicros)
	}
	for _, reason := range reasons {
		amounts = append(amounts, b.Idle[reason])
	}
	total := int64(0)
	for _, us := range amounts {
		total += us
	}
	length, whole := at-b.T0Micros, b.T1Micros-b.T0Micros
	share := cost.Split(cost.Nanos(total), []int64{length, whole - length})
	parts := cost.Split(share[0], amounts)
	for i := range b.Ledger {
		thread, overhead, native := int64(parts[3*i]), int64(parts[3*i+1]), int64(parts[3*i+2])
		one, two := &first.Ledger[i], &second.Ledger[i]
		one.ThreadMicros, one.SlotMicros, one.NativeMicros, one.Done, one.Failed = thread, thread+overhead, native, 0, 0
		two.ThreadMicros, two.SlotMicros, two.NativeMicros = two.ThreadMicros-thread, two.SlotMicros-thread-overhead, two.NativeMicros-native
	}
	for i, reason := range reasons {
		us := int64(parts[3*len(b.Ledger)+i])
		first.Idle[reason], second.Idle[reason] = us, b.Idle[reason]-us
	}
	for i, s := range b.Samples {
		cpu := int64(cost.Split(cost.Nanos(s.CPUMicros), []int64{length, whole - length})[0])
		first.Samples[i].CPUMicros, second.Samples[i].CPUMicros = cpu, s.CPUMicros-cpu
	}
	return &first, &second
}
