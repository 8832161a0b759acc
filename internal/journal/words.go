package journal

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"siaga/internal/watch"
)

// Limits of the text index.
const (
	maxIndexed = 8 << 10 // bytes of one event's text; what comes later in a body is not found
	maxTerms   = 12      // words of a question
)

// wordless are the kinds whose bodies hold figures, or repeat what other events say. Most events are of these.
func wordless() []string {
	return []string{
		"camera.clock", "camera.packets_lost", "camera.frames_dropped", "segment.closed", "segment.expired", "recording.expected",
		"sensor.battery", "sensor.environment", "sensor.link", "sensor.delivery", "sensor.inventory",
		"radio.signal", "radio.gateway_mode", "radio.delivery", "radio.state",
		"drone.position", "drone.battery", "drone.link", "drone.payload", "drone.delivery", "drone.state",
		"dock.environment", "dock.power", "dock.maintenance", "rc.state",
		"alert.updated", "alert.cleared", "incident.opened", "incident.changed", "body.erased",
	}
}

// machine is what no person searches for: times, hashes, ids.
var machine = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT.*|[0-9a-fA-F-]{24,}|[A-Za-z0-9+/=_-]{40,})$`)

// document is what the index keeps of an event: the words of its body and a mark for each thing that can be asked for
// beside them. It is empty for an event that says nothing.
func document(e watch.Event) string {
	if e.Erased || len(e.Body) == 0 || slices.Contains(wordless(), e.Kind) {
		return ""
	}
	var text strings.Builder
	d := json.NewDecoder(bytes.NewReader(e.Body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return ""
	}
	gather(&text, v)
	if text.Len() == 0 {
		return ""
	}
	for _, m := range marks(e) {
		text.WriteString(" " + m)
	}
	return text.String()
}

// gather adds every text of a JSON value, in the order of its keys.
func gather(into *strings.Builder, v any) {
	switch v := v.(type) {
	case string:
		v = strings.TrimSpace(v)
		if v == "" || into.Len()+len(v) > maxIndexed || machine.MatchString(v) {
			return
		}
		into.WriteByte(' ')
		into.WriteString(strings.ReplaceAll(v, "_", " "))
	case []any:
		for _, one := range v {
			gather(into, one)
		}
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			gather(into, v[k])
		}
	}
}

// marks are an event's kind, family, zone, device and person as words that no text can hold.
func marks(e watch.Event) []string {
	family, _, _ := strings.Cut(e.Kind, ".")
	out := []string{mark('k', e.Kind), mark('f', family)}
	for _, f := range [...]struct {
		of byte
		v  string
	}{{'z', e.Zone}, {'d', e.Device}, {'p', e.Actor}} {
		if f.v != "" {
			out = append(out, mark(f.of, f.v))
		}
	}
	return out
}

// mark makes one word of a value. Two values may share a mark; who asks compares the values as well.
func mark(of byte, v string) string {
	return "_" + string(of) + strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return unicode.ToLower(r)
		}
		return '_'
	}, v)
}

// Match is the index's question for what a person typed: every word, the last one perhaps unfinished. Families and
// kinds, as in Query.Kinds, narrow it. It is "" when the text holds no word.
func Match(text string, kinds ...string) string {
	terms := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(terms) == 0 {
		return ""
	}
	var parts []string
	for i, t := range terms[:min(len(terms), maxTerms)] {
		t = `"` + t + `"`
		if i == len(terms)-1 {
			t += "*"
		}
		parts = append(parts, t)
	}
	if len(kinds) > 0 {
		var of []string
		for _, k := range kinds {
			of = append(of, kindMark(k))
		}
		parts = append(parts, anyOf(of))
	}
	return strings.Join(parts, " AND ")
}

func kindMark(k string) string {
	if family, ok := strings.CutSuffix(k, ".*"); ok {
		return mark('f', family)
	}
	return mark('k', k)
}

func anyOf(marks []string) string {
	return `("` + strings.Join(marks, `" OR "`) + `")`
}

// match is the index's whole question for a query.
func (q Query) match() string {
	m := Match(q.Text)
	if m == "" {
		return ""
	}
	and := func(of byte, values ...string) {
		var list []string
		for _, v := range values {
			if v != "" {
				list = append(list, mark(of, v))
			}
		}
		if len(list) > 0 {
			m += " AND " + anyOf(list)
		}
	}
	and('z', q.zones()...)
	and('d', q.Device)
	and('p', q.Actor)
	if len(q.Kinds) > 0 {
		var of []string
		for _, k := range q.Kinds {
			of = append(of, kindMark(k))
		}
		m += " AND " + anyOf(of)
	}
	return m
}
