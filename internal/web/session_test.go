package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"siaga/internal/auth"
	"siaga/internal/journal"
)

func TestSetup_MakesTheFirstAdministratorOnce(t *testing.T) {
	s := newSite(t)
	var before Setup
	s.call("", get, prefix+"/setup", "", http.StatusOK, &before)
	if before.Enrolled || before.Site.ZoneName != "WITA" {
		t.Errorf("before: %+v", before)
	}
	who := `"name":"Rahmawati","login":"rahma","password":"` + testPassword + `"`
	s.problem("", post, prefix+"/setup", `{"code":"AAAA-BBBB",`+who+`}`, http.StatusUnprocessableEntity, "bad_field")
	var p Person
	s.call("", post, prefix+"/setup", `{"code":"`+s.auth.EnrolmentCode()+`",`+who+`}`, http.StatusCreated, &p)
	if p.Role != auth.Administrator || p.Login != "rahma" {
		t.Errorf("enrolled %+v", p)
	}
	s.problem("", post, prefix+"/setup", `{"code":"AAAA-BBBB",`+who+`}`, http.StatusConflict, "conflict")
}

// signInOver signs in over the API.
func (s *site) signInOver(login, password string) (Session, *http.Cookie) {
	s.t.Helper()
	r := s.request("", post, prefix+"/session", `{"name":"`+login+`","password":"`+password+`"}`)
	res, body := s.do(r)
	if res.StatusCode != http.StatusCreated || len(res.Cookies()) != 1 {
		s.t.Fatalf("sign-in: %d %s", res.StatusCode, body)
	}
	var v Session
	must(s.t, decodeJSON(body, &v))
	return v, res.Cookies()[0]
}

func TestSession_CookieAndTokenOpenTheSameRights(t *testing.T) {
	s := newSite(t)
	s.sign("guard")
	v, c := s.signInOver("guard", testPassword)
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure {
		t.Errorf("cookie is %+v", c)
	}
	if v.Token == "" || v.Person.Role != auth.Guard || v.MustChange || v.ExpiresAt.IsZero() {
		t.Errorf("session is %+v", v)
	}
	for name, set := range map[string]func(*http.Request){
		"cookie": func(r *http.Request) { r.AddCookie(c) },
		"bearer": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+v.Token) },
	} {
		r := s.request("", get, prefix+"/session", "")
		set(r)
		res, body := s.do(r)
		if res.StatusCode != http.StatusOK || !strings.Contains(body, `"live_console"`) || strings.Contains(body, v.Token) {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
	}
	// Neither opens anything in the other's place, so that the check of origins cannot be gone around.
	r := s.request("", get, prefix+"/session", "")
	r.Header.Set("Authorization", "Bearer "+c.Value)
	s.refused(r, http.StatusUnauthorized, "signed_out")
	r = s.request("", get, prefix+"/session", "")
	r.AddCookie(&http.Cookie{Name: cookieName, Value: v.Token})
	s.refused(r, http.StatusUnauthorized, "signed_out")
}

func TestSession_RefusalsTellNothingAndSlowDown(t *testing.T) {
	s := newSite(t)
	s.sign("guard")
	for range 4 {
		s.problem("", post, prefix+"/session", `{"name":"guard","password":"wrong password 123"}`, http.StatusUnauthorized, "bad_credentials")
	}
	p := s.problem("", post, prefix+"/session", `{"name":"guard","password":"`+testPassword+`"}`, http.StatusTooManyRequests, "locked")
	if p.RetryAfterMS <= 0 {
		t.Errorf("no time to come back: %+v", p)
	}
	s.problem("", post, prefix+"/session", `{"name":"nobody","password":"wrong password 123"}`, http.StatusUnauthorized, "bad_credentials")
	s.problem("", get, prefix+"/session", "", http.StatusUnauthorized, "signed_out")
}

func TestSession_SigningOutEndsItsSocketsWith4001(t *testing.T) {
	s := newSite(t)
	mine, others := s.join(t, "guard", ""), s.join(t, "leader", "")
	s.call("guard", del, prefix+"/session", "", http.StatusNoContent, nil)
	for {
		if _, err := mine.read(); err != nil {
			if !websocket.IsCloseError(err, closeSessionEnded) {
				t.Fatalf("the socket ended with %v", err)
			}
			break
		}
	}
	s.problem("guard", get, prefix+"/session", "", http.StatusUnauthorized, "signed_out")
	must(t, others.follow(s.add("door.opened", 1)))
}

func TestPeople_ShuttingSomebodyOutEndsTheirSockets(t *testing.T) {
	s := newSite(t)
	sc := s.join(t, "guard", "")
	id := s.sign("guard").Person.ID
	s.problem("administrator", patch, prefix+"/people/"+id, `{"disabled":true}`, http.StatusUnprocessableEntity, "bad_field")
	var p Person
	s.call("administrator", patch, prefix+"/people/"+id, `{"disabled":true,"reason":"pindah tugas"}`, http.StatusOK, &p)
	if !p.Disabled {
		t.Errorf("%+v", p)
	}
	for {
		if _, err := sc.read(); err != nil {
			if !websocket.IsCloseError(err, closeSessionEnded) {
				t.Errorf("the socket ended with %v", err)
			}
			break
		}
	}
}

func TestPeople_AnotherRoleCountsAtOnce(t *testing.T) {
	s := newSite(t)
	s.sign("guard")
	id := s.sign("technician").Person.ID
	s.call("technician", get, prefix+"/drivers", "", http.StatusOK, nil)
	sc := s.join(t, "technician", "")
	s.call("administrator", patch, prefix+"/people/"+id, `{"role":"guard"}`, http.StatusOK, nil)
	s.problem("technician", get, prefix+"/drivers", "", http.StatusForbidden, "forbidden")
	for {
		if _, err := sc.read(); err != nil {
			if !websocket.IsCloseError(err, closeSessionEnded) {
				t.Errorf("the socket with the old rights ended with %v", err)
			}
			break
		}
	}
}

func TestPeople_NewPersonMustChooseAPasswordBeforeAnythingElse(t *testing.T) {
	s := newSite(t)
	var added Added
	s.call("administrator", post, prefix+"/people", `{"login":"danru","name":"Komandan Regu","role":"leader"}`, http.StatusCreated, &added)
	if added.Password == "" || added.Role != auth.Leader {
		t.Fatalf("%+v", added)
	}
	v, c := s.signInOver("danru", added.Password)
	if !v.MustChange || len(v.Rights) != 0 {
		t.Errorf("session is %+v", v)
	}
	with := func(method, path, body string) *http.Request {
		r := s.request("", method, path, body)
		r.AddCookie(c)
		return r
	}
	s.refused(with(get, prefix+"/zones", ""), http.StatusForbidden, "must_change")
	s.refused(with(get, prefix+"/devices", ""), http.StatusForbidden, "must_change")
	res, body := s.do(with(post, prefix+"/session/password", `{"old":"`+added.Password+`","password":"ombak besar bulan juni"}`))
	if res.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	if res, body := s.do(with(get, prefix+"/devices", "")); res.StatusCode != http.StatusOK {
		t.Errorf("after the change: %d %s", res.StatusCode, body)
	}
}

func TestPeople_OnlyAdministratorsMayLook(t *testing.T) {
	s := newSite(t)
	for _, role := range auth.Roles() {
		if role == auth.Administrator {
			continue
		}
		s.problem(string(role), get, prefix+"/people", "", http.StatusForbidden, "forbidden")
	}
	var names list[Named]
	s.call("guard", get, prefix+"/people/names?limit=500", "", http.StatusOK, &names)
	if len(names.Items) != len(auth.Roles())-1 {
		t.Errorf("%d names", len(names.Items))
	}
}

func TestActs_CarryThePersonWhoDidThem(t *testing.T) {
	s := newSite(t)
	s.furnish()
	s.call("guard", post, prefix+"/zones/gudang/arm", "", http.StatusOK, nil)
	events, err := s.journal.Events(t.Context(), journal.Query{Kinds: []string{"zone.armed"}})
	must(t, err)
	if len(events) != 1 || events[0].Actor != s.sign("guard").Person.ID {
		t.Errorf("journaled %+v", events)
	}
}

// The table of rights of the domain, cell by cell: what each role gets of some routes that stand for all.
func TestRights_EveryRoleGetsWhatTheTableSays(t *testing.T) {
	s := newSite(t)
	s.furnish()
	ok, no := http.StatusOK, http.StatusForbidden
	order := []string{"guard", "leader", "secretariat", "chair", "technician", "it-security", "auditor", "administrator"}
	for _, c := range []struct {
		method, path, body string
		want               [8]int
	}{
		{get, "/devices", "", [8]int{ok, ok, ok, ok, ok, ok, no, no}},
		{get, "/drivers", "", [8]int{no, no, no, no, ok, no, no, no}},
		{post, "/devices/probe", `{"driver":"rtsp"}`, [8]int{no, no, no, no, ok, no, no, no}},
		{get, "/incidents", "", [8]int{ok, ok, ok, ok, no, ok, ok, no}},
		{get, "/alerts", "", [8]int{ok, ok, ok, ok, no, ok, ok, no}},
		{get, "/events", "", [8]int{ok, ok, ok, ok, ok, ok, ok, no}},
		{get, "/events/1/proof", "", [8]int{no, no, ok, ok, no, http.StatusNotFound, ok, no}}, // a zone is not posture
		{get, "/zones", "", [8]int{ok, ok, ok, ok, ok, ok, ok, ok}},
		{post, "/zones/gudang/arm", "", [8]int{ok, ok, ok, no, no, no, no, no}},
		{patch, "/zones/gudang", `{"name":"Gudang"}`, [8]int{no, no, no, no, ok, no, no, ok}},
		{get, "/people", "", [8]int{no, no, no, no, no, no, no, ok}},
		{post, "/incidents/2026-1/acknowledge", "", [8]int{404, 404, 404, no, no, 404, no, no}},
		{post, "/incidents/2026-1/close", "", [8]int{404, 404, 404, 404, no, 404, no, no}},
		{get, "/cameras/cam-1/snapshot.jpg", "", [8]int{409, 409, 409, 409, no, no, no, no}},
		{get, "/cameras/cam-1/video.mp4?from=2026-11-21T00:00:00Z&to=2026-11-21T01:00:00Z&purpose=pemeriksaan", "", [8]int{no, 404, 404, 404, no, no, no, no}},
		{get, "/cameras/cam-1/video.mp4?from=2026-11-21T00:00:00Z&to=2026-11-21T01:00:00Z", "", [8]int{422, 422, 422, 422, 422, 422, no, no}},
	} {
		for i, role := range order {
			res, body := s.do(s.request(role, c.method, prefix+c.path, c.body))
			if res.StatusCode != c.want[i] {
				t.Errorf("%s %s as %s: %d, want %d\n%s", c.method, c.path, role, res.StatusCode, c.want[i], body)
			}
		}
	}
}
