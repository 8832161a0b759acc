package incident_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"siaga/internal/incident"
	"siaga/internal/journal"
	"siaga/internal/seal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// archive is two years of a site: events and incidents from a fixed seed, written in bulk into the real schema with a real
// tree, so that the journal opens it.
type archive struct {
	b      *testing.B
	rnd    *rand.Rand
	tree   seal.Tree
	tx     *sql.Tx
	event  *sql.Stmt
	start  time.Time
	step   time.Duration
	p      journal.Projection
	zones  []string
	people []string
}

// events is how many the archive holds: SIAGA_BENCH_EVENTS, else 200,000.
func events(b *testing.B) int {
	text := os.Getenv("SIAGA_BENCH_EVENTS")
	if text == "" {
		return 200_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1000 {
		b.Fatalf("SIAGA_BENCH_EVENTS=%q: want a number of at least 1000", text)
	}
	return n
}

const perIncident = 5500 // events to one incident: about 900 in five million

// write fills an empty database.
func (a *archive) write(db *store.DB, n int) {
	ctx := a.b.Context()
	must := func(err error) {
		if err != nil {
			a.b.Fatal(err)
		}
	}
	_, err := db.Writer().ExecContext(ctx, `PRAGMA synchronous = OFF`)
	must(err)
	a.rnd, a.p = rand.New(rand.NewPCG(7605, 2026)), incident.Projection()
	a.start = time.Date(2024, 11, 22, 0, 0, 0, 0, time.UTC)
	a.step = 2 * 365 * 24 * time.Hour / time.Duration(n)
	for i := range 13 {
		a.zones = append(a.zones, fmt.Sprintf("zone-%d", i))
	}
	for i := range 12 {
		a.people = append(a.people, fmt.Sprintf("person-%d", i))
	}
	for done := 0; done < n; {
		a.tx, err = db.Writer().BeginTx(ctx, nil)
		must(err)
		a.event, err = a.tx.PrepareContext(ctx, `INSERT INTO events (seq, kind, device, zone, subject, actor, at, device_at, body, salt, tree) VALUES (?,?,?,?,?,?,?,0,?,x'00',?)`)
		must(err)
		for range 50_000 {
			if done++; done > n {
				break
			}
			if done%perIncident == 0 {
				a.incident(done / perIncident)
			} else {
				a.ordinary()
			}
		}
		must(a.tx.Commit())
	}
}

func (a *archive) add(d watch.Draft) watch.Event {
	seq := a.tree.Size() + 1
	done := a.tree.Append(seal.Hash(sha256.Sum256(strconv.AppendUint(nil, seq, 10))))
	var tree []byte
	for _, h := range done {
		tree = append(tree, h[:]...)
	}
	at := a.start.Add(time.Duration(seq) * a.step).Truncate(time.Millisecond)
	if _, err := a.event.Exec(int64(seq), d.Kind, d.Device, d.Zone, d.Subject, d.Actor, at.UnixMilli(), []byte(d.Body), tree); err != nil {
		a.b.Fatal(err)
	}
	return watch.Event{Seq: seq, Kind: d.Kind, Device: d.Device, Zone: d.Zone, Subject: d.Subject, Actor: d.Actor, At: at, Body: d.Body}
}

// ordinary is one event of the daily flow: mostly figures, one in eight with words.
func (a *archive) ordinary() {
	zone := a.zones[min(a.rnd.IntN(20), 12)]
	switch a.rnd.IntN(40) {
	case 0:
		a.add(watch.Draft{Kind: "radio.text", Device: fmt.Sprintf("ht-%d", a.rnd.IntN(6)), Zone: zone, Body: json.RawMessage(fmt.Sprintf(`{"text":"%s siap di titik %d"}`, a.words(), a.rnd.IntN(40)))})
	case 1, 2:
		a.add(watch.Draft{Kind: "radio.call_ended", Device: fmt.Sprintf("ht-%d", a.rnd.IntN(6)), Zone: zone, Body: json.RawMessage(fmt.Sprintf(`{"alias":"Pos %d","duration_s":%d}`, a.rnd.IntN(6), a.rnd.IntN(60)))})
	case 3:
		a.add(watch.Draft{Kind: "auth.signed_in", Actor: a.people[a.rnd.IntN(12)], Subject: a.people[a.rnd.IntN(12)], Body: json.RawMessage(`{"address":"10.0.0.9"}`)})
	case 4:
		a.add(watch.Draft{Kind: "door.opened", Device: fmt.Sprintf("door-%d", a.rnd.IntN(5)), Zone: zone, Body: json.RawMessage(fmt.Sprintf(`{"name":"pintu %s"}`, a.words()))})
	case 5, 6, 7, 8, 9, 10, 11:
		a.add(watch.Draft{Kind: "segment.closed", Device: fmt.Sprintf("cam-%d", a.rnd.IntN(16)), Zone: zone, Body: json.RawMessage(`{"stream":"main","bytes":2000000}`)})
	case 12, 13, 14, 15, 16:
		a.add(watch.Draft{Kind: "drone.position", Device: "drone-1", Zone: "zone-12", Body: json.RawMessage(`{"lat":-3.54,"lon":118.97,"height_takeoff_m":58.3}`)})
	default:
		a.add(watch.Draft{Kind: "sensor.environment", Device: fmt.Sprintf("sensor-%d", a.rnd.IntN(9)), Zone: zone, Body: json.RawMessage(`{"temperature":28.4,"humidity":71}`)})
	}
}

func (a *archive) words() string {
	words := []string{"pagar", "gudang", "lobi", "timur", "barat", "aula", "arsip", "gerbang", "halaman", "server", "logistik", "kunci"}
	return words[a.rnd.IntN(len(words))] + " " + words[a.rnd.IntN(len(words))]
}

// incident is a case from its alert to its end, through the room's own projection.
func (a *archive) incident(n int) {
	prio := []watch.Priority{watch.Caution, watch.Important, watch.Important, watch.Critical}[a.rnd.IntN(4)]
	zone, id, alertID := a.zones[a.rnd.IntN(13)], fmt.Sprintf("00000000-0000-7000-8000-%012d", n), fmt.Sprintf("00000000-0000-7000-9000-%012d", n)
	when := watch.Time{Time: a.start.Add(time.Duration(a.tree.Size()) * a.step).Truncate(time.Millisecond)}
	who := a.people[a.rnd.IntN(12)]
	title := watch.Words{ID: "Tombol panik", EN: "Panic button"}
	alert := incident.Alert{
		ID: alertID, Key: "k/" + id, Rule: "radio-emergency", Category: []string{"akses", "sistem", "ancaman_orang"}[a.rnd.IntN(3)], Priority: prio, Title: title,
		Device: fmt.Sprintf("cam-%d", a.rnd.IntN(16)), Zone: zone, State: incident.Cleared, RaisedAt: when, UpdatedAt: when, Count: 1, Incident: id,
	}
	in := incident.Incident{
		ID: id, Number: fmt.Sprintf("2026-%06d", n), State: watch.StateClosed, Priority: prio, Category: alert.Category, Title: title, Zone: zone, Device: alert.Device,
		OpenedAt: when, UpdatedAt: when, LastAlertAt: when, AcknowledgedBy: who, AcknowledgedAt: watch.Time{Time: when.Add(time.Duration(a.rnd.IntN(300)) * time.Second)}, AlertCount: 1,
	}
	for _, d := range []struct {
		kind, subject string
		body          any
	}{
		{incident.KindRaised, alertID, map[string]any{"alert": alert}},
		{incident.KindOpened, id, map[string]any{"incident": in}},
		{string(incident.Acknowledge), id, map[string]any{"note": "menuju " + a.words()}},
		{string(incident.Note), id, map[string]any{"note": "diperiksa " + a.words() + " aman"}},
		{string(incident.WriteReport), id, map[string]any{"report": map[string]any{"what": a.words(), "how": "regu memeriksa " + a.words()}}},
	} {
		body, err := json.Marshal(d.body)
		if err != nil {
			a.b.Fatal(err)
		}
		e := a.add(watch.Draft{Kind: d.kind, Device: alert.Device, Zone: zone, Subject: d.subject, Actor: who, Body: body})
		if slices.Contains(a.p.Kinds(), d.kind) {
			if err := a.p.Apply(a.tx, e); err != nil {
				a.b.Fatal(err)
			}
		}
	}
}

// openArchive makes the database, or takes the one that SIAGA_BENCH_DB names.
func openArchive(b *testing.B) (*journal.Journal, *incident.Desk) {
	path := os.Getenv("SIAGA_BENCH_DB")
	if path == "" {
		path = filepath.Join(b.TempDir(), "siaga.db")
	}
	_, err := os.Stat(path)
	made := err != nil
	db, err := store.Open(b.Context(), path, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if made {
		(&archive{b: b}).write(db, events(b))
	}
	j, err := journal.Open(b.Context(), db, journal.Options{Site: "kpu-majene", Projections: []journal.Projection{incident.Projection()}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
		_ = db.Close()
	})
	if err := j.Index(b.Context()); err != nil {
		b.Fatal(err)
	}
	if made {
		b.Logf("%d events written and indexed in %.0f s", j.Head(), time.Since(began).Seconds())
	}
	return j, incident.New(incident.Options{Log: j})
}

// BenchmarkHistory asks every filter of the history, newest first as the screen does, and prints p50, p95 and p99 of each,
// then the worst p95 among them.
func BenchmarkHistory(b *testing.B) {
	j, desk := openArchive(b)
	worst := 0.0
	filter := func(name string, ask func(context.Context) error) { worst = max(worst, measure(b, name, ask)) }
	until := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	weekAgo, mid := until.Add(-7*24*time.Hour), until.Add(-365*24*time.Hour)
	zones := []string{"zone-1", "zone-4", "zone-7"}
	for _, c := range []struct {
		name string
		q    journal.Query
	}{
		{"all", journal.Query{}},
		{"a week, a year ago", journal.Query{Since: mid, Until: mid.Add(7 * 24 * time.Hour)}},
		{"zones", journal.Query{Zones: zones}},
		{"device", journal.Query{Device: "cam-3"}},
		{"person", journal.Query{Actor: "person-3"}},
		{"kind", journal.Query{Kinds: []string{"act.noted"}}},
		{"families", journal.Query{Kinds: []string{"act.*", "alert.*", "radio.*"}}},
		{"zone and rare kind", journal.Query{Zones: []string{"zone-12"}, Kinds: []string{"act.noted"}}},
		{"nothing meets both", journal.Query{Zones: zones, Kinds: []string{"drone.position"}}},
		{"device, kind, period", journal.Query{Device: "ht-2", Kinds: []string{"radio.text"}, Since: mid, Until: until}},
		{"common word", journal.Query{Text: "pagar"}},
		{"two words", journal.Query{Text: "pagar timur"}},
		{"unfinished word", journal.Query{Text: "log"}},
		{"rare word", journal.Query{Text: "menuju"}},
		{"word in a zone of another", journal.Query{Text: "siap", Zones: []string{"zone-12"}, Kinds: []string{"door.opened"}}},
		{"word and period", journal.Query{Text: "gudang", Since: mid, Until: mid.Add(24 * time.Hour)}},
	} {
		c.q.Newest, c.q.Limit = true, 50
		filter("events/"+c.name, func(ctx context.Context) error { _, err := j.Find(ctx, c.q); return err })
	}
	for _, c := range []struct {
		name string
		f    incident.Filter
	}{
		{"all", incident.Filter{}},
		{"a week", incident.Filter{Since: weekAgo, Until: until}},
		{"critical in zones", incident.Filter{Priorities: []watch.Priority{watch.Critical}, Zones: zones}},
		{"category", incident.Filter{Category: "akses"}},
		{"device", incident.Filter{Device: "cam-3"}},
		{"state", incident.Filter{States: []watch.State{watch.StateHandling}}},
		{"person", incident.Filter{Person: "person-3"}},
		{"common word", incident.Filter{Text: "pagar"}},
		{"word of every title", incident.Filter{Text: "panik"}},
		{"all together", incident.Filter{Text: "pagar", Zones: zones, Person: "person-3", Priorities: []watch.Priority{watch.Critical}, Since: mid, Until: until}},
	} {
		filter("incidents/"+c.name, func(ctx context.Context) error { _, err := desk.Incidents(ctx, c.f); return err })
		c.f.Until = until
		filter("summary/"+c.name, func(ctx context.Context) error { _, err := desk.Summary(ctx, c.f); return err })
	}
	measure(b, "incident page", func(ctx context.Context) error { _, err := desk.Detail(ctx, "2026-000020"); return err })
	measure(b, "first page", func(ctx context.Context) error { // what the screen of incidents asks for when it opens
		week := incident.Filter{Since: weekAgo, Until: until}
		_, err := desk.Incidents(ctx, week)
		_, serr := desk.Summary(ctx, week)
		return errors.Join(err, serr)
	})
	b.Run("worst", func(b *testing.B) {
		b.ReportMetric(worst, "filter-p95-ms")
		b.ReportMetric(float64(j.Head()), "events")
		b.ReportMetric(0, "ns/op")
	})
}

// measure prints the percentiles of one question and returns the 95th in milliseconds.
func measure(b *testing.B, name string, ask func(context.Context) error) (p95 float64) {
	b.Run(name, func(b *testing.B) {
		took := make([]time.Duration, 0, 1000)
		for b.Loop() {
			began := time.Now()
			if err := ask(b.Context()); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		for _, p := range []int{50, 95, 99} {
			at := float64(took[len(took)*p/100].Microseconds()) / 1000
			b.ReportMetric(at, fmt.Sprintf("p%d-ms", p))
			if p == 95 {
				p95 = at
			}
		}
		b.ReportMetric(0, "ns/op")
	})
	return p95
}
