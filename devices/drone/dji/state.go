package dji

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"siaga/devices/mqttlink"
	"siaga/internal/watch"
)

const (
	maxAircraft = 32  // behind one gateway
	maxKeys     = 512 // properties remembered of one device
	// silence is how long a device may send no properties, which come every two seconds, before it is gone.
	silence = 30 * time.Second
	// unheard is a pause between two ticks that means that we were away, not the device.
	unheard = 5 * time.Second
)

// unit is what is known of one dock, controller or aircraft. Messages are partial: what is missing in one
// keeps its value.
type unit struct {
	sn     string
	role   role
	model  string // domain-type-subtype
	online bool
	seen   time.Time // our clock
	left   time.Time // device clock of the message that said it is offline
	props  mqttlink.Object
	// What the last fact of each sort said; nil before the first.
	mode, reason *int64
	lost         bool
	limits, dock string
	home         [2]float64
	told         watch.Description
}

// role is what a unit is. A gateway's is learnt from its topology message or its properties.
type role string

const (
	aircraft role = "drone"
	dock     role = "dock"
	remote   role = "rc"
	gateway  role = "" // not known yet
)

// state is what is known behind one gateway.
type state struct {
	config  config
	answers answers
	units   map[string]*unit
	alarms  map[string]alarm // raised health alarms
	tasks   map[string]string
	ticked  time.Time
}

func newState(c config, a answers) *state {
	s := &state{config: c, answers: a}
	s.Reset()
	return s
}

// Reset forgets every device.
func (s *state) Reset() {
	s.units = map[string]*unit{s.config.GatewaySN: {sn: s.config.GatewaySN, props: mqttlink.Object{}}}
	s.alarms = map[string]alarm{}
	s.tasks = map[string]string{}
	s.ticked = time.Time{}
}

// out collects the readings of one message.
type out struct {
	s *state
	e envelope
	m mqttlink.Message
	d mqttlink.Decoded
}

// Handle decodes one message.
func (s *state) Handle(m mqttlink.Message) mqttlink.Decoded {
	e, err := parse(m.Topic, m.Payload)
	if err != nil {
		return garbled(m, err.Error())
	}
	o := &out{s: s, e: e, m: m}
	if m.Retained {
		// DJI retains nothing. A kept message is of unknown age: it changes no state and raises nothing.
		o.add(nil, "drone.state", map[string]any{"retained": true, "channel": e.channel, "data": e.raw["data"]})
		return o.d
	}
	switch {
	case e.channel == "osd" || e.channel == "state":
		o.properties()
	case e.sn != s.config.GatewaySN:
		// Events and requests travel on the gateway's topic only.
		return garbled(m, "not this gateway's topic")
	case e.channel == "status":
		o.topology()
	case e.channel == "events":
		o.event()
	case e.channel == "requests":
		o.request()
	case e.channel == "drc/up":
		o.fastPosition()
	default:
		o.add(nil, "drone.event", map[string]any{"channel": e.channel, "method": e.method, "data": e.raw["data"]})
	}
	return o.d
}

// Tick tells which devices have fallen silent.
func (s *state) Tick(now time.Time) []watch.Reading {
	away := now.Sub(s.ticked)
	if s.ticked.IsZero() || away < unheard {
		away = 0
	}
	s.ticked = now
	var rs []watch.Reading
	for _, sn := range slices.Sorted(maps.Keys(s.units)) {
		u := s.units[sn]
		u.seen = u.seen.Add(away)
		if u.online && now.Sub(u.seen) > silence {
			u.online = false
			u.forgetState()
			rs = append(rs, u.reading(u.family()+".offline", time.Time{}, map[string]any{
				"reason": "silence", "silent_s": int(now.Sub(u.seen).Seconds()), "sn": sn, "was": u.last(),
			}))
		}
	}
	return rs
}

// properties handles osd and state of the gateway or an aircraft.
func (o *out) properties() {
	u := o.unit()
	if u == nil {
		return
	}
	if o.e.data == nil {
		o.d = garbled(o.m, "data is no object")
		return
	}
	for k, v := range o.e.data {
		if _, known := u.props[k]; known || len(u.props) < maxKeys {
			u.props[k] = v
		}
	}
	u.learnRole()
	if o.e.at.IsZero() || o.e.at.After(u.left) { // else sent before it said goodbye
		u.seen = o.m.Received
		o.arrive(u, "properties")
	}
	switch u.role {
	case aircraft:
		o.aircraft(u)
	case dock:
		o.dock(u)
	case remote:
		o.remote(u)
	}
	o.describe(u)
	if u.sn == o.s.config.GatewaySN {
		o.dockedModel()
	}
}

// unit finds whose message this is; nil when it belongs to another gateway.
func (o *out) unit() *unit {
	s, sn := o.s, o.e.sn
	if u := s.units[sn]; u != nil {
		return u
	}
	listed := slices.Contains(s.config.Aircraft, sn)
	if !listed && o.e.gateway != s.config.GatewaySN {
		return nil
	}
	return o.newAircraft(sn)
}

func (o *out) newAircraft(sn string) *unit {
	if len(o.s.units) > maxAircraft {
		o.d = garbled(o.m, "too many aircraft behind one gateway")
		return nil
	}
	u := &unit{sn: sn, role: aircraft, props: mqttlink.Object{}}
	o.s.units[sn] = u
	return u
}

// arrive makes a unit online.
func (o *out) arrive(u *unit, reason string) {
	if u.online {
		return
	}
	u.online = true
	if u.role == gateway {
		return // told when its role is known
	}
	body := map[string]any{"reason": reason, "sn": u.sn}
	if u.model != "" {
		body["model"] = u.model
	}
	if u.role == aircraft && len(o.s.config.Aircraft) > 0 {
		body["listed"] = slices.Contains(o.s.config.Aircraft, u.sn)
	}
	o.add(u, u.family()+".online", body)
}

// theAircraft is the only aircraft behind the gateway, nil if there are several or none.
func (s *state) theAircraft() *unit {
	var found *unit
	for _, u := range s.units {
		if u.role == aircraft {
			if found != nil {
				return nil
			}
			found = u
		}
	}
	return found
}

func (u *unit) family() string {
	if u.role == gateway {
		return string(dock)
	}
	return string(u.role)
}

// forgetState makes the first state after a silence count as new.
func (u *unit) forgetState() {
	u.mode, u.reason, u.limits, u.dock = nil, nil, "", ""
}

// last is the last known place and battery, for whoever looks for a lost aircraft.
func (u *unit) last() map[string]any {
	body := map[string]any{}
	if lat, lon, ok := place(u.props); ok {
		body["lat"], body["lon"] = lat, lon
		fields(body, u.props, "elevation", "height_takeoff_m")
	}
	if b, ok := u.props.Object("battery"); ok {
		fields(body, b, "capacity_percent", "percent")
	}
	named(body, u.props, "mode_code", "mode", u.modeNames())
	return body
}

func (u *unit) modeNames() func(int64) string {
	if u.role == aircraft {
		return modeName
	}
	return dockModeName
}

// learnRole tells a dock from a remote controller by its properties.
func (u *unit) learnRole() {
	if u.role != gateway {
		return
	}
	for _, key := range []string{"cover_state", "drone_in_dock", "rainfall", "job_number", "emergency_stop_state", "flighttask_step_code"} {
		if _, ok := u.props[key]; ok {
			u.role, u.online = dock, false
			return
		}
	}
	if _, ok := u.props["capacity_percent"]; ok {
		u.role, u.online = remote, false
	}
}

// add appends a fact about u, or about the gateway itself for nil.
func (o *out) add(u *unit, kind string, body map[string]any) *watch.Reading {
	var r watch.Reading
	if u == nil {
		u = o.s.units[o.s.config.GatewaySN]
	}
	r = u.reading(kind, o.e.at, body)
	r.MessageID = o.e.tid
	o.d.Readings = append(o.d.Readings, r)
	return &o.d.Readings[len(o.d.Readings)-1]
}

// sample appends a periodic value.
func (o *out) sample(u *unit, kind string, body map[string]any) {
	o.add(u, kind, body).Sample = true
}

func (u *unit) reading(kind string, at time.Time, body map[string]any) watch.Reading {
	raw, _ := json.Marshal(body) // strings, bools and finite numbers only: cannot fail
	r := watch.Reading{Kind: kind, At: at, Body: raw}
	if u.role == aircraft {
		r.Child = u.sn
	}
	return r
}

func readings(r watch.Reading) []watch.Reading { return []watch.Reading{r} }
