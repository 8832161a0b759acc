package web

import (
	"encoding/json"
	"strings"

	"siaga/internal/hub"
	"siaga/internal/incident"
	"siaga/internal/watch"
)

// cyber is the category of alerts and incidents that IT security handles, and the only one it sees.
const cyber = "siber"

// Classes are the viewers of the live channel, one per role, and what of the journal each sees. The list of events
// over the API obeys the same.
func Classes() []hub.Class {
	all := func(*watch.Event) bool { return true }
	return []hub.Class{
		{Name: "guard", Sees: unaudited},
		{Name: "leader", Sees: unaudited},
		{Name: "secretariat", Sees: all},
		{Name: "chair", Sees: all},
		// The auditor reads the log, and sees nothing live: samples have no sequence.
		{Name: "auditor", Sees: func(e *watch.Event) bool { return e.Seq > 0 }},
		{Name: "technician", Sees: equipment},
		{Name: "it-security", Sees: security},
		{Name: "administrator", Sees: families("person.", "session.", "auth.", "zone.", "site.", "setting.")},
	}
}

// audited is the log of who signed in, was refused, was given which role, and looked at what.
func audited(e *watch.Event) bool {
	return viewing(e) || families("auth.", "person.")(e)
}

// viewing is who looked at what, also while the site stood by.
func viewing(e *watch.Event) bool { return e.Kind == kindViewed || e.Kind == "act.standby" }

// unaudited is all else.
func unaudited(e *watch.Event) bool { return !audited(e) }

// equipment is what a technician needs to see of what he builds: how devices are doing, not what they observe.
func equipment(e *watch.Event) bool {
	return families("device.", "camera.", "gateway.", "mqtt.", "broker.", "recording.", "segment.", "gap.", "disk.", "zone.", "site.", "setting.")(e) ||
		strings.HasSuffix(e.Kind, ".garbled") || strings.HasSuffix(e.Kind, ".offline") || strings.HasSuffix(e.Kind, ".online")
}

// security is posture: devices, sign-ins, the log itself, and the alerts and incidents of its own category.
func security(e *watch.Event) bool {
	if !families("alert.", "incident.")(e) {
		return viewing(e) || families("device.", "gateway.", "mqtt.", "broker.", "auth.", "session.", "person.", "body.", "disk.", "clock.", "log.", "rule.")(e)
	}
	var body struct {
		Alert    incident.Alert
		Incident incident.Incident
	}
	return json.Unmarshal(e.Body, &body) == nil && (body.Alert.Category == cyber || body.Incident.Category == cyber)
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

// seesAs is what the classes named see together.
func seesAs(classes []string) func(*watch.Event) bool {
	var sees []func(*watch.Event) bool
	for _, c := range Classes() {
		for _, name := range classes {
			if c.Name == name {
				sees = append(sees, c.Sees)
			}
		}
	}
	return func(e *watch.Event) bool {
		for _, s := range sees {
			if s(e) {
				return true
			}
		}
		return false
	}
}

// SnapshotFor is what screens of these classes begin with, out of all there is.
func SnapshotFor(classes []string, alerts []incident.Alert, incidents []incident.Incident, devices []watch.DeviceState) hub.Snapshot {
	category := categoriesOf(classes)
	out := hub.Snapshot{}
	shownAlerts, shownCases, shownDevices := []incident.Alert{}, []incident.Incident{}, []watch.DeviceState{}
	for _, a := range alerts {
		if category(a.Category) {
			shownAlerts = append(shownAlerts, a)
		}
	}
	for _, i := range incidents {
		if category(i.Category) {
			shownCases = append(shownCases, i)
		}
	}
	if sees := seesAs(classes); sees(&watch.Event{Kind: hub.StateKind}) {
		shownDevices = append(shownDevices, devices...)
	}
	out.Alerts, out.Incidents, out.Devices = shownAlerts, shownCases, shownDevices
	return out
}

// categoriesOf says which categories of alerts and incidents concern the classes named.
func categoriesOf(classes []string) func(string) bool {
	all, own := false, false
	for _, c := range classes {
		switch c {
		case "guard", "leader", "secretariat", "chair", "auditor":
			all = true
		case "it-security":
			own = true
		}
	}
	return func(category string) bool { return all || own && category == cyber }
}
