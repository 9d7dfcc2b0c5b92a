package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/profile"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
)

// busyBatch is a worker's report with 40 samples of 24 recorded stacks.
func busyBatch(b testing.TB) usage.Batch {
	b.Helper()
	text, err := os.ReadFile("../core/profile/testdata/recorded.txt")
	must(b, err)
	batch := usage.Batch{
		Version: 1, Kind: usage.KindWorker, Epoch: "e", Threads: 2, T0Micros: noon.UnixMicro(), T1Micros: noon.UnixMicro() + 10_000_000, Strings: []string{"read-csv"},
		Software: &usage.Software{Environment: strings.Repeat("0a", 32)},
		Res:      &usage.Resources{RSSBytes: 1 << 30, CPUMicros: 5_000_000, ManagedBytes: 1 << 29},
	}
	files, functions, frames := map[string]int{}, map[string]int{}, map[string]int{}
	index := func(of map[string]int, key string, add func()) int {
		i, ok := of[key]
		if !ok {
			i = len(of)
			of[key] = i
			add()
		}
		return i
	}
	var stack []int
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(batch.Stacks) == 24:
		case len(fields) > 1 && fields[0] == "=":
			batch.Stacks = append(batch.Stacks, stack)
			stack = nil
		case len(fields) == 3 && len(fields[0]) == 1:
			file := index(files, fields[1], func() { batch.Files = append(batch.Files, usage.File{Path: fields[1], Class: fields[0]}) })
			function := 1 + index(functions, fields[2], func() { batch.Strings = append(batch.Strings, fields[2]) })
			stack = append(stack, index(frames, fields[1]+fields[2], func() {
				batch.Frames = append(batch.Frames, usage.Frame{File: file, Function: function, Line: 7})
			}))
		}
	}
	for i := range int64(6) {
		batch.Ledger = append(batch.Ledger, usage.LedgerRow{Submission: i % 2, Origin: i, SlotMicros: 3_000_000, ThreadMicros: 2_900_000})
	}
	for i := range 40 {
		row := batch.Ledger[i%6]
		batch.Samples = append(batch.Samples, usage.SampleRow{Submission: row.Submission, Origin: row.Origin, Stack: i % len(batch.Stacks), WallMicros: 50_000})
	}
	batch.Idle = map[string]int64{"no_work": 2_000_000}
	return batch
}

// BenchmarkFolder folds the reports of 50 workers, 50 in a transaction, with more and more of what is made of them. Decoding is left out.
func BenchmarkFolder(b *testing.B) {
	const workers = 50
	rules := profile.NewBatches(profile.Default())
	for _, variant := range []struct {
		name  string
		rules usage.Classifier
		sinks func(db *store.DB) []usage.Sink
	}{
		{"lines", usage.Unclassified{}, func(*store.DB) []usage.Sink { return nil }},
		{"operations", rules, func(*store.DB) []usage.Sink { return nil }},
		{"operations,software,resources", rules, func(db *store.DB) []usage.Sink {
			return []usage.Sink{inventory.NewSink(db, rules), resource.NewSink(db, db, price.NewCurrent(db, optionsCard))}
		}},
	} {
		b.Run(variant.name, func(b *testing.B) {
			db := benchStore(b, store.SQLite)
			c := newCluster(b, db)
			for i := range workers {
				p := fullProcess(c.ID, cluster.RoleWorker, fmt.Sprintf("w-%d", i), 1)
				p.EndedAt = time.Time{}
				must(b, db.CreateProcess(b.Context(), p))
			}
			report := busyBatch(b)
			decode := func(payload []byte) (*usage.Batch, error) {
				var who struct {
					Process cluster.ProcessID
					Seq     int64
				}
				if err := json.Unmarshal(payload, &who); err != nil {
					return nil, err
				}
				batch := report
				batch.Process, batch.Seq = who.Process, who.Seq
				width := batch.T1Micros - batch.T0Micros
				batch.T0Micros += who.Seq * width
				batch.T1Micros += who.Seq * width
				return &batch, nil
			}
			folder := usage.NewFolder(db, db, db.Relaxed(), decode, variant.rules, func(_ usage.RawBatch, err error) { b.Error(err) }, variant.sinks(db)...)
			var seq int64
			for b.Loop() {
				b.StopTimer()
				batches := make([]usage.RawBatch, workers)
				for i := range batches {
					process := fmt.Sprintf("%s-w-%d-1", c.ID, i)
					batches[i] = newBatch(c.ID, process, seq)
					batches[i].ProcessID = cluster.ProcessID(process)
					batches[i].Payload = fmt.Appendf(nil, `{"Process":%q,"Seq":%d}`, process, seq)
				}
				seq++
				_, err := db.AppendBatches(b.Context(), batches)
				must(b, err)
				b.StartTimer()
				must(b, folder.FoldAll(b.Context(), c.ID))
			}
			b.ReportMetric(float64(seq*workers)/b.Elapsed().Seconds(), "batches/s")
		})
	}
}
