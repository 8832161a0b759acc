package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/gorilla/websocket"
)

// soakTime is how long the site is worked: 15 s in `make test`, SIAGA_SOAK elsewhere (`make soak` says 10m).
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	s := os.Getenv("SIAGA_SOAK")
	if s == "" {
		return 15 * time.Second
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second || d > 14*24*time.Hour {
		t.Fatalf("SIAGA_SOAK=%q: want 1s to 336h, as 10m or 8h", s)
	}
	return d
}

// session is a signed-in script of some role.
type session struct {
	url, token string
}

func signIn(t *testing.T, c credentials, role string) session {
	t.Helper()
	s, err := enter(c, role)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// enter signs in as the person of the demo who has a role.
func enter(c credentials, role string) (session, error) {
	for _, u := range c.Users {
		if u.Role != role {
			continue
		}
		var in struct{ Token string }
		err := session{url: c.URL}.call(http.MethodPost, "/api/v1/session", map[string]string{"name": u.Name, "password": u.Password}, &in)
		if err == nil && in.Token == "" {
			err = fmt.Errorf("signing in as %s: no token", role)
		}
		return session{c.URL, in.Token}, err
	}
	return session{}, fmt.Errorf("the demo has no %s", role)
}

// call asks the API and reads the answer into out (nil throws it away).
func (s session) call(method, path string, body, out any) error {
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, s.url+path, in)
	if err != nil {
		return err
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s %s", method, path, resp.Status, raw)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// vitals are what must stay flat.
type vitals struct {
	at                     time.Duration
	rss, goroutines, files float64
}

func (s session) vitals(t *testing.T, since time.Time) (vitals, bool) {
	t.Helper()
	resp, err := http.Get(s.url + "/metrics")
	if err != nil {
		t.Errorf("metrics: %v", err)
		return vitals{}, false
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("metrics: %v", err)
		return vitals{}, false
	}
	value := func(name string) float64 {
		for line := range strings.Lines(string(page)) {
			if rest, ok := strings.CutPrefix(line, name+" "); ok {
				v, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
				return v
			}
		}
		t.Errorf("no figure %s", name)
		return 0
	}
	return vitals{
		time.Since(since), value("process_resident_memory_bytes") / (1 << 20), value("go_goroutines"), value("process_open_fds"),
	}, true
}

// trouble is one random fault; it ends what it began.
func trouble(t *testing.T, p *program, c credentials, tech session) string {
	cameras := []string{"mjn-gdb-01", "mjn-gbg-01", "mjn-bkm-01"}
	camera := cameras[rand.IntN(len(cameras))]
	because := map[string]string{"reason": "uji ketahanan"}
	switch rand.IntN(5) {
	case 0: // somebody switches a camera off and on
		for _, act := range []string{"disable", "enable"} {
			if err := tech.call(http.MethodPost, "/api/v1/devices/"+camera+"/"+act, because, nil); err != nil {
				t.Errorf("%s: %v", act, err)
			}
		}
		return "camera off and on"
	case 1: // the machine stalls
		_ = p.cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(time.Duration(200+rand.IntN(1500)) * time.Millisecond) // the stall is the fault
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		return "stall"
	case 2: // a gateway floods, partly with what nobody can read
		flood(c, 300)
		return "flood"
	case 3: // screens come, do not read, and go
		for range 10 {
			ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(c.URL, "http")+"/api/v1/live?after=1", http.Header{"Authorization": {"Bearer " + tech.token}})
			if err == nil {
				_ = ws.NetConn().Close() // without a word
			}
		}
		return "screens torn off"
	default: // a wizard tries an address where nothing is
		var found struct{ OK bool }
		err := tech.call(http.MethodPost, "/api/v1/devices/probe", map[string]any{"driver": "rtsp", "config": map[string]string{"url": "rtsp://127.0.0.1:1/x"}}, &found)
		if err != nil || found.OK {
			t.Errorf("probing nothing: %v, ok %v", err, found.OK)
		}
		return "probe of nothing"
	}
}

func flood(c credentials, n int) {
	for _, d := range c.Devices {
		if d.ID != "ht-gateway-2" {
			continue
		}
		client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(c.MQTT).SetClientID("soak").SetUsername(d.User).SetPassword(d.Password).SetAutoReconnect(false))
		if tok := client.Connect(); !tok.WaitTimeout(5*time.Second) || tok.Error() != nil {
			return
		}
		for i := range n {
			payload := csbk(2_000_000+i, "Radio Check", time.Now())
			if i%10 == 0 {
				payload = payload[:len(payload)/2]
			}
			client.Publish(d.Topic, byte(i%2), false, payload)
		}
		client.Disconnect(500)
	}
}

// A whole site is worked for a while with random faults. Memory, goroutines and open files stay flat, every second of
// every camera is recorded or explained, and the log is intact afterwards.
func TestSoak_StaysFlatAndExplainsEverySecond(t *testing.T) {
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p, c := startDemo(t, bin, dir)
	defer p.kill()
	began := time.Now()
	long := soakTime(t)
	tech := signIn(t, c, "technician")
	var seen []vitals
	faults := map[string]int{}
	for every := max(long/60, 2*time.Second); time.Since(began) < long; {
		faults[trouble(t, p, c, tech)]++
		time.Sleep(every) // the soak is time passing
		if v, ok := tech.vitals(t, began); ok {
			seen = append(seen, v)
		}
	}
	explained(t, tech, c, began)
	flat(t, seen, long)
	p.stop(t)
	t.Logf("%s with faults %v", long, faults)
	out, err := exec.Command(bin, "check", "--hashes", "--config", filepath.Join(dir, "siaga.yaml")).CombinedOutput()
	if err != nil {
		t.Fatalf("check: %v\n%s", err, out)
	}
	used, rows := sizes(t, dir)
	t.Logf("%.1f MiB of video, %.1f MiB of database for %d events", used.video, used.database, rows)
}

// explained holds the recorded files and the gaps of every camera against the time that passed.
func explained(t *testing.T, s session, c credentials, began time.Time) {
	t.Helper()
	type span struct{ from, to time.Time }
	from, to := began.Add(time.Second), time.Now().Add(-5*time.Second) // parts still in memory are neither yet
	if !to.After(from) {
		t.Fatal("the soak is too short to say anything")
	}
	query := fmt.Sprintf("?stream=main&from=%s&to=%s", from.UTC().Format("2006-01-02T15:04:05.000Z"), to.UTC().Format("2006-01-02T15:04:05.000Z"))
	cameras := 0
	for _, cam := range c.Cameras {
		var segments struct {
			Items []struct{ Start, End time.Time }
		}
		var gaps struct {
			Items []struct {
				From, To time.Time
				Reason   string
			}
		}
		for path, out := range map[string]any{"segments": &segments, "gaps": &gaps} {
			if err := s.call(http.MethodGet, "/api/v1/cameras/"+cam.ID+"/"+path+query, nil, out); err != nil {
				t.Fatal(err)
			}
		}
		var spans []span
		for _, x := range segments.Items {
			spans = append(spans, span{x.Start, x.End})
		}
		for _, x := range gaps.Items {
			if x.Reason == "unknown" {
				t.Errorf("%s: a gap without a reason from %s", cam.ID, x.From)
			}
			if x.To.IsZero() {
				x.To = to
			}
			spans = append(spans, span{x.From, x.To})
		}
		slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
		at, missing := from, time.Duration(0)
		for _, x := range spans {
			if d := x.from.Sub(at); d > 0 {
				missing += d
			}
			if x.to.After(at) {
				at = x.to
			}
		}
		missing += max(to.Sub(at), 0)
		if missing > slackOf(len(spans)) {
			t.Errorf("%s: %s of %s neither recorded nor explained: %v", cam.ID, missing, to.Sub(from), spans)
		}
		cameras++
	}
	t.Logf("%d cameras: every second of %s is recorded or explained", cameras, to.Sub(from).Round(time.Second))
}

// slackOf is what may lie between neighbours: the rounding of both to milliseconds.
func slackOf(spans int) time.Duration { return time.Duration(spans+1) * 2 * time.Millisecond }

// flat compares the last third of a soak with the one before; what grows without end shows between them.
func flat(t *testing.T, seen []vitals, long time.Duration) {
	t.Helper()
	if len(seen) < 3 {
		t.Fatalf("only %d looks at the figures", len(seen))
	}
	third := len(seen) / 3
	mean := func(part []vitals, of func(vitals) float64) float64 {
		sum := 0.0
		for _, v := range part {
			sum += of(v)
		}
		return sum / float64(len(part))
	}
	for _, x := range []struct {
		name  string
		of    func(vitals) float64
		spare float64 // a collection or a few connections more or less
	}{
		{"MiB resident", func(v vitals) float64 { return v.rss }, 48},
		{"goroutines", func(v vitals) float64 { return v.goroutines }, 60},
		{"open files", func(v vitals) float64 { return v.files }, 40},
	} {
		before, after := mean(seen[third:2*third], x.of), mean(seen[len(seen)-third:], x.of)
		apart := mean(seen[len(seen)-third:], func(v vitals) float64 { return v.at.Hours() }) - mean(seen[third:2*third], func(v vitals) float64 { return v.at.Hours() })
		t.Logf("%s: %.0f, then %.0f; %+.1f an hour", x.name, before, after, (after-before)/math.Max(apart, 1e-9))
		if long >= 5*time.Minute && after > before*1.15+x.spare {
			t.Errorf("%s grows: %.0f, then %.0f", x.name, before, after)
		}
	}
}

type usage struct{ video, database float64 }

// sizes measures what the soak left, in MiB, and counts the events.
func sizes(t *testing.T, dir string) (usage, int) {
	t.Helper()
	var u usage
	err := filepath.Walk(filepath.Join(dir, "data"), func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		switch {
		case strings.HasSuffix(path, ".mp4"):
			u.video += float64(info.Size()) / (1 << 20)
		case strings.HasPrefix(filepath.Base(path), "siaga.db"):
			u.database += float64(info.Size()) / (1 << 20)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := openData(t, dir).QueryRow(`SELECT count(*) FROM events`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return u, n
}
