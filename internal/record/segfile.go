package record

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Names on disk: segments/<device>.<stream>/<day>/<start>.mp4, and .part at the end while a file is open.
const (
	folder     = "segments"
	dayForm    = "2006-01-02"
	startForm  = "20060102T150405.000Z"
	fileSuffix = ".mp4"
	openSuffix = ".part"
)

// segmentPath is where a segment that starts at a site time belongs, relative to the data directory.
func segmentPath(k key, start int64) string {
	t := time.UnixMilli(start).UTC()
	return filepath.Join(folder, k.String(), t.Format(dayForm), t.Format(startForm)+fileSuffix)
}

// startOf reads a file's start out of its name.
func startOf(name string) (int64, error) {
	s := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), openSuffix), fileSuffix)
	t, err := time.Parse(startForm, s)
	if err != nil {
		return 0, fmt.Errorf("record: %s is not named after its start: %w", name, err)
	}
	return t.UnixMilli(), nil
}

// segFile is one video file being written. write is for one goroutine; sync and seal may be called beside it.
type segFile struct {
	disk *disk
	path string // final, relative to the data directory
	abs  string // final
	f    *os.File
	size int64
	sum  hash.Hash
	long bool // a write failed half way, and the file could not be cut back to size

	dirty  atomic.Bool  // written since the last sync was begun
	oldest atomic.Int64 // UnixNano of the oldest unit not yet synced, 0 if none

	mu      sync.Mutex // sync against seal
	newborn bool       // its name is not on the medium yet
	syncErr error      // a sync failed: what was written is in doubt
	synced  bool
	renamed bool
	closed  bool
}

// openSegment creates the file of a segment, with every directory above it.
func (d *disk) openSegment(dir, path string) (*segFile, error) {
	s := &segFile{disk: d, path: path, abs: filepath.Join(dir, path), sum: sha256.New(), newborn: true}
	if err := d.mkdirs(dir, filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if _, err := os.Lstat(s.abs); err == nil {
		return nil, fmt.Errorf("record: creating %s: %w", path, fs.ErrExist)
	}
	f, err := d.create(s.abs + openSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		d.named.Clear() // somebody took a directory away; the next try makes it again
	}
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	s.f = f
	return s, nil
}

// mkdirs makes the directories of path below dir, and puts the name of each on the medium. That one is there proves
// nothing: the sync may have failed, or the program been killed before it, and then a power cut takes the directory
// with all that was synced inside it since. So each is synced once a run.
func (d *disk) mkdirs(dir, path string) error {
	at := dir
	for _, name := range strings.Split(path, string(filepath.Separator)) {
		parent := at
		at = filepath.Join(at, name)
		if _, done := d.named.Load(at); done {
			continue
		}
		if err := d.mkdir(at); err != nil {
			return err
		}
		if err := d.syncDir(parent); err != nil {
			return err
		}
		d.named.Store(at, true)
	}
	return nil
}

// write appends b in one write call. If that fails, the file is cut back to what it was, at the latest by seal, and no
// more is written to it.
func (s *segFile) write(b []byte) error {
	n, err := s.disk.writeAt(s.f, b, s.size)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		cut := s.disk.truncate(s.f, s.size)
		s.long = cut != nil // seal does it
		return errors.Join(fmt.Errorf("record: writing %s: %w", s.path, err), cut)
	}
	s.sum.Write(b) // never fails
	s.size += int64(n)
	return nil
}

// sync puts what was written so far on the medium and returns when the oldest of it arrived, as UnixNano, or 0 if
// there was nothing to do. A failure stays with the file.
func (s *segFile) sync() (oldest int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, nil
	}
	s.dirty.Store(false)
	oldest = s.oldest.Swap(0)
	if err := s.disk.sync(s.f); err != nil {
		s.syncErr = fmt.Errorf("record: syncing %s: %w", s.path, err)
		return 0, s.syncErr
	}
	if s.newborn {
		if err := s.disk.syncDir(filepath.Dir(s.abs)); err != nil {
			s.syncErr = fmt.Errorf("record: syncing the directory of %s: %w", s.path, err)
			return 0, s.syncErr
		}
		s.newborn = false
	}
	return oldest, nil
}

// failed returns why the file is in doubt, or nil.
func (s *segFile) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.syncErr
}

// seal is the ordered end of a file: fsync, rename, fsync of the directory. It may be called again after an error and
// goes on where it failed. When it returns nil the file is complete, durable and under its name, and closed.
func (s *segFile) seal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.synced {
		if err := s.settle(); err != nil {
			return err
		}
		s.synced = true
	}
	if !s.renamed {
		if err := s.disk.rename(s.abs+openSuffix, s.abs); err != nil {
			return fmt.Errorf("record: %w", err)
		}
		s.renamed = true
	}
	if err := s.disk.syncDir(filepath.Dir(s.abs)); err != nil {
		return fmt.Errorf("record: syncing the directory of %s: %w", s.path, err)
	}
	return s.close()
}

// settle syncs for the last time. After a failed sync the system may have dropped what it could not write and call
// it clean, so a later success proves nothing: then the file is read back from the medium and compared.
func (s *segFile) settle() error {
	if s.long {
		if err := s.disk.truncate(s.f, s.size); err != nil {
			return fmt.Errorf("record: cutting %s: %w", s.path, err)
		}
		s.long = false
	}
	err := s.disk.sync(s.f)
	if err != nil && s.syncErr == nil {
		s.syncErr = err
	}
	if s.syncErr == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("record: syncing %s: %w", s.path, err)
	}
	if err := s.disk.forget(s.f); err != nil {
		return fmt.Errorf("record: reading %s back: %w", s.path, err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(s.f, 0, s.size)); err != nil {
		return fmt.Errorf("record: reading %s back: %w", s.path, err)
	}
	if !bytes.Equal(sum.Sum(nil), s.sum.Sum(nil)) {
		return fmt.Errorf("record: %s: %w", s.path, errDamaged)
	}
	return nil
}

// errDamaged means that a file is not what was written to it.
var errDamaged = errors.New("the file does not hold what was written")

// close ends the use of the file; the caller holds mu.
func (s *segFile) close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return s.f.Close()
}

// abandon closes the file and leaves it where it is.
func (s *segFile) abandon() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.close()
}
