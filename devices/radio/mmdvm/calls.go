package mmdvm

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"siaga/internal/watch"
)

// slotKey is a radio channel of the gateway: DMR has two slots, the others slot 0.
type slotKey struct {
	mode string
	slot int
}

// call is one press of the talk button. The message that closes it carries no ids, so it is kept.
type call struct {
	id      string
	who     party
	alias   string
	data    bool
	started time.Time
}

// slot remembers the open call, and the last closed one so that a redelivered end finds it.
type slot struct {
	open     *call
	closed   *call
	closedAt time.Time
}

// callBody is the body of every reading about a call. Ids are text, since D-Star has call signs.
type callBody struct {
	Protocol   string   `json:"protocol"`
	Slot       int      `json:"slot,omitempty"`
	Source     string   `json:"source,omitempty"`
	Action     string   `json:"action,omitempty"`
	SrcID      string   `json:"src_id,omitempty"`
	SrcInfo    string   `json:"src_info,omitempty"`
	Alias      string   `json:"alias,omitempty"`
	DstID      string   `json:"dst_id,omitempty"`
	Group      *bool    `json:"group,omitempty"`
	Talkgroup  string   `json:"talkgroup,omitempty"`
	Call       string   `json:"call,omitempty"`
	Data       bool     `json:"data,omitempty"`
	Frames     int64    `json:"frames,omitempty"`
	LateEntry  bool     `json:"late_entry,omitempty"`
	VoiceMode  string   `json:"voice_mode,omitempty"`
	Reflector  string   `json:"reflector,omitempty"`
	DGID       *int64   `json:"dg_id,omitempty"`
	DurationS  *float64 `json:"duration_s,omitempty"`
	BER        *float64 `json:"ber_percent,omitempty"`
	Loss       *float64 `json:"loss_percent,omitempty"`
	RSSI       *rssi    `json:"rssi_dbm,omitempty"`
	CSBK       string   `json:"csbk,omitempty"`
	CSBKDesc   string   `json:"csbk_desc,omitempty"`
	Unmatched  bool     `json:"unmatched,omitempty"`  // an end whose start was not heard
	Superseded bool     `json:"superseded,omitempty"` // a new call began before this one's end was heard
}

type rssi struct {
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
	Ave *float64 `json:"ave,omitempty"`
}

// newBody begins a body from what the message itself says.
func (h heard) newBody(mode, action string) callBody {
	b := callBody{Protocol: mode, Slot: h.slot(), Action: action}
	b.setParty(h.party())
	b.VoiceMode = h.text("mode")
	b.Reflector = h.text("reflector")
	if n, ok := h.o.Int("dg-id", "dg_id"); ok {
		b.DGID = &n
	}
	if n, ok := h.o.Int("frames"); ok {
		b.Frames, b.Data = n, true
	}
	if b.VoiceMode == "data_fr" || b.VoiceMode == "data" {
		b.Data = true
	}
	b.DurationS, b.BER, b.Loss = h.number("duration"), h.number("ber"), h.number("loss")
	if r, ok := h.o.Object("rssi"); ok {
		inner := heard{o: r}
		b.RSSI = &rssi{inner.number("min"), inner.number("max"), inner.number("ave")}
	}
	return b
}

func (h heard) number(key string) *float64 {
	if f, ok := h.o.Number(key); ok {
		return &f
	}
	return nil
}

func (b *callBody) setParty(p party) {
	b.Source, b.SrcID, b.SrcInfo, b.DstID, b.Group = p.source, p.src, p.info, p.dst, p.group
	b.Talkgroup = ""
	if p.group != nil && *p.group {
		b.Talkgroup = p.dst
	}
}

// fillFrom takes over what a closing message lacks.
func (b *callBody) fillFrom(c *call) {
	if b.SrcID == "" {
		source := b.Source
		b.setParty(c.who)
		if source != "" {
			b.Source = source
		}
	}
	b.Call, b.Data = c.id, b.Data || c.data
	if b.Alias == "" {
		b.Alias = c.alias
	}
}

// callID is opaque and the same when the message comes again.
func callID(k slotKey, p party, at time.Time) string {
	sum := sha256.Sum256([]byte(k.mode + "\x00" + string(rune('0'+k.slot)) + "\x00" + p.src + "\x00" + p.dst + "\x00" + watch.FormatTime(at)))
	return "call-" + hex.EncodeToString(sum[:10])
}
