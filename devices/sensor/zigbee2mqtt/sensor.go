package zigbee2mqtt

import (
	"encoding/json"
	"maps"
	"strings"
	"time"

	"siaga/devices/mqttlink"
	"siaga/internal/watch"
)

const (
	maxSensors = 2048 // a Zigbee network has at most a few hundred
	maxName    = 200  // bytes
	maxWord    = 64   // bytes of an action, model, vendor or address
)

// sensor is what is remembered of one sensor; its size is fixed.
type sensor struct {
	flags         [senseCount]flag
	reach         flag
	power, around trend
	heard         time.Time
}

// tells reports whether a message holds anything that is worth remembering a sensor for.
func tells(o mqttlink.Object) bool {
	for i := range senses {
		if o[senses[i].key] != nil {
			return true
		}
	}
	around, _ := environment(o)
	power, _ := battery(o)
	return around != (numbers{}) || power != (numbers{})
}

// message is one state message of one sensor.
type message struct {
	mqttlink.Message
	name string
	o    mqttlink.Object
	at   time.Time
	id   string // empty when the gateway does not tell last_seen
}

func newMessage(m mqttlink.Message, name string, o mqttlink.Object) message {
	msg := message{Message: m, name: name, o: o, at: mqttlink.Clock(o["last_seen"])}
	if seen, ok := o.Text("last_seen"); ok && !msg.at.IsZero() {
		msg.id = clip(seen, maxWord)
	}
	return msg
}

// reading makes a reading; name, link quality and the mark of a kept message are added to body.
func (m *message) reading(kind string, body map[string]any) watch.Reading {
	if q, ok := m.o.Number("linkquality"); ok {
		body["linkquality"] = q
	}
	r := told(kind, m.name, m.Message, body)
	r.At, r.MessageID = m.at, m.id
	return r
}

// told makes a reading about a sensor, or about the gateway if name is empty.
func told(kind, name string, m mqttlink.Message, body map[string]any) watch.Reading {
	if name != "" {
		body["name"] = name
	}
	if m.Retained {
		body["baseline"] = true
	}
	raw, _ := json.Marshal(body) // strings, bools and finite numbers only: cannot fail
	return watch.Reading{Kind: kind, Child: name, Body: raw}
}

// hear makes the readings of one message. Facts come first, so that their place in the message does not hang
// on how long ago the last sample was.
func (s *sensor) hear(m message) []watch.Reading {
	out, unreadable := s.changes(m)
	if m.Retained {
		return append(out, unreadable...)
	}
	if word, ok := m.o.Text("action"); ok && word != "" {
		out = append(out, m.reading("sensor.action", action(word, m.o)))
	}
	if n, body := battery(m.o); s.power.due(n, m.Received) {
		out = append(out, sample(m.reading("sensor.battery", body)))
	}
	if n, body := environment(m.o); s.around.due(n, m.Received) {
		out = append(out, sample(m.reading("sensor.environment", body)))
	}
	return append(out, unreadable...)
}

// changes makes the facts of two-valued senses, and a garbled reading for each that cannot be read.
func (s *sensor) changes(m message) (out, unreadable []watch.Reading) {
	for i := range senses {
		sn := &senses[i]
		v, ok, bad := sn.read(m.o)
		if bad {
			unreadable = append(unreadable, mqttlink.Garbled(family, m.Message, sn.key+" is neither true nor false"))
		}
		if !ok {
			continue
		}
		said := s.flags[i].judge(sn, v, m.Message)
		kind := sn.raise
		if v != sn.alarm {
			kind = sn.rest
		}
		if !said.event || kind == "" || v != sn.alarm && s.still(i) {
			continue
		}
		body := map[string]any{sn.key: sn.show(v)}
		if said.known {
			body["previous"] = sn.show(said.previous)
		}
		if said.baseline {
			body["baseline"] = true
		}
		if sn.key == "battery_low" {
			_, charge := battery(m.o)
			maps.Copy(body, charge)
		}
		out = append(out, m.reading(kind, body))
	}
	return out, unreadable
}

// still reports whether another sense with the same events as sense i is in alarm: presence while occupancy
// is over, carbon monoxide while gas is.
func (s *sensor) still(i int) bool {
	for j := range senses {
		if f := s.flags[j]; j != i && senses[j].raise == senses[i].raise && f.known && f.value == senses[j].alarm {
			return true
		}
	}
	return false
}

// action is the body of a button or keypad. The code typed at a keypad is a secret and stays out.
func action(word string, o mqttlink.Object) map[string]any {
	body := map[string]any{"action": clip(word, maxWord)}
	if zone, ok := o.Text("action_zone"); ok {
		body["action_zone"] = clip(zone, maxWord)
	}
	return body
}

// doubt says that readings of the last run may not have become durable.
func (s *sensor) doubt() {
	for i := range s.flags {
		s.flags[i].doubt()
	}
	s.reach.doubt()
	s.power, s.around = trend{}, trend{}
}

func sample(r watch.Reading) watch.Reading {
	r.Sample = true
	return r
}

// clip shortens s to at most n bytes of valid UTF-8.
func clip(s string, n int) string {
	return strings.ToValidUTF8(s[:min(len(s), n)], "")
}
