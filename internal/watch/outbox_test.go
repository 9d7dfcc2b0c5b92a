package watch_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/lineitem/lineitem/internal/watch"
)

// TestOutbox compares the outbox with a plain list over random steps.
func TestOutbox(t *testing.T) {
	t.Parallel()
	const most = 500
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		o := watch.NewOutbox(most)
		var model [][]byte
		var sent [][]byte
		dropped, next := 0, byte(0)
		size := func() (n int) {
			for _, b := range model {
				n += len(b)
			}
			return n
		}
		for range 300 {
			switch r.IntN(3) {
			case 0:
				next++
				b := bytes.Repeat([]byte{next}, 1+r.IntN(200))
				o.Add(b)
				for model = append(model, b); size() > most; model = model[1:] {
					dropped++
				}
			case 1:
				sent = o.Next(1+r.IntN(4), 1+r.IntN(400))
				if (len(sent) == 0) != (len(model) == 0) {
					t.Fatalf("next gives %d of %d", len(sent), len(model))
				}
				for i, b := range sent {
					if &b[0] != &model[i][0] {
						t.Fatal("not the oldest")
					}
				}
			default:
				o.Remove(sent)
				for _, b := range sent {
					if len(model) > 0 && &model[0][0] == &b[0] {
						model = model[1:]
					}
				}
				sent = nil
			}
			if o.Len() != len(model) || o.Dropped() != dropped {
				t.Fatalf("seed %d: %d waiting, %d dropped; want %d, %d", seed, o.Len(), o.Dropped(), len(model), dropped)
			}
		}
	}
}
