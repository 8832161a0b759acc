package mmdvm

import (
	"encoding/json"
	"time"

	"siaga/devices/mqttlink"
	"siaga/internal/watch"
)

// maxAliases bounds the names learnt from radios; a flood of invented ids forgets the old ones.
const maxAliases = 4096

// state is what has to be remembered between messages of one gateway.
type state struct {
	slots   map[slotKey]*slot
	aliases map[string]string // by caller's id
	fm      string            // last FM state
	links   map[string]string // DMRGateway network → last action and reason
}

func newState() *state {
	s := &state{}
	s.Reset()
	return s
}

// Reset forgets open calls and states.
func (s *state) Reset() {
	*s = state{slots: map[slotKey]*slot{}, aliases: map[string]string{}, links: map[string]string{}}
}

// Tick does nothing: MMDVM is silent while nobody talks and has no will, so silence says nothing.
func (s *state) Tick(time.Time) []watch.Reading { return nil }

// Handle decodes one message.
func (s *state) Handle(m mqttlink.Message) mqttlink.Decoded {
	hs, err := parse(m.Payload)
	if err != nil {
		return garbled(m, err)
	}
	var out []watch.Reading
	for _, h := range hs {
		if m.Retained {
			// A kept message is of unknown age. It opens no call and raises nothing.
			out = append(out, retained(h))
			continue
		}
		rs, err := s.judge(h)
		if err != nil {
			return garbled(m, err)
		}
		out = append(out, rs...)
	}
	return mqttlink.Decoded{Readings: out}
}

func garbled(m mqttlink.Message, err error) mqttlink.Decoded {
	return mqttlink.Decoded{Readings: []watch.Reading{mqttlink.Garbled(family, m, err.Error())}}
}

func retained(h heard) watch.Reading {
	return reading("radio.state", "", h.at, map[string]any{"type": h.typ, "retained": true, "state": h.o})
}

// judge makes readings of one typed object.
func (s *state) judge(h heard) ([]watch.Reading, error) {
	if mode, ok := modeOf(h.typ); ok {
		return s.radio(mode, h), nil
	}
	switch h.typ {
	case "RSSI", "BER":
		return s.signal(h), nil
	case "Text":
		return s.text(h), nil
	case "FM":
		return s.channel(h), nil
	case "POCSAG":
		return one(reading("radio.page", "", h.at, map[string]any{
			"ric": h.text("ric"), "functional": h.text("functional"), "source": h.text("source"), "text": h.text("message"),
		})), nil
	case "link":
		return s.link(h), nil
	case "status":
		return one(reading("radio.gateway_message", "", h.at, map[string]any{"component": "dmrgateway", "message": h.text("message")})), nil
	}
	if mode := h.text("mode"); mode != "" {
		return one(reading("radio.gateway_mode", "", h.at, map[string]any{"mode": mode})), nil
	}
	if msg := h.text("message"); msg != "" {
		return one(reading("radio.gateway_message", "", h.at, map[string]any{"component": "mmdvm", "message": msg})), nil
	}
	return nil, errNothing
}

// radio handles the five voice modes.
func (s *state) radio(mode string, h heard) []watch.Reading {
	k := slotKey{mode, h.slot()}
	sl := s.slots[k]
	if sl == nil {
		sl = &slot{}
		s.slots[k] = sl // at most 5 modes × 3 slots
	}
	action := h.text("action")
	b := h.newBody(mode, action)
	switch action {
	case "start", "late_entry":
		return s.begin(k, sl, h, b)
	case "end":
		return one(sl.finish("radio.call_ended", h, b))
	case "lost":
		return one(sl.finish("radio.call_lost", h, b))
	case "csbk":
		return one(s.csbk(sl, h, b))
	case "timeout":
		return one(sl.about("radio.call_timeout", h, b))
	case "rejected", "invalid":
		return one(reading("radio.call_"+action, b.SrcID, h.at, b))
	}
	return one(reading("radio.activity", b.SrcID, h.at, b)) // an action of a later release
}

func (s *state) begin(k slotKey, sl *slot, h heard, b callBody) []watch.Reading {
	who := h.party()
	c := &call{id: callID(k, who, h.at), who: who, alias: s.aliases[who.src], data: b.Data, started: h.at}
	var out []watch.Reading
	if old := sl.open; old != nil && old.id != c.id {
		ob := callBody{Protocol: k.mode, Slot: k.slot, Action: "lost", Superseded: true}
		ob.fillFrom(old)
		out = append(out, subject(reading("radio.call_lost", old.who.src, h.at, ob), old.id))
	}
	sl.open = c
	b.fillFrom(c)
	b.LateEntry = b.Action == "late_entry"
	kind := "radio.call_started"
	if b.Data {
		kind = "radio.data"
	}
	return append(out, subject(reading(kind, who.src, h.at, b), c.id))
}

// finish closes the open call of the slot, whose ids the message lacks.
func (sl *slot) finish(kind string, h heard, b callBody) watch.Reading {
	c := sl.open
	if c == nil && sl.closed != nil && !h.at.IsZero() && h.at.Equal(sl.closedAt) {
		c = sl.closed
	}
	if c == nil {
		b.Unmatched = true
		return reading(kind, b.SrcID, h.at, b)
	}
	sl.open, sl.closed, sl.closedAt = nil, c, h.at
	b.fillFrom(c)
	return subject(reading(kind, c.who.src, h.at, b), c.id)
}

// about is a reading on the open call that does not close it.
func (sl *slot) about(kind string, h heard, b callBody) watch.Reading {
	if sl.open == nil {
		b.Unmatched = true
		return reading(kind, b.SrcID, h.at, b)
	}
	b.fillFrom(sl.open)
	return subject(reading(kind, sl.open.who.src, h.at, b), sl.open.id)
}

// csbk handles control blocks: the emergency button, radio checks, call alerts.
func (s *state) csbk(sl *slot, h heard, b callBody) watch.Reading {
	b.CSBKDesc = h.text("csbk_desc")
	b.CSBK = csbkName(b.CSBKDesc)
	b.Alias = s.aliases[b.SrcID]
	if c := sl.open; c != nil && c.who.src == b.SrcID {
		b.Call = c.id
	}
	kind := "radio.csbk"
	if b.CSBK == "emergency" {
		kind = "radio.emergency"
	}
	return subject(reading(kind, b.SrcID, h.at, b), b.Call)
}

func one(r watch.Reading) []watch.Reading { return []watch.Reading{r} }

func subject(r watch.Reading, id string) watch.Reading {
	r.Subject = id
	return r
}

// reading makes one. MMDVM stamps its messages to the millisecond, which is the only id they have.
func reading(kind, child string, at time.Time, body any) watch.Reading {
	raw, _ := json.Marshal(body) // strings, bools and finite numbers only: cannot fail
	return watch.Reading{Kind: kind, Child: child, At: at, MessageID: watch.FormatTime(at), Body: raw}
}
