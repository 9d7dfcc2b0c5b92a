package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockData makes this process the only server of a data folder, which it makes if it is not there. The system lets go of the lock when
// the process ends, however it ends; closing the file lets go of it too.
func lockData(folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w; nothing was started, choose another with --data", err)
	}
	path := filepath.Join(folder, "server.lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the data folder's lock: %w; nothing was started, choose another folder with --data", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer file.Close() //nolint:errcheck // nothing was written to it
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("another Lineitem server%s uses the folder %s, so nothing was started; stop it, or choose another folder with --data",
				holder(file), folder)
		}
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	// For people only: the lock itself is what counts.
	if err := file.Truncate(0); err == nil {
		_, _ = fmt.Fprintf(file, "%d\n", os.Getpid())
	}
	return file, nil
}

// holder names the process that holds the lock, where the file says it.
func holder(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, 32))
	if err != nil {
		return ""
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		return fmt.Sprintf(" (process %d)", pid)
	}
	return ""
}
