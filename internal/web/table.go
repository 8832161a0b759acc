package web

import (
	"net/http"

	"siaga/internal/auth"
	"siaga/internal/registry"
)

// Methods, short for the table.
const (
	get   = http.MethodGet
	put   = http.MethodPut
	post  = http.MethodPost
	patch = http.MethodPatch
	del   = http.MethodDelete
)

// full is the only scope with which a right changes anything here; pictures are the scopes that show live video.
var (
	full     = []auth.Scope{auth.ScopeFull}
	pictures = []auth.Scope{auth.ScopeFull, auth.ScopeRead, auth.ScopeTest}
)

// table is every route there is, with the right it needs. A test walks it.
func table() []route {
	var all []route
	for _, part := range [][]route{
		outsideRoutes(), sessionRoutes(), peopleRoutes(), zoneRoutes(), planRoutes(), deviceRoutes(), cameraRoutes(), incidentRoutes(), eventRoutes(), proofRoutes(), consoleRoutes(), settingRoutes(),
	} {
		all = append(all, part...)
	}
	return all
}

func outsideRoutes() []route {
	return []route{
		{method: get, path: "/healthz", right: open, id: "healthz", about: "The program answers", serve: raw((*Server).healthz)},
		{method: get, path: "/readyz", right: open, id: "readyz", about: "Everything is there that people need", serve: raw((*Server).readyz)},
		{method: get, path: "/metrics", right: open, id: "metrics", about: "Counts, for this machine or with the right settings", serve: raw((*Server).metricsPage)},
		{method: get, path: prefix + "/openapi.json", right: open, id: "openapi", about: "This description", tag: "about", gives: "application/openapi+json", serve: raw((*Server).description)},
		{method: get, path: prefix + "/live", right: signedIn, id: "live", about: "Live channel, a websocket", tag: "live", status: http.StatusSwitchingProtocols, query: []string{"after"}, serve: raw((*Server).live)},
	}
}

func zoneRoutes() []route {
	const tag = "zones"
	return []route{
		{method: get, path: prefix + "/zones", right: signedIn, id: "list-zones", about: "Zones, parents before children", tag: tag, serve: call((*Server).listZones)},
		{method: post, path: prefix + "/zones", right: auth.RightZones, id: "add-zone", about: "Add a zone", tag: tag, status: http.StatusCreated, serve: call((*Server).addZone)},
		{method: get, path: prefix + "/zones/{id}", right: signedIn, id: "get-zone", about: "One zone", tag: tag, serve: call((*Server).getZone)},
		{method: patch, path: prefix + "/zones/{id}", right: auth.RightZones, id: "change-zone", about: "Change a zone", tag: tag, serve: call((*Server).changeZone)},
		{method: del, path: prefix + "/zones/{id}", right: auth.RightZones, id: "remove-zone", about: "Remove an empty zone", tag: tag, status: http.StatusNoContent, serve: call((*Server).removeZone)},
		{method: post, path: prefix + "/zones/{id}/arm", right: auth.RightArm, id: "arm-zone", about: "Presence is an alert from now on", tag: tag, serve: zoneSwitch((*registry.Registry).ArmZone, true)},
		{method: post, path: prefix + "/zones/{id}/disarm", right: auth.RightArm, id: "disarm-zone", about: "Presence is no alert any more; needs a reason", tag: tag, serve: zoneSwitch((*registry.Registry).ArmZone, false)},
		{method: post, path: prefix + "/zones/{id}/lock", right: auth.RightArm, id: "lock-zone", about: "Lock up: motion inside is critical", tag: tag, serve: zoneSwitch((*registry.Registry).LockZone, true)},
		{method: post, path: prefix + "/zones/{id}/unlock", right: auth.RightArm, id: "unlock-zone", about: "Open again; needs a reason and a second person", tag: tag, serve: zoneSwitch((*registry.Registry).LockZone, false)},
	}
}

func planRoutes() []route {
	const tag = "plans"
	plan := prefix + "/plans/{id}"
	return []route{
		{method: get, path: prefix + "/plans", right: auth.RightViewDevices, or: auth.RightZones, id: "list-plans", about: "Floor plans, by the zone they show", tag: tag, serve: call((*Server).listPlans)},
		{method: get, path: plan + "/picture", right: auth.RightViewDevices, or: auth.RightZones, id: "plan-picture", about: "The picture of a floor plan", tag: tag, query: []string{"v"}, gives: "image/png", serve: raw((*Server).planPicture)},
		{method: put, path: plan + "/picture", right: auth.RightZones, scopes: full, id: "set-plan-picture", about: "Give a zone a floor plan, or another picture of it", tag: tag, body: pictureTypes, limit: registry.MaxPicture, query: []string{"reason", "revision"}, gives: jsonType, serve: raw((*Server).setPlanPicture)},
		{method: patch, path: plan, right: auth.RightZones, scopes: full, id: "anchor-plan", about: "Say where on earth a floor plan lies", tag: tag, serve: call((*Server).anchorPlan)},
		{method: del, path: plan, right: auth.RightZones, scopes: full, id: "remove-plan", about: "Take a zone's floor plan away; needs a reason", tag: tag, status: http.StatusNoContent, serve: call((*Server).removePlan)},
		{method: post, path: plan + "/place", right: auth.RightDevices, scopes: full, id: "place-devices", about: "Put devices onto a floor plan or take them off: all of them or none", tag: tag, serve: call((*Server).placeDevices)},
	}
}

func deviceRoutes() []route {
	const tag = "devices"
	return []route{
		{method: get, path: prefix + "/devices", right: auth.RightViewDevices, id: "list-devices", about: "Devices and how they are doing", tag: tag, serve: call((*Server).listDevices)},
		{method: post, path: prefix + "/devices", right: auth.RightDevices, scopes: full, id: "add-device", about: "Register a device", tag: tag, status: http.StatusCreated, serve: call((*Server).addDevice)},
		{method: get, path: prefix + "/devices/hints", right: auth.RightDevices, scopes: full, id: "path-hints", about: "Common RTSP paths by vendor", tag: tag, serve: call((*Server).pathHints)},
		{method: get, path: prefix + "/devices/suggest", right: auth.RightDevices, scopes: full, id: "suggest-name", about: "A free name and id for a device in a zone", tag: tag, serve: call((*Server).suggestName)},
		{method: post, path: prefix + "/devices/probe", right: auth.RightDevices, scopes: full, id: "probe-device", about: "Look at a device without registering it", tag: tag, serve: call((*Server).probeDevice)},
		{method: post, path: prefix + "/devices/import", right: auth.RightDevices, scopes: full, id: "import-site", about: "Zones and devices out of a YAML, JSON or CSV document: all of it or nothing", tag: tag, body: importTypes, limit: maxImport, query: []string{"dry_run", "reason"}, gives: jsonType, serve: raw((*Server).importSite)},
		{method: get, path: prefix + "/devices/export", right: auth.RightDevices, scopes: full, id: "export-site", about: "Zones and devices as a document, without secrets", tag: tag, gives: "application/yaml", serve: raw((*Server).exportSite)},
		{method: get, path: prefix + "/devices/{id}", right: auth.RightViewDevices, id: "get-device", about: "One device", tag: tag, serve: call((*Server).getDevice)},
		{method: patch, path: prefix + "/devices/{id}", right: auth.RightDevices, scopes: full, id: "change-device", about: "Change a device; needs a reason", tag: tag, serve: call((*Server).changeDevice)},
		{method: del, path: prefix + "/devices/{id}", right: auth.RightDevices, scopes: full, id: "remove-device", about: "Take a device off the site; its history stays", tag: tag, status: http.StatusNoContent, serve: call((*Server).removeDevice)},
		{method: post, path: prefix + "/devices/{id}/enable", right: auth.RightDevices, scopes: full, id: "enable-device", about: "Switch on", tag: tag, serve: deviceSwitch(true)},
		{method: post, path: prefix + "/devices/{id}/disable", right: auth.RightDevices, scopes: full, id: "disable-device", about: "Switch off; needs a reason", tag: tag, serve: deviceSwitch(false)},
		{method: post, path: prefix + "/devices/{id}/replace", right: auth.RightDevices, scopes: full, id: "replace-device", about: "Put a new unit into its place", tag: tag, serve: call((*Server).replaceDevice)},
		{method: post, path: prefix + "/devices/{id}/credential", right: auth.RightDevices, scopes: full, id: "issue-credential", about: "Make a new MQTT secret and show it once", tag: tag, serve: call((*Server).issueCredential)},
		{method: del, path: prefix + "/devices/{id}/credential", right: auth.RightDevices, scopes: []auth.Scope{auth.ScopeFull, auth.ScopeRevoke}, id: "revoke-credential", about: "End the MQTT identity at once", tag: tag, status: http.StatusNoContent, serve: call((*Server).revokeCredential)},
		{method: get, path: prefix + "/drivers", right: auth.RightDevices, scopes: full, id: "list-drivers", about: "Kinds of devices this build speaks", tag: tag, serve: call((*Server).listDrivers)},
		{method: get, path: prefix + "/rules", right: signedIn, id: "list-rules", about: "Rules in force", tag: "rules", serve: call((*Server).listRules)},
	}
}

func cameraRoutes() []route {
	const tag = "cameras"
	camera := prefix + "/cameras/{id}"
	return []route{
		{method: post, path: camera + "/whep", right: auth.RightLiveConsole, scopes: pictures, looks: true, id: "whep", about: "Live picture over WebRTC: an SDP offer gives an answer", tag: tag, status: http.StatusCreated, body: sdpType, limit: 128 << 10, query: []string{"stream"}, gives: sdpType, serve: raw((*Server).whepOffer)},
		{method: del, path: camera + "/whep/{session}", right: auth.RightLiveConsole, scopes: pictures, looks: true, id: "whep-hangup", about: "End a live picture", tag: tag, status: http.StatusNoContent, serve: raw((*Server).whepHangup)},
		{method: get, path: camera + "/live.mp4", right: auth.RightLiveConsole, scopes: pictures, id: "live-mp4", about: "Live picture as fragmented MP4 over a websocket", tag: tag, status: http.StatusSwitchingProtocols, query: []string{"stream"}, serve: raw((*Server).liveMP4)},
		{method: get, path: camera + "/snapshot.jpg", right: auth.RightLiveConsole, scopes: pictures, id: "snapshot", about: "Newest picture; with at, one out of the recording", tag: tag, query: []string{"at", "stream", "incident", "purpose"}, gives: "image/jpeg", serve: raw((*Server).snapshot)},
		{method: get, path: camera + "/segments", right: auth.RightViewDevices, id: "list-segments", about: "Recorded files of a span", tag: tag, serve: call((*Server).listSegments)},
		{method: get, path: camera + "/gaps", right: auth.RightViewDevices, id: "list-gaps", about: "Spans without video, and why", tag: tag, serve: call((*Server).listGaps)},
		{method: get, path: camera + "/video.mp4", right: auth.RightPlayIncident, or: auth.RightPlayAny, id: "video", about: "Recorded video, with Range; for an incident or a stated purpose", tag: tag, query: []string{"stream", "from", "to", "incident", "purpose"}, gives: "video/mp4", serve: raw((*Server).video)},
	}
}

func eventRoutes() []route {
	return []route{
		{method: get, path: prefix + "/events", right: auth.RightEvents, id: "list-events", about: "Events that the caller may see", tag: "events", serve: call((*Server).listEvents)},
		{method: get, path: prefix + "/events/{seq}", right: auth.RightEvents, id: "get-event", about: "One event", tag: "events", serve: call((*Server).getEvent)},
	}
}

func proofRoutes() []route {
	const tag = "proofs"
	return []route{
		{method: get, path: prefix + "/events/{seq}/proof", right: auth.RightProofs, id: "prove-event", about: "Proof that the event is in the log", tag: tag, serve: call((*Server).proveEvent)},
		{method: get, path: prefix + "/checkpoint", right: auth.RightProofs, id: "checkpoint", about: "The newest signed tree head", tag: tag, gives: "text/plain", serve: raw((*Server).checkpoint)},
		{method: get, path: prefix + "/checkpoint/key", right: auth.RightProofs, id: "checkpoint-key", about: "What checkpoints are checked with", tag: tag, gives: "text/plain", serve: raw((*Server).checkpointKey)},
		{method: get, path: prefix + "/checkpoint/consistency", right: auth.RightProofs, id: "prove-consistency", about: "Proof that an older tree is a prefix of a newer one", tag: tag, serve: call((*Server).proveConsistency)},
	}
}
