package auth

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Kinds of events that auth writes. The subject is the person it is about.
const (
	KindPersonAdded       = "person.added"        // body: login, name, titles, agency
	KindPersonChanged     = "person.changed"      // body: the same
	KindPersonRoleChanged = "person.role_changed" // body: roles, before
	KindPersonDisabled    = "person.disabled"
	KindPersonEnabled     = "person.enabled"
	KindPersonPassword    = "person.password_set" // body: who set it, never what
	KindPersonFactor      = "person.second_factor"
	KindFactorBegun       = "person.factor_begun" // a secret was shown; it counts once it is confirmed
	KindPersonPhone       = "person.phone_set"
	KindSignedIn          = "auth.signed_in"
	KindSignedOut         = "auth.signed_out"
	KindFailed            = "auth.failed"
	KindLocked            = "auth.locked"
	KindTokenIssued       = "auth.token_issued"
)

// Projection is the table of people. It belongs into journal.Options before the journal is opened.
func Projection() journal.Projection { return projection{} }

type projection struct{}

func (projection) Name() string     { return "auth" }
func (projection) Tables() []string { return []string{"people"} }

func (projection) Kinds() []string {
	return []string{KindPersonAdded, KindPersonChanged, KindPersonRoleChanged, KindPersonDisabled, KindPersonEnabled}
}

// description is who a person is: all of it personal, so all of it goes when the event's body is erased.
type description struct {
	Login  string `json:"login"`
	Name   string `json:"name"`
	Titles string `json:"titles,omitempty"`
	Agency string `json:"agency,omitempty"`
}

type roleChange struct {
	Roles  []Role `json:"roles"`
	Before []Role `json:"before"`
	Reason string `json:"reason,omitempty"`
}

// Apply writes what the event means. See journal.Projection.
func (projection) Apply(tx *sql.Tx, e watch.Event) error {
	seq := int64(e.Seq)
	switch e.Kind {
	case KindPersonAdded, KindPersonChanged:
		var d description
		if !e.Erased {
			if err := json.Unmarshal(e.Body, &d); err != nil {
				return fmt.Errorf("body of %s: %w", e.Kind, err)
			}
		}
		return exec(tx, `INSERT INTO people (id, login, name, titles, agency, described, roles, active, created, seq)
			VALUES (?,?,?,?,?,?,'[]',1,?,?)
			ON CONFLICT (id) DO UPDATE SET login = excluded.login, name = excluded.name, titles = excluded.titles,
				agency = excluded.agency, described = excluded.described, seq = excluded.seq`,
			e.Subject, d.Login, d.Name, d.Titles, d.Agency, seq, watch.Millis(e.At), seq)
	case KindPersonRoleChanged:
		var r roleChange
		if err := json.Unmarshal(e.Body, &r); err != nil {
			return fmt.Errorf("body of %s: %w", e.Kind, err)
		}
		roles, err := json.Marshal(r.Roles)
		if err != nil {
			return err
		}
		return exec(tx, `UPDATE people SET roles = ?, seq = ? WHERE id = ?`, string(roles), seq, e.Subject)
	case KindPersonDisabled, KindPersonEnabled:
		return exec(tx, `UPDATE people SET active = ?, seq = ? WHERE id = ?`, e.Kind == KindPersonEnabled, seq, e.Subject)
	}
	return nil
}

// Blank forgets what an event said of a person, if a later one has not said it anew. See journal.Blanker. Roles stay:
// what somebody was allowed to do is not theirs to have forgotten.
func (projection) Blank(tx *sql.Tx, e watch.Event) error {
	switch e.Kind {
	case KindPersonAdded, KindPersonChanged:
		return exec(tx, `UPDATE people SET login = '', name = '', titles = '', agency = '' WHERE id = ? AND described = ?`,
			e.Subject, int64(e.Seq))
	case KindPersonRoleChanged:
		return journal.ErrNotErasable
	}
	return nil
}

func exec(tx *sql.Tx, query string, args ...any) error {
	_, err := tx.Exec(query, args...)
	return err
}
