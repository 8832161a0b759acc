package zigbee2mqtt

import (
	"encoding/json"
	"fmt"
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

func hear(s *state, topic, raw string) []watch.Reading {
	return s.Handle(mqttlink.Message{Topic: "zigbee2mqtt/" + topic, Payload: []byte(raw)}).Readings
}

func kept(s *state, topic, raw string) []watch.Reading {
	return s.Handle(mqttlink.Message{Topic: "zigbee2mqtt/" + topic, Payload: []byte(raw), Retained: true}).Readings
}

func kinds(rs []watch.Reading) string {
	var ks []string
	for _, r := range rs {
		k := r.Kind
		if r.Sample {
			k = "~" + k
		}
		ks = append(ks, k)
	}
	return strings.Join(ks, " ")
}

// facts are the kinds that are no samples.
func facts(rs []watch.Reading) string {
	var ks []string
	for _, r := range rs {
		if !r.Sample {
			ks = append(ks, r.Kind)
		}
	}
	return strings.Join(ks, " ")
}

func TestDriver_SitsTheExam(t *testing.T) {
	devicetest.ExamMQTT(t, Driver(), devicetest.MQTTPaper{
		Config: `{"topic":"zigbee2mqtt"}`, Topic: "zigbee2mqtt/pintu_ruang_server", Payload: payload(t, "zigbee2mqtt-contact"),
		Kinds: []string{"door.opened", "sensor.battery"}, Garbled: "sensor.garbled",
	})
}

func TestContact_FalseIsOpen(t *testing.T) {
	s := newState("zigbee2mqtt")
	rs := hear(s, "pintu_ruang_server", string(payload(t, "zigbee2mqtt-contact")))
	if kinds(rs) != "door.opened tamper.cleared sensor.battery_ok ~sensor.battery ~sensor.link" {
		t.Errorf("kinds %s", kinds(rs))
	}
	if rs[0].Child != "pintu_ruang_server" || !rs[0].At.Equal(time.Date(2026, 11, 20, 2, 15, 30, 120e6, time.UTC)) {
		t.Errorf("reading %+v", rs[0])
	}
	if got := facts(hear(s, "pintu_ruang_server", `{"contact":true}`)); got != "door.closed" {
		t.Errorf("contact true gave %s", got)
	}
	if !strings.Contains(string(rs[3].Body), `"voltage_v":2.9`) || !strings.Contains(string(rs[3].Body), `"percent":87`) {
		t.Errorf("battery %s", rs[3].Body)
	}
}

func TestMergedState_RepeatedIsNoEvent(t *testing.T) {
	s := newState("zigbee2mqtt")
	if got := facts(hear(s, "pir_gudang", string(payload(t, "zigbee2mqtt-pir")))); got != "motion.detected tamper.detected sensor.battery_ok" {
		t.Errorf("first gave %s", got)
	}
	if got := facts(hear(s, "pir_gudang", string(payload(t, "zigbee2mqtt-pir")))); got != "" {
		t.Errorf("repeated state gave %s", got)
	}
	if got := facts(hear(s, "pir_gudang", `{"occupancy":false,"tamper":true}`)); got != "motion.cleared" {
		t.Errorf("end of movement gave %s", got)
	}
}

func TestSenses_MakeTheirKinds(t *testing.T) {
	for raw, want := range map[string]string{
		`{"smoke":true}`: "smoke.detected", `{"smoke":"false"}`: "smoke.cleared", `{"water_leak":1}`: "water.detected",
		`{"gas":true}`: "gas.detected", `{"carbon_monoxide":true}`: "gas.detected", `{"vibration":true}`: "vibration.detected",
		`{"tamper":true}`: "tamper.detected", `{"battery_low":true}`: "sensor.battery_low", `{"presence":true}`: "motion.detected",
		`{"ac_connected":false}`: "power.lost", `{"ac_connected":true}`: "power.restored",
		`{"ac_status":true}`: "power.lost", `{"ac_status":false}`: "power.restored", // true is a fault of the mains
		`{"action":"emergency"}`: "sensor.action", `{"action":""}`: "", `{"lock_state":"unlocked"}`: "lock.changed", `{"trouble":true}`: "sensor.trouble",
	} {
		if got := facts(hear(newState("zigbee2mqtt"), "x", raw)); got != want {
			t.Errorf("%s gave %q; want %q", raw, got, want)
		}
	}
}

func TestAction_IsAnEventEachTime(t *testing.T) {
	s := newState("zigbee2mqtt")
	for range 2 {
		if got := facts(hear(s, "tombol", `{"action":"emergency"}`)); got != "sensor.action" {
			t.Errorf("action gave %q", got)
		}
	}
}

func TestRetained_IsStateNotEvent(t *testing.T) {
	s := newState("zigbee2mqtt")
	if got := kinds(kept(s, "pintu", `{"contact":false,"battery":5}`)); got != "sensor.state" {
		t.Errorf("a kept open door gave %s", got)
	}
	if got := kinds(kept(s, "pintu", `{"contact":false,"battery":4}`)); got != "" {
		t.Errorf("the same state at the next connect gave %s", got)
	}
	if got := facts(hear(s, "pintu", `{"contact":false}`)); got != "door.opened" {
		t.Errorf("the first live state gave %s", got)
	}
}

func TestNames_MayHaveSlashes(t *testing.T) {
	s := newState("zigbee2mqtt")
	if rs := hear(s, "gudang/lantai 1/pintu", `{"contact":true}`); rs[0].Child != "gudang/lantai 1/pintu" {
		t.Errorf("child %q", rs[0].Child)
	}
	if rs := hear(s, "gudang/lantai 1/pintu/availability", `offline`); rs[0].Kind != "sensor.offline" || rs[0].Child != "gudang/lantai 1/pintu" {
		t.Errorf("availability %+v", rs)
	}
}

func TestAvailability_BothFormsAndOnlyChanges(t *testing.T) {
	s := newState("zigbee2mqtt")
	if got := kinds(kept(s, "pintu/availability", `{"state":"online"}`)); got != "sensor.state" {
		t.Errorf("first kept gave %s", got)
	}
	if got := kinds(hear(s, "pintu/availability", string(payload(t, "zigbee2mqtt-availability")))); got != "sensor.offline" {
		t.Errorf("offline gave %s", got)
	}
	if got := kinds(kept(s, "pintu/availability", "offline")); got != "" {
		t.Errorf("the same, kept, gave %s", got)
	}
	if got := kinds(kept(s, "pintu/availability", "online")); got != "sensor.online" {
		t.Errorf("came back while we were away: %s", got)
	}
	if got := kinds(hear(s, "pintu/availability", `{"state":"maybe"}`)); got != "sensor.garbled" {
		t.Errorf("nonsense gave %s", got)
	}
}

func TestBridge_StateEventsAndInventory(t *testing.T) {
	s := newState("zigbee2mqtt")
	if got := kinds(kept(s, "bridge/state", string(payload(t, "zigbee2mqtt-bridge-state")))); got != "gateway.state" {
		t.Errorf("first kept state gave %s", got)
	}
	if got := kinds(hear(s, "bridge/state", "offline")); got != "gateway.offline" {
		t.Errorf("will gave %s", got)
	}
	if rs := hear(s, "bridge/event", string(payload(t, "bridge-event"))); kinds(rs) != "sensor.joined" || rs[0].Child != "0x00158d0004a1b2c3" {
		t.Errorf("joined gave %+v", rs)
	}
	if got := kinds(hear(s, "bridge/event", `{"type":"device_leave","data":{"friendly_name":"x"}}`)); got != "sensor.left" {
		t.Errorf("left gave %s", got)
	}
	rs := kept(s, "bridge/devices", string(payload(t, "bridge-devices")))
	if kinds(rs) != "sensor.inventory" || !strings.Contains(string(rs[0].Body), `"exposes":["contact","tamper"]`) {
		t.Errorf("inventory %s %s", kinds(rs), rs[0].Body)
	}
	if rs := kept(s, "bridge/devices", string(payload(t, "bridge-devices"))); len(rs) != 0 {
		t.Errorf("the same inventory gave %s", kinds(rs))
	}
	for _, quiet := range []string{"bridge/info", "bridge/groups", "bridge/response/device/rename", "pintu/set", "pintu/get/contact"} {
		if rs := hear(s, quiet, `{"contact":false}`); len(rs) != 0 {
			t.Errorf("%s gave %s", quiet, kinds(rs))
		}
	}
}

func TestAttributes_OnTheirOwnTopics(t *testing.T) {
	s := newState("zigbee2mqtt")
	kept(s, "bridge/devices", string(payload(t, "bridge-devices")))
	if rs := hear(s, "pintu_ruang_server/contact", "false"); facts(rs) != "door.opened" || rs[0].Child != "pintu_ruang_server" {
		t.Errorf("attribute gave %+v", rs)
	}
	if got := kinds(hear(s, "nobody/contact", "false")); got != "sensor.garbled" {
		t.Errorf("attribute of an unknown device gave %s", got)
	}
}

func TestMeasures_AreSamples(t *testing.T) {
	rs := hear(newState("zigbee2mqtt"), "server", `{"temperature":"31.5","humidity":40,"power":12.5,"voltage":229,"strange":7,"color":{"x":1}}`)
	if kinds(rs) != "~sensor.environment ~sensor.power ~sensor.values" {
		t.Fatalf("kinds %s", kinds(rs))
	}
	if string(rs[0].Body) != `{"humidity":40,"temperature":31.5}` || string(rs[1].Body) != `{"power_w":12.5,"voltage_v":229}` || string(rs[2].Body) != `{"strange":7}` {
		t.Errorf("bodies %s %s %s", rs[0].Body, rs[1].Body, rs[2].Body)
	}
}

func TestLastSeen_InEveryForm(t *testing.T) {
	want := time.Date(2026, 11, 20, 2, 15, 30, 0, time.UTC)
	for _, form := range []string{`"2026-11-20T02:15:30Z"`, `"2026-11-20T10:15:30+08:00"`, fmt.Sprint(want.UnixMilli()), `"` + fmt.Sprint(want.UnixMilli()) + `"`} {
		if rs := hear(newState("zigbee2mqtt"), "x", `{"contact":true,"last_seen":`+form+`}`); !rs[0].At.Equal(want) {
			t.Errorf("last_seen %s read as %v", form, rs[0].At)
		}
	}
}

func TestDevices_AreBounded(t *testing.T) {
	s := newState("zigbee2mqtt")
	for i := range 5000 {
		hear(s, fmt.Sprint("x", i), `{"contact":true}`)
	}
	if len(s.devices) > maxDevices {
		t.Errorf("remembers %d devices", len(s.devices))
	}
}

func TestNew_NamesTheBadKey(t *testing.T) {
	for _, raw := range []string{`{}`, `{"topic":"a/#"}`, `{"topic":5}`, `{"topic":"a/"}`} {
		_, err := Driver().New(devices.Settings{Config: json.RawMessage(raw), Link: &devices.Link{URL: "tcp://127.0.0.1", ClientID: "c"}})
		if err == nil || !strings.Contains(err.Error(), `"topic"`) {
			t.Errorf("%s: %v; want an error naming topic", raw, err)
		}
	}
}

func FuzzHandle(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) == 0 {
		f.Fatal("no seeds in testdata")
	}
	topics := []string{"pintu", "pintu/availability", "bridge/state", "bridge/event", "bridge/devices", "bridge/logging", "pintu/contact"}
	for i, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(topics[i%len(topics)], b)
	}
	f.Fuzz(func(t *testing.T, topic string, raw []byte) {
		s := newState("zigbee2mqtt")
		for _, topic := range append(topics, topic) {
			for _, r := range append(hear(s, topic, string(raw)), kept(s, topic, string(raw))...) {
				if err := (&watch.Draft{Kind: r.Kind, Subject: r.Subject, Body: r.Body}).Validate(); err != nil {
					t.Errorf("reading does not fit the journal: %v", err)
				}
			}
		}
	})
}
