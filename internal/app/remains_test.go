package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"siaga/internal/auth"
	"siaga/internal/config"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// A damaged database is looked at, not worked on: who signs in sees what could be read and live pictures, can change
// nothing, and all they did is in the log once the backup is back.
func TestStandby_ShowsWhatIsLeftAndKeepsWhatPeopleDid(t *testing.T) {
	cfg := testConfig(t)
	cameras, _ := startCameras(t, "gudang")
	s := startSite(t, cfg)
	s.addCamera(t, "gudang", cameras, cameraPassword)
	const password = "delapan tangkai melati"
	guard, err := s.auth.AddPerson(t.Context(), auth.By{Reason: "test"}, auth.NewPerson{Login: "penjaga", Name: "Rahmat", Roles: []auth.Role{auth.Guard}, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.auth.AddPerson(t.Context(), auth.By{Reason: "test"}, auth.NewPerson{Login: "admin", Name: "Nur", Roles: []auth.Role{auth.Administrator}, Password: password}); err != nil {
		t.Fatal(err)
	}
	s.recording(t, "gudang")
	for range 400 {
		if err := s.tell(t.Context(), "door.opened", map[string]any{"note": strings.Repeat("gudang ", 40)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	if _, err := Backup(t.Context(), cfg, backup); err != nil {
		t.Fatal(err)
	}
	damaged := damageMiddle(t, cfg)

	site := standBy(t, &cfg)
	var hello struct {
		Site struct {
			Standby struct{ Readable, Unreadable int }
		}
	}
	site.until(t, http.MethodGet, "/api/v1/setup", "", http.StatusOK, &hello)
	if left := hello.Site.Standby; left.Readable < 300 {
		t.Errorf("%d events can be read, %d cannot", left.Readable, left.Unreadable)
	}
	var session struct{ Token string }
	site.until(t, http.MethodPost, "/api/v1/session", `{"name":"penjaga","password":"`+password+`"}`, http.StatusCreated, &session)
	site.token = session.Token
	var events struct{ Items []watch.Event }
	site.until(t, http.MethodGet, "/api/v1/events?kind=door.opened", "", http.StatusOK, &events)
	if len(events.Items) == 0 {
		t.Error("no event is shown")
	}
	site.until(t, http.MethodGet, "/api/v1/cameras/gudang/snapshot.jpg", "", http.StatusOK, nil) // the camera is connected by and by
	if code, text := site.ask(t, http.MethodPost, "/api/v1/zones/zona-gudang/arm", `{}`); code != http.StatusServiceUnavailable || !strings.Contains(text, "read_only") {
		t.Errorf("arming a zone: %d %s", code, text)
	}
	if code, text := site.ask(t, http.MethodGet, "/readyz", ""); code != http.StatusServiceUnavailable || !strings.Contains(text, "damaged") {
		t.Errorf("ready: %d %s", code, text)
	}
	if now, err := os.ReadFile(databasePath(cfg)); err != nil || !bytes.Equal(now, damaged) {
		t.Errorf("the damaged file was changed (%v)", err)
	}

	for _, name := range []string{"siaga.db", "siaga.db-wal", "siaga.db-shm"} {
		_ = os.Rename(filepath.Join(cfg.Data, name), filepath.Join(t.TempDir(), name)) // the last two may not be there
	}
	if _, err := Restore(t.Context(), cfg, backup); err != nil {
		t.Fatal(err)
	}
	if err := <-site.done; err != nil {
		t.Fatal(err)
	}
	again := startSite(t, cfg)
	var did []string
	for _, e := range again.events(t, "", kindStandbyAuth) {
		var body struct{ Kind string }
		if err := json.Unmarshal(e.Body, &body); err != nil {
			t.Fatal(err)
		}
		if e.Actor == guard.ID || e.Subject == guard.ID {
			did = append(did, body.Kind)
		}
	}
	if text := strings.Join(did, " "); !strings.Contains(text, "auth.signed_in") || !strings.Contains(text+again.kinds(t, "gudang"), "act.viewed") {
		t.Errorf("of what the guard did the log has %s", text)
	}
	if n := len(again.events(t, "", kindStandby)); n != 1 {
		t.Errorf("%d standbys in the log", n)
	}
	if _, err := os.Stat(standbyPath(cfg, "")); err == nil {
		t.Error("what was kept aside is still there")
	}
}

// Two standbys, a line that a full disk cut short, and a start that was broken off in between: each deed is in the log once.
func TestAdoptDeeds_EachOnceWhateverHappenedBetween(t *testing.T) {
	cfg := testConfig(t)
	startSite(t, cfg).stop()
	for _, what := range []string{"pertama", "kedua"} {
		d, err := beginDeeds(cfg, errors.New(what))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.take([]watch.Draft{{Kind: "auth.signed_in", Actor: what}, {Kind: "act.viewed", Actor: what}}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.file.WriteString(`{"at":1,"kind":"auth.sig`); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(standbyPath(cfg, "deeds.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s := startSite(t, cfg)
		for kind, want := range map[string]int{kindStandby: 2, kindStandbyAuth: 2, kindStandbyAct: 2} {
			if n := len(s.events(t, "", kind)); n != want {
				t.Errorf("%d of %s, want %d", n, kind, want)
			}
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(standbyPath(cfg, "")); err == nil {
			t.Error("what was kept aside is still there")
		}
		if err := errors.Join(os.MkdirAll(standbyPath(cfg, ""), 0o700), os.WriteFile(standbyPath(cfg, "deeds.jsonl"), kept, 0o600)); err != nil { // as if the start had been killed before it took the folder away
			t.Fatal(err)
		}
	}
}

// kinds lists the deeds about a device.
func (s *site) kinds(t *testing.T, device string) string {
	var out strings.Builder
	for _, e := range s.events(t, device, kindStandbyAct) {
		out.Write(e.Body)
	}
	return out.String()
}

// damageMiddle makes a page of the database unreadable and returns the file.
func damageMiddle(t *testing.T, cfg config.Config) []byte {
	t.Helper()
	whole, err := os.ReadFile(databasePath(cfg))
	if err != nil {
		t.Fatal(err)
	}
	damaged := flipped(whole, len(whole)/2/4096*4096)
	if err := os.WriteFile(databasePath(cfg), damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	return damaged
}

// standingBy is a site that stands by, from outside.
type standingBy struct {
	url, token string
	done       chan error
}

func standBy(t *testing.T, cfg *config.Config) *standingBy {
	t.Helper()
	cfg.HTTP.Listen = freePort(t)
	_, why := Open(t.Context(), *cfg, "test")
	s := &standingBy{url: "http://" + cfg.HTTP.Listen, done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { s.done <- Standby(ctx, *cfg, "test", why) }()
	return s
}

// until asks again until the site answers with a status, and decodes the answer.
func (s *standingBy) until(t *testing.T, method, path, body string, want int, into any) {
	t.Helper()
	for late := time.Now().Add(patience); ; {
		code, text := s.ask(t, method, path, body)
		if code == want {
			if into != nil {
				if err := json.Unmarshal([]byte(text), into); err != nil {
					t.Fatalf("%s %s: %v in %s", method, path, err, text)
				}
			}
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%s %s: %d %s", method, path, code, text)
		}
	}
}

// ask returns the status and text of an answer; 0 while nobody listens.
func (s *standingBy) ask(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, string(text)
}

// A list that is lost is made anew from the events, and never shown empty; what no event explains is named.
func TestSalvage_MakesTornTablesAnew(t *testing.T) {
	cfg := testConfig(t)
	s := startSite(t, cfg)
	cameras, _ := startCameras(t, "gudang")
	s.addCamera(t, "gudang", cameras, cameraPassword)
	pages := map[string]int64{}
	for _, table := range []string{"zones", "device_secrets"} {
		var page int64
		if err := s.db.Read().QueryRow(`SELECT rootpage FROM sqlite_schema WHERE name = ?`, table).Scan(&page); err != nil {
			t.Fatal(err)
		}
		pages[table] = page
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(databasePath(cfg))
	if err != nil {
		t.Fatal(err)
	}
	damaged := flipped(flipped(whole, int(pages["zones"]-1)*4096), int(pages["device_secrets"]-1)*4096)
	if err := os.WriteFile(databasePath(cfg), damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(standbyPath(cfg, ""), 0o700); err != nil {
		t.Fatal(err)
	}
	found, err := salvage(t.Context(), cfg, nil)
	if err != nil || found.Unreadable != 0 || !slices.Equal(found.Torn, []string{"device_secrets"}) {
		t.Fatalf("%+v, %v", found, err)
	}
	db, err := store.Open(t.Context(), standbyPath(cfg, "siaga.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var zones int
	err = db.Read().QueryRow(`SELECT count(*) FROM zones`).Scan(&zones)
	if err := errors.Join(err, db.Close()); err != nil || zones != 1 {
		t.Errorf("%d zones, %v", zones, err)
	}
}
