package rtsp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"siaga/devices"
	"siaga/devices/camera/rtsp"
	"siaga/internal/sim"
	"siaga/internal/watch"
)

// camerasEnv makes the test binary a camera server, so that a benchmark's own CPU is the driver's alone.
const camerasEnv = "SIAGA_TEST_CAMERAS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(camerasEnv); dir != "" {
		if err := serveForBench(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

const benchCameras = 20

// serveForBench plays clip.mp4 of a folder on benchCameras paths until standard input closes.
func serveForBench(dir string) error {
	o := sim.CameraOptions{Listen: "127.0.0.1:0", Footage: os.DirFS(dir)}
	for i := range benchCameras {
		o.Cameras = append(o.Cameras, sim.Camera{Path: fmt.Sprint("cam", i), Clip: "clip.mp4", Offset: time.Duration(i) * 700 * time.Millisecond})
	}
	s, err := sim.NewCameraServer(o)
	if err != nil {
		return err
	}
	fmt.Println(s.URL(""))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		cancel()
	}()
	return s.Run(ctx)
}

// benchClip is 1080p15 at 2 Mbit/s with key frames 2 s apart.
func benchClip(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	out, err := exec.Command("ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i",
		"testsrc2=size=1920x1080:rate=15:duration=12,noise=alls=12:allf=t", "-c:v", "libx264", "-preset", "ultrafast",
		"-b:v", "2M", "-maxrate", "2M", "-bufsize", "1M", "-g", "30", "-bf", "0", filepath.Join(dir, "clip.mp4")).CombinedOutput()
	if err != nil {
		b.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return dir
}

// countHost counts and drops, so that the cost is the driver's.
type countHost struct{ units, bytes atomic.Int64 }

func (h *countHost) Observe(context.Context, watch.Reading) (devices.Receipt, error) { return nil, nil }
func (h *countHost) Media(au watch.AccessUnit) {
	h.units.Add(1)
	h.bytes.Add(int64(au.Size()))
}

// BenchmarkDriver prints what 20 cameras of 1080p15 at 2 Mbit/s cost the driver, in a process of its own.
func BenchmarkDriver(b *testing.B) {
	for _, transport := range []string{"tcp", "udp"} {
		b.Run(transport, func(b *testing.B) { benchDriver(b, transport) })
	}
}

func benchDriver(b *testing.B, transport string) {
	base := startBenchServer(b)
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	host := &countHost{}
	for i := range benchCameras {
		config, _ := json.Marshal(map[string]string{"url": base + fmt.Sprint("cam", i), "transport": transport})
		d, err := rtsp.Driver().New(devices.Settings{ID: fmt.Sprint("cam-", i), Config: config})
		if err != nil {
			b.Fatal(err)
		}
		wait.Go(func() { _ = d.Run(ctx, host) })
	}
	<-time.After(4 * time.Second) // connected, first groups through
	const window = 20 * time.Second
	var cpu, span time.Duration
	units, bytes := host.units.Load(), host.bytes.Load()
	for b.Loop() {
		c0, t0 := cpuTime(b), time.Now()
		<-time.After(window)
		cpu, span = cpu+cpuTime(b)-c0, span+time.Since(t0)
	}
	perCamera := span.Seconds() * benchCameras
	b.ReportMetric(cpu.Seconds()*60/perCamera, "cpu-s/camera-minute")
	b.ReportMetric(float64(host.units.Load()-units)/perCamera, "frames/s/camera")
	b.ReportMetric(float64(host.bytes.Load()-bytes)*8/perCamera/1e6, "Mbit/s/camera")
	b.ReportMetric(rss(b)/benchCameras, "MiB/camera")
}

// startBenchServer runs this test binary as a camera server and returns its base address.
func startBenchServer(b *testing.B) string {
	b.Helper()
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), camerasEnv+"="+benchClip(b))
	in, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = server.Wait() })
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// rss is this process's resident memory in MiB.
func rss(b *testing.B) float64 {
	b.Helper()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	var size, pages float64
	if _, err := fmt.Sscan(string(raw), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
