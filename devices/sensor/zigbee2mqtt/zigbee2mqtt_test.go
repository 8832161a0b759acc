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

var clock = time.Date(2026, 11, 20, 2, 15, 43, 0, time.UTC)

// how a message comes.
type how struct{ retained, dup bool }

func (h how) hear(s *state, topic, raw string) []watch.Reading {
	return s.Handle(mqttlink.Message{
		Topic: "zigbee2mqtt/" + topic, Payload: []byte(raw), Retained: h.retained, Duplicate: h.dup, Received: clock,
	}).Readings
}

var (
	live = how{}
	kept = how{retained: true}
	dup  = how{dup: true}
)

// kinds lists the readings, samples with a tilde, without what devices tell about themselves, which has tests of its own.
func kinds(rs []watch.Reading) string {
	var ks []string
	for _, r := range rs {
		if r.Kind == watch.KindDescribed {
			continue
		}
		k := r.Kind
		if r.Sample {
			k = "~" + k
		}
		ks = append(ks, k)
	}
	return strings.Join(ks, " ")
}

func want(t testing.TB, rs []watch.Reading, kindsWanted string) []watch.Reading {
	t.Helper()
	if got := kinds(rs); got != kindsWanted {
		t.Fatalf("heard %q; want %q (%s)", got, kindsWanted, bodies(rs))
	}
	return rs
}

func bodies(rs []watch.Reading) string {
	var b []string
	for _, r := range rs {
		b = append(b, string(r.Body))
	}
	return strings.Join(b, " ")
}

func TestDriver_SitsTheExam(t *testing.T) {
	devicetest.ExamMQTT(t, Driver(), devicetest.MQTTPaper{
		Config: `{"topic":"zigbee2mqtt"}`, Topic: "zigbee2mqtt/pintu_ruang_server", Payload: payload(t, "zigbee2mqtt-contact"),
		Kinds: []string{"door.opened"}, Garbled: "sensor.garbled",
	})
}

func TestContact_FalseIsOpenAndCarriesWhatIsKnown(t *testing.T) {
	s := newState("zigbee2mqtt")
	rs := want(t, live.hear(s, "lantai1/pintu", string(payload(t, "zigbee2mqtt-contact"))), "door.opened tamper.cleared sensor.battery_ok ~sensor.battery")
	r := rs[0]
	if r.Child != "lantai1/pintu" || string(r.Body) != `{"contact":false,"linkquality":142,"name":"lantai1/pintu"}` {
		t.Errorf("door.opened of %q: %s", r.Child, r.Body)
	}
	if at := time.Date(2026, 11, 20, 2, 15, 30, 120e6, time.UTC); !r.At.Equal(at) || r.MessageID != "2026-11-20T02:15:30.120Z" {
		t.Errorf("device time %v, message id %q", r.At, r.MessageID)
	}
	if got := string(rs[1].Body); got != `{"baseline":true,"linkquality":142,"name":"lantai1/pintu","tamper":false}` {
		t.Errorf("tamper.cleared %s", got)
	}
	if got := string(rs[3].Body); got != `{"linkquality":142,"name":"lantai1/pintu","percent":87,"voltage_mv":2900}` {
		t.Errorf("battery %s", got)
	}
	rs = want(t, live.hear(s, "lantai1/pintu", `{"contact":true}`), "door.closed")
	if got := string(rs[0].Body); got != `{"contact":true,"name":"lantai1/pintu","previous":false}` || rs[0].MessageID != "" {
		t.Errorf("door.closed %s, message id %q; want none without last_seen", got, rs[0].MessageID)
	}
}

func TestSenses_EveryKindThereAndBack(t *testing.T) {
	for _, c := range []struct{ normal, alarm, raise, rest string }{
		{`{"contact":true}`, `{"contact":false}`, "door.opened", "door.closed"},
		{`{"contact":"ON"}`, `{"contact":"OFF"}`, "door.opened", "door.closed"},
		{`{"smoke":false}`, `{"smoke":true}`, "smoke.detected", "smoke.cleared"},
		{`{"smoke":"0"}`, `{"smoke":1}`, "smoke.detected", "smoke.cleared"},
		{`{"water_leak":"false"}`, `{"water_leak":"true"}`, "water.detected", "water.cleared"},
		{`{"gas":false}`, `{"gas":true}`, "gas.detected", "gas.cleared"},
		{`{"carbon_monoxide":false}`, `{"carbon_monoxide":true}`, "gas.detected", "gas.cleared"},
		{`{"tamper":false}`, `{"tamper":true}`, "tamper.detected", "tamper.cleared"},
		{`{"occupancy":false}`, `{"occupancy":true}`, "motion.detected", "motion.cleared"},
		{`{"presence":false}`, `{"presence":true}`, "motion.detected", "motion.cleared"},
		{`{"vibration":false}`, `{"vibration":true}`, "vibration.detected", ""},
		{`{"alarm":"OFF"}`, `{"alarm":"ON"}`, "alarm.detected", "alarm.cleared"},
		{`{"siren":false}`, `{"siren":true}`, "alarm.detected", "alarm.cleared"},
		{`{"lock_state":"locked"}`, `{"lock_state":"unlocked"}`, "door.unlocked", "door.locked"},
		{`{"lock_state":"locked"}`, `{"lock_state":"not_fully_locked"}`, "door.unlocked", "door.locked"},
		{`{"ac_status":false}`, `{"ac_status":true}`, "power.lost", "power.restored"},
		{`{"ac_connected":true}`, `{"ac_connected":false}`, "power.lost", "power.restored"},
		{`{"mains_power_connected":true}`, `{"mains_power_connected":false}`, "power.lost", "power.restored"},
		{`{"power_outage":false}`, `{"power_outage":true}`, "power.lost", "power.restored"},
		{`{"battery_low":false}`, `{"battery_low":true}`, "sensor.battery_low", "sensor.battery_ok"},
	} {
		s := newState("zigbee2mqtt")
		first := c.rest // what is over is told once after a start; a lock only when it turns
		if strings.Contains(c.normal, "lock_state") {
			first = ""
		}
		want(t, live.hear(s, "x", c.normal), first)
		want(t, live.hear(s, "x", c.alarm), c.raise)
		want(t, live.hear(s, "x", c.alarm), "")
		want(t, live.hear(s, "x", `{"update":null,"contact":null}`), "") // a missing key is not unset
		want(t, live.hear(s, "x", c.alarm), "")
		want(t, live.hear(s, "x", c.normal), c.rest)
		want(t, live.hear(s, "x", c.normal), "")
	}
}

func TestBatteryLow_SaysHowLow(t *testing.T) {
	s := newState("zigbee2mqtt")
	live.hear(s, "x", `{"battery":20,"battery_low":false}`)
	rs := want(t, live.hear(s, "x", `{"battery":9,"battery_low":true}`), "sensor.battery_low ~sensor.battery")
	if got := string(rs[0].Body); got != `{"battery_low":true,"name":"x","percent":9,"previous":false}` {
		t.Errorf("body %s", got)
	}
}

func TestBaseline_LiveAlarmAndItsAbsenceAreTold(t *testing.T) {
	s := newState("zigbee2mqtt")
	want(t, live.hear(s, "pir", string(payload(t, "zigbee2mqtt-pir"))), "tamper.detected motion.detected sensor.battery_ok ~sensor.battery ~sensor.environment")
	want(t, live.hear(s, "kunci", `{"lock_state":"unlocked"}`), "") // an unlocked door is no alarm
}

func TestRetained_OnlyLastingDangerAndMarked(t *testing.T) {
	for raw, kind := range map[string]string{
		`{"contact":false}`: "door.opened", `{"smoke":true}`: "smoke.detected", `{"water_leak":true}`: "water.detected",
		`{"tamper":true}`:  "tamper.detected",
		`{"contact":true}`: "", `{"occupancy":true}`: "", `{"vibration":true}`: "", `{"gas":true}`: "", `{"battery_low":true}`: "",
		`{"action":"panic"}`: "", `{"temperature":40,"battery":3}`: "", `{"lock_state":"unlocked"}`: "",
	} {
		s := newState("zigbee2mqtt")
		for _, r := range want(t, kept.hear(s, "x", raw), kind) {
			if !strings.Contains(string(r.Body), `"baseline":true`) {
				t.Errorf("%s: body %s is not marked as a baseline", raw, r.Body)
			}
		}
		want(t, kept.hear(s, "x", raw), "") // the next subscription brings it again
	}
}

func TestRetained_UntoldAlarmIsToldByTheFirstLiveMessage(t *testing.T) {
	s := newState("zigbee2mqtt")
	want(t, kept.hear(s, "x", `{"occupancy":true,"smoke":true}`), "smoke.detected")
	rs := want(t, live.hear(s, "x", `{"occupancy":true,"smoke":true}`), "motion.detected")
	if strings.Contains(string(rs[0].Body), "baseline") {
		t.Errorf("a live message is marked as a baseline: %s", rs[0].Body)
	}
}

func TestRetained_MissedEndOfAnAlarmIsTold(t *testing.T) {
	s := newState("zigbee2mqtt")
	want(t, live.hear(s, "x", `{"smoke":true,"occupancy":false}`), "smoke.detected motion.cleared")
	rs := want(t, kept.hear(s, "x", `{"smoke":false,"occupancy":true}`), "smoke.cleared")
	if got := string(rs[0].Body); got != `{"baseline":true,"name":"x","previous":true,"smoke":false}` {
		t.Errorf("body %s", got)
	}
}

func TestGas_OneHazardDoesNotClearTheOther(t *testing.T) {
	s := newState("zigbee2mqtt")
	want(t, live.hear(s, "x", `{"gas":true,"carbon_monoxide":false}`), "gas.detected")
	want(t, live.hear(s, "x", `{"carbon_monoxide":true}`), "gas.detected")
	want(t, live.hear(s, "x", `{"gas":false}`), "")
	want(t, live.hear(s, "x", `{"carbon_monoxide":false}`), "gas.cleared")
}

func TestRedelivered_SaysTheSameAsTheFirstTime(t *testing.T) {
	for _, raw := range []string{`{"contact":false}`, `{"contact":true}`} {
		first := newState("zigbee2mqtt")
		live.hear(first, "x", strings.NewReplacer("false", "true", "true", "false").Replace(raw))
		before := live.hear(first, "x", raw)
		for name, s := range map[string]*state{"after a crash": newState("zigbee2mqtt"), "after a broken link": first} {
			s.Reset()
			again := dup.hear(s, "x", raw)
			if len(before) != 1 || len(again) != 1 || again[0].Kind != before[0].Kind || string(again[0].Body) != string(before[0].Body) {
				t.Errorf("%s: %s gave %s %s; the first time %s %s", name, raw, kinds(again), bodies(again), kinds(before), bodies(before))
			}
		}
	}
}

func TestReset_TellsAlarmsAgainAndKeepsWhatWasKnown(t *testing.T) {
	s := newState("zigbee2mqtt")
	live.hear(s, "x", `{"smoke":true,"contact":false}`)
	s.Reset()
	want(t, live.hear(s, "x", `{"smoke":true,"contact":true}`), "door.closed smoke.detected")
}

func TestAction_EachPressIsAnEventWithoutTheCode(t *testing.T) {
	s := newState("zigbee2mqtt")
	for range 2 {
		rs := want(t, live.hear(s, "keypad", `{"action":"panic","action_code":"2468","action_zone":0}`), "sensor.action")
		if got := string(rs[0].Body); got != `{"action":"panic","action_zone":"0","name":"keypad"}` {
			t.Errorf("body %s", got)
		}
	}
	want(t, live.hear(s, "keypad", `{"action":""}`), "")
	want(t, live.hear(s, "keypad", `{"action":null}`), "")
	if len(s.sensors) != 0 {
		t.Error("a button is remembered although there is nothing to compare")
	}
}

func TestSamples_OnChangeAndOnceAMinute(t *testing.T) {
	s := newState("zigbee2mqtt")
	raw := `{"temperature":"31.5","humidity":60,"co2":800,"battery":50,"voltage":2900}`
	rs := want(t, live.hear(s, "x", raw), "~sensor.battery ~sensor.environment")
	if got := string(rs[1].Body); got != `{"co2":800,"humidity":60,"name":"x","temperature":31.5}` {
		t.Errorf("body %s", got)
	}
	want(t, live.hear(s, "x", raw), "")
	want(t, live.hear(s, "x", `{"temperature":32}`), "~sensor.environment")
	later := s.Handle(mqttlink.Message{Topic: "zigbee2mqtt/x", Payload: []byte(raw), Received: clock.Add(sampleAgain)}).Readings
	want(t, later, "~sensor.battery ~sensor.environment")
	want(t, live.hear(s, "plug", `{"voltage":231,"power":12}`), "") // volts of a plug are no battery
}

func TestLastSeen_InEveryForm(t *testing.T) {
	at := time.Date(2026, 11, 20, 2, 15, 30, 120e6, time.UTC)
	for raw, want := range map[string]time.Time{
		`"2026-11-20T02:15:30.120Z"`: at, `"2026-11-20T10:15:30.120+08:00"`: at, `1795140930120`: at, `"1795140930120"`: at,
		`"disable"`: {}, `null`: {}, `0`: {}, `{}`: {}, `1e400`: {},
	} {
		r := live.hear(newState("zigbee2mqtt"), "x", `{"contact":false,"last_seen":`+raw+`}`)[0]
		if !r.At.Equal(want) || (r.MessageID == "") != want.IsZero() {
			t.Errorf("last_seen %s: device time %v, message id %q; want %v", raw, r.At, r.MessageID, want)
		}
	}
}

func TestIgnored_TopicsThatAreNoSensor(t *testing.T) {
	s := newState("zigbee2mqtt")
	for _, topic := range []string{"x/set", "x/get", "a/b/set", "x/set/state", "x/get/battery", "bridge/logging", "bridge/info", "bridge/request/permit_join", "bridge/groups"} {
		want(t, live.hear(s, topic, `{"smoke":true}`), "")
	}
	want(t, live.hear(s, "x", ``), "") // a kept state taken back
}

func TestAttributes_OnTheirOwnTopicsOfKnownSensors(t *testing.T) {
	s := newState("zigbee2mqtt")
	want(t, live.hear(s, "pintu_ruang_server/contact", `false`), "sensor.garbled")
	live.hear(s, "bridge/devices", string(payload(t, "bridge-devices")))
	rs := want(t, live.hear(s, "pintu_ruang_server/contact", `false`), "door.opened")
	if rs[0].Child != "pintu_ruang_server" {
		t.Errorf("child %q", rs[0].Child)
	}
	want(t, live.hear(s, "pintu_ruang_server/temperature", `21.5`), "~sensor.environment")
	want(t, live.hear(s, "pintu_ruang_server/model", `anything`), "")
}

func TestUnreadable_BecomesGarbledWithReason(t *testing.T) {
	for topic, raw := range map[string]string{
		"a": `nope`, "b": `[]`, "c": `null`, "d": `{"contact":true} x`, "e": `{"contact":"ajar"}`, "f": `{"smoke":{}}`,
		strings.Repeat("n", maxName+1): `{}`, "/availability": `online`, "g\x07": `{}`, "\xff": `{}`, "": `{}`,
	} {
		rs := want(t, live.hear(newState("zigbee2mqtt"), topic, raw), "sensor.garbled")
		if !strings.Contains(string(rs[0].Body), `"reason":"`) {
			t.Errorf("%q: %s", topic, rs[0].Body)
		}
	}
	want(t, live.hear(newState("zigbee2mqtt"), "x", `{"contact":"ajar","smoke":true}`), "smoke.detected sensor.garbled")
}

func TestNames_AFloodIsBoundedAndSaidOnce(t *testing.T) {
	s := newState("zigbee2mqtt")
	var garbled, opened int
	for i := range maxSensors + 500 {
		for _, r := range live.hear(s, fmt.Sprintf("n%d", i), `{"contact":false}`) {
			switch r.Kind {
			case "sensor.garbled":
				garbled++
			case "door.opened":
				opened++
			}
		}
	}
	if len(s.sensors) != maxSensors || garbled != 1 || opened != maxSensors+500 {
		t.Errorf("%d sensors remembered, %d garbled, %d doors opened", len(s.sensors), garbled, opened)
	}
}

func TestNew_NamesTheBadKey(t *testing.T) {
	link := &devices.Link{URL: "tcp://127.0.0.1:1883", ClientID: "c"}
	for _, raw := range []string{`{}`, `{"topic":""}`, `{"topic":"a/#"}`, `{"topic":"a/"}`, `{"topic":"/a"}`, `{"topic":"$SYS"}`, `{"topic":5}`} {
		_, err := Driver().New(devices.Settings{Config: json.RawMessage(raw), Link: link})
		if err == nil || !strings.Contains(err.Error(), `"topic"`) {
			t.Errorf("%s: %v; want an error naming topic", raw, err)
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
		for _, topic := range []string{"pintu", "a/b/availability", "bridge/state", "bridge/event", "bridge/devices", "bridge/info", "pintu/contact"} {
			f.Add(topic, b)
		}
	}
	f.Fuzz(func(t *testing.T, topic string, raw []byte) {
		s := newState("zigbee2mqtt")
		live.hear(s, "pintu", `{"contact":true}`)
		for _, h := range []how{kept, live, dup, live} {
			for _, r := range h.hear(s, topic, string(raw)) {
				d := watch.Draft{Kind: r.Kind, Subject: r.Subject, Body: r.Body}
				if err := d.Validate(); err != nil {
					t.Errorf("reading does not fit the journal: %v", err)
				}
				if len(r.Child) > maxName || len(r.MessageID) > maxWord {
					t.Errorf("child of %d bytes, message id of %d", len(r.Child), len(r.MessageID))
				}
			}
		}
		if len(s.sensors) > maxListed+2 {
			t.Errorf("%d sensors remembered", len(s.sensors))
		}
	})
}
