package rtsp_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"siaga/devices"
	"siaga/devices/camera/rtsp"
	"siaga/internal/sim"
	"siaga/internal/watch"
)

func probe(t *testing.T, d devices.Device, limit time.Duration) (devices.Probe, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	p, err := d.(devices.Prober).Probe(ctx)
	if ctx.Err() != nil {
		t.Errorf("Probe used up its deadline of %v", limit)
	}
	return p, err
}

func TestProbe_TellsStreamsPictureAndWarnings(t *testing.T) {
	t.Parallel()
	s := serve(t, sim.CameraOptions{Cameras: []sim.Camera{
		{Path: "main", Clip: "car-detection.mp4", Audio: true, User: "admin", Password: "12345"},
		{Path: "sub", Clip: "one-by-one-person-detection.mp4", User: "admin", Password: "12345"},
	}})
	d := device(t, map[string]any{"url": s.URL("main"), "sub_url": s.URL("sub"), "username": "admin"}, "12345")
	p, err := probe(t, d, 15*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Streams) != 2 {
		t.Fatalf("streams: %+v, notes %q", p.Streams, p.Notes)
	}
	main, sub := p.Streams[0], p.Streams[1]
	if main.Codec != "h264" || main.Width != 768 || main.Height != 432 || main.FPS < 11.5 || main.FPS > 13.5 || main.Audio != "aac" {
		t.Errorf("main: %+v", main)
	}
	if sub.FPS < 9 || sub.FPS > 11 || sub.Audio != "" {
		t.Errorf("sub: %+v", sub)
	}
	if p.Device["software"] == "" {
		t.Errorf("the camera's program is not told: %v", p.Device)
	}
	if p.Picture == nil || !p.Picture.Key || p.Picture.Size() < 1000 {
		t.Errorf("picture: %+v", p.Picture)
	}
	for _, want := range []string{"sub: the video has B-frames", "delivered with"} {
		if !strings.Contains(strings.Join(p.Notes, "\n"), want) {
			t.Errorf("no note says %q: %q", want, p.Notes)
		}
	}
}

func TestProbe_WarnsAboutACameraWithoutPassword(t *testing.T) {
	t.Parallel()
	s := serve(t, oneCamera("forecourt-live.mp4"))
	p, err := probe(t, device(t, map[string]any{"url": s.URL("cam1")}, ""), 8*time.Second)
	if err != nil || !strings.Contains(strings.Join(p.Notes, "\n"), "anybody") {
		t.Errorf("notes %q, error %v", p.Notes, err)
	}
}

func TestProbe_AnswersAFaultWithinItsDeadline(t *testing.T) {
	t.Parallel()
	s := serve(t, sim.CameraOptions{Cameras: []sim.Camera{
		{Path: "cam1", Clip: "forecourt-live.mp4", User: "u", Password: "p"}, {Path: "silent", Clip: "forecourt-live.mp4"},
	}})
	if err := s.Silence("silent", true); err != nil {
		t.Fatal(err)
	}
	mute := listen(t, func(net.Conn) {})
	for _, c := range []struct {
		name, url string
		want      watch.Reason
	}{
		{"refused", s.URL("cam1"), watch.ReasonRefused},
		{"mute", "rtsp://" + mute.Addr().String() + "/", watch.ReasonUnreachable},
		{"silent", s.URL("silent"), watch.ReasonNoFrames},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := probe(t, device(t, map[string]any{"url": c.url}, ""), 3*time.Second)
			wantFault(t, err, c.want)
		})
	}
}

func TestHints_OfABrandComeAloneAndOfNobodyAllTogether(t *testing.T) {
	t.Parallel()
	if h := rtsp.Hints("Hikvision Digital Technology"); len(h) != 1 || h[0].Main != "/Streaming/Channels/101" {
		t.Errorf("hikvision: %+v", h)
	}
	if h := rtsp.Hints("nobody"); len(h) < 20 {
		t.Errorf("unknown brand: %d hints", len(h))
	}
}
