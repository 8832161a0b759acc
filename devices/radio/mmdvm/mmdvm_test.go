package mmdvm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siaga/devices"
	"siaga/devices/devicetest"
	"siaga/devices/mqttlink"
	"siaga/internal/watch"
)

func payload(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func msg(p []byte) mqttlink.Message {
	return mqttlink.Message{Topic: "host/json", Payload: p, Received: time.Date(2026, 11, 20, 2, 15, 43, 0, time.UTC)}
}

func heardBy(t testing.TB, s *state, raw []byte) []watch.Reading {
	t.Helper()
	return s.Handle(msg(raw)).Readings
}

func body(t testing.TB, r watch.Reading) callBody {
	t.Helper()
	var b callBody
	if err := json.Unmarshal(r.Body, &b); err != nil {
		t.Fatalf("%s: body %s: %v", r.Kind, r.Body, err)
	}
	return b
}

func TestDriver_SitsTheExam(t *testing.T) {
	devicetest.ExamMQTT(t, Driver(), devicetest.MQTTPaper{
		Config: `{"topic":"host"}`, Topic: "host/json", Payload: payload(t, "mmdvm-dmr-csbk-emergency"),
		Kinds: []string{"radio.emergency"}, Garbled: "radio.garbled",
	})
}

func TestEmergency_CarriesWhoWhereAndWhen(t *testing.T) {
	s := newState()
	heardBy(t, s, payload(t, "mmdvm-dmr-start-rf"))
	heardBy(t, s, payload(t, "mmdvm-text-talker-alias"))
	rs := heardBy(t, s, payload(t, "mmdvm-dmr-csbk-emergency"))
	if len(rs) != 1 || rs[0].Kind != "radio.emergency" || rs[0].Child != "5100231" || rs[0].Sample {
		t.Fatalf("readings %+v; want one radio.emergency of 5100231", rs)
	}
	if want := time.Date(2026, 11, 20, 2, 15, 42, 170e6, time.UTC); !rs[0].At.Equal(want) {
		t.Errorf("device time %v; want %v", rs[0].At, want)
	}
	b := body(t, rs[0])
	if b.SrcInfo != "POS-3 BUDI" || b.Alias != "POS-3 BUDI" || b.Talkgroup != "9911" || b.Slot != 2 || b.Source != "rf" || b.Call == "" {
		t.Errorf("body %s lacks what is needed to find the person", rs[0].Body)
	}
}

func TestEmergency_IsUnderstoodInEveryWording(t *testing.T) {
	for _, raw := range []string{
		`{"DMR":{"timestamp":"2026-11-20T02:15:42.170Z","source":"rf","action":"csbk","slot":2,"source_id":5100231,"destination_id":9911,"destination_type":"group","source_info":"POS-3","csbk_desc":"Call Emergency"}}`,
		`{"DMR":{"timestamp":"2026-11-20T02:15:42.170Z","source":"rf","action":"csbk","slot":"2","src_id":"5100231","dst_id":"9911","group":true,"csbk_desc":"EMERGENCY ALARM"}}`,
	} {
		rs := heardBy(t, newState(), []byte(raw))
		if len(rs) != 1 || rs[0].Kind != "radio.emergency" || rs[0].Child != "5100231" {
			t.Fatalf("%s\ngave %+v", raw, rs)
		}
		if b := body(t, rs[0]); b.Talkgroup != "9911" || b.Group == nil || !*b.Group {
			t.Errorf("%s\nlost the talkgroup: %s", raw, rs[0].Body)
		}
	}
}

func TestCall_EndTakesItsIdsFromTheOpenCall(t *testing.T) {
	s := newState()
	start := heardBy(t, s, payload(t, "mmdvm-dmr-start-rf"))[0]
	end := heardBy(t, s, payload(t, "mmdvm-dmr-end-rf"))
	if len(end) != 1 || end[0].Kind != "radio.call_ended" || end[0].Child != "5100231" || end[0].Subject != start.Subject || start.Subject == "" {
		t.Fatalf("end %+v does not belong to start %+v", end, start)
	}
	b := body(t, end[0])
	if b.DstID != "9901" || b.DurationS == nil || *b.DurationS < 4.2 || b.BER == nil || b.RSSI == nil || *b.RSSI.Ave != -86 || b.Unmatched {
		t.Errorf("body %s", end[0].Body)
	}
	again := heardBy(t, s, payload(t, "mmdvm-dmr-end-rf"))
	if again[0].Subject != start.Subject {
		t.Error("the same end, redelivered, lost its call")
	}
	late := strings.Replace(string(payload(t, "mmdvm-dmr-end-rf")), "34.420", "35.420", 1)
	if r := heardBy(t, s, []byte(late))[0]; !body(t, r).Unmatched || r.Child != "" {
		t.Errorf("an end of nothing: %s of %q", r.Body, r.Child)
	}
}

func TestCall_SlotsDoNotMix(t *testing.T) {
	s := newState()
	heardBy(t, s, payload(t, "mmdvm-dmr-start-rf")) // slot 2
	data := heardBy(t, s, payload(t, "mmdvm-dmr-data-start"))
	if data[0].Kind != "radio.data" || data[0].Child != "5100244" {
		t.Fatalf("data call %+v", data)
	}
	if end := heardBy(t, s, payload(t, "mmdvm-dmr-end-rf")); end[0].Child != "5100231" {
		t.Errorf("end of slot 2 went to %q", end[0].Child)
	}
}

func TestCall_NewStartClosesAForgottenOne(t *testing.T) {
	s := newState()
	first := heardBy(t, s, payload(t, "mmdvm-dmr-start-rf"))[0]
	other := strings.NewReplacer("5100231", "5100200", "30.120", "39.000").Replace(string(payload(t, "mmdvm-dmr-start-rf")))
	rs := heardBy(t, s, []byte(other))
	if len(rs) != 2 || rs[0].Kind != "radio.call_lost" || rs[0].Subject != first.Subject || rs[1].Child != "5100200" {
		t.Fatalf("readings %+v", rs)
	}
	if again := heardBy(t, s, []byte(other)); len(again) != 1 || again[0].Subject != rs[1].Subject {
		t.Errorf("the same start, redelivered, became %+v", again)
	}
}

func TestTable_EveryPublishedMessageIsUnderstood(t *testing.T) {
	for name, want := range map[string]string{
		"mmdvm-ber": "radio.signal", "mmdvm-rssi": "radio.signal", "mmdvm-dmr-csbk-radio-check": "radio.csbk",
		"mmdvm-dmr-data-start": "radio.data", "mmdvm-dmr-end-rf": "radio.call_ended", "mmdvm-dmr-start-rf": "radio.call_started",
		"mmdvm-dmr-timeout": "radio.call_timeout", "mmdvm-dstar-start": "radio.call_started", "mmdvm-fm-relaying": "radio.channel",
		"mmdvm-message": "radio.gateway_message", "mmdvm-mode": "radio.gateway_mode", "mmdvm-nxdn-start": "radio.call_started",
		"mmdvm-text-talker-alias": "radio.text", "dmrgateway-link": "radio.link", "dmrgateway-status": "radio.gateway_message",
		"mmdvm-dmr-csbk-emergency": "radio.emergency",
	} {
		rs := heardBy(t, newState(), payload(t, name))
		if len(rs) != 1 || rs[0].Kind != want || rs[0].At.IsZero() || rs[0].Sample != (want == "radio.signal") {
			t.Errorf("%s: %+v; want one %s", name, rs, want)
		}
	}
}

func TestTable_OlderKeysAndOtherModes(t *testing.T) {
	for raw, want := range map[string]struct{ kind, child string }{
		`{"YSF":{"timestamp":"2026-01-01T00:00:00.000Z","source_cs":"YB0POS    ","source":"rf","action":"start","mode":"voice_dn","dg-id":4,"reflector":""}}`: {"radio.call_started", "YB0POS"},
		`{"YSF":{"action":"start","src_callsign":"YB0POS","mode":"data_fr"}}`:                                                                                 {"radio.data", "YB0POS"},
		`{"P25":{"action":"late_entry","source_id":77,"destination_id":1,"destination_type":"individual"}}`:                                                   {"radio.call_started", "77"},
		`{"D-Star":{"action":"start","source_cs":"YB0ABC  ","source_ext":"HT1 ","destination_cs":"CQCQCQ  "}}`:                                                {"radio.call_started", "YB0ABC"},
		`{"DMR":{"action":"rejected","slot":1,"src_id":5,"dst_id":9,"group":"yes","source":"rf"}}`:                                                            {"radio.call_rejected", "5"},
		`{"NXDN":{"action":"invalid","src_id":5,"source":"network"}}`:                                                                                         {"radio.call_invalid", "5"},
		`{"DMR":{"action":"invented","slot":1,"src_id":5}}`:                                                                                                   {"radio.activity", "5"},
		`{"DMR":{"action":"csbk","slot":1,"src_id":5,"csbk_desc":"UNegative Acknowledgment Response"}}`:                                                       {"radio.csbk", "5"},
		`{"POCSAG":{"timestamp":"2026-01-01T00:00:00Z","ric":2000123,"functional":"alphanumeric","message":"api"}}`:                                           {"radio.page", ""},
	} {
		rs := heardBy(t, newState(), []byte(raw))
		if len(rs) != 1 || rs[0].Kind != want.kind || rs[0].Child != want.child {
			t.Errorf("%s\ngave %+v; want %+v", raw, rs, want)
		}
	}
}

func TestRetained_OpensNoCallAndRaisesNothing(t *testing.T) {
	s := newState()
	m := msg(payload(t, "mmdvm-dmr-csbk-emergency"))
	m.Retained = true
	if rs := s.Handle(m).Readings; len(rs) != 1 || rs[0].Kind != "radio.state" {
		t.Fatalf("a kept emergency gave %+v; want radio.state", rs)
	}
}

func TestFM_RepeatedStateIsNoEvent(t *testing.T) {
	s := newState()
	heardBy(t, s, payload(t, "mmdvm-fm-relaying"))
	if rs := heardBy(t, s, payload(t, "mmdvm-fm-relaying")); len(rs) != 0 {
		t.Errorf("repeated state gave %+v", rs)
	}
}

func TestUnreadable_BecomesGarbledWithReason(t *testing.T) {
	for _, raw := range []string{``, `{}`, `{"DMR":[]}`, `{"DMR":{}}`, `{"Weather":{}}`, `{"MMDVM":{"timestamp":"x"}}`, `nope`, `{"DMR":{"action":"end"}} x`} {
		rs := heardBy(t, newState(), []byte(raw))
		if len(rs) != 1 || rs[0].Kind != "radio.garbled" || !strings.Contains(string(rs[0].Body), `"reason":"`) {
			t.Errorf("%q gave %+v; want radio.garbled", raw, rs)
		}
	}
}

func TestNew_NamesTheBadKey(t *testing.T) {
	link := &devices.Link{URL: "tcp://127.0.0.1:1883", ClientID: "c"}
	for raw, key := range map[string]string{
		`{}`: "topic", `{"topic":"a/#"}`: "topic", `{"topic":5}`: "topic",
		`{"topic":"a","dmrgateway":"+"}`: "dmrgateway", `{"topic":"a","dmrgateway":"a"}`: "dmrgateway",
	} {
		_, err := Driver().New(devices.Settings{Config: json.RawMessage(raw), Link: link})
		if err == nil || !strings.Contains(err.Error(), `"`+key+`"`) {
			t.Errorf("%s: %v; want an error naming %s", raw, err, key)
		}
	}
	if _, err := Driver().New(devices.Settings{Config: json.RawMessage(`{"topic":"a"}`)}); err == nil {
		t.Error("New without a link succeeds")
	}
}

func FuzzHandle(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) == 0 {
		f.Fatal("no seeds in testdata")
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := newState()
		heardBy(t, s, payload(t, "mmdvm-dmr-start-rf"))
		for range 2 {
			for _, r := range heardBy(t, s, raw) {
				d := watch.Draft{Kind: r.Kind, Subject: r.Subject, Body: r.Body}
				if err := d.Validate(); err != nil {
					t.Errorf("reading does not fit the journal: %v", err)
				}
			}
		}
	})
}
