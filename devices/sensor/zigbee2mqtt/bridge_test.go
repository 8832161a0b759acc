package zigbee2mqtt

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"siaga/internal/watch"
)

func TestAvailability_BothForms(t *testing.T) {
	s := newState("zigbee2mqtt")
	want(t, kept.hear(s, "a/b/availability", `{"state":"online"}`), "")
	rs := want(t, live.hear(s, "a/b/availability", string(payload(t, "zigbee2mqtt-availability"))), "sensor.offline")
	if rs[0].Child != "a/b" || string(rs[0].Body) != `{"name":"a/b","previous":"online","state":"offline"}` {
		t.Errorf("%q %s", rs[0].Child, rs[0].Body)
	}
	want(t, kept.hear(s, "a/b/availability", `offline`), "")
	want(t, live.hear(s, "a/b/availability", `online`), "sensor.online")
	want(t, live.hear(s, "a/b/availability", ``), "") // the sensor was removed
	want(t, live.hear(s, "a/b/availability", `asleep`), "sensor.garbled")
	want(t, kept.hear(newState("zigbee2mqtt"), "c/availability", `offline`), "sensor.offline")
}

func TestGateway_StateAndWill(t *testing.T) {
	s := newState("zigbee2mqtt")
	rs := want(t, kept.hear(s, "bridge/state", string(payload(t, "zigbee2mqtt-bridge-state"))), "gateway.online")
	if rs[0].Child != "" || string(rs[0].Body) != `{"baseline":true,"state":"online"}` {
		t.Errorf("%q %s", rs[0].Child, rs[0].Body)
	}
	want(t, kept.hear(s, "bridge/state", `online`), "")
	want(t, live.hear(s, "bridge/state", `{"state":"offline"}`), "gateway.offline")
	want(t, live.hear(s, "bridge/state", `offline`), "")
	want(t, live.hear(s, "bridge/state", `online`), "gateway.online")
	want(t, live.hear(s, "bridge/state", `maybe`), "sensor.garbled")
	want(t, kept.hear(newState("zigbee2mqtt"), "bridge/state", `offline`), "gateway.offline")
}

func TestBridge_JoinsLeavesAndInventory(t *testing.T) {
	s := newState("zigbee2mqtt")
	rs := want(t, live.hear(s, "bridge/event", string(payload(t, "bridge-event"))), "sensor.joined")
	if rs[0].Child != "0x00158d0004a1b2c3" || !strings.Contains(string(rs[0].Body), `"ieee":"0x00158d0004a1b2c3"`) {
		t.Errorf("%q %s", rs[0].Child, rs[0].Body)
	}
	want(t, live.hear(s, "bridge/event", `{"type":"device_leave","data":{"ieee_address":"0x1"}}`), "sensor.left")
	want(t, live.hear(s, "bridge/event", `{"type":"device_announce","data":{"friendly_name":"x"}}`), "sensor.announced")
	want(t, live.hear(s, "bridge/event", `{"type":"device_interview","data":{"friendly_name":"x","status":"failed"}}`), "sensor.announced")
	want(t, live.hear(s, "bridge/event", `{"type":"device_joined","data":{}}`), "sensor.garbled")
	want(t, live.hear(s, "bridge/event", `{"data":{}}`), "sensor.garbled")
	rs = want(t, kept.hear(s, "bridge/devices", string(payload(t, "bridge-devices"))), "sensor.inventory")
	if got := string(rs[0].Body); got != `{"baseline":true,"count":1,"sensors":[{"friendly_name":"pintu_ruang_server","ieee":"0x00158d0004a1b2c3","model":"SNTZ007","vendor":"Sunricher","power_source":"Battery"}]}` {
		t.Errorf("inventory %s", got)
	}
	want(t, kept.hear(s, "bridge/devices", string(payload(t, "bridge-devices"))), "")
	want(t, live.hear(s, "bridge/devices", `[]`), "sensor.inventory")
	want(t, live.hear(s, "bridge/devices", `{}`), "sensor.garbled")
}

func TestInventory_FitsTheJournalWhateverItsSize(t *testing.T) {
	var items []string
	for i := range 900 {
		items = append(items, fmt.Sprintf(`{"friendly_name":"%d%s"}`, i, strings.Repeat(`\u0001`, 40)))
	}
	rs := want(t, live.hear(newState("zigbee2mqtt"), "bridge/devices", "["+strings.Join(items, ",")+"]"), "sensor.inventory")
	var body struct {
		Count     int
		Sensors   []any
		Truncated bool
	}
	if err := json.Unmarshal(rs[0].Body, &body); err != nil || body.Count != 900 || !body.Truncated || len(rs[0].Body) > watch.MaxBody/2+maxListSize/2 {
		t.Errorf("%d bytes, count %d, truncated %v, %v", len(rs[0].Body), body.Count, body.Truncated, err)
	}
}
