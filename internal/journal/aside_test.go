package journal_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// What was saved of a damaged log is read with its holes; what happens meanwhile is kept beside it, or does not happen.
func TestAside_ReadsALogWithHolesAndAddsNothingToIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "siaga.db")
	whole := open(t, path)
	for range 5 {
		add(t, whole.Journal, "door.opened", `{}`)
	}
	if err := whole.Commit(t.Context(), func(tx *sql.Tx, _ journal.Appender) error {
		_, err := tx.Exec(`DELETE FROM events WHERE seq IN (2, 3)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	whole.stop()

	var kept []string
	var refusal error
	j, _ := running(t, path, journal.Options{Site: "kpu-majene", Aside: func(drafts []watch.Draft) error {
		if refusal != nil {
			return refusal
		}
		for _, d := range drafts {
			kept = append(kept, d.Kind)
		}
		return nil
	}})
	events, err := j.Events(t.Context(), journal.Query{})
	if err != nil || len(events) != 3 || j.Head() != 5 {
		t.Fatalf("%d events up to %d, %v", len(events), j.Head(), err)
	}
	add(t, j, "act.viewed", `{}`)
	row := func(name string, fail error) error {
		return j.Commit(t.Context(), func(tx *sql.Tx, add journal.Appender) error {
			if _, err := tx.Exec(`INSERT INTO meta (key, value) VALUES (?, '')`, name); err != nil {
				return err
			}
			_, err := add(watch.Draft{Kind: "person." + name})
			return errors.Join(err, fail)
		})
	}
	if err := row("signed_in", nil); err != nil {
		t.Fatal(err)
	}
	if row("refused_by_itself", errors.New("no")) == nil {
		t.Error("a function that fails was committed")
	}
	refusal = errors.New("no room")
	if err := row("refused_aside", nil); !errors.Is(err, refusal) {
		t.Errorf("what could not be kept aside gave %v", err)
	}
	if want := []string{"act.viewed", "person.signed_in"}; !slices.Equal(kept, want) {
		t.Errorf("kept aside: %v, want %v", kept, want)
	}
	var rows, head int
	if err := j.DB().QueryRow(`SELECT (SELECT count(*) FROM meta WHERE value = ''), max(seq) FROM events`).Scan(&rows, &head); err != nil || rows != 1 || head != 5 || j.Head() != 5 {
		t.Errorf("%d rows, log up to %d and %d, %v", rows, head, j.Head(), err)
	}
}
