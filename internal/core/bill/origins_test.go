package bill_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// hour is a cluster with one worker of two threads that ran for an hour at a price of 1.2 units, so that a thread-minute costs 0.01 units.
func hour() (in bill.Input, worker cluster.Process) {
	worker = cluster.NewWorker(cl(1), card, "w-0", 1, begin)
	worker.Rate.NanosPerHour = 1_200_000_000
	worker.StartedAt, worker.EndedAt = begin, begin.Add(time.Hour)
	return bill.Input{ClusterID: "cl_test", Card: card, AsOf: begin.Add(time.Hour), Processes: []cluster.Process{worker}}, worker
}

const threadMinute = 10_000_000

func at(minutes float64) time.Time { return begin.Add(time.Duration(minutes * float64(time.Minute))) }

// window is a report of both threads of a worker, all of it in one category.
func window(p cluster.Process, epoch string, from, to float64, final bool, category string) usage.CategoryUsage {
	return usage.CategoryUsage{
		ProcessID: p.ID, Epoch: epoch, StartAt: at(from), EndAt: at(to), Final: final, Category: category, ThreadMicros: 2 * at(to).Sub(at(from)).Microseconds(),
	}
}

func TestLossesHaveNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		windows func(p cluster.Process) []usage.CategoryUsage
		live    bool
		want    map[string]float64 // thread-minutes
	}{
		"a report between two is lost": {
			func(p cluster.Process) []usage.CategoryUsage {
				return []usage.CategoryUsage{window(p, "a", 0, 10, false, "idle.no_work"), window(p, "a", 15, 60, true, "idle.no_work")}
			}, false, map[string]float64{"idle.no_work": 110, "lost.telemetry": 10},
		},
		"killed": {
			func(p cluster.Process) []usage.CategoryUsage {
				return []usage.CategoryUsage{window(p, "a", 1, 10, false, "idle.no_work")}
			}, false, map[string]float64{"idle.starting": 2, "idle.no_work": 18, "lost.worker": 100},
		},
		"has not reported yet": {
			func(p cluster.Process) []usage.CategoryUsage {
				return []usage.CategoryUsage{window(p, "a", 0, 10, false, "idle.no_work")}
			}, true, map[string]float64{"idle.no_work": 20, "unknown": 100},
		},
		"never reported": {
			func(cluster.Process) []usage.CategoryUsage { return nil }, false, map[string]float64{"unknown": 120},
		},
		"its nanny started it again": {
			func(p cluster.Process) []usage.CategoryUsage {
				return []usage.CategoryUsage{
					window(p, "a", 0, 10, false, "idle.no_work"), window(p, "b", 20, 30, true, "idle.no_work"), window(p, "c", 31, 60, true, "idle.no_work"),
				}
			}, false, map[string]float64{"idle.no_work": 98, "lost.worker": 20, "idle.starting": 2},
		},
		"reported twice, and one within the other": {
			func(p cluster.Process) []usage.CategoryUsage {
				return []usage.CategoryUsage{
					window(p, "a", 0, 30, false, "idle.no_work"), window(p, "a", 10, 20, false, "idle.no_work"), window(p, "a", 30, 60, true, "idle.no_work"),
				}
			}, false, map[string]float64{"idle.no_work": 120}, // more than was paid for: what was paid is divided over it
		},
		"windows beyond the process's life": {
			func(p cluster.Process) []usage.CategoryUsage {
				return []usage.CategoryUsage{window(p, "a", -1, 30, false, "idle.no_work"), window(p, "a", 70, 71, false, "idle.no_work")}
			}, false, nil, // clocks that differ by minutes are not understood: only the sum matters
		},
	} {
		in, worker := hour()
		if test.live {
			in.Processes[0].EndedAt = time.Time{}
		}
		in.Categories = test.windows(worker)
		b := bill.Compute(in)
		got := map[string]cost.Nanos{"unknown": b.Unknown}
		for _, k := range b.Categories {
			got[k.Name] = k.Cost
		}
		if b.Gap() != 0 || b.Total != 1_200_000_000 {
			t.Errorf("%s: the parts miss the total by %d", name, b.Gap())
		}
		if test.want == nil {
			continue
		}
		for category, minutes := range test.want {
			if want := cost.Nanos(minutes * threadMinute); got[category] != want {
				t.Errorf("%s: %s costs %d, want %d; all: %v", name, category, got[category], want, got)
			}
			delete(got, category)
		}
		delete(got, "unknown")
		if len(got) > 0 {
			t.Errorf("%s: also %v", name, got)
		}
	}
}

// work is thread-minutes of one hour's worker.
func work(p cluster.Process, submission, origin int64, part, operation string, line usage.Line, threads, native int64) usage.LineUsage {
	return usage.LineUsage{
		ProcessID: p.ID, HourAt: begin, Submission: submission, Prefix: "x", Origin: origin, Part: part, Operation: operation, Library: "pandas", Line: line,
		ThreadMicros: threads * 60_000_000, NativeMicros: native * 60_000_000,
	}
}

func TestWorkStandsOnTheLineThatCreatedIt(t *testing.T) {
	t.Parallel()
	in, worker := hour()
	leaf, compute := usage.Line{File: "job.py", Line: 7, Function: "clean"}, usage.Line{File: "job.py", Line: 9, Function: "main"}
	load, join := usage.Line{File: "job.py", Line: 3, Function: "load"}, usage.Line{File: "job.py", Line: 5}
	in.Submissions = []usage.Submission{{ID: 1, File: compute.File, Line: compute.Line, Function: compute.Function}, {ID: 2}}
	in.Origins = []usage.Origin{
		{ID: 1, File: load.File, Line: load.Line, Function: load.Function, Shared: []int64{1, 2, 9}}, {ID: 2, File: join.File, Line: join.Line}, {ID: 3},
	}
	in.Parts = []usage.Part{{Submission: 1, Name: "join-0f", Origin: 2}, {Submission: 1, Name: "lost-0f", Origin: 8}}
	in.State = usage.FoldState{RulesVersion: 4, Sampled: true}
	in.Lines = []usage.LineUsage{
		work(worker, 1, 1, "", "read.csv", usage.Line{}, 10, 5),        // no user code on the stack: stands where it was submitted
		work(worker, 1, 1, "join-0f", "join", leaf, 8, 0),              // the sub-task of a fused task has its own origin
		work(worker, 1, 1, "other-0f", "read.csv", usage.Line{}, 2, 0), // not told: the task's
		work(worker, 1, 0, "", "unknown", leaf, 4, 0),                  // only submitted
		work(worker, 1, 7, "", "unknown", leaf, 1, 0),                  // an origin that never came, or has no file
		work(worker, 1, 3, "", "unknown", leaf, 1, 0),
		work(worker, 2, 2, "", "join", usage.Line{}, 3, 0), // the client did not say which line submitted it
		work(worker, 2, 0, "", "unknown", leaf, 6, 0),      // neither: the line itself
		work(worker, 2, 0, "", "unknown", usage.Line{}, 1, 1),
	}
	b := bill.Compute(in)
	type row struct {
		Leaf, Origin usage.Line
		Operation    string
		Created      bool
		Minutes      float64
	}
	var got []row
	for _, l := range b.Lines {
		got = append(got, row{l.Line, l.Origin, l.Operation, l.Created, float64(l.Cost) / threadMinute})
		if want := l.Origin == load; (len(l.SharedWith) == 1 && l.SharedWith[0] == "job.py:5") != want {
			t.Errorf("origin %+v is shared with %v", l.Origin, l.SharedWith)
		}
	}
	want := []row{
		{compute, load, "read.csv", true, 17},
		{leaf, join, "join", true, 8},
		{leaf, leaf, "unknown", false, 6},
		{leaf, compute, "unknown", false, 6},
		{join, join, "join", true, 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	minutes := func(us int64) int64 { return us / 60_000_000 }
	if minutes(b.WorkMicros) != 42 || minutes(b.OriginMicros) != 28 || b.RulesVersion != 4 || b.Method != "sampled" {
		t.Errorf("work %d, origins %d, rules %d, method %s", minutes(b.WorkMicros), minutes(b.OriginMicros), b.RulesVersion, b.Method)
	}
	if len(b.Categories) != 1 || b.Categories[0].Name != "unattributed" || b.Categories[0].Cost != 2*threadMinute {
		t.Errorf("categories %+v", b.Categories)
	}
}

func TestReadsShareTheCostOfReading(t *testing.T) {
	t.Parallel()
	in, worker := hour()
	in.Submissions = []usage.Submission{{ID: 1, File: "job.py", Line: 9}, {ID: 2, File: "job.py", Line: 10}}
	in.Origins = []usage.Origin{{ID: 1, File: "job.py", Line: 3}, {ID: 2, File: "job.py", Line: 4}}
	in.Parts = []usage.Part{{Submission: 1, Name: "csv-0f", Origin: 1}}
	in.Lines = []usage.LineUsage{
		work(worker, 1, 2, "csv-0f", "read.csv", usage.Line{}, 5, 3),
		work(worker, 2, 1, "", "read.csv", usage.Line{}, 4, 0),
		work(worker, 1, 1, "", "groupby", usage.Line{}, 20, 0),
		work(worker, 1, 2, "", "write.parquet", usage.Line{}, 9, 0),
		work(worker, 1, 0, "", "read.json", usage.Line{}, 1, 0),
	}
	read := func(submission, origin int64, direction, format, path string, bytes, tasks int64) usage.Read {
		return usage.Read{Submission: submission, Origin: origin, Direction: direction, Format: format, Path: path, Bytes: bytes, Tasks: tasks, Files: 2, PushedDown: path == "a"}
	}
	got := bill.Reads(in, []usage.Read{
		read(1, 1, "read", "csv", "a", 300, 1), read(1, 1, "read", "csv", "b", 100, 9), // 8 thread-minutes by bytes
		read(2, 1, "read", "csv", "a", 300, 1),        // the same files once more
		read(1, 2, "write", "parquet", "out/x", 0, 2), // by tasks where bytes are not known
		read(1, 2, "write", "parquet", "out/y", 7, 1),
		read(1, 0, "read", "json", "c", 1, 0),
		read(1, 1, "read", "orc", "d", 1, 1),
	})
	type row struct {
		Path        string
		Line        int
		Minutes     float64
		Bytes       int64
		Files       int64
		Tasks       int64
		PushedDown  bool
		ThreadShare float64
	}
	var rows []row
	for _, r := range got {
		rows = append(rows, row{r.Path, r.Line.Line, float64(r.Cost) / threadMinute, r.Bytes, r.Files, r.Tasks, r.PushedDown, float64(r.ThreadMicros) / 60e6})
	}
	want := []row{
		{"a", 3, 10, 600, 2, 2, true, 7.75},
		{"out/x", 4, 6, 0, 2, 2, false, 6},
		{"out/y", 4, 3, 7, 2, 1, false, 3},
		{"b", 3, 2, 100, 2, 9, false, 1.25},
		{"c", 9, 1, 1, 2, 0, false, 1},
		{"d", 3, 0, 1, 2, 1, false, 0},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	in, worker := hour()
	in.Processes[0].EndedAt, in.Processes[0].Status = time.Time{}, cluster.StatusRunning
	in.Submissions = []usage.Submission{
		{ID: 1, At: at(5), Client: "a", File: "job.py", Line: 1},
		{ID: 2, At: at(40), Client: "a", File: "job.py", Line: 2},
		{ID: 3, At: at(41), Client: "b", File: "other.py", Line: 3},
	}
	in.Origins = []usage.Origin{{ID: 1, File: "job.py", Line: 11}}
	in.Lines = []usage.LineUsage{
		work(worker, 1, 0, "", "sort", usage.Line{}, 20, 0), work(worker, 2, 1, "", "join", usage.Line{}, 4, 0), work(worker, 2, 1, "", "groupby", usage.Line{}, 3, 2),
		work(worker, 2, 0, "", "sort", usage.Line{}, 1, 0), work(worker, 3, 0, "", "sort", usage.Line{}, 6, 0),
	}
	in.Categories = []usage.CategoryUsage{window(worker, "e", 0, 20, false, "work"), window(worker, "e", 20, 60, false, "idle.no_work"), window(worker, "e", 30, 60, false, "work")}
	r := bill.MakeReceipt(in, at(40), "a")
	if r.Cost != 400_000_000 || r.Work != bill.MakeReceipt(in, at(40), "").Work*10/16 || !r.Complete {
		t.Errorf("receipt %+v", r)
	}
	if r.IdleShare != 0.5 {
		t.Errorf("idle share %f", r.IdleShare)
	}
	if top := r.Top; top == nil || top.Line.Line != 11 || top.Operation != "groupby" || top.Share < 0.89 || top.Share > 0.91 {
		t.Errorf("top %+v", top)
	}
	if r := bill.MakeReceipt(in, at(70), "a"); r.Cost != 0 || r.Work != 0 || r.Top != nil || r.End.Before(r.Start) {
		t.Errorf("a receipt of the future: %+v", r)
	}
	if r := bill.MakeReceipt(in, at(41), "a"); r.Work != 0 || r.Top != nil {
		t.Errorf("nothing was submitted since then: %+v", r)
	}
}

func TestReceiptKnowsWhatIsMissing(t *testing.T) {
	t.Parallel()
	in, first := hour()
	second := first
	second.ID += "x"
	in.Processes = []cluster.Process{first, second}
	for i := range in.Processes {
		in.Processes[i].EndedAt, in.Processes[i].Status = time.Time{}, cluster.StatusRunning
	}
	const now = 60
	report := func(p cluster.Process, secondsAgo float64) usage.CategoryUsage {
		return window(p, "e", 0, now-secondsAgo/60, false, "work")
	}
	for name, test := range map[string]struct {
		windows []usage.CategoryUsage
		ended   bool
		want    bool
	}{
		"both just now":        {[]usage.CategoryUsage{report(first, 0.2), report(second, 1)}, false, true},
		"one before":           {[]usage.CategoryUsage{report(first, 0.2), report(second, 4)}, false, false},
		"both before":          {[]usage.CategoryUsage{report(first, 4), report(second, 4)}, false, false},
		"one never":            {[]usage.CategoryUsage{report(first, 0.2)}, false, false},
		"one never, and ended": {[]usage.CategoryUsage{report(first, 0.2)}, true, true},
		"before the work":      {[]usage.CategoryUsage{report(first, 40), report(second, 40)}, false, false},
	} {
		in := in
		in.Processes = []cluster.Process{in.Processes[0], in.Processes[1]}
		in.Categories = test.windows
		if test.ended {
			in.Processes[1].EndedAt = in.AsOf
		}
		if got := bill.MakeReceipt(in, at(now-0.5), "").Complete; got != test.want {
			t.Errorf("%s: complete is %t", name, got)
		}
	}
	for i := range in.Processes {
		in.Processes[i].EndedAt, in.Processes[i].Status = in.AsOf, cluster.StatusStopped
	}
	if !bill.MakeReceipt(in, at(30), "").Complete {
		t.Error("a cluster that has ended has nothing more to say")
	}
}

func TestTheNewestSubmissionsAreListed(t *testing.T) {
	t.Parallel()
	in, worker := hour()
	for i := range int64(bill.MaxSubmissions + 5) {
		in.Submissions = append(in.Submissions, usage.Submission{ID: i + 1, At: begin.Add(time.Duration(i/2) * time.Second)})
	}
	in.Lines = []usage.LineUsage{work(worker, bill.MaxSubmissions, 0, "", "sort", usage.Line{}, 7, 1), work(worker, 1, 0, "", "sort", usage.Line{}, 1, 0)}
	got := bill.Submissions(in, nil)
	if len(got) != bill.MaxSubmissions || got[0].ID != bill.MaxSubmissions+5 || got[1].ID != bill.MaxSubmissions+4 || got[len(got)-1].ID != 6 {
		t.Fatalf("%d submissions from %d to %d", len(got), got[0].ID, got[len(got)-1].ID)
	}
	if dear := got[5]; dear.Cost != 8*threadMinute || dear.ThreadMicros != 7*60_000_000 {
		t.Errorf("submission %d costs %d", dear.ID, dear.Cost)
	}
}
