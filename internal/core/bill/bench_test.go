package bill_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// BenchmarkCompute makes the bill of 50 workers over 8 hours, with 200 different kinds of work each hour and a report every five seconds.
func BenchmarkCompute(b *testing.B) {
	const workers, hours, kinds = 50, 8, 200
	in := bill.Input{ClusterID: "cl_test", Card: card, AsOf: begin.Add(hours * time.Hour)}
	for w := range workers {
		p := cluster.NewWorker(cl(workers), card, cluster.WorkerName(w), 1, begin)
		p.StartedAt = begin
		in.Processes = append(in.Processes, p)
		for hour := range hours {
			for kind := range kinds {
				in.Lines = append(in.Lines, usage.LineUsage{
					ProcessID: p.ID, HourAt: begin.Add(time.Duration(hour) * time.Hour), Submission: int64(kind % 20), Prefix: fmt.Sprint("p", kind%10), Origin: int64(kind % 7),
					Part: fmt.Sprint("part-", kind%30), Line: usage.Line{File: "job.py", Line: kind % 50}, Operation: fmt.Sprint("o", kind%5), ThreadMicros: int64(kind) * 1000,
				})
			}
		}
		for i := range hours * 720 {
			at := begin.Add(time.Duration(i) * 5 * time.Second)
			for _, category := range []string{usage.CategoryWork, "idle.no_work"} {
				in.Categories = append(in.Categories, usage.CategoryUsage{
					ProcessID: p.ID, Epoch: "e", StartAt: at, EndAt: at.Add(5 * time.Second), Category: category, ThreadMicros: 5_000_000,
				})
			}
		}
	}
	for i := range int64(7) {
		in.Origins = append(in.Origins, usage.Origin{ID: i + 1, File: "job.py", Line: int(i)})
	}
	for b.Loop() {
		if bill.Compute(in).Gap() != 0 {
			b.Fatal("the parts miss the total")
		}
	}
	b.ReportMetric(float64(len(in.Lines)), "lines")
	b.ReportMetric(float64(len(in.Categories)), "windows")
}
