package rtsp

import (
	"bytes"
	"encoding/binary"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Sizes of the buffer that is read into: at first a picture of most cameras, so that one system call serves a dozen packets,
// and at most more than the largest interleaved frame and the longest header.
const (
	readBuffer = 24 << 10
	mostBuffer = 72 << 10
)

// maxHeader is how long a message's header may be before it is handed on as it is.
const maxHeader = 32 << 10

// echoEvery is how often the library gets a copy of a packet: it takes a connection without any for dead. It does
// nothing else with it.
const echoEvery = time.Second

// directTable holds, by interleaved channel, who takes RTP packets straight from the buffer.
type directTable [256]func(packet []byte)

// interleaved is the control connection of a camera. It reads ahead, and takes RTP packets that are interleaved
// with RTSP messages out of the stream before the library sees them: the library allocates four times per
// packet, which for 50 cameras costs half as much again as everything else. What is not such a packet passes
// through unchanged.
type interleaved struct {
	net.Conn
	direct atomic.Pointer[directTable]
	buf    []byte
	r, w   int
	pass   int  // bytes at r to hand to the library
	echo   bool // the next packet goes to the library too
	echoAt time.Time
}

func newInterleaved(c net.Conn) *interleaved {
	return &interleaved{Conn: c, buf: make([]byte, readBuffer)}
}

// Read is called by the library's one reader goroutine; packets are delivered from inside it.
func (c *interleaved) Read(p []byte) (int, error) {
	for {
		if n := min(c.pass, c.w-c.r); n > 0 {
			n = copy(p, c.buf[c.r:c.r+n])
			c.r += n
			c.pass -= n
			return n, nil
		}
		if c.pass == 0 && c.r < c.w && c.step() {
			continue
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
}

// step takes what begins at r: a packet, or the length of a message into pass. False: more bytes are needed.
func (c *interleaved) step() bool {
	b := c.buf[c.r:c.w]
	if b[0] == '$' {
		return c.frame(b)
	}
	if b[0] < 'A' || b[0] > 'Z' {
		c.pass = 1 // the library skips what cannot begin a message
		return true
	}
	end := bytes.Index(b, []byte("\r\n\r\n"))
	switch {
	case end >= 0:
		c.pass = end + 4 + contentLength(b[:end])
	case len(b) >= maxHeader:
		c.pass = len(b)
	default:
		return false
	}
	return true
}

func (c *interleaved) frame(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	size := 4 + int(binary.BigEndian.Uint16(b[2:]))
	table := c.direct.Load()
	if table == nil || table[b[1]] == nil {
		c.pass = size
		return true
	}
	if len(b) < size {
		return false
	}
	table[b[1]](b[4:size])
	if c.echo {
		c.echo, c.pass = false, size
	} else {
		c.r += size
	}
	return true
}

// fill reads more behind what is there.
func (c *interleaved) fill() error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	} else if c.w == len(c.buf) {
		to := c.buf
		if c.r == 0 { // one frame or message fills it
			to = make([]byte, min(2*len(c.buf), mostBuffer))
		}
		c.w = copy(to, c.buf[c.r:c.w])
		c.r, c.buf = 0, to
	}
	n, err := c.Conn.Read(c.buf[c.w:])
	c.w += n
	if n > 0 {
		if now := time.Now(); now.Sub(c.echoAt) >= echoEvery {
			c.echo, c.echoAt = true, now
		}
		return nil
	}
	return err
}

// contentLength reads the length of a message's body from its header.
func contentLength(header []byte) int {
	for line := range strings.Lines(string(header)) {
		name, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n >= 0 && n < 1<<20 {
				return n
			}
		}
	}
	return 0
}
