package mqttlink

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"siaga/devices"
	"siaga/internal/watch"
)

// flight is one message between its readings being handed over and its acknowledgement.
type flight struct {
	topic    string
	receipts []devices.Receipt
	replies  []Reply
	ack      func() // nil for readings that came from no message
}

// loop reads messages and hands their readings over without waiting for any receipt.
func (r *run) loop() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case a := <-r.incoming:
			if !r.take(a) {
				return
			}
		case now := <-ticker.C:
			if !r.launch(&flight{topic: "(silence)"}, r.s.handler.Tick(now)) {
				return
			}
		}
	}
}

// take handles one message. It reports false when the run is over.
func (r *run) take(a arrival) bool {
	m := Message{
		Topic: a.m.Topic(), Payload: a.m.Payload(), Retained: a.m.Retained(), Duplicate: a.m.Duplicate(),
		Received:    a.at,
		Redelivered: a.m.Duplicate() || a.at.Sub(r.connected) <= suspicion,
	}
	f := &flight{topic: m.Topic, ack: a.m.Ack}
	if !r.wanted(m.Topic) {
		// Left over in the kept session from a topic this gateway was configured with earlier.
		return r.launch(f, nil)
	}
	var d Decoded
	if len(m.Payload) > MaxPayload {
		d.Readings = []watch.Reading{Garbled(r.s.family, m, "payload is larger than 256 KiB")}
	} else {
		d = r.s.handler.Handle(m)
	}
	f.replies = d.Replies
	readings := stamp(r.s.family, m, d.Readings)
	if q := a.m.Qos(); q < r.s.qos && !m.Retained {
		readings = append(readings, r.delivery(q, a.at))
	}
	return r.launch(f, readings)
}

// delivery tells how safe this gateway's messages are: at QoS 0, what is under way in a crash is gone.
func (r *run) delivery(qos byte, at time.Time) watch.Reading {
	r.s.qos = qos
	body, _ := json.Marshal(map[string]any{"qos": qos, "survives_crash": qos > 0})
	return watch.Reading{Kind: r.s.family + ".delivery", Received: at, Body: body}
}

func (r *run) wanted(topic string) bool {
	for _, f := range r.s.filters {
		if matches(f, topic) {
			return true
		}
	}
	return false
}

// launch observes the readings of one flight and queues it for settlement.
func (r *run) launch(f *flight, readings []watch.Reading) bool {
	if f.ack == nil && len(readings) == 0 {
		return true
	}
	r.launched++
	for _, reading := range readings {
		receipt, err := r.host.Observe(r.ctx, reading)
		if err != nil {
			r.end(r.refused(f.topic, err))
			return false
		}
		f.receipts = append(f.receipts, receipt)
	}
	select {
	case r.pending <- f:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// settle acknowledges flights in order as their receipts resolve, until pending is closed and empty, ctx
// ends, or a reading can never become durable.
func (r *run) settle(ctx context.Context) {
	for f := range r.pending {
		for _, receipt := range f.receipts {
			if err := receipt.Wait(ctx); err != nil {
				r.end(r.refused(f.topic, err))
				return
			}
		}
		for _, reply := range f.replies {
			// Not waited for: the broker's answer comes through the same reader that may be waiting for us.
			r.client.Publish(reply.Topic, 1, false, reply.Payload)
		}
		r.settled++
		if f.ack != nil {
			f.ack()
		}
	}
}

func (r *run) refused(topic string, err error) error {
	var f *watch.Fault
	if errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &watch.Fault{
		Reason: watch.ReasonUnknown, Doing: "storing a reading from topic " + topic,
		Hint: "the message was not acknowledged; the broker sends it again", Err: err,
	}
}
