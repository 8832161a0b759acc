package hub

import (
	"bytes"
	"encoding/json"
	"strconv"
	"sync"
	"unicode/utf8"

	"siaga/internal/watch"
)

// Message is one JSON object for the wire, shared by all viewers that may see it.
type Message struct {
	// Data is valid UTF-8 and MUST NOT be changed.
	Data []byte

	once   sync.Once
	framed any
}

// Framed returns what frame makes of Data, made once for all viewers.
func (m *Message) Framed(frame func([]byte) any) any {
	m.once.Do(func() { m.framed = frame(m.Data) })
	return m.framed
}

// entry is an event, sample or state that is encoded when the first viewer wants it.
type entry struct {
	seq   uint64 // 0 for what is not sequenced
	sees  uint64 // one bit per class
	size  int    // bytes it may hold, for the ring's bound
	event watch.Event

	once sync.Once
	form func(*entry) []byte
	msg  Message
}

func newEntry(e watch.Event, sees uint64) *entry {
	return &entry{seq: e.Seq, sees: sees, size: 2*len(e.Body) + 512, event: e, form: eventForm}
}

func (e *entry) visible(classes uint64) bool { return e.sees&classes != 0 }

func (e *entry) message() *Message {
	e.once.Do(func() {
		e.msg.Data = e.form(e)
		e.event.Body = nil
	})
	return &e.msg
}

func eventForm(e *entry) []byte {
	ev := &e.event
	b := make([]byte, 0, len(ev.Body)+256)
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, ev.Seq, 10)
	b = appendPlace(append(b, ','), ev)
	b = appendField(b, "zone", ev.Zone)
	b = appendField(b, "subject", ev.Subject)
	b = appendField(b, "actor", ev.Actor)
	if !ev.DeviceAt.IsZero() {
		b = appendField(b, "device_at", watch.FormatTime(ev.DeviceAt))
		b = append(b, `,"offset_ms":`...)
		b = strconv.AppendInt(b, ev.DeviceAt.Sub(ev.At).Milliseconds(), 10)
	}
	if ev.Erased {
		b = append(b, `,"erased":true`...)
	}
	return append(appendBody(b, ev.Body), '}')
}

func sampleForm(e *entry) []byte {
	return append(appendSample(append(make([]byte, 0, len(e.event.Body)+128), `{"sample":`...), &e.event), '}')
}

func appendSample(b []byte, ev *watch.Event) []byte {
	return append(appendBody(appendPlace(append(b, '{'), ev), ev.Body), '}')
}

// appendPlace writes the members kind, at and device.
func appendPlace(b []byte, ev *watch.Event) []byte {
	b = append(b, `"kind":`...)
	b = appendString(b, ev.Kind)
	b = appendField(b, "at", watch.FormatTime(ev.At))
	return appendField(b, "device", ev.Device)
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

// appendBody writes the body verbatim, except that bytes which are not UTF-8 are replaced: JSON checks let them pass
// inside strings, but a browser drops the whole line over one such byte, and would again each time it came back.
func appendBody(b []byte, body json.RawMessage) []byte {
	b = append(b, `,"body":`...)
	switch {
	case len(body) == 0 || !json.Valid(body):
		return append(b, "null"...)
	case !utf8.Valid(body):
		return append(b, bytes.ToValidUTF8(body, []byte("\uFFFD"))...)
	}
	return append(b, body...)
}

// appendString writes s as a JSON string; the common case needs no escaping.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...)
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// withheld stands for a run of events that the viewer may not see.
func withheld(from, through uint64) *Message {
	b := append(make([]byte, 0, 64), `{"seq":`...)
	b = strconv.AppendUint(b, from, 10)
	b = append(b, `,"through":`...)
	b = strconv.AppendUint(b, through, 10)
	return &Message{Data: append(b, `,"withheld":true}`...)}
}
