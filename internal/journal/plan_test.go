package journal

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siaga/internal/store"
	"siaga/internal/watch"
)

// TestFind_NoFilterScansTheEvents reads the query plans: whatever is asked, events are searched by an index or by sequence.
func TestFind_NoFilterScansTheEvents(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "siaga.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	zone, kind := []string{"gate", "store"}, []string{"act.noted", "radio.text"}
	for name, q := range map[string]Query{
		"nothing": {}, "zone": {Zones: zone}, "kind": {Kinds: kind}, "device": {Device: "d"}, "person": {Actor: "p"}, "case": {Subject: "c"},
		"text": {Text: "pagar"}, "text and zone": {Text: "pagar", Zones: zone}, "period": {Since: now, Until: now.Add(time.Hour)},
		"all": {Zones: zone, Kinds: kind, Device: "d", Actor: "p", Since: now, Until: now.Add(time.Hour)},
	} {
		f := &finder{db: db.Read(), q: q, low: 10, high: 5000}
		if err := f.choose(t.Context()); err != nil {
			t.Fatal(name, err)
		}
		for _, newest := range []bool{true, false} {
			f.q.Newest = newest
			list, args := f.from.list(f.low, f.high, newest)
			plan(t, f, name+", candidates", list+" LIMIT ?", append(args, 200))
			query, args := f.statement(100, 50)
			plan(t, f, name+", rows", query, args)
		}
	}
	sources, err := (&finder{db: db.Read(), q: Query{Zones: zone, Kinds: kind, Device: "d", Actor: "p", Subject: "s"}}).sources(t.Context())
	if err != nil || len(sources) != 5 {
		t.Fatal(sources, err)
	}
	for _, s := range sources {
		query, args := s.list(10, 5000, true)
		plan(t, &finder{db: db.Read()}, s.index, query, args)
	}
}

func plan(t *testing.T, f *finder, name, query string, args []any) {
	t.Helper()
	rows, err := f.db.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
	if err != nil {
		t.Fatalf("%s: %v in %s", name, err, query)
	}
	defer func() { _ = rows.Close() }()
	steps := 0
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps++
		if strings.HasPrefix(detail, "SCAN events") || strings.Contains(detail, "SCAN search") && !strings.Contains(detail, "VIRTUAL TABLE INDEX") {
			t.Errorf("%s: %s", name, detail)
		}
		if strings.Contains(name, "candidates") && strings.Contains(detail, "TEMP B-TREE") {
			t.Errorf("%s sorts: %s", name, detail)
		}
	}
	if err := rows.Err(); err != nil || steps == 0 {
		t.Fatal(name, steps, err)
	}
}

func TestDocument_HoldsWordsAndMarksAndNoMachineText(t *testing.T) {
	got := document(watch.Event{
		Kind: "act.noted", Zone: "pos-2", Actor: "p-1",
		Body: []byte(`{"note":"Pagar_timur dibuka","incident":"01938f3e-9a50-7cc1-8d6f-3a2b1c0d9e8f","at":"2026-11-22T14:15:08.123Z","n":12,"list":["86"]}`),
	})
	if want := " 86 Pagar timur dibuka _kact_noted _fact _zpos_2 _pp_1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, e := range []watch.Event{
		{Kind: "drone.position", Body: []byte(`{"mode":"hover"}`)}, {Kind: "act.noted", Body: []byte(`{"n":1}`)}, {Kind: "act.noted", Erased: true},
	} {
		if got := document(e); got != "" {
			t.Errorf("%s: %q", e.Kind, got)
		}
	}
}
