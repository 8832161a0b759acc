package web

import (
	"net/http"
	"testing"
	"time"

	"siaga/internal/journal"
)

func TestConsole_MutingIsAnEventAndWhatIsCriticalIsNotMuted(t *testing.T) {
	s := guarded(t)
	var quiet Muted
	s.call("guard", post, prefix+"/console/mute", `{"console":"konsol-1","seconds":90}`, http.StatusOK, &quiet)
	if left := time.Until(quiet.Until.Time); left < 30*time.Second || left > 2*time.Minute {
		t.Errorf("quiet until %s", quiet.Until)
	}
	s.call("guard", post, prefix+"/console/mute", `{"console":"konsol-1","seconds":0}`, http.StatusOK, nil)
	s.problem("guard", post, prefix+"/console/mute", `{"console":"konsol-1","seconds":3600}`, http.StatusUnprocessableEntity, "bad_field")
	s.problem("chair", post, prefix+"/console/mute", `{"console":"konsol-1","seconds":9}`, http.StatusForbidden, "forbidden")
	events, err := s.journal.Events(t.Context(), journal.Query{Kinds: []string{"console.*"}})
	must(t, err)
	if len(events) != 2 || events[0].Kind != kindMuted || events[0].Subject != "konsol-1" || events[0].Actor == "" || events[1].Kind != kindUnmuted {
		t.Fatalf("%+v", events)
	}

	s.panics(s.join(t, "guard", ""))
	s.problem("guard", post, prefix+"/console/mute", `{"console":"konsol-1","seconds":90}`, http.StatusConflict, "critical_waits")
}

func TestConsole_HeartbeatsSayWhatIsExpected(t *testing.T) {
	s := newSite(t, noHub(func(o *Options) {
		o.Attendance = func() Attendance { return Attendance{AskAfter: time.Minute, AnswerWithin: time.Second} }
	}))
	var w Watched
	s.call("guard", post, prefix+"/console/presence", `{"console":"konsol-1","idle_ms":5000}`, http.StatusOK, &w)
	if w.AskAfterMS != 60_000 || w.AnswerWithinMS != 1_000 {
		t.Errorf("%+v", w)
	}
	for _, bad := range []string{`{"console":"x","idle_ms":1}`, `{"console":"konsol-1","idle_ms":-1}`, `{"console":"Konsol 1!","idle_ms":1}`, `{"console":"konsol-1"}`} {
		s.problem("guard", post, prefix+"/console/presence", bad, http.StatusUnprocessableEntity, "bad_field")
	}
	s.problem("technician", post, prefix+"/console/presence", `{"console":"konsol-1","idle_ms":1}`, http.StatusForbidden, "forbidden")
}
