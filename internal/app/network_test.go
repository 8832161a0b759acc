package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"siaga/internal/registry"
)

// relay is the network between two programs. Cut is a pulled cable: nothing is forwarded or answered any more, and no
// side is told. Back serves new connections; the old ones stay silent for good, as after a firewall that forgot them.
type relay struct {
	l      net.Listener
	target string
	dark   atomic.Bool
	mu     sync.Mutex
	conns  []net.Conn
	age    int // connections of an earlier age stay silent
	wait   sync.WaitGroup
}

func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &relay{l: l, target: target}
	r.wait.Go(r.accept)
	t.Cleanup(func() {
		must(t, l.Close())
		r.mu.Lock()
		for _, c := range r.conns {
			_ = c.Close() // the other side may have
		}
		r.mu.Unlock()
		r.wait.Wait()
	})
	return r
}

func (r *relay) accept() {
	for {
		c, err := r.l.Accept()
		if err != nil {
			return
		}
		r.keep(c)
		if r.dark.Load() {
			continue // it is connected, and nobody will ever answer
		}
		out, err := net.Dial("tcp", r.target)
		if err != nil {
			_ = c.Close() // as a closed port would
			continue
		}
		age := r.keep(out)
		r.wait.Go(func() { r.pump(c, out, age) })
		r.wait.Go(func() { r.pump(out, c, age) })
	}
}

func (r *relay) keep(c net.Conn) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c)
	return r.age
}

func (r *relay) pump(to, from net.Conn, age int) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		r.mu.Lock()
		silent := age != r.age
		r.mu.Unlock()
		if silent && err == nil {
			continue // read and thrown away until the test closes it
		}
		if n > 0 {
			_, _ = to.Write(buf[:n]) // the next read fails
		}
		if err != nil {
			_ = to.Close() // both sides end together
			return
		}
	}
}

func (r *relay) cut() {
	r.dark.Store(true)
	r.mu.Lock()
	r.age++
	r.mu.Unlock()
}

func (r *relay) back() { r.dark.Store(false) }

// mosquitto is Debian's broker, keeping its sessions over a restart.
type mosquitto struct {
	t    *testing.T
	dir  string
	addr string
	cmd  *exec.Cmd
}

func newMosquitto(t *testing.T) *mosquitto {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	m := &mosquitto{t: t, dir: t.TempDir(), addr: l.Addr().String()}
	must(t, l.Close()) // it cannot pick a port itself
	_, port, err := net.SplitHostPort(m.addr)
	must(t, err)
	conf := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location %s/\nuser root\n", port, m.dir)
	must(t, os.WriteFile(filepath.Join(m.dir, "mosquitto.conf"), []byte(conf), 0o600))
	t.Cleanup(func() { m.stop() })
	return m
}

func (m *mosquitto) start() {
	m.t.Helper()
	m.cmd = exec.Command("mosquitto", "-c", filepath.Join(m.dir, "mosquitto.conf"))
	m.cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if _, err := exec.LookPath("mosquitto"); err != nil {
		m.cmd.Path, m.cmd.Err = "/usr/sbin/mosquitto", nil
	}
	must(m.t, m.cmd.Start())
	for {
		c, err := net.Dial("tcp", m.addr)
		if err == nil {
			must(m.t, c.Close())
			return
		}
	}
}

func (m *mosquitto) stop() {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	_ = m.cmd.Wait()                          // it is stopped in order or gone
	m.cmd = nil
}

// addGateway registers the radio gateway whose messages come over the outside broker.
func (s *site) addGateway(t *testing.T) {
	t.Helper()
	by := registry.By{Reason: "test"}
	_, err := s.registry.AddZone(t.Context(), by, registry.Zone{ID: "zona-ht", Name: "Zona HT", Kind: registry.ZoneRoom})
	must(t, err)
	d := registry.Device{
		ID: "ht-gateway", Kind: "mmdvm", Name: "Gateway HT", Zone: "zona-ht", Enabled: true, Config: json.RawMessage(`{"topic": "ht-gateway"}`),
	}
	_, err = s.registry.Register(t.Context(), by, d, nil)
	must(t, err)
}

// call publishes one radio check and reports whether the broker took it.
func call(client mqtt.Client, radio int) bool {
	text := fmt.Sprintf(`{"DMR":{"timestamp":%q,"source":"rf","action":"csbk","slot":2,"src_id":%d,"dst_id":9911,"group":"yes","src_info":"HT","csbk_desc":"Radio Check"}}`,
		time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), radio)
	tok := client.Publish("ht-gateway/json", 1, false, text)
	return tok.WaitTimeout(5*time.Second) && tok.Error() == nil
}

func publisher(t *testing.T, addr string) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("gateway").SetAutoReconnect(false))
	if tok := c.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatalf("the gateway cannot connect: %v", tok.Error())
	}
	return c
}

// brokerTimes is how often the outside broker goes down: twice, SIAGA_BROKER times in `make fault`.
func brokerTimes(t *testing.T) int {
	t.Helper()
	n := 2
	if s := os.Getenv("SIAGA_BROKER"); s != "" {
		var err error
		n, err = strconv.Atoi(s)
		must(t, err)
	}
	return n
}

// An outside broker goes down and comes back, over and over, while a gateway publishes. Each time the site says so and
// comes back by itself, and what the broker took is in the journal once.
func TestBroker_OutsideGoesDownAndComesBack(t *testing.T) {
	m := newMosquitto(t)
	m.start()
	cfg := testConfig(t)
	cfg.MQTT.URL, cfg.MQTT.Listen = "tcp://"+m.addr, ""
	s := startSite(t, cfg)
	s.addGateway(t)
	s.awaitEvent(t, "ht-gateway", "gateway.connected", "")
	var acked []string
	var worst time.Duration
	rounds := brokerTimes(t)
	radio := 1_000_000
	for n := range rounds {
		c := publisher(t, m.addr)
		for range 20 {
			if radio++; call(c, radio) {
				acked = append(acked, strconv.Itoa(radio))
			}
		}
		c.Disconnect(0)
		m.stop()
		s.await(t, "the loss of the broker", func() bool { return len(s.events(t, "ht-gateway", "gateway.lost")) > n })
		m.start()
		up := time.Now()
		s.await(t, "the session to come back", func() bool { return len(s.events(t, "ht-gateway", "gateway.connected")) > n+1 })
		worst = max(worst, time.Since(up))
	}
	heard := map[string]int{}
	s.await(t, "every message that the broker took", func() bool {
		clear(heard)
		for _, e := range s.events(t, "", "radio.csbk") {
			var b struct {
				Radio string `json:"src_id"`
			}
			must(t, json.Unmarshal(e.Body, &b))
			heard[b.Radio]++
		}
		return len(heard) >= len(acked)
	})
	for _, id := range acked {
		if heard[id] != 1 {
			t.Errorf("message %s is %d times in the journal", id, heard[id])
		}
	}
	report(t, "outside broker (mosquitto) down and up", rounds, fmt.Sprintf("%d messages; session back %s after the broker at worst", len(acked), worst.Round(time.Millisecond)))
}

// The cables of camera and broker are pulled: no reset, no answer, half-open sockets. The site sees both by itself, comes
// back when they do, and stops in order while they are pulled.
func TestNetwork_HalfOpenSocketsAreSeenAndHangNothing(t *testing.T) {
	m := newMosquitto(t)
	m.start()
	cameras, _ := startCameras(t, "kabel")
	broker, lens := newRelay(t, m.addr), newRelay(t, hostOf(cameras.URL("kabel")))
	cfg := testConfig(t)
	cfg.MQTT.URL, cfg.MQTT.Listen = "tcp://"+broker.l.Addr().String(), ""
	s := startSite(t, cfg)
	s.addGateway(t)
	s.awaitEvent(t, "ht-gateway", "gateway.connected", "")
	s.addCamera(t, "kabel", cameras, cameraPassword)
	s.changeCamera(t, "kabel", "rtsp://"+lens.l.Addr().String()+"/kabel", "")
	s.recording(t, "kabel")
	had := len(s.events(t, "kabel", "camera.lost"))
	cut := time.Now()
	broker.cut()
	lens.cut()
	var seen [2]time.Duration
	s.await(t, "both losses", func() bool {
		for i, lost := range [...]bool{len(s.events(t, "ht-gateway", "gateway.lost")) > 0, len(s.events(t, "kabel", "camera.lost")) > had} {
			if lost && seen[i] == 0 {
				seen[i] = time.Since(cut)
			}
		}
		return seen[0] > 0 && seen[1] > 0
	})
	broker.back()
	lens.back()
	healed := time.Now()
	s.await(t, "the broker's session", func() bool { return len(s.events(t, "ht-gateway", "gateway.connected")) > 1 })
	s.recording(t, "kabel")
	back := time.Since(healed)
	broker.cut()
	lens.cut()
	began := time.Now()
	must(t, s.stop())
	report(t, "cables of broker and camera pulled", 1, fmt.Sprintf("seen after %s and %s, back %s, stop while pulled %s",
		seen[0].Round(100*time.Millisecond), seen[1].Round(100*time.Millisecond), back.Round(100*time.Millisecond), time.Since(began).Round(time.Millisecond)))
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Host
}

// report adds a line to the table of `make fault`.
func report(t *testing.T, what string, n int, worst string) {
	t.Helper()
	line := fmt.Sprintf("%s\t%d\t0\t0\t%s\n", what, n, worst)
	t.Log(line)
	file := os.Getenv("SIAGA_FAULT_TABLE")
	if file == "" || t.Failed() {
		return
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(t, err)
	_, err = io.WriteString(f, line)
	must(t, err)
	must(t, f.Close())
}
