package faults

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"siaga/internal/faultdisk"
)

// built is where binary put it.
var built string

// binary builds the program once; it goes with TestMain.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "siaga-fault-bin-")
	if err != nil {
		return "", err
	}
	built = dir
	bin := filepath.Join(dir, "siaga")
	out, err := exec.Command("go", "build", "-tags", "sqlite_fts5", "-o", bin, "siaga/cmd/siaga").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("building: %w\n%s", err, out)
	}
	return bin, err
})

// demo is the whole program, with six cameras, on a disk that can fail.
type demo struct {
	t    *testing.T
	disk *faultdisk.Disk
	dir  string
	bin  string
	cmd  *exec.Cmd
	log  bytes.Buffer
	url  string
	done chan error
}

func startDemo(t *testing.T, capacity int64) *demo {
	t.Helper()
	bin, err := binary()
	must(t, err)
	d := &demo{t: t, disk: faultdisk.New(capacity), dir: t.TempDir(), bin: bin, done: make(chan error, 1)}
	must(t, d.disk.Mount(d.dir))
	t.Cleanup(func() {
		d.kill()
		if err := d.disk.Unmount(); err != nil {
			t.Error(err)
		}
	})
	d.cmd = exec.Command(bin, "demo", "--dir", d.dir, "--listen", "127.0.0.1:0", "--quiet")
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, d.cmd.Start())
	go func() { d.done <- d.cmd.Wait() }()
	d.until("the demo to be ready", time.Minute, func() bool {
		raw, err := d.disk.ReadFile("demo.json")
		var c struct{ URL string }
		if err != nil || json.Unmarshal(raw, &c) != nil {
			return false
		}
		d.url = c.URL
		return true
	})
	return d
}

func (d *demo) kill() {
	_ = d.cmd.Process.Kill() // it may be gone already
	if d.done != nil {
		<-d.done
		d.done = nil
	}
}

// until waits for the running program.
func (d *demo) until(what string, long time.Duration, cond func() bool) time.Duration {
	d.t.Helper()
	began := time.Now()
	for !cond() {
		select {
		case err := <-d.done:
			d.done = nil
			d.t.Fatalf("the program ended (%v) before %s:\n%s", err, what, tail(d.log.String()))
		default:
		}
		if time.Since(began) > long {
			d.t.Fatalf("not within %s: %s\n%s", long, what, tail(d.log.String()))
		}
		time.Sleep(50 * time.Millisecond) // another process
	}
	return time.Since(began)
}

// stop ends the program in order and proves its data.
func (d *demo) stop() {
	d.t.Helper()
	must(d.t, d.cmd.Process.Signal(syscall.SIGTERM))
	if err := <-d.done; err != nil {
		d.t.Errorf("it did not stop in order: %v\n%s", err, tail(d.log.String()))
	}
	d.done = nil
	out, err := exec.Command(d.bin, "check", "--hashes", "--config", filepath.Join(d.dir, "siaga.yaml")).CombinedOutput()
	if err != nil {
		d.t.Errorf("check: %v\n%s", err, out)
	}
}

// one reads one number from the database, 0 if it cannot be read. The disk is served by this process, so another
// process reads for it.
func (d *demo) one(query string) (n int) {
	c := command("query", d.dir)
	c.Env = append(c.Env, "SIAGA_FAULT_QUERY="+query)
	out, err := c.Output()
	if err != nil {
		return 0
	}
	_, _ = fmt.Sscan(string(out), &n) // not a number is 0
	return n
}

// runQuery prints one number.
func runQuery(dir string) error {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "data", "siaga.db")+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		return err
	}
	defer db.Close()
	var n sql.NullInt64
	if err := db.QueryRow(os.Getenv("SIAGA_FAULT_QUERY")).Scan(&n); err != nil {
		return err
	}
	fmt.Println(n.Int64)
	return nil
}

// answers reports whether the front door answers within ten seconds.
func (d *demo) answers() bool {
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+"/healthz", nil)
	must(d.t, err)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	must(d.t, res.Body.Close())
	return res.StatusCode == http.StatusOK
}

const (
	events   = `SELECT max(seq) FROM events`
	segments = `SELECT count(*) FROM segments`
	diskGaps = `SELECT count(*) FROM gaps WHERE reason = 'disk_full'`
	openFull = `SELECT count(*) FROM gaps WHERE reason = 'disk_full' AND "end" IS NULL`
	alarms   = `SELECT count(*) FROM events WHERE kind = 'alert.raised' AND CAST(body AS TEXT) LIKE '%sistem.cakram%'`
	troubles = `SELECT count(*) FROM events WHERE kind = 'worker.failed'`
)

// The disk of the whole program fills up to the last byte, all of it with what cannot be deleted. Video stops with a
// gap that says why, events go on from the reserve, an alert is raised; when there is room again, video and reserve come
// back by themselves.
func TestProgram_OnAFullDiskKeepsItsEvents(t *testing.T) {
	const size = 8 << 30
	d := startDemo(t, size)
	d.until("video of all cameras", time.Minute, func() bool { return d.disk.Has("data/segments/", 6) })
	d.disk.Occupy(size - d.disk.Used()) // full, whatever is deleted
	d.until("a gap for the full disk", 45*time.Second, func() bool { return d.one(diskGaps) >= 6 })
	before := d.one(events)
	d.until("events on the full disk", 45*time.Second, func() bool { return d.one(events) > before+5 })
	d.until("an alert", 30*time.Second, func() bool { return d.one(alarms) > 0 })
	if !d.answers() {
		t.Error("the front door does not answer")
	}
	d.disk.Occupy(0)
	back := d.until("video to go on", 60*time.Second, func() bool { return d.one(openFull) == 0 })
	d.until("the reserve to be filled again", 60*time.Second, func() bool { return d.disk.Has("data/reserve", 1) })
	d.stop()
	tell(t, "whole program on a full disk", 1, 0, 0, fmt.Sprintf("events went on; video back %s after there was room", back.Round(100*time.Millisecond)))
}

// The disk of the whole program gives errors for five seconds, then is slow. The program lives through both, and says
// afterwards that its journal could not be written.
func TestProgram_LivesThroughADiskOfErrorsAndASlowOne(t *testing.T) {
	d := startDemo(t, 0)
	d.until("video", time.Minute, func() bool { return d.disk.Has("data/segments/", 6) })
	d.disk.Inject(&faultdisk.Fault{In: "/data/", Err: syscall.EIO})
	time.Sleep(5 * time.Second)
	d.disk.Heal()
	before := 0
	back := d.until("events after the errors", 30*time.Second, func() bool {
		n := d.one(events)
		if before == 0 {
			before = n
		}
		return before > 0 && n > before+5
	})
	d.until("an event that says so", 30*time.Second, func() bool { return d.one(troubles) > 0 })
	d.disk.Inject(&faultdisk.Fault{Op: faultdisk.Sync, Delay: 1500 * time.Millisecond})
	time.Sleep(8 * time.Second)
	if !d.answers() {
		t.Error("the front door does not answer on a slow disk")
	}
	d.disk.Heal()
	before = d.one(segments)
	d.until("video files to be closed again", 90*time.Second, func() bool { return d.one(segments) > before })
	d.stop()
	tell(t, "whole program: disk errors 5 s, fsync of 1.5 s", 1, 0, 0, fmt.Sprintf("events back after %s", back.Round(100*time.Millisecond)))
}
