// Package incident keeps the alerts and the cases that people make of them. A follower judges every event once; what
// follows from it, the judge's memory and the follower's place become durable in one transaction. People's acts are
// checked and journaled in one transaction too, so that of two who press the same key one is first.
package incident

import (
	"siaga/internal/watch"
)

// Kinds of events that this room writes.
const (
	KindRaised  = "alert.raised"
	KindUpdated = "alert.updated"
	KindCleared = "alert.cleared"
	KindOpened  = "incident.opened"
	KindChanged = "incident.changed"
)

// What cleared an alert.
const (
	ByEvent  = "event"  // the condition ended
	ByWindow = "window" // it did not happen again
	ByAct    = "act"    // people ended its incident
)

// Alert is a rule's claim that stands until it is cleared.
type Alert struct {
	ID             string         `json:"id"`
	Rule           string         `json:"rule"`
	Key            string         `json:"key"`
	Code           string         `json:"code"` // in the catalogue, "ht.panik"
	Category       string         `json:"category"`
	Priority       watch.Priority `json:"priority"` // the highest it ever had
	Title          watch.Words    `json:"title"`
	Device         string         `json:"device"`
	Zone           string         `json:"zone"`
	Subject        string         `json:"subject"`
	Alias          string         `json:"alias"`
	State          string         `json:"state"` // active or cleared
	RaisedAt       watch.Time     `json:"raised_at"`
	UpdatedAt      watch.Time     `json:"updated_at"` // last occurrence
	ClearedAt      watch.Time     `json:"cleared_at"`
	ClearedBy      string         `json:"cleared_by"` // event, window or act
	Count          int            `json:"count"`
	CauseSeq       uint64         `json:"cause_seq"`
	LastSeq        uint64         `json:"last_seq"`
	Incident       string         `json:"incident"` // "" for an info alert that belongs to none
	WindowMS       int64          `json:"window_ms"`
	Holds          bool           `json:"holds"` // only the end of its condition clears it
	AcknowledgedBy string         `json:"acknowledged_by"`
	AcknowledgedAt watch.Time     `json:"acknowledged_at"`
}

// States of an alert.
const (
	Active  = "active"
	Cleared = "cleared"
)

func (a *Alert) active() bool { return a.State == Active }

// Incident is a case. In lists and events Alerts holds the newest only; see AlertCount.
type Incident struct {
	ID             string         `json:"id"`
	Number         string         `json:"number"` // "2026-000123"
	State          watch.State    `json:"state"`
	Priority       watch.Priority `json:"priority"` // the highest of its alerts
	Category       string         `json:"category"`
	Code           string         `json:"code"`
	Rule           string         `json:"rule"`
	Title          watch.Words    `json:"title"`
	Zone           string         `json:"zone"`
	Device         string         `json:"device"` // of the alert that opened it
	OpenedAt       watch.Time     `json:"opened_at"`
	UpdatedAt      watch.Time     `json:"updated_at"`
	LastAlertAt    watch.Time     `json:"last_alert_at"`
	AcknowledgedBy string         `json:"acknowledged_by"`
	AcknowledgedAt watch.Time     `json:"acknowledged_at"`
	HandledBy      string         `json:"handled_by"`
	Escalations    int            `json:"escalations"`
	EscalatedTo    string         `json:"escalated_to"`
	ResolvedBy     string         `json:"resolved_by"`
	ResolvedAt     watch.Time     `json:"resolved_at"`
	ClosedBy       string         `json:"closed_by"`
	ClosedAt       watch.Time     `json:"closed_at"`
	DuplicateOf    string         `json:"duplicate_of"`
	// Cause and Action come from the resolving act. They are not in incident.* events, so that erasing the act's body
	// erases them.
	Cause      string   `json:"cause,omitempty"`
	Action     string   `json:"action,omitempty"`
	AlertCount int      `json:"alert_count"`
	Alerts     []Alert  `json:"alerts"`
	Devices    []string `json:"devices"`
}

// Shown is how many alerts and devices an incident carries in lists and events.
const Shown = 20

// alertBody and incidentBody are the bodies of alert.* and incident.* events.
type alertBody struct {
	Alert Alert `json:"alert"`
}

type incidentBody struct {
	Incident Incident `json:"incident"`
}
