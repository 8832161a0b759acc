package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"siaga/internal/auth"
	"siaga/internal/hub"
	"siaga/internal/incident"
	"siaga/internal/journal"
	"siaga/internal/record"
	"siaga/internal/registry"
	"siaga/internal/store"
	"siaga/internal/vault"
	"siaga/internal/view"
	"siaga/internal/watch"
)

// site is the front door on a real database, journal and hub.
type site struct {
	t        testing.TB
	journal  *journal.Journal
	registry *registry.Registry
	hub      *hub.Hub
	desk     *incident.Desk
	view     *view.Hub
	fleet    *fakeFleet
	auth     *auth.Auth
	recorder *record.Recorder
	people   *grants
	server   *Server
	url      string
	stopWeb  func() error
	stopHub  func()
}

// kinds stands for the catalogue of drivers.
type kinds struct{}

func (kinds) Check(kind string, config json.RawMessage, _ []string) error {
	var c struct {
		URL   string `json:"url"`
		Topic string `json:"topic"`
	}
	dec := json.NewDecoder(strings.NewReader(string(config)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return err
	}
	if kind != "rtsp" && kind != "mmdvm" {
		return fmt.Errorf("no driver speaks %q", kind)
	}
	if kind == "rtsp" && c.URL == "" {
		return errors.New(`config key "url": empty`)
	}
	return nil
}

func (kinds) Topics(kind string, config json.RawMessage) (publish, subscribe []string, err error) {
	if kind != "mmdvm" {
		return nil, nil, nil
	}
	var c struct{ Topic string }
	err = json.Unmarshal(config, &c)
	return []string{c.Topic + "/#"}, nil, err
}

func (kinds) Gateway(kind string) bool { return kind == "mmdvm" }

func (kinds) Drivers() []Driver {
	return []Driver{{Kind: "rtsp", Title: "Camera", Schema: json.RawMessage(`{}`)}}
}
func (kinds) Hints(string) []PathHint { return nil }
func (kinds) Rules() []Rule           { return nil }

// settingKey is the one setting that may be changed on a test's site.
const settingKey = "recording.keep_days"

// file stands for siaga.yaml.
type file struct{}

func (file) InFile(key string) (json.RawMessage, bool) {
	return json.RawMessage("30"), key == settingKey
}

func (file) Clean(_ string, value json.RawMessage) (json.RawMessage, error) {
	var days int
	if err := json.Unmarshal(value, &days); err != nil || days < 1 {
		return nil, &registry.Refusal{Field: "value", Why: string(value) + " is out of range: use 1 to 3650", Cause: watch.ErrInvalid}
	}
	return value, nil
}

// fakeFleet answers for devices that nobody runs.
type fakeFleet struct {
	mu    sync.Mutex
	probe func(context.Context, ProbeRequest) (ProbeResult, error)
}

func (f *fakeFleet) States() []watch.DeviceState {
	return []watch.DeviceState{{Device: "cam-1", Status: watch.StatusOnline}}
}

func (f *fakeFleet) Probe(ctx context.Context, q ProbeRequest) (ProbeResult, error) {
	f.mu.Lock()
	probe := f.probe
	f.mu.Unlock()
	if probe == nil {
		return ProbeResult{Reason: watch.ReasonRefused, Detail: "401", Hint: "check the password"}, nil
	}
	return probe(ctx, q)
}

// newSite opens everything and serves until the test ends.
func newSite(t testing.TB, change ...func(*Options, *hub.Options)) *site {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	v, err := vault.Open(filepath.Join(dir, "keys"), journal.Origin("majene"))
	must(t, err)
	db, err := store.Open(ctx, filepath.Join(dir, "siaga.db"), store.Options{})
	must(t, err)
	s := &site{t: t, people: &grants{byRole: map[string]auth.Grant{}}, fleet: &fakeFleet{}, view: view.New(view.Options{})}
	s.journal, err = journal.Open(ctx, db, journal.Options{
		Site: "majene", Signer: v.Signer(), Verifier: v.Verifier(), Projections: []journal.Projection{registry.Projection(), registry.SettingsProjection(), incident.Projection(), auth.Projection(), record.Projection()},
	})
	must(t, err)
	stopJournal := start(t, s.journal.Run)
	s.desk = incident.New(incident.Options{Log: s.journal})
	t.Cleanup(func() { stopJournal(); must(t, db.Close()) })
	s.registry, err = registry.Open(ctx, registry.Options{Journal: s.journal, Vault: v, Drivers: kinds{}, NamePrefix: "MJN", Plans: filepath.Join(dir, "plans"), Settings: file{}})
	must(t, err)

	s.auth, err = auth.Open(ctx, auth.Options{Journal: s.journal, Vault: v})
	must(t, err)
	s.recorder, err = record.New(record.Options{Dir: dir, Journal: s.journal})
	must(t, err)

	ho := hub.Options{
		History: s.journal, Site: Site{ID: "majene", Name: "KPU Majene"}, Classes: Classes(),
		Snapshot: func(context.Context, []string) (hub.Snapshot, error) { return hub.Snapshot{}, nil },
	}
	o := Options{
		Listen: "127.0.0.1:0", Site: Site{ID: "majene", Name: "KPU Majene", ZoneName: "WITA", Timezone: "Asia/Makassar"},
		Version: "test", Journal: s.journal, Registry: s.registry, View: s.view, Desk: s.desk, Fleet: s.fleet, Drivers: kinds{}, Rules: kinds{},
		VerifierKey: "majene+key", NoLimits: true, Auth: s.auth, Recorder: s.recorder,
		Settings: s.settings,
		Dashboard: fstest.MapFS{
			"index.html":         {Data: []byte("<!doctype html><title>Siaga</title>")},
			"assets/app-1234.js": {Data: []byte("export {}")},
			"favicon.svg":        {Data: []byte("<svg/>")},
		},
	}
	for _, c := range change {
		c(&o, &ho)
	}
	s.hub, err = hub.New(ho)
	must(t, err)
	o.Hub = s.hub
	s.server, err = New(o)
	must(t, err)
	s.url = s.server.URL()
	s.stopHub = start(t, s.hub.Run)
	stop := start(t, s.server.Run)
	var once sync.Once
	s.stopWeb = func() (err error) {
		once.Do(func() {
			stop()
			s.stopHub()
			ended, cancel := context.WithCancel(context.Background())
			cancel()
			err = s.server.RunSockets(ended)
		})
		return err
	}
	t.Cleanup(func() { must(t, s.stopWeb()) })
	return s
}

// settings is the one setting there is.
func (s *site) settings() []Setting {
	one := Setting{Key: settingKey, Value: "30", Source: "file", Applies: "now", Changeable: true, InFile: "30"}
	have, _ := s.registry.Setting(settingKey)
	one.By, one.Revision = have.By, have.Revision
	if have.Value != nil {
		one.Value, one.Source = string(have.Value), "changed"
	}
	return []Setting{one}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start runs something until stop is called; its error fails the test.
func start(t testing.TB, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	var once sync.Once
	return func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// furnish gives the site zones and devices.
func (s *site) furnish() {
	s.t.Helper()
	ctx, me := context.Background(), registry.By{Actor: "p-technician", Reason: "test"}
	for _, z := range []registry.Zone{{ID: "kantor", Name: "Kantor", Kind: registry.ZoneOffice}, {ID: "gudang", Parent: "kantor", Name: "Gudang", Kind: registry.ZoneStore}} {
		_, err := s.registry.AddZone(ctx, me, z)
		must(s.t, err)
	}
	_, err := s.registry.Register(ctx, me, registry.Device{
		ID: "cam-1", Kind: "rtsp", Name: "MJN-GUD-01", Zone: "gudang", Enabled: true,
		Config: json.RawMessage(`{"url":"rtsp://127.0.0.1/x"}`), Streams: []registry.Stream{{Name: "main", Record: true}},
	}, map[string]string{"password": "rahasia"})
	must(s.t, err)
}

// add journals events of a kind and waits until they are durable.
func (s *site) add(kind string, n int) uint64 {
	s.t.Helper()
	var last *journal.Receipt
	for range n {
		r, err := s.journal.Append(context.Background(), watch.Draft{Kind: kind, Device: "door-1", Zone: "gudang", Body: []byte(`{"open":true}`)})
		must(s.t, err)
		last = r
	}
	must(s.t, last.Wait(context.Background()))
	return last.Seq()
}

// request builds a request of a role; "" is nobody.
func (s *site) request(role, method, path, body string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	must(s.t, err)
	if role != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: s.token(role)})
	}
	if body != "" {
		r.Header.Set("Content-Type", jsonType)
	}
	return r
}

// do sends a request and reads the whole answer.
func (s *site) do(r *http.Request) (*http.Response, string) {
	s.t.Helper()
	res, err := http.DefaultTransport.RoundTrip(r)
	must(s.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(s.t, err)
	return res, string(body)
}

// call sends a request and decodes the answer, which MUST have the status.
func (s *site) call(role, method, path, body string, status int, into any) {
	s.t.Helper()
	res, text := s.do(s.request(role, method, path, body))
	if res.StatusCode != status {
		s.t.Fatalf("%s %s as %s: %d, want %d\n%s", method, path, role, res.StatusCode, status, text)
	}
	if into != nil {
		must(s.t, json.Unmarshal([]byte(text), into))
	}
}

// problem sends a request that MUST be refused, and checks the form of the refusal.
func (s *site) problem(role, method, path, body string, status int, code string) Problem {
	s.t.Helper()
	return s.refused(s.request(role, method, path, body), status, code)
}

func (s *site) refused(r *http.Request, status int, code string) Problem {
	s.t.Helper()
	res, text := s.do(r)
	return checkProblem(s.t, r.Method+" "+r.URL.Path, res.StatusCode, res.Header, text, status, code)
}

func checkProblem(t testing.TB, what string, got int, h http.Header, text string, status int, code string) Problem {
	t.Helper()
	if got != status {
		t.Fatalf("%s: %d, want %d\n%s", what, got, status, text)
	}
	var p Problem
	if ct := h.Get("Content-Type"); ct != problemType {
		t.Errorf("%s: Content-Type %q\n%s", what, ct, text)
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, text)
	}
	if p.Code != code || p.Status != status || p.Detail == "" || p.Title == "" || p.Type == "" {
		t.Errorf("%s: want code %s\n%s", what, code, text)
	}
	return p
}

// local serves a request without a connection.
func (s *site) local(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.server.Handler().ServeHTTP(w, r)
	return w
}

// noHub is a change of the server's options alone.
func noHub(change func(*Options)) func(*Options, *hub.Options) {
	return func(o *Options, _ *hub.Options) { change(o) }
}

func decodeJSON(text string, into any) error { return json.Unmarshal([]byte(text), into) }

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}
