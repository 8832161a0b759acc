package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"siaga/internal/watch"
)

// zigbee is a site with a gateway; what stands behind it and what is known of it, the test says.
type zigbee struct {
	children map[string]string // native key to device
	known    map[string]watch.Description
}

func (zigbee) Zone(string) string { return "gudang" }
func (z zigbee) Child(_, key string) (string, string, bool) {
	id, ok := z.children[key]
	return id, "gudang", ok
}

func (z zigbee) Described(_ context.Context, device string) (watch.Description, error) {
	return z.known[device], nil
}

// learn does what the registry does with the events.
func (z zigbee) learn(t *testing.T, s *site) (all []string) {
	t.Helper()
	for _, e := range s.stored(t) {
		if e.Kind != watch.KindDescribed {
			all = append(all, e.Kind)
			continue
		}
		var d watch.Description
		if err := json.Unmarshal(e.Body, &d); err != nil {
			t.Fatal(err)
		}
		z.known[e.Device] = d
		all = append(all, e.Device+" "+string(e.Body))
	}
	return all
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDescribe_OnlyNewsIsJournaledAlsoAfterARestart(t *testing.T) {
	z := zigbee{known: map[string]watch.Description{}}
	s := startOn(t, z)
	h := s.in.Host("dock")
	tell := func(d watch.Description) {
		s.hear(t, h, d.Reading(""))
		z.learn(t, s)
	}
	tell(watch.Description{Vendor: "DJI", Model: "Dock 2"})
	tell(watch.Description{Vendor: "DJI", Model: "Dock 2"})
	tell(watch.Description{Vendor: "DJI", Firmware: "10.01"})
	tell(watch.Description{Vendor: "DJI", Model: "Dock 2"}) // what it says first after a restart, without its firmware
	tell(watch.Description{})
	wantLines(t, z.learn(t, s), `dock {"vendor":"DJI","model":"Dock 2"}`, `dock {"vendor":"DJI","model":"Dock 2","firmware":"10.01"}`)
}

func TestDescribe_AChildIsDescribedOnceItIsRegisteredAndHeard(t *testing.T) {
	z := zigbee{children: map[string]string{}, known: map[string]watch.Description{}}
	s := startOn(t, z)
	h := s.in.Host("zb")
	s.hear(t, h, watch.Description{Vendor: "Sunricher"}.Reading("pintu"))
	wantLines(t, z.learn(t, s)) // an unregistered sensor in an inventory has not spoken, and is no stranger yet
	z.children["pintu"] = "pintu-gudang"
	s.hear(t, h, watch.Reading{Kind: "door.opened", Child: "pintu", Body: json.RawMessage(`{}`)})
	s.hear(t, h, watch.Reading{Kind: "door.closed", Child: "pintu", Body: json.RawMessage(`{}`)})
	wantLines(t, z.learn(t, s), "door.opened", `pintu-gudang {"vendor":"Sunricher"}`, "door.closed")
}

func TestDescribe_AFloodIsBoundedAndItsLastWordComes(t *testing.T) {
	z := zigbee{known: map[string]watch.Description{}}
	s := startOn(t, z)
	h := s.in.Host("dock")
	for i := range 1000 {
		s.hear(t, h, watch.Description{Firmware: fmt.Sprint(i)}.Reading(""))
		if i < 10 {
			z.learn(t, s)
		}
	}
	if got := z.learn(t, s); len(got) != 4 {
		t.Errorf("%d events of 1000 changes in a moment, want 4", len(got))
	}
	s.now = s.now.Add(10*time.Minute + time.Second)
	for range 3 { // the last of them waits for the one before to be stored
		s.hear(t, h, watch.Reading{Kind: "dock.state", Body: json.RawMessage(`{}`)})
		z.learn(t, s)
	}
	if got := z.known["dock"].Firmware; got != "999" {
		t.Errorf("the last firmware told is 999, known is %q", got)
	}
}
