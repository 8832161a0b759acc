package web

import (
	"slices"
	"strings"

	"siaga/internal/hub"
	"siaga/internal/watch"
)

// right is what a route needs. The words are the API's.
type right string

const (
	open     right = "open"      // nobody need be signed in
	signedIn right = "signed_in" // anyone who is
	never    right = ""          // a route without a right is refused

	liveConsole   right = "live_console"
	liveVideo     right = "live_video"
	handleAlerts  right = "handle_alerts"
	closeCritical right = "close_critical"
	playIncident  right = "play_incident"
	playPurpose   right = "play_purpose"
	readLog       right = "read_log"
	readDevices   right = "read_devices"
	manageDevices right = "manage_devices"
	manageZones   right = "manage_zones"
	switchZones   right = "switch_zones"
	managePeople  right = "manage_people"
	readProofs    right = "read_proofs"
	seeMetrics    right = "see_metrics"
)

// caller is who asks.
type caller struct {
	id      string // person id; "" for nobody
	role    string
	rights  []right
	session string // opaque; the same for every request of one session
}

func (c *caller) can(r right) bool {
	return r == open || r == signedIn && c.id != "" || slices.Contains(c.rights, r)
}

// sees is what of the journal the caller's role may read.
func (c *caller) sees() func(*watch.Event) bool {
	for _, class := range Classes() {
		if class.Name == c.role {
			return class.Sees
		}
	}
	return func(*watch.Event) bool { return false }
}

// Classes are the viewers of the live channel, one per role, and what of the journal each sees.
func Classes() []hub.Class {
	all := func(*watch.Event) bool { return true }
	equipment := families("device.", "camera.", "gateway.", "mqtt.", "broker.", "segment.", "video.", "zone.", "site.", "system.")
	security := families("device.", "gateway.", "mqtt.", "broker.", "auth.", "session.", "person.", "system.", "body.", "rule.", "disk.")
	return []hub.Class{
		{Name: "guard", Sees: all},
		{Name: "leader", Sees: all},
		{Name: "secretariat", Sees: all},
		{Name: "chair", Sees: all},
		{Name: "auditor", Sees: all},
		{Name: "technician", Sees: func(e *watch.Event) bool { return equipment(e) || strings.HasSuffix(e.Kind, ".garbled") }},
		{Name: "it-security", Sees: security},
		{Name: "administrator", Sees: families("person.", "session.", "auth.", "zone.", "device.", "system.", "rule.")},
	}
}

func families(list ...string) func(*watch.Event) bool {
	return func(e *watch.Event) bool {
		for _, f := range list {
			if strings.HasPrefix(e.Kind, f) {
				return true
			}
		}
		return false
	}
}
