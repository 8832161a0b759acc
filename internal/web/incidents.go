package web

import (
	"context"
	"errors"
	"net/http"

	"siaga/internal/auth"
	"siaga/internal/incident"
	"siaga/internal/watch"
)

type alertQuery struct {
	State    string `query:"state" enum:"active,cleared"`
	Priority string `query:"priority" enum:"info,caution,important,critical"`
	Rule     string `query:"rule" maxLength:"128"`
	Zone     string `query:"zone" maxLength:"63"`
	Device   string `query:"device" maxLength:"63"`
	Incident string `query:"incident" maxLength:"64"`
	After    string `query:"after" maxLength:"64"`
	Limit    int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (s *Server) listAlerts(ctx context.Context, in *alertQuery) (*reply[list[incident.Alert]], error) {
	alerts, err := s.opt.Desk.Alerts(ctx, incident.AlertFilter{
		State: in.State, Priority: watch.Priority(in.Priority), Rule: in.Rule, Zone: in.Zone, Device: in.Device,
		Incident: in.Incident, After: in.After, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := list[incident.Alert]{Items: []incident.Alert{}}
	if len(alerts) == in.Limit {
		out.Next = alerts[len(alerts)-1].ID
	}
	who := callerOf(ctx)
	for _, a := range alerts {
		if who.concerns(a.Category) {
			out.Items = append(out.Items, a)
		}
	}
	return answered(out), nil
}

// CaseID is the id of an alert or incident in a path; incidents go by their number too.
type CaseID struct {
	ID string `path:"id" maxLength:"64" pattern:"^[0-9a-z-]{1,64}$"`
}

func (s *Server) getAlert(ctx context.Context, in *CaseID) (*reply[incident.Alert], error) {
	a, err := s.opt.Desk.Alert(ctx, in.ID)
	if err == nil && !callerOf(ctx).concerns(a.Category) {
		err = notFound("alert", in.ID)
	}
	if err != nil {
		return nil, caseError(err)
	}
	return answered(a), nil
}

// Act is what a person wants done. Which fields are needed depends on the act.
type Act struct {
	Note   string   `json:"note,omitempty" maxLength:"4000"`
	Reason string   `json:"reason,omitempty" maxLength:"4000" doc:"false-alarm, duplicate, drill, reopen, split, merge"`
	Cause  string   `json:"cause,omitempty" maxLength:"4000" doc:"resolve; needed when critical"`
	Action string   `json:"action,omitempty" maxLength:"4000" doc:"resolve; needed when critical"`
	To     string   `json:"to,omitempty" maxLength:"128" doc:"escalate: a role or a person id"`
	Of     string   `json:"of,omitempty" maxLength:"64" doc:"duplicate and merge: the other incident, by id or number"`
	Alerts []string `json:"alerts,omitempty" maxItems:"1000" doc:"split"`
}

type actInput struct {
	CaseID
	Body Act
}

// act makes the handler of one thing that people do to incidents, or to the incident of an alert.
func act(verb incident.Verb, byAlert bool) endpoint {
	return call(func(s *Server, ctx context.Context, in *actInput) (*reply[incident.Incident], error) {
		who, b := callerOf(ctx), in.Body
		a := incident.Act{
			Verb: verb, Actor: who.ID, Note: b.Note, Reason: b.Reason, Cause: b.Cause, Action: b.Action, To: b.To, Of: b.Of, Alerts: b.Alerts,
		}
		if a.Incident = in.ID; byAlert {
			a.Incident, a.Alert = "", in.ID
		}
		if p := s.mayAct(ctx, who, a); p != nil {
			return nil, p
		}
		after, err := s.opt.Desk.Do(ctx, a)
		if err != nil {
			return nil, s.actError(err)
		}
		after.Alerts, after.Devices = orNone(after.Alerts), orNone(after.Devices)
		return answered(after), nil
	})
}

// mayAct checks what the right alone does not say: IT security handles its own category only, and a critical incident
// is closed by who may close critical ones.
func (s *Server) mayAct(ctx context.Context, who *caller, a incident.Act) error {
	if who.concerns("") && (a.Verb != incident.Close || who.can(auth.RightCloseCritical)) {
		return nil
	}
	id := a.Incident
	if a.Alert != "" {
		alert, err := s.opt.Desk.Alert(ctx, a.Alert)
		if err != nil {
			return caseError(err)
		}
		if !who.concerns(alert.Category) {
			return notFound("alert", a.Alert)
		}
		return nil
	}
	d, err := s.opt.Desk.Detail(ctx, id)
	if err != nil {
		return caseError(err)
	}
	if !who.concerns(d.Incident.Category) {
		return notFound("incident", id)
	}
	if a.Verb == incident.Close && d.Incident.Priority == watch.Critical && !who.can(auth.RightCloseCritical) {
		return forbidden(who, auth.RightCloseCritical)
	}
	return nil
}

// caseError says what an error of the incident room means.
func caseError(err error) error {
	if errors.Is(err, incident.ErrNotFound) {
		return problem(http.StatusNotFound, "not_found", "there is no such alert or incident")
	}
	return err
}

func (s *Server) actError(err error) error {
	var taken *incident.TakenError
	var state *incident.StateError
	var field *incident.FieldError
	var stale *incident.StaleError
	switch {
	case errors.As(err, &stale):
		p := problem(http.StatusConflict, "conflict", "%s", stale.Error())
		p.By, p.ByName, p.At = stale.By, s.opt.Auth.Name(stale.By), watch.Time{Time: stale.At}
		return p
	case errors.As(err, &taken):
		p := problem(http.StatusConflict, "taken", "%s", taken.Error())
		p.State, p.By, p.ByName, p.At = taken.State, taken.By, s.opt.Auth.Name(taken.By), watch.Time{Time: taken.At}
		return p
	case errors.As(err, &state):
		p := problem(http.StatusConflict, "wrong_state", "%s", state.Error())
		p.State = state.State
		if state.By != "" {
			p.By, p.ByName, p.At = state.By, s.opt.Auth.Name(state.By), watch.Time{Time: state.At}
		}
		return p
	case errors.As(err, &field):
		return badField("body."+field.Field, "%s", field.Why)
	case errors.Is(err, incident.ErrSecondPerson):
		return problem(http.StatusForbidden, "second_person", "%s", err.Error())
	}
	return caseError(err)
}

// cases are the scopes with which the history shows alerts and incidents.
var cases = []auth.Scope{auth.ScopeFull, auth.ScopeCyber}

func incidentRoutes() []route {
	const tag = "incidents"
	out := []route{
		{method: get, path: prefix + "/alerts", right: auth.RightEvents, scopes: cases, id: "list-alerts", about: "Alerts, newest first", tag: tag, serve: call((*Server).listAlerts)},
		{method: get, path: prefix + "/alerts/{id}", right: auth.RightEvents, scopes: cases, id: "get-alert", about: "One alert", tag: tag, serve: call((*Server).getAlert)},
		{method: post, path: prefix + "/alerts/{id}/acknowledge", right: auth.RightAcceptAlert, id: "acknowledge-alert", about: "Accept the alert's incident; the first wins", tag: tag, serve: act(incident.Acknowledge, true)},
		{method: get, path: prefix + "/incidents", right: auth.RightEvents, scopes: cases, id: "list-incidents", about: "Incidents, newest first", tag: tag, serve: call((*Server).listIncidents)},
		{method: get, path: prefix + "/incidents/summary", right: auth.RightEvents, scopes: cases, id: "summarise-incidents", about: "Counts of a period and the one before, and how long incidents waited", tag: tag, serve: call((*Server).summariseIncidents)},
		{method: get, path: prefix + "/incidents/{id}", right: auth.RightEvents, scopes: cases, id: "get-incident", about: "One incident, by id or number, with acts and timeline", tag: tag, serve: call((*Server).getIncident)},
	}
	out = append(
		out,
		route{method: post, path: prefix + "/incidents/{id}/report", right: auth.RightAcceptAlert, id: "report-incident", about: "Write the report (Lapdi), whole; 409 when somebody else wrote meanwhile", tag: tag, serve: call((*Server).reportIncident)},
		route{method: post, path: prefix + "/incidents/{id}/reference", right: auth.RightAcceptAlert, or: auth.RightCloseCritical, id: "refer-incident", about: "Note another office's number", tag: tag, serve: call((*Server).referIncident)},
	)
	for _, v := range []struct {
		name  string
		verb  incident.Verb
		right auth.Right
		or    auth.Right
		about string
	}{
		{"acknowledge", incident.Acknowledge, auth.RightAcceptAlert, "", "Accept; the first wins"},
		{"respond", incident.Respond, auth.RightAcceptAlert, "", "Being handled"},
		{"escalate", incident.Escalate, auth.RightAcceptAlert, "", "Pass up"},
		{"note", incident.Note, auth.RightAcceptAlert, "", "Write a note"},
		{"resolve", incident.Resolve, auth.RightAcceptAlert, "", "Resolved; critical needs cause and action"},
		{"close", incident.Close, auth.RightCloseCritical, auth.RightAcceptAlert, "Close after review; critical: by another person than the resolver"},
		{"false-alarm", incident.FalseAlarm, auth.RightAcceptAlert, "", "It was none; needs a reason"},
		{"duplicate", incident.Duplicate, auth.RightAcceptAlert, "", "It is another one; needs a reason"},
		{"drill", incident.Drill, auth.RightAcceptAlert, "", "It was a drill; needs a reason"},
		{"reopen", incident.Reopen, auth.RightAcceptAlert, "", "Work on it again; needs a reason"},
		{"split", incident.Split, auth.RightAcceptAlert, "", "Give some alerts an incident of their own"},
		{"merge", incident.Merge, auth.RightAcceptAlert, "", "Take another incident's alerts in"},
	} {
		out = append(out, route{
			method: post, path: prefix + "/incidents/{id}/" + v.name, right: v.right, or: v.or, id: v.name + "-incident", about: v.about, tag: tag, serve: act(v.verb, false),
		})
	}
	return out
}
