package sim

import (
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"
)

// Radio is one handy-talky heard by a gateway.
type Radio struct {
	ID   int    // DMR number
	Info string // what the gateway's ID list says of it
}

// RadioGateway is an MMDVM-Host (key names of May 2026 and later) with talking radios.
type RadioGateway struct {
	Broker Broker
	Name   string // topic prefix
	Radios []Radio
	// TalkEvery is the mean pause between calls, PanicEvery between emergencies (0 never).
	TalkEvery, PanicEvery time.Duration
}

const mmdvmTime = "2006-01-02T15:04:05.000Z"

// Run talks until ctx ends.
func (g *RadioGateway) Run(ctx context.Context) error {
	p, err := dial(ctx, g.Broker, nil)
	if err != nil {
		return err
	}
	defer p.close()
	r := &radioRun{g: g, p: p, ctx: ctx}
	r.send("MMDVM", map[string]any{"message": "MMDVMHost is starting"})
	nextPanic := time.Now().Add(g.PanicEvery)
	for ctx.Err() == nil {
		if g.PanicEvery > 0 && time.Now().After(nextPanic) {
			r.panic(g.Radios[rand.IntN(len(g.Radios))])
			nextPanic = time.Now().Add(g.PanicEvery)
		}
		r.call(g.Radios[rand.IntN(len(g.Radios))], 1+rand.IntN(2))
		r.pause(time.Duration(float64(g.TalkEvery) * (0.5 + rand.Float64())))
	}
	return nil
}

type radioRun struct {
	g   *RadioGateway
	p   *publisher
	ctx context.Context
}

func (r *radioRun) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.ctx.Done():
	}
}

// send publishes one object under its type, QoS 2 and not retained as the real program does.
func (r *radioRun) send(typ string, fields map[string]any) {
	fields["timestamp"] = time.Now().UTC().Format(mmdvmTime)
	err := r.p.json(r.ctx, r.g.Name+"/json", 2, false, map[string]any{typ: fields})
	if err != nil && r.ctx.Err() == nil {
		slog.Debug("sim: radio message not sent", "err", err)
	}
}

// call is one transmission on a slot: start, values while it lasts, end without ids.
func (r *radioRun) call(who Radio, slot int) {
	r.send("MMDVM", map[string]any{"mode": "DMR"})
	r.send("DMR", map[string]any{
		"source": "rf", "action": "start", "slot": slot, "src_id": who.ID, "dst_id": 9901, "group": "yes", "src_info": who.Info,
	})
	r.send("Text", map[string]any{"mode": "DMR", "slot": slot, "value": who.Info})
	length := 1.5 + 4*rand.Float64()
	level := -70 - rand.IntN(30)
	for range int(length) {
		r.pause(time.Second)
		r.send("RSSI", map[string]any{"mode": "DMR", "slot": slot, "value": level - rand.IntN(5)})
		r.send("BER", map[string]any{"mode": "DMR", "slot": slot, "value": rand.Float64()})
	}
	r.send("DMR", map[string]any{
		"action": "end", "slot": slot, "duration": math.Round(length*10) / 10, "ber": rand.Float64(),
		"rssi": map[string]int{"min": level - 6, "max": level, "ave": level - 3},
	})
	r.send("MMDVM", map[string]any{"mode": "idle"})
}

// panic is the orange button: the radio repeats the emergency call until somebody answers or it gives up.
func (r *radioRun) panic(who Radio) {
	for range 3 {
		r.send("DMR", map[string]any{
			"source": "rf", "action": "csbk", "slot": 2, "src_id": who.ID, "dst_id": 9911, "group": "yes", "src_info": who.Info,
			"csbk_desc": "Call Emergency",
		})
		r.pause(1500 * time.Millisecond)
	}
}
