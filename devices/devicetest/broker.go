package devicetest

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"siaga/devices"
)

// Broker is a scripted MQTT 3.1.1 broker for one client at a time: it sends what the test says, and
// records what the client sends. It keeps no sessions; tests with a real broker live beside mqttlink.
type Broker struct {
	listener net.Listener
	workers  sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{}
	conn     net.Conn
	connects int
	code     byte // CONNACK return code
	filters  []string
	acked    []uint16
	heard    []Published
	nextID   uint16
}

// Published is a message that the device under test published.
type Published struct {
	Topic   string
	Payload []byte
}

// Flags are the parts of a PUBLISH header.
type Flags struct {
	QoS         byte
	Retain, Dup bool
}

// NewBroker listens on a free loopback port until the test ends.
func NewBroker(t testing.TB) *Broker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &Broker{listener: l, changed: make(chan struct{})}
	b.workers.Add(1)
	go func() {
		defer b.workers.Done()
		b.accept()
	}()
	t.Cleanup(b.Close)
	return b
}

// Close hangs up and stops listening.
func (b *Broker) Close() {
	_ = b.listener.Close()
	b.Drop()
	b.workers.Wait()
}

// Link is a link to this broker.
func (b *Broker) Link() *devices.Link {
	return &devices.Link{URL: "tcp://" + b.listener.Addr().String(), ClientID: "siaga-exam", Username: "siaga", Password: "secret"}
}

// RefuseSignIn answers later CONNECTs with a return code, such as 5 for not authorised.
func (b *Broker) RefuseSignIn(code byte) { b.set(func() { b.code = code }) }

// Drop closes the client's connection.
func (b *Broker) Drop() {
	b.set(func() {
		if b.conn != nil {
			_ = b.conn.Close()
		}
		b.conn, b.filters = nil, nil
	})
}

// Connects is how many clients have connected so far.
func (b *Broker) Connects() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.connects
}

// Acked are the packet ids acknowledged so far, in order.
func (b *Broker) Acked() []uint16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.acked)
}

// AwaitSubscribed waits for the client's subscriptions and returns them.
func (b *Broker) AwaitSubscribed(t testing.TB) []string {
	t.Helper()
	var fs []string
	b.until(t, "subscription", func() bool { fs = slices.Clone(b.filters); return len(fs) > 0 })
	return fs
}

// AwaitGone waits until the client has disconnected.
func (b *Broker) AwaitGone(t testing.TB) {
	t.Helper()
	b.until(t, "disconnect", func() bool { return b.conn == nil })
}

// AwaitAcked waits until n messages are acknowledged and returns their ids in order.
func (b *Broker) AwaitAcked(t testing.TB, n int) []uint16 {
	t.Helper()
	var ids []uint16
	b.until(t, "acknowledgement", func() bool { ids = slices.Clone(b.acked); return len(ids) >= n })
	return ids
}

// AwaitPublished waits for n messages from the client.
func (b *Broker) AwaitPublished(t testing.TB, n int) []Published {
	t.Helper()
	var ps []Published
	b.until(t, "published message", func() bool { ps = slices.Clone(b.heard); return len(ps) >= n })
	return ps
}

// Send publishes to the client and returns the packet id, 0 at QoS 0.
func (b *Broker) Send(t testing.TB, topic string, payload []byte, f Flags) uint16 {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	head := byte(0x30) | f.QoS<<1
	if f.Retain {
		head |= 1
	}
	if f.Dup {
		head |= 8
	}
	body := binary.BigEndian.AppendUint16(nil, uint16(len(topic)))
	body = append(body, topic...)
	var id uint16
	if f.QoS > 0 {
		b.nextID++
		id = b.nextID
		body = binary.BigEndian.AppendUint16(body, id)
	}
	if b.conn == nil {
		t.Fatal("devicetest broker: nobody is connected")
	}
	if err := write(b.conn, head, append(body, payload...)); err != nil {
		t.Fatalf("devicetest broker: %v", err)
	}
	return id
}

func (b *Broker) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *Broker) until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		b.mu.Lock()
		good, changed := ok(), b.changed
		b.mu.Unlock()
		if good {
			return
		}
		select {
		case <-changed:
		case <-late.C:
			t.Fatalf("no %s within %v", what, patience)
		}
	}
}

func (b *Broker) accept() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.set(func() { b.conn, b.filters = conn, nil; b.connects++ })
		b.workers.Add(1)
		go func() {
			defer b.workers.Done()
			b.serve(conn)
			_ = conn.Close()
			b.set(func() {
				if b.conn == conn {
					b.conn, b.filters = nil, nil
				}
			})
		}()
	}
}

// serve answers one client until it goes.
func (b *Broker) serve(conn net.Conn) {
	r := bufio.NewReader(conn)
	for {
		head, body, err := read(r)
		if err != nil {
			return
		}
		b.mu.Lock()
		code := b.code
		b.mu.Unlock()
		switch head >> 4 {
		case 1:
			b.answer(conn, 0x20, []byte{0, code})
		case 3:
			b.published(conn, head, body)
		case 4:
			b.set(func() { b.acked = append(b.acked, binary.BigEndian.Uint16(body)) })
		case 8:
			fs := filtersOf(body[2:])
			b.answer(conn, 0x90, append(body[:2:2], slices.Repeat([]byte{1}, len(fs))...))
			b.set(func() { b.filters = append(b.filters, fs...) })
		case 12:
			b.answer(conn, 0xd0, nil)
		case 14:
			return
		}
	}
}

func (b *Broker) published(conn net.Conn, head byte, body []byte) {
	n := int(binary.BigEndian.Uint16(body))
	topic, rest := string(body[2:2+n]), body[2+n:]
	if head&6 != 0 {
		b.answer(conn, 0x40, rest[:2:2])
		rest = rest[2:]
	}
	b.set(func() { b.heard = append(b.heard, Published{topic, rest}) })
}

func (b *Broker) answer(conn net.Conn, head byte, body []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = write(conn, head, body) // a client that is gone is noticed by read
}

func filtersOf(body []byte) []string {
	var fs []string
	for len(body) > 2 {
		n := int(binary.BigEndian.Uint16(body))
		fs = append(fs, string(body[2:2+n]))
		body = body[2+n+1:]
	}
	return fs
}

func write(w io.Writer, head byte, body []byte) error {
	p := []byte{head}
	for n := len(body); ; {
		d := byte(n & 0x7f)
		if n >>= 7; n == 0 {
			p = append(p, d)
			break
		}
		p = append(p, d|0x80)
	}
	_, err := w.Write(append(p, body...))
	return err
}

func read(r *bufio.Reader) (head byte, body []byte, err error) {
	if head, err = r.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(r) // the same base-128 coding
	if err != nil || n > 1<<20 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return head, body, err
}
