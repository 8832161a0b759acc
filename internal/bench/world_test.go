package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/gorilla/websocket"

	"siaga/configs"
	"siaga/internal/app"
	"siaga/internal/auth"
	"siaga/internal/config"
	"siaga/internal/registry"
)

// world is the whole program as a child process, with a site made for one benchmark.
type world struct {
	dir, url, mqtt, token string
	keys                  map[string]string // MQTT passwords by gateway
	cmd                   *exec.Cmd
}

// worldOptions say what the site has.
type worldOptions struct {
	cameras  []string // RTSP addresses; camera i becomes the device cam-i
	gateways []string // MMDVM gateways, by id and topic, each with radiosPer registered radios
	sensors  int      // contacts behind the Zigbee gateway "zigbee"; 0: no gateway either
	perS     int      // messages a second of one MQTT client; 0: the default
}

// radiosPer is how many radios a gateway hears; their numbers begin at firstRadio.
const (
	radiosPer  = 100
	firstRadio = 1_000_000
)

const guardPassword = "a long enough bench password"

// newWorld makes the site's data with the program's own rooms, and does not start it.
func newWorld(b *testing.B, o worldOptions) *world {
	b.Helper()
	w := &world{dir: b.TempDir(), keys: map[string]string{}}
	cfg := config.Default()
	cfg.Site.ID, cfg.Site.Name = "kpu-bench", "KPU Bench"
	cfg.HTTP.Listen, cfg.Live.Listen, cfg.MQTT.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.HTTP.TrustedProxies = []string{"127.0.0.1"} // so that many viewers are not one address to the rate limit
	if o.perS > 0 {
		cfg.MQTT.MessagesPerS = o.perS
	}
	text, err := yaml.Marshal(cfg)
	must(b, err)
	must(b, os.WriteFile(w.config(), text, 0o600))
	must(b, layRules(filepath.Join(w.dir, "rules")))
	cfg, err = config.Load(w.config())
	must(b, err)
	a, err := app.Open(b.Context(), cfg, "bench")
	must(b, err)
	must(b, a.Close())
	must(b, app.Offline(b.Context(), cfg, "bench", func(ctx context.Context, a *app.App) error { return w.furnish(ctx, a, o) }))
	return w
}

func (w *world) config() string { return filepath.Join(w.dir, "siaga.yaml") }

func layRules(dir string) error {
	shipped, err := configs.Rules()
	if err != nil {
		return err
	}
	return os.CopyFS(dir, shipped)
}

func (w *world) furnish(ctx context.Context, a *app.App, o worldOptions) error {
	by := registry.By{Reason: "bench"}
	rep, err := a.Registry().Import(ctx, by, siteDocument(o), registry.ImportOptions{})
	if err != nil {
		return fmt.Errorf("%w: %v", err, rep.Problems)
	}
	gateways := o.gateways
	if o.sensors > 0 {
		gateways = append(gateways, "zigbee")
	}
	for _, id := range gateways {
		issued, err := a.Registry().IssueCredential(ctx, by, id)
		if err != nil {
			return err
		}
		w.keys[id] = issued.Password
	}
	_, err = a.Auth().AddPerson(ctx, auth.By{Reason: "bench"}, auth.NewPerson{
		Login: "guard", Name: "Bench", Roles: []auth.Role{auth.Guard}, Password: guardPassword,
	})
	return err
}

func siteDocument(o worldOptions) []byte {
	var d strings.Builder
	d.WriteString("version: 1\nzones:\n  - {id: yard, name: Yard, code: YRD, kind: yard}\ndevices:\n")
	for i, url := range o.cameras {
		fmt.Fprintf(&d, "  - {id: cam-%d, kind: rtsp, name: CAM-%d, zone: yard, config: {url: %q}}\n", i, i, url)
	}
	for _, id := range o.gateways {
		fmt.Fprintf(&d, "  - {id: %s, kind: mmdvm, name: %s, zone: yard, config: {topic: %s}}\n", id, id, id)
		for i := range radiosPer {
			fmt.Fprintf(&d, "  - {id: %s-%d, kind: radio, name: %s %d, zone: yard, parent: %s, child_key: %q}\n", id, i, id, i, id, fmt.Sprint(firstRadio+i))
		}
	}
	if o.sensors > 0 {
		d.WriteString("  - {id: zigbee, kind: zigbee2mqtt, name: Zigbee, zone: yard, config: {topic: zigbee2mqtt}}\n")
	}
	for i := range o.sensors {
		fmt.Fprintf(&d, "  - {id: door-%d, kind: contact, name: Door %d, zone: yard, parent: zigbee, child_key: door_%d}\n", i, i, i)
	}
	return []byte(d.String())
}

var upLine = regexp.MustCompile(`msg="siaga is up" dashboard=(\S+) mqtt=(\S+)`)

// start runs the program.
func (w *world) start(b *testing.B) {
	b.Helper()
	bin, err := build()
	must(b, err)
	log, err := os.Create(filepath.Join(w.dir, "log"))
	must(b, err)
	args := []string{"serve", "--config", w.config()}
	if prof := os.Getenv("SIAGA_BENCH_PROFILE"); prof != "" {
		args = append(args, "--cpu-profile", filepath.Join(prof, strings.NewReplacer("/", "-", "Benchmark", "siaga-").Replace(b.Name())+".prof"))
	}
	w.cmd = exec.Command(bin, args...)
	w.cmd.Stdout, w.cmd.Stderr = log, log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(b, w.cmd.Start())
	must(b, log.Close()) // the child has its own
	b.Cleanup(w.kill)
	poll(b, "start of the program", 60*time.Second, func() bool {
		raw, err := os.ReadFile(log.Name())
		must(b, err)
		m := upLine.FindSubmatch(raw)
		if m == nil && syscall.Kill(w.cmd.Process.Pid, 0) != nil {
			b.Fatalf("the program ended:\n%s", raw)
		}
		if m != nil {
			w.url, w.mqtt = string(m[1]), string(m[2])
		}
		return m != nil
	})
	must(b, onlyLoopback(strings.TrimPrefix(w.url, "http://")))
	must(b, onlyLoopback(strings.TrimPrefix(w.mqtt, "tcp://")))
}

func (w *world) signIn(b *testing.B) {
	b.Helper()
	resp, err := http.Post(w.url+"/api/v1/session", "application/json", strings.NewReader(fmt.Sprintf(`{"name":"guard","password":%q}`, guardPassword)))
	must(b, err)
	defer resp.Body.Close()
	var s struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil || s.Token == "" {
		b.Fatalf("signing in: %s %v", resp.Status, err)
	}
	w.token = s.Token
}

func (w *world) pid() int { return w.cmd.Process.Pid }

func (w *world) pids() []int { return []int{w.pid()} }

// kill ends the program as a power cut would. It may be called twice.
func (w *world) kill() {
	_ = w.cmd.Process.Kill() // it may be gone already
	_ = w.cmd.Wait()         // its exit is the point, not its code
}

// stop ends the program in order.
func (w *world) stop(b *testing.B) {
	b.Helper()
	must(b, w.cmd.Process.Signal(syscall.SIGTERM))
	if err := w.cmd.Wait(); err != nil {
		raw, _ := os.ReadFile(filepath.Join(w.dir, "log"))
		b.Fatalf("the program did not stop in order: %v\n%s", err, raw)
	}
}

// live opens the live channel as seen from an address of its own.
func (w *world) live(b *testing.B, from string) *websocket.Conn {
	b.Helper()
	if w.token == "" { // not before it is needed: hashing a password takes tens of MiB for a moment
		w.signIn(b)
	}
	h := http.Header{"Authorization": {"Bearer " + w.token}, "X-Forwarded-For": {from}}
	ws, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(w.url, "http")+"/api/v1/live", h)
	if err != nil {
		b.Fatalf("live channel: %v %v", err, resp)
	}
	return ws
}
