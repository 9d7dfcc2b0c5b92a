package servertest

import (
	"bytes"
	"strings"
	"sync"
)

// lockedBuffer takes the log of a server, which many goroutines write.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// tail is the end of the log, from the beginning of a line: what a failure is near to.
func (b *lockedBuffer) tail() string {
	const enough = 4000
	text := b.String()
	if len(text) <= enough {
		return text
	}
	_, end, _ := strings.Cut(text[len(text)-enough:], "\n")
	return end
}
