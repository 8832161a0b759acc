package zigbee2mqtt

import (
	"strings"

	"siaga/devices/mqttlink"
)

// sense is one two-valued thing that a sensor tells, and the events its changes make.
type sense struct {
	key   string // on the wire
	alarm bool   // the wire's value that is the alarm: contact is true when closed
	raise string // kind of the event when it becomes the alarm
	rest  string // kind of the event when it is over; "" for none
	// kept says that the alarm is an event even when it is first heard in a message that the broker kept.
	kept bool
	// routine says that neither value is an alarm: only changes are events.
	routine bool
	// strict says that a value that cannot be read is an event: it might have been an alarm.
	strict bool
}

const senseCount = 17

// senses in the order in which the events of one message are made.
var senses = [senseCount]sense{
	{key: "contact", alarm: false, raise: "door.opened", rest: "door.closed", kept: true, strict: true},
	{key: "smoke", alarm: true, raise: "smoke.detected", rest: "smoke.cleared", kept: true, strict: true},
	{key: "water_leak", alarm: true, raise: "water.detected", rest: "water.cleared", kept: true, strict: true},
	{key: "gas", alarm: true, raise: "gas.detected", rest: "gas.cleared", strict: true},
	{key: "carbon_monoxide", alarm: true, raise: "gas.detected", rest: "gas.cleared", strict: true},
	{key: "tamper", alarm: true, raise: "tamper.detected", rest: "tamper.cleared", kept: true, strict: true},
	{key: "occupancy", alarm: true, raise: "motion.detected", rest: "motion.cleared"},
	{key: "presence", alarm: true, raise: "motion.detected", rest: "motion.cleared"},
	{key: "vibration", alarm: true, raise: "vibration.detected"},
	{key: "alarm", alarm: true, raise: "alarm.detected", rest: "alarm.cleared"},
	{key: "siren", alarm: true, raise: "alarm.detected", rest: "alarm.cleared"},
	{key: "lock_state", alarm: false, raise: "door.unlocked", rest: "door.locked", routine: true},
	// Mains. ac_status is the fault bit of the Zigbee alarm zone, so true is bad news; the others say that mains is there.
	{key: "ac_status", alarm: true, raise: "power.lost", rest: "power.restored"},
	{key: "ac_connected", alarm: false, raise: "power.lost", rest: "power.restored"},
	{key: "mains_power_connected", alarm: false, raise: "power.lost", rest: "power.restored"},
	{key: "power_outage", alarm: true, raise: "power.lost", rest: "power.restored"},
	{key: "battery_low", alarm: true, raise: "sensor.battery_low", rest: "sensor.battery_ok"},
}

// presence of the sensor itself, and of the gateway. A topic that is always kept would otherwise never tell
// of what was lost before Siaga started.
var (
	reach   = sense{alarm: false, raise: "sensor.offline", rest: "sensor.online", kept: true}
	gateway = sense{alarm: false, raise: "gateway.offline", rest: "gateway.online", kept: true}
)

// read gets the sense's value from a message. bad reports a value that is there and cannot be read.
func (s *sense) read(o mqttlink.Object) (v, ok, bad bool) {
	raw := o[s.key]
	if raw == nil {
		return false, false, false
	}
	if s.key == "lock_state" {
		switch text, _ := raw.(string); strings.ToLower(text) {
		case "locked":
			return true, true, false
		case "unlocked", "not_fully_locked":
			return false, true, false
		}
		return false, false, false
	}
	v, ok = mqttlink.Flag(raw)
	return v, ok, !ok && s.strict
}

// show renders a value of the sense as it stands in a body.
func (s *sense) show(v bool) any {
	if s.key != "lock_state" {
		return v
	}
	if v {
		return "locked"
	}
	return "unlocked"
}

// flag is what is remembered of one sense.
type flag struct {
	known, value bool
	// sure says that an alarm was reported, or that a live message showed there was none.
	sure bool
}

// verdict says what a heard value means.
type verdict struct {
	event, known, previous bool
	// baseline marks a normal value that is told only because nothing was known before.
	baseline bool
}

// judge compares a heard value with the remembered one and remembers it.
//
// A message with the DUP flag was sent to us before and not confirmed: its value, if nothing is known for sure,
// is taken for the change that it probably was, so that its event is the same as the first time.
func (f *flag) judge(s *sense, v bool, m mqttlink.Message) verdict {
	alarm, fresh, changed := v == s.alarm, !f.known || !f.sure, f.known && v != f.value
	out := verdict{known: changed, previous: f.value}
	if m.Retained {
		out.event = changed && (!alarm || s.kept || s.routine) || fresh && alarm && s.kept
		f.sure = out.event || f.sure && !changed
	} else {
		// A danger that ended while nobody listened must not stand for ever: the first word that it is over is told.
		out.event = changed || fresh && (m.Duplicate || !s.routine)
		out.baseline = fresh && !changed && !alarm && !m.Duplicate
		if m.Duplicate && out.event {
			out.known, out.previous = true, !v
		}
		f.sure = true
	}
	f.known, f.value = true, v
	return out
}

// doubt says that what was reported may not have become durable.
func (f *flag) doubt() { f.sure = false }
