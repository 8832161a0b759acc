// Package devices is the one page a driver author reads: a Device runs, a Host listens.
//
// A driver lives in its own folder below this one, is listed in devices/catalog, and sits the exam
// of devices/devicetest. It can reach neither storage nor web nor any other driver.
package devices

import (
	"context"
	"encoding/json"

	"siaga/internal/watch"
)

// Device is one connection to one piece of equipment or gateway.
type Device interface {
	// Run connects, reports through host until the link breaks or ctx ends, and returns why it stopped:
	// a *watch.Fault wherever the reason is known, ctx.Err() when it was told to stop.
	// It MUST NOT retry, outlive its return, or start a goroutine it does not wait for.
	Run(ctx context.Context, host Host) error
}

// Host is what a device may do to the site.
type Host interface {
	// Observe hands over one reading; it blocks while the queue is full. The receipt resolves once
	// the reading is durable, and always resolves. What a device tells about itself is a reading too: see
	// watch.Description; telling the same again makes no event.
	Observe(ctx context.Context, r watch.Reading) (Receipt, error)
	// Media hands over one access unit. It never blocks; what does not fit is dropped and counted.
	Media(au watch.AccessUnit)
}

// Linked is a Host that wants to know when a gateway's link stands, before the gateway has anything to say.
type Linked interface {
	// Linked says that the connection is made. It may journal, and MUST NOT wait for the device.
	Linked(ctx context.Context)
}

// Audience is a Host that knows for whom the pictures are. A driver may gather what is only recorded, and MUST hand over at once
// what somebody watches.
type Audience interface {
	// Watched reports whether somebody watches a stream, main or sub, at this moment. It never blocks.
	Watched(stream string) bool
}

// Receipt resolves once, when the reading is durable or can never become so.
type Receipt interface {
	// Wait returns nil when durable, the reason when it never will be, or ctx.Err().
	Wait(ctx context.Context) error
}

// Driver is the code that speaks one kind of device's protocol.
type Driver struct {
	// Kind is the driver's name in the registry: "rtsp", "dji", "mmdvm", "zigbee2mqtt".
	Kind string
	// New checks the settings and makes a device. It does no I/O; errors name the key at fault.
	New func(Settings) (Device, error)
	// Topics returns the MQTT filters the device publishes on and Siaga subscribes to, for topic rights.
	// nil for drivers that do not speak MQTT.
	Topics func(config json.RawMessage) (Topics, error)
}

// Topics are MQTT rights of one gateway, as topic filters (`+` and `#` allowed).
type Topics struct {
	Publish   []string // what the gateway may publish, and Siaga subscribes to
	Subscribe []string // what the gateway may read, and Siaga publishes (replies, commands)
}

// Settings is everything a driver is told.
type Settings struct {
	ID      string            // the device's slug
	Config  json.RawMessage   // the driver's own config; decode with DecodeConfig (strict)
	Secrets map[string]string // resolved secrets by name ("password"); MUST NOT be logged
	Link    *Link             // how to reach the broker; nil for drivers that do not speak MQTT
}

// Link is one MQTT session's address and identity.
type Link struct {
	URL      string // tcp://host:port or ssl://host:port
	ClientID string // persistent, one per gateway
	Username string
	Password string
	CA       []byte // PEM of the broker's authority; nil: the system's
}

// Prober is a device that can say in a few seconds whether it would work.
type Prober interface {
	// Probe connects, looks, and disconnects. An error is a *watch.Fault with a plain reason.
	Probe(ctx context.Context) (Probe, error)
}

// Probe is what a look at a device found.
type Probe struct {
	Streams []ProbedStream `json:"streams,omitempty"`
	// Picture is one JPEG or coded key frame of the main stream, nil if none came in time.
	Picture *watch.AccessUnit `json:"-"`
	Device  map[string]string `json:"device,omitempty"` // vendor, model, firmware, serial, software where told
	Notes   []string          `json:"notes,omitempty"`  // warnings in plain English, e.g. B-frames
}

// ProbedStream is one feed that a probe found.
type ProbedStream struct {
	Name   string  `json:"name"` // main, sub
	Codec  string  `json:"codec"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
	FPS    float64 `json:"fps"`
	Audio  string  `json:"audio,omitempty"`
}
