// Package msgpack reads and writes the subset of MessagePack that Dask speaks: no extension types, and maps whose keys may be arrays, which
// general libraries cannot hold. Reading is bounded: bytes of a stranger never take more memory than their length allows.
package msgpack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Map is a map in the order it was written; keys may be anything, also arrays.
type Map []Pair

// Pair is one entry of a Map.
type Pair struct {
	Key, Value any
}

// Get returns the value of a text key, and whether it is there.
func (m Map) Get(key string) (any, bool) {
	for _, p := range m {
		if k, ok := p.Key.(string); ok && k == key {
			return p.Value, true
		}
	}
	return nil, false
}

// maxDepth bounds nesting: a few bytes for each level would otherwise buy a deep recursion.
const maxDepth = 64

// Errors of Decode.
var (
	ErrTruncated = errors.New("the message ends too early")
	ErrTooDeep   = errors.New("the message is nested too deeply")
	ErrTrailing  = errors.New("something follows the message")
	ErrTooMany   = errors.New("the message has more values than its limit")
)

// Decode reads one value that fills data. Values are nil, bool, int64, uint64 (only beyond int64), float64, string, []byte, []any and Map. It refuses
// messages of more than maxValues values.
func Decode(data []byte, maxValues int) (any, error) {
	d := decoder{data: data, left: maxValues}
	v, err := d.value(0)
	switch {
	case err != nil:
		return nil, err
	case len(d.data) > 0:
		return nil, ErrTrailing
	default:
		return v, nil
	}
}

type decoder struct {
	data []byte
	left int
}

func (d *decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.data) {
		return nil, ErrTruncated
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b, nil
}

// number reads n bytes as an unsigned number.
func (d *decoder) number(n int) (uint64, error) {
	b, err := d.take(n)
	if err != nil {
		return 0, err
	}
	switch n {
	case 1:
		return uint64(b[0]), nil
	case 2:
		return uint64(binary.BigEndian.Uint16(b)), nil
	case 4:
		return uint64(binary.BigEndian.Uint32(b)), nil
	default:
		return binary.BigEndian.Uint64(b), nil
	}
}

// Codes of the format.
const (
	fixMap, fixArray, fixString, codeNil, negative = 0x80, 0x90, 0xa0, 0xc0, 0xe0
)

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, ErrTooDeep
	}
	if d.left--; d.left < 0 {
		return nil, ErrTooMany
	}
	head, err := d.take(1)
	if err != nil {
		return nil, err
	}
	switch c := head[0]; {
	case c < fixMap:
		return int64(c), nil
	case c < fixArray:
		return d.pairs(uint64(c&0x0f), depth)
	case c < fixString:
		return d.array(uint64(c&0x0f), depth)
	case c < codeNil:
		return d.text(uint64(c & 0x1f))
	case c >= negative:
		return int64(int8(c)), nil
	default:
		return d.coded(c, depth)
	}
}

// coded reads a value whose kind has a code of its own.
func (d *decoder) coded(c byte, depth int) (any, error) {
	switch c {
	case codeNil:
		return nil, nil //nolint:nilnil // nil is the value
	case 0xc2, 0xc3:
		return c == 0xc3, nil
	case 0xca:
		n, err := d.number(4)
		return float64(math.Float32frombits(uint32(n))), err
	case 0xcb:
		n, err := d.number(8)
		return math.Float64frombits(n), err
	case 0xcc, 0xcd, 0xce, 0xcf:
		n, err := d.number(1 << (c - 0xcc))
		if n > math.MaxInt64 {
			return n, err
		}
		return int64(n), err
	case 0xd0:
		n, err := d.number(1)
		return int64(int8(n)), err
	case 0xd1:
		n, err := d.number(2)
		return int64(int16(n)), err
	case 0xd2:
		n, err := d.number(4)
		return int64(int32(n)), err
	case 0xd3:
		n, err := d.number(8)
		return int64(n), err
	}
	var size int
	switch c {
	case 0xc4, 0xd9:
		size = 1
	case 0xc5, 0xda, 0xdc, 0xde:
		size = 2
	case 0xc6, 0xdb, 0xdd, 0xdf:
		size = 4
	default:
		return nil, fmt.Errorf("the message holds the code 0x%02x, which Dask does not use", c)
	}
	n, err := d.number(size)
	if err != nil {
		return nil, err
	}
	switch c {
	case 0xc4, 0xc5, 0xc6:
		b, err := d.take(bounded(n))
		return append([]byte{}, b...), err
	case 0xd9, 0xda, 0xdb:
		return d.text(n)
	case 0xdc, 0xdd:
		return d.array(n, depth)
	default:
		return d.pairs(n, depth)
	}
}

// bounded turns a length of the wire into an int; one that is too large is larger than any message.
func bounded(n uint64) int {
	if n > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(n)
}

func (d *decoder) text(n uint64) (any, error) {
	b, err := d.take(bounded(n))
	return string(b), err
}

func (d *decoder) array(n uint64, depth int) (any, error) {
	if n > uint64(len(d.data)) { // each value takes a byte at least
		return nil, ErrTruncated
	}
	if n > uint64(d.left) {
		return nil, ErrTooMany
	}
	out := make([]any, n)
	for i := range out {
		var err error
		if out[i], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d *decoder) pairs(n uint64, depth int) (any, error) {
	if n > uint64(len(d.data))/2 {
		return nil, ErrTruncated
	}
	if n > uint64(d.left)/2 {
		return nil, ErrTooMany
	}
	out := make(Map, n)
	for i := range out {
		var err error
		if out[i].Key, err = d.value(depth + 1); err != nil {
			return nil, err
		}
		if out[i].Value, err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Append writes a value of the kinds that Decode returns, and int, after what is there. It panics for any other kind: what is written is ours.
func Append(to []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(to, codeNil)
	case bool:
		if v {
			return append(to, 0xc3)
		}
		return append(to, 0xc2)
	case int:
		return appendInt(to, int64(v))
	case int64:
		return appendInt(to, v)
	case uint64:
		return binary.BigEndian.AppendUint64(append(to, 0xcf), v)
	case float64:
		return binary.BigEndian.AppendUint64(append(to, 0xcb), math.Float64bits(v))
	case string:
		return append(appendLength(to, len(v), fixString, 32, 0xd9, 0xda, 0xdb), v...)
	case []byte:
		return append(appendLength(to, len(v), 0, 0, 0xc4, 0xc5, 0xc6), v...)
	case []any:
		to = appendLength(to, len(v), fixArray, 16, 0, 0xdc, 0xdd)
		for _, item := range v {
			to = Append(to, item)
		}
		return to
	case Map:
		to = appendLength(to, len(v), fixMap, 16, 0, 0xde, 0xdf)
		for _, p := range v {
			to = Append(Append(to, p.Key), p.Value)
		}
		return to
	default:
		panic(fmt.Sprintf("msgpack: cannot write a %T", v))
	}
}

func appendInt(to []byte, n int64) []byte {
	switch {
	case n >= 0 && n < fixMap, n < 0 && n >= -32:
		return append(to, byte(n))
	case n >= 0 && n <= math.MaxUint8:
		return append(to, 0xcc, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(to, 0xcd), uint16(n))
	case n >= 0 && n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(to, 0xce), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(to, 0xd3), uint64(n))
	}
}

// appendLength writes the head of a value with a length: in one byte with the code below fixed, else by the codes for 8 (0 if there is none), 16
// and 32 bits.
func appendLength(to []byte, n, fix, fixed int, code8, code16, code32 byte) []byte {
	switch {
	case n < fixed:
		return append(to, byte(fix|n))
	case n <= math.MaxUint8 && code8 != 0:
		return append(to, code8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(to, code16), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(to, code32), uint32(n))
	}
}
