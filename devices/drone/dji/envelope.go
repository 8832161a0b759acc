package dji

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"siaga/devices/mqttlink"
)

// envelope is a message taken apart: whose topic, which channel, and the common fields.
type envelope struct {
	sn      string // from the topic
	channel string // osd, state, events, requests, status, drc/up
	gateway string
	method  string
	tid     string
	bid     string
	at      time.Time
	reply   bool
	raw     mqttlink.Object
	data    mqttlink.Object // nil if data is no object
	list    []any           // data, if it is an array: airsense_warning
}

// parse reads one message. It is pure. Secrets are gone from the result.
func parse(topic string, payload []byte) (envelope, error) {
	var e envelope
	rest, ok := strings.CutPrefix(topic, "thing/product/")
	if !ok {
		if rest, ok = strings.CutPrefix(topic, "sys/product/"); !ok {
			return e, fmt.Errorf("topic is not one of DJI's")
		}
	}
	if e.sn, e.channel, ok = strings.Cut(rest, "/"); !ok || !serialForm.MatchString(e.sn) {
		return e, fmt.Errorf("topic has no serial number")
	}
	o, err := mqttlink.ParseObject(payload)
	if err != nil {
		return e, err
	}
	strip(o)
	e.raw = o
	e.gateway = short(o, "gateway")
	e.method, e.tid, e.bid = short(o, "method"), short(o, "tid"), short(o, "bid")
	for _, key := range []string{"timestamp", "timestamp:"} { // the second is in DJI's own examples
		if e.at.IsZero() {
			e.at = mqttlink.Clock(o[key])
		}
	}
	e.reply, _ = o.Flag("need_reply")
	e.data, _ = o.Object("data")
	e.list, _ = o.List("data")
	if e.data == nil && e.list == nil {
		if _, there := o["data"]; there || e.channel == "osd" || e.channel == "state" {
			return e, fmt.Errorf("data is no object")
		}
		e.data = mqttlink.Object{}
	}
	return e, nil
}

// short gets a text of bounded length.
func short(o mqttlink.Object, key string) string {
	s, _ := o.Text(key)
	if len(s) > 128 {
		s = strings.ToValidUTF8(s[:128], "")
	}
	return s
}

// secret reports whether a key's value must never be stored or logged.
func secret(key string) bool {
	switch key {
	case "device_secret", "nonce", "device_binding_code", "app_key", "app_license", "password", "access_key_secret", "security_token":
		return true
	}
	return false
}

// strip removes secrets at any depth.
func strip(v any) {
	switch v := v.(type) {
	case mqttlink.Object:
		strip(map[string]any(v))
	case map[string]any:
		for k, inner := range v {
			if secret(k) {
				delete(v, k)
				continue
			}
			strip(inner)
		}
	case []any:
		for _, inner := range v {
			strip(inner)
		}
	}
}

// secretText finds secrets in bytes that cannot be parsed.
var secretText = regexp.MustCompile(`(?i)("(?:device_secret|nonce|device_binding_code|app_key|app_license|password|access_key_secret|security_token)"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[^,}\s]*)`)

// garbled is the reading of a message that cannot be read, without the secrets that it may hold.
func garbled(m mqttlink.Message, reason string) mqttlink.Decoded {
	m.Payload = secretText.ReplaceAll(m.Payload, []byte(`$1"removed"`))
	return mqttlink.Decoded{Readings: readings(mqttlink.Garbled(family, m, reason))}
}
