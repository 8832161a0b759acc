package broker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MQTT 3.1.1 packet types that the gate looks at.
const (
	typeConnect = 1
	typePublish = 3
)

const (
	maxConnect = 80 << 10                // client id, will, name and password
	maxPublish = MaxPayload + 65535 + 16 // payload, topic, packet id
	maxOther   = 64 << 10
)

var (
	errOversize = errors.New("packet is too large")
	errNotMQTT  = errors.New("not an MQTT packet")
)

// frame is one packet as it came: raw is all of it, body what follows the fixed header. Of a packet that is
// too large only head and size are known, and its body is still to be read.
type frame struct {
	head      byte
	size      int
	raw, body []byte
}

func (f frame) kind() byte { return f.head >> 4 }

// readFrame reads one packet into buf, growing it as needed. The frame is valid until the next call.
func readFrame(r *bufio.Reader, buf *[]byte) (frame, error) {
	head, err := r.ReadByte()
	if err != nil {
		return frame{}, err
	}
	b := append((*buf)[:0], head)
	n, shift := 0, 0
	for {
		d, err := r.ReadByte()
		if err != nil {
			return frame{}, cut(err)
		}
		b = append(b, d)
		n |= int(d&0x7f) << shift
		if d < 0x80 {
			break
		}
		if shift += 7; shift > 21 {
			return frame{}, errNotMQTT
		}
	}
	limit := maxOther
	switch head >> 4 {
	case typeConnect:
		limit = maxConnect
	case typePublish:
		limit = maxPublish
	}
	if n > limit {
		return frame{head: head, size: n}, errOversize
	}
	start := len(b)
	b = append(b, make([]byte, n)...)
	*buf = b
	if _, err := io.ReadFull(r, b[start:]); err != nil {
		return frame{}, cut(err)
	}
	return frame{head: head, size: n, raw: b, body: b[start:]}, nil
}

func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fields reads the length-prefixed fields of a packet body. The first failure sticks.
type fields struct {
	b   []byte
	err error
}

func (f *fields) bytes() []byte {
	if f.err != nil || len(f.b) < 2 {
		f.err = errNotMQTT
		return nil
	}
	n := int(binary.BigEndian.Uint16(f.b))
	if len(f.b) < 2+n {
		f.err = errNotMQTT
		return nil
	}
	v := f.b[2 : 2+n]
	f.b = f.b[2+n:]
	return v
}

func (f *fields) text() string {
	v := f.bytes()
	if !utf8.Valid(v) || bytes.IndexByte(v, 0) >= 0 {
		f.err = errNotMQTT
	}
	return string(v)
}

func (f *fields) byte() byte {
	if f.err != nil || len(f.b) < 1 {
		f.err = errNotMQTT
		return 0
	}
	v := f.b[0]
	f.b = f.b[1:]
	return v
}

// connect is what a CONNECT packet says.
type connect struct {
	level     byte
	flags     byte
	keepAlive [2]byte
	clientID  string
	willTopic string
	will      []byte
	username  string
	password  string
}

const (
	flagClean    = 0x02
	flagWill     = 0x04
	flagPassword = 0x40
	flagUsername = 0x80
)

// parseConnect reads MQTT 3.1 and 3.1.1. It copies what it keeps.
func parseConnect(body []byte) (connect, error) {
	var c connect
	f := fields{b: body}
	name := f.text()
	c.level = f.byte()
	c.flags = f.byte()
	c.keepAlive = [2]byte{f.byte(), f.byte()}
	if f.err != nil {
		return c, f.err
	}
	if !(name == "MQTT" && c.level == 4) && !(name == "MQIsdp" && c.level&0x7f == 3) {
		return c, fmt.Errorf("speaks %.12q level %d; this broker speaks MQTT 3.1 and 3.1.1", name, c.level)
	}
	if c.flags&1 != 0 {
		return c, errNotMQTT
	}
	c.clientID = f.text()
	if c.flags&flagWill != 0 {
		c.willTopic = f.text()
		c.will = append([]byte(nil), f.bytes()...)
	}
	if c.flags&flagUsername != 0 {
		c.username = f.text()
	}
	if c.flags&flagPassword != 0 {
		c.password = string(f.bytes())
	}
	if f.err == nil && len(f.b) > 0 {
		f.err = errNotMQTT
	}
	return c, f.err
}

// packet writes the CONNECT as MQTT 3.1.1 with another client id and password.
func (c *connect) packet(clientID, username, password string) []byte {
	body := appendText(nil, "MQTT")
	body = append(body, 4, c.flags|flagUsername|flagPassword)
	body = append(body, c.keepAlive[:]...)
	body = appendText(body, clientID)
	if c.flags&flagWill != 0 {
		body = appendText(body, c.willTopic)
		body = appendText(body, string(c.will))
	}
	body = appendText(body, username)
	body = appendText(body, password)
	raw := binary.AppendUvarint([]byte{typeConnect << 4}, uint64(len(body))) // the same base-128 coding
	return append(raw, body...)
}

func appendText(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

// publish looks at a PUBLISH: its topic and payload size.
func (f frame) publish() (topic []byte, payload int, err error) {
	in := fields{b: f.body}
	topic = in.bytes()
	payload = len(in.b)
	if f.head&0x06 != 0 {
		payload -= 2
	}
	if in.err != nil || len(topic) == 0 || payload < 0 {
		return nil, 0, errNotMQTT
	}
	return topic, payload, nil
}
