package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siaga/internal/journal"
	"siaga/internal/store"
	"siaga/internal/vault"
	"siaga/internal/watch"
)

// kinds stands for the catalogue of drivers: cameras want a url, gateways a topic.
type kinds struct{}

func (kinds) Check(kind string, config json.RawMessage, secrets []string) error {
	var c struct {
		URL      string `json:"url"`
		SubURL   string `json:"sub_url"`
		Username string `json:"username"`
		Topic    string `json:"topic"`
	}
	dec := json.NewDecoder(strings.NewReader(string(config)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return err
	}
	switch kind {
	case "rtsp":
		if c.URL == "" {
			return errors.New(`config key "url": empty`)
		}
		if c.Username != "" && len(secrets) == 0 {
			return errors.New(`secret "password" is missing`)
		}
		return nil
	case "mmdvm", "zigbee2mqtt":
		return nil
	}
	return fmt.Errorf("no driver speaks %q", kind)
}

func (kinds) Topics(kind string, config json.RawMessage) (publish, subscribe []string, err error) {
	var c struct{ Topic string }
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, nil, err
	}
	if kind != "mmdvm" && kind != "zigbee2mqtt" {
		return nil, nil, nil
	}
	return []string{c.Topic + "/#"}, []string{"to-" + c.Topic + "/command"}, nil
}

func (kinds) Gateway(kind string) bool { return kind == "mmdvm" || kind == "zigbee2mqtt" }

// site is a registry on a real database with a running journal.
type site struct {
	*Registry
	t      *testing.T
	dir    string
	db     *store.DB
	j      *journal.Journal
	v      *vault.Vault
	kicked []string
	mu     sync.Mutex
	stop   func()
}

var me = By{Actor: "0190-teknisi", Reason: "uji"}

func newSite(t *testing.T, dir string) *site {
	t.Helper()
	return openSite(t, dir, kinds{})
}

// demoKinds takes any config: what the demo's drivers make of theirs is tested where the drivers are known.
type demoKinds struct{ kinds }

func (demoKinds) Check(string, json.RawMessage, []string) error { return nil }
func (demoKinds) Gateway(kind string) bool                      { return kind != "rtsp" }

func newDemo(t *testing.T) *site {
	t.Helper()
	return openSite(t, t.TempDir(), demoKinds{})
}

func openSite(t *testing.T, dir string, d drivers) *site {
	t.Helper()
	ctx := context.Background()
	s := &site{t: t, dir: dir}
	var err error
	s.v, err = vault.Open(filepath.Join(dir, "keys"), journal.Origin("majene"))
	if err != nil {
		t.Fatal(err)
	}
	if s.db, err = store.Open(ctx, filepath.Join(dir, "siaga.db"), store.Options{}); err != nil {
		t.Fatal(err)
	}
	var ticks atomic.Int64 // no two events at the same time
	s.j, err = journal.Open(ctx, s.db, journal.Options{
		Now:  func() time.Time { return time.Now().Add(time.Duration(ticks.Add(1)) * time.Second) },
		Site: "majene", Signer: s.v.Signer(), Verifier: s.v.Verifier(), Projections: []journal.Projection{Projection(), SettingsProjection()},
	})
	if err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { _ = s.j.Run(run) })
	var once sync.Once
	s.stop = func() {
		once.Do(func() {
			cancel()
			done.Wait()
			if err := s.db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(s.stop)
	s.Registry, err = Open(ctx, Options{Journal: s.j, Vault: s.v, Drivers: d, NamePrefix: "MJN", Kicked: func(user string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.kicked = append(s.kicked, user)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// furnished is a site with a few zones, one camera and one radio gateway.
func furnished(t *testing.T) *site {
	t.Helper()
	s := newSite(t, t.TempDir())
	for _, z := range []Zone{
		{ID: "kantor", Name: "Kantor", Kind: ZoneOffice, Code: "KTR"},
		{ID: "server", Parent: "kantor", Name: "Ruang Server", Kind: ZoneServerRoom, Special: true},
		{ID: "gudang", Name: "Gudang Induk", Kind: ZoneStore, Code: "GDG", Plan: &Plan{X: 0.5, Y: 0.25}, Position: &Position{Lat: -3.54, Lon: 118.97}},
	} {
		s.mustZone(z)
	}
	s.mustRegister(camera("cam-1", "MJN-GDG-01", "rtsp://10.0.0.1/main"), map[string]string{"password": "s3mangka-merah", "app_key": "kunci-aplikasi"})
	s.mustRegister(Device{ID: "ht", Kind: "mmdvm", Name: "Gateway HT", Zone: "kantor", Enabled: true, Config: json.RawMessage(`{"topic":"ht"}`)}, nil)
	s.mustRegister(Device{ID: "ht-1", Kind: "radio", Name: "HT Pos 1", Alias: "Pos 1", Zone: "gudang", Parent: "ht", ChildKey: "5100202", Enabled: true}, nil)
	return s
}

func camera(id, name, url string) Device {
	config, err := json.Marshal(map[string]string{"url": url})
	if err != nil {
		panic(err) // strings always marshal
	}
	return Device{ID: id, Kind: "rtsp", Name: name, Zone: "gudang", Enabled: true, Config: config}
}

func (s *site) mustZone(z Zone) {
	s.t.Helper()
	if _, err := s.AddZone(context.Background(), me, z); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) mustRegister(d Device, secrets map[string]string) Outcome {
	s.t.Helper()
	o, err := s.Register(context.Background(), me, d, secrets)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// refused checks that err is a refusal of a field with a cause, and that nothing was journaled for it.
func (s *site) refused(what string, err, cause error, field, why string) {
	s.t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || !errors.Is(err, cause) || r.Field != field || !strings.Contains(r.Why, why) {
		s.t.Errorf("%s: got %v; want a refusal of %q with %q (%v)", what, err, field, why, cause)
	}
}

// proved checks that every leaf and every row of the registry is explained by the journal.
func (s *site) proved() {
	s.t.Helper()
	if found := s.findings(); len(found) > 0 {
		s.t.Errorf("check: %v", found)
	}
}

// findings are what the check finds.
func (s *site) findings() []journal.Finding {
	s.t.Helper()
	report, err := journal.Verify(context.Background(), s.db, journal.VerifyOptions{
		Site: "majene", Verifier: s.v.Verifier(), Projections: []journal.Projection{Projection(), SettingsProjection()}, ScratchDir: s.t.TempDir(),
	})
	if err != nil {
		s.t.Error(err)
	}
	return report.Findings
}

func (s *site) events(kinds ...string) []watch.Event {
	s.t.Helper()
	e, err := s.j.Events(context.Background(), journal.Query{Kinds: kinds})
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// absentFromFiles searches the bytes of every database file.
func (s *site) absentFromFiles(words ...string) {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "siaga.db*"))
	if err != nil || len(files) == 0 {
		s.t.Fatalf("no database files: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, w := range words {
			if strings.Contains(string(b), w) {
				s.t.Errorf("%s holds %q in clear text", filepath.Base(f), w)
			}
		}
	}
}
