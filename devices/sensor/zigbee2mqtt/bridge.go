package zigbee2mqtt

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"siaga/devices/mqttlink"
	"siaga/internal/watch"
)

const (
	maxListed   = 400       // sensors in an inventory
	maxListSize = 180 << 10 // bytes of an inventory
)

// bridge handles what the gateway says about itself. Its log, settings, groups, requests and answers are no
// business of a guard.
func (s *state) bridge(said string, m mqttlink.Message) ([]watch.Reading, error) {
	if len(m.Payload) == 0 {
		return nil, nil // a kept message was taken back
	}
	switch said {
	case "state":
		return s.gatewayState(m)
	case "event":
		return joinOrLeave(m)
	case "devices":
		return s.devices(m)
	case "info":
		return s.info(m)
	}
	return nil, nil
}

// gatewayState is the gateway's own word or its will. The first one after a start is always told: it ends an
// alert that was raised before.
func (s *state) gatewayState(m mqttlink.Message) ([]watch.Reading, error) {
	online, err := onlineOf(m.Payload)
	if err != nil {
		return nil, err
	}
	first := !s.gateway.known || !s.gateway.sure
	r, ok := presence(&s.gateway, &gateway, online, "", m)
	if !ok && first {
		s.gateway.sure = true
		r, ok = told(gateway.rest, "", m, map[string]any{"state": stateWord(online)}), true
	}
	if !ok {
		return nil, nil
	}
	return []watch.Reading{r}, nil
}

// joinOrLeave is an equipment that joined the network, left it, or showed up again.
func joinOrLeave(m mqttlink.Message) ([]watch.Reading, error) {
	o, err := mqttlink.ParseObject(m.Payload)
	if err != nil {
		return nil, err
	}
	what, _ := o.Text("type")
	kind, known := map[string]string{
		"device_joined": "sensor.joined", "device_leave": "sensor.left",
		"device_announce": "sensor.announced", "device_interview": "sensor.announced",
	}[what]
	if what == "" {
		return nil, errors.New("gateway event without type")
	}
	if !known || m.Retained {
		return nil, nil // a later release's event, or one of unknown age
	}
	data, _ := o.Object("data")
	b := map[string]any{"event": what}
	name := word(b, "", data, maxName, "friendly_name")
	if ieee := word(b, "ieee", data, maxWord, "ieee_address"); name == "" {
		name = ieee
	}
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("%s: %w", clip(what, maxWord), err)
	}
	word(b, "status", data, maxWord, "status")
	definition, _ := data.Object("definition")
	word(b, "model", definition, maxWord, "model")
	word(b, "vendor", definition, maxWord, "vendor")
	return []watch.Reading{told(kind, name, m, b)}, nil
}

// word copies a text of bounded length into body, if to is not empty, and returns it.
func word(body map[string]any, to string, from mqttlink.Object, limit int, key string) string {
	text, _ := from.Text(key)
	if text = clip(text, limit); text != "" && to != "" {
		body[to] = text
	}
	return text
}

// item is a line of the gateway's inventory, as far as it is read.
type item struct {
	Type       string `json:"type"`
	Name       string `json:"friendly_name"`
	IEEE       string `json:"ieee_address"`
	Power      string `json:"power_source"`
	Build      loose  `json:"software_build_id"`
	DateCode   loose  `json:"date_code"`
	ModelID    loose  `json:"model_id"`
	Maker      loose  `json:"manufacturer"`
	Definition *struct {
		Model  string `json:"model"`
		Vendor string `json:"vendor"`
	} `json:"definition"`
}

// listed is one line of the inventory, as it is told.
type listed struct {
	Name   string `json:"friendly_name"`
	IEEE   string `json:"ieee,omitempty"`
	Model  string `json:"model,omitempty"`
	Vendor string `json:"vendor,omitempty"`
	Power  string `json:"power_source,omitempty"`
}

// devices is the gateway's inventory; an unchanged one is no event.
func (s *state) devices(m mqttlink.Message) ([]watch.Reading, error) {
	var raw []item
	if err := json.Unmarshal(bytes.TrimRight(m.Payload, "\x00 \t\r\n"), &raw); err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	list := []listed{}
	var described []watch.Reading
	for _, d := range raw {
		if d.Type == "Coordinator" {
			continue
		}
		if r, ok := s.describe(d); ok {
			described = append(described, r)
		}
		l := listed{Name: clip(d.Name, maxName), IEEE: clip(d.IEEE, maxWord), Power: clip(d.Power, maxWord)}
		if d.Definition != nil {
			l.Model, l.Vendor = clip(d.Definition.Model, maxWord), clip(d.Definition.Vendor, maxWord)
		}
		list = append(list, l)
	}
	whole, _ := json.Marshal(list) // strings only: cannot fail
	hash := sha256.Sum256(whole)
	if hash == s.inventory {
		return described, nil
	}
	s.inventory = hash
	count := len(list)
	list = list[:min(count, maxListed)]
	for _, l := range list {
		if checkName(l.Name) == nil && len(s.sensors) < maxSensors {
			_, _ = s.sensor(l.Name, m.Received) // below the limit: no error
		}
	}
	for size := len(whole); size > maxListSize && len(list) > 0; {
		list = list[:len(list)/2]
		shorter, _ := json.Marshal(list)
		size = len(shorter)
	}
	body := map[string]any{"count": count, "sensors": list}
	if len(list) < count {
		body["truncated"] = true
	}
	return append([]watch.Reading{told("sensor.inventory", "", m, body)}, described...), nil
}
