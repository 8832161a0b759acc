package mqttlink

import (
	"math"
	"testing"
	"time"
)

func TestObject_AcceptsScalarsInEveryForm(t *testing.T) {
	o, err := ParseObject([]byte(`{"n":1.5,"s":" 2 ","b":true,"yes":"yes","off":"OFF","inf":"Inf","big":1e300,"old":{"x":1},"null":null}` + "\n\x00"))
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := o.Number("missing", "n"); !ok || n != 1.5 {
		t.Errorf("n = %v, %v", n, ok)
	}
	if n, ok := o.Int("s"); !ok || n != 2 {
		t.Errorf("s = %v, %v", n, ok)
	}
	for _, key := range []string{"inf", "null", "old", "yes"} {
		if n, ok := o.Number(key); ok {
			t.Errorf("%s is the number %v", key, n)
		}
	}
	if n, ok := o.Int("big"); ok {
		t.Errorf("1e300 is the whole number %d", n)
	}
	for key, want := range map[string]bool{"b": true, "yes": true, "off": false, "n": true} {
		if v, ok := o.Flag(key); !ok || v != want {
			t.Errorf("%s = %v, %v; want %v", key, v, ok, want)
		}
	}
	if v, ok := o.Flag("old"); ok {
		t.Errorf("an object is the boolean %v", v)
	}
}

func TestClock_ReadsDeviceTimesAndRefusesUnsetOnes(t *testing.T) {
	want := time.Date(2026, 11, 20, 2, 15, 30, 0, time.UTC)
	for _, v := range []any{"2026-11-20T02:15:30Z", "2026-11-20T10:15:30+08:00", "1795140930000", "1795140930", "1795140930.0"} {
		if got := Clock(v); !got.Equal(want) {
			t.Errorf("%v read as %v", v, got)
		}
	}
	for _, v := range []any{nil, "", "soon", "0", "1970-01-01T00:00:10Z", "17951409300000", true, "9999-01-01T00:00:00Z"} {
		if got := Clock(v); !got.IsZero() {
			t.Errorf("%v read as %v; want no time", v, got)
		}
	}
}

func TestMatches_FollowsTheStandard(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true},
		{"a/b", "a/c", false},
		{"a/+", "a/b", true},
		{"a/+", "a/b/c", false},
		{"a/+", "a", false},
		{"a/#", "a", true},
		{"a/#", "a/b/c", true},
		{"a/#", "ab", false},
		{"#", "a/b", true},
		{"+/b", "a/b", true},
		{"#", "$SYS/x", false},
		{"+/x", "$SYS/x", false},
		{"a/+/c", "a//c", true},
		{"a/b/c", "a/b", false},
		{"a", "a/b", false},
	} {
		if got := matches(c.filter, c.topic); got != c.want {
			t.Errorf("%q covers %q: %v", c.filter, c.topic, got)
		}
	}
}

func FuzzParseObject(f *testing.F) {
	f.Add([]byte(`{"DMR":{"slot":2,"src_id":"5100231","group":"yes"}}`))
	f.Add([]byte(`{"battery":"100.00","contact":false,"last_seen":1795140930000}`))
	f.Add([]byte(`{"a":[{"b":[1,2,{"c":null}]}]}` + "\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := ParseObject(raw)
		if err != nil {
			return
		}
		for k := range o {
			if n, ok := o.Number(k); ok && (math.IsNaN(n) || math.IsInf(n, 0)) {
				t.Errorf("%q gave %v", k, n)
			}
			if at := Clock(o[k]); !at.IsZero() && at.Year() < 2001 {
				t.Errorf("%q gave the time %v", k, at)
			}
			_, _ = o.Flag(k)
			_, _ = o.Int(k)
			_, _ = o.Text(k)
		}
	})
}
