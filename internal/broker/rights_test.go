package broker_test

import (
	"strings"
	"testing"

	"siaga/devices"
	"siaga/devices/devicetest"
	"siaga/internal/broker"
)

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
