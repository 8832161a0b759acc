package mqttlink

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"siaga/internal/watch"
)

// MaxPayload is the largest payload in bytes that reaches a Handler. A larger message becomes a garbled reading.
const MaxPayload = 256 << 10

const (
	garbledRaw   = 4 << 10 // bytes of the payload kept in a garbled reading
	garbledTopic = 512     // bytes of the topic kept
)

// Message is one MQTT message as it came from the broker.
type Message struct {
	Topic   string
	Payload []byte // MUST NOT be written to
	// Retained says that the broker kept this message and sends it because we subscribed: it is a state
	// of unknown age, not an event, and MUST NOT raise an alarm.
	Retained bool
	// Duplicate is the DUP flag: the broker has sent this message before.
	Duplicate bool
	// Redelivered is Duplicate, or arrival within 60 s after the session was (re)connected.
	Redelivered bool
	Received    time.Time // our clock
}

// Reply is a message to publish once every reading of the decoded message is durable.
type Reply struct {
	Topic   string
	Payload []byte
}

// Decoded is what a Handler made of one message. Both may be empty: a repeated state is no event.
type Decoded struct {
	Readings []watch.Reading
	Replies  []Reply
}

// Handler is a driver's decoder and the state it needs. All methods are called from one goroutine.
type Handler interface {
	// Handle decodes one message. It MUST NOT block, panic, or answer a payload it cannot read with
	// nothing: that is a Garbled reading.
	Handle(m Message) Decoded
	// Tick is called about once a second while connected, so that silence can become a reading.
	Tick(now time.Time) []watch.Reading
	// Reset forgets what was learnt from messages. It is called before a run when the run before it ended
	// with messages that were handled but never became durable: the broker sends those again, and a state
	// that has already seen them would swallow them.
	Reset()
}

// Garbled is the reading of a message that cannot be read: kind family.garbled, with the reason and the
// first 4 KiB of the payload.
func Garbled(family string, m Message, reason string) watch.Reading {
	raw := m.Payload[:min(len(m.Payload), garbledRaw)]
	body, _ := json.Marshal(struct { // strings and numbers only: cannot fail
		Topic  string `json:"topic"`
		Reason string `json:"reason"`
		Size   int    `json:"size"`
		Raw    string `json:"raw_base64"`
	}{clip(m.Topic, garbledTopic), clip(reason, garbledTopic), len(m.Payload), base64.StdEncoding.EncodeToString(raw)})
	return watch.Reading{Kind: family + ".garbled", Received: m.Received, Body: body}
}

// clip shortens s to at most n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// stamp fills in what the transport knows about readings made from m. Readings that are not fit for the
// journal are replaced by a garbled one: a poison message would otherwise come back for ever.
func stamp(family string, m Message, readings []watch.Reading) []watch.Reading {
	wire := sha256.New()
	wire.Write([]byte(m.Topic))
	wire.Write([]byte{0})
	wire.Write(m.Payload)
	sum := wire.Sum(nil)
	made := map[string]int{}
	for i, r := range readings {
		if err := check(r); err != nil {
			r = Garbled(family, m, "driver made a reading that the journal refuses: "+err.Error())
		}
		if r.Received.IsZero() {
			r.Received = m.Received
		}
		r.Duplicate = readingHash(sum, r.Kind, made[r.Kind])
		r.Resent, r.Redelivered = m.Duplicate, m.Redelivered
		made[r.Kind]++
		readings[i] = r
	}
	return readings
}

// readingHash tells apart the readings of one wire message, so that the second is not taken for a
// redelivery of the first. It is the same when the message comes again, also when the driver has been
// restarted since and knows less: whose call it was, say. So neither child, subject nor body go into it.
func readingHash(wire []byte, kind string, nth int) string {
	h := sha256.New()
	h.Write(wire)
	h.Write([]byte(kind + "\x00" + strconv.Itoa(nth)))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func check(r watch.Reading) error {
	d := watch.Draft{Kind: r.Kind, Subject: r.Subject, Body: r.Body}
	return d.Validate()
}

// matches reports whether an MQTT topic filter covers a topic.
func matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && (strings.HasPrefix(filter, "+") || strings.HasPrefix(filter, "#")) {
		return false
	}
	for {
		f, fRest, fMore := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, tRest, tMore := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		if !fMore || !tMore {
			return fMore == tMore || (fMore && fRest == "#")
		}
		filter, topic = fRest, tRest
	}
}
