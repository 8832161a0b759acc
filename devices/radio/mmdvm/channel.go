package mmdvm

import (
	"strings"

	"siaga/internal/watch"
)

// talker finds the open call that a signal or text belongs to; its mode comes as "DMR" or "D-Star".
func (s *state) talker(h heard) (string, *call) {
	raw := h.text("mode")
	mode, ok := modeOf(raw)
	if !ok {
		return strings.ToLower(raw), nil
	}
	if sl := s.slots[slotKey{mode, h.slot()}]; sl != nil {
		return mode, sl.open
	}
	return mode, nil
}

// signal is a running RSSI or bit error rate during a call.
func (s *state) signal(h heard) []watch.Reading {
	mode, c := s.talker(h)
	body := map[string]any{"protocol": mode}
	if n := h.slot(); n > 0 {
		body["slot"] = n
	}
	if v, ok := h.o.Number("value"); ok {
		key := "rssi_dbm"
		if h.typ == "BER" {
			key = "ber_percent"
		}
		body[key] = v
	}
	r := s.ofCall(reading("radio.signal", "", h.at, body), c)
	r.Sample = true
	return one(r)
}

// text is a DMR talker alias or a D-Star message. It names the talker from now on.
func (s *state) text(h heard) []watch.Reading {
	mode, c := s.talker(h)
	value := h.text("value")
	body := map[string]any{"protocol": mode, "text": value}
	if n := h.slot(); n > 0 {
		body["slot"] = n
	}
	if c != nil {
		body["src_id"], body["call"] = c.who.src, c.id
		if mode == "dmr" && value != "" && c.who.src != "" {
			c.alias = value
			if len(s.aliases) >= maxAliases {
				clear(s.aliases)
			}
			s.aliases[c.who.src] = value
		}
	}
	return one(s.ofCall(reading("radio.text", "", h.at, body), c))
}

func (s *state) ofCall(r watch.Reading, c *call) watch.Reading {
	if c != nil {
		r.Child, r.Subject = c.who.src, c.id
	}
	return r
}

// channel is the state of an analogue FM repeater; a repeated state is no event.
func (s *state) channel(h heard) []watch.Reading {
	st := h.text("state")
	if st == s.fm {
		return nil
	}
	s.fm = st
	busy := strings.HasPrefix(st, "kerchunk") || strings.HasPrefix(st, "relaying") || strings.HasPrefix(st, "timeout")
	return one(reading("radio.channel", "", h.at, map[string]any{
		"protocol": "fm", "state": st, "busy": busy, "stuck": strings.HasPrefix(st, "timeout"),
	}))
}

// link is a change of a DMRGateway network connection: the radio backhaul.
func (s *state) link(h heard) []watch.Reading {
	network, action, reason := h.text("network"), h.text("action"), h.text("reason")
	if now := action + "/" + reason; len(s.links) < 64 {
		if s.links[network] == now {
			return nil
		}
		s.links[network] = now
	}
	return one(reading("radio.link", "", h.at, map[string]any{"network": network, "action": action, "reason": reason}))
}
