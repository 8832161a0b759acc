package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"siaga/internal/store"
)

// filled makes a database with events and people enough for many pages, and returns it as one file.
func filled(t *testing.T, path string) {
	t.Helper()
	db := open(t, path, store.Options{})
	tx, err := db.Writer().Begin()
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("gudang ", 60)
	for seq := 1; seq <= events; seq++ {
		if _, err := tx.Exec(`INSERT INTO events VALUES (?, 'door.opened', 'pintu', 'gudang', '', '', ?, 0, ?, x'00', NULL, x'00')`, seq, seq, []byte(body)); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(`INSERT INTO deliveries (key, seq, at) VALUES (?, ?, 1)`, fmt.Appendf(nil, "%016d", seq), seq); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.Exec(`INSERT INTO meta (key, value) VALUES ('site', 'kpu-uji')`); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tx.Commit(), db.Close()); err != nil {
		t.Fatal(err)
	}
}

const events = 2000

// Whatever page is bad, the rest is read, nothing is invented, and the damaged file stays as it is.
func TestSalvage_TakesOverAllButTheDamagedPages(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "siaga.db")
	filled(t, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	read := 0
	for at := page; at < len(whole); at += 7 * page {
		damaged := slices.Clone(whole)
		for i := at; i < at+page; i++ {
			damaged[i] ^= 0xa5
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, "salvaged.db")
		err := store.Salvage(t.Context(), path, to, nil)
		if after, rerr := os.ReadFile(path); rerr != nil || !slices.Equal(after, damaged) {
			t.Fatalf("page %d: the damaged file was changed (%v)", at/page, rerr)
		}
		if err != nil { // pages without which nothing can be found, as that of the schema
			t.Logf("page %d: %v", at/page, err)
			continue
		}
		read++
		sound(t, to, at/page)
	}
	if pages := len(whole) / page / 7; read < pages*9/10 {
		t.Errorf("of %d damages %d could be read past", pages, read)
	}
}

// sound checks a salvaged database: no damage in it, no row that was not there, and few lost.
func sound(t *testing.T, path string, page int) {
	t.Helper()
	db := open(t, path, store.Options{})
	if err := db.Sound(t.Context()); err != nil {
		t.Errorf("page %d: %v", page, err)
	}
	for table, order := range map[string]string{"events": "seq", "deliveries": "seq"} {
		var n, first, last int
		if err := db.Read().QueryRow(`SELECT count(*), coalesce(min(`+order+`), 0), coalesce(max(`+order+`), 0) FROM `+table).Scan(&n, &first, &last); err != nil {
			t.Fatal(err)
		}
		if n < events-2*events/10 && n != 0 || last > events || first < 0 {
			t.Errorf("page %d: %s has %d rows, %d to %d", page, table, n, first, last)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSalvage_OfASoundDatabaseLosesNothing(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "siaga.db"), filepath.Join(dir, "salvaged.db")
	filled(t, path)
	var done, total int64
	for range 2 { // the second replaces what the first made
		if err := store.Salvage(t.Context(), path, to, func(d, n int64) { done, total = d, n }); err != nil {
			t.Fatal(err)
		}
	}
	if done != events || total != events {
		t.Errorf("progress ended at %d of %d", done, total)
	}
	db := open(t, to, store.Options{})
	for table, want := range map[string]int{"events": events, "deliveries": events, "meta": 1} {
		var n int
		if err := db.Read().QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil || n != want {
			t.Errorf("%s: %d rows, want %d; %v", table, n, want, err)
		}
	}
}

func TestSalvage_RefusesWhatIsNoDatabase(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "siaga.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("bukan basis data ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.Salvage(t.Context(), path, filepath.Join(dir, "to.db"), nil); !store.IsDamaged(err) {
		t.Errorf("salvaged: %v", err)
	}
}
