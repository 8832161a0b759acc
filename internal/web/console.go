package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"siaga/internal/auth"
	"siaga/internal/incident"
	"siaga/internal/watch"
)

// Contact says how a party that action cards name is reached.
type Contact struct {
	Who   string `json:"who" doc:"a word of the rules' call lists"`
	Name  string `json:"name"`
	Phone string `json:"phone"`
	Radio string `json:"radio"`
}

func (s *Server) listContacts(context.Context, *struct{}) (*reply[list[Contact]], error) {
	var all []Contact
	if s.opt.Contacts != nil {
		all = s.opt.Contacts()
	}
	return answered(list[Contact]{Items: orNone(all)}), nil
}

// Presence is what a console says of itself every ten seconds.
type Presence struct {
	Console string `json:"console" minLength:"8" maxLength:"40" pattern:"^[a-z0-9][a-z0-9-]*$" doc:"made by the browser, the same for as long as it keeps things"`
	IdleMS  int64  `json:"idle_ms" minimum:"0" maximum:"31536000000" doc:"since the last key or touch"`
}

// Watched says what the site expects of the person before the console.
type Watched struct {
	IdleMS         int64 `json:"idle_ms" doc:"since the last key or touch in any window of this console"`
	AskAfterMS     int64 `json:"ask_after_ms" doc:"ask after so long without a key or a touch; 0 never"`
	AnswerWithinMS int64 `json:"answer_within_ms" doc:"then the console counts as unattended"`
}

// present takes the heartbeat of a console.
func (s *Server) present(ctx context.Context, in *struct{ Body Presence }) (*reply[Watched], error) {
	who, t := callerOf(ctx), s.attendance.times()
	guard := slices.Contains(who.Roles, auth.Guard)
	idle := s.attendance.hear(in.Body.Console, who.ID, guard, time.Duration(in.Body.IdleMS)*time.Millisecond)
	if !guard {
		t.AskAfter = 0 // nobody asks a leader at night whether he is awake
	}
	return answered(Watched{IdleMS: idle.Milliseconds(), AskAfterMS: t.AskAfter.Milliseconds(), AnswerWithinMS: t.AnswerWithin.Milliseconds()}), nil
}

// RunAttendance judges whether somebody sits before a console until ctx ends.
func (s *Server) RunAttendance(ctx context.Context) error { return s.attendance.run(ctx) }

// tell journals an event of the front door and waits until it is durable.
func (s *Server) tell(ctx context.Context, d watch.Draft) error {
	receipt, err := s.opt.Journal.Append(ctx, d)
	if err != nil {
		return err
	}
	return receipt.Wait(ctx)
}

// longestMute is how long sounds may be off at a time.
const longestMute = 120

// Mute switches the sounds of a console off for a while.
type Mute struct {
	Console string `json:"console" minLength:"8" maxLength:"40" pattern:"^[a-z0-9][a-z0-9-]*$"`
	Seconds int    `json:"seconds" minimum:"0" maximum:"120" doc:"0: on again"`
}

// Muted says until when a console is quiet.
type Muted struct {
	Until watch.Time `json:"until"`
}

type mutedBody struct {
	Console string `json:"console"`
	Seconds int    `json:"seconds,omitempty"`
	Until   string `json:"until,omitempty"`
}

// mute journals that sounds are off; what is critical stays loud, so it is refused while such an alert waits.
func (s *Server) mute(ctx context.Context, in *struct{ Body Mute }) (*reply[Muted], error) {
	who, b := callerOf(ctx), in.Body
	until := s.now().Add(time.Duration(min(b.Seconds, longestMute)) * time.Second)
	if b.Seconds == 0 {
		return answered(Muted{Until: watch.Time{Time: until}}), s.tell(ctx, draftOf(kindUnmuted, b.Console, who.ID, mutedBody{Console: b.Console}))
	}
	open, err := s.opt.Desk.OpenIncidents(ctx)
	if err != nil {
		return nil, err
	}
	for i := range open {
		if criticalWaits(&open[i]) {
			return nil, problem(http.StatusConflict, "critical_waits", "a critical alert waits in incident %s; accept it, it cannot be muted", open[i].Number)
		}
	}
	body := mutedBody{Console: b.Console, Seconds: b.Seconds, Until: watch.FormatTime(until)}
	return answered(Muted{Until: watch.Time{Time: until}}), s.tell(ctx, draftOf(kindMuted, b.Console, who.ID, body))
}

// criticalWaits reports whether a critical alert of an incident is not accepted.
func criticalWaits(in *incident.Incident) bool {
	for i := range in.Alerts {
		if in.Alerts[i].Priority == watch.Critical && in.Alerts[i].AcknowledgedAt.IsZero() {
			return true
		}
	}
	return in.Priority == watch.Critical && in.AcknowledgedAt.IsZero()
}

func consoleRoutes() []route {
	const tag = "console"
	return []route{
		{method: get, path: prefix + "/contacts", right: auth.RightLiveConsole, id: "list-contacts", about: "How the parties that action cards name are reached", tag: tag, serve: call((*Server).listContacts)},
		{method: post, path: prefix + "/console/presence", right: auth.RightAcceptAlert, id: "console-presence", about: "A console's heartbeat, with the time since the last key or touch", tag: tag, serve: call((*Server).present)},
		{method: post, path: prefix + "/console/mute", right: auth.RightAcceptAlert, id: "mute-console", about: "Sounds below critical off for at most two minutes; an event", tag: tag, serve: call((*Server).mute)},
	}
}
