package view_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"siaga/devices"
	"siaga/devices/camera/rtsp"
	"siaga/internal/sim"
	"siaga/internal/view"
	"siaga/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const footage = "../../configs/demo/footage"

// site is a hub fed by real cameras over real RTSP.
type site struct {
	hub     *view.Hub
	cameras *sim.CameraServer
	fed     chan string // gets a device's name at its first unit
}

// hostOf feeds one camera's media to the hub.
type hostOf struct {
	s    *site
	id   string
	told bool
}

func (h *hostOf) Observe(context.Context, watch.Reading) (devices.Receipt, error) { return nil, nil }

func (h *hostOf) Media(au watch.AccessUnit) {
	h.s.hub.Offer(h.id, au)
	if !h.told {
		h.told = true
		h.s.fed <- h.id
	}
}

// newSite starts a hub and one camera for each clip; their names are the clips'.
func newSite(tb testing.TB, dir string, clips ...string) *site {
	tb.Helper()
	o := sim.CameraOptions{Listen: "127.0.0.1:0", Footage: os.DirFS(dir)}
	for _, c := range clips {
		o.Cameras = append(o.Cameras, sim.Camera{Path: c, Clip: c + ".mp4", Audio: true})
	}
	cameras, err := sim.NewCameraServer(o)
	if err != nil {
		tb.Fatal(err)
	}
	s := &site{
		cameras: cameras, fed: make(chan string, len(clips)),
		hub: view.New(view.Options{Listen: "127.0.0.1:0"}),
	}
	run(tb, cameras.Run)
	run(tb, s.hub.Run)
	for _, c := range clips {
		config, err := json.Marshal(map[string]string{"url": cameras.URL(c)})
		if err != nil {
			tb.Fatal(err)
		}
		d, err := rtsp.Driver().New(devices.Settings{ID: c, Config: config})
		if err != nil {
			tb.Fatal(err)
		}
		host := &hostOf{s: s, id: c}
		run(tb, func(ctx context.Context) error {
			if err := d.Run(ctx, host); ctx.Err() == nil {
				return err
			}
			return nil
		})
	}
	for range clips {
		select {
		case <-s.fed:
		case <-time.After(15 * time.Second):
			tb.Fatal("a camera did not begin within 15 s")
		}
	}
	return s
}

// run keeps f running until the test ends.
func run(tb testing.TB, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
}

// eventually asks again every 20 ms: states are counted over time and nothing announces them.
func eventually(tb testing.TB, limit time.Duration, claim string, ok func() bool) {
	tb.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("within %v never: %s", limit, claim)
		}
	}
}

// clip makes a short clip with ffmpeg, which make test installs.
func clip(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	dir := tb.TempDir()
	all := append([]string{
		"-nostdin", "-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i",
		"testsrc2=size=640x360:rate=15:duration=6",
	}, args...)
	out, err := exec.Command("ffmpeg", append(all, filepath.Join(dir, name+".mp4"))...).CombinedOutput()
	if err != nil {
		tb.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return dir
}
