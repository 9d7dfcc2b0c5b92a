package export_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/export"
)

// breakdowns draws answers of any texts and amounts, corrections included.
func breakdowns(t *rapid.T) export.Breakdown {
	names, _ := spend.Dimensions()
	by := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 6, rapid.ID).Draw(t, "by")
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	since := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	b := export.Breakdown{Prices: rapid.String().Draw(t, "prices")}
	b.AsOf, b.SQL = since.Add(time.Hour), rapid.String().Draw(t, "sql")
	b.Query = spend.Query{
		By: by, Since: since, Until: since.Add(time.Hour), Zone: zone,
		Where: []spend.Filter{{Dimension: "file", Values: []string{rapid.String().Draw(t, "value"), "a,b"}}},
	}
	b.Currency, b.Names = "USD", map[string]string{}
	b.RulesVersion = rapid.IntRange(0, 9).Draw(t, "rules")
	for range rapid.IntRange(0, 40).Draw(t, "rows") {
		row := spend.Row{
			Cost: cost.Nanos(rapid.Int64Range(-1e15, 1e15).Draw(t, "cost")), ThreadMicros: rapid.Int64Range(0, 1e15).Draw(t, "thread"),
			CPUMicros: rapid.Int64Range(0, 1e15).Draw(t, "cpu"),
		}
		for range by {
			row.Keys = append(row.Keys, anyText.Draw(t, "key"))
		}
		b.Names[row.Keys[0]] = anyText.Draw(t, "name")
		b.Rows = append(b.Rows, row)
		b.Total += row.Cost
	}
	if rapid.Bool().Draw(t, "rest") {
		b.Rest, b.RestRows = cost.Nanos(rapid.Int64Range(-1e15, 1e15).Draw(t, "rest cost")), 7
		b.Total += b.Rest
	}
	return b
}

// anyText is also what is no text, as files may be called anything.
var anyText = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "=1+1", "-3", "a,\"b\"\r\nc", "\xff\xfe", "/home/ana/f.py:3"}))

// read is a file's rows as text, by column, and its metadata.
type read struct {
	columns  []string
	rows     []map[string]string
	metadata map[string]string
}

func readRecords(schema *arrow.Schema, batches []arrow.RecordBatch) read {
	out := read{metadata: map[string]string{}}
	for _, f := range schema.Fields() {
		out.columns = append(out.columns, f.Name)
	}
	for i, key := range schema.Metadata().Keys() {
		out.metadata[key] = schema.Metadata().Values()[i]
	}
	for _, batch := range batches {
		for at := range int(batch.NumRows()) {
			row := map[string]string{}
			for i, name := range out.columns {
				row[name] = batch.Column(i).ValueStr(at)
				if c, ok := batch.Column(i).(*array.Decimal128); ok {
					row[name] = c.Value(at).ToString(9)
				}
			}
			out.rows = append(out.rows, row)
		}
	}
	return out
}

func readArrow(t fataler, data []byte) read {
	reader, err := ipc.NewFileReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("open the Arrow file: %v", err)
	}
	defer reader.Close()
	var batches []arrow.RecordBatch
	for i := range reader.NumRecords() {
		batch, err := reader.RecordBatch(i)
		if err != nil {
			t.Fatalf("read batch %d: %v", i, err)
		}
		batch.Retain() // the reader lets go of it at the next one
		batches = append(batches, batch)
	}
	return readRecords(reader.Schema(), batches)
}

func readParquet(t fataler, data []byte) read {
	source, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("open the Parquet file: %v", err)
	}
	reader, err := pqarrow.NewFileReader(source, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatalf("open the Parquet file: %v", err)
	}
	table, err := reader.ReadTable(context.Background())
	if err != nil {
		t.Fatalf("read the Parquet file: %v", err)
	}
	defer table.Release()
	var batches []arrow.RecordBatch
	rows := array.NewTableReader(table, 0)
	for rows.Next() {
		batch := rows.RecordBatch()
		batch.Retain()
		batches = append(batches, batch)
	}
	out := readRecords(table.Schema(), batches)
	for _, pair := range source.MetaData().KeyValueMetadata() {
		out.metadata[pair.GetKey()] = pair.GetValue()
	}
	return out
}

// TestBreakdownFilesHoldTheAnswer writes any answer in every format and reads it back with other code: all texts, all amounts, the same total.
func TestBreakdownFilesHoldTheAnswer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := breakdowns(t)
		var arrowFile, parquetFile, csvFile bytes.Buffer
		for _, f := range []struct {
			out   *bytes.Buffer
			write func(*bytes.Buffer) error
		}{
			{&arrowFile, func(w *bytes.Buffer) error { return export.BreakdownArrow(w, b) }},
			{&parquetFile, func(w *bytes.Buffer) error { return export.BreakdownParquet(w, b) }},
			{&csvFile, func(w *bytes.Buffer) error { return export.BreakdownCSV(w, b) }},
		} {
			if err := f.write(f.out); err != nil {
				t.Fatal(err)
			}
		}
		inArrow, inParquet := readArrow(t, arrowFile.Bytes()), readParquet(t, parquetFile.Bytes())
		if diff := cmp.Diff(inArrow.rows, inParquet.rows); diff != "" {
			t.Fatalf("Parquet differs from Arrow:\n%s", diff)
		}
		for key, value := range b.Metadata() {
			if inArrow.metadata[key] != value || inParquet.metadata[key] != value {
				t.Fatalf("%s is %q in Arrow, %q in Parquet, not %q", key, inArrow.metadata[key], inParquet.metadata[key], value)
			}
		}
		holds(t, b, inArrow.rows, valid)
		records, err := csv.NewReader(&csvFile).ReadAll()
		if err != nil {
			t.Fatalf("read the CSV file: %v", err)
		}
		if diff := cmp.Diff(inArrow.columns[:len(b.By)], records[0][:len(b.By)]); diff != "" {
			t.Fatalf("columns of the CSV file:\n%s", diff)
		}
		var rows []map[string]string
		for _, record := range records[1:] {
			row := map[string]string{}
			for i, cell := range record {
				row[records[0][i]] = cell
			}
			rows = append(rows, row)
		}
		holds(t, b, rows, func(s string) string {
			s = valid(s)
			if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
				s = "'" + s
			}
			return strings.ReplaceAll(s, "\r\n", "\n") // as every reader of CSV does within quotes
		})
	})
}

// holds fails unless rows are those of the answer.
func holds(t fataler, b export.Breakdown, rows []map[string]string, as func(string) string) {
	want := len(b.Rows)
	if b.RestRows > 0 {
		want++
	}
	if len(rows) != want {
		t.Fatalf("%d rows, not %d", len(rows), want)
	}
	var total, costs int64
	for i, row := range rows {
		nanos, err := strconv.ParseInt(row["cost_nanos"], 10, 64)
		if err != nil {
			t.Fatalf("%q is no amount: %v", row["cost_nanos"], err)
		}
		total += nanos
		costs += nanosOf(t, row["cost"])
		if row["currency"] != "USD" {
			t.Fatalf("row %d is in %q", i, row["currency"])
		}
		if i == len(b.Rows) {
			if row["rest_rows"] != strconv.Itoa(b.RestRows) || nanos != int64(b.Rest) {
				t.Fatalf("the rest is %v", row)
			}
			continue
		}
		if nanos != int64(b.Rows[i].Cost) || row["rest_rows"] != "0" {
			t.Fatalf("row %d is %v, the answer's %+v", i, row, b.Rows[i])
		}
		for at, name := range b.By {
			if row[string(name)] != as(b.Rows[i].Keys[at]) {
				t.Fatalf("row %d has %q by %s, not %q", i, row[string(name)], name, as(b.Rows[i].Keys[at]))
			}
			if name == "cluster" && row["cluster_name"] != as(b.Names[b.Rows[i].Keys[at]]) {
				t.Fatalf("row %d is of %q", i, row["cluster_name"])
			}
		}
		seconds, err := strconv.ParseFloat(row["thread_seconds"], 64)
		if err != nil || math.Abs(seconds*1e6-float64(b.Rows[i].ThreadMicros)) > 0.5 {
			t.Fatalf("row %d took %s s, not %d µs: %v", i, row["thread_seconds"], b.Rows[i].ThreadMicros, err)
		}
	}
	if total != int64(b.Total) || costs != int64(b.Total) {
		t.Fatalf("nano-units sum to %d, decimals to %d; the total is %d", total, costs, b.Total)
	}
}

// nanosOf reads a decimal exactly.
func nanosOf(t fataler, decimal string) int64 {
	head, tail, _ := strings.Cut(decimal, ".")
	n, err := strconv.ParseInt(head+tail+strings.Repeat("0", 9-len(tail)), 10, 64)
	if err != nil {
		t.Fatalf("%q is no amount: %v", decimal, err)
	}
	return n
}

// TestManyRowsAreOneTable crosses the size of a batch.
func TestManyRowsAreOneTable(t *testing.T) {
	t.Parallel()
	b := export.Breakdown{}
	b.Query = spend.Query{By: []spend.Dimension{"line"}, Zone: time.UTC}
	b.Currency = "USD"
	for i := range 2*16_384 + 1 {
		b.Rows = append(b.Rows, spend.Row{Keys: []string{fmt.Sprintf("a.py:%d", i)}, Cost: cost.Nanos(i)})
		b.Total += cost.Nanos(i)
	}
	for _, rows := range []int{0, 16_384, len(b.Rows)} {
		part := b
		part.Rows, part.Total = b.Rows[:rows], cost.Nanos(rows*(rows-1)/2)
		var arrowFile, parquetFile bytes.Buffer
		if err := export.BreakdownArrow(&arrowFile, part); err != nil {
			t.Fatal(err)
		}
		if err := export.BreakdownParquet(&parquetFile, part); err != nil {
			t.Fatal(err)
		}
		holds(t, part, readArrow(t, arrowFile.Bytes()).rows, valid)
		holds(t, part, readParquet(t, parquetFile.Bytes()).rows, valid)
	}
	if got := b.Metadata(); len(got) < 10 || got["lineitem.where"] != "[]" {
		t.Errorf("metadata %v", got)
	}
}
