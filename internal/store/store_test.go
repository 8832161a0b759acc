package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"siaga/internal/store"
)

func open(t *testing.T, path string, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestOpen_SyncsEveryCommitThroughTheLog(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "siaga.db"), store.Options{})
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1"} {
		var got string
		if err := db.Writer().QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q %v, want %q", pragma, got, err, want)
		}
	}
}

func TestRead_CannotWrite(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "siaga.db"), store.Options{})
	if _, err := db.Read().Exec(`INSERT INTO meta VALUES ('a', 'b')`); err == nil {
		t.Fatal("a reader wrote")
	}
}

func TestOpen_RefusesASchemaOfTheFuture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "siaga.db")
	db := open(t, path, store.Options{})
	if _, err := db.Writer().Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), path, store.Options{})
	if err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Fatalf("error %v gives no way out", err)
	}
}

func TestOpen_TakesPathsWithOddCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data ?mode=memory#%41", "siaga.db")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, path, store.Options{})
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the file is elsewhere: %v", err)
	}
}

func TestBackup_IsWholeWhileOthersWrite(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "siaga.db"), store.Options{})
	tx, err := db.Writer().BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`INSERT INTO meta VALUES ('under way', '1')`); err != nil {
		t.Fatal(err)
	}
	copyPath := filepath.Join(dir, "copy.db")
	if err := db.Backup(t.Context(), copyPath); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	twin := open(t, copyPath, store.Options{ReadOnly: true})
	var ok string
	var n int
	if err := twin.Read().QueryRow(`PRAGMA integrity_check`).Scan(&ok); err != nil || ok != "ok" {
		t.Fatalf("integrity: %s %v", ok, err)
	}
	if err := twin.Read().QueryRow(`SELECT count(*) FROM meta WHERE key = 'under way'`).Scan(&n); err != nil || n != 0 {
		t.Fatalf("the copy holds what was not committed: %d %v", n, err)
	}
	if err := db.Backup(t.Context(), copyPath); err == nil {
		t.Fatal("a backup overwrote a file")
	}
}

func TestReserve_IsGivenBackOnce(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "siaga.db"), store.Options{ReserveBytes: 1 << 20})
	info, err := os.Stat(filepath.Join(dir, "reserve"))
	if err != nil || info.Size() != 1<<20 {
		t.Fatalf("reserve: %v %v", info, err)
	}
	if r := db.Reserve(); !r.Held() || !r.Release() || r.Held() || r.Release() {
		t.Fatal("the reserve was not released exactly once")
	}
	if err := db.Reserve().Fill(); err != nil || !db.Reserve().Held() {
		t.Fatalf("refill: %v", err)
	}
}
