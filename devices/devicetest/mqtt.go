package devicetest

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"siaga/devices"
	"siaga/internal/watch"
)

// MQTTPaper is what the exam needs to know of a driver that speaks MQTT.
type MQTTPaper struct {
	Config  string
	Topic   string   // a topic the driver listens to
	Payload []byte   // a message on it that makes at least one fact, each time it is sent to a new device
	Kinds   []string // kinds it makes, at least these
	Garbled string   // kind of an unreadable message: "radio.garbled"
}

// ExamMQTT checks what every MQTT driver must do, Exam included.
func ExamMQTT(t *testing.T, d devices.Driver, p MQTTPaper) {
	silent := NewBroker(t)
	Exam(t, d, p.settings(silent))
	for name, part := range map[string]func(*testing.T, devices.Driver, MQTTPaper){
		"acknowledges in order and only what is durable": examAck,
		"does not acknowledge what the journal refuses":  examRefused,
		"returns the error of Observe":                   examObserve,
		"stops while the queue is full":                  examBlocked,
		"unreadable payloads become events":              examGarbled,
		"says why the link failed":                       examFaults,
		"runs again after the link broke":                examAgain,
		"topic rights cover what it listens to":          examTopics,
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, before) }) // runs last, after broker and device
			part(t, d, p)
		})
	}
}

func (p MQTTPaper) settings(b *Broker) devices.Settings {
	return devices.Settings{ID: "exam", Config: json.RawMessage(p.Config), Link: b.Link()}
}

func (p MQTTPaper) start(t *testing.T, d devices.Driver, h *Host) (*Broker, *Running) {
	b := NewBroker(t)
	r := Start(t, Make(t, d, p.settings(b)), h)
	b.AwaitSubscribed(t)
	return b, r
}

func examAck(t *testing.T, d devices.Driver, p MQTTPaper) {
	h := NewHost()
	h.Hold()
	b, r := p.start(t, d, h)
	first := b.Send(t, p.Topic, p.Payload, Flags{QoS: 1})
	for _, kind := range p.Kinds {
		h.Await(t, kind)
	}
	second := b.Send(t, p.Topic, []byte("\xff not readable"), Flags{QoS: 1})
	later := h.Await(t, p.Garbled)
	later.Resolve(nil) // out of order: must wait for the first
	if got := b.Acked(); len(got) > 0 {
		t.Fatalf("acknowledged %v before the first reading was durable", got)
	}
	for _, o := range h.Seen() {
		o.Resolve(nil)
	}
	if got := b.AwaitAcked(t, 2); !slices.Equal(got, []uint16{first, second}) {
		t.Fatalf("acknowledged %v; want %v", got, []uint16{first, second})
	}
	for _, o := range h.Seen() {
		if o.Duplicate == "" && o.Kind != "" && !isDelivery(o.Kind) {
			t.Errorf("%s carries no Duplicate hash", o.Kind)
		}
	}
	r.Stop(t)
}

func isDelivery(kind string) bool {
	return strings.HasSuffix(kind, ".delivery")
}

func examRefused(t *testing.T, d devices.Driver, p MQTTPaper) {
	h := NewHost()
	h.Hold()
	b, r := p.start(t, d, h)
	b.Send(t, p.Topic, p.Payload, Flags{QoS: 1})
	h.Await(t, p.Kinds[0]).Resolve(ErrJournal)
	if err := r.Ended(t); !errors.Is(err, ErrJournal) {
		t.Errorf("Run returned %v; want the journal's refusal", err)
	}
	if got := b.Acked(); len(got) > 0 {
		t.Errorf("acknowledged %v although it was refused", got)
	}
}

func examObserve(t *testing.T, d devices.Driver, p MQTTPaper) {
	h := NewHost()
	b, r := p.start(t, d, h)
	h.Refuse(ErrJournal)
	b.Send(t, p.Topic, p.Payload, Flags{QoS: 1})
	if err := r.Ended(t); !errors.Is(err, ErrJournal) {
		t.Errorf("Run returned %v; want Observe's error", err)
	}
}

func examBlocked(t *testing.T, d devices.Driver, p MQTTPaper) {
	h := NewHost()
	b, r := p.start(t, d, h)
	h.Block()
	b.Send(t, p.Topic, p.Payload, Flags{QoS: 1})
	r.Stop(t)
}

func examGarbled(t *testing.T, d devices.Driver, p MQTTPaper) {
	h := NewHost()
	b, _ := p.start(t, d, h)
	hostile := [][]byte{
		[]byte("{"), []byte("null"), []byte("[]"), []byte("\x00\xff\xfe"), []byte(`{"`), make([]byte, 300<<10),
	}
	for _, raw := range hostile {
		b.Send(t, p.Topic, raw, Flags{QoS: 1})
	}
	b.AwaitAcked(t, len(hostile))
	for _, o := range h.AwaitN(t, p.Garbled, len(hostile)) {
		var body struct {
			Topic, Reason string
			Size          int
		}
		if err := json.Unmarshal(o.Body, &body); err != nil || body.Topic != p.Topic || body.Reason == "" || body.Size > 300<<10 {
			t.Errorf("body %s (%v); want topic, reason and size", o.Body, err)
		}
	}
}

func examFaults(t *testing.T, d devices.Driver, p MQTTPaper) {
	want := func(doing string, err error, reason watch.Reason) {
		t.Helper()
		if got := watch.ReasonOf(err); got != reason {
			t.Errorf("%s: %v; want reason %s", doing, err, reason)
		}
	}
	b, r := p.start(t, d, NewHost())
	b.Drop()
	want("link cut", r.Ended(t), watch.ReasonReset)
	b.RefuseSignIn(5)
	want("sign-in refused", Start(t, Make(t, d, p.settings(b)), NewHost()).Ended(t), watch.ReasonRefused)
	s := p.settings(b)
	b.Close()
	want("nobody listens", Start(t, Make(t, d, s), NewHost()).Ended(t), watch.ReasonUnreachable)
}

func examAgain(t *testing.T, d devices.Driver, p MQTTPaper) {
	b := NewBroker(t)
	dev := Make(t, d, p.settings(b))
	first := Start(t, dev, NewHost())
	b.AwaitSubscribed(t)
	b.Drop()
	_ = first.Ended(t) // the reason is checked elsewhere
	h := NewHost()
	r := Start(t, dev, h)
	b.AwaitSubscribed(t)
	b.Send(t, p.Topic, p.Payload, Flags{QoS: 1})
	if o := h.Await(t, p.Kinds[0]); !o.Redelivered {
		t.Error("a message right after a reconnect is not marked as perhaps redelivered")
	}
	b.AwaitAcked(t, 1)
	r.Stop(t)
}

func examTopics(t *testing.T, d devices.Driver, p MQTTPaper) {
	if d.Topics == nil {
		t.Fatal("an MQTT driver must name its topics")
	}
	rights, err := d.Topics(json.RawMessage(p.Config))
	if err != nil || len(rights.Publish) == 0 {
		t.Fatalf("Topics: %v, %v", rights, err)
	}
	if !slices.ContainsFunc(rights.Publish, func(f string) bool { return covers(f, p.Topic) }) {
		t.Errorf("rights %v do not let the gateway publish on %s", rights.Publish, p.Topic)
	}
	if _, err := d.Topics(json.RawMessage(`{"no_such_key":1}`)); err == nil {
		t.Error("Topics accepts an unknown key")
	}
}

// covers is a rough topic filter match, good enough for well-formed filters.
func covers(filter, topic string) bool {
	fs, ts := strings.Split(filter, "/"), strings.Split(topic, "/")
	for i, f := range fs {
		if f == "#" {
			return true
		}
		if i >= len(ts) || (f != "+" && f != ts[i]) {
			return false
		}
	}
	return len(fs) == len(ts)
}
