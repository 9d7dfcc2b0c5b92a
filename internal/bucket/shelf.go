package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// fetchers is how many files are downloaded at once.
const fetchers = 8

// Shelf is a folder with the files of a bucket that were used lately. Together they are not larger than the bound, except while more are used at
// once than that.
type Shelf struct {
	bucket *Bucket
	folder string
	bound  int64

	mu    sync.Mutex
	books map[string]*book
	// bytes is what all books have, clock counts uses.
	bytes, clock int64
}

// book is a file in the folder, or one that is being brought there.
type book struct {
	bytes, used int64
	readers     int
	// there is closed when it has arrived, or failed to.
	there chan struct{}
	err   error
}

// NewShelf takes a folder, with the files that are in it. Only files whose names have that suffix belong to it.
func NewShelf(b *Bucket, folder, suffix string, bound int64) (*Shelf, error) {
	s := &Shelf{bucket: b, folder: folder, bound: bound, books: map[string]*book{}}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if filepath.Ext(path) == partSuffix { // left by a crash
			return os.Remove(path)
		}
		if filepath.Ext(path) != suffix {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		s.add(filepath.ToSlash(name), info.Size())
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("look at the folder %s: %w", folder, err)
	}
	return s, nil
}

// partSuffix ends the names of files that have not arrived.
const partSuffix = ".part"

func (s *Shelf) path(name string) string { return filepath.Join(s.folder, filepath.FromSlash(name)) }

// add takes note of a file that is in the folder.
func (s *Shelf) add(name string, bytes int64) {
	s.clock++
	there := make(chan struct{})
	close(there)
	s.books[name] = &book{bytes: bytes, used: s.clock, there: there}
	s.bytes += bytes
}

// Keep uploads a file that was written into the folder.
func (s *Shelf) Keep(ctx context.Context, name string) error {
	info, err := os.Stat(s.path(name))
	if err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	if err := s.bucket.Put(ctx, name, s.path(name)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.books[name]; !known {
		s.add(name, info.Size())
	}
	return s.tidy()
}

// Hold makes sure that files are in the folder, and that they stay there until release is called.
func (s *Shelf) Hold(ctx context.Context, names []string) (release func(), err error) {
	held := make([]*book, len(names))
	group, down := errgroup.WithContext(ctx)
	group.SetLimit(fetchers)
	for i, name := range names {
		group.Go(func() error {
			var err error
			held[i], err = s.hold(down, name)
			return err
		})
	}
	err = group.Wait()
	release = sync.OnceFunc(func() { s.release(held) })
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// hold takes one file. Where somebody else brings it and gives up because nobody waits for that one any more, it is brought again.
func (s *Shelf) hold(ctx context.Context, name string) (*book, error) {
	for {
		b, fresh := s.take(name)
		if fresh {
			return b, s.bring(ctx, name, b)
		}
		select {
		case <-b.there:
			if errors.Is(b.err, context.Canceled) && ctx.Err() == nil {
				continue
			}
			return b, b.err
		case <-ctx.Done():
			return b, fmt.Errorf("fetch %s: %w", name, ctx.Err())
		}
	}
}

// take counts a reader of a book; fresh tells that the caller is to bring it.
func (s *Shelf) take(name string) (b *book, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	b, ok := s.books[name]
	if !ok {
		b, fresh = &book{there: make(chan struct{})}, true
		s.books[name] = b
	}
	b.used = s.clock
	b.readers++
	return b, fresh
}

// bring downloads a book. If that fails, the next who wants it tries again.
func (s *Shelf) bring(ctx context.Context, name string, b *book) error {
	bytes, err := s.download(ctx, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		b.err = fmt.Errorf("fetch %s: %w", name, err)
		delete(s.books, name)
	} else {
		b.bytes = bytes
		s.bytes += bytes
	}
	close(b.there)
	return b.err
}

// download writes beside the file's place and moves it there when it is whole.
func (s *Shelf) download(ctx context.Context, name string) (_ int64, err error) {
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o700); err != nil {
		return 0, err
	}
	part, err := os.CreateTemp(filepath.Dir(s.path(name)), filepath.Base(name)+".*"+partSuffix)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	bytes, err := s.bucket.get(ctx, name, part)
	if err = errors.Join(err, part.Close()); err != nil {
		return 0, err
	}
	return bytes, os.Rename(part.Name(), s.path(name))
}

func (s *Shelf) release(held []*book) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range held {
		if b != nil {
			b.readers--
		}
	}
	_ = s.tidy() // a file that cannot be removed now is removed at another time
}

// tidy removes what was used longest ago and is not read, down to the bound.
func (s *Shelf) tidy() error {
	if s.bytes <= s.bound {
		return nil
	}
	var idle []string
	for name, b := range s.books {
		if b.readers == 0 {
			idle = append(idle, name)
		}
	}
	slices.SortFunc(idle, func(x, y string) int { return cmp.Compare(s.books[x].used, s.books[y].used) })
	for _, name := range idle {
		if s.bytes <= s.bound {
			break
		}
		if err := s.drop(name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shelf) drop(name string) error {
	if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	s.bytes -= s.books[name].bytes
	delete(s.books, name)
	return nil
}

// Renew downloads a file again, in the place of what the folder has under its name: whoever has that open reads on.
func (s *Shelf) Renew(ctx context.Context, name string) error {
	bytes, err := s.download(ctx, name)
	if err != nil {
		return fmt.Errorf("fetch %s again: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.books[name]
	if !ok {
		s.add(name, bytes)
		return nil
	}
	select {
	case <-b.there:
		s.bytes += bytes - b.bytes
		b.bytes = bytes
	default: // it is being brought, and will be counted then
	}
	return nil
}

// Remove deletes files, from the bucket and from the folder. One that is read stays in the folder until it is not.
func (s *Shelf) Remove(ctx context.Context, names ...string) error {
	failures := []error{s.bucket.Remove(ctx, names...)}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if b, ok := s.books[name]; ok && b.readers == 0 {
			failures = append(failures, s.drop(name))
		}
	}
	return errors.Join(failures...)
}

// Written tells of all files of the bucket when they were written.
func (s *Shelf) Written(ctx context.Context) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for f, err := range s.bucket.List(ctx) {
		if err != nil {
			return nil, err
		}
		out[f.Name] = f.Written
	}
	return out, nil
}

// Bytes is how large the files in the folder are together.
func (s *Shelf) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}
