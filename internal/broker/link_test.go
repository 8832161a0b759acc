package broker_test

import (
	"encoding/json"
	"testing"
	"time"

	"siaga/devices"
	"siaga/devices/devicetest"
	"siaga/devices/radio/mmdvm"
	"siaga/internal/broker"
	"siaga/internal/watch"
)

const panicPressed = `{"DMR":{"timestamp":"2026-11-20T02:15:42.170Z","source":"rf","action":"csbk","slot":2,"src_id":5100231,"dst_id":9911,"group":"yes","src_info":"POS-3 BUDI","csbk_desc":"Call Emergency"}}`

// gateway is an MMDVM driver on that link.
func gateway(t testing.TB, l *devices.Link) devices.Device {
	t.Helper()
	return devicetest.Make(t, mmdvm.Driver(), devices.Settings{ID: "ht-1", Config: json.RawMessage(`{"topic":"mmdvm"}`), Link: l})
}

func TestLink_PanicSurvivesACrashBeforeItWasDurable(t *testing.T) {
	s := newSite()
	cert, key, ca := certificate(t)
	b, _ := serve(t, s, broker.Options{CertFile: cert, KeyFile: key})
	with := func(user, id string) *devices.Link {
		l := s.link(b, user, id)
		l.CA = ca
		return l
	}
	ht := devicetest.MustDial(t, with("ht", "gw"))
	first := devicetest.NewHost()
	run := devicetest.Start(t, gateway(t, with("siaga", "siaga-ht")), first)
	untilHeard(t, ht, first)
	first.Hold()
	must(t, ht.Publish("mmdvm/json", []byte(panicPressed), qos1))
	before := first.Await(t, "radio.emergency")
	run.Stop(t) // the receipt never came
	second := devicetest.NewHost()
	began := time.Now()
	devicetest.Start(t, gateway(t, with("siaga", "siaga-ht")), second)
	again := second.Await(t, "radio.emergency")
	if again.Duplicate != before.Duplicate || !again.Resent || again.Child != "5100231" {
		t.Errorf("it came again as %+v", again.Reading)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it came again only after %v", took)
	}
}

func TestLink_TellsWhyItFailed(t *testing.T) {
	s := newSite()
	b, stop := serve(t, s, broker.Options{})
	wrong := s.link(b, "siaga", "x")
	wrong.Password = "guess"
	if err := gateway(t, wrong).Run(t.Context(), devicetest.NewHost()); watch.ReasonOf(err) != watch.ReasonRefused {
		t.Errorf("wrong password: %v; want refused", err)
	}
	if err := gateway(t, s.link(b, "door", "x")).Run(t.Context(), devicetest.NewHost()); watch.ReasonOf(err) != watch.ReasonRefused {
		t.Errorf("no right to the topic: %v; want refused", err)
	}
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	h := devicetest.NewHost()
	run := devicetest.Start(t, gateway(t, s.link(b, "siaga", "siaga-ht")), h)
	untilHeard(t, ht, h)
	stop()
	if err := run.Ended(t); watch.ReasonOf(err) != watch.ReasonReset {
		t.Errorf("broker stopped: %v; want reset", err)
	}
}

// untilHeard publishes until a message goes through: from outside, a subscription cannot be seen.
func untilHeard(t testing.TB, ht *devicetest.Client, h *devicetest.Host) {
	t.Helper()
	for range 500 {
		must(t, ht.Publish("mmdvm/json", []byte(`{"MMDVM":{"mode":"idle"}}`), qos1))
		if len(h.Seen()) > 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("no message goes through")
}
