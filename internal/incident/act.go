package incident

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Verb is what a person does to an incident. Its value is the kind of the event.
type Verb string

// Verbs.
const (
	Acknowledge Verb = "act.acknowledged"
	Respond     Verb = "act.responded"
	Escalate    Verb = "act.escalated"
	Resolve     Verb = "act.resolved"
	Close       Verb = "act.closed"
	FalseAlarm  Verb = "act.false_alarm"
	Duplicate   Verb = "act.duplicate"
	Drill       Verb = "act.drill"
	Reopen      Verb = "act.reopened"
	Note        Verb = "act.noted"
	Split       Verb = "act.split"
	Merge       Verb = "act.merged"
)

// Act is what a person wants done. Which fields are needed depends on the verb.
type Act struct {
	Verb     Verb
	Incident string // id or number
	Alert    string // instead of Incident: the incident of this alert
	Actor    string // person id; MUST be a signed-in person's

	Note   string   // free text, with any verb; needed to note
	Reason string   // false alarm, duplicate, drill, reopen, split, merge
	Cause  string   // resolve; needed when critical
	Action string   // resolve; needed when critical
	To     string   // escalate: a role or a person id
	Of     string   // duplicate: the incident that stays, by id or number. merge: the one that is merged in and ends
	Alerts []string // split: the alerts that go into an incident of their own

	Report    *Report    // write report
	Base      uint64     // sequence of the report that the writer had read, 0 if there was none
	Reference *Reference // refer
}

// MaxText is the largest free text of an act, in characters: what a screen counts too.
const MaxText = 4000

// TakenError says that somebody else was first: the act's outcome is there already.
type TakenError struct {
	Number string      // of the incident
	State  watch.State // acknowledged for an acceptance, else what the incident has become
	By     string      // person id
	At     time.Time
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("incident %s: %s by %s at %s", e.Number, e.State, e.By, watch.FormatTime(e.At))
}

// StateError says that an act does not go with the incident's state.
type StateError struct {
	Number string
	State  watch.State
	Verb   Verb
	Why    string // what to do instead
	By     string // person id of who made the state, if a person did
	At     time.Time
}

func (e *StateError) Error() string {
	return fmt.Sprintf("incident %s is %s: %s", e.Number, e.State, e.Why)
}

// FieldError names a field of an act that is missing or wrong. It wraps watch.ErrInvalid.
type FieldError struct {
	Field string // as in the API: "cause", "reason", "of"
	Why   string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Why }
func (e *FieldError) Unwrap() error { return watch.ErrInvalid }

// ErrSecondPerson means that a critical incident is closed by another person than the one who resolved it.
var ErrSecondPerson = errors.New("a critical incident is closed by a second person, not by the one who resolved it")

// actBody is the body of act.* events.
type actBody struct {
	Incident string      `json:"incident"`
	Number   string      `json:"number"`
	From     watch.State `json:"from"`
	To       watch.State `json:"state"`
	Alert    string      `json:"alert,omitempty"`
	Note     string      `json:"note,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	Cause    string      `json:"cause,omitempty"`
	Action   string      `json:"action,omitempty"`
	ToWhom   string      `json:"to,omitempty"`
	Of       string      `json:"of,omitempty"`     // duplicate of, merged in, or split off
	Alerts   []string    `json:"alerts,omitempty"` // that moved

	Report    *Report    `json:"report,omitempty"`
	Reference *Reference `json:"reference,omitempty"`
}

// Do does what a person wants and returns the incident as it stands then, all in one transaction. For an alert without an
// incident it returns one without an id. Errors: ErrNotFound, *TakenError, *StateError, *FieldError, ErrSecondPerson.
func (d *Desk) Do(ctx context.Context, a Act) (Incident, error) {
	if err := a.check(); err != nil {
		return Incident{}, err
	}
	var after, before Incident
	err := d.opt.Log.Commit(ctx, func(tx *sql.Tx, add journal.Appender) error {
		w := d.work(ctx, tx, add)
		w.actor = a.Actor
		in, alert, err := w.target(a)
		if err != nil {
			return err
		}
		if in.ID == "" {
			return w.acceptAlone(a, alert)
		}
		before = in
		if err := w.do(a, in); err != nil {
			return err
		}
		if after, err = findIncident(ctx, tx, in.ID); err != nil {
			return err
		}
		return fill(ctx, tx, &after, Shown)
	})
	if err != nil {
		return Incident{}, d.dated(ctx, before, err)
	}
	return after, nil
}

// dated says in a refusal since when somebody is handling the incident; the incident itself does not know.
func (d *Desk) dated(ctx context.Context, in Incident, refusal error) error {
	if in.State != watch.StateHandling {
		return refusal
	}
	events, err := d.opt.Log.Events(ctx, journal.Query{
		Subject: in.ID, Kinds: []string{string(Respond), string(Reopen)}, Actor: in.HandledBy, Newest: true, Limit: 1,
	})
	if err != nil || len(events) == 0 {
		return errors.Join(refusal, err)
	}
	var taken *TakenError
	var state *StateError
	if errors.As(refusal, &taken) {
		taken.At = events[0].At
	} else if errors.As(refusal, &state) {
		state.At = events[0].At
	}
	return refusal
}

// check refuses what is wrong whatever the incident.
func (a *Act) check() error {
	if a.Actor == "" {
		return &FieldError{"actor", "an act needs a person"}
	}
	for _, f := range [...]struct{ name, v string }{
		{"note", a.Note}, {"reason", a.Reason}, {"cause", a.Cause}, {"action", a.Action},
	} {
		if utf8.RuneCountInString(f.v) > MaxText || !utf8.ValidString(f.v) {
			return &FieldError{f.name, fmt.Sprintf("at most %d characters of text", MaxText)}
		}
	}
	if len(a.To) > 128 || len(a.Of) > 128 || len(a.Alerts) > 1000 {
		return &FieldError{"to", "at most 128 bytes"}
	}
	needs := map[Verb]string{
		FalseAlarm: "reason", Duplicate: "reason", Drill: "reason", Reopen: "reason", Split: "reason", Merge: "reason", Note: "note",
	}
	switch needs[a.Verb] {
	case "reason":
		if strings.TrimSpace(a.Reason) == "" {
			return &FieldError{"reason", "say why in a few words"}
		}
	case "note":
		if strings.TrimSpace(a.Note) == "" {
			return &FieldError{"note", "an empty note says nothing"}
		}
	}
	if (a.Verb == Duplicate || a.Verb == Merge) && a.Of == "" {
		return &FieldError{"of", "name the other incident by its number"}
	}
	if a.Verb == Split && len(a.Alerts) == 0 {
		return &FieldError{"alerts", "name the alerts that go into an incident of their own"}
	}
	return a.checkWritten()
}

// target reads the incident that an act is about, and the alert if it came by one.
func (w *work) target(a Act) (Incident, Alert, error) {
	if a.Alert == "" {
		in, err := findIncident(w.ctx, w.tx, a.Incident)
		return in, Alert{}, err
	}
	alert, err := findAlert(w.ctx, w.tx, a.Alert)
	if err != nil || alert.Incident == "" {
		return Incident{}, alert, err
	}
	in, err := findIncident(w.ctx, w.tx, alert.Incident)
	return in, alert, err
}

// acceptAlone accepts an info alert that belongs to no incident; nothing else can be done to one.
func (w *work) acceptAlone(a Act, alert Alert) error {
	if a.Verb != Acknowledge {
		return &FieldError{"alert", "it belongs to no incident; it can only be acknowledged"}
	}
	if alert.AcknowledgedBy != "" {
		return &TakenError{Number: alert.ID, State: watch.StateAcknowledged, By: alert.AcknowledgedBy, At: alert.AcknowledgedAt.Time}
	}
	alert.AcknowledgedBy, alert.AcknowledgedAt = a.Actor, cut(watch.Time{Time: w.d.now()})
	body, err := json.Marshal(actBody{Alert: alert.ID, Note: a.Note})
	if err != nil {
		return err
	}
	if _, err := w.add(watch.Draft{Kind: string(Acknowledge), Device: alert.Device, Zone: alert.Zone, Subject: alert.ID, Actor: a.Actor, Body: body}); err != nil {
		return err
	}
	return w.journal(KindUpdated, alert)
}

// do changes an incident: the act's own event, then its alerts', then its own.
func (w *work) do(a Act, in Incident) error {
	now := cut(watch.Time{Time: w.d.now()})
	body := actBody{
		Incident: in.ID, Number: in.Number, From: in.State, Alert: a.Alert, Note: a.Note, Reason: a.Reason, Cause: a.Cause,
		Action: a.Action, ToWhom: a.To,
	}
	after := in
	move, ok := moves[a.Verb]
	if !ok {
		return &FieldError{"verb", fmt.Sprintf("there is no act %.40q", a.Verb)}
	}
	if err := move(w, &a, &after, &body, now); err != nil {
		return err
	}
	body.To = after.State
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if _, err := w.add(watch.Draft{Kind: string(a.Verb), Device: in.Device, Zone: in.Zone, Subject: in.ID, Actor: a.Actor, Body: raw}); err != nil {
		return err
	}
	if a.Verb == Note || a.Verb == WriteReport || a.Verb == Refer {
		return nil // the incident itself did not change
	}
	if err := w.follow(a, in, after, body, now); err != nil {
		return err
	}
	after.UpdatedAt = now
	if err := w.journalIncident(KindChanged, after); err != nil {
		return err
	}
	return w.tell()
}

// follow does to the alerts what the act means for them.
func (w *work) follow(a Act, before, after Incident, body actBody, now watch.Time) error {
	switch {
	case a.Verb == Acknowledge:
		return w.accept(after, a.Actor, now)
	case a.Verb == Split:
		return w.splitOff(a, after, body.Of, now)
	case a.Verb == Merge:
		return w.mergeIn(a, after, body.Of, now)
	case before.State.Open() && !after.State.Open():
		return w.end(after, a.Actor, now)
	}
	return nil
}
