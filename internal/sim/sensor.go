package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// SensorHub is a Zigbee2MQTT bridge with doors, motion, smoke and leak sensors and a mains monitor.
type SensorHub struct {
	Broker Broker
	Base   string // topic prefix
	Doors  []string
	Motion []string
	Smoke  []string
	Leak   []string
	Mains  []string // at a UPS
	// Every is the pause between two doings at a door; Trouble between smoke or leak alarms (0 never).
	Every, Trouble time.Duration
}

// Run opens and closes doors until ctx ends.
func (s *SensorHub) Run(ctx context.Context) error {
	p, err := dial(ctx, s.Broker, func(o *mqtt.ClientOptions) {
		o.SetWill(s.Base+"/bridge/state", `{"state":"offline"}`, 1, true)
	})
	if err != nil {
		return err
	}
	defer p.close()
	r := &sensorRun{s: s, p: p, ctx: ctx}
	r.send("bridge/state", true, map[string]any{"state": "online"})
	r.inventory()
	r.baseline()
	nextTrouble := time.Now().Add(s.Trouble)
	return every(ctx, s.Every, func(n int) {
		if n == 0 {
			return
		}
		if len(s.Doors) > 0 {
			r.pass(s.Doors[rand.IntN(len(s.Doors))])
		}
		if len(s.Motion) > 0 {
			r.move(s.Motion[rand.IntN(len(s.Motion))])
		}
		if s.Trouble > 0 && time.Now().After(nextTrouble) {
			nextTrouble = time.Now().Add(s.Trouble)
			r.trouble(n)
		}
	})
}

type sensorRun struct {
	s   *SensorHub
	p   *publisher
	ctx context.Context
}

func (r *sensorRun) send(name string, retained bool, v any) {
	var qos byte
	if retained {
		qos = 1
	}
	if err := r.p.json(r.ctx, r.s.Base+"/"+name, qos, retained, v); err != nil && r.ctx.Err() == nil {
		slog.Debug("sim: sensor message not sent", "err", err)
	}
}

func (r *sensorRun) state(extra map[string]any) map[string]any {
	m := map[string]any{
		"battery": 80 + rand.IntN(20), "battery_low": false, "linkquality": 90 + rand.IntN(60), "tamper": false, "voltage": 2900,
		"last_seen": time.Now().UTC().Format(mmdvmTime),
	}
	for k, v := range extra {
		m[k] = v
	}
	return m
}

// inventory is what the bridge says about itself and its sensors, with the keys that Zigbee2MQTT sends.
func (r *sensorRun) inventory() {
	r.send("bridge/info", true, map[string]any{
		"version": "2.12.1", "coordinator": map[string]any{
			"ieee_address": "0x00124b0024c2a1b0", "type": "zStack3x0", "meta": map[string]any{"revision": 20240710},
		},
	})
	list := []any{map[string]any{"ieee_address": "0x00124b0024c2a1b0", "type": "Coordinator", "friendly_name": "Coordinator"}}
	for _, g := range []struct {
		names         []string
		vendor, model string
		build, date   string
	}{
		{r.s.Doors, "Sunricher", "SNTZ007", "2.5.3_r7", "20230315"},
		{r.s.Motion, "SONOFF", "SNZB-03P", "2.2.2", "20240524"},
		{r.s.Smoke, "HEIMAN", "HS1SA-E", "", "20200811"},
		{r.s.Leak, "SONOFF", "SNZB-05P", "1.0.4", "20240118"},
		{r.s.Mains, "Custom devices (DiY)", "ptvo.switch", "", "20230402"},
	} {
		for _, n := range g.names {
			d := map[string]any{
				"ieee_address": fmt.Sprintf("0x00158d00%08x", len(list)), "type": "EndDevice", "friendly_name": n, "supported": true,
				"disabled": false, "power_source": "Battery", "definition": map[string]any{"vendor": g.vendor, "model": g.model},
				"date_code": g.date,
			}
			if g.build != "" {
				d["software_build_id"] = g.build
			}
			list = append(list, d)
		}
	}
	r.send("bridge/devices", true, list)
}

// baseline is what the bridge republishes when it starts.
func (r *sensorRun) baseline() {
	for names, extra := range map[*[]string]map[string]any{
		&r.s.Doors: {"contact": true}, &r.s.Motion: {"occupancy": false}, &r.s.Smoke: {"smoke": false}, &r.s.Leak: {"water_leak": false},
		&r.s.Mains: {"ac_connected": true},
	} {
		for _, n := range *names {
			r.send(n+"/availability", true, map[string]any{"state": "online"})
			r.send(n, false, r.state(extra))
		}
	}
}

func (r *sensorRun) pass(door string) {
	r.send(door, false, r.state(map[string]any{"contact": false}))
	r.pause(4 * time.Second)
	r.send(door, false, r.state(map[string]any{"contact": true}))
}

func (r *sensorRun) move(pir string) {
	r.send(pir, false, r.state(map[string]any{"occupancy": true, "illuminance": 12}))
	r.pause(3 * time.Second)
	r.send(pir, false, r.state(map[string]any{"occupancy": false, "illuminance": 12}))
}

// trouble is smoke or a leak that clears again.
func (r *sensorRun) trouble(n int) {
	key, names := "smoke", r.s.Smoke
	if n%2 == 0 {
		key, names = "water_leak", r.s.Leak
	}
	if len(names) == 0 {
		return
	}
	name := names[rand.IntN(len(names))]
	r.send(name, false, r.state(map[string]any{key: true}))
	r.pause(20 * time.Second)
	r.send(name, false, r.state(map[string]any{key: false}))
}

func (r *sensorRun) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.ctx.Done():
	}
}
