package console

import "time"

// Bounds are what one statement may take.
type Bounds struct {
	// MemoryBytes is DuckDB's share; the process as a whole gets twice that and Overhead.
	MemoryBytes int64
	// SpillBytes is what it may put on disk for the time that it runs.
	SpillBytes int64
	// AnswerBytes is the size of an answer in rows, FileBytes that of one as a file.
	AnswerBytes, FileBytes int64
	Threads                int
	// Time bounds the whole statement, the loading of its tables included.
	Time time.Duration
}

// overhead is what a worker takes before it does anything.
const overhead = 256 << 20

// DefaultBounds suit a server with two cores and a few gigabytes.
func DefaultBounds() Bounds {
	return Bounds{MemoryBytes: 512 << 20, SpillBytes: 2 << 30, AnswerBytes: 32 << 20, FileBytes: 256 << 20, Threads: 2, Time: 45 * time.Second}
}
