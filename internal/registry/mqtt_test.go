package registry

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"siaga/internal/watch"
)

func gateway(id, topic string) Device {
	return Device{ID: id, Kind: "mmdvm", Name: "Gateway " + id, Zone: "kantor", Enabled: true, Config: json.RawMessage(`{"topic":"` + topic + `"}`)}
}

func TestMQTTCredential_IsShownOnceAndEndsWhenRenewedOrSwitchedOff(t *testing.T) {
	s := furnished(t)
	ctx := context.Background()
	o := s.mustRegister(gateway("gw", "gw"), nil)
	if o.Credential == nil || o.Credential.User != "gw" || len(o.Credential.Password) < 32 || !o.Device.MQTT {
		t.Fatalf("issued: %+v", o)
	}
	c, ok := s.MQTTCredential("gw")
	if !ok || !c.Matches(o.Credential.Password) || c.Matches("") || c.Matches(o.Credential.Password+"x") {
		t.Error("the secret is not what was shown")
	}
	if !slices.Equal(c.Publish, []string{"gw/#"}) || !slices.Equal(c.Subscribe, []string{"to-gw/command"}) {
		t.Errorf("rights: %v %v", c.Publish, c.Subscribe)
	}
	if _, ok := s.MQTTCredential("cam-1"); ok {
		t.Error("a camera has an MQTT identity")
	}
	s.kicked = nil
	next, err := s.IssueCredential(ctx, me, "gw")
	if err != nil || next.Password == o.Credential.Password {
		t.Fatalf("renewed: %v", err)
	}
	if c, _ := s.MQTTCredential("gw"); c.Matches(o.Credential.Password) || !c.Matches(next.Password) {
		t.Error("the old secret lives on")
	}
	if !slices.Equal(s.kicked, []string{"gw"}) {
		t.Errorf("kicked: %v", s.kicked)
	}
	if _, err := s.Enable(ctx, me, "gw", false); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.MQTTCredential("gw"); ok || len(s.kicked) != 2 {
		t.Errorf("a device that is off may sign in; kicked: %v", s.kicked)
	}
	if _, err := s.Enable(ctx, me, "gw", true); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeCredential(ctx, me, "gw"); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.MQTTCredential("gw"); ok {
		t.Error("a revoked identity lives on")
	}
	_, err = s.IssueCredential(ctx, me, "cam-1")
	s.refused("camera", err, watch.ErrInvalid, "id", "MQTT")
	s.proved()
}

func TestRegister_RefusesTopicsThatOverlapOrReachTooFar(t *testing.T) {
	s := furnished(t) // ht/# is taken
	for topic, cause := range map[string]error{
		"ht": ErrConflict, "ht/x": ErrConflict, "+": watch.ErrInvalid, "$SYS": watch.ErrInvalid, "a+/b": watch.ErrInvalid,
	} {
		_, err := s.Register(context.Background(), me, gateway("gw", topic), nil)
		s.refused(topic, err, cause, "config", "topic")
	}
	s.mustRegister(gateway("gw", "ht2"), nil)
	d, _ := s.Device("gw")
	d.Config = json.RawMessage(`{"topic":"ht"}`)
	_, err := s.Change(context.Background(), me, d, nil)
	s.refused("change", err, ErrConflict, "config", `"ht"`)
}

// matches is MQTT's own rule for one topic and one filter, written independently of overlap.
func matches(filter, topic []string) bool {
	switch {
	case len(filter) > 0 && filter[0] == "#":
		return true
	case len(filter) == 0 || len(topic) == 0:
		return len(filter) == len(topic) || len(filter) == 1 && filter[0] == "#"
	}
	return (filter[0] == "+" || filter[0] == topic[0]) && matches(filter[1:], topic[1:])
}

func TestOverlap_IsTrueWhenSomeTopicMatchesBoth(t *testing.T) {
	level := rapid.SampledFrom([]string{"a", "b", "+"})
	filter := rapid.Custom(func(t *rapid.T) []string {
		f := rapid.SliceOfN(level, 1, 3).Draw(t, "levels")
		if rapid.Bool().Draw(t, "tail") {
			f = append(f, "#")
		}
		return f
	})
	var topics [][]string
	var grow func(prefix []string)
	grow = func(prefix []string) {
		topics = append(topics, prefix)
		if len(prefix) < 5 {
			for _, l := range []string{"a", "b"} {
				grow(append(slices.Clone(prefix), l))
			}
		}
	}
	grow([]string{"a"})
	grow([]string{"b"})
	rapid.Check(t, func(t *rapid.T) {
		x, y := filter.Draw(t, "x"), filter.Draw(t, "y")
		want := slices.ContainsFunc(topics, func(topic []string) bool { return matches(x, topic) && matches(y, topic) })
		if got := overlap(join(x), join(y)); got != want {
			t.Errorf("overlap(%v, %v) = %v, want %v", x, y, got, want)
		}
	})
}

func join(levels []string) string {
	out := levels[0]
	for _, l := range levels[1:] {
		out += "/" + l
	}
	return out
}
