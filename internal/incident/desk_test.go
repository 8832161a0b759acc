package incident_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"siaga/internal/incident"
	"siaga/internal/journal"
	"siaga/internal/rules"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// start is the first moment of every test: the night of scenario A.
var start = time.Date(2026, 11, 21, 17, 7, 0, 0, time.UTC)

// yard is a small site: a warehouse with a room in it, a gate, an office.
type yard struct {
	mu     sync.Mutex
	locked map[string]bool
}

func (y *yard) Lineage(zone string) []string {
	if zone == "store-back" || zone == "store-front" {
		return []string{zone, "store"}
	}
	return []string{zone}
}

func (y *yard) Zone(id string) rules.Zone {
	y.mu.Lock()
	defer y.mu.Unlock()
	kind := "other"
	if strings.HasPrefix(id, "store") {
		kind = "store"
	}
	return rules.Zone{ID: id, Kind: kind, Locked: y.locked[id]}
}

func (y *yard) Device(id string) rules.Device { return rules.Device{ID: id, Name: "Alat " + id} }

// house is a journal on a real file and a desk with the shipped rules, on a clock that the test moves.
type house struct {
	t    testing.TB
	j    *journal.Journal
	db   *store.DB
	desk *incident.Desk
	yard *yard

	mu  sync.Mutex
	now time.Time
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// pass lets time go by.
func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

var shippedOnce = sync.OnceValues(func() (*rules.Set, error) {
	set, _, err := rules.Load(os.DirFS("../.."), "configs/rules")
	return set, err
})

func shipped(t testing.TB) *rules.Set {
	t.Helper()
	set, err := shippedOnce()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, now: start, yard: &yard{locked: map[string]bool{}}}
	dir := t.TempDir()
	var err error
	if h.db, err = store.Open(t.Context(), filepath.Join(dir, "siaga.db"), store.Options{Scratch: true}); err != nil {
		t.Fatal(err)
	}
	h.j, err = journal.Open(t.Context(), h.db, journal.Options{
		Site: "kpu-majene", Projections: []journal.Projection{incident.Projection()}, Now: h.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.j.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
	h.desk = h.newDesk(h.j)
	return h
}

// log is what a desk needs of a journal.
type log interface {
	Cursor(ctx context.Context, follower string) (uint64, error)
	Follow(ctx context.Context, after uint64, handle func(context.Context, []watch.Event) error) error
	Commit(ctx context.Context, fn func(*sql.Tx, journal.Appender) error) error
	Events(ctx context.Context, q journal.Query) ([]watch.Event, error)
	Find(ctx context.Context, q journal.Query) (journal.Page, error)
	DB() *sql.DB
}

func (h *house) newDesk(l log) *incident.Desk {
	return incident.New(incident.Options{Log: l, Judge: rules.NewJudge(shipped(h.t), h.yard), Site: h.yard, Now: h.clock})
}

// happens journals a fact at the present time.
func (h *house) happens(kind, device, zone, body string) uint64 {
	h.t.Helper()
	r, err := h.j.Append(h.t.Context(), watch.Draft{Kind: kind, Device: device, Zone: zone, At: h.clock(), Body: json.RawMessage(body)})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := r.Wait(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	return r.Seq()
}

// judge judges everything that is durable, and the timers due now. A desk whose context has ended does just that.
func (h *house) judge() {
	h.t.Helper()
	ended, cancel := context.WithCancel(h.t.Context())
	cancel()
	if err := h.desk.Run(ended); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) panics(radio string) uint64 {
	return h.happens("radio.emergency", radio, "store-back", `{"src_id":"5100231","src_info":"POS-3","csbk_desc":"Call Emergency"}`)
}

func (h *house) alerts() []incident.Alert {
	h.t.Helper()
	list, err := h.desk.Alerts(h.t.Context(), incident.AlertFilter{Limit: 500})
	if err != nil {
		h.t.Fatal(err)
	}
	slices.Reverse(list)
	return list
}

func (h *house) incidents() []incident.Incident {
	h.t.Helper()
	list, err := h.desk.Incidents(h.t.Context(), incident.Filter{Limit: 500})
	if err != nil {
		h.t.Fatal(err)
	}
	slices.Reverse(list)
	return list
}

func (h *house) kinds() map[string]int {
	h.t.Helper()
	events, err := h.j.Events(h.t.Context(), journal.Query{Limit: 10_000})
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[string]int{}
	for _, e := range events {
		out[e.Kind]++
	}
	return out
}

// sound proves that the journal explains every row.
func (h *house) sound() {
	h.t.Helper()
	report, err := journal.Verify(context.Background(), h.db, journal.VerifyOptions{
		Projections: []journal.Projection{incident.Projection()}, Site: "kpu-majene", ScratchDir: h.t.TempDir(),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range report.Findings {
		h.t.Errorf("the check found: %+v", f)
	}
}

func TestDesk_APanicRaisesOneAlertAndItsRepetitionsUpdateIt(t *testing.T) {
	h := newHouse(t)
	first := h.panics("ht-pos-2")
	h.judge()
	h.pass(10 * time.Minute)
	second := h.panics("ht-pos-2")
	h.judge()
	alerts := h.alerts()
	if len(alerts) != 1 {
		t.Fatalf("%d alerts, want one: %+v", len(alerts), alerts)
	}
	a := alerts[0]
	if a.Count != 2 || a.CauseSeq != first || a.LastSeq != second || a.Priority != watch.Critical || a.State != incident.Active {
		t.Errorf("alert %+v", a)
	}
	if a.Title.ID != "Tombol panik" || a.Code != "ht.panik" || a.Alias != "POS-3" && a.Alias != "Alat ht-pos-2" {
		t.Errorf("words %+v %q %q", a.Title, a.Code, a.Alias)
	}
	in := h.incidents()
	if len(in) != 1 || in[0].Number != "2026-000001" || in[0].State != watch.StateNew || in[0].ID != a.Incident {
		t.Errorf("incidents %+v", in)
	}
	if k := h.kinds(); k["alert.raised"] != 1 || k["alert.updated"] != 1 || k["incident.opened"] != 1 {
		t.Errorf("events %v", k)
	}
	h.sound()
}

func TestDesk_AReplayUpdatesButNeverReopens(t *testing.T) {
	h := newHouse(t)
	seq := h.panics("ht-pos-2")
	h.judge()
	replay := fmt.Sprintf(`{"repeat_of":%d,"src_id":"5100231"}`, seq)
	h.pass(2 * time.Second)
	h.happens("radio.emergency", "ht-pos-2", "store-back", replay)
	h.judge()
	if a := h.alerts()[0]; a.Count != 2 {
		t.Errorf("count %d, want 2", a.Count)
	}
	h.resolve(h.incidents()[0].Number)
	h.pass(time.Hour)
	h.happens("radio.emergency", "ht-pos-2", "store-back", replay)
	h.judge()
	panics := slices.DeleteFunc(h.alerts(), func(a incident.Alert) bool { return a.Rule != "radio-emergency" })
	if len(panics) != 1 || panics[0].State != incident.Cleared {
		t.Errorf("a replay opened a panic again: %+v", panics)
	}
	h.pass(time.Second)
	h.panics("ht-pos-2")
	h.judge()
	panics = slices.DeleteFunc(h.alerts(), func(a incident.Alert) bool { return a.Rule != "radio-emergency" })
	if len(panics) != 2 {
		t.Errorf("a real panic after it raised nothing: %+v", panics)
	}
	h.sound()
}

func TestDesk_AReplayedEndClearsNothing(t *testing.T) {
	h := newHouse(t)
	h.happens("smoke.detected", "smoke-1", "store-back", `{}`)
	h.happens("smoke.cleared", "smoke-1", "store-back", `{"repeat_of":1}`)
	h.judge()
	for _, a := range h.alerts() {
		if a.Rule == "smoke" && a.State != incident.Active {
			t.Errorf("a replayed all-clear cleared %+v", a)
		}
	}
}

func (h *house) do(a incident.Act) (incident.Incident, error) { return h.desk.Do(h.t.Context(), a) }

func (h *house) must(a incident.Act) incident.Incident {
	h.t.Helper()
	in, err := h.do(a)
	if err != nil {
		h.t.Fatalf("%s: %v", a.Verb, err)
	}
	return in
}

// resolve accepts and resolves an incident as person-d.
func (h *house) resolve(number string) {
	h.t.Helper()
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: number, Actor: "person-d"})
	h.must(incident.Act{Verb: incident.Resolve, Incident: number, Actor: "person-d", Cause: "tombol tertekan", Action: "diperiksa"})
}
