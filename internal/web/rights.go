package web

import (
	"slices"

	"siaga/internal/watch"
)

// right is what a route needs. The words are the API's.
type right string

const (
	open     right = "open"      // nobody need be signed in
	signedIn right = "signed_in" // anyone who is
	never    right = ""          // a route without a right is refused

	liveConsole    right = "live_console"
	liveVideo      right = "live_video"
	handleAlerts   right = "handle_alerts"
	closeCritical  right = "close_critical"
	playIncident   right = "play_incident"
	playPurpose    right = "play_purpose"
	readLog        right = "read_log"
	readDevices    right = "read_devices"
	manageDevices  right = "manage_devices"
	manageZones    right = "manage_zones"
	switchZones    right = "switch_zones"
	managePeople   right = "manage_people"
	readProofs     right = "read_proofs"
	readIncidents  right = "read_incidents"
	closeIncidents right = "close_incidents"
	seeMetrics     right = "see_metrics"
)

// caller is who asks.
type caller struct {
	id      string // person id; "" for nobody
	classes []string
	rights  []right
	session string // opaque; the same for every request of one session
}

func (c *caller) can(r right) bool {
	return r == open || r == signedIn && c.id != "" || slices.Contains(c.rights, r)
}

// sees is what of the journal the caller may read.
func (c *caller) sees() func(*watch.Event) bool { return seesAs(c.classes) }

// concerns reports whether alerts and incidents of a category are the caller's business.
func (c *caller) concerns(category string) bool { return categoriesOf(c.classes)(category) }
