package dji

import (
	"fmt"
	"strings"
	"testing"

	"siaga/internal/watch"
)

// told lists what devices told about themselves, a line each.
func told(rs []watch.Reading) string {
	var out []string
	for _, r := range rs {
		if r.Kind == watch.KindDescribed {
			out = append(out, r.Child+" "+string(r.Body))
		}
	}
	return strings.Join(out, "\n")
}

func TestDescribe_TopologyAndStateTellModelFirmwareAndSerial(t *testing.T) {
	s := dockSite(t)
	rs := send(s, "sys/product/"+dockSN+"/status", payload(t, "dji-status-update-topo-online")).Readings
	want := droneSN + ` {"vendor":"DJI","model":"M3TD","serial":"` + droneSN + `"}` + "\n" +
		` {"vendor":"DJI","model":"Dock 2","serial":"` + dockSN + `"}`
	if got := told(rs); got != want {
		t.Errorf("the topology tells\n%s\nwant\n%s", got, want)
	}
	state := `{"gateway":"` + dockSN + `","timestamp":1795140932120,"data":{"firmware_version":"10.01.16.20"}}`
	want = droneSN + ` {"vendor":"DJI","model":"M3TD","firmware":"10.01.16.20","serial":"` + droneSN + `"}`
	if got := told(send(s, "thing/product/"+droneSN+"/state", []byte(state)).Readings); got != want {
		t.Errorf("the state tells\n%s\nwant\n%s", got, want)
	}
	// The battery of this message has a firmware of its own, which is not the aircraft's.
	rs = send(s, "thing/product/"+droneSN+"/osd", payload(t, "dji-osd-aircraft")).Readings
	rs = append(rs, send(s, "thing/product/"+droneSN+"/state", []byte(state)).Readings...)
	if got := told(rs); got != "" {
		t.Errorf("nothing new, and yet %s", got)
	}
}

func TestDescribe_ADockTellsWhatItsAircraftIs(t *testing.T) {
	s := dockSite(t)
	osd(s, droneSN, `{"mode_code":0}`)
	got := told(osd(s, dockSN, `{"cover_state":0,"firmware_version":"1.2\u0000","sub_device":{"device_sn":"`+droneSN+`","device_model_key":"0-67-9"}}`))
	want := ` {"vendor":"DJI","firmware":"1.2","serial":"` + dockSN + `"}` + "\n" +
		droneSN + ` {"vendor":"DJI","model":"0-67-9","serial":"` + droneSN + `"}`
	if got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

func TestDescribe_AnOversizeFirmwareIsCut(t *testing.T) {
	s := dockSite(t)
	rs := osd(s, droneSN, fmt.Sprintf(`{"firmware_version":%q}`, strings.Repeat("9", 60_000)))
	_, body := find(t, rs, watch.KindDescribed)
	if n := len(body["firmware"].(string)); n != 128 {
		t.Errorf("%d characters", n)
	}
}
