package dji

import (
	"encoding/json"

	"siaga/devices/mqttlink"
)

// has reports whether a message carries any of the keys.
func has(o mqttlink.Object, keys ...string) bool {
	for _, k := range keys {
		if _, ok := o[k]; ok {
			return true
		}
	}
	return false
}

// dock makes readings of a dock's properties.
func (o *out) dock(u *unit) {
	d := o.e.data
	o.dockState(u)
	if has(d, "rainfall", "wind_speed", "environment_temperature", "temperature", "humidity") {
		body := map[string]any{}
		named(body, d, "rainfall", "rain", rainName)
		fields(body, d, "wind_speed", "wind_speed_mps", "environment_temperature", "outside_c", "temperature", "inside_c", "humidity", "humidity_percent")
		o.sample(u, "dock.environment", body)
	}
	if has(d, "working_voltage", "working_current", "backup_battery", "electric_supply_voltage", "drone_charge_state") {
		o.dockPower(u)
	}
	if has(d, "job_number", "acc_time", "maintain_status", "drone_battery_maintenance_info", "storage", "network_state") {
		o.dockMaintenance(u)
	}
	if w, ok := d.Object("wireless_link"); ok {
		o.link(o.s.theAircraft(), w)
	}
}

// dockState tells changes of what a guard must know of: cover, emergency stop, alarm, aircraft inside.
func (o *out) dockState(u *unit) {
	if !has(o.e.data, "cover_state", "emergency_stop_state", "alarm_state", "drone_in_dock", "mode_code", "flighttask_step_code") {
		return
	}
	body := map[string]any{}
	named(body, u.props, "cover_state", "cover", coverName)
	flag(body, u.props, "emergency_stop_state", "emergency_stop")
	flag(body, u.props, "alarm_state", "alarm")
	flag(body, u.props, "drone_in_dock", "drone_in_dock")
	named(body, u.props, "mode_code", "mode", dockModeName)
	named(body, u.props, "flighttask_step_code", "task_step", taskStepName)
	now, _ := json.Marshal(body) // strings and booleans
	if string(now) == u.dock {
		return
	}
	var was map[string]any
	first := u.dock == ""
	if !first {
		_ = json.Unmarshal([]byte(u.dock), &was) // our own
		var changed []string
		for _, k := range []string{"cover", "emergency_stop", "alarm", "drone_in_dock", "mode", "task_step"} {
			if body[k] != was[k] {
				changed = append(changed, k)
			}
		}
		body["changed"], body["was"] = changed, was
	}
	u.dock = string(now)
	body["first"] = first
	if lat, lon, ok := place(u.props); ok {
		body["lat"], body["lon"] = lat, lon
	}
	o.add(u, "dock.state", body)
}

func (o *out) dockPower(u *unit) {
	d, body := o.e.data, map[string]any{}
	fields(body, d, "electric_supply_voltage", "mains_v")
	scaled(body, d, "working_voltage", "working_v", 0.001)
	scaled(body, d, "working_current", "working_a", 0.001)
	if b, ok := d.Object("backup_battery"); ok {
		flag(body, b, "switch", "backup_on")
		scaled(body, b, "voltage", "backup_v", 0.001)
		fields(body, b, "temperature", "backup_c")
	}
	if c, ok := d.Object("drone_charge_state"); ok {
		flag(body, c, "state", "drone_charging")
		fields(body, c, "capacity_percent", "drone_percent")
	}
	o.sample(u, "dock.power", body)
}

func (o *out) dockMaintenance(u *unit) {
	d, body := o.e.data, map[string]any{}
	fields(body, d, "job_number", "jobs", "acc_time", "running_s")
	if m, ok := d.Object("drone_battery_maintenance_info"); ok {
		fields(body, m, "maintenance_state", "battery_maintenance", "maintenance_time_left", "battery_maintenance_left_h")
		if list, ok := m.List("batteries"); ok {
			body["batteries"] = cells(list)
		}
	}
	if m, ok := d.Object("maintain_status"); ok {
		list, _ := m.List("maintain_status_array")
		due := false
		for _, v := range list {
			item, _ := v.(map[string]any)
			state, _ := mqttlink.Object(item).Flag("state")
			due = due || state
		}
		body["maintenance_due"] = due
	}
	if s, ok := d.Object("storage"); ok {
		fields(body, s, "total", "storage_total_kb", "used", "storage_used_kb")
	}
	if n, ok := d.Object("network_state"); ok {
		fields(body, n, "quality", "network_quality", "rate", "network_kbyte_s")
		named(body, n, "type", "network", func(t int64) string { return name([]string{"", "4g", "ethernet"}, t) })
	}
	o.sample(u, "dock.maintenance", body)
}

// remote makes readings of a remote controller's properties.
func (o *out) remote(u *unit) {
	d := o.e.data
	if has(d, "capacity_percent", "latitude") {
		body := map[string]any{}
		fields(body, d, "capacity_percent", "percent", "height", "height_ellipsoid_m")
		if lat, lon, ok := place(d); ok {
			body["lat"], body["lon"] = lat, lon
		}
		o.sample(u, "rc.state", body)
	}
	if w, ok := d.Object("wireless_link"); ok {
		o.link(o.s.theAircraft(), w)
	}
}
