package broker_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
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

func TestPublish_OnAnothersTopicIsRefusedAndReported(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "siaga-all"))
	subscribe(t, siaga, "#")
	door := devicetest.MustDial(t, s.link(b, "door", "z2m"))
	must(t, door.Publish("mmdvm/json", []byte("panic cleared"), qos1))
	must(t, door.Publish("zigbee2mqtt/pintu", []byte("mine"), qos1))
	if m := siaga.Next(t); m.Topic != "zigbee2mqtt/pintu" {
		t.Errorf("Siaga received %+v", m)
	}
	r := s.await(t, broker.PublishRefused)
	if r.User != "door" || r.Device != "door-1" || r.Client != "z2m" || r.Topic != "mmdvm/json" || !strings.HasPrefix(r.Address, "127.0.0.1:") || r.Count != 1 {
		t.Errorf("report %+v", r)
	}
	if code, err := door.Subscribe("mmdvm/#", 1); err != nil || code != 0x80 {
		t.Errorf("SUBSCRIBE to another's topic: %#x, %v; want 0x80", code, err)
	}
	if r := s.await(t, broker.SubscribeRefused); r.User != "door" || !strings.HasPrefix(r.Topic, "mmdvm") {
		t.Errorf("report %+v", r)
	}
}

func TestRights_InsideOfNatsServerIsOutOfReach(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	for _, user := range []string{"siaga", "ht"} {
		c := devicetest.MustDial(t, s.link(b, user, "probe-"+user))
		for _, f := range []string{"$MQTT/#", "$JS/#", "$SYS/#", "$JS/API/#"} {
			if code, err := c.Subscribe(f, 0); err == nil && code != 0x80 {
				t.Errorf("%s may subscribe to %s", user, f)
			}
		}
	}
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "s"))
	subscribe(t, siaga, "mmdvm/#")
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	must(t, ht.Publish("$JS/API/STREAM/DELETE/$MQTT_msgs", nil, devicetest.Flags{}))
	must(t, siaga.Publish("$JS/API/STREAM/PURGE/$MQTT_msgs", nil, devicetest.Flags{}))
	must(t, ht.Publish("mmdvm/json", []byte("still here"), qos1))
	siaga.Next(t)
}

func TestSignIn_WrongPasswordIsRefusedAndReported(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	for _, change := range []func(*devices.Link){
		func(l *devices.Link) { l.Password = "guess" },
		func(l *devices.Link) { l.Password = "" },
		func(l *devices.Link) { l.Username = "nobody" },
		func(l *devices.Link) { l.Username = "" },
	} {
		l := s.link(b, "ht", "gw")
		change(l)
		if _, code := devicetest.Dial(t, l); code != 5 {
			t.Errorf("CONNECT as %q: code %d; want 5", l.Username, code)
		}
	}
	if r := s.await(t, broker.SignInFailed); r.User != "ht" || r.Client != "gw" {
		t.Errorf("report %+v", r)
	}
}

func TestRefresh_RevokedIdentityIsCutAndStaysOut(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	door := devicetest.MustDial(t, s.link(b, "door", "z2m"))
	link := s.link(b, "ht", "gw")
	s.mu.Lock()
	delete(s.ids, "ht")
	s.mu.Unlock()
	b.Refresh("ht")
	<-ht.Gone()
	if _, code := devicetest.Dial(t, link); code != 5 {
		t.Errorf("revoked identity signs in with code %d; want 5", code)
	}
	must(t, door.Publish("zigbee2mqtt/pintu", nil, qos1)) // others do not notice
}

func TestRefresh_ChangedRightsHoldAtOnce(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "s"))
	subscribe(t, siaga, "new/#")
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	s.mu.Lock()
	id := s.ids["ht"]
	id.Publish = []string{"new/#"}
	s.ids["ht"] = id
	s.mu.Unlock()
	b.Refresh("ht")
	<-ht.Gone()
	ht = devicetest.MustDial(t, s.link(b, "ht", "gw"))
	must(t, ht.Publish("mmdvm/json", nil, qos1))
	must(t, ht.Publish("new/json", nil, qos1))
	if m := siaga.Next(t); m.Topic != "new/json" {
		t.Errorf("received %+v", m)
	}
	s.await(t, broker.PublishRefused)
}

func TestClientID_OfAnotherCannotBeTakenOver(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "siaga-ht"))
	subscribe(t, siaga, "mmdvm/#")
	thief := devicetest.MustDial(t, s.link(b, "door", "siaga-ht"))
	ht := devicetest.MustDial(t, s.link(b, "ht", "a client id with spaces & dots."))
	must(t, ht.Publish("mmdvm/json", []byte("panic"), qos1))
	if m := siaga.Next(t); string(m.Payload) != "panic" {
		t.Errorf("received %+v", m)
	}
	select {
	case <-siaga.Gone():
		t.Error("Siaga was disconnected by another's client id")
	case m := <-thief.Messages():
		t.Errorf("the thief received %+v", m)
	default:
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

func TestTopic_WithSpaceIsReported(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	door := devicetest.MustDial(t, s.link(b, "door", "z2m"))
	_ = door.Publish("zigbee2mqtt/Pintu depan", []byte("x"), qos1) // nats-server hangs up
	if r := s.await(t, broker.TopicUnsupported); r.User != "door" || r.Topic != "zigbee2mqtt/Pintu depan" {
		t.Errorf("report %+v", r)
	}
}

func TestPayload_AboveTheLimitIsRefusedAndReported(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{})
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "s"))
	subscribe(t, siaga, "mmdvm/#")
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	must(t, ht.Publish("mmdvm/json", make([]byte, broker.MaxPayload), qos1))
	if m := siaga.Next(t); len(m.Payload) != broker.MaxPayload {
		t.Errorf("received %d bytes", len(m.Payload))
	}
	if err := ht.Publish("mmdvm/json", make([]byte, broker.MaxPayload+1), qos1); err == nil {
		t.Error("a message above the limit was accepted")
	}
	if r := s.await(t, broker.Oversize); r.User != "ht" {
		t.Errorf("report %+v", r)
	}
}

func TestOpen_RefusesPlainTextOnTheNetwork(t *testing.T) {
	s := newSite()
	for _, listen := range []string{"0.0.0.0:0", ":0", "192.0.2.1:1883"} {
		_, err := broker.Open(broker.Options{Dir: t.TempDir(), Listen: listen, Directory: s, Reporter: s})
		if err == nil || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("Open on %s: %v; want a refusal that names TLS", listen, err)
		}
	}
}

func TestFlood_IsThrottledByNameAndOthersDoNotNotice(t *testing.T) {
	s := newSite()
	b, _ := serve(t, s, broker.Options{Rate: 100, Burst: 20})
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "s"))
	subscribe(t, siaga, "#")
	door := devicetest.MustDial(t, s.link(b, "door", "flooder"))
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	began := time.Now()
	flooded := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < 200 && err == nil; i++ {
			err = door.Publish("zigbee2mqtt/flood", []byte("x"), devicetest.Flags{})
		}
		flooded <- err
	}()
	if r := s.await(t, broker.Throttled); r.User != "door" || r.Client != "flooder" || r.Device != "door-1" {
		t.Errorf("report %+v", r)
	}
	var slowest time.Duration
	for range 15 {
		at := time.Now()
		must(t, ht.Publish("mmdvm/json", []byte("panic"), qos1))
		slowest = max(slowest, time.Since(at))
	}
	if slowest > time.Second {
		t.Errorf("another's message took %v during the flood", slowest)
	}
	must(t, <-flooded)
	for n := 0; n < 200; {
		if siaga.Next(t).Topic == "zigbee2mqtt/flood" {
			n++
		}
	}
	if took := time.Since(began); took < 1700*time.Millisecond {
		t.Errorf("200 messages at 100 a second, 20 at once, took only %v", took)
	}
	for _, r := range s.all() {
		if r.Kind == broker.Throttled && r.User != "door" {
			t.Errorf("%s was throttled too", r.User)
		}
	}
}

func (s *site) all() []broker.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reports)
}

func TestTLS_ServesAndRefusesStrangers(t *testing.T) {
	s := newSite()
	cert, key, ca := certificate(t)
	b, _ := serve(t, s, broker.Options{CertFile: cert, KeyFile: key})
	l := s.link(b, "ht", "gw")
	l.CA = ca
	ht := devicetest.MustDial(t, l)
	must(t, ht.Publish("mmdvm/json", []byte("x"), qos1))
	l.CA = nil
	if _, code := devicetest.Dial(t, l); code != 255 {
		t.Error("a client that trusts nobody connected")
	}
	plain := s.link(b, "ht", "gw2")
	plain.URL = strings.Replace(plain.URL, "ssl:", "tcp:", 1)
	if _, code := devicetest.Dial(t, plain); code != 255 {
		t.Error("a client without TLS was served")
	}
	s.await(t, broker.BadProtocol)
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

// certificate writes a self-signed certificate for 127.0.0.1.
func certificate(t testing.TB) (certFile, keyFile string, ca []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	must(t, err)
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	must(t, os.WriteFile(certFile, ca, 0o600))
	must(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: rawKey}), 0o600))
	return certFile, keyFile, ca
}
