package store

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// zstdMagic begins what is packed. No report begins so: its first byte would be a number, and a report is a map.
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// maxPayload bounds what a packed payload may unpack to; reports are smaller (internal/ingest).
const maxPayload = 16 << 20

// codec packs payloads one at a time; both sides may be used by many at once.
var codec = sync.OnceValue(func() (c struct {
	to   *zstd.Encoder
	from *zstd.Decoder
},
) {
	var err error
	if c.to, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false)); err != nil {
		panic(err) // the options are wrong
	}
	if c.from, err = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxPayload)); err != nil {
		panic(err)
	}
	return c
})

// payloadToDB packs a payload, as reports of workers are to a fifth of their size: they are the most that is ever written. What does not become
// smaller is kept as it is.
func payloadToDB(payload []byte) []byte {
	packed := codec().to.EncodeAll(payload, make([]byte, 0, len(payload)/2))
	if len(packed) >= len(payload) && !bytes.HasPrefix(payload, zstdMagic) {
		return bytesToDB(payload)
	}
	return packed
}

// payloadFromDB unpacks what payloadToDB packed. What was kept before there was packing is returned as it is.
func payloadFromDB(kept []byte) ([]byte, error) {
	if !bytes.HasPrefix(kept, zstdMagic) {
		return kept, nil
	}
	payload, err := codec().from.DecodeAll(kept, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack a report: %w", err)
	}
	return payload, nil
}
