package web

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"siaga/internal/incident"
	"siaga/internal/registry"
	judging "siaga/internal/rules"
	"siaga/internal/watch"
)

// calm is a site of which the rules know nothing special.
type calm struct{}

func (calm) Lineage(zone string) []string    { return []string{zone} }
func (calm) Zone(id string) judging.Zone     { return judging.Zone{ID: id, Kind: "store"} }
func (calm) Device(id string) judging.Device { return judging.Device{ID: id, Name: id} }

var shipped = sync.OnceValues(func() (*judging.Set, error) {
	set, _, err := judging.Load(os.DirFS("../.."), "configs/rules")
	return set, err
})

// guarded is a site whose desk judges events by the shipped rules.
func guarded(t testing.TB, change ...func(*Options)) *site {
	set, err := shipped()
	must(t, err)
	s := newSite(t, noHub(func(o *Options) {
		o.Desk = incident.New(incident.Options{Log: o.Journal, Judge: judging.NewJudge(set, calm{}), Site: calm{}})
		for _, c := range change {
			c(o)
		}
	}))
	s.desk = s.server.opt.Desk
	stop := start(t, s.desk.Run)
	t.Cleanup(stop)
	return s
}

// panics raises a critical alert and returns it as the live channel shows it.
func (s *site) panics(watching *screen) incident.Alert {
	s.t.Helper()
	_, err := s.journal.Append(s.t.Context(), watch.Draft{
		Kind: "radio.emergency", Device: "ht-pos-2", Zone: "gudang", Body: []byte(`{"src_id":"5100231","csbk_desc":"Call Emergency"}`),
	})
	must(s.t, err)
	for {
		m, err := watching.read()
		must(s.t, err)
		if m.Kind == incident.KindRaised {
			var body struct{ Alert incident.Alert }
			must(s.t, json.Unmarshal(m.Body, &body))
			return body.Alert
		}
	}
}

func TestPanic_ReachesTheScreenAndTheFirstAcceptanceWins(t *testing.T) {
	s := guarded(t)
	a := s.panics(s.join(t, "guard", ""))
	if a.Priority != watch.Critical || a.Incident == "" {
		t.Fatalf("alert %+v", a)
	}
	roles := []string{"guard", "leader", "secretariat"}
	for _, r := range roles {
		s.sign(r) // before the race
	}
	var wg sync.WaitGroup
	won := make([]int, len(roles))
	texts := make([]string, len(roles))
	for i, role := range roles {
		wg.Go(func() {
			res, text := s.do(s.request(role, post, prefix+"/alerts/"+a.ID+"/acknowledge", `{"note":"menuju lokasi"}`))
			won[i], texts[i] = res.StatusCode, text
		})
	}
	wg.Wait()
	winners := 0
	for i, status := range won {
		switch status {
		case http.StatusOK:
			winners++
		case http.StatusConflict:
			var p Problem
			must(t, decodeJSON(texts[i], &p))
			if p.Code != "taken" || p.By == "" || !strings.HasPrefix(p.ByName, "Orang ") || p.At.IsZero() {
				t.Errorf("the second person sees %s", texts[i])
			}
		default:
			t.Errorf("%s: %d %s", roles[i], status, texts[i])
		}
	}
	if winners != 1 {
		t.Errorf("%d people were first", winners)
	}
}

func TestIncident_CriticalNeedsCauseActionAndASecondPerson(t *testing.T) {
	s := guarded(t)
	a := s.panics(s.join(t, "guard", ""))
	at := prefix + "/incidents/" + a.Incident
	s.problem("leader", post, at+"/resolve", `{"cause":"c","action":"a"}`, http.StatusConflict, "wrong_state")
	s.call("leader", post, at+"/acknowledge", "", http.StatusOK, nil)
	p := s.problem("leader", post, at+"/resolve", `{"cause":"latihan tanpa kabar"}`, http.StatusUnprocessableEntity, "bad_field")
	if len(p.Errors) != 1 || p.Errors[0].Location != "body.action" {
		t.Errorf("the field is not named: %+v", p.Errors)
	}
	var in incident.Incident
	s.call("leader", post, at+"/resolve", `{"cause":"tombol tertekan","action":"ditegur"}`, http.StatusOK, &in)
	if in.State != watch.StateResolved || in.Cause == "" {
		t.Errorf("resolved: %+v", in)
	}
	s.problem("leader", post, at+"/close", "", http.StatusForbidden, "second_person")
	s.problem("guard", post, at+"/close", "", http.StatusForbidden, "forbidden")
	s.call("chair", post, at+"/close", `{"note":"diperiksa"}`, http.StatusOK, &in)
	if in.State != watch.StateClosed {
		t.Errorf("closed: %+v", in)
	}
	var d IncidentDetail
	s.call("guard", get, prefix+"/incidents/"+in.Number, "", http.StatusOK, &d)
	if len(d.Acts) != 3 || d.Acts[0].ByName != "Orang leader" || len(d.Timeline) == 0 || len(d.Alerts) != 1 {
		t.Errorf("the page of the incident: %d acts, %d events, %d alerts", len(d.Acts), len(d.Timeline), len(d.Alerts))
	}
}

func TestIncident_NamesItsDevicesToWhoMayNotListThem(t *testing.T) {
	s := guarded(t)
	s.furnish()
	_, err := s.registry.Register(t.Context(), registry.By{Reason: "test"}, registry.Device{
		ID: "ht-pos-2", Kind: "mmdvm", Name: "HT Pos 2", Zone: "gudang", Enabled: true, Config: []byte(`{"topic":"ht-pos-2"}`),
	}, nil)
	must(t, err)
	a := s.panics(s.join(t, "guard", ""))
	s.problem("auditor", get, prefix+"/devices", "", http.StatusForbidden, "forbidden")
	var d IncidentDetail
	s.call("auditor", get, prefix+"/incidents/"+a.Incident, "", http.StatusOK, &d)
	if d.Names["ht-pos-2"] != "HT Pos 2" {
		t.Errorf("names %v", d.Names)
	}
}

func TestIncident_ITSecuritySeesItsOwnCategoryOnly(t *testing.T) {
	s := guarded(t)
	a := s.panics(s.join(t, "guard", ""))
	s.problem("it-security", get, prefix+"/incidents/"+a.Incident, "", http.StatusNotFound, "not_found")
	s.problem("it-security", get, prefix+"/alerts/"+a.ID, "", http.StatusNotFound, "not_found")
	s.problem("it-security", post, prefix+"/alerts/"+a.ID+"/acknowledge", "", http.StatusNotFound, "not_found")
	s.problem("it-security", post, prefix+"/incidents/"+a.Incident+"/acknowledge", "", http.StatusNotFound, "not_found")
	var cases list[incident.Incident]
	s.call("it-security", get, prefix+"/incidents?category=ancaman_orang", "", http.StatusOK, &cases)
	if len(cases.Items) != 0 {
		t.Errorf("sees %d incidents of others", len(cases.Items))
	}
	snap := SnapshotFor([]string{"it-security"}, []incident.Alert{a}, nil, nil)
	if alerts := snap.Alerts.([]incident.Alert); len(alerts) != 0 {
		t.Error("the snapshot shows it the alert")
	}
}

func TestIncidents_PagesFollowOneAnother(t *testing.T) {
	s := guarded(t)
	sc := s.join(t, "guard", "")
	for range 3 {
		a := s.panics(sc)
		s.call("leader", post, prefix+"/alerts/"+a.ID+"/acknowledge", "", http.StatusOK, nil)
		s.call("leader", post, prefix+"/incidents/"+a.Incident+"/drill", `{"reason":"latihan"}`, http.StatusOK, nil)
	}
	seen, next := map[string]bool{}, ""
	for range 10 {
		var page list[incident.Incident]
		s.call("chair", get, prefix+"/incidents?limit=1&after="+next, "", http.StatusOK, &page)
		for _, in := range page.Items {
			if seen[in.Number] {
				t.Errorf("%s came twice", in.Number)
			}
			seen[in.Number] = true
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if len(seen) != 3 {
		t.Errorf("pages held %d incidents, want 3", len(seen))
	}
}
