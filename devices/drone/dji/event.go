package dji

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"siaga/devices/mqttlink"
)

const (
	maxAlarms = 64 // DJI's own limit of one list is 20
	maxTasks  = 64
)

// alarm is a raised health alarm.
type alarm struct {
	sn   string // of the unit it was raised on
	body map[string]any
}

// event handles what a gateway tells on its events topic.
func (o *out) event() {
	switch o.e.method {
	case "hms":
		o.health()
	case "flighttask_progress":
		o.task()
	case "airsense_warning":
		o.airsense()
	default:
		o.add(nil, "drone.event", map[string]any{"method": o.e.method, "data": o.e.raw["data"]})
	}
	if o.e.reply {
		o.answer("events_reply", map[string]any{"result": 0})
	}
}

// health compares the complete list of current alarms with the one before: what is missing is cleared.
func (o *out) health() {
	list, ok := o.e.data.List("list")
	if !ok || len(list) > maxAlarms {
		o.d.Readings = append(o.d.Readings, garbled(o.m, "hms without a usable list").Readings...)
		return
	}
	now := map[string]alarm{}
	var order []string
	for _, v := range list {
		item, ok := v.(map[string]any)
		if !ok {
			continue
		}
		key, a := o.alarm(item)
		if _, twice := now[key]; !twice {
			order = append(order, key)
		}
		now[key] = a
	}
	for _, key := range slices.Sorted(maps.Keys(o.s.alarms)) {
		if _, still := now[key]; !still {
			a := o.s.alarms[key]
			o.add(o.s.units[a.sn], "drone.hms_cleared", a.body)
		}
	}
	for _, key := range order {
		if _, before := o.s.alarms[key]; !before {
			o.add(o.s.units[now[key].sn], "drone.hms_raised", now[key].body)
		}
	}
	o.s.alarms = now
}

// alarm reads one health alarm. Its key is what makes it the same alarm in the next list.
func (o *out) alarm(item mqttlink.Object) (string, alarm) {
	code, device := strings.ToLower(short(item, "code")), short(item, "device_type")
	level, _ := item.Int("level")
	inSky, _ := item.Flag("in_the_sky")
	args, _ := item.Object("args")
	component, _ := args.Int("component_index")
	sensor, _ := args.Int("sensor_index")
	a := alarm{sn: o.s.config.GatewaySN}
	text := "dock_tip_" + code
	if !strings.HasPrefix(device, "3-") {
		text = "fpv_tip_" + code
		if inSky {
			text += "_in_the_sky"
		}
		if u := o.s.theAircraft(); u != nil && strings.HasPrefix(device, "0-") {
			a.sn = u.sn
		}
	}
	a.body = map[string]any{
		"code": code, "level": level, "level_name": levelName(level), "in_the_sky": inSky, "device_type": device,
		"text_key": text, "component_index": component, "sensor_index": sensor,
	}
	flag(a.body, item, "imminent", "imminent")
	named(a.body, item, "module", "module", moduleName)
	return fmt.Sprintf("%s/%s/%d/%d", code, device, component, sensor), a
}

// task is the progress of a flight task: a fact when its status or step changes, else a sample.
func (o *out) task() {
	output, _ := o.e.data.Object("output")
	progress, _ := output.Object("progress")
	ext, _ := output.Object("ext")
	flight, status := short(ext, "flight_id"), short(output, "status")
	step, _ := progress.Int("current_step")
	body := map[string]any{"status": status, "step": step, "flight_id": flight}
	fields(body, progress, "percent", "percent")
	fields(body, o.e.data, "result", "result")
	fields(body, ext, "current_waypoint_index", "waypoint", "wayline_mission_state", "mission_state", "media_count", "media")
	if track := short(ext, "track_id"); track != "" {
		body["track_id"] = track
	}
	if bp, ok := ext.Object("break_point"); ok {
		fields(body, bp, "break_reason", "break_reason")
	}
	r := o.add(o.s.theAircraft(), "drone.task", body)
	r.Subject = flight
	now := fmt.Sprintf("%s/%d", status, step)
	r.Sample = o.s.tasks[flight] == now
	if len(o.s.tasks) >= maxTasks {
		clear(o.s.tasks)
	}
	o.s.tasks[flight] = now
}

// airsense warns of manned aircraft nearby. Its data is an array.
func (o *out) airsense() {
	list := o.e.list
	if list == nil {
		list = []any{map[string]any(o.e.data)}
	}
	for _, v := range list[:min(len(list), 16)] {
		item, ok := v.(map[string]any)
		if !ok {
			continue
		}
		w := mqttlink.Object(item)
		body := map[string]any{"icao": short(w, "icao")}
		fields(body, w, "warning_level", "level", "altitude", "altitude_m", "heading", "heading_deg",
			"relative_altitude", "relative_altitude_m", "distance", "distance_m")
		if lat, lon, ok := place(w); ok {
			body["lat"], body["lon"] = lat, lon
		}
		named(body, w, "altitude_type", "altitude_reference", func(n int64) string { return name([]string{"ellipsoid", "sea_level"}, n) })
		named(body, w, "vert_trend", "trend", func(n int64) string { return name([]string{"level", "climbing", "descending"}, n) })
		o.add(o.s.theAircraft(), "drone.airsense", body)
	}
}
