package broker

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/time/rate"
)

const (
	signInTime  = 10 * time.Second
	writeTime   = 10 * time.Second
	readBuffer  = 64 << 10
	costPerSize = 4 << 10 // a message costs one of its sender's tokens for every 4 KiB begun
)

// client is one connection at the gate.
type client struct {
	b      *Broker
	conn   net.Conn
	remote string
	inner  net.Conn // towards nats-server
	side   bool     // came through the door for Siaga itself
	meter  *rate.Limiter

	done chan struct{} // closed when serve returns

	// Guarded by gate.mu.
	user, device, id string
	session          string // nats-server's client id, empty for a session of one connection
	seated           bool
}

// signature is what every report of this client says. gate.mu is held.
func (c *client) signature() Report {
	return Report{User: c.user, Device: c.device, Client: c.id, Address: c.remote}
}

// report completes r with who it is about.
func (b *Broker) report(c *client, r Report) {
	b.gate.mu.Lock()
	s := c.signature()
	b.gate.mu.Unlock()
	s.Kind, s.Topic, s.Detail, s.At = r.Kind, r.Topic, r.Detail, time.Now()
	b.tally.add(s)
}

// serve carries one connection until either side ends it.
func (c *client) serve(ctx context.Context) {
	defer close(c.done)
	defer c.b.gate.forget(c)
	outer := c.conn
	defer outer.Close()
	if tcp, ok := outer.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(readBuffer) // what a throttled client has under way stays small
	}
	_ = outer.SetDeadline(time.Now().Add(signInTime))
	if c.b.tls != nil && !c.side {
		tc := tls.Server(outer, c.b.tls)
		if err := tc.HandshakeContext(ctx); err != nil {
			c.b.report(c, Report{Kind: BadProtocol, Detail: "TLS: " + err.Error()})
			return
		}
		outer = tc
	}
	in := bufio.NewReaderSize(outer, 16<<10)
	var buf []byte
	if !c.signIn(ctx, in, outer, &buf) {
		return
	}
	defer c.inner.Close()
	_ = outer.SetDeadline(time.Time{})
	down := make(chan struct{})
	go func() {
		defer close(down)
		c.down(outer)
		_ = c.conn.Close()
	}()
	c.up(ctx, in, &buf)
	_ = c.inner.Close()
	_ = c.conn.Close()
	<-down
}

// signIn reads CONNECT, checks it, and opens the way to nats-server under the gate's own password.
func (c *client) signIn(ctx context.Context, in *bufio.Reader, out net.Conn, buf *[]byte) bool {
	hello, err := c.readConnect(in, buf)
	if err != nil {
		c.b.report(c, Report{Kind: BadProtocol, Detail: err.Error()})
		_, _ = out.Write([]byte{0x20, 2, 0, 1})
		return false
	}
	c.b.gate.mu.Lock()
	c.id = hello.clientID
	c.b.gate.mu.Unlock()
	c.b.gate.name(c, hello.username)
	id, ok := c.b.opts.Directory.Identity(hello.username)
	if !ok || c.side && !id.Internal || hello.username == "" || hello.username[0] == '$' || !id.proves(hello.password) {
		c.b.report(c, Report{Kind: SignInFailed, Detail: "unknown user name or wrong password"})
		_, _ = out.Write([]byte{0x20, 2, 0, 5})
		return false
	}
	if hello.flags&flagWill != 0 && !supported([]byte(hello.willTopic)) {
		c.b.report(c, Report{Kind: TopicUnsupported, Topic: hello.willTopic, Detail: whiteSpace})
	}
	return c.letIn(ctx, out, hello, id)
}

// readConnect reads the first packet. A stranger gets no memory for anything but a CONNECT.
func (c *client) readConnect(in *bufio.Reader, buf *[]byte) (connect, error) {
	head, err := in.Peek(1)
	if err == nil && head[0] != typeConnect<<4 {
		err = errNotMQTT
	}
	var f frame
	if err == nil {
		f, err = readFrame(in, buf)
	}
	if err != nil {
		return connect{}, fmt.Errorf("before CONNECT: %w", err)
	}
	return parseConnect(f.body)
}

// letIn connects a client that has proved who it is to nats-server.
func (c *client) letIn(ctx context.Context, out net.Conn, hello connect, id Identity) bool {
	var d net.Dialer
	inner, err := d.DialContext(ctx, "tcp", c.b.inner)
	if err != nil {
		_, _ = out.Write([]byte{0x20, 2, 0, 3})
		return false
	}
	c.inner = inner
	limit := rate.Limit(c.b.opts.Rate)
	if id.Rate > 0 {
		limit = rate.Limit(id.Rate)
	}
	c.session = innerID(hello.username, hello.clientID)
	if before := c.b.gate.signedIn(c, id, limit, c.b.opts.Burst); before != nil {
		_ = before.conn.Close()
		_ = before.inner.Close()
		<-before.done
	}
	if hello.flags&flagClean == 0 {
		c.b.resume(ctx, c.session)
	}
	_ = c.inner.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := c.inner.Write(hello.packet(c.session, hello.username, c.b.pass)); err != nil {
		_ = c.inner.Close()
		return false
	}
	return true
}

// innerID keeps client ids of different users apart, so that nobody can take over a session by its name,
// and makes any client id fit for nats-server. An empty one stays empty: a session of one connection.
func innerID(username, clientID string) string {
	if clientID == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(username + "\x00" + clientID))
	return hex.EncodeToString(sum[:16])
}

const whiteSpace = "the topic has white space, which this broker cannot carry; rename it, or use mosquitto"

// up carries packets from the client, slowing down who publishes too fast.
func (c *client) up(ctx context.Context, in *bufio.Reader, buf *[]byte) {
	out := bufio.NewWriterSize(c.inner, 16<<10)
	for {
		f, err := readFrame(in, buf)
		if errors.Is(err, errOversize) && f.kind() == typePublish && c.skip(ctx, in, f) {
			continue
		}
		if err != nil {
			c.brokenOff(f, err)
			return
		}
		if f.kind() == typePublish {
			if v := c.judge(ctx, f); v == drop {
				continue
			} else if v == hangUp {
				return
			}
		}
		_ = c.inner.SetWriteDeadline(time.Now().Add(time.Minute)) // a full store holds the client back this long
		if _, err := out.Write(f.raw); err != nil {
			return
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return
			}
		}
		if cap(*buf) > readBuffer {
			*buf = nil // one big message must not stay in memory for ever
		}
	}
}

// skip passes over a message that is too large, when nobody waits for its acknowledgement: a Zigbee bridge
// with many devices publishes its inventory that way, and must not be cut off for it.
func (c *client) skip(ctx context.Context, in *bufio.Reader, f frame) bool {
	if f.head&0x06 != 0 {
		return false
	}
	topic := ""
	if n, err := in.Peek(2); err == nil {
		if t, err := in.Peek(2 + min(int(binary.BigEndian.Uint16(n)), maxShown)); err == nil {
			topic = string(t[2:])
		}
	}
	c.b.report(c, Report{Kind: Oversize, Topic: topic, Detail: fmt.Sprintf("a message of about %d bytes was dropped; the limit is %d", f.size, MaxPayload)})
	for left := f.size; left > 0; {
		n, err := in.Discard(min(left, costPerSize))
		if err != nil || (c.meter != nil && c.meter.Wait(ctx) != nil) {
			return false
		}
		left -= n
	}
	return true
}

// brokenOff reports why a client's bytes cannot be followed any further; a plain hang-up says nothing.
func (c *client) brokenOff(f frame, err error) {
	switch {
	case errors.Is(err, errOversize) && f.kind() == typePublish:
		c.b.report(c, Report{Kind: Oversize, Detail: fmt.Sprintf("a message above %d bytes", MaxPayload)})
	case errors.Is(err, errOversize), errors.Is(err, errNotMQTT):
		c.b.report(c, Report{Kind: BadProtocol, Detail: err.Error()})
	}
}

// verdict is what becomes of a PUBLISH.
type verdict int

const (
	forward verdict = iota
	drop
	hangUp
)

// judge looks at one PUBLISH and waits as long as its sender must.
func (c *client) judge(ctx context.Context, f frame) verdict {
	topic, size, err := f.publish()
	if err != nil {
		c.b.report(c, Report{Kind: BadProtocol, Detail: "PUBLISH: " + err.Error()})
		return hangUp
	}
	if size > MaxPayload {
		c.b.report(c, Report{Kind: Oversize, Topic: string(topic), Detail: fmt.Sprintf("a message of %d bytes; the limit is %d", size, MaxPayload)})
		if f.head&0x06 == 0 {
			return drop
		}
		return hangUp
	}
	if !supported(topic) {
		c.b.report(c, Report{Kind: TopicUnsupported, Topic: string(topic), Detail: whiteSpace})
	}
	if c.meter == nil {
		return forward
	}
	cost := min(1+size/costPerSize, c.meter.Burst())
	if c.meter.AllowN(time.Now(), cost) {
		return forward
	}
	c.b.report(c, Report{Kind: Throttled, Detail: fmt.Sprintf("publishes more than %.0f messages per second and is slowed down", float64(c.meter.Limit()))})
	if c.meter.WaitN(ctx, cost) != nil {
		return hangUp
	}
	return forward
}

// down carries bytes to the client. A client that does not read for ten seconds is let go.
func (c *client) down(out net.Conn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := c.inner.Read(buf)
		if n > 0 {
			_ = out.SetWriteDeadline(time.Now().Add(writeTime))
			if _, werr := out.Write(buf[:n]); werr != nil {
				if errors.Is(werr, os.ErrDeadlineExceeded) {
					c.b.report(c, Report{Kind: Overload, Detail: "does not read what it subscribed to"})
				}
				return
			}
		}
		if err != nil {
			return
		}
	}
}
