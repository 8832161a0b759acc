package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"siaga/internal/watch"
)

// Each file operation of a recording fails once: its first call, its second, and so on (SIAGA_NTH, 3 in `make test`).
// What is told as recorded is whole, the rest is a gap that says why, the recorder goes on by itself within seconds,
// and neither a check nor a restart finds anything.
func TestRecorder_BearsTheFailureOfAnyCall(t *testing.T) {
	most := 3
	if s := os.Getenv("SIAGA_NTH"); s != "" {
		var err error
		most, err = strconv.Atoi(s)
		must(t, err)
	}
	tried := 0
	for _, f := range append(faults, seam{"remove", plantRemove}) {
		for nth := 1; nth <= most; nth++ {
			errno := [...]syscall.Errno{syscall.EIO, syscall.ENOSPC}[nth%2]
			hit := true
			t.Run(fmt.Sprintf("%s call %d", f.name, nth), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) { hit = failOnce(t, dir, f.plant, errno, int64(nth)) })
				rebuilt(t, dir)
			})
			if !hit {
				break // there are no more calls of it
			}
			tried++
		}
	}
	t.Logf("%d single calls failed", tried)
	if tried < len(faults)*min(2, most) {
		t.Errorf("only %d calls were there to fail", tried)
	}
}

func plantRemove(d *disk, b *breakage) {
	real := d.remove
	d.remove = func(path string) error { return errors.Join(b.fails(), real(path)) }
}

func failOnce(t *testing.T, dir string, plant func(*disk, *breakage), errno syscall.Errno, nth int64) bool {
	b := &breakage{only: nth, err: &os.PathError{Op: "test", Path: "disk", Err: errno}}
	g := start(t, dir, func(r *Recorder) {
		r.opt.FileLength, r.opt.JanitorEvery = 3*time.Second, 2*time.Second
		r.retention.Store(&Retention{Default: Policy{MaxAge: 12 * time.Second}})
		plant(r.disk, b)
	})
	cam := synthetic(100 * time.Millisecond)
	must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
	cam.play(g.r, "cam-1", 1, 5*time.Second)
	b.on.Store(true)
	cam.play(g.r, "cam-1", 2, 30*time.Second)
	b.on.Store(false)
	cam.play(g.r, "cam-1", 3, 5*time.Second)
	g.r.Stopped("cam-1", "person-7", time.Time{})
	settle()
	g.verify(VerifyOptions{})
	for _, gap := range g.gaps("cam-1") {
		switch gap.Reason {
		case diskReason(errno), watch.ReasonDiskError, watch.ReasonNotYet, watch.ReasonStopped:
		default:
			t.Errorf("gap %+v, want reason %s", gap, diskReason(errno))
		}
		if gap.Reason != watch.ReasonStopped && gap.End.Sub(gap.Start) > 8*time.Second {
			t.Errorf("one failed call cost %s of video: %+v", gap.End.Sub(gap.Start), gap)
		}
	}
	g.halt()
	g = start(t, dir)
	synctest.Wait()
	g.verify(VerifyOptions{})
	g.halt()
	return b.hit.Load() > 0
}

// A directory can be there without its name being on the medium: its sync failed, or the program was killed before it.
// A power cut would take it with every synced file inside.
func TestOpenSegment_TrustsNoDirectoryThatItDidNotSync(t *testing.T) {
	dir := t.TempDir()
	path := segmentPath(key{"cam-1", "main"}, 1_795_000_000_000)
	must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700))
	d := realDisk()
	var synced []string
	fail := errors.New("the disk is unwell")
	d.syncDir = func(at string) error {
		synced = append(synced, at)
		return fail
	}
	if _, err := d.openSegment(dir, path); !errors.Is(err, fail) {
		t.Fatalf("a file was opened in a directory that may vanish: %v", err)
	}
	fail = nil
	synced = nil
	f, err := d.openSegment(dir, path)
	must(t, err)
	must(t, f.abandon())
	if len(synced) != 3 || synced[0] != dir {
		t.Errorf("synced were %v", synced)
	}
	must(t, os.RemoveAll(filepath.Join(dir, folder)))
	if _, err := d.openSegment(dir, path); err == nil {
		t.Fatal("a file was opened in a directory that is gone")
	}
	f, err = d.openSegment(dir, path)
	must(t, err)
	must(t, f.abandon())
}

// A file that can be neither finished nor deleted for a minute is given up with a gap, explained to a check at once, and
// deleted once the disk allows it.
func TestRecorder_AFileGivenUpIsDeletedLater(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := &breakage{err: syscall.EIO}
		g := start(t, dir, func(r *Recorder) {
			r.opt.FileLength, r.opt.JanitorEvery = 3*time.Second, 2*time.Second
			remove, rename := r.disk.remove, r.disk.rename
			r.disk.remove = func(path string) error {
				if err := b.fails(); err != nil {
					return err
				}
				return remove(path)
			}
			r.disk.rename = func(from, to string) error {
				if err := b.fails(); err != nil {
					return err
				}
				return rename(from, to)
			}
		})
		cam := synthetic(100 * time.Millisecond)
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		cam.play(g.r, "cam-1", 1, 5*time.Second)
		b.on.Store(true)
		cam.play(g.r, "cam-1", 2, 4*time.Second)
		g.r.Stopped("cam-1", "person-7", time.Time{})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		g.verify(VerifyOptions{})
		left, err := filepath.Glob(filepath.Join(dir, folder, "*", "*", "*"+openSuffix))
		must(t, err)
		if len(left) == 0 {
			t.Error("nothing was given up")
		}
		b.on.Store(false)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		g.verify(VerifyOptions{})
		if left, err = filepath.Glob(filepath.Join(dir, folder, "*", "*", "*"+openSuffix)); err != nil || len(left) > 0 {
			t.Errorf("still there: %v %v", left, err)
		}
		g.halt()
	})
	rebuilt(t, dir)
}

// A disk that fails takes half a write, and then refuses to cut the file back: the file that is sealed afterwards has
// no byte more than its segment says.
func TestSegFile_HalfAWriteIsCutOffBeforeItIsSealed(t *testing.T) {
	broken := errors.New("input/output error")
	d, refusals := realDisk(), 2
	d.writeAt = func(f *os.File, b []byte, off int64) (int, error) {
		if off == 0 {
			return f.WriteAt(b, off)
		}
		n, err := f.WriteAt(b[:len(b)/2], off)
		return n, errors.Join(err, broken)
	}
	d.truncate = func(f *os.File, size int64) error {
		if refusals--; refusals >= 0 {
			return broken
		}
		return f.Truncate(size)
	}
	dir := t.TempDir()
	f, err := d.openSegment(dir, segmentPath(key{"gudang", "main"}, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.write([]byte("bagian pertama")); err != nil {
		t.Fatal(err)
	}
	if err := f.write([]byte("bagian kedua, tidak sampai")); !errors.Is(err, broken) {
		t.Fatalf("written: %v", err)
	}
	if err := f.seal(); !errors.Is(err, broken) {
		t.Errorf("sealed although it is too long: %v", err)
	}
	if err := f.seal(); err != nil {
		t.Fatal(err)
	}
	if whole, err := os.ReadFile(f.abs); err != nil || string(whole) != "bagian pertama" || f.size != int64(len(whole)) {
		t.Errorf("the file holds %q, %v", whole, err)
	}
}
