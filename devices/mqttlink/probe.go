package mqttlink

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"siaga/devices"
)

// listening is how long a probe waits for the gateway to say anything.
const listening = 5 * time.Second

// Probe connects beside the kept session, listens for a few seconds, and tells what it heard. It reads only:
// nothing is acknowledged in the name of the kept session. Silence is a note, not an error, since radios may be quiet.
func (s *Session) Probe(ctx context.Context) (devices.Probe, error) {
	r := &run{s: s, closed: make(chan struct{})}
	r.ctx, r.end = context.WithCancelCause(ctx)
	defer r.end(nil)
	heard := make(chan mqtt.Message, 64)
	o := r.options()
	o.SetClientID(s.link.ClientID + "-probe").SetCleanSession(true).SetAutoAckDisabled(false)
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		select {
		case heard <- m:
		default: // enough is known
		}
	})
	r.client = mqtt.NewClient(o)
	stop := sync.OnceFunc(r.stop)
	defer stop()
	if err := r.connect(); err != nil {
		return devices.Probe{}, r.verdict(ctx, err)
	}
	p := devices.Probe{Device: map[string]string{"broker": s.addr.display}}
	messages, live := 0, 0
	late := time.NewTimer(listening)
	defer late.Stop()
	for live < 3 {
		select {
		case m := <-heard:
			messages++
			if !m.Retained() {
				live++
				p.Device["last_topic"] = clip(m.Topic(), garbledTopic)
			}
			continue
		case <-r.ctx.Done():
			return devices.Probe{}, r.verdict(ctx, context.Cause(r.ctx))
		case <-late.C:
		}
		break
	}
	p.Device["messages"] = strconv.Itoa(messages)
	if live == 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("the broker lets us in, but nothing was published on %v within %v: is the gateway on, and its topic right?", s.filters, listening))
	}
	return p, nil
}

var _ devices.Prober = (*Session)(nil)
