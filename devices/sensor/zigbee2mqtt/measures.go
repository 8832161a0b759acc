package zigbee2mqtt

import (
	"time"

	"siaga/devices/mqttlink"
)

// sampleAgain is how soon an unchanged measurement is worth saying again.
const sampleAgain = time.Minute

const measureCount = 12

// measures of a room, in the wire's units: °C, %, hPa, lux, ppm, µg/m³.
var measures = [measureCount]string{
	"temperature", "humidity", "pressure", "illuminance", "co2", "voc", "pm25", "pm10", "formaldehyd", "co",
	"soil_moisture", "noise",
}

// numbers are measurements with a mark for those that were told; comparable.
type numbers struct {
	told  [measureCount]bool
	value [measureCount]float64
}

// trend is the last sample said of one kind.
type trend struct {
	last numbers
	at   time.Time
}

// due reports whether n is worth a sample, and remembers it if so.
func (t *trend) due(n numbers, now time.Time) bool {
	if n.told == ([measureCount]bool{}) || n == t.last && now.Sub(t.at) < sampleAgain && !now.Before(t.at) {
		return false
	}
	t.last, t.at = n, now
	return true
}

func (n *numbers) set(i int, v float64) { n.told[i], n.value[i] = true, v }

// environment reads the measurements of a room.
func environment(o mqttlink.Object) (numbers, map[string]any) {
	var n numbers
	body := map[string]any{}
	for i, key := range measures {
		keys := []string{key}
		if key == "illuminance" {
			keys = []string{"illuminance_lux", "illuminance"} // older gateways: raw value under the short name
		}
		if v, ok := o.Number(keys...); ok {
			n.set(i, v)
			body[key] = v
		}
	}
	return n, body
}

// leastMillivolts tells a battery's millivolts from a plug's volts, which have the same key.
const leastMillivolts = 700

// battery reads charge and voltage.
func battery(o mqttlink.Object) (numbers, map[string]any) {
	var n numbers
	body := map[string]any{}
	if v, ok := o.Number("battery"); ok && v >= 0 && v <= 100 {
		n.set(0, v)
		body["percent"] = v
	}
	if v, ok := o.Number("voltage"); ok && v >= leastMillivolts && v < 100_000 {
		n.set(1, v)
		body["voltage_mv"] = v
	}
	return n, body
}
