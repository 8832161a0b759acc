package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"siaga/internal/watch"
)

var start = time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)

// event happens n seconds after start.
func event(n float64, kind, body string) watch.Event {
	return watch.Event{
		Seq: uint64(n*10) + 1, Kind: kind, Device: "dev-1", Zone: "zone-1", Body: json.RawMessage(body),
		At: start.Add(time.Duration(n * float64(time.Second))),
	}
}

// place1 is a site whose only zone and device are what a test says.
type place1 struct {
	zone   Zone
	device Device
}

func (p place1) Zone(string) Zone     { return p.zone }
func (p place1) Device(string) Device { return p.device }

func load(t testing.TB, files ...string) *Set {
	t.Helper()
	dir := fstest.MapFS{}
	for _, f := range files {
		id, _, _ := strings.Cut(strings.TrimPrefix(f, "id: "), "\n")
		dir["rules/"+id+".yaml"] = &fstest.MapFile{Data: []byte(f)}
	}
	set, _, err := Load(dir, "rules")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// told is claims as short text: "r fires", "r ends".
func told(claims []watch.Claim) string {
	var out []string
	for _, c := range claims {
		word := "fires"
		if c.Clear {
			word = "ends"
		}
		out = append(out, c.Rule+" "+word)
	}
	return strings.Join(out, ", ")
}

// TestShipped_EachRuleSpeaksUp plays what each shipped rule is for. A shipped rule without a line here is a failure.
func TestShipped_EachRuleSpeaksUp(t *testing.T) {
	type step struct {
		at         float64
		kind, body string
	}
	locked, store, server := Zone{Kind: "store", Locked: true}, Zone{Kind: "store"}, Zone{Kind: "server_room"}
	cases := []struct {
		rule  string
		zone  Zone
		steps []step
		want  watch.Priority // "" for no claim
		ends  bool           // and the last step ends it
	}{
		{"radio-emergency", Zone{}, []step{{0, "radio.emergency", `{"src_id":"5100231"}`}}, "critical", false},
		{"panic-button", Zone{}, []step{{0, "sensor.action", `{"action":"emergency"}`}}, "critical", false},
		{"panic-button", Zone{}, []step{{0, "sensor.action", `{"action":"toggle"}`}}, "", false},
		{"radio-stuck", Zone{}, []step{{0, "radio.call_timeout", `{"src_id":"1","slot":2}`}}, "important", false},
		{"radio-unregistered", Zone{}, []step{{0, "radio.unregistered", `{"key":"9"}`}}, "important", false},
		{"radio-silent", Zone{}, []step{{0, "radio.call_started", `{}`}, {91, "segment.closed", `{}`}}, "important", false},
		{"radio-silent", Zone{}, []step{{0, "radio.call_started", `{}`}, {91, "segment.closed", `{}`}, {95, "radio.text", `{}`}}, "important", true},
		{"radio-gateway-lost", Zone{}, []step{{0, "radio.gateway_lost", `{}`}, {5, "radio.gateway_online", `{}`}}, "important", true},
		{"camera-lost", store, []step{{0, "camera.lost", `{"reason":"unreachable"}`}, {5, "camera.online", `{}`}}, "important", true},
		{"camera-lost", locked, []step{{0, "camera.lost", `{"reason":"unreachable"}`}}, "critical", false},
		{"camera-lost", locked, []step{{0, "camera.lost", `{"reason":"stopped"}`}}, "", false},
		{"camera-sub-lost", Zone{}, []step{{0, "camera.sub_lost", `{}`}, {9, "camera.sub_online", `{}`}}, "caution", true},
		{"camera-clock", Zone{}, []step{{0, "camera.clock", `{"offset_ms":-2500}`}, {9, "camera.clock", `{"offset_ms":40}`}}, "caution", true},
		{"camera-clock", Zone{}, []step{{0, "camera.clock", `{"offset_ms":420000}`}}, "important", false},
		{"camera-clock", Zone{}, []step{{0, "camera.clock", `{"offset_ms":1500}`}}, "", false},
		{"drone-height", Zone{}, []step{{0, "drone.position", `{"height_takeoff_m":110.5}`}, {1, "drone.position", `{"height_takeoff_m":90}`}}, "caution", true},
		{"drone-height", Zone{}, []step{{0, "drone.position", `{"height_takeoff_m":121}`}, {1, "drone.offline", `{}`}}, "important", true},
		{"drone-height", Zone{}, []step{{0, "drone.position", `{"height_takeoff_m":110}`}}, "", false},
		{"drone-height", Zone{}, []step{{0, "drone.position", `{"lat":1}`}}, "", false},
		{"drone-fence", Zone{}, []step{{0, "drone.limits", `{"near_area":true}`}, {1, "drone.limits", `{"near_area":false}`}}, "important", true},
		{"drone-battery", Zone{}, []step{{0, "drone.battery", `{"percent":29}`}, {1, "drone.battery", `{"percent":80}`}}, "caution", true},
		{"drone-battery", Zone{}, []step{{0, "drone.battery", `{"percent":40,"return_home_power":45}`}}, "important", false},
		{"drone-battery", Zone{}, []step{{0, "drone.battery", `{"percent":31}`}}, "", false},
		{"drone-control-lost", Zone{}, []step{{0, "drone.control_lost", `{}`}, {9, "drone.control_restored", `{}`}}, "important", true},
		{"drone-control-lost", Zone{}, []step{{0, "drone.control_lost", `{"height_takeoff_m":0.2}`}}, "", false},
		{"drone-vanished", Zone{}, []step{{0, "drone.offline", `{"reason":"silence","was":{"height_takeoff_m":80}}`}, {9, "drone.online", `{}`}}, "important", true},
		{"drone-vanished", Zone{}, []step{{0, "drone.offline", `{"reason":"silence","was":{"height_takeoff_m":0}}`}}, "", false},
		{"radio-stuck", Zone{}, []step{{0, "radio.channel", `{"stuck":true}`}}, "important", false},
		{"radio-stuck", Zone{}, []step{{0, "radio.channel", `{"stuck":false}`}}, "", false},
		{"drone-hms", Zone{}, []step{{0, "drone.hms_raised", `{"code":"0x1","level":2,"in_the_sky":true}`}, {9, "drone.hms_cleared", `{"code":"0x1"}`}}, "important", true},
		{"drone-hms", Zone{}, []step{{0, "drone.hms_raised", `{"code":"0x1","level":2}`}}, "caution", false},
		{"drone-hms", Zone{}, []step{{0, "drone.hms_raised", `{"code":"0x1","level":1}`}}, "", false},
		{"drone-airsense", Zone{}, []step{{0, "drone.airsense", `{"icao":"8A0341","level":3}`}}, "important", false},
		{"door-forced", locked, []step{{0, "door.opened", `{}`}}, "critical", false},
		{"door-forced", store, []step{{0, "door.opened", `{}`}}, "", false},
		{"door-held", store, []step{{0, "door.opened", `{}`}, {61, "site.started", `{}`}, {62, "door.closed", `{}`}}, "caution", true},
		{"door-held", store, []step{{0, "door.opened", `{}`}, {59, "door.closed", `{}`}, {90, "site.started", `{}`}}, "", false},
		{"smoke", Zone{}, []step{{0, "smoke.detected", `{}`}, {9, "smoke.cleared", `{}`}}, "critical", true},
		{"water", store, []step{{0, "water.detected", `{}`}, {9, "water.cleared", `{}`}}, "critical", true},
		{"water", Zone{Kind: "yard"}, []step{{0, "water.detected", `{}`}}, "important", false},
		{"server-room-temperature", server, []step{{0, "sensor.environment", `{"temperature":30.5}`}, {9, "sensor.environment", `{"temperature":27}`}}, "important", true},
		{"server-room-temperature", store, []step{{0, "sensor.environment", `{"temperature":35}`}}, "", false},
		{"tamper", store, []step{{0, "tamper.detected", `{}`}, {9, "tamper.cleared", `{}`}}, "important", true},
		{"tamper", locked, []step{{0, "tamper.detected", `{}`}}, "critical", false},
		{"motion-locked", locked, []step{{0, "motion.detected", `{}`}, {61, "site.started", `{}`}}, "critical", true},
		{"motion-locked", store, []step{{0, "motion.detected", `{}`}}, "", false},
		{"motion-locked", locked, []step{{0, "vibration.detected", `{}`}}, "critical", false},
		{"gas", Zone{}, []step{{0, "gas.detected", `{}`}, {9, "gas.cleared", `{}`}}, "critical", true},
		{"sensor-left", store, []step{{0, "sensor.left", `{"name":"pintu"}`}, {9, "sensor.joined", `{}`}}, "important", true},
		{"sensor-left", locked, []step{{0, "sensor.left", `{}`}}, "critical", false},
		{"power-lost", Zone{}, []step{{0, "power.lost", `{}`}, {9, "power.restored", `{}`}}, "important", true},
		{"message-forged", Zone{}, []step{{0, "broker.refused", `{"user":"gw","topic":"x"}`}}, "critical", false},
		{"message-repeated", Zone{}, []step{{0, "radio.text", `{"repeat_of":4}`}}, "caution", false},
		{"message-repeated", Zone{}, []step{{0, "radio.text", `{"repeat_of":4}`}, {2, "radio.text", `{"repeat_of":4}`}, {4, "radio.text", `{"repeat_of":4}`}}, "important", false},
		{"message-garbled", Zone{}, []step{{0, "drone.garbled", `{}`}}, "caution", false},
		{"message-flood", Zone{}, []step{{0, "broker.throttled", `{"user":"gw"}`}}, "important", false},
		{"broker-signin-failed", Zone{}, slices.Repeat([]step{{0, "broker.signin_failed", `{"user":"gw"}`}}, 5), "important", false},
		{"broker-signin-failed", Zone{}, slices.Repeat([]step{{0, "broker.signin_failed", `{"user":"gw"}`}}, 4), "", false},
		{"signin-failed", Zone{}, slices.Repeat([]step{{0, "auth.failed", `{"address":"10.0.0.9"}`}}, 5), "important", false},
		{"signin-locked", Zone{}, []step{{0, "auth.locked", `{}`}}, "important", false},
		{"log-broken", Zone{}, []step{{0, "integrity.log_broken", `{}`}}, "critical", false},
		{"console-unattended", Zone{}, []step{{0, "console.unattended", `{"why":"no_answer"}`}, {9, "console.attended", `{}`}}, "critical", true},
		{"footage-broken", Zone{}, []step{{0, "integrity.footage_broken", `{}`}}, "critical", false},
		{"rule-disabled", Zone{}, []step{{0, "rule.changed", `{"rule":"smoke","enabled":false}`}}, "important", false},
		{"rule-disabled", Zone{}, []step{{0, "rule.changed", `{"rule":"smoke"}`}}, "", false},
		{"disk-level", Zone{}, []step{{0, "disk.level", `{"percent":81}`}, {9, "disk.level", `{"percent":70}`}}, "caution", true},
		{"disk-level", Zone{}, []step{{0, "disk.level", `{"percent":96}`}}, "critical", false},
		{"clock-jumped", Zone{}, []step{{0, "clock.jumped", `{"jump_ms":3600000}`}}, "important", false},
		{"worker-failed", Zone{}, []step{{0, "worker.failed", `{"worker":"cam-1"}`}}, "important", false},
		{"gateway-lost", Zone{}, []step{{0, "gateway.lost", `{"reason":"unreachable"}`}, {9, "gateway.online", `{}`}}, "important", true},
		{"device-down", Zone{}, []step{{0, "device.down", `{"reason":"unreachable"}`}, {6, "site.started", `{}`}, {9, "device.up", `{}`}}, "important", true},
		{"device-down", Zone{}, []step{{0, "device.down", `{"reason":"shutdown"}`}, {6, "site.started", `{}`}}, "", false},
		{"sensor-lost", Zone{}, []step{{0, "sensor.offline", `{}`}, {6, "site.started", `{}`}, {9, "sensor.online", `{}`}}, "caution", true},
		{"sensor-lost", Zone{}, []step{{0, "gateway.lost", `{}`}, {1, "sensor.offline", `{}`}, {9, "site.started", `{}`}}, "", false},
		{"sensor-battery-low", Zone{}, []step{{0, "sensor.battery_low", `{}`}, {9, "sensor.battery", `{"percent":90}`}}, "caution", true},
		{"sensor-unregistered", Zone{}, []step{{0, "sensor.unregistered", `{"key":"x"}`}}, "caution", false},
		{"footage-gap", Zone{}, []step{{0, "gap.opened", `{"stream":"main"}`}, {9, "gap.closed", `{"stream":"main"}`}}, "info", true},
	}
	set := shipped(t)
	untold := map[string]bool{}
	for _, r := range set.Rules() {
		untold[r.ID] = true
	}
	for _, c := range cases {
		judge := NewJudge(set, place1{c.zone, Device{ID: "dev-1", Gateway: "dev-1", Beacon: true, Name: "Alat"}})
		var last watch.Claim
		var got watch.Priority
		ended := false
		for _, s := range c.steps {
			for _, claim := range judge.Judge(event(s.at, s.kind, s.body)) {
				if claim.Rule != c.rule {
					continue
				}
				if !claim.Clear {
					last, got = claim, claim.Priority
				}
				ended = claim.Clear
			}
		}
		delete(untold, c.rule)
		if got != c.want || got != "" && ended != c.ends {
			t.Errorf("%s on %+v: priority %q ended %v, want %q %v", c.rule, c.steps, got, ended, c.want, c.ends)
		}
		if got != "" && (last.Title.ID == "" || last.Title.EN == "" || last.Code == "" || last.Category == "") {
			t.Errorf("%s says %+v", c.rule, last)
		}
		for id, trouble := range judge.Troubles() {
			t.Errorf("%s on %+v: %s could not be evaluated: %s", c.rule, c.steps, id, trouble.Last)
		}
	}
	for id := range untold {
		t.Errorf("no case plays %s", id)
	}
}

func TestJudge_ARuleThatCannotBeEvaluatedIsCountedNotSilentNotFatal(t *testing.T) {
	set := load(t, rule("r", "when: body.level > 3\n"), strings.Replace(rule("p", ""), "priority: important", `priority: 'text(body.level)'`, 1))
	judge := NewJudge(set, Bare{})
	claims := judge.Judge(event(0, "radio.emergency", `{}`))
	if told(claims) != "p fires" || claims[0].Priority != watch.Important {
		t.Errorf("claims %+v", claims)
	}
	if tr := judge.Troubles(); tr["r"].Times != 1 || tr["p"].Times != 1 || !strings.Contains(tr["r"].Last, "when on radio.emergency") {
		t.Errorf("troubles %+v", tr)
	}
}

func TestJudge_OwnEventsAreNotJudged(t *testing.T) {
	judge := NewJudge(load(t, strings.Replace(rule("r", ""), "radio.emergency", `"*.raised"`, 1)), Bare{})
	for _, k := range []string{"alert.raised", "incident.raised", "act.raised"} {
		if got := judge.Judge(event(0, k, `{"repeat_of":1}`)); len(got) != 0 {
			t.Errorf("%s: %+v", k, got)
		}
	}
	if got := judge.Judge(event(0, "flag.raised", `{}`)); told(got) != "r fires" {
		t.Errorf("the rule itself is deaf: %v", got)
	}
}

func TestLoad_AFolderWithoutRulesIsAnError(t *testing.T) {
	if _, _, err := Load(fstest.MapFS{"rules/readme.txt": {}}, "rules"); err == nil || !strings.Contains(err.Error(), "nothing would be judged") {
		t.Errorf("got %v", err)
	}
}

func TestReads_ExactFamilyAndSuffix(t *testing.T) {
	set := load(t, rule("a", "clear: {on: [door.*, \"*.garbled\"]}\n"))
	for kind, want := range map[string]bool{
		"radio.emergency": true, "door.opened": true, "radio.garbled": true, "radio.text": false, "doors.x": false, "garbled.x": false,
	} {
		if set.Reads(kind) != want {
			t.Errorf("Reads(%q) is %v", kind, !want)
		}
	}
}

func TestSuppression_HoldsForTheKeyAndOnlyWhileActive(t *testing.T) {
	quiet := strings.Replace(rule("quiet", "suppressed_by: {rule: loud, key: body.by}\n"), "radio.emergency", "radio.text", 1)
	judge := NewJudge(load(t, rule("loud", "clear: {on: radio.csbk}\n"), quiet), Bare{})
	say := func(n float64, kind, body, want string) {
		t.Helper()
		if got := told(judge.Judge(event(n, kind, body))); got != want {
			t.Errorf("at %v %s: %q, want %q", n, kind, got, want)
		}
	}
	say(0, "radio.emergency", `{}`, "loud fires")
	say(1, "radio.text", `{"by":"dev-1"}`, "")
	say(2, "radio.text", `{"by":"dev-2"}`, "quiet fires")
	say(3, "radio.csbk", `{}`, "loud ends")
	say(5, "radio.text", `{"by":"dev-1"}`, "quiet fires")
}

func TestClockJump_DoesNotShortenAWait(t *testing.T) {
	judge := NewJudge(load(t, rule("r", "for: 60s\nclear: {on: radio.text}\n")), Bare{})
	judge.Judge(event(0, "radio.emergency", `{}`))
	if got := judge.Judge(event(3610, "clock.jumped", `{"jump_ms":3600000}`)); len(got) != 0 {
		t.Errorf("the jump fired %v", got)
	}
	if got := judge.Tick(start.Add(3659 * time.Second)); len(got) != 0 {
		t.Errorf("49 s on: %v", got)
	}
	if got := judge.Tick(start.Add(3660 * time.Second)); told(got) != "r fires" {
		t.Errorf("60 s on: %v", got)
	}
}

func TestMemory_KeysOfOneRuleAreBounded(t *testing.T) {
	judge := NewJudge(load(t, rule("r", "key: text(body.k)\nwindow: 1h\n")), Bare{})
	for i := range 11_000 {
		judge.Judge(event(float64(i)/10, "radio.emergency", fmt.Sprintf(`{"k":"%d %s"}`, i, strings.Repeat("x", 1000))))
	}
	if n := len(judge.memory.entries); n > 10_001 {
		t.Errorf("%d entries are remembered, the limit is 10,000", n)
	}
	for key := range judge.memory.entries {
		if len(key) > 170 {
			t.Errorf("a key of %d bytes", len(key))
		}
	}
	judge.Tick(start.Add(100 * time.Hour))
	if n := len(judge.memory.entries); n != 0 {
		t.Errorf("%d entries are left when all windows are over", n)
	}
}

// TestJudge_RestoredAnywhereItClaimsTheSame writes the memory down at random places, with what it changed only.
func TestJudge_RestoredAnywhereItClaimsTheSame(t *testing.T) {
	set := shipped(t)
	kinds := []string{
		"radio.emergency", "door.opened", "door.closed", "drone.position", "auth.failed", "broker.refused", "gap.opened", "gap.closed",
		"radio.unregistered", "sensor.offline", "gateway.lost", "gateway.online", "radio.call_started", "clock.jumped", "alert.cleared",
	}
	rapid.Check(t, func(rt *rapid.T) {
		here := place1{Zone{Locked: true}, Device{ID: "dev-1", Gateway: "dev-1", Beacon: true}}
		whole, parts := NewJudge(set, here), NewJudge(set, here)
		stored := map[string][]byte{}
		at := 0.0
		for range rapid.IntRange(1, 60).Draw(rt, "events") {
			at += rapid.SampledFrom([]float64{0, 0.1, 1, 30, 100, 700}).Draw(rt, "pause")
			e := event(at, rapid.SampledFrom(kinds).Draw(rt, "kind"), rapid.SampledFrom([]string{
				`{}`, `{"height_takeoff_m":115}`, `{"height_takeoff_m":50}`, `{"repeat_of":1}`, `{"jump_ms":5000}`,
				`{"alert":{"key":"radio-emergency/dev-1/","cleared_by":"act"}}`,
			}).Draw(rt, "body"))
			want, got := whole.Judge(e), parts.Judge(e)
			if len(want)+len(got) > 0 && !reflect.DeepEqual(normal(want), normal(got)) {
				rt.Fatalf("at %v: restored\n%+v\nundisturbed\n%+v", at, got, want)
			}
			if rapid.Bool().Draw(rt, "restart") {
				changed, err := parts.Changed()
				if err != nil {
					rt.Fatal(err)
				}
				maps.Copy(stored, changed)
				maps.DeleteFunc(stored, func(_ string, v []byte) bool { return v == nil })
				parts = NewJudge(set, here)
				if err := parts.Restore(stored); err != nil {
					rt.Fatal(err)
				}
			}
		}
		end := start.Add(1000 * time.Hour)
		if want, got := whole.Tick(end), parts.Tick(end); len(want)+len(got) > 0 && !reflect.DeepEqual(normal(want), normal(got)) {
			rt.Fatalf("at the end: restored\n%+v\nundisturbed\n%+v", got, want)
		}
	})
}

// normal is claims as they are written down: a time loses its monotonic part and its place.
func normal(claims []watch.Claim) []watch.Claim {
	for i := range claims {
		claims[i].At = claims[i].At.UTC()
	}
	return claims
}

func TestReplay_TellsWhatWouldHaveBeenRaised(t *testing.T) {
	events := []watch.Event{
		event(0, "radio.emergency", `{"src_id":"1"}`),
		event(9, "radio.emergency", `{"src_id":"1"}`),
		event(20, "smoke.detected", `{}`),
		event(30, "door.opened", `{}`),
		event(40, "smoke.cleared", `{"repeat_of":3}`),
		event(45, "smoke.cleared", `{}`),
	}
	seq := func(yield func(watch.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
	var got []string
	err := Replay(shipped(t), Bare{}, seq, start.Add(time.Hour), func(f Finding) error {
		got = append(got, fmt.Sprintf("%s %s", f.Claim.Rule, f.Outcome))
		return nil
	})
	want := []string{
		"radio-emergency raised", "radio-emergency updated", "smoke raised", "message-repeated raised", "smoke cleared",
		"door-held raised", "message-repeated cleared",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
}

func BenchmarkJudge_AllShippedRules(b *testing.B) {
	set := shipped(b)
	for name, e := range map[string]watch.Event{
		"unread": event(0, "segment.closed", `{"stream":"main","size":1000}`),
		"sample": event(0, "drone.position", `{"lat":-3.5,"lon":118.9,"height_takeoff_m":80,"speed":4.2,"heading":12}`),
		"panic":  event(0, "radio.emergency", `{"src_id":"5100231","src_info":"POS-3","csbk_desc":"Call Emergency"}`),
		"door":   event(0, "door.closed", `{}`),
	} {
		b.Run(name, func(b *testing.B) {
			judge := NewJudge(set, Bare{})
			b.ReportAllocs()
			for i := range b.N {
				e.At = start.Add(time.Duration(i) * time.Millisecond)
				judge.Judge(e)
			}
		})
	}
}
