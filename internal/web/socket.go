package web

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"siaga/internal/hub"
)

// Close codes of ours.
const (
	closeSessionEnded = 4001
	closeSlow         = 4008
)

// Why a socket ends.
var (
	errHungUp       = errors.New("web: the other side hung up or vanished")
	errSessionEnded = errors.New("web: the session has ended")
	errStopping     = errors.New("web: stopping")
)

const (
	socketWriteTime = 10 * time.Second // one write; a client that takes longer is gone or hopelessly slow
	socketQuiet     = 75 * time.Second // nothing read, not even the answer to a ping
	socketPing      = 25 * time.Second
	maxSocketWrite  = 64 << 10 // frames gathered for one write
)

// socket is an upgraded connection that the server writes to. Each write holds whole frames, so that the library's
// answers to pings and ours cannot run into each other.
type socket struct {
	conn *websocket.Conn
	raw  net.Conn
	buf  []byte
	ping time.Time // when the client was last asked to show that it lives
}

// upgrade makes a websocket of a request from our own pages, or from a program that says no origin at all. What it
// refuses is answered already.
func upgrade(w http.ResponseWriter, r *http.Request) (*socket, error) {
	up := websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second,
		ReadBufferSize:   1024,
		WriteBufferSize:  1024, // only control frames go through the library
		CheckOrigin:      sameOrigin,
		Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
			code := "bad_request"
			if status == http.StatusForbidden {
				code = "cross_origin"
			}
			problem(status, code, "websocket: %s", reason).write(w)
		},
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	// The server's deadlines for plain requests are still on the connection.
	_ = conn.NetConn().SetDeadline(time.Time{})
	return &socket{conn: conn, raw: conn.NetConn(), ping: time.Now()}, nil
}

// sameOrigin reports whether a request comes from a page of ours or from no page.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// read takes what the client sends, which is nothing but control frames, until the connection ends.
func (s *socket) read() error {
	s.conn.SetReadLimit(4096)
	quiet := func() error { return s.raw.SetReadDeadline(time.Now().Add(socketQuiet)) }
	if err := quiet(); err != nil {
		return err
	}
	s.conn.SetPongHandler(func(string) error { return quiet() })
	for {
		if _, _, err := s.conn.NextReader(); err != nil {
			return errHungUp
		}
		if err := quiet(); err != nil {
			return err
		}
	}
}

// add gathers a frame for the next flush.
func (s *socket) add(frame []byte) error {
	if len(s.buf) > 0 && len(s.buf)+len(frame) > maxSocketWrite {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.buf = append(s.buf, frame...)
	return nil
}

// flush writes what was gathered, at once.
func (s *socket) flush() error {
	now := time.Now()
	if now.Sub(s.ping) >= socketPing {
		s.ping = now
		s.buf = append(s.buf, pingFrame...)
	}
	if len(s.buf) == 0 {
		return nil
	}
	if err := s.raw.SetWriteDeadline(now.Add(socketWriteTime)); err != nil {
		return err
	}
	_, err := s.raw.Write(s.buf)
	if s.buf = s.buf[:0]; cap(s.buf) > 2*maxSocketWrite {
		s.buf = nil // one huge event is no reason to keep the room for it
	}
	return err
}

// close says why and hangs up.
func (s *socket) close(code int, reason string) {
	message := websocket.FormatCloseMessage(code, reason)
	// A peer that does not read gets no reason; nobody else is kept waiting for it.
	_ = s.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
	_ = s.conn.Close()
}

// pingFrame is an empty ping from a server.
const pingFrame = "\x89\x00"

// textFrame and binaryFrame put a server's frame header (RFC 6455, final, not masked) before data.
func textFrame(data []byte) []byte { return frame(0x81, data) }

func binaryFrame(data []byte) []byte { return frame(0x82, data) }

func frame(first byte, data []byte) []byte {
	b := make([]byte, 0, len(data)+10)
	switch n := len(data); {
	case n < 126:
		b = append(b, first, byte(n))
	case n < 1<<16:
		b = append(b, first, 126, byte(n>>8), byte(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, first, 127), uint64(n))
	}
	return append(b, data...)
}

// serve runs write beside a reader, waits for both, and hangs up with the code that the end of ctx or of write calls
// for. write MUST flush at least every socketPing, since pings ride along.
func (s *socket) serve(ctx context.Context, write func(context.Context) error) (code int) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A write that hangs is freed when the end has come.
	stop := context.AfterFunc(ctx, func() { _ = s.raw.SetWriteDeadline(time.Now().Add(time.Second)) })
	defer stop()
	reader := make(chan struct{})
	go func() {
		defer close(reader)
		cancel(s.read())
	}()
	err := write(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	code, reason := closeCode(err)
	s.close(code, reason)
	<-reader
	return code
}

// closeCode is the close code and reason for why a socket ends.
func closeCode(err error) (int, string) {
	switch {
	case err == nil:
		return websocket.CloseNormalClosure, ""
	case errors.Is(err, errSessionEnded):
		return closeSessionEnded, "the session has ended"
	case errors.Is(err, hub.ErrSlow), errors.Is(err, os.ErrDeadlineExceeded):
		return closeSlow, "too slow; come back with your last sequence"
	case errors.Is(err, hub.ErrStopped), errors.Is(err, errStopping):
		return websocket.CloseGoingAway, "the program is stopping"
	case errors.Is(err, errHungUp):
		return websocket.CloseNormalClosure, ""
	}
	return websocket.CloseInternalServerErr, "something failed inside"
}
