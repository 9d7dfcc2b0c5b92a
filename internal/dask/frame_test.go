package dask_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/lineitem/lineitem/internal/dask"
)

// frames is the head of a message.
func frames(count uint64, lengths ...uint64) []byte {
	out := binary.LittleEndian.AppendUint64(nil, 0) // the outer length means nothing
	out = binary.LittleEndian.AppendUint64(out, count)
	for _, n := range lengths {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	return out
}

func TestOnlyQuestionsThatRead(t *testing.T) {
	t.Parallel()
	got := dask.Allowed()
	slices.Sort(got)
	want := []string{"call_stack", "get_task_prefix_states", "identity", "lineitem_hello", "ncores", "processing", "versions"}
	if !slices.Equal(got, want) {
		t.Errorf("%v can be asked. A new one needs a reason: it must not run code, install anything or change what the scheduler does.", got)
	}
}

func TestFramesBehindTheFirstArePassedOver(t *testing.T) {
	t.Parallel()
	data := append(frames(3, 2, 4, 0), "hi,out"...)
	in := bytes.NewReader(append(data, frames(1, 3)...))
	first, err := dask.ReadMessage(in, 1000)
	if err != nil || string(first) != "hi" {
		t.Fatalf("%q, %v", first, err)
	}
}

func TestMessagesLargerThanWhatIsReadAtOnce(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 1 << 20, 1<<20 + 1, 5<<20 + 3} {
		body := bytes.Repeat([]byte{7}, n)
		got, err := dask.ReadMessage(bytes.NewReader(append(frames(1, uint64(n)), body...)), 64<<20)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
	}
}

// FuzzReadMessage looks for panics, for more memory than was allowed, and for bytes that were never sent.
func FuzzReadMessage(f *testing.F) {
	f.Add(append(frames(1, 3), 1, 2, 3))
	f.Add(append(frames(2, 1, 2), 1, 2, 3))
	f.Add(frames(1, 1<<63))
	f.Add(frames(1 << 63))
	f.Add(frames(2, 1<<63, 1<<63))
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 1000
		got, err := dask.ReadMessage(bytes.NewReader(data), most)
		if err == nil && (len(got) > most || !bytes.Contains(data, got)) {
			t.Fatalf("%d bytes of %d", len(got), len(data))
		}
	})
}
