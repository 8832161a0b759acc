package dji

import (
	"strconv"

	"siaga/devices/mqttlink"
)

// DJI adds values between releases: what is not in a table passes as unknown(n).

func name(table []string, n int64) string {
	if n >= 0 && n < int64(len(table)) && table[n] != "" {
		return table[n]
	}
	return "unknown(" + strconv.FormatInt(n, 10) + ")"
}

func modeName(n int64) string {
	return name([]string{
		"standby", "takeoff_preparation", "takeoff_ready", "manual", "auto_takeoff", "wayline", "panorama", "tracking",
		"adsb_avoidance", "return_home", "auto_landing", "forced_landing", "three_propeller_landing", "upgrading",
		"not_connected", "apas", "virtual_stick", "live_flight_control", "rtk_fixing", "dock_site_check", "poi_orbit",
	}, n)
}

const (
	modeNotConnected  = 14
	reasonControlLost = 6
)

// airborne reports whether an aircraft in that mode is in the air.
func airborne(mode int64) bool {
	switch mode {
	case 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 19, 20:
		return true
	}
	return false
}

func reasonName(n int64) string {
	return name([]string{
		"none", "low_battery", "low_voltage", "very_low_voltage", "remote_controller", "app", "control_signal_lost",
		"external_device", "geo_zone", "too_close_to_home", "too_far_from_home", "waypoint_mission", "above_home",
		"near_ground", "low_altitude_override", "nearby_aircraft", "height_control_failure", "after_low_battery_return",
		"manual_control", "hardware_fault", "collision_protection_ended", "return_cancelled", "obstacle_on_return", "strong_wind",
	}, n)
}

func coverName(n int64) string { return name([]string{"closed", "open", "half_open", "abnormal"}, n) }

func dockModeName(n int64) string {
	return name([]string{"idle", "on_site_debugging", "remote_debugging", "upgrading", "operating"}, n)
}

func rainName(n int64) string { return name([]string{"none", "light", "moderate", "heavy"}, n) }

func windFrom(n int64) string {
	return name([]string{"", "north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest"}, n)
}

func levelName(n int64) string { return name([]string{"notice", "reminder", "warning"}, n) }

func moduleName(n int64) string { return name([]string{"mission", "device", "media", "hms"}, n) }

func taskStepName(n int64) string {
	switch n {
	case 255:
		return "aircraft_abnormal"
	case 256:
		return "unknown"
	}
	return name([]string{"preparing", "in_flight", "recovering", "flight_area_update", "terrain_update", "idle"}, n)
}

// unread is what DJI sends for a value that it could not read.
const unread = 32767

// fields copies numbers of o into body under our own names: pairs of theirs, ours. Sentinels are left out.
func fields(body map[string]any, o mqttlink.Object, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if f, ok := o.Number(pairs[i]); ok && f != unread {
			body[pairs[i+1]] = f
		}
	}
}

// scaled copies one number multiplied by factor.
func scaled(body map[string]any, o mqttlink.Object, theirs, ours string, factor float64) {
	if f, ok := o.Number(theirs); ok && f != unread {
		body[ours] = f * factor
	}
}

// flag copies one boolean.
func flag(body map[string]any, o mqttlink.Object, theirs, ours string) {
	if v, ok := o.Flag(theirs); ok {
		body[ours] = v
	}
}

// named copies an enumeration by name.
func named(body map[string]any, o mqttlink.Object, theirs, ours string, name func(int64) string) {
	if n, ok := o.Int(theirs); ok {
		body[ours] = name(n)
	}
}
