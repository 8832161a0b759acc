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

const (
	events = 2000
	page   = 4096
)

// Whatever page is bad, the rest is read, nothing is invented, and the damaged file stays as it is.
func TestSalvage_TakesOverAllButTheDamagedPages(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "siaga.db")
	filled(t, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
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
		_, err := store.Salvage(t.Context(), path, to, nil)
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
func sound(t *testing.T, path string, damaged int) {
	t.Helper()
	db := open(t, path, store.Options{})
	if err := db.Sound(t.Context()); err != nil {
		t.Errorf("page %d: %v", damaged, err)
	}
	for table, order := range map[string]string{"events": "seq", "deliveries": "seq"} {
		var n, first, last int
		if err := db.Read().QueryRow(`SELECT count(*), coalesce(min(`+order+`), 0), coalesce(max(`+order+`), 0) FROM `+table).Scan(&n, &first, &last); err != nil {
			t.Fatal(err)
		}
		if n < events-2*events/10 && n != 0 || last > events || first < 0 {
			t.Errorf("page %d: %s has %d rows, %d to %d", damaged, table, n, first, last)
		}
	}
	var moved int
	if err := db.Read().QueryRow(`SELECT count(*) FROM events WHERE seq <> at`).Scan(&moved); err != nil || moved > 0 {
		t.Errorf("page %d: %d events have another's number, %v", damaged, moved, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// SQLite reads a row with a number that cannot be as it stands. It is left out, whatever comes after it can be read or not.
func TestSalvage_LeavesOutRowsWithImpossibleNumbers(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "siaga.db"), filepath.Join(dir, "salvaged.db")
	filled(t, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for at := 0; at+2*page <= len(whole); at += 11 * page {
		spot := numberOf(whole[at : at+page])
		if spot == 0 {
			continue
		}
		for _, number := range [][2]byte{{0x80, 0x05}, {0xff, 0x7f}, {0x90, 0x01}} { // 5, 16,383 and 2,049
			damaged := slices.Clone(whole)
			copy(damaged[at+spot:], number[:])
			if tried++; tried%2 == 0 {
				clear(damaged[at+page : at+2*page])
			}
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Salvage(t.Context(), path, to, nil); err != nil {
				t.Fatal(err)
			}
			sound(t, to, at/page)
		}
	}
	if tried < 20 {
		t.Errorf("only %d numbers were garbled", tried)
	}
}

// numberOf is where the two bytes of a number stand in the middle row of a page of events, 0 if it is none.
func numberOf(page []byte) int {
	const leaf = 0x0d
	cells := int(page[3])<<8 | int(page[4])
	if page[0] != leaf || cells < 5 || cells > 10 {
		return 0
	}
	cell := int(page[8+cells/2*2])<<8 | int(page[9+cells/2*2])
	if page[cell] < 0x80 || page[cell+1] >= 0x80 || page[cell+2] < 0x80 || page[cell+3] >= 0x80 {
		return 0 // length and number of two bytes each
	}
	return cell + 2
}

func TestSalvage_OfASoundDatabaseLosesNothing(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "siaga.db"), filepath.Join(dir, "salvaged.db")
	filled(t, path)
	var done, total int64
	for range 2 { // the second replaces what the first made
		if torn, err := store.Salvage(t.Context(), path, to, func(d, n int64) { done, total = d, n }); err != nil || len(torn) > 0 {
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
	if _, err := store.Salvage(t.Context(), path, filepath.Join(dir, "to.db"), nil); !store.IsDamaged(err) {
		t.Errorf("salvaged: %v", err)
	}
}
