package app

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"siaga/internal/config"
)

// workedSite leaves what a site leaves that worked for a while, and a backup of it. It returns the backup's root.
func workedSite(t *testing.T) (cfg config.Config, backup, root string) {
	t.Helper()
	cfg = testConfig(t)
	s := startSite(t, cfg)
	for range 400 {
		if err := s.tell(t.Context(), "door.opened", map[string]any{"note": strings.Repeat("gudang ", 40)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	backup = filepath.Join(t.TempDir(), "backup")
	rep, err := Backup(t.Context(), cfg, backup)
	if err != nil {
		t.Fatal(err)
	}
	return cfg, backup, rep.Root.String()
}

// A damaged database is never written to, never replaced by an empty one, and never passed over in silence.
func TestOpen_RefusesADamagedDatabaseAndChangesNothing(t *testing.T) {
	cfg, _, _ := workedSite(t)
	path := databasePath(cfg)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, damaged := range map[string][]byte{
		"a page in the middle": flipped(whole, len(whole)/2/4096*4096),
		"the first page":       flipped(whole, 0),
		"a truncated file":     whole[:len(whole)*2/3],
		"an empty file":        {},
		"no file":              nil,
		"another file":         []byte(strings.Repeat("bukan basis data ", 1000)),
	} {
		t.Run(what, func(t *testing.T) {
			for _, old := range []string{path, path + "-wal", path + "-shm"} {
				_ = os.Remove(old) // there may be none
			}
			if damaged != nil {
				if err := os.WriteFile(path, damaged, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			a, err := Open(t.Context(), cfg, "test")
			if err == nil {
				t.Fatal(errors.Join(errors.New("it was opened"), a.Close()))
			}
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%v is not known as damage", err)
			}
			have, err := os.ReadFile(path)
			if damaged == nil {
				if err == nil {
					t.Error("an empty database was made")
				}
			} else if !slices.Equal(have, damaged) {
				t.Error("the damaged file was changed")
			}
		})
	}
}

// flipped returns a copy with a page that is not what was written.
func flipped(whole []byte, at int) []byte {
	out := slices.Clone(whole)
	for i := at; i < at+128; i++ {
		out[i] ^= 0xa5
	}
	return out
}

func TestOpen_BeginsANewSiteBesideItsKeys(t *testing.T) {
	cfg := testConfig(t)
	if _, err := openVault(cfg); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), cfg, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// While the database is damaged every door says so; once the backup is back, standby ends by itself and the site has
// the same root as when it was saved.
func TestStandby_IsLoudUntilTheBackupIsBack(t *testing.T) {
	cfg, backup, root := workedSite(t)
	if err := os.Truncate(databasePath(cfg), 5000); err != nil {
		t.Fatal(err)
	}
	site := standBy(t, &cfg)
	for path, want := range map[string]string{"/": "SIAGA BERHENTI", "/api/v1/events": "problem+json", "/readyz": "damaged", "/login": "siaga restore"} {
		code, text := doorSays(t, site.url+path)
		if code != http.StatusServiceUnavailable || !strings.Contains(text, want) {
			t.Errorf("%s: %d %.200s", path, code, text)
		}
	}
	if err := os.Rename(databasePath(cfg), filepath.Join(t.TempDir(), "evidence.db")); err != nil {
		t.Fatal(err)
	}
	stale := databasePath(cfg) + "-wal"
	if err := os.WriteFile(stale, []byte("of the damaged database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), cfg, backup); err == nil || !strings.Contains(err.Error(), stale) {
		t.Fatalf("restored beside the log of another database: %v", err)
	}
	if err := os.Remove(stale); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), cfg, backup); err != nil {
		t.Fatal(err)
	}
	if err := <-site.done; err != nil {
		t.Fatal(err)
	}
	rep, err := Check(t.Context(), cfg, CheckOptions{})
	if err != nil || len(rep.Findings) > 0 || rep.Root.String() != root {
		t.Fatalf("root %s, saved was %s; %v %v", rep.Root, root, rep.Findings, err)
	}
	startSite(t, cfg)
}

// freePort is an address that is free, and known to the test.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// doorSays returns an answer's code, and its type and text; it waits for the door to open.
func doorSays(t *testing.T, url string) (int, string) {
	t.Helper()
	for try := 0; ; try++ {
		res, err := http.Get(url)
		if err != nil && try < 10_000 {
			continue // not listening yet
		} else if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, res.Header.Get("Content-Type") + "\n" + string(body)
	}
}
