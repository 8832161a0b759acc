package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// events reads what was journaled of some kinds, after everything that was asked for before is durable.
func (s *site) events(kinds ...string) []watch.Event {
	s.t.Helper()
	s.add("radio.state", 1) // a receipt behind everything before it
	list, err := s.journal.Events(s.t.Context(), journal.Query{Kinds: kinds, Limit: 500})
	must(s.t, err)
	return list
}

func refusalOf(t *testing.T, e watch.Event) refusalBody {
	t.Helper()
	var b refusalBody
	must(t, json.Unmarshal(e.Body, &b))
	return b
}

func TestRefusals_SayWhoWasRefusedWhatAndDoNotRepeatThemselves(t *testing.T) {
	clock := newHands(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC))
	s := newSite(t, noHub(func(o *Options) { o.Now = clock.now }))
	guard := s.sign("guard").Person.ID
	s.problem("", get, prefix+"/session", "", http.StatusUnauthorized, "signed_out") // who am I? is no attempt
	for range 50 {
		s.problem("guard", get, prefix+"/people", "", http.StatusForbidden, "forbidden")
		s.problem("", get, prefix+"/devices", "", http.StatusUnauthorized, "signed_out")
	}
	s.problem("guard", del, prefix+"/devices/cam-1?reason=x", "", http.StatusForbidden, "forbidden")
	e := s.events(kindRefused)
	if len(e) != 3 {
		t.Fatalf("%d events for 101 refusals, want 3", len(e))
	}
	first, nobody, third := refusalOf(t, e[0]), refusalOf(t, e[1]), refusalOf(t, e[2])
	if e[0].Actor != guard || first.Route != "GET /api/v1/people" || first.Status != 403 || first.Count != 1 {
		t.Errorf("first: actor %q, %+v", e[0].Actor, first)
	}
	if e[1].Actor != "" || nobody.Address != "127.0.0.1" || nobody.Status != 401 {
		t.Errorf("nobody: actor %q, %+v", e[1].Actor, nobody)
	}
	if third.Path != prefix+"/devices/cam-1" || third.Route != "DELETE /api/v1/devices/{id}" {
		t.Errorf("third: %+v", third)
	}
	clock.add(refusalSpan)
	s.server.endRefusals(false)
	counted := map[string]int{}
	for _, v := range s.events(kindRefused)[3:] {
		b := refusalOf(t, v)
		counted[b.Route] += b.Count
	}
	if len(counted) != 2 || counted["GET /api/v1/people"] != 49 || counted["GET /api/v1/devices"] != 49 {
		t.Errorf("counts: %v", counted)
	}
	s.problem("guard", get, prefix+"/people", "", http.StatusForbidden, "forbidden")
	if n := len(s.events(kindRefused)); n != 6 {
		t.Errorf("%d events; a refusal after its span is news again", n)
	}
}

func TestRefusals_AFloodFromManyAddressesIsCountedAndFillsNothing(t *testing.T) {
	f := newRefusals()
	at, told := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC), 0
	const flood = 50_000
	for i := range flood {
		if f.note(refusal{Route: "GET /x", Status: 401, Address: fmt.Sprint(i)}, at) {
			told++
		}
	}
	counts := f.over(at.Add(refusalSpan), false)
	if told != refusalBurst || len(f.seen) > 0 || len(counts) != 1 {
		t.Fatalf("%d events at once, %d counts, %d remembered", told, len(counts), len(f.seen))
	}
	if counts[0].Count != flood-refusalBurst || counts[0].Route != "" || counts[0].Since.IsZero() {
		t.Errorf("the count is %+v", counts[0])
	}
}

func TestRefusals_AreCountedWhenTheProgramStops(t *testing.T) {
	s := newSite(t)
	for range 3 {
		s.problem("guard", get, prefix+"/people", "", http.StatusForbidden, "forbidden")
	}
	must(t, s.stopWeb())
	e := s.events(kindRefused)
	if len(e) != 2 || refusalOf(t, e[1]).Count != 2 {
		t.Errorf("%d events", len(e))
	}
}

func TestRefusals_ByAForeignPageAreEvents(t *testing.T) {
	s := newSite(t)
	r := s.request("guard", post, prefix+"/zones/gudang/arm", "")
	r.Header.Set("Origin", "https://evil.example")
	s.refused(r, http.StatusForbidden, "cross_origin")
	if e := s.events(kindRefused); len(e) != 1 || refusalOf(t, e[0]).Route != "POST /api/v1/zones/{id}/arm" {
		t.Errorf("%d events", len(e))
	}
}

func TestProxy_OnlyATrustedOneTellsTheBrowsersAddress(t *testing.T) {
	trust := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.7.1.0/28")}
	s := newSite(t, noHub(func(o *Options) { o.TrustedProxies = trust }))
	for _, c := range []struct {
		from, said, want string
	}{
		{"127.0.0.1:5", "192.0.2.9", "192.0.2.9"},
		{"127.0.0.1:5", "6.6.6.6, 192.0.2.9", "192.0.2.9"}, // the browser wrote 6.6.6.6 itself
		{"127.0.0.1:5", "192.0.2.9, 10.7.1.4", "192.0.2.9"},
		{"127.0.0.1:5", "10.7.1.4", "10.7.1.4"},
		{"[::ffff:127.0.0.1]:5", "2001:db8::7", "2001:db8::7"},
		{"127.0.0.1:5", "", "127.0.0.1"},
		{"127.0.0.1:5", "unknown", "127.0.0.1"},
		{"127.0.0.1:5", "192.0.2.9:443", "127.0.0.1"},
		{"127.0.0.1:5", "192.0.2.9,,", "127.0.0.1"},
		{"127.0.0.1:5", "fe80::1%eth0", "127.0.0.1"},
		{"192.0.2.50:5", "192.0.2.9", "192.0.2.50"}, // a stranger who says so
		{"10.7.1.16:5", "192.0.2.9", "10.7.1.16"},
	} {
		r, err := http.NewRequest(get, "/healthz", nil)
		must(t, err)
		r.RemoteAddr = c.from
		if c.said != "" {
			r.Header.Set("X-Forwarded-For", c.said)
		}
		if got := remoteIP(s.server.fromProxy(r)); got != c.want {
			t.Errorf("%s saying %q counts as %s, want %s", c.from, c.said, got, c.want)
		}
	}
	s.sign("guard")
	in := s.request("", post, prefix+"/session", `{"name":"guard","password":"`+testPassword+`"}`)
	in.Header.Set("X-Forwarded-For", "192.0.2.9")
	in.Header.Set("X-Forwarded-Proto", "https")
	res, body := s.do(in)
	if res.StatusCode != http.StatusCreated || !res.Cookies()[0].Secure || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("behind an encrypted proxy: %d %s %v", res.StatusCode, body, res.Header)
	}
	signed := s.events("auth.signed_in")
	if last := string(signed[len(signed)-1].Body); !json.Valid([]byte(last)) || !strings.Contains(last, `"address":"192.0.2.9"`) {
		t.Errorf("the sign-in is journaled as %s", last)
	}
}

func TestProxy_WithoutTrustNobodyIsBelieved(t *testing.T) {
	s := newSite(t)
	r := s.request("", get, "/", "")
	r.Header.Set("X-Forwarded-For", "192.0.2.9")
	r.Header.Set("X-Forwarded-Proto", "https")
	if res, _ := s.do(r); res.Header.Get("Strict-Transport-Security") != "" {
		t.Error("a header that anybody may send was believed")
	}
}

func TestProxy_PeopleBehindOneDoNotShareALimit(t *testing.T) {
	s := newSite(t, noHub(func(o *Options) {
		o.NoLimits, o.TrustedProxies = false, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	}))
	ask := func(browser string) int {
		r := s.request("", get, "/healthz", "")
		r.RemoteAddr, r.RequestURI = "127.0.0.1:9", "/healthz"
		r.Header.Set("X-Forwarded-For", browser)
		return s.local(r).Code
	}
	for range generalLimit.burst * 3 {
		if ask("192.0.2.9") != http.StatusOK {
			break
		}
	}
	if ask("192.0.2.9") != http.StatusTooManyRequests || ask("192.0.2.10") != http.StatusOK {
		t.Error("one browser's flood is another's refusal")
	}
}
