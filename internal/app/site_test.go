package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"siaga/configs"
	"siaga/internal/auth"
	"siaga/internal/config"
	"siaga/internal/journal"
	"siaga/internal/registry"
	"siaga/internal/sim"
	"siaga/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait. Nothing is timed by it: a machine that is slow must not fail a test.
const patience = 50 * time.Second

// testConfig is a site in a directory of its own, with the shipped rules and every door on a free port.
func testConfig(t *testing.T) config.Config {
	t.Helper()
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Site.ID, cfg.Site.Name = "kpu-majene", "KPU Kabupaten Majene"
	cfg.Data, cfg.Rules = filepath.Join(dir, "data"), filepath.Join(dir, "rules")
	cfg.HTTP.Listen, cfg.Live.Listen, cfg.MQTT.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.Recording.SegmentS = 5
	if err := writeRules(cfg.Rules); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// site is the whole program.
type site struct {
	*App
	stop func() error // may be called before the test ends, which calls it too
}

func startSite(t *testing.T, cfg config.Config) *site {
	t.Helper()
	a, err := Open(t.Context(), cfg, "test")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{App: a, stop: sync.OnceValue(a.Stop)}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// await waits until done, and looks again after every event.
func (s *site) await(t *testing.T, what string, done func() bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		changed := s.journal.Changed()
		if done() {
			return
		}
		select {
		case <-changed:
		case err := <-s.stages.failed:
			t.Fatalf("a stage failed while waiting for %s: %v", what, err)
		case <-late.C:
			t.Fatalf("no %s within %v; the device's events are\n%s", what, patience, s.history(t))
		}
	}
}

// history lists all events, for a failure's message.
func (s *site) history(t *testing.T) string {
	var b strings.Builder
	for _, e := range s.events(t, "", "*") {
		fmt.Fprintf(&b, "%6d %s %-18s %-10s %.200s\n", e.Seq, e.At.Format("15:04:05.000"), e.Kind, e.Device, e.Body)
	}
	return b.String()
}

// events are those of a device ("" for all) and of a kind, oldest first.
func (s *site) events(t *testing.T, device, kind string) []watch.Event {
	t.Helper()
	q := journal.Query{Device: device, Limit: 1000}
	if kind != "*" {
		q.Kinds = []string{kind}
	}
	out, err := s.journal.Events(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// awaitEvent waits for an event of a device and a kind whose body has this reason ("" for any).
func (s *site) awaitEvent(t *testing.T, device, kind string, reason watch.Reason) watch.Event {
	t.Helper()
	var found watch.Event
	s.await(t, fmt.Sprintf("%s of %s because of %q", kind, device, reason), func() bool {
		for _, e := range s.events(t, device, kind) {
			if reason == "" || reasonIn(t, e) == reason {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

func reasonIn(t *testing.T, e watch.Event) watch.Reason {
	t.Helper()
	var body struct{ Reason watch.Reason }
	if err := json.Unmarshal(e.Body, &body); err != nil {
		t.Fatalf("event %d: %v", e.Seq, err)
	}
	return body.Reason
}

// addCamera registers a camera that plays path of the server, and its zone.
func (s *site) addCamera(t *testing.T, id string, cameras *sim.CameraServer, password string) {
	t.Helper()
	zone := "zona-" + id
	if _, err := s.registry.AddZone(t.Context(), registry.By{Reason: "test"}, registry.Zone{ID: zone, Name: "Zona " + id, Kind: registry.ZoneRoom}); err != nil {
		t.Fatal(err)
	}
	d := registry.Device{
		ID: id, Kind: "rtsp", Name: "Kamera " + id, Zone: zone, Enabled: true,
		Config: json.RawMessage(fmt.Sprintf(`{"url": %q, "username": %q}`, cameras.URL(id), cameraUser)),
	}
	if _, err := s.registry.Register(t.Context(), registry.By{Reason: "test"}, d, map[string]string{"password": password}); err != nil {
		t.Fatal(err)
	}
}

// recording waits until a camera's main stream is recorded for the first time.
func (s *site) recording(t *testing.T, id string) {
	t.Helper()
	s.awaitEvent(t, id, "gap.closed", watch.ReasonNotYet)
}

// startCameras serves one camera for each name until the test ends or stop is called.
func startCameras(t *testing.T, names ...string) (cameras *sim.CameraServer, stop func()) {
	t.Helper()
	footage, err := configs.Footage()
	if err != nil {
		t.Fatal(err)
	}
	o := sim.CameraOptions{Listen: "127.0.0.1:0", Footage: footage}
	for _, n := range names {
		o.Cameras = append(o.Cameras, sim.Camera{Path: n, Clip: "room-live.mp4", User: cameraUser, Password: cameraPassword})
	}
	cameras, err = sim.NewCameraServer(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := cameras.Run(ctx); err != nil {
			t.Errorf("simulated cameras: %v", err)
		}
	})
	stop = func() { cancel(); wait.Wait() }
	t.Cleanup(stop)
	return cameras, stop
}

// console is a guard's screen on the live channel: what came, and when.
type console struct {
	mu   sync.Mutex
	got  []arrival
	more chan struct{} // closed and replaced when something came
}

type arrival struct {
	at   time.Time
	Seq  uint64
	Kind string
	Body struct {
		Alert struct {
			ID, Rule, Device string
			CauseSeq         uint64 `json:"cause_seq"`
		}
	}
}

// openConsole signs a guard in at the front door and opens the live channel.
func (s *site) openConsole(t *testing.T) *console {
	t.Helper()
	const password = "delapan tangkai melati"
	if _, err := s.auth.AddPerson(t.Context(), auth.By{Reason: "test"}, auth.NewPerson{
		Login: "penjaga", Name: "Rahmat", Roles: []auth.Role{auth.Guard}, Password: password,
	}); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(s.URL()+"/api/v1/session", "application/json", strings.NewReader(`{"name":"penjaga","password":"`+password+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	defer http.DefaultClient.CloseIdleConnections()
	var session struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&session); err != nil || session.Token == "" {
		t.Fatalf("signing in: %s %v", resp.Status, err)
	}
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.URL(), "http")+"/api/v1/live", http.Header{"Authorization": {"Bearer " + session.Token}})
	if err != nil {
		t.Fatal(err)
	}
	c := &console{more: make(chan struct{})}
	var wait sync.WaitGroup
	wait.Go(func() { c.read(ws) })
	t.Cleanup(func() { _ = ws.Close(); wait.Wait() })
	return c
}

func (c *console) read(ws *websocket.Conn) {
	for {
		var a arrival
		_, raw, err := ws.ReadMessage()
		if err != nil {
			return // closed at the end of the test, or too early, which the waits notice
		}
		if json.Unmarshal(raw, &a) != nil || a.Seq == 0 {
			continue // a sample or a state
		}
		a.at = time.Now()
		c.mu.Lock()
		c.got = append(c.got, a)
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
	}
}

// await waits for a message.
func (c *console) await(t *testing.T, what string, match func(arrival) bool) arrival {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for seen := 0; ; {
		c.mu.Lock()
		got, more := c.got, c.more
		c.mu.Unlock()
		for ; seen < len(got); seen++ {
			if match(got[seen]) {
				return got[seen]
			}
		}
		select {
		case <-more:
		case <-late.C:
			t.Fatalf("no %s on the live channel within %v", what, patience)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
