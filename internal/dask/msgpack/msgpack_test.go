package msgpack_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	other "github.com/vmihailenco/msgpack/v5"

	"github.com/lineitem/lineitem/internal/dask/msgpack"
)

const plenty = 1_000_000

var values = []any{
	nil, true, false, int64(0), int64(127), int64(128), int64(255), int64(256), int64(65535), int64(65536), int64(math.MaxUint32),
	int64(math.MaxUint32 + 1), int64(-1), int64(-32), int64(-33), int64(-129), int64(-40_000), int64(math.MinInt64), int64(math.MaxInt64),
	uint64(math.MaxUint64), 1.5, math.Inf(-1), "", "ä", strings.Repeat("x", 31), strings.Repeat("x", 32), strings.Repeat("x", 255), strings.Repeat("x", 256),
	strings.Repeat("x", 70_000),
	[]byte{},
	[]byte{0, 255},
	bytes.Repeat([]byte{1}, 300), bytes.Repeat([]byte{1}, 70_000),
	[]any{},
	make([]any, 15),
	make([]any, 16), make([]any, 70_000),
	msgpack.Map{},
	msgpack.Map{{Key: "op", Value: "identity"}},
	msgpack.Map{{Key: []any{"execute", "x", int64(1)}, Value: 0.25}, {Key: int64(3), Value: nil}},
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	for _, v := range append(values, any(values)) {
		got, err := msgpack.Decode(msgpack.Append(nil, v), plenty)
		if err != nil {
			t.Errorf("%.60v: %v", v, err)
		} else if diff := cmp.Diff(v, got); diff != "" {
			t.Errorf("not what was written:\n%.400s", diff)
		}
	}
}

// The other library is an independent reader and writer of the same format.
func TestAgreesWithAnotherLibrary(t *testing.T) {
	t.Parallel()
	for _, v := range values {
		if _, isMap := v.(msgpack.Map); isMap {
			continue
		}
		packed, err := other.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := msgpack.Decode(packed, plenty)
		if err != nil {
			t.Errorf("%.60v: %v", v, err)
		} else if diff := cmp.Diff(v, got); diff != "" {
			t.Errorf("not what it wrote:\n%.400s", diff)
		}
		var back any
		if err := other.Unmarshal(msgpack.Append(nil, v), &back); err != nil {
			t.Errorf("it cannot read %.60v: %v", v, err)
		}
	}
	type row struct {
		A int8              `msgpack:"a"`
		B float32           `msgpack:"b"`
		C map[string]uint16 `msgpack:"c"`
	}
	packed, err := other.Marshal(row{A: -100, B: 0.5, C: map[string]uint16{"x": 40_000}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := msgpack.Decode(packed, plenty)
	want := msgpack.Map{{Key: "a", Value: int64(-100)}, {Key: "b", Value: 0.5}, {Key: "c", Value: msgpack.Map{{Key: "x", Value: int64(40_000)}}}}
	if diff := cmp.Diff(any(want), got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":                 {nil, msgpack.ErrTruncated},
		"half a number":           {[]byte{0xcd, 1}, msgpack.ErrTruncated},
		"half a text":             {[]byte{0xa5, 'x'}, msgpack.ErrTruncated},
		"a huge text":             {[]byte{0xdb, 0xff, 0xff, 0xff, 0xff}, msgpack.ErrTruncated},
		"a huge array":            {[]byte{0xdd, 0xff, 0xff, 0xff, 0xff, 1}, msgpack.ErrTruncated},
		"a huge map":              {[]byte{0xdf, 0x7f, 0xff, 0xff, 0xff, 1, 1}, msgpack.ErrTruncated},
		"something behind":        {[]byte{1, 1}, msgpack.ErrTrailing},
		"a thousand levels":       {append(bytes.Repeat([]byte{0x91}, 1000), 1), msgpack.ErrTooDeep},
		"more values than wanted": {msgpack.Append(nil, make([]any, 200)), msgpack.ErrTooMany},
	} {
		if _, err := msgpack.Decode(c.data, 100); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := msgpack.Decode([]byte{0xc7, 0, 0}, 100); err == nil || !strings.Contains(err.Error(), "0xc7") {
		t.Errorf("an extension: %v", err)
	}
}

// FuzzDecode looks for panics, and for values that do not survive being written.
func FuzzDecode(f *testing.F) {
	for _, v := range values {
		f.Add(msgpack.Append(nil, v))
	}
	f.Add([]byte{0x82, 0x92, 1, 2, 3, 0xc0, 0xc0})
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := msgpack.Decode(data, 10_000)
		if err != nil {
			return
		}
		packed := msgpack.Append(nil, v)
		again, err := msgpack.Decode(packed, 10_000)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if !bytes.Equal(packed, msgpack.Append(nil, again)) { // by bytes, for NaN is not itself
			t.Fatalf("%v became %v", v, again)
		}
	})
}
