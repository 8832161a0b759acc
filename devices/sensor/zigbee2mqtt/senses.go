package zigbee2mqtt

import (
	"time"

	"siaga/devices/mqttlink"
)

// sense is one boolean of a device and the two facts its changes make.
type sense struct {
	key string
	// alarm is the value that is the alarm: contact is true when closed.
	alarm       bool
	raise, rest string
}

// senses in the order in which a message's readings are made.
func senses() []sense {
	return []sense{
		{"contact", false, "door.opened", "door.closed"},
		{"occupancy", true, "motion.detected", "motion.cleared"},
		{"presence", true, "motion.detected", "motion.cleared"},
		{"smoke", true, "smoke.detected", "smoke.cleared"},
		{"water_leak", true, "water.detected", "water.cleared"},
		{"gas", true, "gas.detected", "gas.cleared"},
		{"carbon_monoxide", true, "gas.detected", "gas.cleared"},
		{"vibration", true, "vibration.detected", "vibration.cleared"},
		{"tamper", true, "tamper.detected", "tamper.cleared"},
		{"alarm", true, "sensor.alarm", "sensor.alarm_cleared"},
		{"ac_connected", false, "power.lost", "power.restored"},
		{"ac_status", true, "power.lost", "power.restored"}, // true is a fault of the mains
		{"trouble", true, "sensor.trouble", "sensor.trouble_cleared"},
		{"battery_low", true, "sensor.battery_low", "sensor.battery_ok"},
	}
}

// measure is a family of numbers that make one sample. Temperatures are °C and humidities %.
type measure struct {
	kind  string
	pairs []string // theirs, ours
}

func measures() []measure {
	return []measure{
		{"sensor.environment", []string{
			"temperature", "temperature", "humidity", "humidity", "pressure", "pressure_hpa", "illuminance", "illuminance_lux",
			"co2", "co2_ppm", "voc", "voc", "pm25", "pm25_ugm3", "soil_moisture", "soil_moisture_percent", "device_temperature", "device_temperature",
		}},
		{"sensor.power", []string{"power", "power_w", "current", "current_a", "energy", "energy_kwh"}},
		{"sensor.link", []string{"linkquality", "linkquality"}},
	}
}

// handled are keys that other parts read, so that they are no leftovers.
func handled(key string) bool {
	switch key {
	case "action", "last_seen", "battery", "voltage", "lock_state", "elapsed", "update", "update_available", "device":
		return true
	}
	for _, s := range senses() {
		if s.key == key {
			return true
		}
	}
	for _, m := range measures() {
		for i := 0; i < len(m.pairs); i += 2 {
			if m.pairs[i] == key {
				return true
			}
		}
	}
	return false
}

// battery reads charge and voltage, which is in millivolts for what has a battery and in volts for a plug.
func battery(o mqttlink.Object) map[string]any {
	body := map[string]any{}
	if n, ok := o.Number("battery"); ok {
		body["percent"] = n
	}
	low, told := o.Flag("battery_low")
	if told {
		body["low"] = low
	}
	if mv, ok := o.Number("voltage"); ok && len(body) > 0 {
		body["voltage_v"] = mv / 1000
	}
	return body
}

// seen is the device's own time, in any of the forms that last_seen can be set to.
func seen(o mqttlink.Object) time.Time { return mqttlink.Clock(o["last_seen"]) }
