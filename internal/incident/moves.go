package incident

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"siaga/internal/watch"
)

// move checks one verb against an incident and changes it. It may refuse; it MUST NOT write.
type move func(w *work, a *Act, in *Incident, body *actBody, now watch.Time) error

var moves = map[Verb]move{
	Acknowledge: acknowledge, Respond: respond, Escalate: escalate, Resolve: resolve, Close: closing, Reopen: reopen,
	FalseAlarm: exit(watch.StateFalseAlarm), Drill: exit(watch.StateDrill), Duplicate: duplicate,
	Note: func(*work, *Act, *Incident, *actBody, watch.Time) error { return nil }, Split: split, Merge: merge,
	WriteReport: writeReport, Refer: refer,
}

// from refuses an act unless the incident is in one of the states.
func (in *Incident) from(v Verb, why string, states ...watch.State) error {
	if slices.Contains(states, in.State) {
		return nil
	}
	err := &StateError{Number: in.Number, State: in.State, Verb: v, Why: why}
	switch in.State {
	case watch.StateAcknowledged:
		err.By, err.At = in.AcknowledgedBy, in.AcknowledgedAt.Time
	case watch.StateHandling:
		err.By = in.HandledBy // since when, Do finds out
	case watch.StateClosed:
		err.By, err.At = in.ClosedBy, in.ClosedAt.Time
	case watch.StateResolved, watch.StateFalseAlarm, watch.StateDuplicate, watch.StateDrill:
		err.By, err.At = in.ResolvedBy, in.ResolvedAt.Time
	}
	return err
}

// taken refuses an act whose outcome somebody has brought about already.
func (in *Incident) taken(err error, outcome watch.State) error {
	var state *StateError
	if !errors.As(err, &state) || in.State != outcome || state.By == "" {
		return err
	}
	return &TakenError{Number: in.Number, State: outcome, By: state.By, At: state.At}
}

// unseen counts the incident's alerts of at least a priority that nobody has accepted.
func (w *work) unseen(in *Incident, least watch.Priority) (int, error) {
	var n int
	err := w.tx.QueryRowContext(w.ctx, `SELECT count(*) FROM alerts WHERE incident = ? AND incident <> '' AND acknowledged_at = 0 AND priority >= ?`,
		in.ID, rank(least)).Scan(&n)
	return n, err
}

// acknowledge: the first acceptance wins. Important alerts that joined since are accepted anew; lesser ones are covered
// by the first, or a gap in a recording would make everybody first.
func acknowledge(w *work, a *Act, in *Incident, _ *actBody, now watch.Time) error {
	if err := in.from(a.Verb, "it needs no acceptance any more; reopen it to work on it", watch.StateNew, watch.StateAcknowledged,
		watch.StateHandling, watch.StateEscalated); err != nil {
		return err
	}
	if in.AcknowledgedBy != "" {
		waiting, err := w.unseen(in, watch.Important)
		if err != nil {
			return err
		}
		if waiting == 0 {
			return &TakenError{Number: in.Number, State: watch.StateAcknowledged, By: in.AcknowledgedBy, At: in.AcknowledgedAt.Time}
		}
		return nil
	}
	in.AcknowledgedBy, in.AcknowledgedAt = a.Actor, now
	if in.State == watch.StateNew {
		in.State = watch.StateAcknowledged
	}
	return nil
}

func respond(_ *work, a *Act, in *Incident, _ *actBody, _ watch.Time) error {
	if err := in.from(a.Verb, "accept it first", watch.StateAcknowledged, watch.StateEscalated); err != nil {
		return in.taken(err, watch.StateHandling)
	}
	in.State, in.HandledBy = watch.StateHandling, a.Actor
	return nil
}

func escalate(_ *work, a *Act, in *Incident, _ *actBody, _ watch.Time) error {
	err := in.from(a.Verb, "only an open incident is passed up", watch.StateNew, watch.StateAcknowledged, watch.StateHandling, watch.StateEscalated)
	in.State, in.EscalatedTo = watch.StateEscalated, a.To
	in.Escalations++
	return err
}

// endable refuses to end an incident with a critical alert that nobody has accepted: it may have joined a moment ago.
func endable(w *work, a *Act, in *Incident) error {
	if err := in.from(a.Verb, "only an open incident can be ended", watch.StateNew, watch.StateAcknowledged, watch.StateHandling, watch.StateEscalated); err != nil {
		return err
	}
	waiting, err := w.unseen(in, watch.Critical)
	if err == nil && waiting > 0 {
		err = &StateError{Number: in.Number, State: in.State, Verb: a.Verb, Why: fmt.Sprintf("%d critical alerts in it are not accepted yet; accept it first", waiting)}
	}
	return err
}

func resolve(w *work, a *Act, in *Incident, _ *actBody, now watch.Time) error {
	if err := endable(w, a, in); err != nil {
		return in.taken(err, watch.StateResolved)
	}
	if in.State == watch.StateNew {
		return &StateError{Number: in.Number, State: in.State, Verb: a.Verb, Why: "accept it first"}
	}
	if in.Priority == watch.Critical {
		if strings.TrimSpace(a.Cause) == "" {
			return &FieldError{"cause", "a critical incident needs its cause"}
		}
		if strings.TrimSpace(a.Action) == "" {
			return &FieldError{"action", "a critical incident needs what was done"}
		}
	}
	in.State, in.ResolvedBy, in.ResolvedAt = watch.StateResolved, a.Actor, now
	return nil
}

func closing(_ *work, a *Act, in *Incident, _ *actBody, now watch.Time) error {
	if err := in.from(a.Verb, "only a resolved incident is closed", watch.StateResolved); err != nil {
		return in.taken(err, watch.StateClosed)
	}
	if in.Priority == watch.Critical && in.ResolvedBy == a.Actor {
		return ErrSecondPerson
	}
	in.State, in.ClosedBy, in.ClosedAt = watch.StateClosed, a.Actor, now
	return nil
}

// exit ends an incident without it having been one.
func exit(state watch.State) move {
	return func(w *work, a *Act, in *Incident, _ *actBody, now watch.Time) error {
		if err := endable(w, a, in); err != nil {
			return in.taken(err, state)
		}
		in.State, in.ResolvedBy, in.ResolvedAt = state, a.Actor, now
		return nil
	}
}

func duplicate(w *work, a *Act, in *Incident, body *actBody, now watch.Time) error {
	other, err := w.other(a, in)
	if err != nil {
		return err
	}
	in.DuplicateOf, body.Of = other.ID, other.ID
	return exit(watch.StateDuplicate)(w, a, in, body, now)
}

// other reads the second incident of an act.
func (w *work) other(a *Act, in *Incident) (Incident, error) {
	other, err := findIncident(w.ctx, w.tx, a.Of)
	if err == nil && other.ID == in.ID {
		err = &FieldError{"of", "an incident has nothing to do with itself here; name the other one"}
	}
	return other, err
}

func reopen(_ *work, a *Act, in *Incident, _ *actBody, _ watch.Time) error {
	err := in.from(a.Verb, "it is open already", watch.StateResolved, watch.StateClosed, watch.StateFalseAlarm, watch.StateDuplicate, watch.StateDrill)
	in.State, in.HandledBy, in.DuplicateOf = watch.StateHandling, a.Actor, ""
	in.ResolvedBy, in.ResolvedAt, in.ClosedBy, in.ClosedAt = "", watch.Time{}, "", watch.Time{}
	return err
}

func split(w *work, a *Act, in *Incident, body *actBody, _ watch.Time) error {
	if err := in.from(a.Verb, "only an open incident is split", watch.StateNew, watch.StateAcknowledged, watch.StateHandling, watch.StateEscalated); err != nil {
		return err
	}
	slices.Sort(a.Alerts)
	a.Alerts = slices.Compact(a.Alerts)
	for _, id := range a.Alerts {
		alert, err := findAlert(w.ctx, w.tx, id)
		if err != nil {
			return err
		}
		if alert.Incident != in.ID {
			return &FieldError{"alerts", fmt.Sprintf("alert %s is not in incident %s", id, in.Number)}
		}
	}
	if len(a.Alerts) >= in.AlertCount {
		return &FieldError{"alerts", "at least one alert must stay"}
	}
	id, err := newID()
	body.Of, body.Alerts = id, a.Alerts
	return err
}

func merge(w *work, a *Act, in *Incident, body *actBody, _ watch.Time) error {
	open := []watch.State{watch.StateNew, watch.StateAcknowledged, watch.StateHandling, watch.StateEscalated}
	if err := in.from(a.Verb, "only open incidents are merged", open...); err != nil {
		return err
	}
	other, err := w.other(a, in)
	if err != nil {
		return err
	}
	body.Of = other.ID
	return other.from(a.Verb, "only open incidents are merged", open...)
}

// accept marks the incident's alerts as seen by the person.
func (w *work) accept(in Incident, actor string, now watch.Time) error {
	waiting, err := selectAlerts(w.ctx, w.tx, `WHERE incident = ? AND incident <> '' AND acknowledged_at = 0 ORDER BY id`, in.ID)
	if err != nil {
		return err
	}
	for _, alert := range waiting {
		alert.AcknowledgedBy, alert.AcknowledgedAt = actor, now
		if err := w.journal(KindUpdated, alert); err != nil {
			return err
		}
	}
	return nil
}

// end clears the alerts that people end; one whose condition shows its own end stays active until then.
func (w *work) end(in Incident, actor string, now watch.Time) error {
	alerts, err := selectAlerts(w.ctx, w.tx, `WHERE incident = ? AND incident <> '' AND (acknowledged_at = 0 OR active = 1 AND holds = 0) ORDER BY id`, in.ID)
	if err != nil {
		return err
	}
	for _, alert := range alerts {
		kind := KindUpdated
		if alert.AcknowledgedBy == "" {
			alert.AcknowledgedBy, alert.AcknowledgedAt = actor, now
		}
		if alert.active() && !alert.Holds {
			kind = KindCleared
			alert.State, alert.ClearedAt, alert.ClearedBy = Cleared, now, ByAct
		}
		if err := w.journal(kind, alert); err != nil {
			return err
		}
	}
	return nil
}

// splitOff moves the alerts named into a new incident of the same state.
func (w *work) splitOff(a Act, from Incident, id string, now watch.Time) error {
	first, err := findAlert(w.ctx, w.tx, a.Alerts[0])
	if err != nil {
		return err
	}
	in := from
	in.ID, in.OpenedAt, in.UpdatedAt = id, first.RaisedAt, now
	in.Category, in.Code, in.Rule, in.Title = first.Category, first.Code, first.Rule, first.Title
	in.Zone, in.Device = first.Zone, first.Device
	if in.Number, err = w.number(now.Time); err != nil {
		return err
	}
	if err := w.reassign(a.Alerts, id); err != nil {
		return err
	}
	return w.journalIncident(KindOpened, in)
}

// mergeIn moves the alerts of another incident here and ends that one as its duplicate.
func (w *work) mergeIn(a Act, into Incident, other string, now watch.Time) error {
	alerts, err := selectAlerts(w.ctx, w.tx, `WHERE incident = ? AND incident <> '' ORDER BY id`, other)
	if err != nil {
		return err
	}
	var ids []string
	for _, alert := range alerts {
		ids = append(ids, alert.ID)
	}
	if err := w.reassign(ids, into.ID); err != nil {
		return err
	}
	gone, err := findIncident(w.ctx, w.tx, other)
	if err != nil {
		return err
	}
	gone.State, gone.DuplicateOf, gone.ResolvedBy, gone.ResolvedAt, gone.UpdatedAt = watch.StateDuplicate, into.ID, a.Actor, now, now
	return w.journalIncident(KindChanged, gone)
}

func (w *work) reassign(alerts []string, incident string) error {
	for _, id := range alerts {
		alert, err := findAlert(w.ctx, w.tx, id)
		if err != nil {
			return err
		}
		alert.Incident = incident
		if err := w.journal(KindUpdated, alert); err != nil {
			return err
		}
	}
	return nil
}
