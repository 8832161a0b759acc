package journal_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

func draft(t testing.TB, j *journal.Journal, d watch.Draft, body string) uint64 {
	t.Helper()
	d.Body = json.RawMessage(body)
	r, err := j.Append(t.Context(), d)
	if err == nil {
		err = r.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return r.Seq()
}

// crowd is a journal of 3,000 events in a pattern that a plain loop can select from as well.
func crowd(t testing.TB) (*site, []watch.Event) {
	t.Helper()
	s := fresh(t)
	kinds := []string{"drone.position", "radio.text", "act.noted", "door.opened", "radio.emergency"}
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	err := s.Commit(t.Context(), func(_ *sql.Tx, add journal.Appender) error {
		for i := range 3000 {
			d := watch.Draft{
				Kind: kinds[i%5], Device: fmt.Sprintf("dev-%d", i%7), Zone: fmt.Sprintf("zone-%d", i%4), At: start.Add(time.Duration(i) * time.Minute),
				Body: json.RawMessage(fmt.Sprintf(`{"note":"pintu %s nomor n%d","height":%d}`, []string{"Gudang", "lobi"}[i%2], i%11, i)),
			}
			if i%5 == 2 {
				d.Actor, d.Subject = fmt.Sprintf("p-%d", i%3), fmt.Sprintf("case-%d", i%50)
			}
			if _, err := add(d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := s.Events(t.Context(), journal.Query{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	return s, all
}

func has(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }

func kindMatches(list []string, kind string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(k string) bool {
		family, ok := strings.CutSuffix(k, "*")
		return k == kind || ok && strings.HasPrefix(kind, family)
	})
}

// plainly is what Find must find, without any index.
func plainly(all []watch.Event, q journal.Query) []uint64 {
	var out []uint64
	for _, e := range all {
		ok := kindMatches(q.Kinds, e.Kind) && has(q.Zones, e.Zone) &&
			(q.Device == "" || q.Device == e.Device) && (q.Actor == "" || q.Actor == e.Actor) && (q.Subject == "" || q.Subject == e.Subject) &&
			(q.Since.IsZero() || !e.At.Before(q.Since)) && (q.Until.IsZero() || e.At.Before(q.Until))
		if q.Text != "" {
			ok = ok && e.Kind != "drone.position"
			for _, w := range strings.Fields(strings.ToLower(q.Text)) {
				ok = ok && strings.Contains(strings.ToLower(string(e.Body)), w)
			}
		}
		if ok {
			out = append(out, e.Seq)
		}
	}
	if q.Newest {
		slices.Reverse(out)
	}
	return out
}

func TestFind_FindsWhatAPlainLoopFindsWhateverTheFilters(t *testing.T) {
	s, all := crowd(t)
	at := func(i int) time.Time { return all[i].At }
	for name, q := range map[string]journal.Query{
		"everything":         {},
		"zones":              {Zones: []string{"zone-1", "zone-3", "zone-1"}},
		"zone and kind":      {Zones: []string{"zone-2"}, Kinds: []string{"act.noted"}},
		"family":             {Kinds: []string{"radio.*"}},
		"unknown family":     {Kinds: []string{"dock.*"}},
		"unknown kind":       {Kinds: []string{"dock.state"}, Zones: []string{"zone-1"}},
		"device and family":  {Device: "dev-3", Kinds: []string{"radio.*", "door.opened"}},
		"person":             {Actor: "p-2"},
		"person in a zone":   {Actor: "p-1", Zones: []string{"zone-0"}},
		"case":               {Subject: "case-12"},
		"period":             {Since: at(700), Until: at(900)},
		"period and zone":    {Since: at(700), Until: at(900), Zones: []string{"zone-0"}},
		"a period to come":   {Since: at(2999).Add(72 * time.Hour)},
		"text":               {Text: "gudang"},
		"text, unfinished":   {Text: "pintu gud"},
		"text and zone":      {Text: "lobi", Zones: []string{"zone-1", "zone-2"}},
		"text and all":       {Text: "n7", Kinds: []string{"act.*"}, Actor: "p-0", Since: at(10)},
		"text not there":     {Text: "menara"},
		"text and a device":  {Text: "pintu", Device: "dev-5"},
		"nothing meets both": {Actor: "p-0", Kinds: []string{"radio.text"}},
	} {
		for _, newest := range []bool{false, true} {
			q := q
			q.Newest, q.Limit = newest, 70
			var got []uint64
			for page := (journal.Page{}); ; {
				var err error
				if page, err = s.Find(t.Context(), q); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for _, e := range page.Events {
					got = append(got, e.Seq)
				}
				if page.Next == 0 {
					break
				}
				if newest {
					q.Before = page.Next
				} else {
					q.After = page.Next
				}
			}
			if want := plainly(all, q); !slices.Equal(got, want) {
				t.Errorf("%s, newest first %v: %d events, want %d", name, newest, len(got), len(want))
			}
		}
	}
}

func TestFind_ReadsABoundedNumberOfCandidatesAndSaysWhereItStopped(t *testing.T) {
	s := fresh(t)
	err := s.Commit(t.Context(), func(_ *sql.Tx, add journal.Appender) error {
		for i := range 45_000 {
			d := watch.Draft{Kind: "door.opened", Zone: "gate", Device: "dev-1"}
			if i%2 == 1 {
				d = watch.Draft{Kind: "door.closed", Zone: "store", Device: "dev-1"}
			}
			if _, err := add(d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	q, pages := journal.Query{Zones: []string{"gate"}, Kinds: []string{"door.closed"}, Newest: true, Limit: 50}, 0
	for ; ; pages++ {
		page, err := s.Find(t.Context(), q)
		if err != nil || len(page.Events) > 0 {
			t.Fatal(page, err)
		}
		if page.Next == 0 {
			break
		}
		q.Before = page.Next
	}
	if pages < 1 || pages > 3 {
		t.Fatalf("22,500 candidates took %d further pages", pages)
	}
}

func TestIndex_ErasedWordsAreGoneAndTheCheckExplainsTheRest(t *testing.T) {
	s := fresh(t)
	kept := draft(t, s.Journal, watch.Draft{Kind: "act.noted", Zone: "gate", Actor: "p-1"}, `{"note":"pagar diperiksa"}`)
	gone := draft(t, s.Journal, watch.Draft{Kind: "act.noted", Zone: "gate", Actor: "p-1"}, `{"note":"namanya Wirasembada diperiksa"}`)
	if err := s.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	find := func(text string) []watch.Event {
		page, err := s.Find(t.Context(), journal.Query{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		return page.Events
	}
	if len(find("wirasembada")) != 1 || len(find("diperiksa")) != 2 {
		t.Fatal("the index does not find what was written")
	}
	if err := s.Erase(t.Context(), gone, "p-1", "p-2", "names a person"); err != nil {
		t.Fatal(err)
	}
	if len(find("wirasembada")) != 0 || len(find("diperiksa")) != 1 || find("diperiksa")[0].Seq != kept {
		t.Fatal("the index still finds what was erased, or lost the rest")
	}
	// Erased before the index came to it: it must never be written.
	late := draft(t, s.Journal, watch.Draft{Kind: "act.noted"}, `{"note":"Kertanegara"}`)
	if err := s.Erase(t.Context(), late, "p-1", "p-2", "names a person"); err != nil {
		t.Fatal(err)
	}
	if err := s.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rep := s.verify(t); len(rep.Findings) > 0 || rep.Rows["search"] == 0 {
		t.Fatal(rep.Findings, rep.Rows)
	}
	s.stop()
	if raw := strings.ToLower(databaseBytes(t, s.path)); strings.Contains(raw, "wirasembada") || strings.Contains(raw, "embada") || strings.Contains(raw, "kertanegara") {
		t.Error("an erased word is still in the database file")
	}
}

func TestIndex_TheCheckFindsAnEntryThatNoEventExplains(t *testing.T) {
	for name, statement := range map[string]string{
		"added":   `INSERT INTO search (rowid, words) VALUES (1, 'palsu')`,
		"emptied": `INSERT INTO search (search) VALUES ('delete-all')`,
	} {
		s := fresh(t)
		draft(t, s.Journal, watch.Draft{Kind: "act.noted", Zone: "gate"}, `{"note":"pagar diperiksa"}`)
		if err := s.Index(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.stop()
		raw, err := sql.Open("sqlite3", s.path)
		if err == nil {
			_, err = raw.Exec(statement)
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = raw.Close()
		s = open(t, s.path)
		if rep := s.verify(t); len(rep.Findings) != 1 || !strings.Contains(rep.Findings[0].What, "text index") {
			t.Errorf("%s: %v", name, rep.Findings)
		}
	}
}

func TestRunIndex_FollowsTheJournalByItself(t *testing.T) {
	s := fresh(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.RunIndex(ctx) }()
	draft(t, s.Journal, watch.Draft{Kind: "radio.text"}, `{"text":"siap gerak"}`)
	for {
		wake := s.Changed()
		if page, err := s.Find(t.Context(), journal.Query{Text: "gerak"}); err != nil {
			t.Fatal(err)
		} else if len(page.Events) == 1 {
			break
		}
		<-wake // the index's own commit
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func FuzzMatch(f *testing.F) {
	s, _ := crowd(f)
	for _, q := range []string{"", `"`, "gudang*", "NEAR(a b)", "a:b", "_kact", "-x", "é́ \u0301 ½", "زبان", strings.Repeat("x ", 99), "a\x00b", "٣"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 400 {
			return
		}
		if _, err := s.Find(t.Context(), journal.Query{Text: text, Limit: 5}); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
