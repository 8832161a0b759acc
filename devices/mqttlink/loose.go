package mqttlink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Object is a JSON object whose scalars may come in any of the forms that devices use: a number, a number
// in quotes, or a boolean as "1", "on", "yes" or "active". Every getter takes alternative keys, tries
// them in order, and reports false when none is there in a usable form.
type Object map[string]any

// ParseObject reads one JSON object. Trailing NULs and white space are tolerated.
func ParseObject(payload []byte) (Object, error) {
	payload = bytes.TrimRight(payload, "\x00 \t\r\n")
	if len(payload) == 0 {
		return nil, errors.New("empty payload")
	}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	var o Object
	if err := dec.Decode(&o); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if o == nil {
		return nil, errors.New("not a JSON object: null")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the JSON object")
	}
	return o, nil
}

// Text gets a string; a number or boolean is rendered.
func (o Object) Text(keys ...string) (string, bool) {
	for _, k := range keys {
		switch v := o[k].(type) {
		case string:
			return v, true
		case json.Number:
			return v.String(), true
		case bool:
			return strconv.FormatBool(v), true
		}
	}
	return "", false
}

// Number gets a finite number.
func (o Object) Number(keys ...string) (float64, bool) {
	for _, k := range keys {
		if f, ok := Number(o[k]); ok {
			return f, true
		}
	}
	return 0, false
}

// Int gets a whole number; a fraction is cut off.
func (o Object) Int(keys ...string) (int64, bool) {
	f, ok := o.Number(keys...)
	if !ok || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// Flag gets a boolean.
func (o Object) Flag(keys ...string) (value, ok bool) {
	for _, k := range keys {
		if v, ok := Flag(o[k]); ok {
			return v, true
		}
	}
	return false, false
}

// Object gets an object.
func (o Object) Object(key string) (Object, bool) {
	m, ok := o[key].(map[string]any)
	return m, ok
}

// List gets an array.
func (o Object) List(key string) ([]any, bool) {
	l, ok := o[key].([]any)
	return l, ok
}

// Number reads a number or a number in quotes. It refuses what is not finite.
func Number(v any) (float64, bool) {
	var s string
	switch v := v.(type) {
	case json.Number:
		s = v.String()
	case string:
		s = strings.TrimSpace(v)
	default:
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// Flag reads a boolean in any of the forms that devices use.
func Flag(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case json.Number:
		f, ok := Number(v)
		return f != 0, ok
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "1", "true", "on", "yes", "active", "online":
			return true, true
		case "0", "false", "off", "no", "inactive", "offline":
			return false, true
		}
	}
	return false, false
}

// Clock reads a device's time: RFC 3339 text, or epoch seconds or milliseconds told apart by size. Times
// before 2001 or after 2286 are clocks that were never set: the zero time.
func Clock(v any) time.Time {
	if s, ok := v.(string); ok {
		if t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(s)); err == nil {
			return plausible(t)
		}
	}
	f, ok := Number(v)
	switch {
	case !ok || f < 1e9 || f >= 1e15:
		return time.Time{}
	case f < 1e11:
		return plausible(time.UnixMilli(int64(f * 1000)))
	case f >= 1e14: // microseconds, or one digit too many, as in one published DJI example
		return time.Time{}
	}
	return plausible(time.UnixMilli(int64(f)))
}

func plausible(t time.Time) time.Time {
	if y := t.Year(); y < 2001 || y > 2286 {
		return time.Time{}
	}
	return t.UTC()
}
