package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"siaga/internal/journal"
	"siaga/internal/view"
	"siaga/internal/watch"
)

// deeds are all routes that change something, in an order in which each can be done, and the event that tells of it.
// THIS and OTHER are incidents, ALERT one of OTHER's alerts.
var deeds = []struct{ id, role, body, event string }{
	{"sign-in", "chair", "", "auth.signed_in"},
	{"sign-out", "chair", "", "auth.signed_out"},
	{"end-own-session", "chair", "", "auth.signed_out"},
	{"begin-factor", "chair", "", "person.factor_begun"},
	{"issue-token", "chair", "", "auth.token_issued"},
	{"add-person", "administrator", "", "person.added"},
	{"change-person", "administrator", "", "person.changed"},
	{"change-person", "administrator", `{"role":"guard","reason":"uji"}`, "person.role_changed"},
	{"change-person", "administrator", `{"phone":"0812 3456 7890"}`, "person.phone_set"},
	{"change-person", "administrator", `{"disabled":true,"reason":"uji"}`, "person.disabled"},
	{"change-person", "administrator", `{"disabled":false,"reason":"uji"}`, "person.enabled"},
	{"reset-password", "administrator", "", "person.password_set"},
	{"revoke-session", "administrator", "", "auth.signed_out"},
	{"add-zone", "technician", "", "zone.added"},
	{"change-zone", "technician", "", "zone.changed"},
	{"remove-zone", "technician", "", "zone.removed"},
	{"arm-zone", "guard", "", "zone.armed"},
	{"disarm-zone", "guard", "", "zone.disarmed"},
	{"lock-zone", "guard", "", "zone.locked"},
	{"unlock-zone", "guard", "", "zone.unlocked"},
	{"set-plan-picture", "technician", "", "zone.plan_set"},
	{"anchor-plan", "technician", "", "zone.plan_set"},
	{"remove-plan", "technician", "", "zone.plan_removed"},
	{"place-devices", "technician", "", "device.placed"},
	{"mute-console", "guard", "", "console.unmuted"},
	{"change-setting", "administrator", "", "setting.changed"},
	{"reset-setting", "administrator", "", "setting.reset"},
	{"add-device", "technician", "", "device.registered"},
	{"import-site", "technician", "", "zone.added"},
	{"change-device", "technician", "", "device.changed"},
	{"disable-device", "technician", "", "device.disabled"},
	{"enable-device", "technician", "", "device.enabled"},
	{"replace-device", "technician", "", "device.replaced"},
	{"issue-credential", "technician", "", "device.credential_issued"},
	{"revoke-credential", "it-security", "", "device.credential_revoked"},
	{"remove-device", "technician", "", "device.removed"},
	{"acknowledge-alert", "guard", `{}`, "act.acknowledged"},
	{"acknowledge-incident", "guard", `{"note":"menuju"}`, "act.acknowledged"},
	{"respond-incident", "guard", `{}`, "act.responded"},
	{"escalate-incident", "guard", `{"to":"leader"}`, "act.escalated"},
	{"note-incident", "guard", `{"note":"uji"}`, "act.noted"},
	{"report-incident", "guard", `{"who":"","what":"uji","where":"","with":"","why":"","how":"","when":""}`, "act.reported"},
	{"refer-incident", "chair", `{"office":"police","number":"LP/1"}`, "act.referenced"},
	{"merge-incident", "leader", `{"reason":"satu kejadian","of":"OTHER"}`, "act.merged"},
	{"split-incident", "leader", `{"reason":"lain","alerts":["ALERT"]}`, "act.split"},
	{"drill-incident", "leader", `{"reason":"uji"}`, "act.drill"},
	{"reopen-incident", "leader", `{"reason":"uji"}`, "act.reopened"},
	{"false-alarm-incident", "leader", `{"reason":"uji"}`, "act.false_alarm"},
	{"reopen-incident", "leader", `{"reason":"uji"}`, "act.reopened"},
	{"duplicate-incident", "leader", `{"reason":"uji","of":"selesai"}`, "act.duplicate"},
	{"reopen-incident", "leader", `{"reason":"uji"}`, "act.reopened"},
	{"resolve-incident", "leader", `{"cause":"c","action":"a"}`, "act.resolved"},
	{"close-incident", "secretariat", `{}`, "act.closed"},
}

// changeNothing are routes of a method that changes, which change nothing that lasts; and those that other tests hold to
// their event.
var changeNothing = map[string]string{
	"enrol":               "TestEnrolment_AndOwnPasswordAreEvents",
	"change-own-password": "TestEnrolment_AndOwnPasswordAreEvents",
	"confirm-factor":      "TestFactor_IsSetUpAskedForAndRemovedOverTheAPI",
	"remove-factor":       "TestFactor_IsSetUpAskedForAndRemovedOverTheAPI",
	"whep":                "TestViews_EachWayToSeePicturesIsAnEvent",
	"console-presence":    "a heartbeat; its absence is the event",
	"whep-hangup":         "the event was its beginning",
	"probe-device":        "TestViews_EachWayToSeePicturesIsAnEvent, where it shows a picture",
}

func TestLaw_EveryRouteThatChangesSomethingIsHeldToItsEvent(t *testing.T) {
	for id, name := range newSite(t).registered() {
		told := changeNothing[id] != "" || slices.ContainsFunc(deeds, func(d struct{ id, role, body, event string }) bool { return d.id == id })
		if reads := strings.HasPrefix(name, get+" "); reads == told {
			t.Errorf("%s (%s): is it a change, and which event tells of it? Say so in `deeds` (internal/web/deeds_test.go)", id, name)
		}
	}
}

func TestDeeds_EveryChangeIsAnEventOfThePersonWhoMadeIt(t *testing.T) {
	w := newWalk(t)
	for _, d := range deeds {
		r := w.request(walkedRow{id: d.id}, d.role, d.role == "chair" || d.id == "acknowledge-alert")
		if d.body != "" {
			body := strings.NewReplacer("OTHER", w.things["siber"], "ALERT", w.things["siber-alert"], "selesai", w.things["selesai"]).Replace(d.body)
			r = w.site.request(d.role, r.Method, strings.TrimPrefix(r.URL.String(), w.url), body)
		}
		w.add("radio.state", 1)
		before := w.journal.Head()
		res, body := w.do(r)
		if res.StatusCode >= 300 {
			t.Errorf("%s: %d %s", d.id, res.StatusCode, body)
			continue
		}
		events, err := w.journal.Events(t.Context(), journal.Query{After: before, Kinds: []string{d.event}})
		must(t, err)
		if len(events) != 1 || events[0].Actor != w.sign(d.role).Person.ID {
			t.Errorf("%s: %d events %s, %+v", d.id, len(events), d.event, events)
		}
	}
}

func TestEnrolment_AndOwnPasswordAreEvents(t *testing.T) {
	s := newSite(t)
	s.call("", post, prefix+"/setup", `{"code":"`+s.auth.EnrolmentCode()+`","name":"R","login":"rahma","password":"`+testPassword+`"}`, http.StatusCreated, nil)
	if len(s.events("person.added")) != 1 || len(s.events("person.role_changed")) != 1 {
		t.Error("the first administrator came without events")
	}
	s.call("guard", post, prefix+"/session/password", `{"old":"`+testPassword+`","password":"ombak besar bulan juni"}`, http.StatusNoContent, nil)
	e := s.events("person.password_set")
	if last := e[len(e)-1]; last.Actor != s.sign("guard").Person.ID || strings.Contains(string(last.Body), "ombak") {
		t.Errorf("a changed password is journaled as %+v", last)
	}
}

func TestViews_EachWayToSeePicturesIsAnEvent(t *testing.T) {
	s, from, to := filmed(t)
	s.fleet.probe = func(context.Context, ProbeRequest) (ProbeResult, error) {
		return ProbeResult{OK: true, Picture: []byte("\xff\xd8")}, nil
	}
	s.pictures(time.Now(), 1)
	camera := prefix + "/cameras/cam-1/"
	picture := "snapshot.jpg?at=" + url.QueryEscape(watch.FormatTime(from.Add(time.Millisecond))) + "&purpose=pemeriksaan"
	for range 2 { // the second time is the same view
		s.call("guard", get, camera+"snapshot.jpg", "", http.StatusOK, nil)
		s.call("chair", get, camera+picture, "", http.StatusOK, nil)
		s.call("chair", get, camera+"video.mp4?purpose=pemeriksaan&"+span(from, to), "", http.StatusOK, nil)
		s.call("technician", post, prefix+"/devices/probe", `{"device":"cam-1"}`, http.StatusOK, nil)
		s.watchMP4("leader")
	}
	got := map[string]string{}
	for _, e := range s.events(kindViewed) {
		var b struct{ What, Purpose string }
		must(t, json.Unmarshal(e.Body, &b))
		if got[b.What] != "" || e.Device != "cam-1" {
			t.Errorf("%s again, or of the wrong device: %+v", b.What, e)
		}
		got[b.What] = e.Actor
	}
	for what, role := range map[string]string{viewedLivePicture: "guard", viewedPicture: "chair", viewedVideo: "chair", viewedProbe: "technician", viewedLive: "leader"} {
		if got[what] != s.sign(role).Person.ID {
			t.Errorf("%s by %s is journaled as by %q", what, role, got[what])
		}
	}
	for _, role := range []string{"guard", "leader"} {
		if n := len(s.seen(role, kindViewed)); n != map[string]int{"guard": 1, "leader": 2}[role] { // the leader reads the squad's too
			t.Errorf("%s reads %d views", role, n)
		}
	}
	if n := len(s.seen("it-security", kindViewed)); n != 5 {
		t.Errorf("IT security reads %d views of 5", n)
	}
}

func TestViews_ALivePictureOverWebRTCIsAnEvent(t *testing.T) {
	v := view.New(view.Options{Listen: "127.0.0.1:0"})
	s := newSite(t, noHub(func(o *Options) { o.View = v }))
	s.view = v
	s.furnish()
	t.Cleanup(start(t, v.Run))
	t.Cleanup(s.broadcast())
	s.browser("guard")
	if e := s.events(kindViewed); len(e) != 1 || e[0].Actor != s.sign("guard").Person.ID || !strings.Contains(string(e[0].Body), `"what":"live"`) {
		t.Errorf("journaled %+v", e)
	}
}

// seen are the events of a kind that a role reads.
func (s *site) seen(role, kind string) []Event {
	var page list[Event]
	s.call(role, get, prefix+"/events?limit=500&kind="+kind, "", http.StatusOK, &page)
	return page.Items
}

// watchMP4 opens the live picture and waits for its first message.
func (s *site) watchMP4(role string) {
	s.t.Helper()
	h := http.Header{"Cookie": {cookieName + "=" + s.token(role)}}
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+prefix+"/cameras/cam-1/live.mp4?stream=main", h)
	must(s.t, err)
	defer conn.Close()
	_, _, err = conn.ReadMessage()
	must(s.t, err)
}

func TestOwnSessions_AreListedAndEndedByTheirOwnerAlone(t *testing.T) {
	s := newSite(t)
	here := s.sign("guard")
	s.signInOver("guard", testPassword)
	var mine list[OpenSession]
	s.call("guard", get, prefix+"/session/sessions", "", http.StatusOK, &mine)
	if len(mine.Items) != 2 {
		t.Fatalf("%d sessions", len(mine.Items))
	}
	current := slices.IndexFunc(mine.Items, func(v OpenSession) bool { return v.Current })
	if current < 0 || mine.Items[current].ID != here.Session.ID || mine.Items[1-current].Current {
		t.Errorf("the own session is not marked: %+v", mine.Items)
	}
	s.problem("leader", del, prefix+"/session/sessions/"+here.Session.ID, "", http.StatusNotFound, "not_found")
	s.call("guard", del, prefix+"/session/sessions/"+mine.Items[1-current].ID, "", http.StatusNoContent, nil)
	if left := s.auth.Sessions(here.Person.ID); len(left) != 1 || left[0].ID != here.Session.ID {
		t.Errorf("left: %+v", left)
	}
}
