package devicetest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"siaga/devices"
)

// Client is a plain MQTT 3.1.1 client for tests: a gateway that publishes, or a subscriber that decides
// itself what to acknowledge.
type Client struct {
	conn     net.Conn
	received chan Received
	gone     chan struct{} // closed when the broker hung up
	workers  sync.WaitGroup

	mu      sync.Mutex
	id      uint16
	waiting map[uint16]chan byte // packet id → SUBACK code or 0
}

// Received is a message from the broker.
type Received struct {
	Topic   string
	Payload []byte
	ID      uint16
	Flags
}

// Dial connects, or returns the broker's refusal code: 0 accepted, 5 not authorised, 255 no answer. An empty
// client id asks for a clean session.
func Dial(t testing.TB, l *devices.Link) (*Client, byte) {
	t.Helper()
	conn := open(t, l)
	_ = conn.SetDeadline(time.Now().Add(patience))
	flags := byte(0xc0)
	if l.ClientID == "" {
		flags |= 2
	}
	body := append(text(nil, "MQTT"), 4, flags, 0, 0)
	body = text(text(text(body, l.ClientID), l.Username), l.Password)
	r := bufio.NewReader(conn)
	err := write(conn, 0x10, body)
	if err == nil {
		var head byte
		if head, body, err = read(r); err == nil && (head != 0x20 || len(body) != 2) {
			t.Fatalf("CONNECT answered with % x % x", head, body)
		}
	}
	if err != nil || body[1] != 0 {
		_ = conn.Close()
		if err != nil {
			return nil, 255
		}
		return nil, body[1]
	}
	_ = conn.SetDeadline(time.Time{})
	c := &Client{conn: conn, received: make(chan Received, 1<<16), gone: make(chan struct{}), waiting: map[uint16]chan byte{}}
	c.workers.Add(1)
	go func() {
		defer c.workers.Done()
		defer close(c.gone)
		c.listen(r)
	}()
	t.Cleanup(c.Cut)
	return c, 0
}

// MustDial is Dial for who must be let in.
func MustDial(t testing.TB, l *devices.Link) *Client {
	t.Helper()
	c, code := Dial(t, l)
	if code != 0 {
		t.Fatalf("CONNECT as %s refused with code %d", l.Username, code)
	}
	return c
}

func open(t testing.TB, l *devices.Link) net.Conn {
	t.Helper()
	u, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", u.Host, patience)
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != "ssl" {
		return conn
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(l.CA)
	return tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: u.Hostname(), MinVersion: tls.VersionTLS12})
}

// Cut drops the connection without a goodbye, like a crash.
func (c *Client) Cut() {
	_ = c.conn.Close()
	c.workers.Wait()
}

// Leave says goodbye and disconnects.
func (c *Client) Leave() {
	_ = write(c.conn, 0xe0, nil) // a broker that is gone needs no goodbye
	c.Cut()
}

// Gone is closed when the connection has ended.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// Publish sends a message and, at QoS 1, waits for the broker's PUBACK.
func (c *Client) Publish(topic string, payload []byte, f Flags) error {
	wait, err := c.Begin(topic, payload, f)
	if err != nil {
		return err
	}
	return wait()
}

// Begin sends a message; the function it returns waits for the PUBACK.
func (c *Client) Begin(topic string, payload []byte, f Flags) (wait func() error, err error) {
	head := byte(0x30) | f.QoS<<1
	if f.Retain {
		head |= 1
	}
	body := text(nil, topic)
	if f.QoS == 0 {
		return func() error { return nil }, c.send(head, append(body, payload...))
	}
	id, answer := c.expect()
	body = binary.BigEndian.AppendUint16(body, id)
	if err := c.send(head, append(body, payload...)); err != nil {
		return nil, err
	}
	return func() error { _, err := c.await(answer, "PUBACK"); return err }, nil
}

// Subscribe returns the granted QoS, or 0x80 for a refusal.
func (c *Client) Subscribe(filter string, qos byte) (byte, error) {
	id, answer := c.expect()
	body := text(binary.BigEndian.AppendUint16(nil, id), filter)
	if err := c.send(0x82, append(body, qos)); err != nil {
		return 0, err
	}
	return c.await(answer, "SUBACK")
}

// Ack acknowledges a message.
func (c *Client) Ack(id uint16) error {
	return c.send(0x40, binary.BigEndian.AppendUint16(nil, id))
}

// Next returns the next message; the test fails if none comes.
func (c *Client) Next(t testing.TB) Received {
	t.Helper()
	select {
	case r := <-c.received:
		return r
	case <-time.After(patience):
		t.Fatalf("no message within %v", patience)
		return Received{}
	}
}

// Messages are the messages as they come.
func (c *Client) Messages() <-chan Received { return c.received }

func (c *Client) send(head byte, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return write(c.conn, head, body)
}

func (c *Client) expect() (uint16, chan byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.id++; c.id == 0 {
		c.id = 1
	}
	answer := make(chan byte, 1)
	c.waiting[c.id] = answer
	return c.id, answer
}

func (c *Client) await(answer chan byte, what string) (byte, error) {
	select {
	case code := <-answer:
		return code, nil
	case <-c.gone:
		return 0, fmt.Errorf("the broker hung up before %s", what)
	case <-time.After(2 * patience):
		return 0, fmt.Errorf("no %s", what)
	}
}

func (c *Client) listen(r *bufio.Reader) {
	for {
		head, body, err := read(r)
		if err != nil {
			return
		}
		switch head >> 4 {
		case 3:
			n := int(binary.BigEndian.Uint16(body))
			m := Received{Topic: string(body[2 : 2+n]), Payload: body[2+n:]}
			m.QoS, m.Retain, m.Dup = head>>1&3, head&1 != 0, head&8 != 0
			if m.QoS > 0 {
				m.ID, m.Payload = binary.BigEndian.Uint16(m.Payload), m.Payload[2:]
			}
			c.received <- m
		case 4:
			c.answered(body, 0)
		case 9:
			c.answered(body, body[2])
		}
	}
}

func (c *Client) answered(body []byte, code byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := binary.BigEndian.Uint16(body)
	if answer := c.waiting[id]; answer != nil {
		answer <- code
		delete(c.waiting, id)
	}
}

func text(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}
