package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// TestOriginsReadsAndReceipts posts what agents say of ten seconds of two threads, and asks every question about it over the API.
func TestOriginsReadsAndReceipts(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ctx := t.Context()
	began := s.Clock.Now()
	answer := announce(t, s.User, "Scheduler-1")
	o, id := newObserver(s, answer), answer.Cluster.ID
	worker := id + "-w-0123abcd"
	s.Clock.Advance(10 * time.Second)
	now := s.Clock.Now()
	environment := strings.Repeat("0f", 32)
	_, rejected := o.post(t, schedulerBatch(answer.Process, began, now, map[string]any{
		"workers": []any{map[string]any{"process": worker, "name": "w", "nthreads": 2, "memory_bytes": int64(2e9), "started_us": began.UnixMicro()}},
		"submissions": []any{map[string]any{
			"id": 1, "at_us": began.Add(time.Second).UnixMicro(), "client": "Client-a", "file": "/home/ana/job.py", "line": 9, "function": "main", "text": "df.compute()",
			"tasks": 12, "tags": map[string]string{"project": "churn"}, "span": []string{"etl"}, "levels": map[string]int64{"name": 11, "none": 1},
		}},
		"sessions": []any{map[string]any{
			"client": "Client-a", "user": "ana", "host": "laptop", "kind": "script", "path": "/home/ana/job.py", "commit": "c0ffee", "dirty": true, "environment": environment,
		}},
		"origins": []any{
			map[string]any{"id": 1, "file": "/home/ana/job.py", "line": 3, "function": "load", "text": "df = dd.read_csv(path)", "shared": []int64{2}},
			map[string]any{"id": 2, "file": "/home/ana/job.py", "line": 5, "function": "load", "text": "again = dd.read_csv(path)"},
		},
		"parts": []any{[]any{1, "read_csv-0f1e2d3c4b5a69788796a5b4c3d2e1f0", 1}},
		"reads": []any{map[string]any{
			"submission": 1, "prefix": "fused", "origin": 1, "direction": "read", "format": "csv", "path": "/data/*.csv", "files": 6, "tasks": 12, "bytes": 1000,
			"columns": 12, "columns_used": 2,
		}},
	}), map[string]any{
		"kind": "worker", "process": worker, "t0_us": began.UnixMicro(), "t1_us": now.UnixMicro(), "nthreads": 2,
		"strings": []string{"fused", "read_csv", "read_csv-0f1e2d3c4b5a69788796a5b4c3d2e1f0", "clean"},
		"files":   []any{[]any{"/venv/lib/python3.11/site-packages/pandas/io/parsers/readers.py", "p"}, []any{"/home/ana/job.py", "u"}},
		"frames":  []any{[]any{0, 1, 900}, []any{1, 3, 20}},
		"stacks":  []any{[]int{0}, []int{1}},
		"ledger":  []any{[]any{1, 0, 9_000_000, 8_000_000, 12, 0, 0, 2_000_000}},
		"samples": []any{[]any{1, 0, 0, 3, 3, 0, 3}, []any{1, 0, 1, 1, 0, 0, 0}},
		"idle":    map[string]int64{"no_work": 9_000_000},
	})
	if len(rejected) > 0 {
		t.Fatalf("rejected: %v", rejected)
	}

	bill, err := s.User.Bill(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	const perSecond = 12_500 // of a thread: a worker of two cores and 2 GB costs 0.09 an hour
	want := []sdk.BillLine{
		{
			File: "/home/ana/job.py", Line: 9, Function: "main", Text: "df.compute()", CostNanos: 7.5 * perSecond, ThreadSeconds: 6, CPUSeconds: 3e-6, NativeSeconds: 1.5,
			OriginFile: "/home/ana/job.py", OriginLine: 3, OriginFunction: "load", OriginText: "df = dd.read_csv(path)", OriginLevel: "created",
			SharedWith: []string{"/home/ana/job.py:5"}, Operation: "read.csv", Library: "pandas",
			Prefixes: []sdk.BillPrefix{{Prefix: "fused", CostNanos: 7.5 * perSecond, ThreadSeconds: 6}},
		},
		{
			File: "/home/ana/job.py", Line: 20, Function: "clean", CostNanos: 2.5 * perSecond, ThreadSeconds: 2, NativeSeconds: 0.5,
			OriginFile: "/home/ana/job.py", OriginLine: 9, OriginFunction: "main", OriginText: "df.compute()", OriginLevel: "submitted",
			Operation: "user", Prefixes: []sdk.BillPrefix{{Prefix: "fused", CostNanos: 2.5 * perSecond, ThreadSeconds: 2}},
		},
	}
	if diff := cmp.Diff(want, bill.Lines); diff != "" {
		t.Errorf("lines -want +got:\n%s", diff)
	}
	if bill.WorkSeconds != 10 || bill.OriginSeconds != 7.5 || bill.RulesVersion < 1 || bill.Method != "agent" || bill.UnknownNanos != 0 {
		t.Errorf("work %f, origins %f, rules %d, method %s, unknown %d", bill.WorkSeconds, bill.OriginSeconds, bill.RulesVersion, bill.Method, bill.UnknownNanos)
	}

	until := now.Add(time.Hour)
	byOperation, err := s.User.CostBreakdown(ctx, sdk.BreakdownOptions{By: []string{"operation", "project", "user"}, Until: until, Zone: "Europe/Oslo"})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]int64{}
	for _, row := range byOperation.Rows {
		keys[strings.Join(row.Keys, "|")] = row.CostNanos
	}
	if keys["read.csv|churn|ana"] != 7.5*perSecond || keys["user|churn|ana"] != 2.5*perSecond || byOperation.TotalNanos != bill.TotalNanos ||
		byOperation.AllNanos != bill.TotalNanos || byOperation.Zone != "Europe/Oslo" || byOperation.Clusters != 1 {
		t.Errorf("by operation: %+v; the bill is %d", byOperation, bill.TotalNanos)
	}
	if !byOperation.AsOf.Equal(now) || !strings.Contains(byOperation.SQL, "SELECT") || byOperation.Coverage != 1 {
		t.Errorf("as of %v, coverage %f, by %s", byOperation.AsOf, byOperation.Coverage, byOperation.SQL)
	}
	if len(byOperation.Prices) != 1 || !byOperation.Prices[0].Priced || byOperation.Prices[0].Source == "" {
		t.Errorf("prices = %+v", byOperation.Prices)
	}
	lines, err := s.User.CostBreakdown(ctx, sdk.BreakdownOptions{By: []string{"line"}, Where: []string{"operation=read.*", "kind=work,idle"}, Until: until, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(lines.Rows) != 1 || lines.Rows[0].Keys[0] != "/home/ana/job.py:3" || lines.TotalNanos != 7.5*perSecond || lines.AllNanos != bill.TotalNanos {
		t.Errorf("lines that read: %+v", lines)
	}

	submissions, err := s.User.ListSubmissions(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]sdk.Submission{{
		ID: 1, At: began.Add(time.Second), Client: "Client-a", File: "/home/ana/job.py", Line: 9, Function: "main", Text: "df.compute()", Tasks: 12,
		Levels: map[string]int64{"name": 11, "none": 1}, Span: []string{"etl"}, Tags: map[string]string{"project": "churn"},
		User: "ana", Host: "laptop", Kind: "script", Path: "/home/ana/job.py", Commit: "c0ffee", Dirty: true, CostNanos: 10 * perSecond, ThreadSeconds: 8,
	}}, submissions.Items); diff != "" {
		t.Errorf("submissions -want +got:\n%s", diff)
	}

	reads, err := s.User.ListReads(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]sdk.Read{{
		Direction: "read", Path: "/data/*.csv", Format: "csv", Files: 6, Tasks: 12, Bytes: 1000, Columns: 12, ColumnsUsed: 2,
		OriginFile: "/home/ana/job.py", OriginLine: 3, OriginText: "df = dd.read_csv(path)", CostNanos: 7.5 * perSecond, ThreadSeconds: 6,
	}}, reads.Items); diff != "" {
		t.Errorf("reads -want +got:\n%s", diff)
	}

	receipt, err := s.User.Receipt(ctx, id, sdk.ReceiptOptions{Since: began, Client: "Client-a"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sdk.Receipt{
		Currency: "USD", Start: began, End: now, CostNanos: bill.TotalNanos, WorkNanos: 10 * perSecond, IdleShare: 0.45, Complete: true,
		Top: &sdk.ReceiptLine{File: "/home/ana/job.py", Line: 3, Text: "df = dd.read_csv(path)", Operation: "read.csv", CostNanos: 7.5 * perSecond, Share: 0.75},
	}, receipt); diff != "" {
		t.Errorf("receipt -want +got:\n%s", diff)
	}
	// Nobody has reported for four seconds, and another client asked for nothing.
	s.Clock.Advance(4 * time.Second)
	receipt, err = s.User.Receipt(ctx, id, sdk.ReceiptOptions{Since: began, Client: "Client-b"})
	if err != nil || receipt.Complete || receipt.WorkNanos != 0 || receipt.Top != nil {
		t.Errorf("receipt %+v, %v", receipt, err)
	}
}
