package app

import "golang.org/x/sys/unix"

// machineMemory returns the memory of the machine in bytes, 0 where it is not known.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit)) //nolint:gosec,unconvert // the types differ by architecture
}
