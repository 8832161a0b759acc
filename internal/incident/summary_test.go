package incident_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"siaga/internal/incident"
	"siaga/internal/watch"
)

// week lets seven cameras be lost in three zones, two minutes apart, and a panic follow.
func week(t *testing.T) *house {
	h := newHouse(t)
	for i := range 7 {
		h.happens("camera.lost", fmt.Sprintf("cam-%d", i), fmt.Sprintf("zone-%d", i%3), `{"reason":"unreachable"}`)
		h.judge()
		h.pass(2 * time.Minute)
	}
	h.panics("ht-pos-2")
	h.judge()
	return h
}

func numbers(list []incident.Incident) []string {
	var out []string
	for _, in := range list {
		out = append(out, in.Number[len(in.Number)-1:])
	}
	return out
}

func TestIncidents_AreFoundByPersonZonesAndWords(t *testing.T) {
	h := week(t)
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: "2026-000002", Actor: "ani"})
	h.must(incident.Act{Verb: incident.Note, Incident: "2026-000005", Actor: "ani", Note: "Pagar timur diperiksa, kawat 50% putus"})
	h.must(incident.Act{Verb: incident.WriteReport, Incident: "2026-000006", Actor: "budi", Report: &incident.Report{How: "Regu mengitari pagar"}})
	h.happens("act.viewed", "cam-1", "zone-1", `{"purpose":"pagar"}`)
	if err := h.j.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	for claim, c := range map[string]struct {
		f    incident.Filter
		want []string
	}{
		"person":              {incident.Filter{Person: "ani"}, []string{"5", "2"}},
		"nobody":              {incident.Filter{Person: "x"}, nil},
		"zones":               {incident.Filter{Zones: []string{"zone-0", "zone-2"}}, []string{"7", "6", "4", "3", "1"}},
		"word of an act":      {incident.Filter{Text: "PAGAR"}, []string{"6", "5"}},
		"words of an act":     {incident.Filter{Text: "pagar tim"}, []string{"5"}},
		"word of a title":     {incident.Filter{Text: "panik"}, []string{"8"}},
		"word and zone":       {incident.Filter{Text: "pagar", Zones: []string{"zone-1"}}, []string{"5"}},
		"number":              {incident.Filter{Text: "000003"}, []string{"3"}},
		"a sign, not a jolly": {incident.Filter{Text: "%"}, nil},
		"name of a zone":      {incident.Filter{Text: "aula", TextZones: []string{"zone-0"}}, []string{"7", "4", "1"}},
		"name of a device":    {incident.Filter{Text: "aula", TextDevices: []string{"cam-6"}}, []string{"7"}},
	} {
		got, err := h.desk.Incidents(t.Context(), c.f)
		if err != nil || !slices.Equal(numbers(got), c.want) {
			t.Errorf("%s: %v (%v), want %v", claim, numbers(got), err, c.want)
		}
	}
}

func TestSummary_CountsThePeriodBesideTheOneBefore(t *testing.T) {
	h := week(t)
	h.pass(30 * time.Second)
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: "2026-000008", Actor: "d"}) // after 30 s
	h.pass(30 * time.Second)
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: "2026-000007", Actor: "d"}) // after 180 s
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: "2026-000006", Actor: "d"}) // after 300 s
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: "2026-000001", Actor: "d"}) // 900 s, in the period before
	h.must(incident.Act{Verb: incident.Drill, Incident: "2026-000005", Actor: "d", Reason: "uji"})
	s, err := h.desk.Summary(t.Context(), incident.Filter{Since: start.Add(8 * time.Minute), Until: start.Add(16 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if s.Total != 4 || s.Before != 4 || s.Open != 3 || s.Accept.Waiting != 0 {
		t.Errorf("%d now, %d before, %d open, %d waiting", s.Total, s.Before, s.Open, s.Accept.Waiting)
	}
	if w := s.Accept; w.Count != 3 || w.MedianS != 180 || w.WorstS != 300 || w.Worst != "2026-000006" || w.BeforeCount != 1 || w.BeforeMedianS != 900 {
		t.Errorf("waits %+v", w)
	}
	if want := []incident.Tally{{Key: "critical", Count: 1}, {Key: "important", Count: 3, Before: 4}}; !slices.Equal(s.Priorities, want) {
		t.Errorf("priorities %+v", s.Priorities)
	}
	if want := []incident.Tally{{"zone-0", 1, 2}, {"zone-1", 1, 1}, {"zone-2", 1, 1}, {"store-back", 1, 0}}; !slices.Equal(s.Zones, want) || s.Unit != "hour" {
		t.Errorf("zones %+v, unit %s", s.Zones, s.Unit)
	}
	sum := 0
	for _, b := range s.Buckets {
		sum += b.Count
	}
	if sum != 4 || len(s.Buckets) != 1 || s.Buckets[0].Critical != 1 {
		t.Errorf("buckets %+v", s.Buckets)
	}
	all, err := h.desk.Summary(t.Context(), incident.Filter{Priorities: []watch.Priority{watch.Critical}})
	if err != nil || all.Total != 1 || all.Before != 0 || !all.BeforeFrom.IsZero() {
		t.Errorf("%+v %v", all, err)
	}
	none, err := h.desk.Summary(t.Context(), incident.Filter{Zones: []string{"nowhere"}, Since: start})
	if err != nil || none.Total != 0 || none.Accept.MedianS != 0 {
		t.Errorf("%+v %v", none, err)
	}
}

func TestSummary_DaysAreThoseOfTheSiteAndHaveNoHoles(t *testing.T) {
	h := newHouse(t)
	makassar := time.FixedZone("WITA", 8*3600)
	desk := incident.New(incident.Options{Log: h.j, Site: h.yard, Location: makassar, Now: h.clock})
	h.panics("ht-pos-2") // Sunday 01.07 WITA, Saturday in UTC
	h.judge()
	s, err := desk.Summary(t.Context(), incident.Filter{Since: start.Add(-72 * time.Hour), Until: start.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Buckets) != 4 || s.Unit != "day" || s.Buckets[3].Count != 1 || s.Buckets[3].From.In(makassar).Format("02 15.04") != "22 00.00" {
		t.Errorf("%s %+v", s.Unit, s.Buckets)
	}
}

func TestIncidents_NoFilterScansTheEvents(t *testing.T) {
	h := newHouse(t)
	for name, f := range map[string]incident.Filter{
		"person": {Person: "ani"}, "text": {Text: "pagar timur", TextZones: []string{"a"}, TextDevices: []string{"b"}}, "device": {Device: "d"},
		"zones": {Zones: []string{"a", "b"}}, "all": {Person: "a", Text: "b", Zones: []string{"c"}, Device: "d", Category: "siber", Since: start},
	} {
		query, args := f.Statement()
		rows, err := h.db.Read().QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
		if err != nil {
			t.Fatal(name, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(detail, "SCAN events") || strings.HasPrefix(detail, "SCAN e ") || detail == "SCAN e" || strings.HasPrefix(detail, "SCAN alerts") || detail == "SCAN a" {
				t.Errorf("%s: %s", name, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}
