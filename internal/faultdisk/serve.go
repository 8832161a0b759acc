package faultdisk

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// session is one mount.
type session struct {
	d       *Disk
	fd      int
	dir     string
	workers sync.WaitGroup
}

// workers is how many calls may be under way: a slow one must not hold up the others.
const workers = 16

// Mount serves the disk at a directory, in the mount namespace of this process, until Unmount.
func (d *Disk) Mount(dir string) error {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("faultdisk: /dev/fuse: %w", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions", fd)
	if err := unix.Mount("faultdisk", dir, "fuse.faultdisk", unix.MS_NODEV|unix.MS_NOSUID, options); err != nil {
		return errors.Join(fmt.Errorf("faultdisk: mounting at %s: %w", dir, err), unix.Close(fd))
	}
	s := &session{d: d, fd: fd, dir: dir}
	d.mu.Lock()
	d.mounted, d.dead = s, false
	d.mu.Unlock()
	for range workers {
		s.workers.Go(s.serve)
	}
	return nil
}

// Unmount ends the mount. Programs that still use it get errors.
func (d *Disk) Unmount() error {
	d.mu.Lock()
	s := d.mounted
	d.mu.Unlock()
	if s == nil {
		return nil
	}
	if err := unix.Unmount(s.dir, unix.MNT_FORCE|unix.MNT_DETACH); err != nil {
		return fmt.Errorf("faultdisk: unmounting %s: %w", s.dir, err)
	}
	s.workers.Wait()
	d.mu.Lock()
	d.mounted = nil
	d.mu.Unlock()
	return unix.Close(s.fd)
}

// serve answers the kernel until the mount ends.
func (s *session) serve() {
	buf := make([]byte, maxWrite+8192)
	for {
		n, err := unix.Read(s.fd, buf)
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOENT):
			continue // ENOENT: the call was given up before we read it
		case err != nil:
			return // ENODEV: unmounted
		}
		r, ok := parse(buf[:n])
		if !ok {
			continue
		}
		p := &reply{b: make([]byte, headerOut, 256)}
		errno, answered := s.d.handle(r, p)
		if !answered {
			continue
		}
		_, _ = unix.Write(s.fd, p.finish(r.unique, errno)) // fails only if the caller is gone
	}
}

// handle does one call and reports whether it has an answer.
func (d *Disk) handle(r request, p *reply) (syscall.Errno, bool) {
	switch r.op {
	case opForget, opBatchForget, opInterrupt:
		return 0, false
	case opInit:
		p.init(r.u32(8))
		return 0, true
	case opRelease, opReleasedir, opDestroy:
		return 0, true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nodes[r.node]
	if n == nil {
		return unix.ESTALE, true
	}
	c := call{d: d, r: r, n: n, p: p}
	do, ok := calls[r.op]
	if !ok {
		return unix.ENOSYS, true
	}
	op, path := c.what()
	if op != "" {
		if f := d.strike(op, path); f != nil {
			if errno, done := c.suffer(f); done {
				return errno, true
			}
		}
	}
	if d.dead {
		return unix.EIO, true
	}
	return do(&c), true
}

// suffer lets a fault act, and reports whether the call is over. The lock is let go while a slow call waits.
func (c *call) suffer(f *Fault) (syscall.Errno, bool) {
	if f.Delay > 0 {
		c.d.mu.Unlock()
		time.Sleep(f.Delay) // what a slow disk does
		c.d.mu.Lock()
	}
	if f.Short && c.r.op == opWrite && !c.d.dead {
		half := c.r.u32(16) / 2
		if errno := c.write(half); errno != 0 || f.Err == 0 {
			return errno, true
		}
	}
	return f.Err, f.Err != 0
}
