package store

import (
	"bytes"
	"testing"

	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// FuzzPayload holds that what is packed comes back, and that what was kept without packing, or is broken, does no harm.
func FuzzPayload(f *testing.F) {
	for _, seed := range [][]byte{nil, {0x81, 0xa1, 'v', 1}, zstdMagic, append(bytes.Clone(zstdMagic), 0, 0, 0), bytes.Repeat([]byte("report "), 1000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		kept := payloadToDB(payload)
		got, err := payloadFromDB(kept)
		if err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("%x is kept as %x and read as %x, %v", payload, kept, got, err)
		}
		if len(kept) > len(payload) && !bytes.HasPrefix(payload, zstdMagic) {
			t.Errorf("%d bytes are kept as %d", len(payload), len(kept))
		}
		if got, err := payloadFromDB(payload); err == nil && !bytes.HasPrefix(payload, zstdMagic) && !bytes.Equal(got, payload) {
			t.Errorf("%x, kept without packing, is read as %x", payload, got)
		}
	})
}

// TestBrokenPayloadsAreHandedOut holds that a damaged report does not stop others from being read: who decodes it refuses it alone.
func TestBrokenPayloadsAreHandedOut(t *testing.T) {
	t.Parallel()
	kept := payloadToDB(bytes.Repeat([]byte("report "), 100))
	if len(kept) > 100 {
		t.Errorf("700 bytes are kept as %d", len(kept))
	}
	broken := kept[:len(kept)-3]
	if _, err := payloadFromDB(broken); err == nil {
		t.Error("half a report is taken for a whole one")
	}
	if got := batchFromDB(sqlcgen.Batch{Payload: broken}, false).Payload; !bytes.Equal(got, broken) {
		t.Errorf("half a report is handed out as %x", got)
	}
}
