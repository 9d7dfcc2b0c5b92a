package console

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"

	core "github.com/lineitem/lineitem/internal/core/console"
)

// exact is the largest whole number up to which every number of JSON, as most programs read it, is exact.
const exact = 1 << 53

// encodeRow writes a row as an array.
func encodeRow(values []any, columns []core.ResultColumn) (json.RawMessage, error) {
	out := make([]byte, 0, 32*len(values))
	out = append(out, '[')
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		cell, err := json.Marshal(plainValue(v, columns[i].Type))
		if err != nil {
			return nil, fmt.Errorf("write a value of %s: %w", columns[i].Name, err)
		}
		out = append(out, cell...)
	}
	return append(out, ']'), nil
}

// plainValue turns a value of DuckDB into one that JSON has a word for. Whole numbers that not every reader takes exactly are texts.
func plainValue(v any, kind string) any {
	switch v := v.(type) {
	case nil, bool, string, int8, int16, int32, uint8, uint16, uint32:
		return v
	case int64:
		return whole(v)
	case uint64:
		if v > exact {
			return strconv.FormatUint(v, 10)
		}
		return v
	case *big.Int:
		if v.IsInt64() {
			return whole(v.Int64())
		}
		return v.String()
	case float32:
		return real64(float64(v))
	case float64:
		return real64(v)
	case time.Time:
		switch kind {
		case "DATE":
			return v.Format(time.DateOnly)
		case "TIME":
			return v.Format("15:04:05.999999")
		}
		return v.UTC().Format(time.RFC3339Nano)
	case []byte:
		return fmt.Sprintf("%x", v)
	case duckdb.Decimal:
		return v.String()
	case duckdb.UUID:
		return v.String()
	case duckdb.Interval:
		return interval(v)
	case duckdb.Union:
		return plainValue(v.Value, "")
	case duckdb.OrderedMap:
		out := map[string]any{}
		for i, key := range v.Keys() {
			out[fmt.Sprint(plainValue(key, ""))] = plainValue(v.Values()[i], "")
		}
		return out
	case fmt.Stringer:
		return v.String()
	}
	return nested(v)
}

func whole(v int64) any {
	if v > exact || v < -exact {
		return strconv.FormatInt(v, 10)
	}
	return v
}

func real64(v float64) any {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return v
}

func interval(v duckdb.Interval) string {
	return fmt.Sprintf("%d months %d days %s", v.Months, v.Days, time.Duration(v.Micros)*time.Microsecond)
}

// nested turns lists, structs and maps into what JSON has; keys are texts.
func nested(v any) any {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Slice, reflect.Array:
		out := make([]any, r.Len())
		for i := range out {
			out[i] = plainValue(r.Index(i).Interface(), "")
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for _, key := range r.MapKeys() {
			out[fmt.Sprint(plainValue(key.Interface(), ""))] = plainValue(r.MapIndex(key).Interface(), "")
		}
		return out
	default:
		return fmt.Sprint(v)
	}
}
