package cli

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/cli/clitest"
	"github.com/lineitem/lineitem/sdk"
)

// flightsBill is a bill as a server would send it.
func flightsBill(t *testing.T) sdk.Bill {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "bill.json"))
	if err != nil {
		t.Fatal(err)
	}
	var b sdk.Bill
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	if err := verifyBill(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// olderBill is a bill of a server that knows no origins.
func olderBill(b sdk.Bill) sdk.Bill {
	b.Lines = slices.Clone(b.Lines)
	for i, l := range b.Lines {
		b.Lines[i] = sdk.BillLine{
			File: l.File, Line: l.Line, Function: l.Function, Text: l.Text, CostNanos: l.CostNanos, ThreadSeconds: l.ThreadSeconds, Prefixes: l.Prefixes,
		}
	}
	b.WorkSeconds, b.OriginSeconds, b.Method = 0, 0, "sampled"
	return b
}

// gpuBill is a bill of a cluster that held GPUs, some of which nobody knows the price of.
func gpuBill(b sdk.Bill) sdk.Bill {
	const paid, unused = 2_500_000_000, 1_000_000_000
	b.Categories = append(slices.Clone(b.Categories), sdk.BillCategory{Name: "idle.gpu", CostNanos: unused})
	b.UnknownNanos += paid - unused
	b.Prices = []sdk.PriceUse{
		{Source: b.Rates.Source, CoreHourNanos: b.Rates.CoreHourNanos, GigabyteHourNanos: b.Rates.GigabyteHourNanos, Processes: 3, CostNanos: b.TotalNanos},
		{Source: "Price book: our list", GPU: "NVIDIA H200", GPUHourNanos: paid, Processes: 2, CostNanos: paid},
	}
	b.TotalNanos += paid
	b.GPUs = []sdk.GPUCost{
		{Model: "NVIDIA H200", Devices: 2, Seconds: 5400, UnpricedSeconds: 1800, CostNanos: paid, IdleCostNanos: unused},
		{Model: "NVIDIA L4", Devices: 1, Seconds: 3600, UnpricedSeconds: 3600},
	}
	return b
}

// printed is an answer in one format.
func printed(t interface{ Fatal(args ...any) }, a answer, format string) string {
	var text strings.Builder
	if err := (&output{format: format}).writeTo(&text, a); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestAnswers pins how answers look, in every format.
func TestAnswers(t *testing.T) {
	t.Parallel()
	b := flightsBill(t)
	now := time.Date(2026, 11, 19, 12, 0, 0, 0, time.UTC)
	started, ended := now.Add(-2*time.Hour), now.Add(-90*time.Minute)
	clusters := sdk.ClusterList{NextCursor: "more", Items: []sdk.Cluster{
		{
			ID: "cl_2", Name: "flights-x3k2", Owner: sdk.User{Name: "ana"}, Backend: "local", Status: "running", Target: "running",
			Options: sdk.ClusterOptions{Workers: 4, Threads: 2, MemoryBytes: 2_000_000_000}, WorkersRunning: 3, CreatedAt: started, StartedAt: &started,
			Currency: "USD", RateNanosPerHour: 365_000_000, CostNanos: 730_400_000, SchedulerAddress: "tls://127.0.0.1:4000",
			URL: "http://127.0.0.1:8470/clusters/cl_2",
		},
		{
			ID: "cl_1", Name: "first", Owner: sdk.User{Name: "ana"}, Backend: "local", Status: "failed", Target: "stopped", Reason: "The scheduler ended.",
			Options: sdk.ClusterOptions{Workers: 2, Threads: 1, MemoryBytes: 512_000_000}, CreatedAt: started.AddDate(-1, 0, 0), StartedAt: &started,
			EndedAt: &ended, Currency: "USD", CostNanos: 12_300_000,
		},
		{
			ID: "cl_0", Name: "lab-7", Owner: sdk.User{Name: "ana"}, Backend: "watched", Status: "running", Target: "running",
			Reason: "It has not reported since 2026-11-19T10:30:00Z.", Options: sdk.ClusterOptions{Workers: 3}, WorkersRunning: 3, CreatedAt: started,
			StartedAt: &started, Currency: "USD", RateNanosPerHour: 45_000_000, CostNanos: 5_000_000, Watched: true, Away: true, Deployment: "jobqueue",
			Method: "sampled", LastSeenAt: &ended, SchedulerAddress: "tcp://lab-7:8786",
		},
	}}
	processes := []sdk.Process{
		{Name: "scheduler", Status: "running", Generation: 1, Threads: 1, MemoryBytes: 1_000_000_000, RateNanosPerHour: 45_000_000, CostNanos: 90_100_000},
		{
			Name: "w-0", Status: "failed", Generation: 2, Threads: 2, MemoryBytes: 2_000_000_000, RateNanosPerHour: 90_000_000,
			CostNanos: 80_900_000, Reason: "Exit code 1.",
		},
	}
	costs := sdk.CostList{Currency: "USD", Start: now.AddDate(0, 0, -7), End: now, TotalNanos: 742_700_000, Items: []sdk.CostItem{
		{ClusterID: "cl_2", ClusterName: "flights-x3k2", Owner: "ana", Status: "running", CostNanos: 730_400_000},
		{ClusterID: "cl_1", ClusterName: "first, \"quoted\"", Owner: "ana", Status: "failed", CostNanos: 12_300_000},
	}}
	none := sdk.CostList{Currency: "USD", Start: costs.Start, End: now, Items: []sdk.CostItem{}}
	logs := sdk.LogsList{Items: []sdk.Logs{
		{ProcessID: "cl_2-scheduler-1", Name: "scheduler", Text: "started\n", Truncated: true},
		{ProcessID: "cl_2-w-0-1", Name: "w-0", Text: "a \"b\"\nc"},
	}}
	empty := sdk.Bill{ClusterID: "cl_1", Currency: "USD", Lines: []sdk.BillLine{}, Categories: []sdk.BillCategory{}, Rates: b.Rates}
	submissions := sdk.SubmissionList{Currency: "USD", Items: []sdk.Submission{
		{
			ID: 3, At: now.Add(-time.Minute), Client: "Client-1", File: "/home/ana/flights.py", Line: 75, Function: "main", Text: "flown.to_parquet(folder)", Tasks: 96,
			Levels: map[string]int64{"name": 96}, Span: []string{"etl", "load"}, Tags: map[string]string{"project": "churn", "by": "ana"},
			User: "ana", Host: "laptop", Kind: "script", Path: "/home/ana/flights.py", Commit: "c0ffee", Dirty: true, CostNanos: 1_234_567, ThreadSeconds: 61,
		},
		{ID: 2, At: now.Add(-time.Hour), Client: "Client-2", Levels: map[string]int64{}, Span: []string{}, Tags: map[string]string{}, CostNanos: 1000, ThreadSeconds: 0.1},
		{ID: 1, At: now.Add(-2 * time.Hour), Client: "Client-2", Levels: map[string]int64{}, Span: []string{}, Tags: map[string]string{}},
	}}
	reads := sdk.ReadList{Currency: "USD", Items: []sdk.Read{
		{
			Direction: "read", Path: "s3://flights/2026/*.csv.gz", Format: "csv", Engine: "c", Compression: "gzip", Files: 6, Tasks: 96, Bytes: 12_400_000_000,
			Columns: 12, ColumnsUsed: 2, OriginFile: "/home/ana/flights.py", OriginLine: 57, OriginText: "dd.read_csv(path)", CostNanos: 1_000_000, ThreadSeconds: 50,
		},
		{
			Direction: "write", Path: "/data/features", Format: "parquet", Files: 1, Tasks: 8, Columns: 4, ColumnsUsed: 4,
			OriginFile: "/home/ana/flights.py", OriginLine: 75, CostNanos: 10_000, ThreadSeconds: 0.5,
		},
		{Direction: "read", Path: "/data/x.parquet", Format: "parquet", Files: 1, Columns: 9, ColumnsUsed: 2, PushedDown: true},
	}}
	spent := sdk.CostBreakdown{
		Currency: "USD", By: []string{"cluster", "operation"}, Where: []string{"user=ana"}, Start: now.AddDate(0, 0, -7), End: now, Zone: "Europe/Oslo",
		Figures: sdk.FiguresInvoiced, MeteredTotalNanos: 700_000_000, Invoices: []sdk.InvoicedMonth{
			{Month: "2026-09", Status: "none"},
			{Month: "2026-11", Status: "running"},
			{Month: "2026-10", Status: "invoiced", TrueUpNanos: 42_700_000, Imports: []sdk.InvoiceApplied{
				{ID: "im_1", Source: "aws.csv", Groups: 3, Factors: []sdk.InvoiceFactor{{Target: "backend aws", Factor: 1.061}}},
			}},
		},
		TotalNanos: 742_700_000, AllNanos: 1_000_000_000, UnseenNanos: 5_000_000, RestNanos: 12_300_000, RestRows: 7, Clusters: 3,
		Coverage: 0.995, Prices: []sdk.PriceCovers{{Provider: "local", Priced: true, Source: "configured for this machine", Hours: 12.5}},
		AsOf: now.Add(-2 * time.Second), Notes: []string{"The file with the detail of 2026-11-02 (UTC) was damaged."}, SQL: "SELECT 1", RowsRead: 1234, Segments: 8,
		Names: map[string]string{"cl_2": "flights-x3k2"}, Rates: b.Rates, Rows: []sdk.BreakdownRow{
			{Keys: []string{"cl_2", "read.csv"}, CostNanos: 700_000_000, ThreadSeconds: 5400, CPUSeconds: 5000},
			{Keys: []string{"cl_1", ""}, CostNanos: 30_400_000, ThreadSeconds: 30},
		},
	}
	for name, a := range map[string]answer{
		"breakdown":     breakdownAnswer(spent, now),
		"bill":          billAnswer(b, originRows(b.Lines, 20)),
		"bill-lines":    billAnswer(b, lineRows(b.Lines, 20)),
		"bill-short":    billAnswer(b, originRows(b.Lines, 1)),
		"bill-older":    billAnswer(olderBill(b), originRows(olderBill(b).Lines, 20)),
		"bill-gpus":     billAnswer(gpuBill(b), originRows(b.Lines, 20)),
		"bill-file":     fileAnswer(b, "examples/flights.py", 20),
		"bill-no-file":  fileAnswer(b, "other.py", 20),
		"bill-empty":    billAnswer(empty, nil),
		"submissions":   submissionsAnswer(submissions, 2, now),
		"reads":         readsAnswer(reads),
		"nothing-read":  readsAnswer(sdk.ReadList{Currency: "USD", Items: []sdk.Read{}}),
		"nothing-asked": submissionsAnswer(sdk.SubmissionList{Currency: "USD", Items: []sdk.Submission{}}, 0, now),
		"cost":          costAnswer(b),
		"costs":         costsAnswer(costs, now),
		"costs-none":    costsAnswer(none, now),
		"clusters":      clusterListAnswer(clusters, true, now),
		"clusters-none": clusterListAnswer(sdk.ClusterList{Items: []sdk.Cluster{}}, false, now),
		"cluster":       clusterAnswer(clusters.Items[0], processes),
		"watched":       clusterAnswer(clusters.Items[2], nil),
		"logs":          logsAnswer(logs),
	} {
		clitest.Golden(t, "answer/"+name+".txt", printed(t, a, "table"))
		clitest.Golden(t, "answer/"+name+".json", printed(t, a, "json"))
		if a.header != nil { // else the command asks the server for a file
			clitest.Golden(t, "answer/"+name+".csv", printed(t, a, "csv"))
		}
	}
}

// TestBillOfNothingElse checks that the printed JSON is the wire's, field by field.
func TestBillJSONIsTheWire(t *testing.T) {
	t.Parallel()
	b := flightsBill(t)
	var back sdk.Bill
	if err := json.Unmarshal([]byte(printed(t, billAnswer(b, originRows(b.Lines, 1)), "json")), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Lines) != len(b.Lines) || verifyBill(back) != nil || back.TotalNanos != b.TotalNanos {
		t.Errorf("the printed bill differs from the one received: %+v", back)
	}
}

func TestVerifyBill(t *testing.T) {
	t.Parallel()
	b := flightsBill(t)
	b.Lines[0].CostNanos++
	err := verifyBill(b)
	if err == nil || !strings.Contains(err.Error(), "does not add up") {
		t.Errorf("a bill that is off by one nano-unit passes: %v", err)
	}
}

// TestCSVSurvives checks with a CSV reader that whatever stands in names and sources, the records come back whole and their
// money sums to the bill.
func TestCSVSurvives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := sdk.Bill{ClusterID: "cl_1", Currency: "USD", UnknownNanos: rapid.Int64Range(0, 1e12).Draw(t, "unknown")}
		b.TotalNanos = b.UnknownNanos
		for i := range rapid.IntRange(0, 8).Draw(t, "lines") {
			line := sdk.BillLine{
				File: rapid.String().Draw(t, "file"), Line: i, Text: strings.ReplaceAll(rapid.String().Draw(t, "text"), "\r", ""),
				CostNanos: rapid.Int64Range(0, 1e12).Draw(t, "cost"),
			}
			b.Lines, b.TotalNanos = append(b.Lines, line), b.TotalNanos+line.CostNanos
		}
		records, err := csv.NewReader(strings.NewReader(printed(t, billAnswer(b, originRows(b.Lines, 3)), "csv"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for i, record := range records[1:] {
			nanos, err := strconv.ParseInt(record[6], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += nanos
			if i < len(b.Lines) && record[5] != b.Lines[i].Text {
				t.Fatalf("text %q comes back as %q", b.Lines[i].Text, record[5])
			}
		}
		if sum != b.TotalNanos {
			t.Fatalf("the records sum to %d, the bill is %d", sum, b.TotalNanos)
		}
		// However odd the bill, the table has a row for the whole.
		if table := printed(t, billAnswer(b, originRows(b.Lines, 3)), "table"); !strings.Contains(table, "\nBill ") {
			t.Fatalf("no total in\n%s", table)
		}
	})
}

func TestShortNames(t *testing.T) {
	t.Parallel()
	var lines []sdk.BillLine
	for _, file := range []string{"/home/ana/a/load.py", "/home/ana/b/load.py", "/home/ana/b/plot.py", "load.py", "cell:0123456789abcdef", "/"} {
		lines = append(lines, sdk.BillLine{File: file})
	}
	got := shortNames(lines)
	for file, want := range map[string]string{
		"/home/ana/a/load.py": "a/load.py", "/home/ana/b/load.py": "b/load.py", "/home/ana/b/plot.py": "plot.py",
		"load.py": "load.py", "cell:0123456789abcdef": "cell 01234567", "/": "/",
	} {
		if got[file] != want {
			t.Errorf("%s is shown as %q, want %q", file, got[file], want)
		}
	}
}

// TestRowsHoldAllMoney checks that however a bill is laid out, no nano-unit of its lines is left out or shown twice.
func TestRowsHoldAllMoney(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var lines []sdk.BillLine
		var want int64
		for range rapid.IntRange(0, 30).Draw(t, "lines") {
			l := sdk.BillLine{
				File: "/job.py", Line: rapid.IntRange(1, 4).Draw(t, "line"), OriginFile: rapid.SampledFrom([]string{"", "/job.py", "/other.py"}).Draw(t, "origin file"),
				OriginLine: rapid.IntRange(1, 4).Draw(t, "origin"), Operation: rapid.SampledFrom([]string{"", "user", "sort"}).Draw(t, "operation"),
				CostNanos: rapid.Int64Range(0, 1e12).Draw(t, "cost"),
			}
			lines, want = append(lines, l), want+l.CostNanos
		}
		limit := rapid.IntRange(0, 5).Draw(t, "limit")
		for name, rows := range map[string][]billRow{"origins": originRows(lines, limit), "lines": lineRows(lines, limit)} {
			var sum int64
			for _, row := range rows {
				sum += row.nanos
				var inside int64
				for _, inner := range row.inside {
					inside += inner.nanos
				}
				if len(row.inside) > 0 && inside != row.nanos {
					t.Fatalf("the rows inside %s hold %d, it holds %d", row.where, inside, row.nanos)
				}
			}
			if sum != want {
				t.Fatalf("rows of %s hold %d, the lines %d", name, sum, want)
			}
			if limit > 0 && len(rows) > limit+1 {
				t.Fatalf("%d rows of %s, limit %d", len(rows), name, limit)
			}
		}
	})
}

func TestOperationWords(t *testing.T) {
	t.Parallel()
	for operation, want := range map[string]string{
		"read.csv": "parsing CSV", "read.parquet": "reading Parquet", "train.xgboost": "training XGBoost", "gpu.cudf": "GPU work: cudf", "": "other work",
		"unknown": "other work", "user": "own Python", "quantum_leap.very_new": "quantum leap very new", "read": "reading",
	} {
		if got := operationWords(operation); got != want {
			t.Errorf("%q is called %q, want %q", operation, got, want)
		}
	}
}
