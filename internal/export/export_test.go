package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/core/usage/usagetest"
	"github.com/lineitem/lineitem/internal/export"
)

var (
	card  = cost.Card{Currency: "USD", CoreHour: 40_000_000, GigabyteHour: 5_000_000, SchedulerCore: 1, SchedulerMem: 1e9}
	begin = time.UnixMicro(1_790_000_000_000_000).UTC()
)

// classes gives work names of many kinds.
type classes struct{ usage.Unclassified }

func (classes) Classify(_ *usage.Batch, stack int, _ string) (operation, library string) {
	return []string{"user", "read.csv", "unknown"}[(stack+3)%3], []string{"", "pandas"}[(stack+2)%2]
}

// computed generates bills of whatever was reported, in time and out of it.
func computed(t *rapid.T) bill.Bill {
	c := cluster.Cluster{ID: "cl_test", Options: cluster.Options{Workers: 2, Threads: 2, MemoryBytes: 4e9}}
	in := bill.Input{ClusterID: c.ID, Card: card, AsOf: begin.Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "asof")))}
	in.Processes = []cluster.Process{cluster.NewScheduler(c, card, begin)}
	in.Processes[0].StartedAt = begin
	for i := range 2 {
		p := cluster.NewWorker(c, card, cluster.WorkerName(i), 1, begin)
		p.Rate.NanosPerHour = cost.Nanos(rapid.Int64Range(0, 1e13).Draw(t, "rate"))
		p.StartedAt = begin.Add(time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "start")))
		in.Processes = append(in.Processes, p)
		for range rapid.IntRange(0, 3).Draw(t, "batches") {
			b := usagetest.WorkerBatch(c.ID).Draw(t, "batch")
			b.Process = p.ID
			folded := usage.Fold(c.ID, b, classes{})
			in.Lines = append(in.Lines, folded.Lines...)
			in.Categories = append(in.Categories, folded.Categories...)
		}
	}
	in.Submissions = []usage.Submission{{ClusterID: c.ID, ID: 1, File: "job.py", Line: 3}}
	in.Origins = []usage.Origin{{ID: 1, File: "job.py", Line: 1, Function: "load"}}
	return bill.Compute(in)
}

// sums are cost, wall and cpu.
type sums struct{ Cost, Wall, CPU int64 }

func sumsOf(b bill.Bill) sums {
	s := sums{Cost: int64(b.Total), Wall: b.UnknownMicros * 1000}
	for _, l := range b.Lines {
		s.Wall += (l.ThreadMicros + l.NativeMicros) * 1000
		s.CPU += (l.CPUMicros + l.NativeMicros) * 1000
	}
	for _, k := range b.Categories {
		s.Wall += k.ThreadMicros * 1000
	}
	return s
}

// TestEveryFormatSumsToTheBill is the promise of exports: to the nano-unit, and to the nanosecond.
func TestEveryFormatSumsToTheBill(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := computed(t)
		if b.Gap() != 0 {
			t.Fatalf("gap %d", b.Gap())
		}
		want := sumsOf(b)
		p := export.NewProfile(b)
		if want.Wall < b.CapacityMicros*1000 {
			t.Fatalf("the profile's time is %d ns, %d us were paid for", want.Wall, b.CapacityMicros)
		}
		if got := readPprof(t, p); got != want {
			t.Fatalf("pprof sums to %+v, want %+v", got, want)
		}
		if got := readSpeedscope(t, p).sums(); got != want {
			t.Fatalf("speedscope sums to %+v, want %+v", got, want)
		}
		var folded int64
		for _, line := range readFolded(t, p) {
			folded += line.cost
		}
		if folded != want.Cost {
			t.Fatalf("folded text sums to %d, want %d", folded, want.Cost)
		}
		var table, exact int64
		rows := readCSV(t, b)
		for _, row := range rows {
			table += number(t, row["cost_nanos"])
			units, rest, _ := strings.Cut(row["cost"], ".")
			exact += number(t, units)*1e9 + number(t, (rest + "000000000")[:9])
		}
		if table != want.Cost || exact != want.Cost || len(rows) != len(b.Lines)+len(b.Categories)+1 {
			t.Fatalf("the table has %d rows and sums to %d and %d, want %d", len(rows), table, exact, want.Cost)
		}
	})
}

func number(t fataler, s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatalf("%q is no number: %v", s, err)
	}
	return n
}

// fataler is a test of either kind.
type fataler interface {
	Fatalf(format string, args ...any)
}

func readPprof(t fataler, p export.Profile) sums {
	var s sums
	for _, sample := range parsePprof(t, p).Sample {
		s.Cost += sample.Value[0]
		s.Wall += sample.Value[1]
		s.CPU += sample.Value[2]
	}
	return s
}

func parsePprof(t fataler, p export.Profile) *profile.Profile {
	var out bytes.Buffer
	if err := export.Pprof(&out, p, ""); err != nil {
		t.Fatalf("write: %v", err)
	}
	got, err := profile.Parse(&out)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	if err := got.CheckValid(); err != nil {
		t.Fatalf("check: %v", err)
	}
	return got
}

type speedscope struct {
	Shared struct {
		Frames []struct {
			Name, File string
			Line       int
		}
	}
	Profiles []struct {
		Name, Unit string
		EndValue   int64
		Samples    [][]int
		Weights    []int64
	}
}

func (s speedscope) sums() sums {
	values := make([]int64, 3)
	for i, p := range s.Profiles {
		for _, weight := range p.Weights {
			values[i] += weight
		}
		if values[i] != p.EndValue || len(p.Samples) != len(p.Weights) {
			values[i] = -1
		}
	}
	return sums{values[0], values[1], values[2]}
}

func readSpeedscope(t fataler, p export.Profile) speedscope {
	var out bytes.Buffer
	if err := export.Speedscope(&out, p, "lineitem test"); err != nil {
		t.Fatalf("write: %v", err)
	}
	var file speedscope
	if err := json.Unmarshal(out.Bytes(), &file); err != nil {
		t.Fatalf("%v", err)
	}
	return file
}

type foldedLine struct {
	stack []string
	cost  int64
}

// readFolded reads as flame graphs do: a line ends at any character that some language takes for the end of one.
func readFolded(t fataler, p export.Profile) []foldedLine {
	var out bytes.Buffer
	if err := export.Folded(&out, p); err != nil {
		t.Fatalf("write: %v", err)
	}
	var lines []foldedLine
	for _, line := range strings.FieldsFunc(out.String(), func(r rune) bool { return strings.ContainsRune("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", r) }) {
		space := strings.LastIndexByte(line, ' ')
		if space < 0 {
			t.Fatalf("no weight in %q", line)
		}
		lines = append(lines, foldedLine{strings.Split(line[:space], ";"), number(t, line[space+1:])})
	}
	return lines
}

func readCSV(t fataler, b bill.Bill) []map[string]string {
	var out bytes.Buffer
	if err := export.CSV(&out, b); err != nil {
		t.Fatalf("write: %v", err)
	}
	records, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatalf("%v", err)
	}
	rows := make([]map[string]string, len(records)-1)
	for i, record := range records[1:] {
		rows[i] = map[string]string{}
		for j, cell := range record {
			rows[i][records[0][j]] = cell
		}
	}
	return rows
}

// flight is a bill made by hand: one entry done elsewhere than created, one plain line, idle time and an unknown rest.
func flight() bill.Bill {
	load, clean := usage.Line{File: "/home/ana/flights.py", Line: 7, Function: "<module>"}, usage.Line{File: "/home/ana/clean.py", Line: 12, Function: "clean"}
	return bill.Bill{
		ClusterID: "cl_1", Card: card, Start: begin, AsOf: begin.Add(time.Hour), Total: 1000,
		Lines: []bill.Line{
			{
				Line: clean, Origin: load, Created: true, Operation: "read.csv", Library: "pandas", Cost: 600, ThreadMicros: 60, CPUMicros: 50, NativeMicros: 6,
				Text: "=cmd()", OriginText: "df = dd.read_csv(p)",
				Prefixes: []bill.Prefix{
					{Prefix: "read", Cost: 500, ThreadMicros: 50, CPUMicros: 45, NativeMicros: 6}, {Prefix: "len", Cost: 100, ThreadMicros: 10, CPUMicros: 5},
				},
			},
			{
				Line: load, Origin: load, Operation: "user", Cost: 200, ThreadMicros: 20, CPUMicros: 20,
				Prefixes: []bill.Prefix{{Prefix: "apply", Cost: 200, ThreadMicros: 20, CPUMicros: 20}},
			},
		},
		Categories: []bill.Category{{Name: "idle.no_work", Cost: 120, ThreadMicros: 12}, {Name: "unattributed", Cost: 30, ThreadMicros: 3}},
		Unknown:    50, UnknownMicros: 5,
	}
}

func TestStacksOfABill(t *testing.T) {
	t.Parallel()
	var got []string
	for _, line := range readFolded(t, export.NewProfile(flight())) {
		got = append(got, fmt.Sprint(strings.Join(line.stack, " > "), " = ", line.cost))
	}
	want := []string{
		"<module> (/home/ana/flights.py:7) > clean (/home/ana/clean.py:12) > read.csv [pandas] (/home/ana/clean.py:12) = 600",
		"<module> (/home/ana/flights.py:7) = 200",
		"(not work) > idle > idle.no_work = 120",
		"(no line) > unattributed = 30",
		"(not work) > unknown = 50",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	p := parsePprof(t, export.NewProfile(flight()))
	if p.DefaultSampleType != "cost" || p.SampleType[0].Unit != "nanousd" || p.TimeNanos != begin.UnixNano() || p.DurationNanos != int64(time.Hour) {
		t.Errorf("default %q in %q, %d ns from %d", p.DefaultSampleType, p.SampleType[0].Unit, p.DurationNanos, p.TimeNanos)
	}
	first := p.Sample[0]
	wantLabels := map[string][]string{"operation": {"read.csv"}, "library": {"pandas"}, "task_prefix": {"read"}, "origin": {"created"}}
	if diff := cmp.Diff(wantLabels, first.Label); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{500, 56_000, 51_000}, first.Value); diff != "" {
		t.Error(diff)
	}
}

func TestTableOfABill(t *testing.T) {
	t.Parallel()
	rows := readCSV(t, flight())
	if first := rows[0]; first["text"] != "'=cmd()" || first["cost"] != "0.0000006" || first["thread_seconds"] != "0.00006" || first["origin_line"] != "7" ||
		first["origin_level"] != "created" || first["kind"] != "line" || first["currency"] != "USD" {
		t.Errorf("first row %v", first)
	}
	if idle := rows[2]; idle["kind"] != "category" || idle["name"] != "idle.no_work" || idle["cost_nanos"] != "120" || idle["file"] != "" {
		t.Errorf("idle %v", idle)
	}
	if unknown := rows[4]; unknown["kind"] != "unknown" || unknown["thread_seconds"] != "0.000005" || unknown["cost"] != "0.00000005" {
		t.Errorf("unknown %v", unknown)
	}
}

// TestSpeedscopeFilesAreValid holds files against the schema that speedscope publishes.
func TestSpeedscopeFilesAreValid(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile("testdata/speedscope-schema.json")
	if err != nil {
		t.Fatal(err)
	}
	check := func(t fataler, p export.Profile) {
		var out bytes.Buffer
		if err := export.Speedscope(&out, p, "lineitem test"); err != nil {
			t.Fatalf("write: %v", err)
		}
		file, err := jsonschema.UnmarshalJSON(&out)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if err := schema.Validate(file); err != nil {
			t.Fatalf("%v", err)
		}
	}
	rapid.Check(t, func(t *rapid.T) { check(t, export.NewProfile(computed(t))) })
	check(t, export.NewProfile(bill.Bill{}))

	// The schema refuses what it should: it is the right one, and is looked at.
	wrong, err := jsonschema.UnmarshalJSON(strings.NewReader(
		`{"$schema":"https://www.speedscope.app/file-format-schema.json","shared":{"frames":[]},"profiles":[{"type":"sampled","unit":"nanousd"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(wrong) == nil {
		t.Error("a profile of money in a unit of its own is valid")
	}
	if data, err := os.ReadFile("testdata/speedscope-LICENSE"); err != nil || !bytes.HasPrefix(data, []byte("MIT License")) {
		t.Errorf("the schema's licence: %v", err)
	}
}

// BenchmarkFormats writes a bill of 20,000 entries on 2,000 lines, each in five kinds of work and two task prefixes.
func BenchmarkFormats(b *testing.B) {
	large := bill.Bill{ClusterID: "cl_1", Card: card, Start: begin, AsOf: begin.Add(time.Hour)}
	for i := range 20_000 {
		at := usage.Line{File: fmt.Sprintf("/home/ana/project/module_%d.py", i%40), Line: i % 2000, Function: fmt.Sprint("step_", i%500)}
		large.Lines = append(large.Lines, bill.Line{
			Line: at, Origin: usage.Line{File: "/home/ana/project/main.py", Line: i % 50, Function: "<module>"}, Created: true, Operation: fmt.Sprint("read.", i%5), Library: "pandas",
			Cost: 3, Prefixes: []bill.Prefix{{Prefix: "read", Cost: 2, ThreadMicros: 20}, {Prefix: "len", Cost: 1, ThreadMicros: 10}},
		})
		large.Total += 3
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"pprof":      func(out *bytes.Buffer) error { return export.Pprof(out, export.NewProfile(large), "") },
		"speedscope": func(out *bytes.Buffer) error { return export.Speedscope(out, export.NewProfile(large), "") },
		"folded":     func(out *bytes.Buffer) error { return export.Folded(out, export.NewProfile(large)) },
		"csv":        func(out *bytes.Buffer) error { return export.CSV(out, large) },
	} {
		b.Run(name, func(b *testing.B) {
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if err := write(&out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(out.Len()), "bytes")
		})
	}
}
