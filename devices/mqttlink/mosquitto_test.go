package mqttlink_test

import (
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

// mosquitto is Debian's broker as a process of its own, to prove that a link works with a broker that we
// did not write.
type mosquitto struct {
	t    testing.TB
	dir  string
	port int
	cmd  *exec.Cmd
}

func newMosquitto(t testing.TB) *mosquitto {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mosquitto{t: t, dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port}
	_ = l.Close() // mosquitto cannot pick a port itself
	if err := os.Chmod(m.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous false\npassword_file %s\nacl_file %s\npersistence true\npersistence_location %s/\nuser %s\n",
		m.port, filepath.Join(m.dir, "passwords"), filepath.Join(m.dir, "acl"), m.dir, "root")
	m.file("mosquitto.conf", conf)
	m.file("acl", "user siaga\ntopic readwrite #\nuser ht\ntopic write mmdvm/#\n")
	m.file("passwords", "")
	for _, user := range []string{"siaga", "ht"} {
		if out, err := exec.Command("mosquitto_passwd", "-b", filepath.Join(m.dir, "passwords"), user, "secret-"+user).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd: %v: %s (apt install mosquitto)", err, out)
		}
	}
	m.start()
	t.Cleanup(m.kill)
	return m
}

func (m *mosquitto) file(name, text string) {
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *mosquitto) start() {
	m.t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // not on every user's PATH in Debian
	}
	m.cmd = exec.Command(path, "-c", filepath.Join(m.dir, "mosquitto.conf"))
	if err := m.cmd.Start(); err != nil {
		m.t.Fatalf("starting mosquitto: %v (apt install mosquitto)", err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", m.port))
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("mosquitto does not listen: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // polling another process: nothing to wait on
	}
}

// stop ends it in order, so that it saves its sessions.
func (m *mosquitto) stop() {
	_ = m.cmd.Process.Signal(os.Interrupt)
	_ = m.cmd.Wait()
}

func (m *mosquitto) kill() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
}

func (m *mosquitto) link(user, clientID string) *devices.Link {
	return &devices.Link{URL: fmt.Sprintf("tcp://127.0.0.1:%d", m.port), ClientID: clientID, Username: user, Password: "secret-" + user}
}

func (m *mosquitto) gateway() *devicetest.Client {
	return devicetest.MustDial(m.t, m.link("ht", "gw"))
}
