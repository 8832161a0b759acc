package dji

import (
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"

	"siaga/devices/mqttlink"
)

// aircraft makes readings of an aircraft's properties.
func (o *out) aircraft(u *unit) {
	o.position(u)
	if b, ok := o.e.data.Object("battery"); ok {
		o.battery(u, b)
	}
	o.mode(u)
	o.limits(u)
	o.home(u)
	o.payloads(u)
	if w, ok := o.e.data.Object("wireless_link"); ok {
		o.link(u, w)
	}
}

// place is a usable position. DJI sends 0,0 while there is no fix.
func place(p mqttlink.Object) (lat, lon float64, ok bool) {
	lat, latOK := p.Number("latitude")
	lon, lonOK := p.Number("longitude")
	if !latOK || !lonOK || math.Abs(lat) > 90 || math.Abs(lon) > 180 || (lat == 0 && lon == 0) {
		return 0, 0, false
	}
	if ps, there := p.Object("position_state"); there {
		if fixed, told := ps.Int("is_fixed"); told && fixed != 2 {
			return 0, 0, false
		}
	}
	return lat, lon, true
}

// position is a sample; the rest of it comes from what is known, since messages are partial.
func (o *out) position(u *unit) {
	if _, ok := o.e.data["latitude"]; !ok {
		return
	}
	lat, lon, ok := place(u.props)
	if !ok {
		return
	}
	body := map[string]any{"lat": lat, "lon": lon}
	fields(body, u.props,
		"elevation", "height_takeoff_m", "height", "height_ellipsoid_m", "horizontal_speed", "speed_mps",
		"vertical_speed", "vertical_speed_mps", "home_distance", "home_distance_m",
		"attitude_pitch", "pitch_deg", "attitude_roll", "roll_deg")
	if h, ok := u.props.Number("attitude_head"); ok {
		body["heading_deg"] = compass(h)
	}
	scaled(body, u.props, "wind_speed", "wind_speed_mps", 0.1) // tenths for aircraft, whole for docks
	named(body, u.props, "wind_direction", "wind_from", windFrom)
	named(body, u.props, "mode_code", "mode", modeName)
	if ps, ok := u.props.Object("position_state"); ok {
		fields(body, ps, "gps_number", "gps_satellites", "rtk_number", "rtk_satellites", "quality", "fix_quality")
	}
	o.sample(u, "drone.position", body)
	if track := short(u.props, "track_id"); track != "" {
		o.d.Readings[len(o.d.Readings)-1].Subject = track
	}
}

// compass turns −180…180 into 0…360.
func compass(h float64) float64 {
	h = math.Mod(h, 360)
	if h < 0 {
		h += 360
	}
	return math.Round(h*10) / 10
}

func (o *out) battery(u *unit, b mqttlink.Object) {
	body := map[string]any{}
	fields(body, b, "capacity_percent", "percent", "remain_flight_time", "remain_flight_time_s",
		"return_home_power", "return_home_power", "landing_power", "landing_power")
	fields(body, u.props, "low_battery_warning_threshold", "low_threshold", "serious_low_battery_warning_threshold", "critical_threshold")
	if list, ok := b.List("batteries"); ok {
		body["cells"] = cells(list)
	}
	o.sample(u, "drone.battery", body)
}

// cells are the single batteries of an aircraft or those kept in a dock.
func cells(list []any) []map[string]any {
	var cs []map[string]any
	for _, v := range list[:min(len(list), 8)] {
		m, ok := v.(map[string]any)
		if !ok {
			continue
		}
		c := map[string]any{}
		fields(c, m, "index", "index", "capacity_percent", "percent", "temperature", "temperature_c",
			"loop_times", "cycles", "high_voltage_storage_days", "high_voltage_storage_days")
		scaled(c, m, "voltage", "voltage_v", 0.001)
		cs = append(cs, c)
	}
	return cs
}

// mode makes facts of changes of the flight mode, its reason, and the loss of control.
func (o *out) mode(u *unit) {
	mode, told := o.e.data.Int("mode_code")
	reason, because := o.e.data.Int("mode_code_reason")
	changed := (told && (u.mode == nil || *u.mode != mode)) || (because && (u.reason == nil || *u.reason != reason))
	if !changed {
		return
	}
	body := map[string]any{"first": u.mode == nil && u.reason == nil}
	if u.mode != nil {
		body["was"] = modeName(*u.mode)
	}
	if told {
		u.mode = &mode
	}
	if because {
		u.reason = &reason
	}
	if u.mode != nil {
		body["mode"], body["mode_code"], body["airborne"] = modeName(*u.mode), *u.mode, airborne(*u.mode)
	}
	if u.reason != nil {
		body["reason"], body["reason_code"] = reasonName(*u.reason), *u.reason
	}
	o.add(u, "drone.mode", body)
	o.control(u)
}

// control tells once that control is lost, and once that it is back.
func (o *out) control(u *unit) {
	lost := (u.mode != nil && *u.mode == modeNotConnected) || (u.reason != nil && *u.reason == reasonControlLost)
	if lost == u.lost {
		return
	}
	u.lost = lost
	body := u.last()
	if u.reason != nil {
		body["reason"] = reasonName(*u.reason)
	}
	if lost {
		o.add(u, "drone.control_lost", body)
		return
	}
	o.add(u, "drone.control_restored", body)
}

// limits tells when the aircraft comes near, or leaves, the edge of where and how high it may fly.
func (o *out) limits(u *unit) {
	_, a := o.e.data["is_near_area_limit"]
	_, h := o.e.data["is_near_height_limit"]
	_, d := o.e.data["distance_limit_status"]
	if !a && !h && !d {
		return
	}
	body := map[string]any{}
	flag(body, u.props, "is_near_area_limit", "near_area")
	flag(body, u.props, "is_near_height_limit", "near_height")
	dist, _ := u.props.Object("distance_limit_status")
	flag(body, dist, "is_near_distance_limit", "near_distance")
	now, _ := json.Marshal(body) // booleans
	if string(now) == u.limits {
		return
	}
	first := u.limits == ""
	u.limits = string(now)
	body["first"] = first
	fields(body, u.props, "height_limit", "height_limit_takeoff_m", "elevation", "height_takeoff_m")
	fields(body, dist, "distance_limit", "distance_limit_m")
	o.add(u, "drone.limits", body)
}

// home tells where the aircraft returns to, when that changes.
func (o *out) home(u *unit) {
	lat, latOK := o.e.data.Number("home_latitude")
	lon, lonOK := o.e.data.Number("home_longitude")
	if !latOK || !lonOK || math.Abs(lat) > 90 || math.Abs(lon) > 180 || (lat == 0 && lon == 0) || u.home == [2]float64{lat, lon} {
		return
	}
	u.home = [2]float64{lat, lon}
	body := map[string]any{"lat": lat, "lon": lon}
	if c := short(u.props, "control_source"); c != "" {
		body["control_source"] = c
	}
	o.add(u, "drone.home", body)
}

// payloadKey matches the keys of cameras and gimbals: type-subtype-gimbal.
var payloadKey = regexp.MustCompile(`^\d{1,5}-\d{1,3}-\d{1,2}$`)

// payloads are samples of what the cameras do and point at.
func (o *out) payloads(u *unit) {
	var list []map[string]any
	for _, key := range slices.Sorted(maps.Keys(o.e.data)) {
		p, ok := o.e.data.Object(key)
		if !ok || !payloadKey.MatchString(key) || len(list) == 8 {
			continue
		}
		body := map[string]any{"index": key}
		fields(body, p, "gimbal_pitch", "gimbal_pitch_deg", "gimbal_roll", "gimbal_roll_deg", "gimbal_yaw", "gimbal_yaw_deg", "zoom_factor", "zoom")
		if state, ok := p.Int("measure_target_error_state"); ok && state == 0 {
			fields(body, p, "measure_target_latitude", "target_lat", "measure_target_longitude", "target_lon",
				"measure_target_altitude", "target_altitude_m", "measure_target_distance", "target_distance_m")
		}
		list = append(list, body)
	}
	cams, _ := o.e.data.List("cameras")
	for _, v := range cams[:min(len(cams), 8)] {
		m, ok := v.(map[string]any)
		if !ok {
			continue
		}
		body := map[string]any{"camera": short(m, "payload_index")}
		flag(body, m, "recording_state", "recording")
		fields(body, m, "remain_record_duration", "record_left_s", "remain_photo_num", "photos_left")
		list = append(list, body)
	}
	if len(list) > 0 {
		o.sample(u, "drone.payload", map[string]any{"payloads": list})
	}
}

// link is the radio link between ground and aircraft; the gateway reports it.
func (o *out) link(u *unit, w mqttlink.Object) {
	body := map[string]any{}
	flag(body, w, "sdr_link_state", "sdr_connected")
	flag(body, w, "4g_link_state", "lte_connected")
	fields(body, w, "sdr_quality", "sdr_quality", "4g_quality", "lte_quality", "4g_uav_quality", "lte_air_quality",
		"4g_gnd_quality", "lte_ground_quality", "sdr_freq_band", "sdr_band_ghz")
	o.sample(u, "drone.link", body)
}

// fastPosition is the position of direct remote control, several times a second and without serial number.
func (o *out) fastPosition() {
	u := o.s.theAircraft()
	if o.e.method != "osd_info_push" || u == nil || o.e.data == nil {
		return // joystick answers and heartbeats of a control that is not ours
	}
	lat, lon, ok := place(o.e.data)
	if !ok {
		return
	}
	u.seen = o.m.Received
	body := map[string]any{"lat": lat, "lon": lon, "fast": true}
	fields(body, o.e.data, "height", "height_ellipsoid_m")
	if h, ok := o.e.data.Number("attitude_head"); ok {
		body["heading_deg"] = compass(h)
	}
	x, xOK := o.e.data.Number("speed_x")
	y, yOK := o.e.data.Number("speed_y")
	if xOK && yOK {
		body["speed_mps"] = math.Round(math.Min(math.Hypot(x, y), 1e6)*100) / 100
	}
	o.sample(u, "drone.position", body)
}
