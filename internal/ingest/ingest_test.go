package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"siaga/devices"
	"siaga/internal/ingest"
	"siaga/internal/journal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// gate is a site with one gateway and one registered radio behind it.
type gate struct{}

func (gate) Zone(device string) string { return map[string]string{"ht-gateway": "pos-jaga"}[device] }
func (gate) Child(gateway, key string) (string, string, bool) {
	if gateway == "ht-gateway" && key == "5100231" {
		return "ht-pos-2", "gudang-belakang", true
	}
	return "", "", false
}

// Described knows of nothing: what a device told before is the registry's, which has its own tests.
func (gate) Described(context.Context, string) (watch.Description, error) {
	return watch.Description{}, nil
}

type site struct {
	*journal.Journal
	in   *ingest.Ingest
	now  time.Time
	live []ingest.Sample
}

func start(t *testing.T) *site { return startOn(t, gate{}) }

// places is the site as ingest asks for it.
type places interface {
	Zone(device string) string
	Child(gateway, key string) (device, zone string, ok bool)
	Described(ctx context.Context, device string) (watch.Description, error)
}

func startOn(t *testing.T, p places) *site {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "siaga.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), db, journal.Options{Site: "kpu-majene"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &site{Journal: j, now: time.Date(2026, 11, 22, 1, 7, 0, 0, time.UTC)}
	s.in = ingest.New(ingest.Options{
		Journal: j, Site: p, Now: func() time.Time { return s.now },
		Reads: func(kind string) bool { return kind == "drone.position" },
		Live:  func(x ingest.Sample) { s.live = append(s.live, x) },
		Media: func(string, watch.AccessUnit) {},
		Heard: func(string, string, time.Time) {},
	})
	return s
}

func (s *site) hear(t *testing.T, h devices.Host, r watch.Reading) {
	t.Helper()
	receipt, err := h.Observe(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := receipt.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *site) stored(t *testing.T) []watch.Event {
	t.Helper()
	events, err := s.Events(t.Context(), journal.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestObserve_SpeaksInTheNameOfTheDeviceOrItsRegisteredChild(t *testing.T) {
	s := start(t)
	h := s.in.Host("ht-gateway")
	s.hear(t, h, watch.Reading{Kind: "radio.emergency", Child: "5100231", Body: json.RawMessage(`{"slot":2}`)})
	s.hear(t, h, watch.Reading{Kind: "radio.gateway_mode", Body: json.RawMessage(`{}`)})
	for range 3 { // an unknown radio is reported once, but each of its calls is kept
		s.hear(t, h, watch.Reading{Kind: "radio.emergency", Child: "999", Body: json.RawMessage(`{}`)})
	}
	var got []string
	for _, e := range s.stored(t) {
		got = append(got, fmt.Sprintf("%s %s %s %s", e.Kind, e.Device, e.Zone, e.Subject))
	}
	want := []string{
		"radio.emergency ht-pos-2 gudang-belakang ",
		"radio.gateway_mode ht-gateway pos-jaga ",
		"radio.emergency ht-gateway pos-jaga 999",
		"radio.unregistered ht-gateway pos-jaga 999",
		"radio.emergency ht-gateway pos-jaga 999",
		"radio.emergency ht-gateway pos-jaga 999",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A gateway that invents radios is told of by fifty names and then by a number, not by a flood.
func TestObserve_NamesFiftyStrangersAndCountsTheRest(t *testing.T) {
	s := start(t)
	h := s.in.Host("ht-gateway")
	for i := range 500 {
		s.hear(t, h, watch.Reading{Kind: "radio.csbk", Child: strconv.Itoa(5_100_900 + i), Body: json.RawMessage(`{}`)})
	}
	s.now = s.now.Add(2 * time.Minute)
	s.hear(t, h, watch.Reading{Kind: "radio.csbk", Child: "1", Body: json.RawMessage(`{}`)})
	s.now = s.now.Add(10 * time.Minute)
	for range 2 { // nobody waits for the report of the first; what is stored after it comes later
		s.hear(t, h, watch.Reading{Kind: "radio.csbk", Child: "2", Body: json.RawMessage(`{}`)})
	}
	named, counts := 0, []string(nil)
	for _, e := range s.stored(t) {
		if e.Kind != "radio.unregistered" {
			continue
		}
		var b struct{ Key string }
		if err := json.Unmarshal(e.Body, &b); err != nil {
			t.Fatal(err)
		}
		if e.Subject != "" {
			named++
			continue
		}
		counts = append(counts, b.Key)
	}
	if want := []string{"+1", "+451"}; named != 51 || !slices.Equal(counts, want) {
		t.Errorf("%d named, counts %v; want %d and %v", named, counts, 51, want)
	}
}

func TestObserve_ThinsSamplesButNeverWhatARuleReads(t *testing.T) {
	s := start(t)
	h := s.in.Host("ht-gateway")
	for i := range 30 { // one a second for 30 s
		body := json.RawMessage(fmt.Sprintf(`{"value":%d}`, -80-i))
		s.hear(t, h, watch.Reading{Kind: "radio.signal", Sample: true, Body: body})
		s.hear(t, h, watch.Reading{Kind: "drone.position", Sample: true, Body: body})
		s.now = s.now.Add(time.Second)
	}
	s.hear(t, h, watch.Reading{Kind: "radio.signal", Sample: true, Body: json.RawMessage(`{"value":-1,"mode":"FM"}`)})
	count := map[string]int{}
	for _, e := range s.stored(t) {
		count[e.Kind]++
	}
	if count["radio.signal"] != 4 { // at 0, 10, 20 s, and the changed word
		t.Errorf("%d signal samples were kept, want 4", count["radio.signal"])
	}
	if count["drone.position"] != 30 {
		t.Errorf("%d positions were kept of 30 that a rule reads", count["drone.position"])
	}
	if len(s.live) != 61 {
		t.Errorf("%d samples reached the screens, want all 61", len(s.live))
	}
}

func TestObserve_TurnsWhatTheJournalRefusesIntoAGarbledEvent(t *testing.T) {
	s := start(t)
	h := s.in.Host("ht-gateway")
	s.hear(t, h, watch.Reading{Kind: "radio.text", Body: json.RawMessage(`{"broken"`)})
	s.hear(t, h, watch.Reading{Kind: "radio.text", Body: json.RawMessage(`"` + strings.Repeat("x", watch.MaxBody) + `"`)})
	s.hear(t, h, watch.Reading{Kind: "NO SUCH FORM", Body: json.RawMessage(`{}`)})
	events := s.stored(t)
	if len(events) != 3 {
		t.Fatalf("%d events, want 3", len(events))
	}
	for i, kind := range []string{"radio.garbled", "radio.garbled", "sensor.garbled"} {
		if events[i].Kind != kind || !strings.Contains(string(events[i].Body), `"reason"`) {
			t.Errorf("event %d is %s %.80s, want %s with a reason", i+1, events[i].Kind, events[i].Body, kind)
		}
	}
}

func TestObserve_ResolvesARedeliveredMessageToItsFirstEvent(t *testing.T) {
	s := start(t)
	h := s.in.Host("ht-gateway")
	r := watch.Reading{Kind: "radio.emergency", Child: "5100231", Body: json.RawMessage(`{"slot":2}`), Duplicate: "abc", MessageID: "2026-11-20T02:15:42.170Z"}
	s.hear(t, h, r)
	r.Resent, r.Redelivered = true, true
	s.hear(t, h, r)
	r.Resent = false // the same payload sent anew on the same connection, soon after it was made
	s.hear(t, h, r)
	events := s.stored(t)
	if len(events) != 2 || string(events[1].Body) != `{"repeat_of":1,"slot":2}` {
		t.Fatalf("%d events, the last %s", len(events), events[len(events)-1].Body)
	}
}
