package main_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	_ "github.com/mattn/go-sqlite3"
)

// kills is how often the program is killed: 3 in `make test`, SIAGA_KILLS elsewhere (`make fault` says 200).
func kills(t *testing.T) int {
	t.Helper()
	s := os.Getenv("SIAGA_KILLS")
	if s == "" {
		return 3
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1000 {
		t.Fatalf("SIAGA_KILLS=%q: want 1 to 1000", s)
	}
	return n
}

// build compiles the program once per test binary.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "siaga-bin-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "siaga")
	out, err := exec.Command("go", "build", "-tags", "sqlite_fts5", "-o", bin, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// program is a running siaga.
type program struct {
	cmd *exec.Cmd
	log *bytes.Buffer
}

// credentials is what demo.json gives to scripts.
type credentials struct {
	URL   string `json:"url"`
	MQTT  string `json:"mqtt"`
	Users []struct {
		Name, Role, Password string
	} `json:"users"`
	Devices []struct {
		ID       string `json:"id"`
		Topic    string `json:"topic"`
		User     string `json:"mqtt_user"`
		Password string `json:"mqtt_password"`
	} `json:"devices"`
	Cameras []struct{ ID string } `json:"cameras"`
}

func (c credentials) gateway(t testing.TB, id string) (topic, user, password string) {
	t.Helper()
	for _, d := range c.Devices {
		if d.ID == id {
			return d.Topic, d.User, d.Password
		}
	}
	t.Fatalf("demo.json has no device %q", id)
	return "", "", ""
}

// startDemo starts the demo on a directory and waits until it says that it is ready.
func startDemo(t testing.TB, bin, dir string) (*program, credentials) {
	t.Helper()
	ready := filepath.Join(dir, "demo.json")
	_ = os.Remove(ready) // of an earlier start
	p := &program{log: &bytes.Buffer{}}
	p.cmd = exec.Command(bin, "demo", "--dir", dir, "--listen", "127.0.0.1:0", "--quiet")
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		raw, err := os.ReadFile(ready)
		var c credentials
		if err == nil && json.Unmarshal(raw, &c) == nil {
			return p, c
		}
		if p.cmd.ProcessState != nil || syscall.Kill(p.cmd.Process.Pid, 0) != nil {
			break
		}
		time.Sleep(20 * time.Millisecond) // polling another process's file
	}
	p.kill()
	t.Fatalf("the demo was not ready within 60 s:\n%s", p.log)
	return nil, credentials{}
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	_ = p.cmd.Wait()         // its exit is the point, not its code
}

// stop asks the program to end in order.
func (p *program) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("the program did not stop in order: %v\n%s", err, p.log)
	}
}

// publisher is a radio gateway outside the program that counts what the broker took.
type publisher struct {
	mu    sync.Mutex
	acked []int // radio ids whose message was acknowledged by the broker
	next  int
}

// alarmEvery is how many messages bring one emergency. Each comes from a radio never heard before, and a rule remembers
// 10,000 keys apart: a load of emergencies alone would measure that bound instead of the path.
const alarmEvery, maxAlarms = 8, 9_000

// alarm tells whether the message of a radio id is an emergency; the others are radio checks, which raise nothing.
func alarm(id int) bool {
	return id%alarmEvery == 0 && id/alarmEvery <= (firstRadio/alarmEvery)+maxAlarms
}

const firstRadio = 1_000_000

// load publishes for ever new radios until ctx ends. One in flight at a time per worker, so that every acknowledgement
// names one message.
func (p *publisher) load(ctx context.Context, t *testing.T, c credentials, workers int) {
	topic, user, password := c.gateway(t, "ht-gateway-2")
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			o := mqtt.NewClientOptions().AddBroker(c.MQTT).SetClientID(fmt.Sprintf("load-%d-%d", os.Getpid(), w)).
				SetUsername(user).SetPassword(password).SetAutoReconnect(false).SetConnectTimeout(2 * time.Second)
			client := mqtt.NewClient(o)
			if tok := client.Connect(); !tok.WaitTimeout(3*time.Second) || tok.Error() != nil {
				return // the program is dying; the next round connects anew
			}
			defer client.Disconnect(0)
			for ctx.Err() == nil && client.IsConnectionOpen() {
				p.mu.Lock()
				p.next++
				id := firstRadio + p.next
				p.mu.Unlock()
				tok := client.Publish(topic, 1, false, csbk(id, word(id), time.Now()))
				if !tok.WaitTimeout(2*time.Second) || tok.Error() != nil {
					return
				}
				p.mu.Lock()
				p.acked = append(p.acked, id)
				p.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func word(id int) string {
	if alarm(id) {
		return "Call Emergency"
	}
	return "Radio Check"
}

func csbk(radio int, word string, at time.Time) string {
	return fmt.Sprintf(`{"DMR":{"timestamp":%q,"source":"rf","action":"csbk","slot":2,"src_id":%d,"dst_id":9911,"group":"yes","src_info":"HT %d","csbk_desc":%q}}`,
		at.UTC().Format("2006-01-02T15:04:05.000Z"), radio, radio, word)
}

// The whole program, embedded broker included, is killed over and over while a gateway outside publishes radio checks
// and emergencies, and a leader writes notes. Every message that the broker acknowledged and every note that was answered
// is in the journal once, every emergency has exactly one alert and nothing else has any, the log is intact and every
// video file plays.
func TestKill9_LosesNothingAcknowledged(t *testing.T) {
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var pub publisher
	var leader writer
	rounds := kills(t)
	for n := range rounds {
		p, c := startDemo(t, bin, dir)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(500+rand.IntN(2500))*time.Millisecond)
		done := make(chan struct{})
		go func() { pub.load(ctx, t, c, 4); close(done) }()
		wrote := make(chan struct{})
		go func() { leader.write(ctx, c); close(wrote) }()
		<-ctx.Done()
		p.kill()
		cancel()
		<-done
		<-wrote
		t.Logf("round %d: %d messages and %d acts acknowledged so far", n+1, len(pub.acked), len(leader.acked))
	}
	p, _ := startDemo(t, bin, dir)
	waitJudged(t, dir, pub.acked)
	p.stop(t)
	if out, err := exec.Command(bin, "check", "--hashes", "--config", filepath.Join(dir, "siaga.yaml")).CombinedOutput(); err != nil {
		t.Fatalf("check: %v\n%s", err, out)
	}
	compare(t, "kill -9 of the whole program", rounds, dir, pub.acked)
	leader.compare(t, dir)
	playAll(t, dir)
}

func openData(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "data", "siaga.db")+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// waitJudged waits until the last acknowledged emergency has its alert.
func waitJudged(t *testing.T, dir string, acked []int) {
	t.Helper()
	if len(acked) == 0 {
		t.Fatal("nothing was acknowledged; the load never got through")
	}
	db := openData(t, dir)
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		var lag int
		err := db.QueryRow(`SELECT (SELECT count(*) FROM events WHERE kind = 'radio.emergency') - (SELECT count(*) FROM events WHERE kind = 'alert.raised' AND json_extract(CAST(body AS TEXT), '$.alert.code') = 'ht.panik')`).Scan(&lag)
		if err == nil && lag <= 0 && len(heard(t, db)) >= len(acked) {
			return
		}
		time.Sleep(100 * time.Millisecond) // polling another process's database
	}
	t.Log("not everything was judged within 30 s; comparing all the same")
}

// heard counts each radio's messages in the journal, repeats of the broker left out.
func heard(t *testing.T, db *sql.DB) map[int]int {
	t.Helper()
	return tally(t, db, `SELECT json_extract(CAST(body AS TEXT), '$.src_id') AS id, count(*) FROM events
		WHERE kind IN ('radio.emergency', 'radio.csbk') AND id > 1000000 AND json_extract(CAST(body AS TEXT), '$.repeat_of') IS NULL GROUP BY 1`)
}

// compare holds the acknowledged ids against the journal and its alerts.
func compare(t *testing.T, what string, times int, dir string, acked []int) {
	t.Helper()
	db := openData(t, dir)
	events := heard(t, db)
	alerts := tally(t, db, `SELECT json_extract(CAST(e.body AS TEXT), '$.src_id'), count(*) FROM events a
		JOIN events e ON e.seq = json_extract(CAST(a.body AS TEXT), '$.alert.cause_seq')
		WHERE a.kind = 'alert.raised' AND e.kind = 'radio.emergency' GROUP BY 1`)
	lost, doubled, wrong := 0, 0, 0
	for _, id := range acked {
		switch events[id] {
		case 0:
			lost++
		case 1:
		default:
			doubled++
		}
		want := 0
		if alarm(id) {
			want = 1
		}
		if alerts[id] != want {
			wrong++
		}
	}
	t.Logf("%d acknowledged, %d in the journal, %d with an alert", len(acked), len(events), len(alerts))
	tabulate(t, fmt.Sprintf("%s\t%d\t%d\t0\t%d facts, %d twice, %d alerts wrong\n", what, times, lost, len(acked), doubled, wrong))
	if lost > 0 || doubled > 0 || wrong > 0 {
		t.Errorf("%d lost, %d journaled twice, %d with another number of alerts than they call for", lost, doubled, wrong)
	}
}

// tabulate adds a line to the table of `make fault`.
func tabulate(t *testing.T, line string) {
	t.Helper()
	file := os.Getenv("SIAGA_FAULT_TABLE")
	if file == "" {
		return
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(line)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Error(err)
	}
}

func tally(t *testing.T, db *sql.DB, query string) map[int]int {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[int]int{}
	for rows.Next() {
		var id, n int
		if err := rows.Scan(&id, &n); err != nil {
			t.Fatal(err)
		}
		out[id] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// keep saves a file from the end of the test, where SIAGA_KEEP names a folder.
func keep(t *testing.T, path string) {
	t.Helper()
	to := os.Getenv("SIAGA_KEEP")
	if to == "" {
		return
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(filepath.Join(to, filepath.Base(path)), raw, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// playAll decodes every video file that the program left.
func playAll(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(filepath.Join(dir, "data", "segments"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		if !strings.HasSuffix(path, ".mp4") {
			return fmt.Errorf("%s was left behind", path)
		}
		files++
		out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-i", path, "-f", "null", "-").CombinedOutput()
		if err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("%s does not play (%v): %.300q", path, err, out)
			keep(t, path)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	t.Logf("%d video files play", files)
	if files == 0 {
		t.Error("no video was recorded")
	}
}
