package watch

// Outbox keeps batches until the server has them. It is bounded: when it is full the oldest go, and their time shows as unknown in the bill.
type Outbox struct {
	batches [][]byte
	bytes   int
	most    int
	dropped int
}

// NewOutbox makes an outbox of at most so many bytes.
func NewOutbox(mostBytes int) *Outbox { return &Outbox{most: mostBytes} }

// Add keeps batches.
func (o *Outbox) Add(batches ...[]byte) {
	for _, b := range batches {
		o.batches = append(o.batches, b)
		o.bytes += len(b)
	}
	for o.bytes > o.most && len(o.batches) > 0 {
		o.remove(1)
		o.dropped++
	}
}

// Next returns the oldest batches, at most so many and so many bytes, but one at least if there is any. They stay until Remove.
func (o *Outbox) Next(mostBatches, mostBytes int) [][]byte {
	n, size := 0, 0
	for n < len(o.batches) && n < mostBatches && (n == 0 || size+len(o.batches[n]) <= mostBytes) {
		size += len(o.batches[n])
		n++
	}
	return append([][]byte(nil), o.batches[:n]...)
}

// Remove forgets batches that Next returned. Those that were dropped meanwhile are gone already.
func (o *Outbox) Remove(sent [][]byte) {
	for _, b := range sent {
		if len(o.batches) > 0 && &o.batches[0][0] == &b[0] {
			o.remove(1)
		}
	}
}

// Len is how many batches wait, Dropped how many were lost.
func (o *Outbox) Len() int { return len(o.batches) }

// Dropped is how many batches were lost because there was no room.
func (o *Outbox) Dropped() int { return o.dropped }

func (o *Outbox) remove(n int) {
	for i := range n {
		o.bytes -= len(o.batches[i])
		o.batches[i] = nil
	}
	o.batches = o.batches[n:]
}
