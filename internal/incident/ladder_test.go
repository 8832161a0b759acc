package incident_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"siaga/internal/incident"
	"siaga/internal/journal"
)

func ladder() []incident.Step {
	return []incident.Step{{After: time.Minute, To: "leader"}, {After: 3 * time.Minute, To: "secretariat"}, {After: 5 * time.Minute, To: "police"}}
}

// calls lists to whom the site passed things up.
func (h *house) calls() []string {
	h.t.Helper()
	events, err := h.j.Events(h.t.Context(), journal.Query{Kinds: []string{string(incident.Escalate)}})
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		var body struct{ To string }
		if err := json.Unmarshal(e.Body, &body); err != nil || e.Actor != "" {
			h.t.Fatalf("%s by %q: %v", e.Body, e.Actor, err)
		}
		out = append(out, body.To)
	}
	return out
}

func (h *house) climb(d *incident.Desk) {
	h.t.Helper()
	if err := d.Climb(h.t.Context(), ladder()); err != nil {
		h.t.Fatal(err)
	}
}

func TestLadder_PassesUpStepByStepAcrossARestart(t *testing.T) {
	h := newHouse(t)
	h.happens("radio.emergency", "ht-pos-2", "store-back", `{"src_id":"5100203"}`)
	h.happens("camera.lost", "cam-9", "gate", `{"reason":"unreachable"}`)
	h.judge()
	h.pass(59 * time.Second)
	h.climb(h.desk)
	h.calledAre("before its time")
	h.pass(time.Second)
	h.climb(h.desk)
	h.climb(h.desk)
	h.calledAre("the first minute", "leader")

	again := h.newDesk(h.j) // as after a restart: nothing is remembered but the rows
	h.climb(again)
	h.calledAre("a restart", "leader")
	h.pass(2 * time.Minute)
	h.climb(again)
	h.calledAre("three minutes", "leader", "secretariat")
	h.pass(time.Hour)
	h.climb(again)
	h.climb(again)
	h.calledAre("the end", "leader", "secretariat", "police")
}

func TestLadder_StopsOnceAccepted(t *testing.T) {
	h := newHouse(t)
	h.happens("radio.emergency", "ht-pos-2", "store-back", `{"src_id":"5100203"}`)
	h.judge()
	h.pass(time.Minute)
	h.climb(h.desk)
	open, err := h.desk.OpenIncidents(t.Context())
	if err != nil || len(open) != 1 || open[0].EscalatedTo != "leader" || !open[0].AcknowledgedAt.IsZero() {
		t.Fatalf("%+v %v", open, err)
	}
	if _, err := h.desk.Do(t.Context(), incident.Act{Verb: incident.Acknowledge, Incident: open[0].ID, Actor: "p-danru"}); err != nil {
		t.Fatal(err)
	}
	h.pass(time.Hour)
	h.climb(h.desk)
	h.calledAre("accepted", "leader")
	h.sound()
}

func (h *house) calledAre(when string, want ...string) {
	h.t.Helper()
	if got := h.calls(); !slices.Equal(got, want) {
		h.t.Fatalf("%s: called %v, want %v", when, got, want)
	}
}
