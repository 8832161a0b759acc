package rtsp

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pacedPair is a paced connection and its other end.
func pacedPair(t *testing.T) (*pacedConn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	far, err := l.Accept()
	must(t, err)
	t.Cleanup(func() { far.Close() })
	p, err := pace(near.(*net.TCPConn))
	must(t, err)
	t.Cleanup(func() { p.Close() })
	return p, far.(*net.TCPConn)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPaced_BringsEveryByteBothWaysAndTheEnd(t *testing.T) {
	t.Parallel()
	for _, rhythm := range []time.Duration{0, paceWatched, paceAlone} {
		p, far := pacedPair(t)
		p.rhythm.Store(int64(rhythm))
		sent := make([]byte, 3<<20)
		for i := range sent {
			sent[i] = byte(rand.Uint32())
		}
		failed := make(chan error, 2)
		go func() { // echoes and ends
			b, err := io.ReadAll(io.LimitReader(far, int64(len(sent))))
			_, more := far.Write(b)
			failed <- errors.Join(err, more, far.CloseWrite())
		}()
		go func() { _, err := p.Write(sent); failed <- err }()
		got, err := io.ReadAll(p)
		if must(t, errors.Join(err, <-failed, <-failed)); !bytes.Equal(got, sent) {
			t.Errorf("rhythm %s: %d bytes came back, other than the %d sent", rhythm, len(got), len(sent))
		}
		if n, err := p.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %d %v", n, err)
		}
	}
}

func TestPaced_CloseEndsAReadThatWaits(t *testing.T) {
	t.Parallel()
	p, _ := pacedPair(t)
	p.play(false)
	ended := make(chan error)
	go func() { _, err := p.Read(make([]byte, 1)); ended <- err }()
	must(t, p.Close())
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
	if _, err := p.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write on it: %v", err)
	}
}

func TestPaced_DeadlinesHoldAndCanBeTakenBack(t *testing.T) {
	t.Parallel()
	p, far := pacedPair(t)
	must(t, p.SetDeadline(time.Now().Add(50*time.Millisecond)))
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read with nothing there: %v", err)
	}
	if _, err := p.Write(make([]byte, 32<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write that nobody reads: %v", err)
	}
	must(t, p.SetDeadline(time.Time{}))
	_, err := far.Write([]byte("x"))
	must(t, err)
	_, err = p.Read(make([]byte, 1))
	must(t, err)
}

// A descriptor that does not block is given to the runtime's poller by os.NewFile, and then every packet wakes a thread.
func TestPaced_IsOutOfTheRuntimesPoller(t *testing.T) {
	t.Parallel()
	p, _ := pacedPair(t)
	var flags int
	var err error
	must(t, errors.Join(p.raw.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) }), err))
	if flags&unix.O_NONBLOCK != 0 {
		t.Error("the descriptor is in non-blocking mode")
	}
	if err := p.file.SetDeadline(time.Now()); !errors.Is(err, os.ErrNoDeadline) {
		t.Errorf("the poller has it: %v", err)
	}
}
