package zigbee2mqtt

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"

	"siaga/devices/mqttlink"
	"siaga/internal/watch"
)

// loose is a text that some firmware sends as a number. Anything else counts as absent, so that one odd sensor does not
// cost the whole inventory.
type loose string

// UnmarshalJSON never fails.
func (l *loose) UnmarshalJSON(raw []byte) error {
	var text string
	var number json.Number
	switch {
	case json.Unmarshal(raw, &text) == nil:
		*l = loose(text)
	case json.Unmarshal(raw, &number) == nil:
		*l = loose(number)
	}
	return nil
}

// describe tells what a sensor is, when that is other than before. Vendor and model are those of the converter, or
// without one what the sensor itself says; a firmware without a number is told by its date.
func (s *state) describe(d item) (watch.Reading, bool) {
	about := watch.Description{
		Vendor: string(d.Maker), Model: string(d.ModelID), Firmware: cmp.Or(string(d.Build), string(d.DateCode)),
	}
	if d.Definition != nil {
		about.Vendor, about.Model = cmp.Or(d.Definition.Vendor, about.Vendor), cmp.Or(d.Definition.Model, about.Model)
	}
	return s.tell(d.Name, about)
}

// tell makes a reading of what is new. What is remembered is as bounded as the sensors are.
func (s *state) tell(name string, about watch.Description) (watch.Reading, bool) {
	about = about.Clean()
	last, known := s.told[name]
	if about == last || name != "" && checkName(name) != nil || !known && len(s.told) >= maxSensors {
		return watch.Reading{}, false
	}
	s.told[name] = about
	return about.Reading(name), true
}

// info is what the gateway says about itself: its own version, and what its radio is. The rest of the message, the
// network's keys among it, is not read.
func (s *state) info(m mqttlink.Message) ([]watch.Reading, error) {
	var raw struct {
		Version     loose `json:"version"`
		Coordinator *struct {
			Type loose `json:"type"`
			Meta *struct {
				Revision loose `json:"revision"`
			} `json:"meta"`
		} `json:"coordinator"`
	}
	if err := json.Unmarshal(bytes.TrimRight(m.Payload, "\x00 \t\r\n"), &raw); err != nil {
		return nil, fmt.Errorf("bridge info: %w", err)
	}
	var about watch.Description
	if raw.Version != "" {
		about.Software = "Zigbee2MQTT " + string(raw.Version)
	}
	if c := raw.Coordinator; c != nil {
		about.Model = string(c.Type)
		if c.Meta != nil {
			about.Firmware = string(c.Meta.Revision)
		}
	}
	if r, ok := s.tell("", about); ok {
		return []watch.Reading{r}, nil
	}
	return nil, nil
}
