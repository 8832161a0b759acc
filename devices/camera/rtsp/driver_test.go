package rtsp_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"siaga/devices"
	"siaga/devices/camera/rtsp"
	"siaga/internal/sim"
	"siaga/internal/watch"
)

const footage = "../../../configs/demo/footage"

// host keeps what a driver says. Waiting is by channel, never by sleeping.
type host struct {
	mu       sync.Mutex
	readings []watch.Reading
	units    []watch.AccessUnit
	changed  chan struct{}
	err      chan error // holds what Run returned
}

func newHost() *host { return &host{changed: make(chan struct{}), err: make(chan error, 1)} }

type done struct{}

func (done) Wait(context.Context) error { return nil }

func (h *host) note() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *host) Observe(_ context.Context, r watch.Reading) (devices.Receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readings = append(h.readings, r)
	h.note()
	return done{}, nil
}

func (h *host) Media(au watch.AccessUnit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.units = append(h.units, au)
	h.note()
}

// until waits until what holds, at most limit.
func (h *host) until(t *testing.T, limit time.Duration, claim string, what func(h *host) bool) {
	t.Helper()
	deadline := time.After(limit)
	for {
		h.mu.Lock()
		ok, changed := what(h), h.changed
		h.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			h.mu.Lock()
			defer h.mu.Unlock()
			select {
			case err := <-h.err:
				h.err <- err
				t.Errorf("Run had returned: %v", err)
			default:
			}
			t.Fatalf("within %v never: %s (%d units, readings %s)", limit, claim, len(h.units), kinds(h.readings))
		}
	}
}

func kinds(rs []watch.Reading) string {
	out := ""
	for _, r := range rs {
		out += r.Kind + string(r.Body) + " "
	}
	return out
}

func (h *host) find(kind string) *watch.Reading {
	for i := len(h.readings) - 1; i >= 0; i-- {
		if h.readings[i].Kind == kind {
			return &h.readings[i]
		}
	}
	return nil
}

func (h *host) count(match func(watch.AccessUnit) bool) int {
	n := 0
	for _, u := range h.units {
		if match(u) {
			n++
		}
	}
	return n
}

func video(u watch.AccessUnit) bool { return u.Format.Codec.Video() }

func hasKind(kind string) func(*host) bool { return func(h *host) bool { return h.find(kind) != nil } }

func body[T any](t *testing.T, r *watch.Reading) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(r.Body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// playing is a driver's Run in the background.
type playing struct {
	*host
	stop func()
}

// ended waits for Run to return.
func (p *playing) ended(t *testing.T, limit time.Duration) error {
	t.Helper()
	select {
	case err := <-p.err:
		p.err <- err
		return err
	case <-time.After(limit):
		t.Fatalf("Run did not return within %v", limit)
		return nil
	}
}

func play(t *testing.T, d devices.Device) *playing {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &playing{host: newHost(), stop: cancel}
	go func() { p.err <- d.Run(ctx, p.host) }()
	t.Cleanup(func() {
		cancel()
		if err := p.ended(t, 5*time.Second); err == nil {
			t.Error("Run returned nil")
		}
	})
	return p
}

func device(t *testing.T, config map[string]any, password string) devices.Device {
	t.Helper()
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	d, err := rtsp.Driver().New(devices.Settings{ID: "cam-1", Config: raw, Secrets: map[string]string{"password": password}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func serve(t *testing.T, o sim.CameraOptions) *sim.CameraServer {
	t.Helper()
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Footage == nil {
		o.Footage = os.DirFS(footage)
	}
	s, err := sim.NewCameraServer(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func oneCamera(clip string) sim.CameraOptions {
	return sim.CameraOptions{Cameras: []sim.Camera{{Path: "cam1", Clip: clip, Audio: true}}}
}

func TestRun_DeliversPicturesInOrderWithParameterSetsOutsideData(t *testing.T) {
	t.Parallel()
	s := serve(t, oneCamera("forecourt-live.mp4"))
	p := play(t, device(t, map[string]any{"url": s.URL("cam1")}, ""))
	p.until(t, 10*time.Second, "20 pictures", func(h *host) bool { return h.count(video) >= 20 })
	p.until(t, 5*time.Second, "online", hasKind("camera.online"))
	p.mu.Lock()
	defer p.mu.Unlock()
	checkUnits(t, p.units)
	type online struct {
		Stream, Codec, Audio, Transport string
		Width, Height                   int
	}
	if got, want := body[online](t, p.find("camera.online")), (online{"main", "h264", "aac", "tcp", 768, 432}); got != want {
		t.Errorf("camera.online says %+v, want %+v", got, want)
	}
}

// curious is a host that notes who is asked about.
type curious struct {
	*host
	asked map[string]int
}

func (c *curious) Watched(stream string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[stream]++
	c.note()
	return false
}

func TestRun_AsksWithEachPictureWhetherItsStreamIsWatched(t *testing.T) {
	t.Parallel()
	s := serve(t, oneCamera("forecourt-live.mp4"))
	c := &curious{newHost(), map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		c.err <- device(t, map[string]any{"url": s.URL("cam1"), "sub_url": s.URL("cam1")}, "").Run(ctx, c)
	}()
	c.until(t, 20*time.Second, "both streams asked about", func(*host) bool { return c.asked["main"] > 20 && c.asked["sub"] > 20 })
	cancel()
	if err := <-c.err; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// checkUnits holds for every stream without B-frames.
func checkUnits(t *testing.T, units []watch.AccessUnit) {
	t.Helper()
	var lastPTS int64 = -1
	if !video(units[0]) || !units[0].Key {
		t.Errorf("the first unit is %s key=%v, want a key frame", units[0].Format.Codec, units[0].Key)
	}
	for i, u := range units {
		if !slices.Contains(u.Formats, u.Format) {
			t.Fatalf("unit %d: its format is not among the stream's", i)
		}
		if !video(u) {
			continue
		}
		if u.PTS <= lastPTS {
			t.Errorf("unit %d: PTS %d after %d", i, u.PTS, lastPTS)
		}
		lastPTS = u.PTS
		idr := false
		for _, n := range u.Data {
			switch typ := n[0] & 0x1f; {
			case u.Format.Codec != watch.H264:
			case typ == 7 || typ == 8 || typ == 9:
				t.Errorf("unit %d: Data holds a NAL unit of type %d", i, typ)
			case typ == 5:
				idr = true
			}
		}
		if u.Format.Codec == watch.H264 && idr != u.Key {
			t.Errorf("unit %d: Key=%v, IDR=%v", i, u.Key, idr)
		}
		if u.Key && (len(u.Format.SPS) == 0 || len(u.Format.PPS) == 0) && u.Format.Codec != watch.MJPEG {
			t.Errorf("unit %d: key frame without parameter sets in Format", i)
		}
	}
}

func TestRun_CarriesAudioBesideVideo(t *testing.T) {
	t.Parallel()
	s := serve(t, oneCamera("forecourt-live.mp4"))
	p := play(t, device(t, map[string]any{"url": s.URL("cam1")}, ""))
	isAudio := func(u watch.AccessUnit) bool { return u.Format.Codec == watch.AAC }
	p.until(t, 10*time.Second, "40 audio frames", func(h *host) bool { return h.count(isAudio) >= 40 })
	p.mu.Lock()
	defer p.mu.Unlock()
	var v, a time.Duration
	for _, u := range p.units {
		at := time.Duration(u.PTS) * time.Second / time.Duration(u.Format.ClockRate)
		if isAudio(u) {
			a = at
		} else {
			v = at
		}
	}
	if off := (v - a).Abs(); off > time.Second {
		t.Errorf("audio and video are %v apart", off)
	}
}

func TestRun_BothTransportsAndFallback(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, ask, want string
		noTCP, noUDP    bool
	}{
		{"auto takes tcp", "auto", "tcp", false, false},
		{"auto falls back to udp", "auto", "udp", true, false},
		{"udp", "udp", "udp", false, false},
		{"udp falls back to tcp", "udp", "tcp", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := oneCamera("forecourt-live.mp4")
			o.NoTCP, o.NoUDP = c.noTCP, c.noUDP
			s := serve(t, o)
			p := play(t, device(t, map[string]any{"url": s.URL("cam1"), "transport": c.ask}, ""))
			p.until(t, 10*time.Second, "online", hasKind("camera.online"))
			p.until(t, 10*time.Second, "20 pictures", func(h *host) bool { return h.count(video) >= 20 })
			p.mu.Lock()
			defer p.mu.Unlock()
			checkUnits(t, p.units)
			if got := body[struct{ Transport string }](t, p.find("camera.online")).Transport; got != c.want {
				t.Errorf("transport %s, want %s", got, c.want)
			}
		})
	}
}

func TestRun_SignsIn(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{"basic", "digest", "sha256"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			password := `p@ss/w:rd "x" é`
			if auth == "basic" {
				password = `p@ss/word "x" é` // the simulator's library splits user:password at every colon
			}
			s := serve(t, sim.CameraOptions{Auth: auth, Cameras: []sim.Camera{
				{Path: "cam1", Clip: "forecourt-live.mp4", User: "siaga", Password: password},
			}})
			config := map[string]any{"url": s.URL("cam1"), "username": "siaga"}
			p := play(t, device(t, config, password))
			p.until(t, 10*time.Second, "online", hasKind("camera.online"))
			wrong := play(t, device(t, config, "wrong"))
			wantFault(t, wrong.ended(t, 10*time.Second), watch.ReasonRefused)
		})
	}
}

func wantFault(t *testing.T, err error, want watch.Reason) {
	t.Helper()
	var f *watch.Fault
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a *watch.Fault", err)
	}
	if f.Reason != want || f.Hint == "" || f.Doing == "" {
		t.Errorf("got reason %s, doing %q, hint %q (%v); want %s with a hint", f.Reason, f.Doing, f.Hint, f.Err, want)
	}
}
