// Package registry is what the site has: zones, devices, streams, credentials. Every change is an event with the
// values before and after, minus secrets; the tables are a projection of those events. Secrets live beside them,
// sealed, and can be set but never shown.
package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"siaga/internal/watch"
)

// Zone kinds. The list is closed so that rules and screens can rely on it.
const (
	ZoneOffice     = "office"
	ZonePerimeter  = "perimeter"
	ZoneGate       = "gate"
	ZonePost       = "post"
	ZoneYard       = "yard"
	ZoneLobby      = "lobby"
	ZoneHall       = "hall"
	ZoneServerRoom = "server_room"
	ZoneArchive    = "archive"
	ZoneStore      = "store"
	ZoneLoading    = "loading"
	ZoneDoor       = "door"
	ZoneFence      = "fence"
	ZoneAir        = "air"
	ZoneRoom       = "room"
	ZoneOther      = "other"
)

// ZoneKinds lists all kinds of zones.
func ZoneKinds() []string {
	return []string{
		ZoneOffice, ZonePerimeter, ZoneGate, ZonePost, ZoneYard, ZoneLobby, ZoneHall, ZoneServerRoom,
		ZoneArchive, ZoneStore, ZoneLoading, ZoneDoor, ZoneFence, ZoneAir, ZoneRoom, ZoneOther,
	}
}

// Plan is a place on a floor plan, as fractions of its width and height from the upper left corner.
type Plan struct {
	Floor string  `json:"floor,omitempty"` // zone whose plan it is; "" for the site's only one
	X     float64 `json:"x"`               // 0 to 1
	Y     float64 `json:"y"`               // 0 to 1
	// Where a device on the plan looks. Zones have no such thing.
	Heading float64 `json:"heading,omitempty"` // degrees clockwise from the plan's upper edge, 0 to 360
	FOV     float64 `json:"fov,omitempty"`     // degrees of its field of view, 0 if it has none
	Range   float64 `json:"range,omitempty"`   // how far it sees, as a fraction of the plan's width
}

// Position is a place on earth, degrees WGS 84.
type Position struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Zone is a part of the site.
type Zone struct {
	ID       string    `json:"id"`
	Parent   string    `json:"parent,omitempty"` // "" for a root
	Name     string    `json:"name"`
	Code     string    `json:"code,omitempty"` // short form in device names, "GDB"
	Kind     string    `json:"kind"`
	Special  bool      `json:"special,omitempty"` // ruang khusus: every entry is an event
	Plan     *Plan     `json:"plan,omitempty"`
	Position *Position `json:"position,omitempty"`

	Armed   Mark      `json:"-"` // presence here is an alert
	Locked  Mark      `json:"-"` // locked up: motion inside is critical
	Created time.Time `json:"-"`
	Changed time.Time `json:"-"`
	// Revision is the sequence of the event that last changed the zone or threw one of its switches.
	Revision uint64 `json:"-"`
}

// Mark is a switch that people throw, and who threw it last.
type Mark struct {
	On bool
	By string    // person id, "" if nobody ever did
	At time.Time // zero if nobody ever did
}

// Stream says what to do with one feed of a device.
type Stream struct {
	Name      string `json:"name"` // main or sub
	Record    bool   `json:"record"`
	Retention string `json:"retention,omitempty"` // class named in the config; "" means DefaultRetention
}

// DefaultRetention is the retention class of a stream that names none.
const DefaultRetention = "standard"

// Device is one piece of equipment. What stands behind a gateway is a Device with a Parent and a ChildKey.
type Device struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"` // the driver's kind; behind a gateway, what it is: "radio", "door"
	Name     string          `json:"name"`
	Alias    string          `json:"alias,omitempty"` // call sign for screens: "Pos 2"
	Zone     string          `json:"zone"`
	Parent   string          `json:"parent,omitempty"`
	ChildKey string          `json:"child_key,omitempty"` // the gateway's own name for it: DMR number, friendly name
	Config   json.RawMessage `json:"config"`              // a JSON object without secrets
	Enabled  bool            `json:"enabled"`
	Streams  []Stream        `json:"streams,omitempty"`
	Plan     *Plan           `json:"plan,omitempty"`
	Position *Position       `json:"position,omitempty"`

	Secrets   []string  `json:"-"` // names of the secrets that are set; values only through Registry.Secrets
	MQTT      bool      `json:"-"` // has an MQTT credential
	Created   time.Time `json:"-"`
	CreatedBy string    `json:"-"`
	Installed time.Time `json:"-"` // since when this very unit stands there
	Changed   time.Time `json:"-"`
	// Revision is the sequence of the event that last changed the device. A keeper restarts its device when it moves.
	Revision uint64 `json:"-"`
}

// By says who changes something and why. It goes into the event.
type By struct {
	Actor  string // person id; "" only for the program itself
	Second string // person id of the second person, where two are needed
	Reason string // free text; needed where a function says so
	// Seen is the revision of what is to be changed that the person looked at; 0 if it does not matter. When it has
	// moved since, the change is refused with Stale.
	Seen uint64
}

// Errors that refusals wrap, beside watch.ErrInvalid.
var (
	// ErrConflict means that what was asked for collides with what is there.
	ErrConflict = errors.New("conflict")
	// ErrNotFound means that there is no such zone or device.
	ErrNotFound = errors.New("not found")
)

// Refusal says which field of a request cannot be taken, why, and what to do instead. It wraps watch.ErrInvalid,
// ErrConflict or ErrNotFound.
type Refusal struct {
	Field string // "config.url", "name"; "" if it is about the whole
	Why   string // one sentence in English; MUST NOT hold a secret
	Cause error
}

// Stale says that somebody else changed a thing after the person looked at it. It wraps ErrConflict.
type Stale struct {
	Actor string // person id, "" for the program
	At    time.Time
	seq   uint64
}

func (s *Stale) Error() string {
	return fmt.Sprintf("%s changed this at %s, after you had opened it; load it again", someone(s.Actor), s.At.Format("2006-01-02 15:04:05 UTC"))
}

func (s *Stale) Unwrap() error { return ErrConflict }

func (r *Refusal) Error() string {
	if r.Field == "" {
		return r.Why
	}
	return r.Field + ": " + r.Why
}

func (r *Refusal) Unwrap() error { return r.Cause }

func invalid(field, format string, args ...any) error {
	return &Refusal{Field: field, Why: fmt.Sprintf(format, args...), Cause: watch.ErrInvalid}
}

func conflict(field, format string, args ...any) error {
	return &Refusal{Field: field, Why: fmt.Sprintf(format, args...), Cause: ErrConflict}
}

func notFound(what, id string) error {
	return &Refusal{Field: "id", Why: fmt.Sprintf("there is no %s %.64q", what, id), Cause: ErrNotFound}
}
