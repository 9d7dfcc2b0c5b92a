package app

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Memory of a worker for which none was asked: the machine's, shared among its cores, in whole units of 16 MiB and not less than a
// worker needs to come up.
const (
	fallbackMemory  = 4 << 30
	leastMemory     = 256 << 20
	memoryGranule   = 16 << 20
	cgroupMemoryMax = "/sys/fs/cgroup/memory.max"
)

func defaultWorkerMemory() int64 {
	total := machineMemory()
	if total <= 0 {
		total = fallbackMemory
	}
	// A container may be allowed less than the machine has.
	if text, err := os.ReadFile(cgroupMemoryMax); err == nil {
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && limit > 0 && limit < total {
			total = limit
		}
	}
	share := total / int64(runtime.NumCPU())
	return max(share/memoryGranule*memoryGranule, leastMemory)
}
