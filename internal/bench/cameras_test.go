package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"siaga/internal/sim"
)

// clip makes 60 s of 1080p15 at 2 Mbit/s with a key frame every 2 s, once per machine, and returns its folder.
func clip(b *testing.B) string {
	b.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", ".tools", "bench", "clip"))
	must(b, err)
	file := filepath.Join(dir, "clip.mp4")
	if _, err := os.Stat(file); err == nil {
		return dir
	}
	must(b, os.MkdirAll(dir, 0o755))
	part := filepath.Join(dir, "half.mp4")
	out, err := exec.Command("ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i",
		"testsrc2=size=1920x1080:rate=15:duration=60,noise=alls=12:allf=t", "-c:v", "libx264", "-preset", "ultrafast",
		"-b:v", "2M", "-minrate", "2M", "-maxrate", "2M", "-bufsize", "1M", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0", "-bf", "0", part).CombinedOutput()
	if err != nil {
		b.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	must(b, os.Rename(part, file))
	return dir
}

// cameras is an RTSP server in this process; its processor time is nobody's.
type cameras struct {
	dir    string
	n      int
	listen string // fixed after the first start, so that the cameras come back where they were
	halt   func()
}

// startCameras plays n cameras. Their key frames are spread over the group of pictures, as those of real cameras are,
// unless together is set: then each starts with a key frame, as a camera does that was switched on.
func startCameras(b *testing.B, n int, together bool) *cameras {
	b.Helper()
	c := &cameras{dir: clip(b), n: n, listen: "127.0.0.1:0"}
	c.start(b, together)
	b.Cleanup(func() { c.halt() })
	return c
}

func (c *cameras) start(b *testing.B, together bool) {
	b.Helper()
	o := sim.CameraOptions{Listen: c.listen, Footage: os.DirFS(c.dir), NoUDP: true}
	for i := range c.n {
		cam := sim.Camera{Path: fmt.Sprint("cam", i), Clip: "clip.mp4"}
		if !together {
			cam.Offset = time.Duration(i) * 733 * time.Millisecond
		}
		o.Cameras = append(o.Cameras, cam)
	}
	s, err := sim.NewCameraServer(o)
	must(b, err)
	address := s.URL("")[len("rtsp://") : len(s.URL(""))-1]
	must(b, onlyLoopback(address))
	c.listen = address
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := s.Run(ctx); err != nil {
			b.Errorf("cameras: %v", err)
		}
	})
	c.halt = sync.OnceFunc(func() { cancel(); wait.Wait() })
}

// urls are the cameras' addresses through a relay, or at the server itself.
func (c *cameras) urls(through string) []string {
	if through == "" {
		through = c.listen
	}
	var out []string
	for i := range c.n {
		out = append(out, fmt.Sprintf("rtsp://%s/cam%d", through, i))
	}
	return out
}

// relay stands before the cameras and can take them away.
type relay struct {
	address, target string
	mu              sync.Mutex
	listener        net.Listener
	conns           map[net.Conn]bool
	dark            chan struct{} // closed when the cameras are back; nil while they are there
	closed          bool
	workers         sync.WaitGroup
}

func startRelay(b *testing.B, target string) *relay {
	b.Helper()
	r := &relay{address: "127.0.0.1:0", target: target, conns: map[net.Conn]bool{}}
	r.listen(b)
	b.Cleanup(func() {
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		r.reset()
		r.workers.Wait()
	})
	return r
}

func (r *relay) listen(b *testing.B) {
	b.Helper()
	must(b, onlyLoopback(r.address))
	l, err := net.Listen("tcp", r.address)
	must(b, err)
	r.mu.Lock()
	r.listener, r.address = l, l.Addr().String()
	r.mu.Unlock()
	r.workers.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.workers.Go(func() { r.serve(c) })
		}
	})
}

// serve joins a client with the cameras. In the dark a new client gets no answer until they are back.
func (r *relay) serve(client net.Conn) {
	r.mu.Lock()
	dark := r.dark
	if r.closed {
		dark = nil
	}
	r.conns[client] = true
	r.mu.Unlock()
	if dark != nil {
		<-dark
	}
	camera, err := net.Dial("tcp", r.target)
	if err != nil {
		_ = client.Close() // refused, as the camera did
		return
	}
	r.mu.Lock()
	r.conns[camera] = true
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { r.pump(client, camera) })
	both.Go(func() { r.pump(camera, client) })
	both.Wait()
}

// pump copies until an end, or until the dark: what comes from then on is swallowed, and nobody is told.
func (r *relay) pump(from, to net.Conn) {
	buf := make([]byte, 64<<10)
	silent := false
	for {
		n, err := from.Read(buf)
		r.mu.Lock()
		silent = silent || r.dark != nil
		r.mu.Unlock()
		switch {
		case silent && err != nil:
			return
		case silent:
			continue
		case err == nil:
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			_, _ = from.Close(), to.Close() // either side's end is the other's
			return
		}
	}
}

// reset ends every connection at once with a reset, and refuses new ones.
func (r *relay) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.listener.Close() // it may be closed already
	for c := range r.conns {
		_ = c.(*net.TCPConn).SetLinger(0) // a reset; it may have ended already
		_ = c.Close()
	}
	clear(r.conns)
	if r.dark != nil {
		close(r.dark)
		r.dark = nil
	}
}

// blackhole makes every connection silent for good, and leaves new ones without an answer until back.
func (r *relay) blackhole() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dark = make(chan struct{})
}

// back serves new connections again. The old ones stay as they are.
func (r *relay) back() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.dark)
	r.dark = nil
}
