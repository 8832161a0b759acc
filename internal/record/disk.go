package record

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"siaga/internal/watch"
)

// disk is every file operation that can fail, as fields, so that a test can make each of them fail.
type disk struct {
	create   func(path string) (*os.File, error)                // MUST fail if path exists
	writeAt  func(f *os.File, b []byte, off int64) (int, error) // one write call
	sync     func(f *os.File) error                             // data and size on the medium
	truncate func(f *os.File, size int64) error                 //
	rename   func(from, to string) error                        //
	remove   func(path string) error                            //
	mkdir    func(path string) error                            // MUST succeed if path is a directory already
	syncDir  func(path string) error                            // names on the medium
	usage    func(path string) (Usage, error)                   // of the file system path is on
	forget   func(f *os.File) error                             // drop f's clean pages from memory

	named sync.Map // directories whose name is on the medium for certain
}

// Usage is how full a file system is.
type Usage struct {
	Total, Free int64 // bytes; Free is what a program without privileges may use
}

// Percent is the share in use, 0 to 100, as df counts it.
func (u Usage) Percent() float64 {
	if u.Total <= 0 {
		return 0
	}
	return 100 * float64(u.Total-u.Free) / float64(u.Total)
}

func realDisk() *disk {
	return &disk{
		create: func(path string) (*os.File, error) {
			return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
		},
		writeAt:  func(f *os.File, b []byte, off int64) (int, error) { return f.WriteAt(b, off) },
		sync:     func(f *os.File) error { return unix.Fdatasync(int(f.Fd())) },
		truncate: func(f *os.File, size int64) error { return f.Truncate(size) },
		rename:   os.Rename,
		remove:   os.Remove,
		mkdir:    makeDir,
		syncDir:  SyncDir,
		usage:    DiskUsage,
		forget:   func(f *os.File) error { return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) },
	}
}

func makeDir(path string) error {
	if err := os.Mkdir(path, 0o750); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// SyncDir puts the names in a directory on the medium.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// DiskUsage is how full the file system of a path is.
func DiskUsage(path string) (Usage, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Usage{}, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	free := int64(s.Bavail) * s.Bsize
	// Blocks kept for root are neither ours nor in use.
	return Usage{Total: int64(s.Blocks-s.Bfree)*s.Bsize + free, Free: free}, nil
}

// diskReason is the Gap reason for a failed file operation.
func diskReason(err error) watch.Reason {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return watch.ReasonDiskFull
	}
	return watch.ReasonDiskError
}
