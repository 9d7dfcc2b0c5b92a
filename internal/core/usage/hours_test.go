package usage_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/core/usage/usagetest"
)

// TestTimeStaysInItsHour moves windows to about a full hour: what is folded of them is of one hour each, and conserves time in each.
func TestTimeStaysInItsHour(t *testing.T) {
	t.Parallel()
	const hour = int64(time.Hour / time.Microsecond)
	rapid.Check(t, func(t *rapid.T) {
		b := usagetest.WorkerBatch(clusterID).Draw(t, "batch")
		length := b.T1Micros - b.T0Micros
		b.T0Micros = b.T0Micros/hour*hour + hour - rapid.Int64Range(0, length+1).Draw(t, "before the hour")
		b.T1Micros = b.T0Micros + length
		if err := b.Validate(clusterID); err != nil {
			t.Fatalf("moved batch is invalid: %v", err)
		}
		folded := usage.Fold(clusterID, b, usage.Unclassified{})

		capacity, time, work, finals := map[int64]int64{}, map[int64]int64{}, map[int64]int64{}, map[int64]bool{}
		for at := b.T0Micros / hour; at <= (b.T1Micros-1)/hour; at++ {
			capacity[at] = b.Threads * (min(b.T1Micros, (at+1)*hour) - max(b.T0Micros, at*hour))
		}
		for _, c := range folded.Categories {
			at := c.StartAt.UnixMicro() / hour
			if end := c.EndAt.UnixMicro(); end > (at+1)*hour {
				t.Fatalf("window %+v reaches over its hour", c)
			}
			time[at] += c.ThreadMicros
			if c.Category == usage.CategoryWork {
				work[at] += c.ThreadMicros
			}
			if c.Final {
				finals[at] = true
			}
		}
		for at, want := range capacity {
			if time[at] != want {
				t.Fatalf("hour %d holds %d us, its part of the window %d", at, time[at], want)
			}
			if last := (b.T1Micros - 1) / hour; finals[at] != (b.Final && at == last) {
				t.Fatalf("hour %d is final: %v; the batch: %v, last hour %d", at, finals[at], b.Final, last)
			}
		}
		for _, l := range folded.Lines {
			if l.ThreadMicros < 0 || l.NativeMicros < 0 || l.CPUMicros > l.ThreadMicros {
				t.Fatalf("line %+v has negative time or more CPU than thread-time", l)
			}
			work[l.HourAt.UnixMicro()/hour] -= l.ThreadMicros + l.NativeMicros
		}
		for at, left := range work {
			if left != 0 {
				t.Fatalf("hour %d: lines miss the category work by %d us", at, left)
			}
		}
	})
}
