package zigbee2mqtt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"siaga/devices/mqttlink"
	"siaga/internal/watch"
)

// bridgeSays handles what the bridge tells of itself and its network.
func (s *state) bridgeSays(sub string, m mqttlink.Message) mqttlink.Decoded {
	switch sub {
	case "state":
		return s.bridgeState(m)
	case "event":
		return bridgeEvent(m)
	case "devices":
		return s.devicesListed(m)
	case "logging":
		return logged(m)
	}
	return mqttlink.Decoded{} // settings, groups, requests and their answers: nothing was sensed
}

// onOff reads {"state":"online"} or plain online.
func onOff(payload []byte) (string, error) {
	text := strings.TrimSpace(string(payload))
	if o, err := mqttlink.ParseObject(payload); err == nil {
		text, _ = o.Text("state")
	}
	if text != "online" && text != "offline" {
		return "", fmt.Errorf("availability %.40q is neither online nor offline", text)
	}
	return text, nil
}

func (s *state) bridgeState(m mqttlink.Message) mqttlink.Decoded {
	now, err := onOff(m.Payload)
	if err != nil {
		return garbled(m, err.Error())
	}
	first := s.bridge == ""
	if now == s.bridge {
		return mqttlink.Decoded{}
	}
	s.bridge = now
	kind := "gateway." + now
	if first && m.Retained {
		kind = "gateway.state"
	}
	return one(reading(kind, "", time.Time{}, map[string]any{"state": now, "first": first, "retained": m.Retained}))
}

// availability is published kept, so a kept value that differs from the known one is news; the first is not.
func (s *state) availability(name string, m mqttlink.Message) mqttlink.Decoded {
	now, err := onOff(m.Payload)
	if err != nil {
		return garbled(m, err.Error())
	}
	d := s.device(name)
	if d == nil {
		return garbled(m, "too many devices")
	}
	first := d.available == ""
	if now == d.available {
		return mqttlink.Decoded{}
	}
	d.available = now
	kind := "sensor." + now
	if first && m.Retained {
		kind = "sensor.state"
	}
	return one(reading(kind, name, time.Time{}, map[string]any{"availability": now, "first": first, "retained": m.Retained}))
}

// bridgeEvent is a device joining, leaving or announcing itself.
func bridgeEvent(m mqttlink.Message) mqttlink.Decoded {
	o, err := mqttlink.ParseObject(m.Payload)
	if err != nil {
		return garbled(m, err.Error())
	}
	typ, _ := o.Text("type")
	data, ok := o.Object("data")
	if typ == "" || !ok {
		return garbled(m, "bridge event without type and data")
	}
	if m.Retained {
		return mqttlink.Decoded{} // an event of unknown age is none
	}
	name, body := short(data, "friendly_name"), map[string]any{"type": typ, "ieee": short(data, "ieee_address")}
	if st := short(data, "status"); st != "" {
		body["status"] = st
	}
	kind := "sensor.bridge_event"
	switch typ {
	case "device_joined":
		kind = "sensor.joined"
	case "device_leave":
		kind = "sensor.left"
	case "device_announce":
		kind = "sensor.announced"
	case "device_interview":
		kind = "sensor.interview"
	}
	return one(reading(kind, name, time.Time{}, body))
}

// logged passes on the bridge's errors.
func logged(m mqttlink.Message) mqttlink.Decoded {
	o, err := mqttlink.ParseObject(m.Payload)
	if err != nil {
		return garbled(m, err.Error())
	}
	if level, _ := o.Text("level"); level != "error" || m.Retained {
		return mqttlink.Decoded{}
	}
	return one(reading("gateway.message", "", time.Time{}, map[string]any{"level": "error", "message": short(o, "message")}))
}

// listed is one device of the inventory.
type listed struct {
	Name     string   `json:"name"`
	IEEE     string   `json:"ieee,omitempty"`
	Type     string   `json:"type,omitempty"`
	Vendor   string   `json:"vendor,omitempty"`
	Model    string   `json:"model,omitempty"`
	Power    string   `json:"power,omitempty"`
	Disabled bool     `json:"disabled,omitempty"`
	Exposes  []string `json:"exposes,omitempty"`
}

const (
	maxListed  = 300
	maxExposes = 24
)

// devicesListed makes a short inventory, a fact when it changes. It is kept by nature: it raises nothing.
func (s *state) devicesListed(m mqttlink.Message) mqttlink.Decoded {
	var raw []any
	dec := json.NewDecoder(bytes.NewReader(m.Payload))
	dec.UseNumber()
	if err := dec.Decode(&raw); err != nil {
		return garbled(m, "inventory is no JSON array: "+err.Error())
	}
	list := []listed{}
	for _, v := range raw {
		item, ok := v.(map[string]any)
		if !ok || len(list) == maxListed {
			continue
		}
		l := inventoryItem(item)
		list = append(list, l)
		if l.Type != "Coordinator" && l.Name != "" {
			s.device(l.Name) // known from now on, also to attribute topics
		}
	}
	body, _ := json.Marshal(list) // strings and booleans
	sum := sha256.Sum256(body)
	now := hex.EncodeToString(sum[:])
	if now == s.inventory {
		return mqttlink.Decoded{}
	}
	s.inventory = now
	return one(reading("sensor.inventory", "", time.Time{}, map[string]any{"count": len(raw), "devices": list}))
}

func inventoryItem(item mqttlink.Object) listed {
	l := listed{
		Name: short(item, "friendly_name"), IEEE: short(item, "ieee_address"), Type: short(item, "type"), Power: short(item, "power_source"),
	}
	l.Disabled, _ = item.Flag("disabled")
	def, _ := item.Object("definition")
	l.Vendor, l.Model = short(def, "vendor"), short(def, "model")
	exposes, _ := def.List("exposes")
	for _, v := range exposes[:min(len(exposes), maxExposes)] {
		if e, ok := v.(map[string]any); ok {
			if p := short(e, "property"); p != "" {
				l.Exposes = append(l.Exposes, p)
			}
		}
	}
	return l
}

// short gets a text of bounded length.
func short(o mqttlink.Object, key string) string {
	v, _ := o.Text(key)
	if len(v) > maxName {
		v = strings.ToValidUTF8(v[:maxName], "")
	}
	return v
}

func one(r watch.Reading) mqttlink.Decoded {
	return mqttlink.Decoded{Readings: []watch.Reading{r}}
}
