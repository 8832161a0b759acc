package dji

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

const (
	dockSN  = "7CTDM3100B00WX"
	droneSN = "1581F6Q8D24BC00GH72K"
	rcSN    = "5YSZL2M00231KX"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func payload(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func site(t testing.TB, raw string) *state {
	t.Helper()
	c, err := decode(json.RawMessage(raw))
	if err != nil {
		t.Fatal(err)
	}
	return newState(c, answers{config: c, appKey: "key", appLicense: "licence"})
}

func dockSite(t testing.TB) *state { return site(t, `{"gateway_sn":"`+dockSN+`"}`) }

func send(s *state, topic string, raw []byte) mqttlink.Decoded {
	return s.Handle(mqttlink.Message{Topic: topic, Payload: raw, Received: noon})
}

func osd(s *state, sn, data string) []watch.Reading {
	return send(s, "thing/product/"+sn+"/osd", fmt.Appendf(nil, `{"gateway":%q,"timestamp":1795140932120,"data":%s}`, dockSN, data)).Readings
}

// kinds leaves out what devices tell about themselves, which has tests of its own.
func kinds(rs []watch.Reading) string {
	var ks []string
	for _, r := range rs {
		if r.Kind == watch.KindDescribed {
			continue
		}
		ks = append(ks, r.Kind)
	}
	return strings.Join(ks, " ")
}

func find(t testing.TB, rs []watch.Reading, kind string) (watch.Reading, map[string]any) {
	t.Helper()
	for _, r := range rs {
		if r.Kind == kind {
			var body map[string]any
			if err := json.Unmarshal(r.Body, &body); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			return r, body
		}
	}
	t.Fatalf("no %s among %s", kind, kinds(rs))
	return watch.Reading{}, nil
}

func expect(t testing.TB, body map[string]any, want map[string]any) {
	t.Helper()
	for k, v := range want {
		if fmt.Sprint(body[k]) != fmt.Sprint(v) {
			t.Errorf("%s is %v; want %v", k, body[k], v)
		}
	}
}

func TestDriver_SitsTheExam(t *testing.T) {
	devicetest.ExamMQTT(t, Driver(), devicetest.MQTTPaper{
		Config: `{"gateway_sn":"` + dockSN + `","aircraft":["` + droneSN + `"]}`, Topic: "thing/product/" + droneSN + "/osd",
		Payload: payload(t, "dji-osd-aircraft"), Kinds: []string{"drone.online", "drone.position", "drone.battery"}, Garbled: "drone.garbled",
	})
}

func TestAircraft_PositionStatesItsHeightsAndUnits(t *testing.T) {
	s := dockSite(t)
	rs := send(s, "thing/product/"+droneSN+"/osd", payload(t, "dji-osd-aircraft")).Readings
	if got := kinds(rs); got != "drone.online drone.position drone.battery drone.mode drone.limits drone.payload" {
		t.Errorf("kinds %s", got)
	}
	r, body := find(t, rs, "drone.position")
	if r.Child != droneSN || !r.Sample || r.At.UnixMilli() != 1795140932120 || r.MessageID == "" || r.Subject == "" {
		t.Errorf("reading %+v", r)
	}
	expect(t, body, map[string]any{
		"lat": -6.185902417, "lon": 106.904310955, "height_takeoff_m": 58.3, "height_ellipsoid_m": 100.1,
		"heading_deg": 92.4, "speed_mps": 6.4, "vertical_speed_mps": -0.2, "wind_speed_mps": 3.2, "wind_from": "south",
		"gps_satellites": 24, "mode": "wayline",
	})
	_, body = find(t, rs, "drone.battery")
	expect(t, body, map[string]any{"percent": 71, "remain_flight_time_s": 1386, "return_home_power": 22, "landing_power": 9})
	_, body = find(t, rs, "drone.mode")
	expect(t, body, map[string]any{"mode": "wayline", "airborne": true, "first": true})
}

func TestAircraft_NoFixIsNoPosition(t *testing.T) {
	for _, data := range []string{
		`{"latitude":0,"longitude":0}`,
		`{"latitude":-6.1,"longitude":106.9,"position_state":{"is_fixed":1}}`,
		`{"latitude":-6.1,"longitude":206.9}`,
		`{"latitude":"nan","longitude":"106.9"}`,
	} {
		if rs := osd(dockSite(t), droneSN, data); strings.Contains(kinds(rs), "position") {
			t.Errorf("%s gave a position", data)
		}
	}
	rs := osd(dockSite(t), droneSN, `{"latitude":"-6.1","longitude":"106.9","attitude_head":"-90","position_state":{"is_fixed":"2"}}`)
	_, body := find(t, rs, "drone.position")
	expect(t, body, map[string]any{"lat": -6.1, "heading_deg": 270})
}

func TestAircraft_PartialMessagesAreMerged(t *testing.T) {
	s := dockSite(t)
	osd(s, droneSN, `{"elevation":58.3,"position_state":{"is_fixed":2},"mode_code":5}`)
	_, body := find(t, osd(s, droneSN, `{"latitude":-6.1,"longitude":106.9}`), "drone.position")
	expect(t, body, map[string]any{"height_takeoff_m": 58.3, "mode": "wayline"})
}

func TestControl_LossAndReturnAreToldOnce(t *testing.T) {
	s := dockSite(t)
	osd(s, droneSN, `{"mode_code":5,"latitude":-6.1,"longitude":106.9,"battery":{"capacity_percent":40}}`)
	rs := send(s, "thing/product/"+droneSN+"/state", payload(t, "dji-state-aircraft-mode-reason")).Readings
	r, body := find(t, rs, "drone.control_lost")
	if r.Child != droneSN || r.Sample {
		t.Errorf("reading %+v", r)
	}
	expect(t, body, map[string]any{"reason": "control_signal_lost", "lat": -6.1, "percent": 40})
	if rs := osd(s, droneSN, `{"mode_code":9}`); kinds(rs) != "drone.mode" {
		t.Errorf("return home while lost gave %s", kinds(rs))
	}
	rs = send(s, "thing/product/"+droneSN+"/state", []byte(`{"gateway":"`+dockSN+`","data":{"mode_code_reason":0}}`)).Readings
	find(t, rs, "drone.control_restored")
	_, body = find(t, osd(s, droneSN, `{"mode_code":77}`), "drone.mode")
	expect(t, body, map[string]any{"mode": "unknown(77)", "was": "return_home"})
}

func TestLimits_OnlyChangesAreFacts(t *testing.T) {
	s := dockSite(t)
	near := `{"is_near_area_limit":1,"is_near_height_limit":"0","height_limit":120,"distance_limit_status":{"is_near_distance_limit":0}}`
	osd(s, droneSN, strings.Replace(near, `limit":1`, `limit":0`, 1))
	_, body := find(t, osd(s, droneSN, near), "drone.limits")
	expect(t, body, map[string]any{"near_area": true, "near_height": false, "first": false, "height_limit_takeoff_m": 120})
	if rs := osd(s, droneSN, near); len(rs) != 0 {
		t.Errorf("the same again gave %s", kinds(rs))
	}
}

func TestHome_IsAFactWhenItMoves(t *testing.T) {
	s := dockSite(t)
	topic := "thing/product/" + droneSN + "/state"
	find(t, send(s, topic, payload(t, "dji-state-aircraft-home")).Readings, "drone.home")
	if rs := send(s, topic, payload(t, "dji-state-aircraft-home")).Readings; len(rs) != 0 {
		t.Errorf("the same home gave %s", kinds(rs))
	}
}

func TestHMS_IsTheDifferenceOfCompleteLists(t *testing.T) {
	s := dockSite(t)
	send(s, "sys/product/"+dockSN+"/status", payload(t, "dji-status-update-topo-online"))
	topic := "thing/product/" + dockSN + "/events"
	r, body := find(t, send(s, topic, payload(t, "dji-events-hms")).Readings, "drone.hms_raised")
	if r.Child != droneSN {
		t.Errorf("an aircraft's alarm went to %q", r.Child)
	}
	expect(t, body, map[string]any{"code": "0x16100083", "level_name": "warning", "text_key": "fpv_tip_0x16100083_in_the_sky", "imminent": true})
	if rs := send(s, topic, payload(t, "dji-events-hms")).Readings; len(rs) != 0 {
		t.Errorf("the same list gave %s", kinds(rs))
	}
	other := `{"method":"hms","data":{"list":[{"code":"0x1A","level":9,"device_type":"3-2-0","module":1}]}}`
	rs := send(s, topic, []byte(other)).Readings
	if kinds(rs) != "drone.hms_cleared drone.hms_raised" {
		t.Fatalf("another list gave %s", kinds(rs))
	}
	r, body = find(t, rs, "drone.hms_raised")
	expect(t, body, map[string]any{"text_key": "dock_tip_0x1a", "level_name": "unknown(9)"})
	if r.Child != "" {
		t.Errorf("a dock's alarm went to %q", r.Child)
	}
	if rs := send(s, topic, []byte(`{"method":"hms","data":{"list":[]}}`)).Readings; kinds(rs) != "drone.hms_cleared" {
		t.Errorf("an empty list gave %s", kinds(rs))
	}
}

func TestSilence_MakesOfflineOnce(t *testing.T) {
	s := dockSite(t)
	osd(s, droneSN, `{"latitude":-6.1,"longitude":106.9,"battery":{"capacity_percent":33}}`)
	osd(s, dockSN, `{"cover_state":0}`)
	for at := noon; at.Before(noon.Add(30 * time.Second)); at = at.Add(time.Second) {
		if rs := s.Tick(at); len(rs) != 0 {
			t.Fatalf("after %v: %s", at.Sub(noon), kinds(rs))
		}
	}
	rs := s.Tick(noon.Add(31 * time.Second))
	if kinds(rs) != "drone.offline dock.offline" && kinds(rs) != "dock.offline drone.offline" {
		t.Fatalf("after 31 s: %s", kinds(rs))
	}
	_, body := find(t, rs, "drone.offline")
	expect(t, body, map[string]any{"reason": "silence", "was": "map[lat:-6.1 lon:106.9 percent:33]"})
	if rs := s.Tick(noon.Add(32 * time.Second)); len(rs) != 0 {
		t.Errorf("told twice: %s", kinds(rs))
	}
	if rs := osd(s, droneSN, `{"mode_code":0}`); kinds(rs) != "drone.online drone.mode" {
		t.Errorf("on return: %s", kinds(rs))
	}
}

func TestSilence_OfOurOwnIsNotTheDevices(t *testing.T) {
	s := dockSite(t)
	osd(s, droneSN, `{"mode_code":0}`)
	s.Tick(noon)
	if rs := s.Tick(noon.Add(time.Hour)); len(rs) != 0 { // we were disconnected
		t.Errorf("after our own absence: %s", kinds(rs))
	}
}

func TestTopic_OfAnotherGatewayIsNotOurs(t *testing.T) {
	s := dockSite(t)
	raw := strings.Replace(string(payload(t, "dji-osd-aircraft")), dockSN, "SOMEONEELSE", 1)
	if d := send(s, "thing/product/"+droneSN+"/osd", []byte(raw)); len(d.Readings) != 0 {
		t.Errorf("another gateway's aircraft gave %s", kinds(d.Readings))
	}
	for i := range 100 {
		osd(s, fmt.Sprintf("SN%d", i), `{"mode_code":0}`)
	}
	if len(s.units) > maxAircraft+1 {
		t.Errorf("remembers %d units", len(s.units))
	}
}

func TestRetained_ChangesNothing(t *testing.T) {
	s := dockSite(t)
	d := s.Handle(mqttlink.Message{Topic: "thing/product/" + dockSN + "/events", Payload: payload(t, "dji-events-hms"), Retained: true})
	if kinds(d.Readings) != "drone.state" || len(s.alarms) != 0 {
		t.Errorf("a kept alarm gave %s", kinds(d.Readings))
	}
}

func TestDRC_PositionBelongsToTheOnlyAircraft(t *testing.T) {
	s := dockSite(t)
	osd(s, droneSN, `{"mode_code":3}`)
	r, body := find(t, send(s, "thing/product/"+dockSN+"/drc/up", payload(t, "dji-drc-osd-info-push")).Readings, "drone.position")
	if r.Child != droneSN || !r.Sample {
		t.Errorf("reading %+v", r)
	}
	expect(t, body, map[string]any{"speed_mps": 6.44, "height_ellipsoid_m": 100.1})
}

func TestNew_NamesTheBadKey(t *testing.T) {
	for raw, key := range map[string]string{
		`{}`: "gateway_sn", `{"gateway_sn":"a/b"}`: "gateway_sn", `{"gateway_sn":"A","aircraft":["+"]}`: "aircraft",
		`{"gateway_sn":"A","aircraft":["A"]}`: "aircraft", `{"gateway_sn":"A","app_id":5}`: "app_id",
	} {
		_, err := Driver().New(devices.Settings{Config: json.RawMessage(raw), Link: &devices.Link{URL: "tcp://127.0.0.1", ClientID: "c"}})
		if err == nil || !strings.Contains(err.Error(), `"`+key+`"`) {
			t.Errorf("%s: %v; want an error naming %s", raw, err, key)
		}
	}
}

func FuzzHandle(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) == 0 {
		f.Fatal("no seeds in testdata")
	}
	topics := []string{
		"thing/product/" + droneSN + "/osd", "thing/product/" + dockSN + "/osd", "thing/product/" + dockSN + "/events",
		"thing/product/" + dockSN + "/requests", "sys/product/" + dockSN + "/status", "thing/product/" + dockSN + "/drc/up",
	}
	for i, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(topics[i%len(topics)], b)
	}
	f.Fuzz(func(t *testing.T, topic string, raw []byte) {
		s := dockSite(t)
		osd(s, droneSN, `{"mode_code":5}`)
		for _, topic := range append(topics, topic) {
			d := send(s, topic, raw)
			for _, r := range d.Readings {
				if err := (&watch.Draft{Kind: r.Kind, Subject: r.Subject, Body: r.Body}).Validate(); err != nil && len(raw) < 1<<15 {
					t.Errorf("reading does not fit the journal: %v", err)
				}
			}
			for _, r := range d.Replies {
				if !json.Valid(r.Payload) {
					t.Errorf("reply %q", r.Payload)
				}
			}
		}
		s.Tick(noon.Add(time.Minute))
	})
}
