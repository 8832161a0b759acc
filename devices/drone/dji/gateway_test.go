package dji

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"siaga/internal/watch"
)

func TestTopology_AnswersAndStripsSecrets(t *testing.T) {
	s := dockSite(t)
	d := send(s, "sys/product/"+dockSN+"/status", payload(t, "dji-status-update-topo-online"))
	if kinds(d.Readings) != "dock.online drone.online" {
		t.Errorf("kinds %s", kinds(d.Readings))
	}
	r, body := find(t, d.Readings, "drone.online")
	expect(t, body, map[string]any{"model": "0-91-1", "sn": droneSN})
	if r.Child != droneSN {
		t.Errorf("child %q", r.Child)
	}
	var reply, want map[string]any
	if len(d.Replies) != 1 || d.Replies[0].Topic != "sys/product/"+dockSN+"/status_reply" || json.Unmarshal(d.Replies[0].Payload, &reply) != nil {
		t.Fatalf("replies %+v", d.Replies)
	}
	_ = json.Unmarshal(payload(t, "dji-status-reply"), &want)
	expect(t, reply, map[string]any{"method": "update_topo", "data": want["data"], "tid": "3f1d0c52-7a43-4d0e-9a55-0c1f6b0a1000"})
	gone := strings.ReplaceAll(string(payload(t, "dji-status-update-topo-online")), "\n", "")
	gone = gone[:strings.Index(gone, `"sub_devices"`)] + `"sub_devices":[]}}`
	rs := send(s, "sys/product/"+dockSN+"/status", []byte(gone)).Readings
	_, body = find(t, rs, "drone.offline")
	expect(t, body, map[string]any{"reason": "topology"})
	late := []byte(`{"gateway":"` + dockSN + `","timestamp":1795140929000,"data":{"mode_code":0}}`)
	if rs := send(s, "thing/product/"+droneSN+"/osd", late).Readings; strings.Contains(kinds(rs), "online") {
		t.Error("properties sent before the goodbye brought it back")
	}
	find(t, osd(s, droneSN, `{"mode_code":1}`), "drone.online")
}

func TestSecrets_NeverLeave(t *testing.T) {
	s := dockSite(t)
	whole := payload(t, "dji-status-update-topo-online")
	inputs := [][]byte{
		whole, whole[:len(whole)-40], whole[:300],
		[]byte(`{"method":"x","data":{"deep":[{"nonce":"redacted-nonce-gw","a":1}]}}`),
		[]byte(`{"data":{"device_secret" : "redacted-sec\"ret-gw`),
	}
	for _, raw := range inputs {
		for _, channel := range []string{"sys/product/" + dockSN + "/status", "thing/product/" + dockSN + "/events"} {
			for _, r := range send(s, channel, raw).Readings {
				var b struct {
					Raw []byte `json:"raw_base64"`
				}
				_ = json.Unmarshal(r.Body, &b) // not every body has it
				if text := string(r.Body) + string(b.Raw); strings.Contains(text, "redacted") {
					t.Errorf("%s carries a secret: %s", r.Kind, text)
				}
			}
		}
	}
}

func TestRequests_KeepADockConnected(t *testing.T) {
	topic := "thing/product/" + dockSN + "/requests"
	ask := func(s *state, method, data string) (map[string]any, []watch.Reading) {
		d := send(s, topic, fmt.Appendf(nil, `{"tid":"t","bid":"b","method":%q,"data":%s}`, method, data))
		if len(d.Replies) == 0 {
			return nil, d.Readings
		}
		var reply struct {
			Tid, Bid, Method, Gateway string
			Data                      map[string]any
		}
		if err := json.Unmarshal(d.Replies[0].Payload, &reply); err != nil || reply.Tid != "t" || reply.Bid != "b" || reply.Method != method || reply.Gateway != dockSN {
			t.Errorf("%s answered with %s", method, d.Replies[0].Payload)
		}
		return reply.Data, d.Readings
	}
	s := site(t, `{"gateway_sn":"`+dockSN+`","app_id":"12","ntp_server":"10.0.0.1"}`)
	data, rs := ask(s, "config", `{"config_type":"json"}`)
	expect(t, data, map[string]any{"app_id": "12", "app_license": "licence", "ntp_server_host": "10.0.0.1"})
	if _, body := find(t, rs, "dock.request"); strings.Contains(fmt.Sprint(body), "licence") {
		t.Errorf("the licence is in the event: %v", body)
	}
	d := send(s, topic, payload(t, "dji-requests-airport-bind-status"))
	if len(d.Replies) != 1 || strings.Count(string(d.Replies[0].Payload), `"is_device_bind_organization":true`) != 2 {
		t.Errorf("bind status answered with %+v", d.Replies)
	}
	data, _ = ask(s, "airport_organization_get", `{}`)
	expect(t, data, map[string]any{"result": 0, "output": map[string]any{"organization_name": "Siaga"}})
	data, _ = ask(s, "airport_organization_bind", `{"bind_devices":[{"sn":"A1"}]}`)
	expect(t, data, map[string]any{"output": "map[err_infos:[map[err_code:0 sn:A1]]]"})
	if data, rs = ask(s, "storage_config_get", `{}`); data != nil {
		t.Errorf("storage keys given: %v", data)
	}
	_, body := find(t, rs, "dock.request")
	expect(t, body, map[string]any{"answered": false})
	if data, _ := ask(dockSite(t), "config", `{}`); data != nil {
		t.Errorf("config answered without an application: %v", data)
	}
}

func TestPassive_AnswersNothing(t *testing.T) {
	s := site(t, `{"gateway_sn":"`+dockSN+`","passive":true}`)
	for topic, raw := range map[string][]byte{
		"sys/product/" + dockSN + "/status":     payload(t, "dji-status-update-topo-online"),
		"thing/product/" + dockSN + "/requests": payload(t, "dji-requests-airport-bind-status"),
		"thing/product/" + dockSN + "/events":   payload(t, "dji-events-airsense-warning"),
	} {
		if d := send(s, topic, raw); len(d.Replies) != 0 || len(d.Readings) == 0 {
			t.Errorf("%s: %d replies, %d readings", topic, len(d.Replies), len(d.Readings))
		}
	}
}

func TestEvents_AreAnsweredWhenTheyAsk(t *testing.T) {
	s := dockSite(t)
	topic := "thing/product/" + dockSN + "/events"
	d := send(s, topic, payload(t, "dji-events-airsense-warning"))
	if len(d.Replies) != 1 || d.Replies[0].Topic != topic+"_reply" {
		t.Errorf("replies %+v", d.Replies)
	}
	_, body := find(t, d.Readings, "drone.airsense")
	expect(t, body, map[string]any{"level": 3, "icao": "8A0341", "distance_m": 1180, "trend": "descending"})
	d = send(s, topic, payload(t, "dji-events-flighttask-progress"))
	r, body := find(t, d.Readings, "drone.task")
	if len(d.Replies) != 0 || r.Sample || r.Subject != "5d2b7f00-41c7-4d0f-8c7c-6f1d3e0a9b21" {
		t.Errorf("replies %+v, reading %+v", d.Replies, r)
	}
	expect(t, body, map[string]any{"status": "in_progress", "percent": 46, "step": 24})
	if r, _ := find(t, send(s, topic, payload(t, "dji-events-flighttask-progress")).Readings, "drone.task"); !r.Sample {
		t.Error("the same step again is a fact")
	}
	_, body = find(t, send(s, topic, []byte(`{"method":"device_exit_homing_notify","data":{"reason":"6"}}`)).Readings, "drone.event")
	expect(t, body, map[string]any{"method": "device_exit_homing_notify"})
}

func TestDock_StateChangesAreFacts(t *testing.T) {
	s := dockSite(t)
	topic := "thing/product/" + dockSN + "/osd"
	rs := send(s, topic, payload(t, "dji-osd-dock-environment")).Readings
	if kinds(rs) != "dock.online dock.state dock.environment dock.power dock.maintenance" {
		t.Errorf("kinds %s", kinds(rs))
	}
	r, body := find(t, rs, "dock.state")
	expect(t, body, map[string]any{"cover": "open", "drone_in_dock": false, "emergency_stop": false, "alarm": false, "mode": "operating", "first": true})
	if r.Child != "" {
		t.Errorf("a dock's own reading has child %q", r.Child)
	}
	_, body = find(t, rs, "dock.environment")
	expect(t, body, map[string]any{"rain": "none", "wind_speed_mps": 2.7, "outside_c": 30.6, "humidity_percent": 48})
	rs = send(s, topic, payload(t, "dji-osd-dock-maintenance")).Readings
	if kinds(rs) != "dock.power dock.maintenance" {
		t.Errorf("maintenance gave %s", kinds(rs))
	}
	_, body = find(t, rs, "dock.power")
	expect(t, body, map[string]any{"working_v": 25.41, "backup_on": true, "backup_v": 26.89})
	_, body = find(t, osd(s, dockSN, `{"emergency_stop_state":1}`), "dock.state")
	expect(t, body, map[string]any{"emergency_stop": true, "cover": "open", "changed": "[emergency_stop]"})
	rs = osd(s, dockSN, `{"drone_battery_maintenance_info":{"batteries":[{"index":0,"capacity_percent":32767,"voltage":32767,"temperature":32767}]}}`)
	_, body = find(t, rs, "dock.maintenance")
	expect(t, body, map[string]any{"batteries": "[map[index:0]]"})
}

func TestRemote_IsTold(t *testing.T) {
	s := site(t, `{"gateway_sn":"`+rcSN+`"}`)
	rs := send(s, "thing/product/"+rcSN+"/osd", payload(t, "dji-osd-rc")).Readings
	if kinds(rs) != "rc.online rc.state drone.link" {
		t.Errorf("kinds %s", kinds(rs))
	}
	_, body := find(t, rs, "rc.state")
	expect(t, body, map[string]any{"percent": 74, "lat": -6.186377})
	_, body = find(t, rs, "drone.link")
	expect(t, body, map[string]any{"sdr_quality": 5, "sdr_connected": true})
}
