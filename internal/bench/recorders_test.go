package bench

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// recorder is a program that records cameras: ours, or a peer.
type recorder interface {
	start(b *testing.B, urls []string)
	pids() []int
	// files are those of one camera, oldest first, the unfinished ones too.
	files(b *testing.B, camera int) []string
	kill()             // at once and with everything it started
	stop(b *testing.B) // in order
}

// recorders are those that can be had on this machine.
func recorders(b *testing.B) map[string]func() recorder {
	all := map[string]func() recorder{
		"siaga":  func() recorder { return &ours{} },
		"ffmpeg": func() recorder { return &ffmpegs{} },
	}
	if path := os.Getenv("MEDIAMTX"); path != "" {
		if _, err := os.Stat(path); err != nil {
			b.Fatalf("MEDIAMTX: %v; leave it empty to go without this peer", err)
		}
		all["mediamtx"] = func() recorder { return &mediaMTX{program: path} }
	}
	return all
}

// order is the order of all tables: ours, then what is less.
func order(all map[string]func() recorder) []string {
	var out []string
	for _, name := range []string{"siaga", "ffmpeg", "mediamtx", "floor"} {
		if all[name] != nil {
			out = append(out, name)
		}
	}
	return out
}

// ours is Siaga with all its rooms.
type ours struct{ *world }

func (o *ours) start(b *testing.B, urls []string) {
	o.world = newWorld(b, worldOptions{cameras: urls})
	o.world.start(b)
}

func (o *ours) files(b *testing.B, camera int) []string {
	return filesBelow(b, filepath.Join(o.dir, "data", "segments", fmt.Sprintf("cam-%d.main", camera)))
}

// filesBelow lists files by name, which all recorders here make of the time.
func filesBelow(b *testing.B, dir string) []string {
	b.Helper()
	var out []string
	must(b, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	}))
	slices.Sort(out)
	return out
}

// child starts a process that dies with us.
func child(b *testing.B, dir, name string, args ...string) *exec.Cmd {
	b.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(b, c.Start())
	b.Cleanup(func() {
		_ = c.Process.Kill() // it may be gone already
		_ = c.Wait()
	})
	return c
}

// single is a peer of one process whose files lie in a folder a camera.
type single struct {
	dir string
	cmd *exec.Cmd
}

func (s *single) pids() []int { return []int{s.cmd.Process.Pid} }

func (s *single) files(b *testing.B, camera int) []string {
	return filesBelow(b, filepath.Join(s.dir, fmt.Sprint(camera)))
}

func (s *single) kill() {
	_ = s.cmd.Process.Kill() // it may be gone already
	_ = s.cmd.Wait()
}

func (s *single) stop(*testing.B) {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	_ = s.cmd.Wait()
}

// bare is the least that a recorder in Go can cost; see floor.
type bare struct{ single }

func (f *bare) start(b *testing.B, urls []string) {
	f.dir = b.TempDir()
	b.Setenv(roleEnv, "floor")
	f.cmd = child(b, f.dir, os.Args[0], append([]string{f.dir}, urls...)...)
	must(b, os.Unsetenv(roleEnv))
}

// mediaMTX is MediaMTX, pulling and recording fragmented MP4 with its own defaults.
type mediaMTX struct {
	single
	program string
}

func (m *mediaMTX) start(b *testing.B, urls []string) {
	m.dir = b.TempDir()
	var c strings.Builder
	fmt.Fprintf(&c, "logLevel: warn\nrtsp: true\nrtspTransports: [tcp]\nrtspAddress: %s\nrtmp: false\nhls: false\nwebrtc: false\nsrt: false\n", freeAddress(b))
	fmt.Fprintf(&c, "pathDefaults:\n  rtspTransport: tcp\n  record: true\n  recordPath: %s/%%path/%%Y-%%m-%%d_%%H-%%M-%%S-%%f\n  recordFormat: fmp4\n  recordSegmentDuration: 60s\npaths:\n", m.dir)
	for i, u := range urls {
		fmt.Fprintf(&c, "  %q:\n    source: %s\n", fmt.Sprint(i), u)
	}
	conf := filepath.Join(b.TempDir(), "mediamtx.yml")
	must(b, os.WriteFile(conf, []byte(c.String()), 0o600))
	m.cmd = child(b, m.dir, m.program, conf)
}

// ffmpegs is one ffmpeg a camera, ten-second MP4 files, each started anew a second after it ended.
type ffmpegs struct {
	dir     string
	mu      sync.Mutex
	running map[int]*exec.Cmd
	halt    context.CancelFunc
	all     sync.WaitGroup
}

func (f *ffmpegs) start(b *testing.B, urls []string) {
	f.dir, f.running = b.TempDir(), map[int]*exec.Cmd{}
	ctx, cancel := context.WithCancel(context.Background())
	f.halt = cancel
	for i, u := range urls {
		dir := filepath.Join(f.dir, fmt.Sprint(i))
		must(b, os.MkdirAll(dir, 0o755))
		f.all.Go(func() { f.keep(ctx, i, u, dir) })
	}
	b.Cleanup(f.kill)
}

func (f *ffmpegs) keep(ctx context.Context, i int, url, dir string) {
	for ctx.Err() == nil {
		c := exec.Command("ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1", "-rtsp_transport", "tcp",
			"-timeout", "5000000", "-i", url, "-c", "copy", "-an", "-f", "segment", "-segment_time", "10", "-segment_format", "mp4",
			"-segment_atclocktime", "1", "-reset_timestamps", "1", "-strftime", "1", filepath.Join(dir, "%Y%m%d-%H%M%S.mp4"))
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		f.mu.Lock()
		err := ctx.Err()
		if err == nil {
			err = c.Start()
		}
		if err == nil {
			f.running[i] = c
		}
		f.mu.Unlock()
		if err == nil {
			_ = c.Wait() // it ends when the camera goes; that is what it is kept for
		}
		f.mu.Lock()
		delete(f.running, i)
		f.mu.Unlock()
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func (f *ffmpegs) pids() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []int
	for _, c := range f.running {
		out = append(out, c.Process.Pid)
	}
	return out
}

func (f *ffmpegs) files(b *testing.B, camera int) []string {
	return filesBelow(b, filepath.Join(f.dir, fmt.Sprint(camera)))
}

func (f *ffmpegs) kill() { f.end(syscall.SIGKILL) }

func (f *ffmpegs) stop(*testing.B) { f.end(syscall.SIGTERM) }

func (f *ffmpegs) end(s syscall.Signal) {
	f.halt()
	f.mu.Lock()
	for _, c := range f.running {
		_ = c.Process.Signal(s) // it may be gone already
	}
	f.mu.Unlock()
	f.all.Wait()
}
