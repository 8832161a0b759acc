package rules

import "slices"

// Kind is one kind of event that Siaga makes.
type Kind struct {
	Name   string
	Sample bool // periodic: latest wins, thinned unless a rule reads it
}

// Categories are the words of the catalogue's third axis.
func Categories() []string {
	return []string{
		"akses", "pencurian_perusakan", "kebakaran_bencana", "massa", "ancaman_orang", "udara", "radio", "logistik",
		"siber", "sistem", "integritas", "informasi",
	}
}

func kindNames() []string {
	var out []string
	for _, k := range Kinds() {
		out = append(out, k.Name)
	}
	return out
}

func facts(names ...string) []Kind {
	var out []Kind
	for _, n := range names {
		out = append(out, Kind{Name: n})
	}
	return out
}

func samples(names ...string) []Kind {
	out := facts(names...)
	for i := range out {
		out[i].Sample = true
	}
	return out
}

// Kinds lists every kind of event, as docs/ref/kinds.md explains them.
func Kinds() []Kind {
	return slices.Concat(radioKinds(), droneKinds(), sensorKinds(), cameraKinds(), siteKinds())
}

func radioKinds() []Kind {
	return slices.Concat(
		facts("radio.call_started", "radio.call_ended", "radio.call_lost", "radio.call_timeout", "radio.call_rejected",
			"radio.call_invalid", "radio.data", "radio.emergency", "radio.csbk", "radio.text", "radio.page", "radio.activity",
			"radio.state", "radio.link", "radio.gateway_mode", "radio.gateway_message", "radio.gateway_lost",
			"radio.gateway_online", "radio.channel", "radio.unregistered", "radio.garbled", "radio.delivery"),
		samples("radio.signal"))
}

func droneKinds() []Kind {
	return slices.Concat(
		facts("drone.online", "drone.offline", "drone.mode", "drone.control_lost", "drone.control_restored", "drone.home",
			"drone.limits", "drone.hms_raised", "drone.hms_cleared", "drone.airsense", "drone.task", "drone.event",
			"drone.state", "drone.unregistered", "drone.garbled", "drone.delivery", "dock.online", "dock.offline", "dock.state",
			"dock.request", "rc.online", "rc.offline"),
		samples("drone.position", "drone.battery", "drone.link", "drone.payload", "dock.environment", "dock.power",
			"dock.maintenance", "rc.state"))
}

func sensorKinds() []Kind {
	return slices.Concat(
		facts("door.opened", "door.closed", "motion.detected", "motion.cleared", "smoke.detected", "smoke.cleared",
			"water.detected", "water.cleared", "tamper.detected", "tamper.cleared", "power.lost", "power.restored",
			"gas.detected", "gas.cleared", "vibration.detected", "alarm.detected", "alarm.cleared", "door.locked", "door.unlocked",
			"sensor.battery_ok", "sensor.joined", "sensor.left", "sensor.announced", "sensor.inventory",
			"sensor.battery_low", "sensor.online", "sensor.offline", "sensor.action", "sensor.unregistered",
			"sensor.garbled", "sensor.delivery", "gateway.online", "gateway.connected", "gateway.offline", "gateway.lost", "mqtt.lost", "mqtt.online",
			"mqtt.garbled"),
		samples("sensor.battery", "sensor.environment"))
}

func cameraKinds() []Kind {
	return facts("camera.online", "camera.lost", "camera.sub_online", "camera.sub_lost", "camera.clock",
		"camera.frames_dropped", "camera.packets_lost", "camera.format_changed", "camera.garbled", "recording.expected",
		"recording.ended", "segment.closed", "segment.expired", "gap.opened", "gap.closed", "hold.placed", "hold.released")
}

func siteKinds() []Kind {
	return facts("site.started", "site.stopping", "site.stopped", "site.standby", "device.up", "device.down", "device.registered",
		"device.changed", "device.removed", "device.replaced", "device.enabled", "device.disabled",
		"device.credential_issued", "device.credential_revoked", "zone.added", "zone.changed", "zone.removed",
		"setting.changed", "setting.reset",
		"zone.armed", "zone.disarmed", "zone.locked", "zone.unlocked", "zone.plan_set", "zone.plan_removed", "device.placed", "device.described", "disk.level", "clock.jumped", "worker.failed",
		"broker.refused", "broker.publish_refused", "broker.subscribe_refused", "broker.throttled",
		"broker.signin_failed", "broker.topic_unsupported", "broker.oversize", "broker.bad_protocol", "broker.overload",
		"broker.store_trouble", "auth.signed_in", "auth.signed_out", "auth.failed", "auth.locked", "auth.token_issued", "auth.refused", "auth.standby",
		"person.added", "person.changed", "person.role_changed", "person.disabled", "person.enabled",
		"person.password_set", "person.second_factor", "person.factor_begun", "person.phone_set", "body.erased", "integrity.log_broken",
		"integrity.footage_broken", "rule.changed", "alert.raised", "alert.updated", "alert.cleared", "incident.opened",
		"incident.changed", "act.acknowledged", "act.responded", "act.escalated", "act.resolved", "act.closed",
		"act.false_alarm", "act.duplicate", "act.drill", "act.reopened", "act.noted", "act.split", "act.merged", "act.viewed", "act.standby",
		"act.reported", "act.referenced", "console.attended", "console.unattended", "console.muted", "console.unmuted")
}
