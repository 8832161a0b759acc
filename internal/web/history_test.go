package web

import (
	"net/http"
	"strings"
	"testing"

	"siaga/internal/incident"
	"siaga/internal/watch"
)

func TestHistory_AReportIsWrittenFromTheDraftAndNotOverAnothers(t *testing.T) {
	s := guarded(t)
	a := s.panics(s.join(t, "guard", ""))
	at := prefix + "/incidents/" + a.Incident
	var d IncidentDetail
	s.call("chair", get, at, "", http.StatusOK, &d)
	if d.Report != nil || len(d.Story.ID) != 5 || len(d.Story.EN) != 5 || !strings.Contains(d.Draft.When, "WITA") {
		t.Errorf("report %v, story %q, draft %+v", d.Report, d.Story, d.Draft)
	}
	s.problem("guard", post, at+"/report", `{"who":"a"}`, http.StatusUnprocessableEntity, "bad_field") // whole or not at all
	whole := `"what":"panik","where":"","with":"","why":"","how":"","when":""}`
	s.problem("chair", post, at+"/report", `{"who":"a",`+whole, http.StatusForbidden, "forbidden")
	s.call("guard", post, at+"/report", `{"who":"regu B",`+whole, http.StatusOK, &d)
	if d.Report == nil || d.Report.Who != "regu B" || d.Report.ByName != "Orang guard" || d.Report.Seq == 0 {
		t.Fatalf("written: %+v", d.Report)
	}
	p := s.problem("leader", post, at+"/report", `{"who":"regu C",`+whole, http.StatusConflict, "conflict")
	if p.ByName != "Orang guard" {
		t.Errorf("the second writer sees %+v", p)
	}
	s.problem("chair", post, at+"/reference", `{"office":"police","number":"a\u0007b"}`, http.StatusUnprocessableEntity, "bad_field")
	s.call("chair", post, at+"/reference", `{"office":"police","number":"LP/B/12/XI/2026/SPKT"}`, http.StatusOK, &d)
	if len(d.References) != 1 || d.References[0].ByName != "Orang chair" {
		t.Errorf("references %+v", d.References)
	}
}

func TestHistory_SearchesAndCountsByEveryFilter(t *testing.T) {
	s := guarded(t)
	s.call("technician", post, prefix+"/zones", `{"id":"halaman","name":"Halaman Depan","kind":"yard"}`, http.StatusCreated, nil)
	s.call("technician", post, prefix+"/zones", `{"id":"gudang","name":"Gudang Induk","kind":"store","parent":"halaman"}`, http.StatusCreated, nil)
	a := s.panics(s.join(t, "guard", ""))
	s.call("guard", post, prefix+"/incidents/"+a.Incident+"/acknowledge", `{"note":"pagar timur"}`, http.StatusOK, nil)
	must(t, s.journal.Index(t.Context()))
	who := s.sign("guard").Person.ID
	for query, want := range map[string]int{
		"":                        1,
		"?priority=critical":      1,
		"?priority=info":          0,
		"?zone=halaman":           1, // the zone around it
		"?zone=lain&zone=gudang":  1,
		"?zone=lain":              0,
		"?person=" + who:          1,
		"?person=x":               0,
		"?text=pagar":             1,
		"?text=gudang":            1, // the name of the zone
		"?text=menara":            0,
		"?state=open":             1,
		"?state=closed":           0,
		"?category=ancaman_orang": 1,
		"?device=ht-pos-2":        1,
		"?since=2026-01-01T00:00:00Z&until=2200-01-01T00:00:00Z&text=panik": 1,
	} {
		var cases list[incident.Incident]
		s.call("chair", get, prefix+"/incidents"+query, "", http.StatusOK, &cases)
		var sum incident.Summary
		s.call("chair", get, prefix+"/incidents/summary"+query, "", http.StatusOK, &sum)
		if len(cases.Items) != want || sum.Total != want {
			t.Errorf("%q: %d incidents, counted %d, want %d", query, len(cases.Items), sum.Total, want)
		}
	}
	var events list[Event]
	s.call("chair", get, prefix+"/events?text=pagar&zone=halaman&order=desc", "", http.StatusOK, &events)
	if len(events.Items) != 1 || events.Items[0].Kind != "act.acknowledged" || events.Next != "" {
		t.Errorf("events %+v", events)
	}
	s.problem("chair", get, prefix+"/incidents/summary?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z", "", http.StatusUnprocessableEntity, "bad_field")
	var sum incident.Summary
	s.call("it-security", get, prefix+"/incidents/summary?text=panik", "", http.StatusOK, &sum)
	if sum.Total != 0 || len(sum.Priorities) != 0 {
		t.Errorf("IT security counts others' incidents: %+v", sum)
	}
	if a.Priority != watch.Critical {
		t.Error(a.Priority)
	}
}
