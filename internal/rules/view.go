package rules

import (
	"bytes"
	"encoding/json"
	"time"

	"cel.dev/cel-go/cel"

	"siaga/internal/watch"
)

// Zone is what rules may know about a zone.
type Zone struct {
	ID, Name, Kind         string
	Armed, Locked, Special bool
}

// Device is what rules may know about a device.
type Device struct {
	ID, Name, Kind string
	Alias          string // call sign for screens; "" if none
	Gateway        string // the device behind which it hangs; "" if none
	Beacon         bool   // it reports by itself, so that its silence means something
}

// Site tells the judge what the site has. Answers are for now; a zero value means unknown. It MUST be quick: it is asked for
// every event that a rule reads.
type Site interface {
	Zone(id string) Zone
	Device(id string) Device
}

// Bare is a site that knows nothing; it serves checks of rule files and tests.
type Bare struct{}

// Zone knows the id only.
func (Bare) Zone(id string) Zone { return Zone{ID: id} }

// Device knows the id only.
func (Bare) Device(id string) Device { return Device{ID: id} }

// view is an event as expressions see it. Nothing is looked up or decoded before it is asked for.
type view struct {
	e      *watch.Event
	site   Site
	repeat bool
	count  int

	body          map[string]any
	device        Device
	zone          Zone
	haveD, haveZ  bool
	deviceIsKnown bool
}

// Parent is none: a view is the whole world of an expression.
func (v *view) Parent() cel.Activation { return nil }

// ResolveName gives the value of a variable.
func (v *view) ResolveName(name string) (any, bool) {
	switch name {
	case "body":
		return v.fields(), true
	case "count":
		return int64(v.count), true
	case "e.kind":
		return v.e.Kind, true
	case "e.device":
		return v.e.Device, true
	case "e.zone":
		return v.e.Zone, true
	case "e.subject":
		return v.e.Subject, true
	case "e.actor":
		return v.e.Actor, true
	case "e.at":
		return v.e.At, true
	case "e.repeat":
		return v.repeat, true
	}
	if len(name) > 5 && name[:5] == "zone." {
		return v.ofZone(name[5:])
	}
	if len(name) > 7 && name[:7] == "device." {
		return v.ofDevice(name[7:])
	}
	return nil, false
}

func (v *view) ofZone(name string) (any, bool) {
	if !v.haveZ {
		v.zone, v.haveZ = v.site.Zone(v.e.Zone), true
	}
	switch name {
	case "id":
		return v.e.Zone, true
	case "name":
		return v.zone.Name, true
	case "kind":
		return v.zone.Kind, true
	case "armed":
		return v.zone.Armed, true
	case "locked":
		return v.zone.Locked, true
	case "special":
		return v.zone.Special, true
	}
	return nil, false
}

func (v *view) ofDevice(name string) (any, bool) {
	if !v.haveD {
		v.device, v.haveD = v.site.Device(v.e.Device), true
		v.deviceIsKnown = v.device.ID != ""
	}
	switch name {
	case "id":
		return v.e.Device, true
	case "name":
		return v.device.Name, true
	case "alias":
		return v.device.Alias, true
	case "kind":
		return v.device.Kind, true
	case "gateway":
		return v.device.Gateway, true
	case "known":
		return v.deviceIsKnown, true
	case "beacon":
		return v.device.Beacon, true
	}
	return nil, false
}

// fields decodes the body once. An erased or foreign body has no fields.
func (v *view) fields() map[string]any {
	if v.body != nil {
		return v.body
	}
	body := bytes.TrimLeft(v.e.Body, " \t\r\n")
	if len(body) > 0 && body[0] == '{' {
		if json.Unmarshal(body, &v.body) != nil {
			v.body = nil
		}
	}
	if v.body == nil {
		v.body = map[string]any{}
	}
	return v.body
}

// millis is the event's receive time in the judge's unit.
func millis(t time.Time) int64 { return watch.Millis(t) }
