package broker_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"siaga/devices"
	"siaga/devices/devicetest"
	"siaga/internal/broker"
)

// site is a directory and a reporter for tests.
type site struct {
	mu      sync.Mutex
	ids     map[string]broker.Identity
	secrets map[string]string
	reports []broker.Report
	changed chan struct{}
}

func newSite() *site {
	s := &site{ids: map[string]broker.Identity{}, secrets: map[string]string{}, changed: make(chan struct{})}
	s.add(broker.Identity{Username: "siaga", Internal: true})
	s.add(broker.Identity{Username: "ht", Device: "ht-1", Publish: []string{"mmdvm/#"}, Subscribe: []string{"mmdvm/command"}})
	s.add(broker.Identity{Username: "door", Device: "door-1", Publish: []string{"zigbee2mqtt/#"}})
	return s
}

func (s *site) add(id broker.Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var secret string
	secret, id.Salt, id.Hash = broker.NewSecret()
	s.secrets[id.Username], s.ids[id.Username] = secret, id
}

func (s *site) Identity(username string) (broker.Identity, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.ids[username]
	return id, ok
}

func (s *site) Report(r broker.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = append(s.reports, r)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *site) await(t testing.TB, kind string) broker.Report {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		s.mu.Lock()
		reports, changed := slices.Clone(s.reports), s.changed
		s.mu.Unlock()
		for _, r := range reports {
			if r.Kind == kind {
				return r
			}
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("no report %s; got %+v", kind, reports)
		}
	}
}

// link is how that user connects.
func (s *site) link(b *broker.Broker, user, clientID string) *devices.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &devices.Link{URL: b.URL(), Username: user, Password: s.secrets[user], ClientID: clientID}
}

// serve opens and runs a broker until the returned function, or the end of the test, stops it.
func serve(t testing.TB, s *site, o broker.Options) (*broker.Broker, func()) {
	t.Helper()
	o.Directory, o.Reporter = s, s
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	b, err := broker.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		b.Close()
	})
	t.Cleanup(stop)
	return b, stop
}

var qos1 = devicetest.Flags{QoS: 1}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func subscribe(t testing.TB, c *devicetest.Client, filter string) {
	t.Helper()
	if code, err := c.Subscribe(filter, 1); err != nil || code != 1 {
		t.Fatalf("SUBSCRIBE %s: granted %#x, %v", filter, code, err)
	}
}

func TestPublish_ReachesSiagaAtQoS1(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "siaga-ht"))
	subscribe(t, siaga, "mmdvm/#")
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	for _, topic := range []string{"mmdvm/json", "mmdvm", "mmdvm/a/b", "mmdvm/with.dot", "mmdvm//empty", "mmdvm/end/"} {
		must(t, ht.Publish(topic, []byte("halo"), qos1))
		if m := siaga.Next(t); m.Topic != topic || string(m.Payload) != "halo" || m.QoS != 1 {
			t.Errorf("published on %q, received %+v", topic, m)
		} else {
			must(t, siaga.Ack(m.ID))
		}
	}
}

func TestSession_UnacknowledgedComesAgainInOrderAfterACrash(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "siaga-ht"))
	subscribe(t, siaga, "mmdvm/#")
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	for _, p := range []string{"1", "2", "3"} {
		must(t, ht.Publish("mmdvm/json", []byte(p), qos1))
	}
	first := siaga.Next(t)
	must(t, siaga.Ack(first.ID))
	siaga.Next(t)
	siaga.Next(t)
	siaga.Cut()
	must(t, ht.Publish("mmdvm/json", []byte("4"), qos1))
	began := time.Now()
	siaga = devicetest.MustDial(t, s.link(b, "siaga", "siaga-ht"))
	var got []string
	for len(got) < 3 {
		m := siaga.Next(t)
		t.Logf("%s dup=%v after %v", m.Payload, m.Dup, time.Since(began))
		got = append(got, string(m.Payload))
		must(t, siaga.Ack(m.ID))
	}
	if strings.Join(got, "") != "234" {
		t.Errorf("came again as %v; want 2 3 4", got)
	}
}

func TestSession_SameClientReplacesItself(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "s"))
	subscribe(t, siaga, "mmdvm/#")
	must(t, ht.Publish("mmdvm/json", []byte("1"), qos1))
	siaga.Next(t)
	again := devicetest.MustDial(t, s.link(b, "siaga", "s"))
	<-siaga.Gone()
	if m := again.Next(t); string(m.Payload) != "1" || !m.Dup {
		t.Errorf("received %+v; want message 1 again, marked", m)
	}
}

func TestRestart_KeepsQueuedMessagesAndSessions(t *testing.T) {
	s := newSite()
	dir := t.TempDir()
	b, stop := serve(t, s, broker.Options{Dir: dir})
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "siaga-ht"))
	subscribe(t, siaga, "mmdvm/#")
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	must(t, ht.Publish("mmdvm/json", []byte("1"), qos1))
	siaga.Next(t) // delivered, never acknowledged
	siaga.Cut()
	must(t, ht.Publish("mmdvm/json", []byte("2"), qos1))
	stop()
	b, _ = serve(t, s, broker.Options{Dir: dir})
	siaga = devicetest.MustDial(t, s.link(b, "siaga", "siaga-ht"))
	for _, want := range []string{"1", "2"} {
		if m := siaga.Next(t); string(m.Payload) != want {
			t.Errorf("after the restart came %q; want %q", m.Payload, want)
		}
	}
}

func TestForget_WipesASessionAndItsQueue(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "siaga-ht"))
	subscribe(t, siaga, "mmdvm/#")
	siaga.Cut()
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	must(t, ht.Publish("mmdvm/json", []byte("old"), qos1))
	must(t, b.Forget("siaga", "siaga-ht"))
	siaga = devicetest.MustDial(t, s.link(b, "siaga", "siaga-ht"))
	subscribe(t, siaga, "mmdvm/#")
	must(t, ht.Publish("mmdvm/json", []byte("new"), qos1))
	if m := siaga.Next(t); string(m.Payload) != "new" {
		t.Errorf("received %q; want only what came after", m.Payload)
	}
}

func TestClose_LeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := newSite()
	b, stop := serve(t, s, broker.Options{})
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	must(t, ht.Publish("mmdvm/json", []byte("x"), qos1))
	stop()
	ht.Cut()
	goleak.VerifyNone(t, before)
}
