package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Reserve is a file that only takes up room. When the disk is full it is given back, so that events still fit
// while video has stopped; when there is room again it is filled again.
type Reserve struct {
	path string
	size int64
	mu   sync.Mutex
}

// Fill allocates the file in full, or says why it cannot.
func (r *Reserve) Fill() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := os.OpenFile(r.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store: reserve %s: %w", r.path, err)
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, r.size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		err = fillWithZeros(f, r.size)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("store: reserving %d bytes in %s: %w (free some disk space)", r.size, r.path, err), os.Remove(r.path))
	}
	return nil
}

// fillWithZeros serves file systems that cannot allocate ahead.
func fillWithZeros(f *os.File, size int64) error {
	zeros := make([]byte, 1<<20)
	for done := int64(0); done < size; done += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-done)], done); err != nil {
			return err
		}
	}
	return f.Sync()
}

// Size is how many bytes the reserve takes.
func (r *Reserve) Size() int64 { return r.size }

// Release gives the room back and reports whether there was any to give.
func (r *Reserve) Release() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return os.Remove(r.path) == nil
}

// Held reports whether the reserve is in place.
func (r *Reserve) Held() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := os.Stat(r.path)
	return !errors.Is(err, fs.ErrNotExist)
}
