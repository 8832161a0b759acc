package zigbee2mqtt

import (
	"strings"
	"testing"

	"siaga/internal/watch"
)

// described lists what devices told about themselves, a line each.
func described(rs []watch.Reading) string {
	var out []string
	for _, r := range rs {
		if r.Kind == watch.KindDescribed {
			out = append(out, r.Child+" "+string(r.Body))
		}
	}
	return strings.Join(out, "\n")
}

func TestDescribe_TheInventoryTellsWhatEachSensorIs(t *testing.T) {
	s := newState("zigbee2mqtt")
	got := described(kept.hear(s, "bridge/devices", string(payload(t, "bridge-devices"))))
	if got != `pintu_ruang_server {"vendor":"Sunricher","model":"SNTZ007"}` {
		t.Errorf("told %s", got)
	}
	if got := described(kept.hear(s, "bridge/devices", string(payload(t, "bridge-devices")))); got != "" {
		t.Errorf("nothing new, and yet %s", got)
	}
	got = described(live.hear(s, "bridge/devices", `[
		{"friendly_name":"pintu_ruang_server","software_build_id":"2.5.3_r7","date_code":"20230315","definition":{"vendor":"Sunricher","model":"SNTZ007"}},
		{"friendly_name":"asap","date_code":20200811,"manufacturer":"HEIMAN","model_id":"SmokeSensor-EM","definition":null},
		{"friendly_name":"odd","software_build_id":{"no":"text"},"definition":{"vendor":"X\u0007"}},
		{"type":"Coordinator","friendly_name":"Coordinator","software_build_id":"1"}]`))
	want := `pintu_ruang_server {"vendor":"Sunricher","model":"SNTZ007","firmware":"2.5.3_r7"}
asap {"vendor":"HEIMAN","model":"SmokeSensor-EM","firmware":"20200811"}
odd {"vendor":"X"}`
	if got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

func TestDescribe_TheGatewayTellsItsVersionAndRadioButNoKeys(t *testing.T) {
	const info = `{"version":"2.12.1","commit":"abc","coordinator":{"ieee_address":"0x1","type":"zStack3x0","meta":{"revision":20240710}},
		"config":{"advanced":{"network_key":[1,2,3]}},"network":{"channel":15}}`
	s := newState("zigbee2mqtt")
	if got := described(kept.hear(s, "bridge/info", info)); got != ` {"model":"zStack3x0","firmware":"20240710","software":"Zigbee2MQTT 2.12.1"}` {
		t.Errorf("told %s", got)
	}
	if got := described(live.hear(s, "bridge/info", info)); got != "" {
		t.Errorf("nothing new, and yet %s", got)
	}
	if got := described(live.hear(newState("zigbee2mqtt"), "bridge/info", `{}`)); got != "" {
		t.Errorf("nothing told, and yet %s", got)
	}
	want(t, live.hear(s, "bridge/info", `[1]`), "sensor.garbled")
}
