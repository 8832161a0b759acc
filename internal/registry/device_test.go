package registry

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"siaga/internal/watch"
)

func TestRegister_IsFoundByLookupsAndProvedByTheJournal(t *testing.T) {
	s := furnished(t)
	d, ok := s.Device("cam-1")
	if !ok || d.Name != "MJN-GDG-01" || d.CreatedBy != me.Actor || d.Revision == 0 || !slices.Equal(d.Secrets, []string{"app_key", "password"}) {
		t.Errorf("camera: %+v", d)
	}
	if !slices.Equal(d.Streams, []Stream{{"main", true, DefaultRetention}}) {
		t.Errorf("streams: %v", d.Streams)
	}
	if id, zone, ok := s.Child("ht", "5100202"); !ok || id != "ht-1" || zone != "gudang" {
		t.Errorf("child: %s %s %v", id, zone, ok)
	}
	if _, _, ok := s.Child("ht", "5100299"); ok {
		t.Error("found an unknown radio")
	}
	if s.ZoneOf("cam-1") != "gudang" || s.ZoneOf("none") != "" {
		t.Error("zone of a device is wrong")
	}
	if n := len(s.Devices()); n != 3 {
		t.Errorf("%d devices", n)
	}
	if c := s.Children("ht"); len(c) != 1 || c[0].ID != "ht-1" {
		t.Errorf("children: %v", c)
	}
	e := s.events(KindDeviceRegistered)[0]
	if e.Device != "cam-1" || e.Zone != "gudang" || e.Actor != me.Actor || !strings.Contains(string(e.Body), `"secrets_set":["app_key","password"]`) {
		t.Errorf("event: %+v %s", e, e.Body)
	}
	s.proved()
}

func TestRegistry_ForgetsNothingOverARestart(t *testing.T) {
	s := furnished(t)
	before := s.Devices()
	s.stop()
	again := newSite(t, s.dir)
	got := again.Devices()
	a, b := mustJSON(t, before), mustJSON(t, got)
	if a != b {
		t.Errorf("before %s\nafter  %s", a, b)
	}
	secrets, err := again.Secrets(context.Background(), "cam-1")
	if err != nil || secrets["password"] != "s3mangka-merah" {
		t.Errorf("secrets: %v, %v", secrets, err)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSecrets_AreNowhereInTheFileInClear(t *testing.T) {
	s := furnished(t)
	o := s.mustRegister(camera("cam-2", "MJN-GDG-02", "rtsp://admin:k%40ta-sandi@10.0.0.2/main"), nil)
	issued, err := s.IssueCredential(context.Background(), me, "ht")
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := s.Secrets(context.Background(), "cam-2")
	if err != nil || secrets["password"] != "k@ta-sandi" {
		t.Fatalf("secrets: %v, %v", secrets, err)
	}
	if len(o.Notes) != 1 || !strings.Contains(o.Notes[0], "moved out of the address") {
		t.Errorf("notes: %v", o.Notes)
	}
	if want := `{"url":"rtsp://10.0.0.2/main","username":"admin"}`; string(o.Device.Config) != want {
		t.Errorf("config: %s", o.Device.Config)
	}
	s.absentFromFiles("s3mangka-merah", "kunci-aplikasi", "k@ta-sandi", "k%40ta-sandi", issued.Password)
	s.stop()
	s.absentFromFiles("s3mangka-merah", "kunci-aplikasi", "k@ta-sandi", "k%40ta-sandi", issued.Password)
}

func impossibleChild() Device {
	return Device{ID: "ht-9", Kind: "radio", Name: "HT 9", Zone: "gudang", Parent: "ht", ChildKey: "9", Enabled: true}
}

// impossibleDevice is a description that must be refused, with the field and words of the refusal.
type impossibleDevice struct {
	what  string
	d     Device
	cause error
	field string
	why   string
}

func impossible() []impossibleDevice {
	base := camera("cam-9", "MJN-GDG-09", "rtsp://10.0.0.9/main")
	child := impossibleChild()
	with := func(d Device, f func(*Device)) Device { f(&d); return d }
	config := func(c string) Device { return with(base, func(d *Device) { d.Config = json.RawMessage(c) }) }
	return []impossibleDevice{
		{"id with a slash", with(base, func(d *Device) { d.ID = "../etc" }), watch.ErrInvalid, "id", "lower case"},
		{"id taken", with(base, func(d *Device) { d.ID = "cam-1" }), ErrConflict, "id", "MJN-GDG-01"},
		{"name taken, other case", with(base, func(d *Device) { d.Name = " mjn-gdg-01" }), ErrConflict, "name", `"MJN-GDG-02"`},
		{"no name", with(base, func(d *Device) { d.Name = " " }), watch.ErrInvalid, "name", "1 to 64"},
		{"name with a line break", with(base, func(d *Device) { d.Name = "a\nb" }), watch.ErrInvalid, "name", "control"},
		{"name that turns text around", with(base, func(d *Device) { d.Name = "a\u202eb" }), watch.ErrInvalid, "name", "control"},
		{"unknown zone", with(base, func(d *Device) { d.Zone = "atap" }), watch.ErrInvalid, "zone", "atap"},
		{"unknown kind", with(base, func(d *Device) { d.Kind = "fax" }), watch.ErrInvalid, "config", "no driver"},
		{"config of another driver", config(`{"url":"rtsp://h/1","baud":9600}`), watch.ErrInvalid, "config", "baud"},
		{"config no object", config(`[1]`), watch.ErrInvalid, "config", "object"},
		{"config with a tail", config(`{} {}`), watch.ErrInvalid, "config", "after"},
		{"config too large", config(`{"url":"` + strings.Repeat("x", maxConfig) + `"}`), watch.ErrInvalid, "config", "limit"},
		{"secret in the config", config(`{"url":"rtsp://h/1","password":"x"}`), watch.ErrInvalid, "config.password", "secrets"},
		{"secret deep in the config", config(`{"url":"rtsp://h/1","a":[{"api_key":"x"}]}`), watch.ErrInvalid, "config.a.api_key", "secrets"},
		{"password in the path", config(`{"url":"rtsp://h/user=admin&password=x&ch=1"}`), watch.ErrInvalid, "config.url", "path"},
		{"password with a slash", config(`{"url":"rtsp://admin:ab/cd@h/1"}`), watch.ErrInvalid, "config.url", "own fields"},
		{"address taken", config(`{"url":"RTSP://10.0.0.1:554/main/"}`), ErrConflict, "config.url", "cam-1"},
		{"stream of no kind", with(base, func(d *Device) { d.Streams = []Stream{{Name: "third"}} }), watch.ErrInvalid, "streams", "main or sub"},
		{"stream twice", with(base, func(d *Device) { d.Streams = []Stream{{Name: "sub"}, {Name: "sub"}} }), watch.ErrInvalid, "streams", "once"},
		{"off the plan", with(base, func(d *Device) { d.Plan = &Plan{X: 1.5} }), watch.ErrInvalid, "plan", "0 to 1"},
		{"off the earth", with(base, func(d *Device) { d.Position = &Position{Lat: 91} }), watch.ErrInvalid, "position", "-90"},
		{"key without gateway", with(base, func(d *Device) { d.ChildKey = "1" }), watch.ErrInvalid, "child_key", "gateway"},
		{"behind nothing", with(child, func(d *Device) { d.Parent = "none" }), watch.ErrInvalid, "parent", "none"},
		{"behind a camera", with(child, func(d *Device) { d.Parent = "cam-1" }), watch.ErrInvalid, "parent", "no gateway"},
		{"behind a radio", with(child, func(d *Device) { d.Parent = "ht-1" }), watch.ErrInvalid, "parent", `"ht"`},
		{"behind itself", with(child, func(d *Device) { d.Parent = "ht-9" }), watch.ErrInvalid, "parent", "no device"},
		{"no key", with(child, func(d *Device) { d.ChildKey = "" }), watch.ErrInvalid, "child_key", "1 to 128"},
		{"key taken", with(child, func(d *Device) { d.ChildKey = "5100202" }), ErrConflict, "child_key", "ht-1"},
		{"child with streams", with(child, func(d *Device) { d.Streams = []Stream{{Name: "main"}} }), watch.ErrInvalid, "streams", "itself"},
	}
}

func TestRegister_RefusesWhatCannotBe(t *testing.T) {
	s := furnished(t)
	head := s.j.Head()
	for _, c := range impossible() {
		_, err := s.Register(context.Background(), me, c.d, nil)
		s.refused(c.what, err, c.cause, c.field, c.why)
	}
	_, err := s.Register(context.Background(), me, impossibleChild(), map[string]string{"password": "x"})
	s.refused("child with a secret", err, watch.ErrInvalid, "secrets", "behind")
	_, err = s.Register(context.Background(), me, camera("cam-9", "MJN-GDG-09", "rtsp://10.0.0.9/main"), map[string]string{"../x": "y"})
	s.refused("secret with a path", err, watch.ErrInvalid, "secrets", "underscores")
	_, err = s.Register(context.Background(), By{Reason: strings.Repeat("x", 1001)}, camera("cam-9", "MJN-GDG-09", "rtsp://10.0.0.9/main"), nil)
	s.refused("endless reason", err, watch.ErrInvalid, "reason", "limit")
	if s.j.Head() != head {
		t.Errorf("refusals were journaled: head went from %d to %d", head, s.j.Head())
	}
	s.proved()
}

func TestRegister_OfTwoTechniciansWithOneAddressOneWins(t *testing.T) {
	s := furnished(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			d := camera("cam-x"+string(rune('a'+i)), "Kamera "+string(rune('A'+i)), "rtsp://10.9.9.9:554/ch1")
			_, errs[i] = s.Register(context.Background(), By{Actor: "teknisi-" + string(rune('a'+i))}, d, nil)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		var r *Refusal
		if !errors.As(err, &r) || !errors.Is(err, ErrConflict) || r.Field != "config.url" || !strings.Contains(r.Why, "registered") || !strings.Contains(r.Why, "teknisi-") {
			t.Errorf("the loser is told %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 won", won)
	}
	s.proved()
}

func TestChange_KeepsHistoryAndSaysWhatWasBefore(t *testing.T) {
	s := furnished(t)
	ctx := context.Background()
	d, _ := s.Device("cam-1")
	d.Name, d.Zone = "MJN-SRV-01", "server"
	if _, err := s.Change(ctx, By{Actor: "x"}, d, nil); err == nil {
		t.Error("changed without a reason")
	}
	o, err := s.Change(ctx, me, d, map[string]string{"password": "baru-sekali"})
	if err != nil || o.Device.Name != "MJN-SRV-01" || o.Device.Revision <= d.Revision || !o.Device.Created.Equal(d.Created) {
		t.Fatalf("%+v, %v", o, err)
	}
	e := s.events(KindDeviceChanged)[0]
	var b body[Device]
	if err := json.Unmarshal(e.Body, &b); err != nil || b.Before.Name != "MJN-GDG-01" || b.After.Name != "MJN-SRV-01" || b.Reason != "uji" ||
		!slices.Equal(b.SecretsSet, []string{"password"}) {
		t.Errorf("event: %s, %v", e.Body, err)
	}
	head := s.j.Head()
	if _, err := s.Change(ctx, me, d, map[string]string{"password": "baru-sekali"}); err != nil || s.j.Head() != head {
		t.Errorf("a change that changes nothing was journaled: %v", err)
	}
	if o, err = s.Change(ctx, me, d, map[string]string{"password": "", "app_key": ""}); err != nil || len(o.Device.Secrets) != 0 {
		t.Errorf("removing the secret: %+v, %v", o, err)
	}
	d.Enabled = false
	if o, err = s.Change(ctx, me, d, nil); err != nil || o.Device.Enabled {
		t.Errorf("switching off within a change: %+v, %v", o, err)
	}
	if n := len(s.events(KindDeviceDisabled)); n != 1 {
		t.Errorf("%d events of switching off", n)
	}
	d.ID = "nobody"
	_, err = s.Change(ctx, me, d, nil)
	s.refused("unknown device", err, ErrNotFound, "id", "nobody")
	s.proved()
}

func TestReplace_KeepsThePlaceAndEndsTheOldSecrets(t *testing.T) {
	s := furnished(t)
	ctx := context.Background()
	old, _ := s.Device("cam-1")
	o, err := s.Replace(ctx, me, "cam-1", Replacement{Config: json.RawMessage(`{"url":"rtsp://10.0.0.77/a"}`)})
	if err != nil {
		t.Fatal(err)
	}
	d := o.Device
	if d.ID != old.ID || d.Name != old.Name || d.Zone != old.Zone || !d.Created.Equal(old.Created) || !d.Installed.After(old.Installed) || len(d.Secrets) != 0 {
		t.Errorf("replaced: %+v", d)
	}
	if secrets, err := s.Secrets(ctx, "cam-1"); err != nil || len(secrets) != 0 {
		t.Errorf("old secrets live on: %v, %v", secrets, err)
	}
	d.Alias = "Gudang"
	if o, err = s.Change(ctx, me, d, nil); err != nil || !o.Device.Installed.Equal(d.Installed) || !o.Device.Changed.After(d.Changed) {
		t.Errorf("a change counts as a new unit: %+v, %v", o.Device, err)
	}
	first, _ := s.MQTTCredential("ht")
	o, err = s.Replace(ctx, me, "ht", Replacement{Config: json.RawMessage(`{"topic":"ht"}`)})
	if err != nil || o.Credential == nil {
		t.Fatalf("gateway: %+v, %v", o, err)
	}
	now, ok := s.MQTTCredential("ht")
	if !ok || !now.Matches(o.Credential.Password) || first.Matches(o.Credential.Password) {
		t.Error("the gateway's identity was not renewed")
	}
	if len(s.Children("ht")) != 1 {
		t.Error("the radios behind the gateway are gone")
	}
	s.proved()
}

func TestRemove_WantsAnEmptyGatewayAndLeavesNoSecret(t *testing.T) {
	s := furnished(t)
	ctx := context.Background()
	s.refused("gateway in use", s.Remove(ctx, me, "ht"), ErrConflict, "id", "ht-1")
	for _, id := range []string{"ht-1", "ht", "cam-1"} {
		if err := s.Remove(ctx, me, id); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Devices()) != 0 {
		t.Errorf("left: %v", s.Devices())
	}
	var rows int
	if err := s.j.DB().QueryRow(`SELECT (SELECT count(*) FROM device_secrets) + (SELECT count(*) FROM mqtt_credentials) + (SELECT count(*) FROM streams)`).Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows left behind, %v", rows, err)
	}
	s.refused("twice", s.Remove(ctx, me, "cam-1"), ErrNotFound, "id", "cam-1")
	s.proved()
}

func TestChanged_WakesAfterEachChangeAndMissesNone(t *testing.T) {
	s := furnished(t)
	wake := s.Changed()
	select {
	case <-wake:
		t.Fatal("woken by nothing")
	default:
	}
	d, _ := s.Device("cam-1")
	if _, err := s.Enable(context.Background(), me, "cam-1", false); err != nil {
		t.Fatal(err)
	}
	<-wake
	if now, _ := s.Device("cam-1"); now.Enabled || now.Revision <= d.Revision {
		t.Errorf("after the wake: %+v", now)
	}
	if _, err := s.Enable(context.Background(), By{Actor: "x"}, "cam-1", true); err != nil {
		t.Errorf("switching on needs no reason: %v", err)
	}
	s.proved()
}

func TestLookups_GiveCopies(t *testing.T) {
	s := furnished(t)
	d, _ := s.Device("cam-1")
	d.Config[0], d.Streams[0].Name = 'X', "x"
	if again, _ := s.Device("cam-1"); again.Config[0] != '{' || again.Streams[0].Name != "main" {
		t.Error("a caller wrote into what everybody reads")
	}
}

func TestSecret_IsNeverSentToAMachineItWasNotEnteredFor(t *testing.T) {
	s := furnished(t)
	d, _ := s.Device("cam-1")
	d.Config = json.RawMessage(`{"url":"rtsp://10.0.0.1:8554/other"}`)
	if _, err := s.Change(context.Background(), me, d, nil); err != nil {
		t.Fatalf("another path of the same machine: %v", err)
	}
	d.Config = json.RawMessage(`{"url":"rtsp://10.0.0.66/main"}`)
	_, err := s.Change(context.Background(), me, d, map[string]string{"password": "baru"})
	s.refused("another machine, one secret of two", err, watch.ErrInvalid, "secrets.app_key", "another machine, 10.0.0.66")
	if _, err := s.Change(context.Background(), me, d, map[string]string{"password": "baru", "app_key": ""}); err != nil {
		t.Errorf("all entered again or removed: %v", err)
	}
}
