package rtsp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long until a connection that had nothing to read is looked at again.
const (
	// paceFirst doubles at every look in vain, up to paceAlone, while an answer is awaited.
	paceFirst = time.Millisecond
	// paceAlone is the rhythm of pictures that are only recorded. With 20 ms ten cameras cost 0.25 CPU-seconds a
	// camera-minute, with 40 ms 0.17 to 0.20.
	paceAlone = 40 * time.Millisecond
	// paceWatched is the rhythm of pictures that somebody watches, and the most that it adds to their delay. It is also
	// the rest after a look that took more than burst: a large picture comes through the socket's buffer in pieces,
	// and a camera that waits for room in it drops pictures.
	paceWatched = 4 * time.Millisecond
	burst       = 48 << 10
)

// pacedConn is a TCP connection that is looked at in a rhythm instead of whenever something comes: a picture is a dozen packets,
// and nobody needs to be woken by each. It is kept out of the runtime's poller, which would wake a thread for every packet even
// if nobody waits for one.
//
// It is a net.Conn for one reader and one writer at a time; Close may be called beside them and is noticed at the next look.
type pacedConn struct {
	file            *os.File // owns the descriptor, which is in blocking mode; every call says MSG_DONTWAIT
	raw             syscall.RawConn
	local, remote   net.Addr
	rhythm          atomic.Int64 // Duration between two looks; 0: an answer is awaited
	readBy, writeBy atomic.Int64 // since epoch; 0: no deadline

	// What follows is the reader's.
	empty bool // the last look found the end of what was there
	vain  int  // looks in a row that found nothing
	took  int  // bytes since the last rest
	into  []byte
	n     int
	err   error
	look  func(fd uintptr) bool // recv, made once
}

// pace takes over a connection, which MUST NOT be used or closed any more, whether it succeeds or not.
func pace(c *net.TCPConn) (*pacedConn, error) {
	fd, noCopy := -1, error(nil)
	raw, err := c.SyscallConn()
	if err == nil {
		err = raw.Control(func(old uintptr) { fd, noCopy = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	}
	err = errors.Join(err, noCopy, c.Close()) // the end of c takes it out of the poller
	if err == nil {
		err = unix.SetNonblock(fd, false) // or os.NewFile puts it in again
	}
	if err != nil {
		if fd >= 0 {
			_ = unix.Close(fd) // the error that matters is err
		}
		return nil, err
	}
	p := &pacedConn{file: os.NewFile(uintptr(fd), "rtsp"), local: c.LocalAddr(), remote: c.RemoteAddr()}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, p.file.Close())
	}
	p.look = p.recv
	return p, nil
}

func (c *pacedConn) recv(fd uintptr) bool {
	c.n, _, c.err = unix.Recvfrom(int(fd), c.into, unix.MSG_DONTWAIT)
	return true
}

// Read returns what is there, or waits for the next look.
func (c *pacedConn) Read(p []byte) (int, error) {
	c.into = p
	for {
		if c.empty {
			c.rest()
		}
		if c.raw.Read(c.look) != nil {
			return 0, net.ErrClosed
		}
		switch {
		case errors.Is(c.err, unix.EAGAIN):
			if passed(&c.readBy) {
				return 0, os.ErrDeadlineExceeded
			}
			c.empty = true
			c.vain++
		case errors.Is(c.err, unix.EINTR):
		case c.err != nil:
			return 0, os.NewSyscallError("recv", c.err)
		case c.n == 0:
			return 0, io.EOF
		default:
			c.empty, c.vain = c.n < len(p), 0
			c.took += c.n
			return c.n, nil
		}
	}
}

// rest sleeps until the next look. While pictures come all connections look at the same moments, so that the machine wakes once
// for all.
func (c *pacedConn) rest() {
	took := c.took
	c.took = 0
	switch rhythm := time.Duration(c.rhythm.Load()); {
	case rhythm == 0:
		time.Sleep(min(paceFirst<<min(c.vain, 8), paceAlone))
	case took > burst:
		time.Sleep(paceWatched)
	default:
		time.Sleep(rhythm - time.Since(epoch)%rhythm)
	}
}

// play sets the rhythm: there are pictures, and somebody watches them or nobody does.
func (c *pacedConn) play(watched bool) {
	rhythm := paceAlone
	if watched {
		rhythm = paceWatched
	}
	c.rhythm.Store(int64(rhythm))
}

// epoch makes deadlines and rhythm independent of the wall clock, which may be set while a camera plays.
var epoch = time.Now()

// Write sends all of p. Requests are small, so that it seldom has to wait.
func (c *pacedConn) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		var n int
		var err error
		gone := c.raw.Write(func(fd uintptr) bool {
			n, err = unix.SendmsgN(int(fd), p[sent:], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			return true
		})
		switch {
		case gone != nil:
			return sent, net.ErrClosed
		case errors.Is(err, unix.EAGAIN):
			if passed(&c.writeBy) {
				return sent, os.ErrDeadlineExceeded
			}
			time.Sleep(paceAlone)
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return sent, os.NewSyscallError("send", err)
		default:
			sent += n
		}
	}
	return sent, nil
}

func (c *pacedConn) Close() error                       { return c.file.Close() }
func (c *pacedConn) LocalAddr() net.Addr                { return c.local }
func (c *pacedConn) RemoteAddr() net.Addr               { return c.remote }
func (c *pacedConn) SetReadDeadline(t time.Time) error  { return note(&c.readBy, t) }
func (c *pacedConn) SetWriteDeadline(t time.Time) error { return note(&c.writeBy, t) }

func (c *pacedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func note(by *atomic.Int64, t time.Time) error {
	if t.IsZero() {
		by.Store(0)
	} else {
		by.Store(int64(t.Sub(epoch)))
	}
	return nil
}

func passed(by *atomic.Int64) bool {
	at := by.Load()
	return at != 0 && int64(time.Since(epoch)) >= at
}
