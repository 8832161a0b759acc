package incident_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"siaga/internal/incident"
	"siaga/internal/journal"
	"siaga/internal/watch"
)

// register gives everything a name out of its id.
type register struct{}

func (register) Zone(id string) string { return map[string]string{"store-back": "Gudang Belakang"}[id] }
func (register) Device(id string) string {
	return map[string]string{"ht-pos-2": "Pos 2 (MJN-HT-02)"}[id]
}
func (register) Person(id string) string { return map[string]string{"d": "Budi Santoso"}[id] }

func wita() incident.Clock {
	return incident.Clock{Location: time.FixedZone("WITA", 8*3600), Zone: "WITA"}
}

// guilt are words that say who did wrong. They are looked for at the beginning of a word.
func guilt() []string {
	return []string{
		"pelaku", "tersangka", "terduga", "dicurigai", "mencurigakan", "pencuri", "maling", "perusuh", "penyusup", "bersalah", "kesalahan",
		"kejahatan", "tindak pidana", "kriminal", "penjahat", "lalai", "kelalaian", "sengaja", "suspect", "perpetrator", "culprit", "thief",
		"thieves", "intruder", "offender", "guilt", "criminal", "crime", "negligen", "deliberate", "blame", "attacker",
	}
}

func accuses(text string) string {
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		for _, g := range guilt() {
			if strings.HasPrefix(strings.Trim(word, `"'(.,;`), g) {
				return g
			}
		}
	}
	return ""
}

func TestStory_FiveSentencesOfFactsInBothLanguages(t *testing.T) {
	h := newHouse(t)
	h.panics("ht-pos-2")
	h.judge()
	h.pass(12 * time.Second)
	h.happens("camera.lost", "cam-5", "store-back", `{"reason":"unreachable"}`)
	h.judge()
	h.pass(80 * time.Second)
	story := func() incident.Story {
		t.Helper()
		d, err := h.desk.Detail(t.Context(), "2026-000001")
		if err != nil {
			t.Fatal(err)
		}
		return d.Tell(register{}, wita())
	}
	expect := func(i int, indonesian, english string) {
		t.Helper()
		s := story()
		if len(s.ID) != 5 || len(s.EN) != 5 || s.ID[i] != indonesian || s.EN[i] != english {
			t.Errorf("sentence %d:\n%q\n%q", i+1, s.ID[i], s.EN[i])
		}
	}
	expect(0, `Pada Minggu, 22 November 2026, 01.07.00 WITA sistem mencatat peringatan "Tombol panik" dengan prioritas kritis di Gudang Belakang.`,
		`On Sunday, 22 November 2026, 01.07.00 WITA the system recorded the alert "Panic button" of priority critical at Gudang Belakang.`)
	expect(1, `Peringatan pertama dilaporkan oleh perangkat Pos 2 (MJN-HT-02) pukul 01.07.00 WITA; kejadian ini dicatat dengan nomor 2026-000001 dan memuat 2 peringatan dari 2 perangkat.`,
		`The first alert was reported by the device Pos 2 (MJN-HT-02) at 01.07.00 WITA; the incident is recorded as number 2026-000001 and holds 2 alerts from 2 devices.`)
	expect(2, `Setelah itu tercatat pula "Kamera putus" pada cam-5 (12 detik kemudian).`, `After that came "Camera lost" at cam-5 (12 seconds later).`)
	expect(3, `Belum ada petugas yang menerima peringatan ini.`, `Nobody has accepted the alert yet.`)
	expect(4, `Kejadian ini masih terbuka; belum ada pernyataan selesai.`, `The incident is still open; nobody has declared it resolved.`)
	h.must(incident.Act{Verb: incident.Acknowledge, Incident: "2026-000001", Actor: "d"})
	h.must(incident.Act{Verb: incident.Respond, Incident: "2026-000001", Actor: "somebody erased"})
	h.must(incident.Act{Verb: incident.Escalate, Incident: "2026-000001", Actor: "d", To: "secretariat"})
	expect(3, `Peringatan diterima oleh Budi Santoso pukul 01.08.32 WITA, 1 menit 32 detik setelah kejadian dibuka, lalu ditangani oleh petugas, dan diteruskan kepada atasan 1 kali.`,
		`The alert was accepted by Budi Santoso at 01.08.32 WITA, 1 minute 32 seconds after the incident was opened, then handled by a member of staff, and passed up 1 time.`)
	h.must(incident.Act{Verb: incident.Resolve, Incident: "2026-000001", Actor: "d", Cause: "pelaku mencuri", Action: "ditangkap"})
	expect(4, `Kejadian dinyatakan selesai oleh Budi Santoso pada Minggu, 22 November 2026, 01.08.32 WITA dan menunggu pemeriksaan orang kedua sebelum ditutup.`,
		`The incident was declared resolved by Budi Santoso on Sunday, 22 November 2026, 01.08.32 WITA and awaits a second person's review before it is closed.`)
}

func TestStory_NeverSaysWhoIsGuilty(t *testing.T) {
	set, err := shippedOnce()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set.Rules() {
		if g := accuses(r.Title.ID + " " + r.Title.EN); g != "" {
			t.Errorf("the title of rule %s accuses: %q", r.ID, g)
		}
	}
	bad := "pelaku: Joko bin Amin, tersangka pencuri, the thief"
	now := watch.Time{Time: start}
	for _, state := range []watch.State{
		watch.StateNew, watch.StateHandling, watch.StateEscalated, watch.StateResolved, watch.StateClosed, watch.StateFalseAlarm, watch.StateDrill, watch.StateDuplicate,
	} {
		d := incident.Detail{Incident: incident.Incident{
			Number: "2026-000009", State: state, Priority: watch.Critical, Title: watch.Words{ID: "Tombol panik", EN: "Panic button"}, Zone: "store-back",
			Cause: bad, Action: bad, OpenedAt: now, AcknowledgedAt: now, AcknowledgedBy: "d", HandledBy: "d", ResolvedBy: "d", ResolvedAt: now, ClosedBy: "d", ClosedAt: now,
			Alerts: []incident.Alert{{Alias: bad, Subject: bad, Device: "ht-pos-2", RaisedAt: now, Title: watch.Words{ID: "Tombol panik", EN: "Panic button"}}},
		}, Acts: []incident.ActRecord{{Note: bad, Reason: bad}}}
		story, draft := d.Tell(register{}, wita()), d.Draft(register{}, wita())
		text := strings.Join(append(append(story.ID, story.EN...), draft.Who, draft.What, draft.How, draft.With), " ")
		if g := accuses(text); g != "" || strings.Contains(text, "Joko") {
			t.Errorf("%s: %q in %s", state, g, text)
		}
		if draft.Why != "" || draft.When != "Minggu, 22 November 2026, 01.07.00 WITA" {
			t.Errorf("the draft says why %q, when %q", draft.Why, draft.When)
		}
	}
}

func TestReport_TheNewestStandsAndNobodyWritesOverWhatTheyHaveNotRead(t *testing.T) {
	h := newHouse(t)
	h.panics("ht-pos-2")
	h.judge()
	write := func(who, what string, base uint64) error {
		_, err := h.desk.Do(t.Context(), incident.Act{Verb: incident.WriteReport, Incident: "2026-000001", Actor: who, Base: base, Report: &incident.Report{What: what}})
		return err
	}
	read := func() *incident.Written {
		d, err := h.desk.Detail(t.Context(), "2026-000001")
		if err != nil {
			t.Fatal(err)
		}
		return d.Report()
	}
	if read() != nil {
		t.Fatal("there is a report that nobody wrote")
	}
	if err := write("d", "  ", 0); !errors.Is(err, watch.ErrInvalid) {
		t.Errorf("an empty report: %v", err)
	}
	if err := write("d", strings.Repeat("x", incident.MaxText+1), 0); !errors.Is(err, watch.ErrInvalid) {
		t.Errorf("a long report: %v", err)
	}
	if err := write("d", "satu", 0); err != nil {
		t.Fatal(err)
	}
	var stale *incident.StaleError
	if err := write("e", "dua", 0); !errors.As(err, &stale) || stale.By != "d" {
		t.Errorf("wrote over an unread report: %v", err)
	}
	if err := write("e", "dua", read().Seq); err != nil {
		t.Fatal(err)
	}
	if r := read(); r.What != "dua" || r.By != "e" {
		t.Errorf("%+v", r)
	}
	h.resolve("2026-000001")
	if err := write("d", "tiga", read().Seq); err != nil {
		t.Errorf("a resolved incident's report: %v", err)
	}
	h.must(incident.Act{Verb: incident.Close, Incident: "2026-000001", Actor: "second"})
	var state *incident.StateError
	if err := write("d", "empat", read().Seq); !errors.As(err, &state) {
		t.Errorf("changed the report of a closed incident: %v", err)
	}
	seq := read().Seq
	if err := h.j.Erase(t.Context(), seq, "a", "b", "permintaan"); err != nil {
		t.Fatal(err)
	}
	if r := read(); r == nil || r.Seq != seq || r.What != "" {
		t.Errorf("after erasing: %+v", r)
	}
	h.sound()
}

func TestReferences_AreTakenBackNotEdited(t *testing.T) {
	h := newHouse(t)
	h.panics("ht-pos-2")
	h.judge()
	refer := func(r incident.Reference) error {
		_, err := h.desk.Do(t.Context(), incident.Act{Verb: incident.Refer, Incident: "2026-000001", Actor: "d", Reference: &r})
		return err
	}
	for _, r := range []incident.Reference{{Office: "police", Number: ""}, {Office: "mayor", Number: "1"}, {Office: "police", Number: "a\nb"}, {Office: "police", Number: strings.Repeat("9", 121)}} {
		if err := refer(r); !errors.Is(err, watch.ErrInvalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	for _, r := range []incident.Reference{
		{Office: "police", Number: "LP/B/12/XI/2026/SPKT"},
		{Office: "bawaslu", Number: " 004/LP/PB/Kab/30.06/XI/2026 "},
		{Office: "police", Number: "LP/B/12/XI/2026/SPKT", Withdrawn: true},
		{Office: "police", Number: "LP/B/21/XI/2026/SPKT"},
	} {
		if err := refer(r); err != nil {
			t.Fatal(err)
		}
	}
	d, err := h.desk.Detail(t.Context(), "2026-000001")
	if err != nil {
		t.Fatal(err)
	}
	if kept := d.References(); len(kept) != 2 || kept[0].Number != "004/LP/PB/Kab/30.06/XI/2026" || kept[1].Number != "LP/B/21/XI/2026/SPKT" {
		t.Errorf("%+v", kept)
	}
	if events, err := h.j.Events(t.Context(), journal.Query{Kinds: []string{"act.referenced"}}); err != nil || len(events) != 4 {
		t.Errorf("%d events (%v)", len(events), err)
	}
}

func TestSpan_TheTwoLargestUnits(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		-time.Second: {"0 detik", "0 seconds"}, 125 * time.Second: {"2 menit 5 detik", "2 minutes 5 seconds"},
		time.Hour + 5*time.Second: {"1 jam", "1 hour"}, 49*time.Hour + time.Minute: {"2 hari 1 jam", "2 days 1 hour"},
	} {
		if got := [2]string{incident.Span(d, false), incident.Span(d, true)}; got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}
