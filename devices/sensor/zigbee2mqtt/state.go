package zigbee2mqtt

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"siaga/devices/mqttlink"
	"siaga/internal/watch"
)

// state is what has to be remembered between messages of one gateway.
type state struct {
	base      string // topic prefix with its slash
	sensors   map[string]*sensor
	crowded   bool // it was said that there are too many names
	gateway   flag
	inventory [32]byte // hash of the last one told
	// told is what each sensor, by name, and the gateway, "", was said to be.
	told map[string]watch.Description
}

func newState(topic string) *state {
	return &state{base: topic + "/", sensors: map[string]*sensor{}, told: map[string]watch.Description{}}
}

// Reset keeps what was heard but no longer trusts that it was told: alarms are told again, and what the broker
// sends again counts as news.
func (s *state) Reset() {
	for _, sn := range s.sensors {
		sn.doubt()
	}
	s.gateway.doubt()
	s.inventory, s.crowded = [32]byte{}, false
	clear(s.told)
}

// Tick does nothing: sensors sleep for hours, and it is the gateway that says which of them are lost.
func (s *state) Tick(time.Time) []watch.Reading { return nil }

// Handle decodes one message.
func (s *state) Handle(m mqttlink.Message) mqttlink.Decoded {
	rs, err := s.route(m)
	if err != nil {
		rs = append(rs, mqttlink.Garbled(family, m, err.Error()))
	}
	return mqttlink.Decoded{Readings: rs}
}

func (s *state) route(m mqttlink.Message) ([]watch.Reading, error) {
	name, ok := strings.CutPrefix(m.Topic, s.base)
	if !ok || name == "" {
		return nil, errors.New("topic is not below the gateway's base topic")
	}
	if said, ok := strings.CutPrefix(name, "bridge/"); ok {
		return s.bridge(said, m)
	}
	if command(name) {
		return nil, nil
	}
	subject, isReach := strings.CutSuffix(name, "/availability")
	if err := checkName(subject); err != nil {
		return nil, err
	}
	if len(m.Payload) == 0 {
		return nil, nil // a kept message was taken back: the sensor was removed or renamed
	}
	if isReach {
		return s.availability(subject, m)
	}
	o, err := mqttlink.ParseObject(m.Payload)
	if err != nil {
		if name, o = s.attribute(name, m.Payload); o == nil {
			return nil, err
		}
	}
	return s.report(newMessage(m, name, o))
}

// attribute reads <name>/contact with a bare value, as a gateway set to publish attributes sends it. Only for
// sensors that are known: names have slashes, too.
func (s *state) attribute(name string, payload []byte) (string, mqttlink.Object) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 || s.sensors[name[:i]] == nil || len(payload) > maxName || !utf8.Valid(payload) {
		return "", nil
	}
	text := strings.TrimSpace(string(payload))
	if text == "" || strings.ContainsAny(text[:1], "{[") {
		return "", nil
	}
	return name[:i], mqttlink.Object{name[i+1:]: strings.Trim(text, `"`)}
}

// command reports whether the topic carries an order or a question to a sensor: <name>/set, <name>/get/state.
func command(name string) bool {
	for _, word := range [...]string{"/set", "/get"} {
		if strings.HasSuffix(name, word) || strings.Contains(name, word+"/") {
			return true
		}
	}
	return false
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("sensor without a name")
	case len(name) > maxName:
		return fmt.Errorf("sensor name has %d bytes, the limit is %d", len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("sensor name is not readable text")
	}
	return nil
}

// report handles the state of a sensor.
func (s *state) report(m message) ([]watch.Reading, error) {
	if s.sensors[m.name] == nil && !tells(m.o) {
		// A lamp, a group, a button: nothing to compare with, so nothing to remember.
		var stranger sensor
		return stranger.hear(m), nil
	}
	sn, err := s.sensor(m.name, m.Received)
	return sn.hear(m), err
}

// availability is the gateway's word on whether it still reaches a sensor: JSON, or plain text of old releases.
func (s *state) availability(name string, m mqttlink.Message) ([]watch.Reading, error) {
	online, err := onlineOf(m.Payload)
	if err != nil {
		return nil, err
	}
	sn, err := s.sensor(name, m.Received)
	if r, ok := presence(&sn.reach, &reach, online, name, m); ok {
		return []watch.Reading{r}, err
	}
	return nil, err
}

// presence makes the reading of a sensor or gateway that came or went.
func presence(f *flag, s *sense, online bool, name string, m mqttlink.Message) (watch.Reading, bool) {
	said := f.judge(s, online, m)
	if !said.event {
		return watch.Reading{}, false
	}
	kind, body := s.raise, map[string]any{"state": stateWord(online)}
	if online {
		kind = s.rest
	}
	if said.known {
		body["previous"] = stateWord(said.previous)
	}
	return told(kind, name, m, body), true
}

func stateWord(online bool) string {
	if online {
		return "online"
	}
	return "offline"
}

// onlineOf reads {"state":"online"} or plain online.
func onlineOf(payload []byte) (bool, error) {
	word := strings.ToLower(strings.Trim(strings.TrimSpace(string(payload)), `"`))
	if strings.HasPrefix(word, "{") {
		o, err := mqttlink.ParseObject(payload)
		if err != nil {
			return false, err
		}
		text, _ := o.Text("state")
		word = strings.ToLower(text)
	}
	switch word {
	case "online":
		return true, nil
	case "offline":
		return false, nil
	}
	return false, fmt.Errorf("state %.40q is neither online nor offline", word)
}

// sensor finds or begins the memory of a sensor. At the limit an old one is forgotten, which the error says the
// first time; the sensor is good in any case.
func (s *state) sensor(name string, now time.Time) (*sensor, error) {
	sn := s.sensors[name]
	if sn != nil {
		sn.heard = now
		return sn, nil
	}
	var err error
	if len(s.sensors) >= maxSensors {
		s.forgetOne()
		if !s.crowded {
			s.crowded = true
			err = fmt.Errorf("more than %d sensor names on one gateway; the state of old ones is forgotten", maxSensors)
		}
	}
	sn = &sensor{heard: now}
	s.sensors[name] = sn
	return sn, err
}

// forgetOne drops the longest unheard of a few: cheap enough under a flood of invented names, and a sensor that
// speaks is rarely hit.
func (s *state) forgetOne() {
	var oldest string
	seen := 0
	for name, sn := range s.sensors {
		if seen == 0 || sn.heard.Before(s.sensors[oldest].heard) {
			oldest = name
		}
		if seen++; seen == 8 {
			break
		}
	}
	delete(s.sensors, oldest)
}
