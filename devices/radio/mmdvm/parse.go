package mmdvm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"siaga/devices/mqttlink"
)

// heard is one typed object of a message.
type heard struct {
	typ string // the top-level key: "DMR"
	at  time.Time
	o   mqttlink.Object
}

const maxTypes = 16

// modes maps top-level keys of radio modes to our names.
func modeOf(typ string) (string, bool) {
	switch typ {
	case "DMR", "YSF", "P25", "NXDN":
		return strings.ToLower(typ), true
	case "D-Star":
		return "dstar", true
	}
	return "", false
}

func known(typ string) bool {
	switch typ {
	case "MMDVM", "POCSAG", "FM", "RSSI", "BER", "Text", "link", "status":
		return true
	}
	_, ok := modeOf(typ)
	return ok
}

// parse reads one payload. It is pure.
func parse(payload []byte) ([]heard, error) {
	o, err := mqttlink.ParseObject(payload)
	if err != nil {
		return nil, err
	}
	if len(o) == 0 || len(o) > maxTypes {
		return nil, fmt.Errorf("want one message type, got %d", len(o))
	}
	var hs []heard
	for typ := range o {
		if !known(typ) {
			return nil, fmt.Errorf("unknown message type %.40q", typ)
		}
		inner, ok := o.Object(typ)
		if !ok {
			return nil, fmt.Errorf("%s is not an object", typ)
		}
		if _, ok := modeOf(typ); ok {
			if a, _ := inner.Text("action"); a == "" {
				return nil, fmt.Errorf("%s without action", typ)
			}
		}
		hs = append(hs, heard{typ, mqttlink.Clock(inner["timestamp"]), inner})
	}
	slices.SortFunc(hs, func(a, b heard) int { return strings.Compare(a.typ, b.typ) })
	return hs, nil
}

// party is who talks to whom, in either generation of key names.
type party struct {
	source    string // rf or network: where it was heard
	src, info string
	dst       string
	group     *bool
}

func (h heard) party() party {
	p := party{source: h.text("source"), info: h.text("src_info", "source_info")}
	p.src = h.text("src_id", "source_id", "src_callsign", "source_cs")
	if ext := h.text("src_ext", "source_ext"); ext != "" && p.info == "" {
		p.info = ext
	}
	p.dst = h.text("dst_id", "destination_id", "dst_callsign", "destination_cs")
	switch h.text("destination_type") {
	case "group":
		p.group = new(true)
	case "individual":
		p.group = new(false)
	default:
		if g, ok := h.o.Flag("group"); ok {
			p.group = &g
		}
	}
	return p
}

// text gets a trimmed string of bounded length.
func (h heard) text(keys ...string) string {
	s, _ := h.o.Text(keys...)
	s = strings.TrimSpace(s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}

func (h heard) slot() int {
	n, _ := h.o.Int("slot")
	if n < 0 || n > 2 {
		return 0
	}
	return int(n)
}

// csbkName normalises a control block's description. Builds differ in wording and one misspells.
func csbkName(desc string) string {
	d := strings.ToLower(desc)
	for _, c := range [...]struct{ part, name string }{
		{"emergency", "emergency"},
		{"radio check", "radio_check"},
		{"call alert ack", "call_alert_ack"},
		{"call alert", "call_alert"},
		{"negative ack", "negative_ack"},
		{"service request", "voice_request"},
		{"answer response", "voice_answer"},
		{"preamble", "preamble"},
	} {
		if strings.Contains(d, c.part) {
			return c.name
		}
	}
	return strings.Join(strings.FieldsFunc(d, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), "_")
}

var errNothing = errors.New("neither mode nor message")
