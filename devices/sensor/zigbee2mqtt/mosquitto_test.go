package zigbee2mqtt

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"siaga/devices"
	"siaga/devices/devicetest"
)

// mosquitto starts Debian's broker as a process of its own until the test ends.
func mosquitto(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	_ = l.Close() // mosquitto cannot pick a port itself
	conf := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "listener %d 127.0.0.1\nallow_anonymous true\n", addr.Port), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // not on every user's PATH in Debian
	}
	cmd := exec.Command(path, "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting mosquitto: %v (apt install mosquitto)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", addr.String())
		if err == nil {
			_ = conn.Close()
			return "tcp://" + addr.String()
		}
		if time.Now().After(deadline) {
			t.Fatalf("mosquitto does not listen: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // polling another process: nothing to wait on
	}
}

func TestWholePath_ThroughMosquitto(t *testing.T) {
	url := mosquitto(t)
	gw := devicetest.MustDial(t, &devices.Link{URL: url, ClientID: "z2m", Username: "z2m", Password: "x"})
	send := func(topic, raw string, f devicetest.Flags) {
		t.Helper()
		if err := gw.Publish("zigbee2mqtt/"+topic, []byte(raw), f); err != nil {
			t.Fatal(err)
		}
	}
	keep, once := devicetest.Flags{QoS: 1, Retain: true}, devicetest.Flags{QoS: 1}
	send("bridge/state", `{"state":"online"}`, keep)
	send("bridge/devices", string(payload(t, "bridge-devices")), keep)
	send("asap", `{"smoke":true}`, keep)
	send("pir", `{"occupancy":true}`, keep)

	settings := devices.Settings{ID: "zb", Config: json.RawMessage(`{"topic":"zigbee2mqtt"}`), Link: &devices.Link{URL: url, ClientID: "siaga-zb", Username: "siaga", Password: "x"}}
	dev := devicetest.Make(t, Driver(), settings)
	host := devicetest.NewHost()
	run := devicetest.Start(t, dev, host)
	for kind, body := range map[string]string{
		"gateway.online": `{"baseline":true,"state":"online"}`,
		"smoke.detected": `{"baseline":true,"name":"asap","smoke":true}`,
	} {
		if o := host.Await(t, kind); string(o.Body) != body {
			t.Errorf("%s: %s; want %s", kind, o.Body, body)
		}
	}
	host.Await(t, "sensor.inventory")

	send("pintu", string(payload(t, "zigbee2mqtt-contact")), once)
	if o := host.Await(t, "door.opened"); o.Child != "pintu" || o.Duplicate == "" || o.MessageID == "" {
		t.Errorf("door.opened: %+v", o.Reading)
	}
	run.Stop(t)
	for _, o := range host.Seen() {
		if o.Kind == "motion.detected" {
			t.Errorf("a kept movement became an event: %s", o.Body)
		}
	}

	// While nobody listens, the door is closed: the kept session delivers it.
	send("pintu", `{"contact":true}`, once)
	again := devicetest.NewHost()
	run = devicetest.Start(t, dev, again)
	if o := again.Await(t, "door.closed"); string(o.Body) != `{"contact":true,"name":"pintu","previous":false}` {
		t.Errorf("door.closed: %s", o.Body)
	}
	send("gateway is gone/availability", `offline`, keep)
	again.Await(t, "sensor.offline")
	run.Stop(t)
}
