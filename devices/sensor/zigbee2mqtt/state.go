package zigbee2mqtt

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"siaga/devices/mqttlink"
	"siaga/internal/watch"
)

const (
	maxDevices = 1024
	maxName    = 128 // bytes of a friendly name that becomes a child's key
)

// device is what was last heard of one sensor. The bridge repeats its merged state, so only a changed value
// is an event.
type device struct {
	flags     map[string]bool
	lock      string
	available string
	kept      string // the last retained state told
}

// state is what is known of one bridge.
type state struct {
	base      string
	devices   map[string]*device
	bridge    string // online or offline, "" before it is known
	inventory string
}

func newState(base string) *state {
	s := &state{base: base}
	s.Reset()
	return s
}

// Reset forgets every device.
func (s *state) Reset() { *s = state{base: s.base, devices: map[string]*device{}} }

// Tick does nothing: Zigbee sensors sleep for hours; the bridge's availability says which are gone.
func (s *state) Tick(time.Time) []watch.Reading { return nil }

// Handle decodes one message.
func (s *state) Handle(m mqttlink.Message) mqttlink.Decoded {
	name, ok := strings.CutPrefix(m.Topic, s.base+"/")
	if !ok || name == "" {
		return garbled(m, "topic is not below "+s.base)
	}
	if sub, ok := strings.CutPrefix(name, "bridge/"); ok {
		return s.bridgeSays(sub, m)
	}
	if command(name) {
		return mqttlink.Decoded{} // somebody talks to a device; nothing was sensed
	}
	if len(name) > maxName {
		return garbled(m, "friendly name is longer than 128 bytes")
	}
	if len(m.Payload) == 0 {
		return mqttlink.Decoded{} // a kept message was taken away: the device was renamed or removed
	}
	if sensor, ok := strings.CutSuffix(name, "/availability"); ok {
		return s.availability(sensor, m)
	}
	o, err := mqttlink.ParseObject(m.Payload)
	if err != nil {
		if name, o = s.attribute(name, m.Payload); o == nil {
			return garbled(m, err.Error())
		}
	}
	d := s.device(name)
	if d == nil {
		return garbled(m, "too many devices")
	}
	if m.Retained {
		return mqttlink.Decoded{Readings: d.keptState(name, o)}
	}
	return mqttlink.Decoded{Readings: d.hear(name, o)}
}

func garbled(m mqttlink.Message, reason string) mqttlink.Decoded {
	return mqttlink.Decoded{Readings: []watch.Reading{mqttlink.Garbled(family, m, reason)}}
}

// command reports whether a topic below the base is a request to a device.
func command(name string) bool {
	return strings.HasSuffix(name, "/set") || strings.HasSuffix(name, "/get") || strings.Contains(name, "/set/") || strings.Contains(name, "/get/")
}

// attribute reads a message of a bridge that publishes every attribute on a topic of its own, for devices that
// are known.
func (s *state) attribute(name string, payload []byte) (string, mqttlink.Object) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 || s.devices[name[:i]] == nil {
		return "", nil
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		v = string(payload)
	}
	switch v.(type) {
	case bool, json.Number, string:
		return name[:i], mqttlink.Object{name[i+1:]: v}
	}
	return "", nil
}

func (s *state) device(name string) *device {
	d := s.devices[name]
	if d == nil && len(s.devices) < maxDevices {
		d = &device{flags: map[string]bool{}}
		s.devices[name] = d
	}
	return d
}

// hear makes facts of what changed and samples of what was measured.
func (d *device) hear(name string, o mqttlink.Object) []watch.Reading {
	at := seen(o)
	var rs []watch.Reading
	fact := func(kind string, body map[string]any) { rs = append(rs, reading(kind, name, at, body)) }
	for _, s := range senses() {
		v, ok := o.Flag(s.key)
		if !ok {
			continue
		}
		was, known := d.flags[s.key]
		if known && was == v {
			continue
		}
		d.flags[s.key] = v
		kind := s.rest
		if v == s.alarm {
			kind = s.raise
		}
		body := map[string]any{"sensor": s.key, "value": v, "first": !known}
		if s.key == "battery_low" {
			maps.Copy(body, battery(o))
		}
		fact(kind, body)
	}
	if lock, ok := o.Text("lock_state"); ok && lock != d.lock {
		fact("lock.changed", map[string]any{"state": lock, "was": d.lock, "first": d.lock == ""})
		d.lock = lock
	}
	if action, ok := o.Text("action"); ok && action != "" {
		fact("sensor.action", map[string]any{"action": action})
	}
	return append(rs, samples(name, at, o)...)
}

// samples are the numbers of a message.
func samples(name string, at time.Time, o mqttlink.Object) []watch.Reading {
	var rs []watch.Reading
	sample := func(kind string, body map[string]any) {
		if len(body) > 0 {
			r := reading(kind, name, at, body)
			r.Sample = true
			rs = append(rs, r)
		}
	}
	power := battery(o)
	sample("sensor.battery", power)
	for _, m := range measures() {
		body := map[string]any{}
		for i := 0; i < len(m.pairs); i += 2 {
			if n, ok := o.Number(m.pairs[i]); ok {
				body[m.pairs[i+1]] = n
			}
		}
		if volts, ok := o.Number("voltage"); ok && m.kind == "sensor.power" && len(power) == 0 {
			body["voltage_v"] = volts
		}
		sample(m.kind, body)
	}
	sample("sensor.values", leftovers(o))
	return rs
}

// leftovers are scalars that nothing else reads, so that an unusual sensor is not silent.
func leftovers(o mqttlink.Object) map[string]any {
	body := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if handled(key) || len(body) == 32 || len(key) > 64 {
			continue
		}
		switch v := o[key].(type) {
		case bool, json.Number:
			body[key] = v
		case string:
			if len(v) <= 256 {
				body[key] = v
			}
		}
	}
	return body
}

// keptState tells a retained state as what it is: of unknown age, never an alarm, never a change.
func (d *device) keptState(name string, o mqttlink.Object) []watch.Reading {
	values, alarms := map[string]any{}, []string{}
	for _, s := range senses() {
		if v, ok := o.Flag(s.key); ok {
			values[s.key] = v
			if v == s.alarm {
				alarms = append(alarms, s.key)
			}
		}
	}
	now, _ := json.Marshal(values) // booleans
	if string(now) == d.kept || len(values) == 0 {
		return nil
	}
	d.kept = string(now)
	return []watch.Reading{reading("sensor.state", name, seen(o), map[string]any{"retained": true, "values": values, "alarms": alarms})}
}

// reading makes one. A message that tells when it was sensed is unique by that.
func reading(kind, child string, at time.Time, body map[string]any) watch.Reading {
	raw, _ := json.Marshal(body) // strings, bools and finite numbers only: cannot fail
	return watch.Reading{Kind: kind, Child: child, At: at, MessageID: watch.FormatTime(at), Body: raw}
}
