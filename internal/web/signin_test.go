package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pquerna/otp/totp"
)

func TestFactor_IsSetUpAskedForAndRemovedOverTheAPI(t *testing.T) {
	s := newSite(t)
	me := s.sign("guard").Person.ID
	s.problem("guard", post, prefix+"/session/factor", `{"password":"salah salah salah"}`, http.StatusUnauthorized, "bad_credentials")
	var f Factor
	s.call("guard", post, prefix+"/session/factor", `{"password":"`+testPassword+`"}`, http.StatusCreated, &f)
	if !strings.HasPrefix(f.Address, "otpauth://totp/") || !strings.Contains(f.Address, f.Secret) || len(f.QR) < 21 || len(f.QR) != len(f.QR[0]) {
		t.Fatalf("%+v", f)
	}
	if !strings.HasPrefix(f.QR[0], "1111111") || strings.Trim(strings.Join(f.QR, ""), "01") != "" {
		t.Errorf("no QR code begins with %s", f.QR[0])
	}
	code := func(at time.Time) string {
		v, err := totp.GenerateCode(f.Secret, at)
		must(t, err)
		return v
	}
	s.problem("guard", post, prefix+"/session/factor/confirm", `{"code":"abcdef"}`, http.StatusUnprocessableEntity, "bad_field")
	now := code(time.Now())
	s.call("guard", post, prefix+"/session/factor/confirm", `{"code":"`+now+`"}`, http.StatusNoContent, nil)
	s.problem("guard", post, prefix+"/session/factor", `{"password":"`+testPassword+`"}`, http.StatusConflict, "conflict")
	in := `{"name":"guard","password":"` + testPassword + `"`
	s.problem("", post, prefix+"/session", in+`}`, http.StatusUnauthorized, "code_needed")
	s.problem("", post, prefix+"/session", in+`,"code":"`+now+`"}`, http.StatusUnauthorized, "bad_credentials")
	s.call("", post, prefix+"/session", in+`,"code":"`+code(time.Now().Add(30*time.Second))+`"}`, http.StatusCreated, nil)
	s.problem("administrator", del, prefix+"/people/"+me+"/factor", "", http.StatusUnprocessableEntity, "bad_field")
	s.call("administrator", del, prefix+"/people/"+me+"/factor?reason=ponsel+hilang", "", http.StatusNoContent, nil)
	s.call("", post, prefix+"/session", in+`}`, http.StatusCreated, nil)
	if len(s.events("person.factor_begun")) != 1 || len(s.events("person.second_factor")) != 2 {
		t.Error("setting up, confirming and removing are one event each")
	}
	for _, e := range s.events("person.factor_begun", "person.second_factor") {
		if strings.Contains(string(e.Body), f.Secret) {
			t.Error("the secret is in the journal")
		}
	}
}

// What a stranger can learn from a refused sign-in must not depend on whether there is such a person.
func TestSignIn_AnswersAreTheSameForNamesThatNobodyHas(t *testing.T) {
	s := newSite(t)
	s.sign("guard")
	answer := func(name string, try int) string {
		r := s.request("", post, prefix+"/session", `{"name":"`+name+`","password":"salah salah salah `+fmt.Sprint(try)+`"}`)
		res, body := s.do(r)
		res.Header.Del("Date")
		return fmt.Sprint(res.StatusCode, res.Header, body)
	}
	for try := range 4 {
		known, unknown := answer("guard", try), answer("nobody", try)
		if known != unknown {
			t.Errorf("try %d differs:\n%s\n%s", try, known, unknown)
		}
	}
}

func TestSignIn_ThrowsNobodyOutWhoWorks(t *testing.T) {
	s := newSite(t)
	working := s.join(t, "guard", "")
	for range 8 {
		r := s.request("", post, prefix+"/session", `{"name":"guard","password":"salah salah salah"}`)
		if res, _ := s.do(r); res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusTooManyRequests {
			t.Fatalf("a wrong password: %d", res.StatusCode)
		}
	}
	s.problem("", post, prefix+"/session", `{"name":"guard","password":"`+testPassword+`"}`, http.StatusTooManyRequests, "locked")
	must(t, working.follow(s.add("door.opened", 1)))
	s.call("guard", get, prefix+"/session", "", http.StatusOK, nil)
}

func TestSignIn_ASessionThatWasPlantedOpensNothing(t *testing.T) {
	s := newSite(t)
	s.sign("guard")
	planted := strings.Repeat("A", 43)
	r := s.request("", post, prefix+"/session", `{"name":"guard","password":"`+testPassword+`"}`)
	r.AddCookie(&http.Cookie{Name: cookieName, Value: planted})
	res, body := s.do(r)
	if res.StatusCode != http.StatusCreated || res.Cookies()[0].Value == planted {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	after := s.request("", get, prefix+"/session", "")
	after.AddCookie(&http.Cookie{Name: cookieName, Value: planted})
	s.refused(after, http.StatusUnauthorized, "signed_out")
}

func TestForgery_APageElsewhereCannotChangeAnythingInAnyForm(t *testing.T) {
	s := newSite(t)
	s.furnish()
	for name, forge := range map[string]func(*http.Request){
		"form from elsewhere": func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		},
		"plain text from elsewhere": func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Content-Type", "text/plain")
		},
		"page without origin": func(r *http.Request) { r.Header.Set("Origin", "null") },
		"other port": func(r *http.Request) {
			r.Header.Set("Origin", "http://127.0.0.1:1")
		},
		"cross-site by its metadata": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"same site, other host":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
	} {
		r := s.request("guard", post, prefix+"/zones/gudang/arm", `{"reason":"x"}`)
		forge(r)
		t.Run(name, func(t *testing.T) { s.refused(r, http.StatusForbidden, "cross_origin") })
	}
	// Even from our own page only JSON is taken, which no form can send.
	for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"} {
		r := s.request("guard", post, prefix+"/zones/gudang/arm", `{"reason":"x"}`)
		r.Header.Set("Content-Type", kind)
		s.refused(r, http.StatusUnsupportedMediaType, "bad_type")
	}
	if z, _ := s.registry.Zone("gudang"); z.Armed.On {
		t.Error("a zone was armed")
	}
	for _, path := range []string{"/live", "/cameras/cam-1/live.mp4"} {
		h := http.Header{"Cookie": {cookieName + "=" + s.token("guard")}, "Origin": {"https://evil.example"}}
		conn, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+prefix+path, h)
		if err == nil {
			_ = conn.Close()
			t.Fatalf("%s: another site's page holds a socket", path)
		}
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}

func TestFrames_NoAnswerMayStandInsideAnotherPage(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/", "/orang", "/assets/app-1234.js", prefix + "/session", prefix + "/openapi.json", "/nothing.txt", "/healthz"} {
		res, _ := s.do(s.request("", get, path, ""))
		if res.Header.Get("X-Frame-Options") != "DENY" || !strings.Contains(res.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s may be framed: %v", path, res.Header)
		}
	}
}

// strange are texts that people and attackers write into boxes.
var strange = []struct{ name, text string }{
	{"emoji", "Siti 👮🏽‍♀️🇮🇩"},
	{"arabic", "محمد أحمد"},
	{"markup", `<img src=x onerror=alert(1)>"'&amp;{{7*7}}${x}`},
	{"combining", "Z" + strings.Repeat("\u0301", 90)},
	{"zero width", "A\u200bB\u2060C"},
	{"right-to-left override", "Budi\u202e txt.exe"},
	{"control", "a\x1b[31mb"},
	{"NUL", "a\x00b"},
	{"1 MB", strings.Repeat("é", 500_000)},
	{"newlines", "a\nb\r\nc"},
}

func TestStrangeText_IsKeptAsItIsOrRefusedWithItsField(t *testing.T) {
	s := guarded(t)
	s.furnish()
	a := s.panics(s.join(t, "guard", ""))
	for _, c := range strange {
		for _, at := range []struct{ role, method, path, body, field string }{
			{"administrator", post, "/people", `{"login":"LOGIN","role":"guard","name":TEXT}`, "name"},
			{"administrator", post, "/people", `{"login":TEXT,"role":"guard","name":"A"}`, "login"},
			{"technician", patch, "/devices/cam-1", `{"reason":"uji","name":TEXT}`, "name"},
			{"technician", patch, "/devices/cam-1", `{"reason":"uji","alias":TEXT}`, "alias"},
			{"technician", patch, "/zones/gudang", `{"reason":"uji","name":TEXT}`, "name"},
			{"guard", post, "/incidents/" + a.Incident + "/note", `{"note":TEXT}`, "note"},
			{"guard", post, "/session/tokens", `{"days":1,"label":TEXT}`, "label"},
		} {
			s.strangeAt(t, c.name, c.text, at.role, at.method, at.path, at.body, at.field)
		}
	}
}

// strangeAt sends one text to one field; what is taken comes back whole, what is not is refused by its name.
func (s *site) strangeAt(t *testing.T, what, text, role, method, path, body, field string) {
	t.Helper()
	quoted := mustJSON(t, text)
	body = strings.NewReplacer("LOGIN", fmt.Sprintf("p%d", s.journal.Head()), "TEXT", quoted).Replace(body)
	res, answer := s.do(s.request(role, method, prefix+path, body))
	switch {
	case res.StatusCode == http.StatusRequestEntityTooLarge:
	case res.StatusCode == http.StatusUnprocessableEntity:
		var p Problem
		must(t, decodeJSON(answer, &p))
		if len(p.Errors) == 0 || !strings.HasSuffix(p.Errors[0].Location, field) || len(answer) > 2000 {
			t.Errorf("%s in %s of %s: the refusal does not name the field: %.300s", what, field, path, answer)
		}
	case res.StatusCode >= 300:
		t.Errorf("%s in %s of %s: %d %.300s", what, field, path, res.StatusCode, answer)
	default:
		var got map[string]any
		must(t, decodeJSON(answer, &got))
		kept, shown := got[field].(string)
		if len(text) > 100_000 || shown && kept != text && kept != strings.Join(strings.Fields(text), " ") {
			t.Errorf("%s in %s of %s became %.100q", what, field, path, answer)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' || r == '\u202e' }) && shown {
			t.Errorf("%s in %s of %s was taken, and would turn what stands beside it around", what, field, path)
		}
	}
}
