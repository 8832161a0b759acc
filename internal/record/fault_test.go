package record

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"siaga/internal/watch"
)

// breakage makes one kind of file operation fail while it is on, or at one call of it.
type breakage struct {
	on   atomic.Bool
	only int64 // 0, or which call while it is on
	seen atomic.Int64
	hit  atomic.Int64
	err  error
}

func (b *breakage) fails() error {
	if !b.on.Load() {
		return nil
	}
	if n := b.seen.Add(1); b.only != 0 && n != b.only {
		return nil
	}
	b.hit.Add(1)
	return b.err
}

// seam is a file operation and how to break it.
type seam struct {
	name  string
	plant func(d *disk, b *breakage)
}

// faults lists every seam on a frame's way to the medium.
var faults = []seam{
	{"create", func(d *disk, b *breakage) {
		real := d.create
		d.create = func(path string) (*os.File, error) {
			if err := b.fails(); err != nil {
				return nil, err
			}
			return real(path)
		}
	}},
	{"write", func(d *disk, b *breakage) {
		real := d.writeAt
		d.writeAt = func(f *os.File, p []byte, off int64) (int, error) {
			if err := b.fails(); err != nil {
				return 0, err
			}
			return real(f, p, off)
		}
	}},
	{"short write", func(d *disk, b *breakage) {
		real := d.writeAt
		d.writeAt = func(f *os.File, p []byte, off int64) (int, error) {
			if err := b.fails(); err != nil {
				n, _ := real(f, p[:len(p)/2], off)
				return n, err
			}
			return real(f, p, off)
		}
	}},
	{"fsync", func(d *disk, b *breakage) {
		real := d.sync
		d.sync = func(f *os.File) error { return errors.Join(b.fails(), real(f)) }
	}},
	{"truncate after a short write", func(d *disk, b *breakage) {
		real, cut := d.writeAt, d.truncate
		d.writeAt = func(f *os.File, p []byte, off int64) (int, error) {
			if err := b.fails(); err != nil {
				n, _ := real(f, p[:len(p)/2], off)
				return n, err
			}
			return real(f, p, off)
		}
		d.truncate = func(f *os.File, n int64) error { return errors.Join(b.fails(), cut(f, n)) }
	}},
	{"rename", func(d *disk, b *breakage) {
		real := d.rename
		d.rename = func(from, to string) error {
			if err := b.fails(); err != nil {
				return err
			}
			return real(from, to)
		}
	}},
	{"fsync of the directory", func(d *disk, b *breakage) {
		real := d.syncDir
		d.syncDir = func(path string) error { return errors.Join(b.fails(), real(path)) }
	}},
	{"mkdir", func(d *disk, b *breakage) {
		real := d.mkdir
		d.mkdir = func(path string) error {
			if err := b.fails(); err != nil {
				return err
			}
			return real(path)
		}
	}},
}

// Every file operation fails for 20 s in the middle of a recording. The recorder goes on by itself afterwards, its
// time line has no hole, what is recorded is whole, and a restart finds nothing to complain about.
func TestRecorder_RecoversFromEveryFailingFileOperation(t *testing.T) {
	for _, f := range faults {
		for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
			if errno == syscall.ENOSPC && !slices.Contains([]string{"create", "write", "mkdir"}, f.name) {
				continue // the others do not ask for room, or go the same way
			}
			t.Run(f.name+" "+errno.Error(), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) { failFor20s(t, dir, f.plant, errno) })
				rebuilt(t, dir)
			})
		}
	}
}

func failFor20s(t *testing.T, dir string, plant func(*disk, *breakage), errno syscall.Errno) {
	b := &breakage{err: &os.PathError{Op: "test", Path: "disk", Err: errno}}
	g := start(t, dir, func(r *Recorder) { r.opt.FileLength = 6 * time.Second; plant(r.disk, b) })
	cam := synthetic(100 * time.Millisecond)
	// The days change during the failure, so that a directory must be made.
	now := time.Now()
	time.Sleep(now.Truncate(24 * time.Hour).Add(24*time.Hour - 20*time.Second).Sub(now))
	must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
	cam.play(g.r, "cam-1", 1, 15*time.Second)
	b.on.Store(true)
	cam.play(g.r, "cam-1", 2, 20*time.Second)
	b.on.Store(false)
	cam.play(g.r, "cam-1", 3, 40*time.Second)
	g.r.Stopped("cam-1", "person-7", time.Time{})
	settle()
	if b.hit.Load() == 0 {
		t.Fatal("nothing failed")
	}
	g.verify(VerifyOptions{})
	want := diskReason(errno)
	for _, gap := range g.gaps("cam-1") {
		switch gap.Reason {
		case want, watch.ReasonNotYet, watch.ReasonStopped:
		case watch.ReasonDiskError: // what a retry could not save is an error, whatever came first
		default:
			t.Errorf("gap %+v, want reason %s", gap, want)
		}
	}
	c, err := g.r.Coverage(t.Context(), "cam-1", "main", time.Time{}, time.Time{})
	must(t, err)
	if c.Recorded < 50*time.Second || c.Unexplained > 0 {
		t.Errorf("of 75 s %s are recorded, %s unexplained: %+v", c.Recorded, c.Unexplained, c.Spans)
	}
	last := c.Spans[len(c.Spans)-2]
	if last.Kind != SpanRecorded || last.To.Sub(last.From) < 25*time.Second {
		t.Errorf("it did not go on by itself: %+v", c.Spans)
	}
	g.halt()
	g = start(t, dir)
	synctest.Wait()
	g.verify(VerifyOptions{})
}

func TestRecorder_AFullDiskStopsVideoAndSaysSo(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var percent atomic.Int64
		percent.Store(50)
		g := start(t, dir, func(r *Recorder) {
			r.opt.JanitorEvery = time.Second
			r.disk.usage = func(string) (Usage, error) { return Usage{Total: 100, Free: 100 - percent.Load()}, nil }
		})
		cam := synthetic(100 * time.Millisecond)
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		cam.play(g.r, "cam-1", 1, 5*time.Second)
		id, err := g.r.Hold(t.Context(), Hold{From: time.Now().Add(-time.Hour), Reason: "evidence", By: "person-7"})
		must(t, err)
		percent.Store(96)
		cam.play(g.r, "cam-1", 2, 10*time.Second)
		if !g.r.DiskFull() || g.r.Recording("cam-1", "main") {
			t.Error("video goes on although all of it is held and the disk is full")
		}
		percent.Store(70)
		cam.play(g.r, "cam-1", 3, 10*time.Second)
		g.r.Stopped("cam-1", "", time.Time{})
		settle()
		if got := reasons(g.gaps("cam-1")); !slices.Equal(got, []watch.Reason{watch.ReasonNotYet, watch.ReasonDiskFull, watch.ReasonStopped}) {
			t.Errorf("gaps %v", got)
		}
		must(t, g.r.Release(t.Context(), id, "person-7", "", "closed"))
		g.verify(VerifyOptions{})
		levels := g.bodies(KindDiskLevel)
		if len(levels) != 2 || !strings.Contains(levels[0], `"level":95,`) || !strings.Contains(levels[1], `"state":"eased"`) {
			t.Errorf("levels: %v", levels)
		}
		g.halt()
	})
	rebuilt(t, dir)
}

func TestRecorder_ASlowDiskDropsToTheNextKeyFrameAndCounts(t *testing.T) {
	dir := t.TempDir()
	clip := load(t, filepath.Join(footage, "forecourt-live.mp4"))
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		g := start(t, dir, func(r *Recorder) {
			r.opt.RingBytes = 64 << 10
			real := r.disk.writeAt
			r.disk.writeAt = func(f *os.File, p []byte, off int64) (int, error) {
				if slow.Load() {
					time.Sleep(8 * time.Second)
				}
				return real(f, p, off)
			}
		})
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		clip.play(g.r, "cam-1", 1, 10*time.Second)
		slow.Store(true)
		clip.play(g.r, "cam-1", 2, 10*time.Second)
		slow.Store(false)
		clip.play(g.r, "cam-1", 3, 10*time.Second)
		g.r.Stopped("cam-1", "", time.Time{})
		settle()
		sent := 0
		for _, due := range clip.due {
			if due < 10*time.Second {
				sent += 3
			}
		}
		if kept, dropped := int(g.r.Metrics.Units.Load()), int(g.r.Metrics.Dropped.Load()); dropped < 100 || kept+dropped != sent {
			t.Errorf("%d units sent, %d kept, %d dropped", sent, kept, dropped)
		}
		if !slices.Contains(reasons(g.gaps("cam-1")), watch.ReasonDiskSlow) {
			t.Errorf("gaps: %v", reasons(g.gaps("cam-1")))
		}
		if n := len(g.bodies(KindDropped)); n == 0 || n > 12 {
			t.Errorf("%d reports of dropped frames in 10 s", n)
		}
		g.verify(VerifyOptions{})
		g.halt()
	})
	plays(t, dir)
	rebuilt(t, dir)
}
