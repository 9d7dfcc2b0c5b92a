//go:build !linux

package console

import (
	"os"
	"syscall"
)

// bound does nothing: DuckDB's own bounds are what there is here.
func bound(Bounds) error { return nil }

// become makes the process the program, with these arguments. Only Linux has what confines it further.
func become(program, _ string, args []string) error {
	return syscall.Exec(program, args, os.Environ())
}
