package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// maxDepth is far more than any message of ours nests.
const maxDepth = 16

var errShort = errors.New("the value is cut off")

// checkShape walks one msgpack value without taking memory for it, and refuses what could make the decoder take too much: lengths
// beyond what follows, deep nesting, extension types.
func checkShape(data []byte) error {
	// open holds how many elements each array or map around the current position still expects.
	open := make([]uint64, 1, maxDepth)
	open[0] = 1
	for len(open) > 0 {
		top := len(open) - 1
		if open[top] == 0 {
			open = open[:top]
			continue
		}
		open[top]--
		if len(data) == 0 {
			return errShort
		}
		skip, elements, err := shapeOf(data)
		switch {
		case err != nil:
			return err
		case skip > uint64(len(data)):
			return errShort
		}
		data = data[skip:]
		if elements == 0 {
			continue
		}
		if elements > maxLength || elements > uint64(len(data)) {
			return fmt.Errorf("%d elements are announced, %d bytes follow", elements, len(data))
		}
		if len(open) == maxDepth {
			return fmt.Errorf("values nest deeper than %d", maxDepth)
		}
		open = append(open, elements)
	}
	return nil
}

// shapeOf returns how many bytes the value's head (and its text, for strings and bytes) takes, and how many elements follow it.
func shapeOf(data []byte) (skip, elements uint64, err error) {
	c := data[0]
	number := func(size int) uint64 {
		if len(data) < 1+size {
			err = errShort
			return 0
		}
		var wide [8]byte
		copy(wide[8-size:], data[1:1+size])
		return binary.BigEndian.Uint64(wide[:])
	}
	switch {
	case msgpcode.IsFixedNum(c) || c == msgpcode.Nil || c == msgpcode.False || c == msgpcode.True:
		return 1, 0, nil
	case msgpcode.IsFixedString(c):
		return 1 + uint64(c&msgpcode.FixedStrMask), 0, nil
	case msgpcode.IsFixedArray(c):
		return 1, uint64(c & msgpcode.FixedArrayMask), nil
	case msgpcode.IsFixedMap(c):
		return 1, 2 * uint64(c&msgpcode.FixedMapMask), nil
	}
	switch c {
	case msgpcode.Uint8, msgpcode.Int8:
		return 2, 0, nil
	case msgpcode.Uint16, msgpcode.Int16:
		return 3, 0, nil
	case msgpcode.Uint32, msgpcode.Int32, msgpcode.Float:
		return 5, 0, nil
	case msgpcode.Uint64, msgpcode.Int64, msgpcode.Double:
		return 9, 0, nil
	case msgpcode.Str8, msgpcode.Bin8:
		return 2 + number(1), 0, err
	case msgpcode.Str16, msgpcode.Bin16:
		return 3 + number(2), 0, err
	case msgpcode.Str32, msgpcode.Bin32:
		return 5 + number(4), 0, err
	case msgpcode.Array16:
		return 3, number(2), err
	case msgpcode.Array32:
		return 5, number(4), err
	case msgpcode.Map16:
		return 3, 2 * number(2), err
	case msgpcode.Map32:
		return 5, 2 * number(4), err
	}
	return 0, 0, fmt.Errorf("type %#x is not part of the protocol", c)
}
