package incident_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"siaga/internal/incident"
	"siaga/internal/journal"
	"siaga/internal/watch"
)

func TestAcknowledge_TheFirstWinsAndTheSecondSeesWhoAndWhen(t *testing.T) {
	h := newHouse(t)
	h.panics("ht-pos-2")
	h.judge()
	id := h.alerts()[0].ID
	h.pass(3 * time.Second)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = h.do(incident.Act{Verb: incident.Acknowledge, Alert: id, Actor: fmt.Sprintf("person-%d", i)})
		})
	}
	wg.Wait()
	winner := h.incidents()[0]
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
			continue
		}
		var taken *incident.TakenError
		if !errors.As(err, &taken) {
			t.Fatalf("person %d: %v", i, err)
		}
		if taken.By != winner.AcknowledgedBy || !taken.At.Equal(start.Add(3*time.Second)) {
			t.Errorf("person %d is told %s at %s, the winner is %s", i, taken.By, taken.At, winner.AcknowledgedBy)
		}
	}
	if won != 1 || winner.State != watch.StateAcknowledged || h.alerts()[0].AcknowledgedBy != winner.AcknowledgedBy {
		t.Errorf("%d winners, incident %+v", won, winner)
	}
	if n := h.kinds()["act.acknowledged"]; n != 1 {
		t.Errorf("%d acts journaled, want 1", n)
	}
	h.sound()
}

func TestAcknowledge_ImportantAlertsThatJoinLaterAreAcceptedAnewLesserOnesAreNot(t *testing.T) {
	h := newHouse(t)
	h.panics("ht-pos-2")
	h.judge()
	const n = "2026-000001"
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: n, Actor: "d"})
	h.happens("gap.opened", "cam-5", "store-back", `{"stream":"main"}`)
	h.judge()
	var taken *incident.TakenError
	if _, err := h.do(incident.Act{Verb: incident.Acknowledge, Incident: n, Actor: "s"}); !errors.As(err, &taken) || taken.By != "d" {
		t.Errorf("a gap made the second person first: %v", err)
	}
	h.happens("camera.lost", "cam-5", "store-back", `{"reason":"unreachable"}`)
	h.judge()
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: n, Actor: "s"})
	if in := h.incidents()[0]; in.AcknowledgedBy != "d" || in.AlertCount != 3 {
		t.Errorf("incident %+v", in)
	}
	h.sound()
}

func TestCritical_NeedsCauseActionAndASecondPerson(t *testing.T) {
	h := newHouse(t)
	h.panics("ht-pos-2")
	h.judge()
	n := h.incidents()[0].Number
	act := func(v incident.Verb, who string, more incident.Act) error {
		more.Verb, more.Actor, more.Incident = v, who, n
		_, err := h.do(more)
		return err
	}
	var state *incident.StateError
	if err := act(incident.Resolve, "d", incident.Act{Cause: "x", Action: "y"}); !errors.As(err, &state) {
		t.Errorf("resolved a panic that nobody accepted: %v", err)
	}
	if err := act(incident.FalseAlarm, "d", incident.Act{Reason: "x"}); !errors.As(err, &state) {
		t.Errorf("dismissed a panic that nobody accepted: %v", err)
	}
	if err := act(incident.Acknowledge, "d", incident.Act{}); err != nil {
		t.Fatal(err)
	}
	if err := act(incident.Respond, "d", incident.Act{Note: "menuju lokasi"}); err != nil {
		t.Fatal(err)
	}
	var field *incident.FieldError
	for missing, a := range map[string]incident.Act{"cause": {Action: "y"}, "action": {Cause: "x", Action: "  "}} {
		if err := act(incident.Resolve, "d", a); !errors.As(err, &field) || field.Field != missing {
			t.Errorf("resolved without %s: %v", missing, err)
		}
	}
	if err := act(incident.Resolve, "d", incident.Act{Cause: "tertekan", Action: "diperiksa"}); err != nil {
		t.Fatal(err)
	}
	if err := act(incident.Close, "d", incident.Act{}); !errors.Is(err, incident.ErrSecondPerson) {
		t.Errorf("the resolver closed it: %v", err)
	}
	if err := act(incident.Close, "s", incident.Act{}); err != nil {
		t.Fatal(err)
	}
	in := h.incidents()[0]
	if in.State != watch.StateClosed || in.Cause != "tertekan" || in.Action != "diperiksa" || in.ResolvedBy != "d" || in.ClosedBy != "s" {
		t.Errorf("incident %+v", in)
	}
	if a := h.alerts()[0]; a.State != incident.Cleared || a.ClearedBy != incident.ByAct {
		t.Errorf("the panic is still active: %+v", a)
	}
	h.sound()
}

func TestEnd_LeavesActiveWhatShowsItsOwnEnd(t *testing.T) {
	h := newHouse(t)
	h.happens("camera.lost", "cam-1", "gate", `{"reason":"unreachable"}`)
	h.judge()
	h.resolve("2026-000001")
	if a := h.alerts()[0]; a.State != incident.Active {
		t.Errorf("the camera is still lost, its alert is %s", a.State)
	}
	h.happens("camera.online", "cam-1", "gate", `{}`)
	h.judge()
	if a := h.alerts()[0]; a.State != incident.Cleared {
		t.Errorf("the camera is back, its alert is %s", a.State)
	}
	h.sound()
}

func TestActs_FollowTheStates(t *testing.T) {
	h := newHouse(t)
	h.happens("camera.lost", "cam-1", "gate", `{"reason":"unreachable"}`)
	h.happens("camera.lost", "cam-2", "office", `{"reason":"unreachable"}`)
	h.judge()
	const n, other = "2026-000001", "2026-000002"
	steps := []struct {
		act  incident.Act
		want watch.State // "" means refused
	}{
		{incident.Act{Verb: incident.Respond}, ""},
		{incident.Act{Verb: incident.Close}, ""},
		{incident.Act{Verb: incident.Reopen, Reason: "x"}, ""},
		{incident.Act{Verb: incident.Note}, ""},
		{incident.Act{Verb: incident.Note, Note: "kabel?"}, watch.StateNew},
		{incident.Act{Verb: incident.Escalate, To: "leader"}, watch.StateEscalated},
		{incident.Act{Verb: incident.Acknowledge}, watch.StateEscalated},
		{incident.Act{Verb: incident.Acknowledge}, ""},
		{incident.Act{Verb: incident.Respond}, watch.StateHandling},
		{incident.Act{Verb: incident.Escalate, To: "secretariat"}, watch.StateEscalated},
		{incident.Act{Verb: incident.Drill}, ""},
		{incident.Act{Verb: incident.Drill, Reason: "latihan"}, watch.StateDrill},
		{incident.Act{Verb: incident.Close}, ""},
		{incident.Act{Verb: incident.Acknowledge}, ""},
		{incident.Act{Verb: incident.Reopen, Reason: "keliru"}, watch.StateHandling},
		{incident.Act{Verb: incident.Duplicate, Reason: "sama", Of: n}, ""},
		{incident.Act{Verb: incident.Duplicate, Reason: "sama", Of: "2026-999999"}, ""},
		{incident.Act{Verb: incident.Duplicate, Reason: "sama", Of: other}, watch.StateDuplicate},
		{incident.Act{Verb: incident.Reopen, Reason: "bukan"}, watch.StateHandling},
		{incident.Act{Verb: incident.FalseAlarm, Reason: "uji kabel"}, watch.StateFalseAlarm},
		{incident.Act{Verb: incident.Reopen, Reason: "ternyata"}, watch.StateHandling},
		{incident.Act{Verb: incident.Resolve, Note: strings.Repeat("x", incident.MaxText+1)}, ""},
		{incident.Act{Verb: incident.Resolve, Note: strings.Repeat("é", incident.MaxText)}, watch.StateResolved},
		{incident.Act{Verb: incident.Close}, watch.StateClosed},
		{incident.Act{Verb: incident.Reopen, Reason: "lagi"}, watch.StateHandling},
		{incident.Act{Verb: "act.deleted"}, ""},
	}
	for i, s := range steps {
		s.act.Incident, s.act.Actor = n, "person-j"
		before := h.j.Head()
		in, err := h.do(s.act)
		switch {
		case s.want == "" && err == nil:
			t.Errorf("step %d: %s was allowed", i, s.act.Verb)
		case s.want == "" && h.j.Head() != before:
			t.Errorf("step %d: the refused %s left events", i, s.act.Verb)
		case s.want != "" && (err != nil || in.State != s.want):
			t.Fatalf("step %d: %s gives %s (%v), want %s", i, s.act.Verb, in.State, err, s.want)
		}
	}
	if in := h.incidents()[0]; in.Escalations != 2 || in.EscalatedTo != "secretariat" {
		t.Errorf("escalations %d to %q", in.Escalations, in.EscalatedTo)
	}
	if _, err := h.do(incident.Act{Verb: incident.Note, Incident: "2027-000001", Note: "x", Actor: "j"}); !errors.Is(err, incident.ErrNotFound) {
		t.Errorf("unknown incident: %v", err)
	}
	h.sound()
}

func TestSplitAndMerge_MoveAlertsAndKeepTheRecord(t *testing.T) {
	h := newHouse(t)
	h.happens("camera.lost", "cam-1", "gate", `{"reason":"unreachable"}`)
	h.happens("camera.lost", "cam-2", "gate", `{"reason":"unreachable"}`)
	h.judge()
	first := h.incidents()[0]
	ids := []string{h.alerts()[0].ID, h.alerts()[1].ID}
	if _, err := h.do(incident.Act{Verb: incident.Split, Incident: first.ID, Actor: "d", Reason: "x", Alerts: ids}); err == nil {
		t.Error("split everything off")
	}
	h.must(incident.Act{Verb: incident.Split, Incident: first.ID, Actor: "d", Reason: "dua kejadian", Alerts: ids[1:]})
	in := h.incidents()
	if len(in) != 2 || in[0].AlertCount != 1 || in[1].AlertCount != 1 || h.alerts()[1].Incident != in[1].ID {
		t.Fatalf("after the split: %+v", in)
	}
	h.must(incident.Act{Verb: incident.Merge, Incident: in[0].Number, Of: in[1].Number, Actor: "d", Reason: "ternyata satu"})
	in = h.incidents()
	if in[0].AlertCount != 2 || in[1].State != watch.StateDuplicate || in[1].DuplicateOf != in[0].ID || in[1].AlertCount != 0 {
		t.Errorf("after the merge: %+v", in)
	}
	h.sound()
}

func TestErase_ForgetsWordsEverywhereAndTheCheckStaysClean(t *testing.T) {
	h := newHouse(t)
	h.panics("ht-pos-2")
	h.judge()
	h.must(incident.Act{Verb: incident.Note, Incident: "2026-000001", Actor: "d", Note: "RAHASIA-1"})
	raised, err := h.j.Events(t.Context(), journal.Query{Kinds: []string{"alert.raised"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.j.Erase(t.Context(), raised[0].Seq, "a", "b", "x"); !errors.Is(err, journal.ErrNotErasable) {
		t.Errorf("erased an open alert: %v", err)
	}
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: "2026-000001", Actor: "d"})
	h.must(incident.Act{Verb: incident.Resolve, Incident: "2026-000001", Actor: "d", Cause: "RAHASIA-2", Action: "RAHASIA-3"})
	events, err := h.j.Events(t.Context(), journal.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if strings.HasPrefix(e.Kind, "act.") || strings.HasPrefix(e.Kind, "alert.") || strings.HasPrefix(e.Kind, "incident.") {
			if err := h.j.Erase(t.Context(), e.Seq, "a", "b", "permintaan"); err != nil {
				t.Errorf("%s: %v", e.Kind, err)
			}
			h.sound()
		}
	}
	for _, word := range []string{"RAHASIA-1", "RAHASIA-2", "RAHASIA-3"} {
		var rows int
		err := h.db.Read().QueryRow(`SELECT (SELECT count(*) FROM incidents WHERE cause = ?1 OR action = ?1) + (SELECT count(*) FROM events WHERE instr(body, ?1) > 0)`, word).Scan(&rows)
		if err != nil || rows != 0 {
			t.Errorf("%s stands in %d rows (%v)", word, rows, err)
		}
	}
	for _, table := range []string{"alerts", "incidents"} {
		var words int
		q := "SELECT count(*) FROM " + table + " WHERE title_id <> ''"
		if err := h.db.Read().QueryRow(q).Scan(&words); err != nil || words != 0 {
			t.Errorf("%s: %d rows still speak (%v)", table, words, err)
		}
	}
}

func TestQueries_FilterAndPage(t *testing.T) {
	h := newHouse(t)
	for i := range 7 {
		h.happens("camera.lost", fmt.Sprintf("cam-%d", i), fmt.Sprintf("zone-%d", i%3), `{"reason":"unreachable"}`)
		h.judge()
		h.pass(2 * time.Minute)
	}
	h.panics("ht-pos-2")
	h.judge()
	h.resolve("2026-000003")
	for claim, c := range map[string]struct {
		f    incident.Filter
		want int
	}{
		"all":       {incident.Filter{}, 8},
		"open":      {incident.Filter{Open: true}, 7},
		"state":     {incident.Filter{States: []watch.State{watch.StateResolved, watch.StateClosed}}, 1},
		"critical":  {incident.Filter{Priorities: []watch.Priority{watch.Critical}}, 1},
		"zone":      {incident.Filter{Zones: []string{"zone-0"}}, 3},
		"device":    {incident.Filter{Device: "cam-4"}, 1},
		"category":  {incident.Filter{Category: "ancaman_orang"}, 1},
		"since":     {incident.Filter{Since: start.Add(4 * time.Minute)}, 6},
		"until":     {incident.Filter{Until: start.Add(4 * time.Minute)}, 2},
		"no injury": {incident.Filter{Zones: []string{`' OR 1=1 --`}}, 0},
	} {
		got, err := h.desk.Incidents(t.Context(), c.f)
		if err != nil || len(got) != c.want {
			t.Errorf("%s: %d incidents (%v), want %d", claim, len(got), err, c.want)
		}
	}
	var paged []string
	after := ""
	for {
		page, err := h.desk.Incidents(t.Context(), incident.Filter{After: after, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, in := range page {
			paged = append(paged, in.Number)
		}
		after = paged[len(paged)-1]
	}
	if len(paged) != 8 || paged[0] != "2026-000008" || paged[7] != "2026-000001" {
		t.Errorf("pages %v", paged)
	}
	open, err := h.desk.OpenAlerts(t.Context())
	if err != nil || len(open) != 8 || open[0].Rule != "radio-emergency" {
		t.Errorf("%d open alerts (%v), want 8 with the panic first", len(open), err)
	}
}

func TestDetail_TellsWhatHappenedAround(t *testing.T) {
	h := newHouse(t)
	h.happens("door.closed", "door-9", "store-back", `{}`) // long before
	h.pass(time.Hour)
	h.happens("door.opened", "door-2", "store-back", `{}`)
	h.pass(10 * time.Second)
	h.panics("ht-pos-2")
	h.judge()
	h.happens("camera.online", "cam-8", "office", `{}`) // elsewhere
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: "2026-000001", Actor: "d", Note: "siap"})
	d, err := h.desk.Detail(t.Context(), "2026-000001")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Acts) != 1 || d.Acts[0].By != "d" || d.Acts[0].Note != "siap" || d.Acts[0].Kind != "act.acknowledged" {
		t.Errorf("acts %+v", d.Acts)
	}
	var kinds []string
	for _, e := range d.Timeline {
		kinds = append(kinds, e.Kind)
	}
	if len(kinds) < 2 || kinds[0] != "door.opened" || kinds[1] != "radio.emergency" {
		t.Errorf("timeline %v", kinds)
	}
	for _, e := range d.Timeline {
		if e.Zone == "office" || e.Kind == "door.closed" {
			t.Errorf("the timeline tells of %s in %s", e.Kind, e.Zone)
		}
	}
	if len(d.Zones) != 1 || d.Zones[0] != "store-back" {
		t.Errorf("zones %v", d.Zones)
	}
}

func TestDo_TheSecondPersonLearnsWhoWasFirstWhateverTheAct(t *testing.T) {
	h := newHouse(t)
	h.happens("camera.lost", "cam-1", "gate", `{"reason":"unreachable"}`)
	h.judge()
	const n = "2026-000001"
	for _, step := range []struct {
		act   incident.Act
		state watch.State
	}{
		{incident.Act{Verb: incident.Acknowledge}, watch.StateAcknowledged},
		{incident.Act{Verb: incident.Respond}, watch.StateHandling},
		{incident.Act{Verb: incident.Resolve, Cause: "kabel", Action: "diganti"}, watch.StateResolved},
		{incident.Act{Verb: incident.Close}, watch.StateClosed},
	} {
		step.act.Incident, step.act.Actor = n, "d"
		if _, err := h.do(step.act); err != nil {
			t.Fatalf("%s: %v", step.act.Verb, err)
		}
		step.act.Actor = "s"
		_, err := h.do(step.act)
		var taken *incident.TakenError
		if !errors.As(err, &taken) || taken.By != "d" || taken.At.IsZero() || taken.State != step.state {
			t.Errorf("%s by the second person: %v", step.act.Verb, err)
		}
	}
	_, err := h.do(incident.Act{Verb: incident.Resolve, Incident: n, Actor: "s", Cause: "x", Action: "x"})
	var state *incident.StateError
	if !errors.As(err, &state) || state.By != "d" || state.State != watch.StateClosed || state.At.IsZero() {
		t.Errorf("resolving what is closed: %v", err)
	}
}
