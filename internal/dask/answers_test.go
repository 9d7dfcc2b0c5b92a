package dask_test

import (
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/dask"
	"github.com/lineitem/lineitem/internal/dask/msgpack"
)

// FuzzAnswers takes anything for the answer to every question: what is understood of it must be sound, and nothing may panic.
func FuzzAnswers(f *testing.F) {
	worker := msgpack.Map{
		{Key: "name", Value: int64(3)},
		{Key: "nthreads", Value: int64(2)},
		{Key: "status", Value: "running"},
		{Key: "last_seen", Value: 1e9},
		{Key: "metrics", Value: msgpack.Map{
			{Key: "cpu", Value: 50.5},
			{Key: "task_counts", Value: msgpack.Map{{Key: "executing", Value: int64(1)}}},
			{Key: "digests_total_since_heartbeat", Value: msgpack.Map{{Key: []any{"execute", "x"}, Value: 0.5}}},
		}},
	}
	for _, v := range []any{
		msgpack.Map{
			{Key: "type", Value: "Scheduler"},
			{Key: "id", Value: "Scheduler-1"},
			{Key: "services", Value: msgpack.Map{{Key: "dashboard", Value: int64(8787)}}},
			{Key: "workers", Value: msgpack.Map{{Key: "tcp://a", Value: worker}, {Key: []any{"b"}, Value: nil}}},
		},
		msgpack.Map{{Key: "tcp://a", Value: []any{"x-1", []any{"y-2", int64(3)}, nil}}},
		msgpack.Map{{Key: "tcp://a", Value: msgpack.Map{{Key: []any{"x-1", int64(0)}, Value: []any{"  File \"a.py\", line 3, in f\n\tx = 1\n", int64(1)}}}}},
		msgpack.Map{{Key: "x", Value: msgpack.Map{{Key: "memory", Value: int64(3)}, {Key: "erred", Value: 1.5}}}},
		nil, "", int64(1),
		[]any{},
	} {
		f.Add(msgpack.Append(nil, v))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := msgpack.Decode(data, 10_000)
		if err != nil {
			return
		}
		id, processing, stacks, _ := dask.Answers(v)
		if id.ID == "" && len(id.Workers) > 0 {
			t.Error("workers of nobody")
		}
		for _, keys := range processing {
			for _, k := range keys {
				prefix(t, k)
			}
		}
		for _, running := range stacks {
			for _, r := range running {
				prefix(t, r.Key)
				for _, frame := range r.Frames {
					if frame.Line < 0 || len(frame.Text) > 400 || strings.HasSuffix(frame.Text, "\n") {
						t.Errorf("frame %+v", frame)
					}
				}
			}
		}
	})
}

func prefix(t *testing.T, k dask.Key) {
	t.Helper()
	if s, ok := k.(string); ok && len(dask.Prefix(k)) > len(s)+len("Other") {
		t.Errorf("%q became %q", k, dask.Prefix(k))
	}
}
