package incident

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Projection is the tables of alerts and incidents. It belongs into journal.Options before the journal is opened.
func Projection() journal.Projection { return projection{} }

// projection writes the whole row from each event, so a row is always what its last event says.
type projection struct{}

func (projection) Name() string     { return "incident" }
func (projection) Tables() []string { return []string{"alerts", "incidents"} }
func (projection) Kinds() []string {
	return []string{KindRaised, KindUpdated, KindCleared, KindOpened, KindChanged, string(Resolve)}
}

// Statements that write whole rows; what the resolving act wrote is left alone.
var (
	writeAlertRow    = upsert("alerts", alertColumns+", seq", "", "")
	writeIncidentRow = upsert("incidents", incidentColumns+", seq, open", ", cause, action, resolve_seq", ", '', '', 0")
)

// upsert writes the columns named; the others get their defaults in a new row and stay as they are in an old one.
func upsert(table, columns, others, defaults string) string {
	var set, marks []string
	for c := range strings.SplitSeq(columns, ",") {
		marks = append(marks, "?")
		if c = strings.TrimSpace(c); c != "id" {
			set = append(set, c+" = excluded."+c)
		}
	}
	return `INSERT INTO ` + table + ` (` + columns + others + `) VALUES (` + strings.Join(marks, ", ") + defaults + `)
		ON CONFLICT (id) DO UPDATE SET ` + strings.Join(set, ", ")
}

// Apply writes what the event means. See journal.Projection.
func (p projection) Apply(tx *sql.Tx, e watch.Event) error {
	switch e.Kind {
	case KindRaised, KindUpdated, KindCleared:
		if e.Erased {
			return writeAlert(tx, erasedAlert(e), e.Seq)
		}
		var body alertBody
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return fmt.Errorf("reading the alert: %w", err)
		}
		return writeAlert(tx, body.Alert, e.Seq)
	case KindOpened, KindChanged:
		if e.Erased {
			return writeIncident(tx, erasedIncident(e), e.Seq)
		}
		var body incidentBody
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return fmt.Errorf("reading the incident: %w", err)
		}
		return writeIncident(tx, body.Incident, e.Seq)
	}
	return applyResolve(tx, e)
}

// applyResolve keeps cause and action of the resolving act.
func applyResolve(tx *sql.Tx, e watch.Event) error {
	var body actBody
	if !e.Erased {
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return fmt.Errorf("reading the act: %w", err)
		}
	}
	_, err := tx.Exec(`UPDATE incidents SET cause = ?, action = ?, resolve_seq = ? WHERE id = ?`, body.Cause, body.Action, int64(e.Seq), e.Subject)
	return err
}

func writeAlert(tx *sql.Tx, a Alert, seq uint64) error {
	_, err := tx.Exec(writeAlertRow, append(a.values(), int64(seq))...)
	return err
}

func writeIncident(tx *sql.Tx, i Incident, seq uint64) error {
	_, err := tx.Exec(writeIncidentRow, append(i.values(), int64(seq), i.State.Open())...)
	return err
}

// erasedAlert and erasedIncident are what is left of a row whose last event was erased.
func erasedAlert(e watch.Event) Alert {
	return Alert{ID: e.Subject, Device: e.Device, Zone: e.Zone, State: Cleared, Priority: watch.Info}
}

func erasedIncident(e watch.Event) Incident {
	return Incident{ID: e.Subject, Device: e.Device, Zone: e.Zone, State: watch.StateClosed, Priority: watch.Info}
}

// Blank forgets what an event said. See journal.Blanker. A row that a later event wrote says nothing of it any more.
func (p projection) Blank(tx *sql.Tx, e watch.Event) error {
	if e.Kind == string(Resolve) {
		_, err := tx.Exec(`UPDATE incidents SET cause = '', action = '' WHERE resolve_seq = ?`, int64(e.Seq))
		return err
	}
	query := `SELECT count(*), coalesce(sum(active), 0) FROM alerts WHERE id = ? AND seq = ?`
	if e.Kind == KindOpened || e.Kind == KindChanged {
		query = `SELECT count(*), coalesce(sum(open), 0) FROM incidents WHERE id = ? AND seq = ?`
	}
	var last, open int
	if err := tx.QueryRow(query, e.Subject, int64(e.Seq)).Scan(&last, &open); err != nil {
		return err
	}
	if open > 0 {
		return fmt.Errorf("the alert or incident is still open; end it first: %w", journal.ErrNotErasable)
	}
	if last == 0 {
		return nil
	}
	e.Erased, e.Body = true, nil
	return p.Apply(tx, e)
}
