package app

import "golang.org/x/sys/unix"

// machineMemory returns the memory of the machine in bytes, 0 where it is not known.
func machineMemory() int64 {
	size, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(size) //nolint:gosec // no machine has that much
}
