package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// hostile is requests that no page of ours sends, and how each is refused.
var hostile = []struct {
	name, role, method, path, kind, body string
	status                               int
	code                                 string
}{
	{"unknown path", "technician", get, "/api/v1/nothing", "", "", 404, "not_found"},
	{"unknown path of no API", "technician", get, "/api/v2/zones", "", "", 404, "not_found"},
	{"wrong method", "technician", "PUT", "/api/v1/zones", "", "", 405, "bad_method"},
	{"invented method", "technician", "BREW", "/api/v1/zones", "", "", 405, "bad_method"},
	{"wrong method on a file", "technician", post, "/favicon.svg", "", "", 405, "bad_method"},
	{"dots", "technician", get, "/api/v1/../../etc/passwd", "", "", 400, "bad_path"},
	{"encoded dots", "technician", get, "/api/v1/devices/%2e%2e/x", "", "", 400, "bad_path"},
	{"encoded slash", "technician", get, "/api/v1/devices/..%2f..%2fetc%2fpasswd", "", "", 400, "bad_path"},
	{"encoded backslash", "technician", get, "/api/v1/devices/..%5cwindows", "", "", 400, "bad_path"},
	{"NUL", "technician", get, "/api/v1/devices/a%00b", "", "", 400, "bad_path"},
	{"empty step", "technician", get, "/api/v1//zones", "", "", 400, "bad_path"},
	{"file of the system", "technician", get, "/assets/../../server.go", "", "", 400, "bad_path"},
	{"file that is not there", "technician", get, "/assets/app-9999.js", "", "", 404, "not_found"},
	{"SQL for an id", "technician", get, "/api/v1/devices/'%20OR%201=1--", "", "", 422, "bad_field"},
	{"overlong id", "technician", get, "/api/v1/devices/" + strings.Repeat("a", 2000), "", "", 422, "bad_field"},
	{"id of another script", "technician", get, "/api/v1/devices/камера", "", "", 422, "bad_field"},
	{"id not there", "technician", get, "/api/v1/devices/cam-99", "", "", 404, "not_found"},
	{"sequence that is none", "technician", get, "/api/v1/events/abc", "", "", 422, "bad_field"},
	{"sequence zero", "technician", get, "/api/v1/events/0", "", "", 422, "bad_field"},
	{"negative sequence", "technician", get, "/api/v1/events/-1", "", "", 422, "bad_field"},
	{"sequence beyond the head", "technician", get, "/api/v1/events/9223372036854775807", "", "", 404, "not_found"},
	{"sequence beyond integers", "technician", get, "/api/v1/events/99999999999999999999", "", "", 422, "bad_field"},
	{"huge limit", "technician", get, "/api/v1/events?limit=1000000000", "", "", 422, "bad_field"},
	{"limit that is none", "technician", get, "/api/v1/events?limit=many", "", "", 422, "bad_field"},
	{"unknown parameter", "technician", get, "/api/v1/events?limits=5", "", "", 422, "bad_field"},
	{"time that is none", "technician", get, "/api/v1/events?since=yesterday", "", "", 422, "bad_field"},
	{"kind that is none", "technician", get, "/api/v1/events?kind=%25", "", "", 422, "bad_field"},
	{"order that is none", "technician", get, "/api/v1/events?order=sideways", "", "", 422, "bad_field"},
	{"huge query", "technician", get, "/api/v1/events?device=" + strings.Repeat("a", 10_000), "", "", 414, "too_large"},
	{"proof for a huge tree", "auditor", get, "/api/v1/events/1/proof?size=9223372036854775807", "", "", 422, "bad_field"},
	{"consistency backwards", "auditor", get, "/api/v1/checkpoint/consistency?from=9&to=3", "", "", 422, "bad_field"},
	{"body of another type", "technician", post, "/api/v1/zones", "text/xml", "<zone/>", 415, "bad_type"},
	{"form body", "technician", post, "/api/v1/zones", "application/x-www-form-urlencoded", "id=a", 415, "bad_type"},
	{"body without a type", "technician", post, "/api/v1/zones", "", `{"id":"a"}`, 415, "bad_type"},
	{"no JSON", "technician", post, "/api/v1/zones", jsonType, "{", 400, "bad_request"},
	{"text after the JSON", "technician", post, "/api/v1/zones", jsonType, `{"id":"a","name":"A","kind":"office"} {}`, 400, "bad_request"},
	{"deep JSON", "technician", post, "/api/v1/zones", jsonType, strings.Repeat("[", 100_000), 400, "bad_request"},
	{"a list for an object", "technician", post, "/api/v1/zones", jsonType, "[]", 422, "bad_field"},
	{"unknown field", "technician", post, "/api/v1/zones", jsonType, `{"id":"a","name":"A","kind":"office","is_admin":true}`, 422, "bad_field"},
	{"wrong type of a field", "technician", post, "/api/v1/zones", jsonType, `{"id":7,"name":"A","kind":"office"}`, 422, "bad_field"},
	{"missing field", "technician", post, "/api/v1/zones", jsonType, `{"id":"a"}`, 422, "bad_field"},
	{"empty body", "technician", post, "/api/v1/zones", "", "", 422, "bad_field"},
	{"id with a slash", "technician", post, "/api/v1/zones", jsonType, `{"id":"a/b","name":"A","kind":"office"}`, 422, "bad_field"},
	{"kind of zone that is none", "technician", post, "/api/v1/zones", jsonType, `{"id":"a","name":"A","kind":"moon"}`, 422, "bad_field"},
	{"number beyond floats", "technician", post, "/api/v1/zones", jsonType, `{"id":"a","name":"A","kind":"office","plan":{"x":1e999,"y":0}}`, 400, "bad_request"},
	{"driver that is none", "technician", post, "/api/v1/devices", jsonType, `{"id":"a","name":"A","zone":"gudang","driver":"moon","config":{}}`, 422, "bad_field"},
	{"config of another driver", "technician", post, "/api/v1/devices", jsonType, `{"id":"a","name":"A","zone":"gudang","driver":"rtsp","config":{"uri":"x"}}`, 422, "bad_field"},
	{"probe of nothing", "technician", post, "/api/v1/devices/probe", jsonType, `{}`, 422, "bad_field"},
	{"offer of another type", "guard", post, "/api/v1/cameras/cam-1/whep", jsonType, `{}`, 415, "bad_type"},
	{"offer that is none", "guard", post, "/api/v1/cameras/cam-1/whep", sdpType, "v=0", 409, "not_live"},
	{"offer for a camera that is none", "guard", post, "/api/v1/cameras/cam-9/whep", sdpType, "v=0", 404, "not_found"},
	{"stream that is none", "guard", post, "/api/v1/cameras/cam-1/whep?stream=third", sdpType, "v=0", 422, "bad_field"},
	{"live view of another person", "guard", del, "/api/v1/cameras/cam-1/whep/0123", "", "", 404, "not_found"},
	{"picture of nothing", "guard", get, "/api/v1/cameras/cam-1/snapshot.jpg", "", "", 409, "not_live"},
	{"incident by SQL", "guard", get, "/api/v1/incidents/1'%20OR%20'1'='1", "", "", 422, "bad_field"},
	{"incident that is none", "guard", get, "/api/v1/incidents/2026-999999", "", "", 404, "not_found"},
	{"act on an incident that is none", "guard", post, "/api/v1/incidents/2026-999999/acknowledge", "", "", 404, "not_found"},
	{"alert that is none", "guard", post, "/api/v1/alerts/0190f3c0/acknowledge", "", "", 404, "not_found"},
	{"act without its reason", "guard", post, "/api/v1/incidents/2026-999999/false-alarm", "", "", 422, "bad_field"},
	{"note beyond all bounds", "guard", post, "/api/v1/incidents/2026-999999/note", jsonType, `{"note":"` + strings.Repeat("x", 5000) + `"}`, 422, "bad_field"},
}

func TestHostileRequests_AreRefusedWithAProblem(t *testing.T) {
	s := newSite(t)
	s.furnish()
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			// Written by hand: clients clean paths before they send them.
			res, body := s.rawRequest(t, c.method, c.path, c.kind, c.role, c.body)
			checkProblem(t, c.method+" "+c.path, res.StatusCode, res.Header, body, c.status, c.code)
			if c.status == http.StatusMethodNotAllowed && res.Header.Get("Allow") == "" {
				t.Error("a 405 without Allow")
			}
		})
	}
}

// rawRequest sends exactly these bytes.
func (s *site) rawRequest(t testing.TB, method, path, kind, role, body string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.server.Addr().String())
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: site\r\nConnection: close\r\nCookie: %s=%s\r\nContent-Length: %d\r\n", method, path, cookieName, s.token(role), len(body))
	if kind != "" {
		head += "Content-Type: " + kind + "\r\n"
	}
	_, err = io.WriteString(conn, head+"\r\n"+body)
	must(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return res, string(text)
}

func TestBody_LargerThanItsLimitIsRefusedBeforeItIsRead(t *testing.T) {
	s := newSite(t)
	for name, chunked := range map[string]bool{"announced": false, "chunked": true} {
		r := s.request("technician", post, prefix+"/zones", "x")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", maxBody+1))), maxBody+1
		if chunked {
			r.ContentLength = -1
		}
		t.Run(name, func(t *testing.T) { s.refused(r, http.StatusRequestEntityTooLarge, "too_large") })
	}
}

func TestBody_CutShortIsTheClientsFault(t *testing.T) {
	s := newSite(t)
	conn, err := net.Dial("tcp", s.server.Addr().String())
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /api/v1/zones HTTP/1.1\r\nHost: site\r\nContent-Type: application/json\r\nCookie: "+
		cookieName+"="+s.token("technician")+"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\"\r\nzz\r\n")
	must(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	body, err := io.ReadAll(res.Body)
	must(t, err)
	checkProblem(t, "cut body", res.StatusCode, res.Header, string(body), http.StatusBadRequest, "bad_request")
}

func TestCrossOrigin_ChangesAreRefusedUnlessByToken(t *testing.T) {
	s := newSite(t)
	s.furnish()
	r := s.request("technician", post, prefix+"/zones/gudang/arm", "")
	r.Header.Set("Origin", "https://evil.example")
	s.refused(r, http.StatusForbidden, "cross_origin")
	r = s.request("technician", post, prefix+"/zones/gudang/arm", "")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	s.refused(r, http.StatusForbidden, "cross_origin")
	if z, _ := s.registry.Zone("gudang"); z.Armed.On {
		t.Fatal("another site's page armed a zone")
	}
	r = s.request("", post, prefix+"/zones/gudang/arm", "")
	r.Header.Set("Origin", "https://script.example")
	r.Header.Set("Authorization", "Bearer "+s.sign("guard").Bearer)
	if res, body := s.do(r); res.StatusCode != http.StatusOK {
		t.Errorf("a script with a token: %d\n%s", res.StatusCode, body)
	}
}

func TestBearer_IsJudgedAloneBesideACookie(t *testing.T) {
	s := newSite(t)
	r := s.request("technician", get, prefix+"/zones", "")
	r.Header.Set("Authorization", "Bearer ended")
	s.refused(r, http.StatusUnauthorized, "signed_out")
}

func TestPanic_IsA500ThatTellsNothing(t *testing.T) {
	s := newSite(t)
	s.furnish()
	s.fleet.probe = func(context.Context, ProbeRequest) (ProbeResult, error) { panic("secret state") }
	p := s.problem("technician", post, prefix+"/devices/probe", `{"driver":"rtsp"}`, http.StatusInternalServerError, "internal")
	if strings.Contains(p.Detail, "secret") {
		t.Errorf("the panic's text went out: %s", p.Detail)
	}
	s.call("technician", get, prefix+"/zones", "", http.StatusOK, nil)
	if n := s.server.counts.panics.Load(); n != 1 {
		t.Errorf("%d panics are counted", n)
	}
}

func TestUnforeseenError_IsA500ThatTellsNothing(t *testing.T) {
	s := newSite(t)
	s.fleet.probe = func(context.Context, ProbeRequest) (ProbeResult, error) {
		return ProbeResult{}, errors.New("dial rtsp://admin:secret@10.0.0.1")
	}
	p := s.problem("technician", post, prefix+"/devices/probe", `{"driver":"rtsp"}`, http.StatusInternalServerError, "internal")
	if strings.Contains(p.Detail, "secret") {
		t.Errorf("the error's text went out: %s", p.Detail)
	}
}

func TestProblem_NeverRepeatsSecretsOrLongValues(t *testing.T) {
	s := newSite(t)
	body := `{"id":"a","name":"` + strings.Repeat("n", 300) + `","driver":"rtsp","zone":"gudang","secrets":{"password":17}}`
	res, text := s.do(s.request("technician", post, prefix+"/devices", body))
	if res.StatusCode != http.StatusUnprocessableEntity || strings.Contains(text, "17") || strings.Contains(text, "nnnn") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}

func TestLimits_AnAddressThatFloodsIsToldWhenToComeBack(t *testing.T) {
	s := newSite(t, noHub(func(o *Options) { o.NoLimits = false }))
	var refused *httptest.ResponseRecorder
	for range generalLimit.burst + 300 {
		w := s.local(httptest.NewRequest(get, "/healthz", nil))
		if w.Code != http.StatusOK {
			refused = w
			break
		}
	}
	if refused == nil {
		t.Fatal("a flood was let through")
	}
	p := checkProblem(t, "flood", refused.Code, refused.Header(), refused.Body.String(), http.StatusTooManyRequests, "rate_limited")
	if p.RetryAfterMS <= 0 || refused.Header().Get("Retry-After") == "" {
		t.Errorf("no time to come back: %+v", p)
	}
	other := httptest.NewRequest(get, "/healthz", nil)
	other.RemoteAddr = "192.0.2.77:1"
	if w := s.local(other); w.Code != http.StatusOK {
		t.Errorf("another address pays for it: %d", w.Code)
	}
}

func TestLimits_ForgetAddressesRatherThanGrow(t *testing.T) {
	l := newLimits(false)
	for i := range 3 * maxBuckets {
		l.wait(fmt.Sprint("address-", i), socketLimit)
	}
	if n := len(l.buckets); n > maxBuckets {
		t.Errorf("%d buckets are kept", n)
	}
}

func TestHeaders_KeepStrangersOut(t *testing.T) {
	s := newSite(t)
	res, _ := s.do(s.request("", get, "/", ""))
	csp := res.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy lacks %q: %s", want, csp)
		}
	}
	if script := csp[strings.Index(csp, "script-src"):]; strings.Contains(script[:strings.Index(script, ";")], "unsafe") {
		t.Errorf("inline script is allowed: %s", csp)
	}
	for k, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin"} {
		if got := res.Header.Get(k); got != want {
			t.Errorf("%s is %q", k, got)
		}
	}
}
