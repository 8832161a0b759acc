package web

import (
	"context"
	"encoding/json"

	"siaga/internal/watch"
)

// fleet is how devices are doing, and a look at one that may not be registered yet.
type fleet interface {
	States() []watch.DeviceState
	// Probe says within ctx whether a device would work. An error means that the question itself is wrong.
	Probe(ctx context.Context, q ProbeRequest) (ProbeResult, error)
}

// drivers is what this build can speak.
type drivers interface {
	Drivers() []Driver
	// Hints are stream paths that cameras of a vendor commonly have; all vendors' for "".
	Hints(vendor string) []PathHint
}

// rules are the rules in force.
type rules interface{ Rules() []Rule }

// ProbeRequest is a device to look at: one that is registered, or a description.
type ProbeRequest struct {
	Device  string            `json:"device,omitempty" maxLength:"63" doc:"a registered device, instead of the rest"`
	Driver  string            `json:"driver,omitempty" maxLength:"32"`
	Config  json.RawMessage   `json:"config,omitempty" doc:"the driver's own settings, without secrets"`
	Secrets map[string]string `json:"secrets,omitempty" doc:"password and the like; used once, not kept"`
	Paths   bool              `json:"paths,omitempty" doc:"when the camera does not know the path, try the common ones by brand"`
}

// ProbeResult is what a look found. Reason, Detail and Hint say why it did not work.
type ProbeResult struct {
	OK      bool              `json:"ok"`
	Streams []ProbedStream    `json:"streams"`
	Notes   []string          `json:"notes"`
	Device  map[string]string `json:"device"`
	Picture []byte            `json:"picture,omitempty" doc:"JPEG"`
	Reason  watch.Reason      `json:"reason"`
	Detail  string            `json:"detail"`
	Hint    string            `json:"hint"`
	Config  json.RawMessage   `json:"config,omitempty" doc:"the config that worked, when another path than the one asked for did"`
	Vendor  string            `json:"vendor,omitempty" doc:"whose cameras commonly have that path"`
}

// Setting is one key of the program's configuration.
type Setting struct {
	Key        string  `json:"key" doc:"as in siaga.yaml: recording.keep_days"`
	Value      string  `json:"value" doc:"what the program runs with; lists are JSON"`
	Source     string  `json:"source" enum:"default,file,changed" doc:"nothing was written, siaga.yaml says so, or somebody changed it here"`
	Applies    string  `json:"applies" enum:"now,restart" doc:"when a change takes effect"`
	Changeable bool    `json:"changeable" doc:"it may be changed here, not only in siaga.yaml"`
	InFile     string  `json:"in_file" doc:"what siaga.yaml says, or the default"`
	Pending    *string `json:"pending,omitempty" doc:"what it will be from the next start on, where siaga.yaml was edited since the last"`
	// Who changed it last, or set it back to the file; of a key that nobody changed here the revision is 0.
	By       string     `json:"by,omitempty"`
	ByName   string     `json:"by_name,omitempty"`
	At       watch.Time `json:"at,omitzero"`
	Revision uint64     `json:"revision" doc:"moves with every change"`
}

// ProbedStream is one feed that was found.
type ProbedStream struct {
	Name   string  `json:"name"`
	Codec  string  `json:"codec"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
	FPS    float64 `json:"fps"`
	Audio  string  `json:"audio,omitempty"`
}

// Driver is one kind of device that this build speaks.
type Driver struct {
	Kind   string          `json:"kind"`
	Title  string          `json:"title"`
	Schema json.RawMessage `json:"config_schema" doc:"JSON Schema of the driver's settings"`
}

// PathHint is a pair of paths that cameras of a vendor commonly have.
type PathHint struct {
	Vendor string `json:"vendor"`
	Main   string `json:"main"`
	Sub    string `json:"sub,omitempty"`
}

// Rule is one rule in force.
type Rule struct {
	ID       string      `json:"id"`
	Title    watch.Words `json:"title"`
	Priority string      `json:"priority"`
	Category string      `json:"category"`
	On       []string    `json:"on" doc:"event kinds it looks at"`
	Source   string      `json:"source" doc:"file it was read from"`
	Domain   string      `json:"domain" doc:"code in the event catalogue"`
	Steps    Steps       `json:"steps" doc:"what to do, in both languages; empty lists when the rule brings no card"`
	Call     []string    `json:"call" doc:"whom to call, first first: words that /contacts explains"`
	Cameras  []string    `json:"cameras" doc:"devices to show besides those of the alert's zone"`
}

// Steps are the lines of an action card.
type Steps struct {
	ID []string `json:"id"`
	EN []string `json:"en"`
}

// Count is one figure of another room, for /metrics.
type Count struct {
	Name   string // siaga_<room>_<what>[_total]
	Help   string
	Label  string // name of the one label, "" for none
	Of     string // its value
	Value  float64
	Rising bool // it only grows
}
