package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"siaga/configs"
	"siaga/internal/config"
	"siaga/internal/sim"
)

// DemoOptions say where the demo lives and how it speaks to the person who started it.
type DemoOptions struct {
	Dir     string
	Listen  string // of the dashboard
	Quiet   bool   // no panics, smoke or leaks by themselves
	Version string
	Out     io.Writer
	Log     func(config.Log)
}

// demoFile is DIR/demo.json: what scripts need to use the demo. It appears when the demo is ready.
type demoFile struct {
	URL     string       `json:"url"`
	MQTT    string       `json:"mqtt"`
	Users   []demoUser   `json:"users"`
	Devices []demoDevice `json:"devices"`
	Cameras []demoCamera `json:"cameras"`
	Spares  []demoCamera `json:"spare_cameras"` // play, but are no devices yet
}

type demoUser struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Password string `json:"password"`
}

type demoDevice struct {
	ID           string `json:"id"`
	Kind         string `json:"kind"`
	Topic        string `json:"topic"`
	MQTTUser     string `json:"mqtt_user"`
	MQTTPassword string `json:"mqtt_password"`
}

type demoCamera struct {
	ID       string `json:"id"`
	RTSP     string `json:"rtsp"`
	User     string `json:"user"`
	Password string `json:"password"`
}

// Demo runs a whole simulated site until ctx ends. Everything but the devices is the production program on a
// production config.
func Demo(ctx context.Context, o DemoOptions) error {
	cfg, old, err := prepareDemo(o)
	if err != nil {
		return err
	}
	cameras, err := demoCameras(o.freeAddress("127.0.0.1:8554"))
	if err != nil {
		return err
	}
	a, err := Open(ctx, cfg, o.Version)
	if err != nil {
		return err
	}
	a.stages.start(stage{"simulated cameras", cameras.Run, 5 * time.Second})
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, a.Stop())
	}
	ready, err := a.furnish(ctx, cameras, old)
	if err != nil {
		return errors.Join(err, a.Stop())
	}
	for _, d := range demoDevices(ready, a.MQTT(), o.Quiet) {
		a.stages.start(stage{d.name, again(d.run), 2 * time.Second})
	}
	if err := writeDemoFile(o.Dir, ready); err != nil {
		return errors.Join(err, a.Stop())
	}
	welcome(o, ready)
	return errors.Join(a.Wait(ctx), a.Stop())
}

// again restarts a simulated device whose connection failed; a real one would be switched on again too.
func again(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for ctx.Err() == nil {
			if err := run(ctx); err == nil {
				return nil
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
		return nil
	}
}

// prepareDemo writes DIR/siaga.yaml and the rules, and reads what an earlier demo in DIR gave out.
func prepareDemo(o DemoOptions) (config.Config, demoFile, error) {
	var old demoFile
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return config.Config{}, old, fmt.Errorf("demo: %w", err)
	}
	// demo.json says "ready", so it goes until we are; its passwords stay good even if we are killed before that.
	kept := filepath.Join(o.Dir, "demo.before.json")
	if err := os.Rename(filepath.Join(o.Dir, "demo.json"), kept); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return config.Config{}, old, fmt.Errorf("demo: %w", err)
	}
	if raw, err := os.ReadFile(kept); err == nil {
		// A torn file means new passwords, nothing worse.
		_ = json.Unmarshal(raw, &old)
	}
	if err := writeRules(filepath.Join(o.Dir, "rules")); err != nil {
		return config.Config{}, old, err
	}
	cfg := config.Default()
	cfg.Site = config.Site{
		ID: "kpu-majene", Name: "KPU Kabupaten Majene", Region: "76.05", Timezone: "Asia/Makassar", ZoneName: "WITA",
		Stage: "logistik_distribusi",
	}
	cfg.HTTP.Listen = o.Listen
	cfg.Live.Listen, cfg.MQTT.Listen = o.freeAddress(cfg.Live.Listen), o.freeAddress(cfg.MQTT.Listen)
	cfg.Recording.KeepDays, cfg.Recording.StreamGiB = 1, 1
	cfg.Console.AbsentAfterS = 0 // nobody has to sit before a demo
	cfg.Contacts = demoContacts()
	cfg.Log.Level = "warn"
	text, err := yaml.Marshal(cfg)
	if err != nil {
		return cfg, old, fmt.Errorf("demo: %w", err)
	}
	file := filepath.Join(o.Dir, "siaga.yaml")
	head := "# Written by `siaga demo` at each start. configs/siaga.yaml explains every key.\n"
	if err := os.WriteFile(file, append([]byte(head), text...), 0o600); err != nil {
		return cfg, old, fmt.Errorf("demo: %w", err)
	}
	o.Log(cfg.Log)
	cfg, err = config.Load(file)
	return cfg, old, err
}

// demoContacts are invented; the short numbers are the country's.
func demoContacts() []config.Contact {
	return []config.Contact{
		{Who: "leader", Name: "Danru", Phone: "0812-0000-0105", Radio: "Danru"},
		{Who: "secretariat", Name: "Kasubbag KUL", Phone: "0812-0000-0201"},
		{Who: "technician", Name: "Teknisi", Phone: "0812-0000-0301"},
		{Who: "it-security", Name: "Petugas keamanan TI", Phone: "0812-0000-0302"},
		{Who: "police", Name: "Polres Majene", Phone: "110"},
		{Who: "fire", Name: "Damkar Majene", Phone: "113"},
		{Who: "ambulance", Name: "Ambulans", Phone: "119"},
		{Who: "power", Name: "PLN", Phone: "123"},
	}
}

// writeRules lays the shipped rules beside the config, where a site would keep its own.
func writeRules(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	shipped, err := configs.Rules()
	if err != nil {
		return err
	}
	names, err := fs.Glob(shipped, "*.yaml")
	if err != nil {
		return err
	}
	for _, n := range names {
		raw, err := fs.ReadFile(shipped, n)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, n), raw, 0o600)
		}
		if err != nil {
			return fmt.Errorf("demo: rule %s: %w", n, err)
		}
	}
	return nil
}

// freeAddress is the preferred address if nothing listens there, else any free port: at once where the dashboard
// itself asks for any, so that several demos can start together.
func (o DemoOptions) freeAddress(preferred string) string {
	if strings.HasSuffix(o.Listen, ":0") {
		return "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", preferred)
	if err == nil {
		_ = l.Close() // it was only asked for
		return preferred
	}
	return "127.0.0.1:0"
}

// Names and sign-in of the simulated cameras.
const (
	cameraUser     = "siaga"
	cameraPassword = "demo-kamera"
	cameraCount    = 6
	subCamera      = "cam5/sub" // the small stream of the fifth
	spareCameras   = 2          // served but not registered, for trying "Tambah kamera"
)

// demoCameras starts the RTSP server that plays the footage at different offsets.
func demoCameras(listen string) (*sim.CameraServer, error) {
	footage, err := configs.Footage()
	if err != nil {
		return nil, err
	}
	o := sim.CameraOptions{Listen: listen, Footage: footage}
	for i := range cameraCount + spareCameras {
		c := sim.Camera{
			Path: fmt.Sprintf("cam%d", i+1), Clip: "room-live.mp4", Offset: time.Duration(i) * 17 * time.Second,
			User: cameraUser, Password: cameraPassword,
		}
		if i%3 == 0 || i == 5 { // gate, store front, loading bay: cars
			c.Clip, c.Audio = "forecourt-live.mp4", true
		}
		o.Cameras = append(o.Cameras, c)
	}
	o.Cameras = append(o.Cameras, sim.Camera{
		Path: subCamera, Clip: "room-live.mp4", Offset: 4 * 17 * time.Second, User: cameraUser, Password: cameraPassword,
	})
	// One more that answers under a brand's path: the wizard finds it without being told any.
	o.Cameras = append(o.Cameras, sim.Camera{
		Path: "Streaming/Channels/101", Clip: "room-live.mp4", Offset: time.Minute, User: cameraUser, Password: cameraPassword,
	})
	return sim.NewCameraServer(o)
}

// simulated is an MQTT device of the demo.
type simulated struct {
	name string
	run  func(context.Context) error
}

// demoDevices are the simulated gateways, signing in with the credentials that the registry issued.
func demoDevices(f demoFile, broker string, quiet bool) []simulated {
	at := func(id string) sim.Broker {
		for _, d := range f.Devices {
			if d.ID == id {
				return sim.Broker{URL: broker, ClientID: "sim-" + id, Username: d.MQTTUser, Password: d.MQTTPassword}
			}
		}
		return sim.Broker{URL: broker, ClientID: "sim-" + id}
	}
	var panics, trouble time.Duration
	if !quiet {
		panics, trouble = 7*time.Minute, 11*time.Minute
	}
	radios := sim.RadioGateway{Broker: at("ht-gateway"), Name: "ht-gateway", TalkEvery: 12 * time.Second, PanicEvery: panics}
	for i, alias := range []string{"POS INDUK", "POS 1", "POS 2", "PATROLI", "DANRU", "PENGAWAL"} {
		radios.Radios = append(radios.Radios, sim.Radio{ID: 5100201 + i, Info: alias})
	}
	dock := sim.Dock{
		Broker: at("dji-dock"), GatewaySN: "7CTDM3100B00WX", AircraftSN: "1581F6Q8D24BC00GH72K",
		Lat: -3.5403, Lon: 118.9707, Radius: 80, Height: 58,
	}
	hub := sim.SensorHub{
		Broker: at("zigbee"), Base: "zigbee2mqtt", Every: 45 * time.Second, Trouble: trouble,
		Doors:  []string{"pintu_ruang_server", "pintu_gudang_depan", "pintu_gudang_belakang"},
		Motion: []string{"pir_gudang"}, Smoke: []string{"asap_gudang"}, Leak: []string{"air_gudang"}, Mains: []string{"ups_server"},
	}
	return []simulated{{"simulated radios", radios.Run}, {"simulated drone", dock.Run}, {"simulated sensors", hub.Run}}
}

func writeDemoFile(dir string, f demoFile) error {
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	path := filepath.Join(dir, "demo.json")
	// Written aside and renamed: who waits for the file must never read half of it.
	if err := os.WriteFile(path+".new", append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}
