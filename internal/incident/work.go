package incident

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// work is one transaction on alerts and incidents. Rows are written only by the projection, through the events added.
type work struct {
	d     *Desk
	ctx   context.Context
	tx    *sql.Tx
	add   journal.Appender
	actor string
	// touched are incidents to be told of once at the end, however many alerts joined; at is when.
	touched []string
	at      map[string]time.Time
}

func (d *Desk) work(ctx context.Context, tx *sql.Tx, add journal.Appender) *work {
	return &work{d: d, ctx: ctx, tx: tx, add: add, at: map[string]time.Time{}}
}

// togetherWithin is how close alerts of a zone are one incident.
const togetherWithin = 60 * time.Second

// claim turns what a rule says into what happens to the alerts.
func (w *work) claim(c watch.Claim) error {
	a, found, err := one(selectAlerts(w.ctx, w.tx, `WHERE key = ? AND active = 1`, c.Key))
	if err != nil {
		return err
	}
	switch {
	case c.Clear && found:
		return w.clear(a, c)
	case c.Clear:
		return nil
	case found:
		return w.update(a, c)
	}
	last, found, err := one(selectAlerts(w.ctx, w.tx, `WHERE key = ? ORDER BY raised_at DESC, id DESC LIMIT 1`, c.Key))
	if err != nil {
		return err
	}
	if found {
		within := c.Window > 0 && c.At.Sub(last.UpdatedAt.Time) < c.Window
		if c.Repeat && (within || c.Window == 0) {
			return nil
		}
		if within && last.ClearedBy != ByAct {
			still, err := w.stillOpen(last.Incident)
			if err != nil {
				return err
			}
			if still {
				return w.update(last, c)
			}
		}
	}
	return w.raise(c)
}

// stillOpen reports whether an alert's incident still wants people; no incident counts as open.
func (w *work) stillOpen(id string) (bool, error) {
	if id == "" {
		return true, nil
	}
	i, err := findIncident(w.ctx, w.tx, id)
	return err == nil && i.State.Open(), err
}

// raise makes an alert and puts it into an incident.
func (w *work) raise(c watch.Claim) error {
	a := Alert{
		Rule: c.Rule, Key: c.Key, Code: c.Code, Category: c.Category, Priority: c.Priority, Title: c.Title, Device: c.Device,
		Zone: c.Zone, Subject: c.Subject, Alias: c.Alias, State: Active, RaisedAt: watch.Time{Time: c.At},
		UpdatedAt: watch.Time{Time: c.At}, Count: max(1, c.Count), CauseSeq: c.Cause, LastSeq: c.Cause,
		WindowMS: c.Window.Milliseconds(), Holds: c.Holds,
	}
	var err error
	if a.ID, err = newID(); err != nil {
		return err
	}
	return w.place(a, KindRaised)
}

// place finds or opens the incident of an alert and journals the alert. An info alert opens none.
func (w *work) place(a Alert, kind string) error {
	in, found, err := w.group(a)
	if err != nil {
		return err
	}
	switch {
	case found:
		a.Incident = in.ID
		w.touch(in.ID, a.UpdatedAt.Time)
		return w.journal(kind, a)
	case a.Priority == watch.Info:
		a.Incident = ""
		return w.journal(kind, a)
	}
	in = Incident{
		State: watch.StateNew, Priority: a.Priority, Category: a.Category, Code: a.Code, Rule: a.Rule, Title: a.Title, Zone: a.Zone,
		Device: a.Device, OpenedAt: a.UpdatedAt, UpdatedAt: a.UpdatedAt,
	}
	if in.ID, err = newID(); err != nil {
		return err
	}
	if in.Number, err = w.number(in.OpenedAt.Time); err != nil {
		return err
	}
	a.Incident = in.ID
	if err := w.journal(kind, a); err != nil {
		return err
	}
	return w.journalIncident(KindOpened, in)
}

// group finds the open incident that an alert belongs to: the one with its key, one of its zone with an alert within a minute,
// or a critical one of its zone or of a zone around it. It asks the alerts, since the incidents are told only at the end of
// a transaction and what belongs together must not depend on how events were batched.
func (w *work) group(a Alert) (Incident, bool, error) {
	in, ok, err := one(selectIncidents(w.ctx, w.tx, `WHERE open = 1 AND id IN (SELECT incident FROM alerts WHERE key = ?) ORDER BY number DESC LIMIT 1`, a.Key))
	if err != nil || ok || a.Zone == "" {
		return in, ok, err
	}
	t := watch.Millis(a.UpdatedAt.Time)
	in, ok, err = one(selectIncidents(w.ctx, w.tx, `WHERE open = 1 AND zone = ?
		AND EXISTS (SELECT 1 FROM alerts a WHERE a.incident = incidents.id AND a.incident <> '' AND a.updated_at BETWEEN ? AND ?)
		ORDER BY number DESC LIMIT 1`,
		a.Zone, t-togetherWithin.Milliseconds(), t+togetherWithin.Milliseconds()))
	if err != nil || ok {
		return in, ok, err
	}
	zones := w.d.opt.Site.Lineage(a.Zone)
	if len(zones) == 0 {
		zones = []string{a.Zone}
	}
	var args []any
	for _, z := range zones {
		args = append(args, z)
	}
	return one(selectIncidents(w.ctx, w.tx, `WHERE open = 1 AND zone IN (?`+strings.Repeat(", ?", len(zones)-1)+`)
		AND EXISTS (SELECT 1 FROM alerts a WHERE a.incident = incidents.id AND a.incident <> '' AND a.priority = ?)
		ORDER BY number DESC LIMIT 1`, append(args, rank(watch.Critical))...))
}

// update adds occurrences to an alert, which may have been cleared within its window. A higher priority wants to be
// accepted anew.
func (w *work) update(a Alert, c watch.Claim) error {
	a.Count += max(1, c.Count)
	if c.At.After(a.UpdatedAt.Time) {
		a.UpdatedAt = watch.Time{Time: c.At}
	}
	a.LastSeq = max(a.LastSeq, c.Cause)
	higher := c.Priority.Rank() > a.Priority.Rank()
	if higher {
		a.Priority, a.AcknowledgedBy, a.AcknowledgedAt = c.Priority, "", watch.Time{}
	}
	again := !a.active()
	a.State, a.ClearedBy, a.ClearedAt = Active, "", watch.Time{}
	if higher {
		open, err := w.stillOpen(a.Incident)
		if err != nil {
			return err
		}
		if a.Incident == "" || !open {
			if a.Incident != "" {
				w.touch(a.Incident, c.At) // the alert leaves the incident that was ended
			}
			return w.place(a, KindUpdated)
		}
	}
	if a.Incident != "" && (higher || again) {
		w.touch(a.Incident, c.At)
	}
	return w.journal(KindUpdated, a)
}

// clear ends an alert because its condition ended or did not come again.
func (w *work) clear(a Alert, c watch.Claim) error {
	a.Count += c.Count
	a.LastSeq = max(a.LastSeq, c.Cause)
	a.State, a.ClearedAt, a.ClearedBy = Cleared, watch.Time{Time: c.At}, c.Reason
	if a.ClearedAt.IsZero() {
		a.ClearedAt = watch.Time{Time: w.d.now()}
	}
	return w.journal(KindCleared, a)
}

// touch notes an incident to be told of at the end.
func (w *work) touch(id string, at time.Time) {
	if !slices.Contains(w.touched, id) {
		w.touched = append(w.touched, id)
	}
	if at.After(w.at[id]) {
		w.at[id] = at
	}
}

// tell journals the touched incidents as they stand after all of it.
func (w *work) tell() error {
	for _, id := range w.touched {
		in, err := findIncident(w.ctx, w.tx, id)
		if err != nil {
			return err
		}
		if at := w.at[id]; at.After(in.UpdatedAt.Time) {
			in.UpdatedAt = watch.Time{Time: at}
		}
		if err := w.journalIncident(KindChanged, in); err != nil {
			return err
		}
	}
	w.touched = nil
	return nil
}

// journal adds an alert.* event.
func (w *work) journal(kind string, a Alert) error {
	a.RaisedAt, a.UpdatedAt, a.ClearedAt = cut(a.RaisedAt), cut(a.UpdatedAt), cut(a.ClearedAt)
	body, err := json.Marshal(alertBody{a})
	if err != nil {
		return err
	}
	_, err = w.add(watch.Draft{Kind: kind, Device: a.Device, Zone: a.Zone, Subject: a.ID, Actor: w.actor, Body: body})
	return err
}

// journalIncident adds an incident.* event with what its alerts say of it.
func (w *work) journalIncident(kind string, in Incident) error {
	if err := w.sum(&in); err != nil {
		return err
	}
	in.OpenedAt, in.UpdatedAt, in.LastAlertAt = cut(in.OpenedAt), cut(in.UpdatedAt), cut(in.LastAlertAt)
	in.Cause, in.Action = "", ""
	body, err := json.Marshal(incidentBody{in})
	if err != nil {
		return err
	}
	_, err = w.add(watch.Draft{Kind: kind, Device: in.Device, Zone: in.Zone, Subject: in.ID, Actor: w.actor, Body: body})
	return err
}

// sum takes from the incident's alerts how many there are, when the last came, and from the gravest of them what the
// incident is called: a panic that joins a door left open makes it the panic's incident.
func (w *work) sum(in *Incident) error {
	var last int64
	prio := rank(in.Priority)
	err := w.tx.QueryRowContext(w.ctx, `SELECT count(*), coalesce(max(priority), 0), coalesce(max(updated_at), 0) FROM alerts WHERE incident = ? AND incident <> ''`, in.ID).
		Scan(&in.AlertCount, &prio, &last)
	if err != nil {
		return fmt.Errorf("incident: summing the alerts of %s: %w", in.Number, err)
	}
	if in.AlertCount > 0 {
		in.Priority, in.LastAlertAt = priorityOf(prio), at(last)
		lead, _, err := one(selectAlerts(w.ctx, w.tx, `WHERE incident = ? AND incident <> '' ORDER BY priority DESC, raised_at, id LIMIT 1`, in.ID))
		if err != nil {
			return err
		}
		in.Category, in.Code, in.Rule, in.Title, in.Device = lead.Category, lead.Code, lead.Rule, lead.Title, lead.Device
	}
	return fill(w.ctx, w.tx, in, Shown)
}

// number is the next incident number of a year, by the site's calendar.
func (w *work) number(t time.Time) (string, error) {
	year := t.In(w.d.opt.Location).Year()
	var last string
	err := w.tx.QueryRowContext(w.ctx, `SELECT coalesce(max(number), '') FROM incidents WHERE number BETWEEN ? AND ?`,
		fmt.Sprintf("%04d-", year), fmt.Sprintf("%04d-~", year)).Scan(&last)
	if err != nil {
		return "", fmt.Errorf("incident: numbering: %w", err)
	}
	n := 0
	if last != "" {
		if _, err := fmt.Sscanf(last[5:], "%d", &n); err != nil {
			return "", fmt.Errorf("incident: numbering after %s: %w", last, err)
		}
	}
	return fmt.Sprintf("%04d-%06d", year, n+1), nil
}

func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("incident: random numbers: %w", err)
	}
	return id.String(), nil
}

// cut is a time in the journal's precision.
func cut(t watch.Time) watch.Time { return at(ms(t)) }
