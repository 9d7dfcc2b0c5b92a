package export

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// batchRows is how many rows are held as columns at a time.
const batchRows = 16_384

// money is nano-units as a decimal with nine digits behind the point: every amount that 64 bits hold, exactly.
var money = &arrow.Decimal128Type{Precision: 19, Scale: 9}

// BreakdownArrow writes an answer as an Arrow IPC file, which Feather version 2 is. It is not compressed, as not every reader of Arrow can undo that.
func BreakdownArrow(w io.Writer, b Breakdown) (err error) {
	schema := schemaOf(b)
	out, err := ipc.NewFileWriter(w, ipc.WithSchema(schema))
	if err != nil {
		return fmt.Errorf("begin the Arrow file: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return batches(b, schema, out.Write)
}

// BreakdownParquet writes an answer as a Parquet file, compressed with zstd.
func BreakdownParquet(w io.Writer, b Breakdown) (err error) {
	schema := schemaOf(b)
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithVersion(parquet.V2_LATEST))
	// The writer would close what it writes to; that is the caller's.
	out, err := pqarrow.NewFileWriter(schema, struct{ io.Writer }{w}, properties, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return fmt.Errorf("begin the Parquet file: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return batches(b, schema, out.WriteBuffered)
}

func schemaOf(b Breakdown) *arrow.Schema {
	var fields []arrow.Field
	for _, name := range b.texts() {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String})
	}
	fields = append(
		fields,
		arrow.Field{Name: columnNanos, Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: columnCost, Type: money},
		arrow.Field{Name: columnCurrency, Type: arrow.BinaryTypes.String},
		arrow.Field{Name: columnThreadSeconds, Type: arrow.PrimitiveTypes.Float64},
		arrow.Field{Name: columnCPUSeconds, Type: arrow.PrimitiveTypes.Float64},
		arrow.Field{Name: columnRestRows, Type: arrow.PrimitiveTypes.Int64},
	)
	metadata := arrow.MetadataFrom(b.Metadata())
	return arrow.NewSchema(fields, &metadata)
}

// batches makes columns of the rows, so many at a time.
func batches(b Breakdown, schema *arrow.Schema, write func(arrow.RecordBatch) error) error {
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	flush := func() error {
		batch := builder.NewRecordBatch()
		defer batch.Release()
		return write(batch)
	}
	texts, currency := len(b.texts()), text(string(b.Currency))
	rows := 0
	err := b.lines(func(l line) error {
		for i, cell := range l.texts {
			builder.Field(i).(*array.StringBuilder).Append(cell)
		}
		builder.Field(texts).(*array.Int64Builder).Append(int64(l.Cost))
		builder.Field(texts + 1).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(l.Cost)))
		builder.Field(texts + 2).(*array.StringBuilder).Append(currency)
		builder.Field(texts + 3).(*array.Float64Builder).Append(float64(l.ThreadMicros) / 1e6)
		builder.Field(texts + 4).(*array.Float64Builder).Append(float64(l.CPUMicros) / 1e6)
		builder.Field(texts + 5).(*array.Int64Builder).Append(int64(l.restRows))
		if rows++; rows%batchRows != 0 {
			return nil
		}
		return flush()
	})
	if err != nil || (rows > 0 && rows%batchRows == 0) {
		return err
	}
	return flush() // of no rows, too: a file without a batch is one that not every reader takes
}
