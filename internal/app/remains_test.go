package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siaga/internal/auth"
	"siaga/internal/config"
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
	for _, e := range again.events(t, "", kindStandbyDeed) {
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

// kinds lists the deeds about a device.
func (s *site) kinds(t *testing.T, device string) string {
	var out strings.Builder
	for _, e := range s.events(t, device, kindStandbyDeed) {
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
