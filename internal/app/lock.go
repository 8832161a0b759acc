package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrRunning means that another program holds the data directory.
var ErrRunning = errors.New("the data directory is in use by a running siaga")

// lockDir takes the data directory for this program alone. Two writers would break the tree.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("app: data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("app: data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrRunning, dir)
		}
		return nil, fmt.Errorf("app: locking %s: %w", dir, err)
	}
	return f, nil
}

// sign writes into the lock where the program is reached, for who finds the directory locked.
func (a *App) sign() error {
	if a.lock == nil { // standing by: `siaga restore` needs the directory
		return nil
	}
	if err := a.lock.Truncate(0); err != nil {
		return fmt.Errorf("app: signing the lock: %w", err)
	}
	if _, err := a.lock.WriteAt([]byte(a.URL()+"\n"), 0); err != nil {
		return fmt.Errorf("app: signing the lock: %w", err)
	}
	return nil
}

// runsAt tells whether a program holds a data directory, and the address of its dashboard, "" while it is starting.
func runsAt(dir string) (url string, runs bool) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		return "", false
	}
	defer func() { _ = f.Close() }() // with it goes a lock that was had
	if !errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK) {
		return "", false
	}
	line := make([]byte, 256)
	n, _ := f.ReadAt(line, 0) // shorter than the buffer, always
	url, _, _ = strings.Cut(string(line[:n]), "\n")
	return url, true
}
