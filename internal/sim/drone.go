package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"
)

// Dock is a DJI dock with one aircraft, speaking the Cloud API. The aircraft flies round the dock, comes home when its
// battery is low, charges, and flies again.
type Dock struct {
	Broker     Broker
	GatewaySN  string
	AircraftSN string
	Lat, Lon   float64 // of the dock
	Radius     float64 // of the patrol, metres
	Height     float64 // above take-off, metres
}

// flight is the aircraft's state between two messages.
type flight struct {
	mode    int // DJI mode_code
	battery float64
	angle   float64 // on the patrol circle, radians
	height  float64
	trackID string
}

// Run flies until ctx ends.
func (d *Dock) Run(ctx context.Context) error {
	p, err := dial(ctx, d.Broker, nil)
	if err != nil {
		return err
	}
	defer p.close()
	send := func(topic, method string, data any) {
		m := map[string]any{
			"tid": uuidText(), "bid": uuidText(), "timestamp": time.Now().UnixMilli(), "data": data, "gateway": d.GatewaySN,
		}
		if method != "" {
			m["method"] = method
		}
		if err := p.json(ctx, topic, 1, false, m); err != nil && ctx.Err() == nil {
			slog.Debug("sim: dock message not sent", "err", err)
		}
	}
	d.online(send)
	f := &flight{mode: 0, battery: 96, trackID: uuidText()}
	return every(ctx, 2*time.Second, func(n int) { // OSD at 0.5 Hz, as the reference says
		d.step(f, send)
		d.aircraft(f, send)
		if n%5 == 0 {
			d.dock(f, send)
		}
		if n%15 == 0 && f.mode == 5 {
			d.progress(f, send)
		}
	})
}

type sendFunc func(topic, method string, data any)

func (d *Dock) online(send sendFunc) {
	send("sys/product/"+d.GatewaySN+"/status", "update_topo", map[string]any{
		"domain": "3", "type": 2, "sub_type": 0, "device_secret": "sim", "nonce": "sim", "thing_version": "1.1.2",
		"sub_devices": []any{map[string]any{
			"sn": d.AircraftSN, "domain": "0", "type": 91, "sub_type": 1, "index": "A",
			"device_secret": "sim", "nonce": "sim", "thing_version": "1.1.2",
		}},
	})
	send("thing/product/"+d.AircraftSN+"/state", "", map[string]any{
		"home_latitude": d.Lat, "home_longitude": d.Lon, "control_source": "A",
		"low_battery_warning_threshold": 30, "serious_low_battery_warning_threshold": 15, "firmware_version": aircraftFirmware,
	})
	send("thing/product/"+d.GatewaySN+"/state", "", map[string]any{"firmware_version": dockFirmware})
}

// Versions in DJI's form; the numbers are the simulation's.
const (
	aircraftFirmware = "10.01.16.20"
	dockFirmware     = "10.01.16.00"
)

// step moves the aircraft by two seconds.
func (d *Dock) step(f *flight, send sendFunc) {
	before := f.mode
	switch f.mode {
	case 0: // standby in the dock, charging
		f.battery = math.Min(100, f.battery+1.5)
		f.height = 0
		if f.battery >= 97 {
			f.mode, f.trackID = 4, uuidText()
		}
	case 4: // taking off
		f.height += 5
		if f.height >= d.Height {
			f.mode = 5
		}
	case 5: // on its way round
		f.angle += 12 / d.Radius // 6 m/s
		f.battery -= 0.25
		f.height = d.Height + 3*math.Sin(f.angle*3)
		if f.battery < 28 {
			f.mode = 9
		}
	case 9, 10: // coming home, landing
		f.mode = 10
		f.height -= 6
		f.battery -= 0.2
		if f.height <= 0 {
			f.mode, f.height = 0, 0
		}
	}
	if f.mode != before {
		reason := 0
		if f.mode == 10 {
			reason = 1 // low battery
		}
		send("thing/product/"+d.AircraftSN+"/state", "", map[string]any{"mode_code_reason": reason})
	}
}

// aircraft is the periodic message of the flying part, with the keys an M3D sends.
func (d *Dock) aircraft(f *flight, send sendFunc) {
	lat, lon := d.Lat, d.Lon
	speed := 0.0
	if f.mode == 5 {
		lat += d.Radius * math.Cos(f.angle) / 111_320
		lon += d.Radius * math.Sin(f.angle) / (111_320 * math.Cos(d.Lat*math.Pi/180))
		speed = 6
	}
	percent := int(f.battery)
	send("thing/product/"+d.AircraftSN+"/osd", "", map[string]any{
		"81-0-0":        map[string]any{"payload_index": "81-0-0", "gimbal_pitch": -45.0, "gimbal_roll": 0, "gimbal_yaw": 90.0, "zoom_factor": 1.0},
		"latitude":      lat,
		"longitude":     lon,
		"elevation":     math.Round(f.height*10) / 10,
		"height":        math.Round((f.height+41.8)*10) / 10,
		"attitude_head": math.Mod(f.angle*180/math.Pi+90, 360) - 180, "attitude_pitch": -3.1, "attitude_roll": 0.7,
		"horizontal_speed": speed, "vertical_speed": 0.0, "wind_speed": 20 + rand.IntN(20), "wind_direction": 5,
		"home_distance": d.Radius, "mode_code": f.mode, "gear": 1, "height_limit": 120,
		"distance_limit_status": map[string]any{"state": 1, "distance_limit": 800, "is_near_distance_limit": 0},
		"is_near_area_limit":    0, "is_near_height_limit": 0,
		"battery": map[string]any{
			"capacity_percent": percent, "remain_flight_time": percent * 19, "return_home_power": 22, "landing_power": 9,
			"batteries": []any{map[string]any{
				"index": 0, "sn": "6JKPSIM0000001", "capacity_percent": percent, "voltage": 15000 + percent*10, "temperature": 38.4,
			}},
		},
		"position_state":    map[string]any{"is_fixed": 2, "quality": 5, "gps_number": 24, "rtk_number": 29},
		"rid_state":         true,
		"storage":           map[string]any{"total": 61079552, "used": 20411136},
		"total_flight_time": 401210, "total_flight_sorties": 316, "track_id": f.trackID,
	})
}

// dock is the box on the roof: two partial messages, as the real one sends them.
func (d *Dock) dock(f *flight, send sendFunc) {
	inDock := 0
	if f.mode == 0 {
		inDock = 1
	}
	cover := 1 - inDock
	topic := "thing/product/" + d.GatewaySN + "/osd"
	send(topic, "", map[string]any{
		"network_state": map[string]any{"type": 2, "quality": 5, "rate": 612.4}, "drone_in_dock": inDock, "cover_state": cover,
		"rainfall": 0, "wind_speed": 2.7, "environment_temperature": 30.6, "temperature": 27.3, "humidity": 48,
		"latitude": d.Lat, "longitude": d.Lon, "height": 41.8, "mode_code": 4 * cover, "emergency_stop_state": 0, "alarm_state": 0,
		"sub_device": map[string]any{"device_sn": d.AircraftSN, "device_model_key": "0-91-1", "device_online_status": 1, "device_paired": 1},
	})
	send(topic, "", map[string]any{
		"job_number": 317, "working_voltage": 25410, "working_current": 1340,
		"backup_battery": map[string]any{"voltage": 26890, "temperature": 31.2, "switch": 1},
	})
}

func (d *Dock) progress(f *flight, send sendFunc) {
	send("thing/product/"+d.GatewaySN+"/events", "flighttask_progress", map[string]any{
		"result": 0, "output": map[string]any{
			"status": "in_progress", "progress": map[string]any{"current_step": 24, "percent": int(100 - f.battery)},
			"ext": map[string]any{"wayline_mission_state": 6, "flight_id": f.trackID, "track_id": f.trackID},
		},
	})
}

func uuidText() string {
	a, b := rand.Uint64(), rand.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffffffffffff)
}
