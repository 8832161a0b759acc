package broker_test

import (
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
	"testing"
	"time"

	"siaga/devices/devicetest"
	"siaga/internal/broker"
)

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
	for _, over := range []int{1, 100 << 10, 4 << 20} {
		must(t, ht.Publish("mmdvm/big", make([]byte, broker.MaxPayload+over), devicetest.Flags{}))
		must(t, ht.Publish("mmdvm/json", []byte("after"), qos1))
		if m := siaga.Next(t); string(m.Payload) != "after" {
			t.Fatalf("%d bytes too many: received %d bytes on %s", over, len(m.Payload), m.Topic)
		}
	}
	if err := ht.Publish("mmdvm/json", make([]byte, broker.MaxPayload+1), qos1); err == nil {
		t.Error("a message above the limit was accepted")
	}
	if r := s.await(t, broker.Oversize); r.User != "ht" || r.Topic != "mmdvm/big" {
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

func TestTLS_OurOwnSessionsHaveAPlainDoorForThemselves(t *testing.T) {
	s := newSite()
	cert, key, _ := certificate(t)
	b, _ := serve(t, s, broker.Options{CertFile: cert, KeyFile: key})
	own := s.link(b, "siaga", "siaga-ht")
	own.URL = b.OwnURL()
	devicetest.MustDial(t, own)
	ht := s.link(b, "ht", "gw")
	ht.URL = b.OwnURL()
	if _, code := devicetest.Dial(t, ht); code != 5 {
		t.Errorf("a device came in by our own door: code %d", code)
	}
	s.await(t, broker.SignInFailed)
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
