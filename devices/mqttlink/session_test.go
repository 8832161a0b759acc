package mqttlink_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"siaga/devices"
	"siaga/devices/devicetest"
	"siaga/devices/mqttlink"
	"siaga/internal/watch"
)

// echo makes one fact of every message, answers those that ask, and remembers whether it was reset.
type echo struct {
	resets int
	silent bool
}

func (e *echo) Handle(m mqttlink.Message) mqttlink.Decoded {
	body, _ := json.Marshal(map[string]any{"text": string(m.Payload), "retained": m.Retained, "dup": m.Duplicate})
	d := mqttlink.Decoded{Readings: []watch.Reading{{Kind: "radio.echo", Body: body}}}
	switch string(m.Payload) {
	case "ask":
		d.Replies = []mqttlink.Reply{{Topic: "mmdvm/command", Payload: []byte("answer")}}
	case "two":
		d.Readings = append(d.Readings, d.Readings[0])
	case "poison":
		d.Readings[0].Body = json.RawMessage("{")
	}
	return d
}

func (e *echo) Tick(time.Time) []watch.Reading {
	if e.silent {
		return []watch.Reading{{Kind: "radio.silence", Body: json.RawMessage("{}")}}
	}
	return nil
}

func (e *echo) Reset() { e.resets++ }

func texts(os []*devicetest.Observation) []string {
	var out []string
	for _, o := range os {
		var b struct{ Text string }
		_ = json.Unmarshal(o.Body, &b)
		out = append(out, b.Text)
	}
	return out
}

func session(t testing.TB, l *devices.Link, h mqttlink.Handler) *mqttlink.Session {
	t.Helper()
	s, err := mqttlink.New(l, "radio", []string{"mmdvm/json"}, h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func publish(t testing.TB, c *devicetest.Client, text string) {
	t.Helper()
	if err := c.Publish("mmdvm/json", []byte(text), devicetest.Flags{QoS: 1}); err != nil {
		t.Fatal(err)
	}
}

func TestMosquitto_UnacknowledgedComesAgainAfterACrash(t *testing.T) {
	m := newMosquitto(t)
	gw := m.gateway()
	first := devicetest.NewHost()
	s := session(t, m.link("siaga", "siaga-ht"), &echo{})
	run := devicetest.Start(t, s, first)
	untilHeard(t, gw, first)
	first.Hold()
	publish(t, gw, "1")
	publish(t, gw, "2")
	awaitText(t, first, "2")
	run.Stop(t)
	publish(t, gw, "3")
	m.stop()
	m.start()
	second := devicetest.NewHost()
	devicetest.Start(t, session(t, m.link("siaga", "siaga-ht"), &echo{}), second)
	awaitText(t, second, "3")
	got := slices.DeleteFunc(second.Seen(), func(o *devicetest.Observation) bool {
		return o.Kind != "radio.echo" || texts([]*devicetest.Observation{o})[0] == "hello"
	})
	if !slices.Equal(texts(got), []string{"1", "2", "3"}) {
		t.Fatalf("came again as %v; want 1 2 3", texts(got))
	}
	for i, o := range got {
		if !o.Redelivered || o.Duplicate == "" {
			t.Errorf("message %d is not marked as perhaps redelivered", i)
		}
	}
	if before := first.Seen(); before[len(before)-1].Duplicate != got[1].Duplicate {
		t.Error("the same message has another hash when it comes again")
	}
}

func awaitText(t testing.TB, h *devicetest.Host, text string) {
	t.Helper()
	for n := 1; ; n++ {
		got := texts(h.AwaitN(t, "radio.echo", n))
		if slices.Contains(got, text) {
			return
		}
	}
}

func TestMosquitto_RefusalsAreFaults(t *testing.T) {
	m := newMosquitto(t)
	wrong := m.link("siaga", "x")
	wrong.Password = "guess"
	err := session(t, wrong, &echo{}).Run(t.Context(), devicetest.NewHost())
	if watch.ReasonOf(err) != watch.ReasonRefused {
		t.Errorf("wrong password: %v; want refused", err)
	}
	h := devicetest.NewHost()
	run := devicetest.Start(t, session(t, m.link("siaga", "siaga-ht"), &echo{}), h)
	untilHeard(t, m.gateway(), h)
	m.kill()
	if err := run.Ended(t); watch.ReasonOf(err) != watch.ReasonReset {
		t.Errorf("broker killed: %v; want reset", err)
	}
	err = session(t, m.link("siaga", "siaga-ht"), &echo{}).Run(t.Context(), devicetest.NewHost())
	if watch.ReasonOf(err) != watch.ReasonUnreachable {
		t.Errorf("no broker: %v; want unreachable", err)
	}
}

// untilHeard publishes until a message goes through: from outside, a subscription cannot be seen.
func untilHeard(t testing.TB, gw *devicetest.Client, h *devicetest.Host) {
	t.Helper()
	for range 500 {
		publish(t, gw, "hello")
		if len(h.Seen()) > 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("no message goes through")
}

func TestSession_ThousandMessagesWithoutWaitingForReceipts(t *testing.T) {
	b := devicetest.NewBroker(t)
	h := devicetest.NewHost()
	h.Hold()
	devicetest.Start(t, session(t, b.Link(), &echo{}), h)
	b.AwaitSubscribed(t)
	var want []uint16
	for i := range 1000 {
		want = append(want, b.Send(t, "mmdvm/json", fmt.Append(nil, i), devicetest.Flags{QoS: 1}))
	}
	h.AwaitN(t, "radio.echo", 1000) // none of them is durable yet
	if got := b.Acked(); len(got) != 0 {
		t.Fatalf("%d acknowledged before they were durable", len(got))
	}
	for _, o := range slices.Backward(h.Seen()) {
		o.Resolve(nil)
	}
	if got := b.AwaitAcked(t, 1000); !slices.Equal(got, want) {
		t.Error("acknowledged in another order than received")
	}
}

// farewell ends the run a moment after the broker let it in, while it may be subscribing.
type farewell struct {
	*devicetest.Host
	after time.Duration
	stop  context.CancelFunc
}

func (f farewell) Linked(context.Context) {
	for linked := time.Now(); time.Since(linked) < f.after; { // too short for a timer
	}
	f.stop()
}

func TestSession_ToldToStopWhileSubscribingReturnsWithinASecond(t *testing.T) {
	b := devicetest.NewBroker(t)
	s := session(t, b.Link(), &echo{})
	for n := range 1000 {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- s.Run(ctx, farewell{devicetest.NewHost(), time.Duration(n%100) * time.Microsecond, stop})
		}()
		<-ctx.Done()
		select {
		case <-done:
		case <-time.After(time.Second):
			t.Fatal("Run did not return within a second of its context's end")
		}
	}
}

func TestSession_RepliesOnlyWhenDurable(t *testing.T) {
	b := devicetest.NewBroker(t)
	h := devicetest.NewHost()
	h.Hold()
	devicetest.Start(t, session(t, b.Link(), &echo{}), h)
	b.AwaitSubscribed(t)
	b.Send(t, "mmdvm/json", []byte("ask"), devicetest.Flags{QoS: 1})
	o := h.Await(t, "radio.echo")
	o.Resolve(nil)
	h.Await(t, "radio.delivery").Resolve(nil)
	if p := b.AwaitPublished(t, 1)[0]; p.Topic != "mmdvm/command" || string(p.Payload) != "answer" {
		t.Errorf("published %+v", p)
	}
}

func TestSession_OrderedStopAcknowledgesWhatBecomesDurable(t *testing.T) {
	b := devicetest.NewBroker(t)
	h := devicetest.NewHost()
	h.Hold()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	s := session(t, b.Link(), &echo{})
	go func() { done <- s.Run(ctx, h) }()
	b.AwaitSubscribed(t)
	b.Send(t, "mmdvm/json", []byte("1"), devicetest.Flags{QoS: 1})
	h.Await(t, "radio.delivery").Resolve(nil)
	stop()
	h.Seen()[0].Resolve(nil) // the journal drains after the sources fell silent
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	b.AwaitAcked(t, 1)
}

func TestSession_ForgetsWhatNeverBecameDurable(t *testing.T) {
	b := devicetest.NewBroker(t)
	e := &echo{}
	s := session(t, b.Link(), e)
	h := devicetest.NewHost()
	run := devicetest.Start(t, s, h)
	b.AwaitSubscribed(t)
	b.Send(t, "mmdvm/json", []byte("1"), devicetest.Flags{QoS: 1})
	b.AwaitAcked(t, 1)
	run.Stop(t)
	b.AwaitGone(t)
	h.Hold()
	run = devicetest.Start(t, s, h)
	b.AwaitSubscribed(t)
	if e.resets != 0 {
		t.Error("reset although everything became durable")
	}
	b.Send(t, "mmdvm/json", []byte("2"), devicetest.Flags{QoS: 1})
	h.AwaitN(t, "radio.echo", 2)[1].Resolve(devicetest.ErrJournal)
	_ = run.Ended(t) // that it is the refusal, the exam checks
	b.AwaitGone(t)
	devicetest.Start(t, s, devicetest.NewHost()).Stop(t)
	if e.resets != 1 {
		t.Errorf("reset %d times; want once, since message 2 comes again", e.resets)
	}
}

func TestSession_TellsTheWeakestDeliveryOnce(t *testing.T) {
	b := devicetest.NewBroker(t)
	h := devicetest.NewHost()
	devicetest.Start(t, session(t, b.Link(), &echo{}), h)
	b.AwaitSubscribed(t)
	for _, qos := range []byte{1, 0, 1, 0, 1} {
		b.Send(t, "mmdvm/json", []byte("x"), devicetest.Flags{QoS: qos})
	}
	b.AwaitAcked(t, 3)
	var got []string
	for _, o := range h.Seen() {
		if o.Kind == "radio.delivery" {
			got = append(got, string(o.Body))
		}
	}
	if want := []string{`{"qos":1,"survives_crash":true}`, `{"qos":0,"survives_crash":false}`}; !slices.Equal(got, want) {
		t.Errorf("delivery readings %v; want %v", got, want)
	}
}

func TestSession_ReadingsOfOneMessageDifferInHash(t *testing.T) {
	b := devicetest.NewBroker(t)
	h := devicetest.NewHost()
	devicetest.Start(t, session(t, b.Link(), &echo{}), h)
	b.AwaitSubscribed(t)
	b.Send(t, "mmdvm/json", []byte("two"), devicetest.Flags{QoS: 1})
	b.Send(t, "mmdvm/json", []byte("two"), devicetest.Flags{QoS: 1, Dup: true})
	o := h.AwaitN(t, "radio.echo", 4)
	if o[0].Duplicate == o[1].Duplicate || o[0].Duplicate != o[2].Duplicate || o[1].Duplicate != o[3].Duplicate {
		t.Error("hashes do not pair the readings of a message with those of its redelivery")
	}
}

func TestSession_PoisonFromADriverBecomesGarbled(t *testing.T) {
	b := devicetest.NewBroker(t)
	h := devicetest.NewHost()
	devicetest.Start(t, session(t, b.Link(), &echo{}), h)
	b.AwaitSubscribed(t)
	b.Send(t, "mmdvm/json", []byte("poison"), devicetest.Flags{QoS: 1})
	h.Await(t, "radio.garbled")
	b.AwaitAcked(t, 1)
}

func TestSession_LeftoverTopicsAreLetGo(t *testing.T) {
	b := devicetest.NewBroker(t)
	h := devicetest.NewHost()
	devicetest.Start(t, session(t, b.Link(), &echo{}), h)
	b.AwaitSubscribed(t)
	b.Send(t, "old/json", []byte("x"), devicetest.Flags{QoS: 1})
	b.AwaitAcked(t, 1)
	if n := len(h.Seen()); n != 0 {
		t.Errorf("%d readings of a topic that is no longer ours", n)
	}
}

func TestSession_SilenceIsHeard(t *testing.T) {
	b := devicetest.NewBroker(t)
	h := devicetest.NewHost()
	devicetest.Start(t, session(t, b.Link(), &echo{silent: true}), h)
	h.Await(t, "radio.silence")
}

func TestNew_RefusesBadLinks(t *testing.T) {
	good := devices.Link{URL: "tcp://127.0.0.1:1883", ClientID: "c"}
	for name, change := range map[string]func(*devices.Link){
		"no host":      func(l *devices.Link) { l.URL = "tcp://" },
		"bad scheme":   func(l *devices.Link) { l.URL = "http://127.0.0.1" },
		"no client id": func(l *devices.Link) { l.ClientID = "" },
		"bad ca":       func(l *devices.Link) { l.CA = []byte("nonsense") },
	} {
		l := good
		change(&l)
		if _, err := mqttlink.New(&l, "radio", []string{"a"}, &echo{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestProbe_TellsWhatItHeardAndWhyNot(t *testing.T) {
	m := newMosquitto(t)
	gw := m.gateway()
	s := session(t, m.link("siaga", "siaga-ht"), &echo{})
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				_ = gw.Publish("mmdvm/json", []byte("hello"), devicetest.Flags{}) // the probe says whether it came
			}
		}
	}()
	p, err := s.Probe(t.Context())
	close(stop)
	<-done
	if err != nil || p.Device["last_topic"] != "mmdvm/json" || p.Device["messages"] != "3" || len(p.Notes) != 0 {
		t.Errorf("probe of a talking gateway: %+v, %v", p, err)
	}
	wrong := m.link("siaga", "x")
	wrong.Password = "guess"
	if _, err := session(t, wrong, &echo{}).Probe(t.Context()); watch.ReasonOf(err) != watch.ReasonRefused {
		t.Errorf("probe with a wrong password: %v", err)
	}
}
