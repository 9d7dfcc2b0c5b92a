package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// Logs implements backend.Backend.
func (b *Backend) Logs(ctx context.Context, id cluster.ProcessID, tail int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open log of process %s: %w", id, err)
	}
	f, err := b.openLog(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open log of process %s: %w", id, backend.ErrGone)
	}
	if err != nil {
		return nil, fmt.Errorf("open log of process %s: %w", id, err)
	}
	if err := seekTail(f, tail); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open log of process %s: %w", id, err)
	}
	return f, nil
}

func (b *Backend) openLog(id cluster.ProcessID) (*os.File, error) {
	if !validName(string(id)) {
		return nil, fs.ErrNotExist
	}
	// Forget may move the log from the first place to the second in between, hence the first again.
	for _, place := range []string{"clusters", "archive", "clusters"} {
		paths, err := filepath.Glob(filepath.Join(b.dir, place, "*", "logs", string(id)+".log"))
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			continue
		}
		f, err := os.Open(paths[0])
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return f, err
	}
	return nil, fs.ErrNotExist
}

// seekTail leaves f at the first beginning of a line in its last tail bytes; at the start if it is no longer than that. Where the tail holds
// no beginning of a line it is the tail itself: better a cut line than nothing.
func seekTail(f *os.File, tail int64) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	at := size - tail
	if tail <= 0 || at <= 0 {
		_, err = f.Seek(0, io.SeekStart)
		return err
	}
	// The byte before the tail is read too: if it ends a line, the tail begins with one.
	text := make([]byte, min(tail+1, 64<<10))
	n, err := f.ReadAt(text, at-1)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if i := strings.IndexByte(string(text[:n]), '\n'); i >= 0 && at+int64(i) < size {
		at += int64(i)
	}
	_, err = f.Seek(at, io.SeekStart)
	return err
}

// Forget implements backend.Backend. Logs and records move to the archive: the records so that no id is ever started again.
func (b *Backend) Forget(ctx context.Context, id cluster.ID) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("forget cluster %s: %w", id, err)
	}
	if !validName(string(id)) {
		return nil
	}
	unlock, err := b.lock()
	if err != nil {
		return fmt.Errorf("forget cluster %s: %w", id, err)
	}
	defer unlock()
	if err := b.forget(id); err != nil {
		return fmt.Errorf("forget cluster %s: %w", id, err)
	}
	return nil
}

func (b *Backend) forget(id cluster.ID) error {
	if _, err := os.Stat(b.clusterDir(id)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	records, err := b.recordsOf(id)
	if err != nil {
		return err
	}
	found, err := b.scan()
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := b.settle(r, found[r.ID], time.Now()); err != nil {
			return err
		}
		if r.PID != 0 && r.EndedAt.IsZero() {
			return fmt.Errorf("its process %s still runs; nothing was removed; stop it first", r.ID)
		}
	}
	for _, part := range []string{"credentials", "scratch", "run"} {
		if err := os.RemoveAll(filepath.Join(b.clusterDir(id), part)); err != nil {
			return err
		}
	}
	for _, part := range []string{"logs", "processes"} {
		if err := moveFiles(filepath.Join(b.clusterDir(id), part), filepath.Join(b.archiveDir(id), part)); err != nil {
			return err
		}
	}
	return os.RemoveAll(b.clusterDir(id))
}

// moveFiles moves one by one because the target may hold some already, from a Forget that was cut short.
func moveFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
