package incident

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"siaga/internal/watch"
)

// reader is a database or a transaction.
type reader interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

const alertColumns = `id, key, rule, code, category, priority, title_id, title_en, alias, device, zone, subject, incident, active,
	raised_at, updated_at, cleared_at, cleared_by, count, cause_seq, last_seq, window_ms, holds, acknowledged_by, acknowledged_at`

const incidentColumns = `id, number, state, priority, category, code, rule, title_id, title_en, zone, device, opened_at, updated_at,
	last_alert_at, alert_count, acknowledged_by, acknowledged_at, handled_by, escalations, escalated_to, resolved_by,
	resolved_at, closed_by, closed_at, duplicate_of`

// rank and priorityOf turn priorities into the tables' numbers and back.
func rank(p watch.Priority) int { return max(0, p.Rank()) }

func priorityOf(n int) watch.Priority {
	words := [...]watch.Priority{watch.Info, watch.Caution, watch.Important, watch.Critical}
	return words[min(max(n, 0), len(words)-1)]
}

func at(ms int64) watch.Time { return watch.Time{Time: watch.FromMillis(ms)} }

func ms(t watch.Time) int64 { return watch.Millis(t.Time) }

func (a *Alert) values() []any {
	return []any{
		a.ID, a.Key, a.Rule, a.Code, a.Category, rank(a.Priority), a.Title.ID, a.Title.EN, a.Alias, a.Device, a.Zone, a.Subject,
		a.Incident, a.active(), ms(a.RaisedAt), ms(a.UpdatedAt), ms(a.ClearedAt), a.ClearedBy, a.Count, int64(a.CauseSeq),
		int64(a.LastSeq), a.WindowMS, a.Holds, a.AcknowledgedBy, ms(a.AcknowledgedAt),
	}
}

func scanAlert(row interface{ Scan(...any) error }) (Alert, error) {
	var a Alert
	var prio int
	var active bool
	var raised, updated, cleared, acked int64
	err := row.Scan(&a.ID, &a.Key, &a.Rule, &a.Code, &a.Category, &prio, &a.Title.ID, &a.Title.EN, &a.Alias, &a.Device, &a.Zone,
		&a.Subject, &a.Incident, &active, &raised, &updated, &cleared, &a.ClearedBy, &a.Count, &a.CauseSeq, &a.LastSeq,
		&a.WindowMS, &a.Holds, &a.AcknowledgedBy, &acked)
	a.Priority, a.State = priorityOf(prio), Cleared
	if active {
		a.State = Active
	}
	a.RaisedAt, a.UpdatedAt, a.ClearedAt, a.AcknowledgedAt = at(raised), at(updated), at(cleared), at(acked)
	return a, err
}

func (i *Incident) values() []any {
	return []any{
		i.ID, i.Number, string(i.State), rank(i.Priority), i.Category, i.Code, i.Rule, i.Title.ID, i.Title.EN, i.Zone, i.Device,
		ms(i.OpenedAt), ms(i.UpdatedAt), ms(i.LastAlertAt), i.AlertCount, i.AcknowledgedBy, ms(i.AcknowledgedAt), i.HandledBy,
		i.Escalations, i.EscalatedTo, i.ResolvedBy, ms(i.ResolvedAt), i.ClosedBy, ms(i.ClosedAt), i.DuplicateOf,
	}
}

func scanIncident(row interface{ Scan(...any) error }) (Incident, error) {
	var i Incident
	var prio int
	var opened, updated, last, acked, resolved, closed int64
	err := row.Scan(&i.ID, &i.Number, &i.State, &prio, &i.Category, &i.Code, &i.Rule, &i.Title.ID, &i.Title.EN, &i.Zone, &i.Device,
		&opened, &updated, &last, &i.AlertCount, &i.AcknowledgedBy, &acked, &i.HandledBy, &i.Escalations, &i.EscalatedTo,
		&i.ResolvedBy, &resolved, &i.ClosedBy, &closed, &i.DuplicateOf, &i.Cause, &i.Action)
	i.Priority = priorityOf(prio)
	i.OpenedAt, i.UpdatedAt, i.LastAlertAt = at(opened), at(updated), at(last)
	i.AcknowledgedAt, i.ResolvedAt, i.ClosedAt = at(acked), at(resolved), at(closed)
	return i, err
}

// selectAlerts and selectIncidents run a query's tail: conditions, order, limit.
func selectAlerts(ctx context.Context, db reader, tail string, args ...any) ([]Alert, error) {
	return collect(ctx, db, scanAlert, `SELECT `+alertColumns+` FROM alerts `+tail, args)
}

func selectIncidents(ctx context.Context, db reader, tail string, args ...any) ([]Incident, error) {
	return collect(ctx, db, scanIncident, `SELECT `+incidentColumns+`, cause, action FROM incidents `+tail, args)
}

func collect[T any](ctx context.Context, db reader, scan func(interface{ Scan(...any) error }) (T, error), query string, args []any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("incident: reading: %w", err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("incident: reading a row: %w", err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("incident: reading: %w", err)
	}
	return out, nil
}

// one is the first of what a query found; ok is false if there is nothing.
func one[T any](list []T, err error) (v T, ok bool, _ error) {
	if err != nil || len(list) == 0 {
		return v, false, err
	}
	return list[0], true, nil
}

// fill gives an incident its newest alerts and its devices.
func fill(ctx context.Context, db reader, i *Incident, limit int) error {
	var err error
	i.Alerts, err = selectAlerts(ctx, db, `WHERE incident = ? AND incident <> '' ORDER BY raised_at DESC, id DESC LIMIT ?`, i.ID, limit)
	if err != nil {
		return err
	}
	i.Devices, err = collect(ctx, db, func(r interface{ Scan(...any) error }) (string, error) {
		var s string
		return s, r.Scan(&s)
	}, `SELECT DISTINCT device FROM alerts WHERE incident = ? AND incident <> '' AND device <> '' ORDER BY device LIMIT ?`, []any{i.ID, limit})
	return err
}

// findIncident reads an incident by id or number.
func findIncident(ctx context.Context, db reader, id string) (Incident, error) {
	column := "id"
	if len(id) < 20 {
		column = "number"
	}
	i, ok, err := one(selectIncidents(ctx, db, `WHERE `+column+` = ? AND `+column+` <> ''`, id))
	if err == nil && !ok {
		err = fmt.Errorf("incident %.64q: %w", id, ErrNotFound)
	}
	return i, err
}

func findAlert(ctx context.Context, db reader, id string) (Alert, error) {
	a, ok, err := one(selectAlerts(ctx, db, `WHERE id = ?`, id))
	if err == nil && !ok {
		err = fmt.Errorf("alert %.64q: %w", id, ErrNotFound)
	}
	return a, err
}

// ErrNotFound means that there is no such alert or incident.
var ErrNotFound = errors.New("not found")
