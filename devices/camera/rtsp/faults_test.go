package rtsp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"siaga/devices"
	"siaga/devices/camera/rtsp"
	"siaga/devices/devicetest"
	"siaga/internal/sim"
	"siaga/internal/watch"
)

func TestRun_NamesWhyACameraIsNotThere(t *testing.T) {
	t.Parallel()
	s := serve(t, sim.CameraOptions{Cameras: []sim.Camera{
		{Path: "cam1", Clip: "forecourt-live.mp4", User: "siaga", Password: "secret"},
	}})
	closed := listen(t, func(c net.Conn) {})
	addr := closed.Addr().String()
	closed.Close()
	plain := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "RTSP/1.0 400 Bad Request\r\n\r\n") })
	hangup := listen(t, func(c net.Conn) { c.Close() })
	for _, c := range []struct {
		name, url, user, password string
		want                      watch.Reason
	}{
		{"port closed", "rtsp://" + addr + "/", "", "", watch.ReasonUnreachable},
		{"no such name", "rtsp://camera.invalid/", "", "", watch.ReasonUnreachable},
		{"hangs up", "rtsp://" + hangup.Addr().String() + "/", "", "", watch.ReasonReset},
		{"wrong path", s.URL("cam2"), "siaga", "secret", watch.ReasonNotFound},
		{"wrong password", s.URL("cam1"), "siaga", "guess", watch.ReasonRefused},
		{"no password", s.URL("cam1"), "", "", watch.ReasonRefused},
		{"not TLS", "rtsps://" + plain.Addr().String() + "/", "siaga", "secret", watch.ReasonInsecure},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := device(t, map[string]any{"url": c.url, "username": c.user}, c.password)
			err := d.Run(t.Context(), newHost())
			wantFault(t, err, c.want)
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "guess") {
				t.Errorf("the fault tells a password: %v", err)
			}
		})
	}
}

// listen serves each connection until the test ends.
func listen(t *testing.T, serve func(net.Conn)) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go serve(c)
		}
	}()
	return l
}

func TestRun_NeverHangsOnAPeerThatFallsSilent(t *testing.T) {
	t.Parallel()
	mute := listen(t, func(net.Conn) {})
	// Answers OPTIONS, then never again.
	half := listen(t, func(c net.Conn) {
		buf := make([]byte, 4096)
		if _, err := c.Read(buf); err == nil {
			_, _ = io.WriteString(c, "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n")
		}
	})
	endless := listen(t, func(c net.Conn) {
		junk := []byte(strings.Repeat("HTTP/1.1 400 Bad Request\r\n", 100))
		for {
			if _, err := c.Write(junk); err != nil {
				return
			}
		}
	})
	for name, url := range map[string]string{
		"accepts only":      "rtsp://" + mute.Addr().String() + "/",
		"accepts only, TLS": "rtsps://" + mute.Addr().String() + "/",
		"half an exchange":  "rtsp://" + half.Addr().String() + "/",
		"endless junk":      "rtsp://" + endless.Addr().String() + "/",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			wantFault(t, device(t, map[string]any{"url": url}, "").Run(t.Context(), newHost()), watch.ReasonUnreachable)
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestRun_StopsWithinASecondWhenTold(t *testing.T) {
	t.Parallel()
	s := serve(t, oneCamera("forecourt-live.mp4"))
	mute := listen(t, func(net.Conn) {})
	for name, url := range map[string]string{"playing": s.URL("cam1"), "connecting": "rtsp://" + mute.Addr().String() + "/"} {
		t.Run(name, func(t *testing.T) {
			p := play(t, device(t, map[string]any{"url": url}, ""))
			if name == "playing" {
				p.until(t, 10*time.Second, "online", hasKind("camera.online"))
			}
			begin := time.Now()
			p.stop()
			if err := p.ended(t, 5*time.Second); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
			if took := time.Since(begin); took > time.Second {
				t.Errorf("took %v to stop", took)
			}
		})
	}
}

func TestRun_SilenceIsNoFramesAfterSevenSeconds(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			s := serve(t, oneCamera("forecourt-live.mp4"))
			d := device(t, map[string]any{"url": s.URL("cam1"), "transport": transport}, "")
			p := play(t, d)
			p.until(t, 10*time.Second, "online", hasKind("camera.online"))
			if err := s.Silence("cam1", true); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			wantFault(t, p.ended(t, 10*time.Second), watch.ReasonNoFrames)
			if took := time.Since(begin); took < 6*time.Second || took > 8500*time.Millisecond {
				t.Errorf("silence was seen after %v", took)
			}
			if err := s.Silence("cam1", false); err != nil {
				t.Fatal(err)
			}
			again := play(t, d)
			again.until(t, 3*time.Second, "pictures within 3 s of the camera's return", func(h *host) bool { return h.count(video) > 0 })
			again.mu.Lock()
			defer again.mu.Unlock()
			if first, second := p.units[0].Run, again.units[0].Run; second <= first {
				t.Errorf("run %d after run %d", second, first)
			}
		})
	}
}

func TestRun_ADroppedSessionIsAReset(t *testing.T) {
	t.Parallel()
	s := serve(t, oneCamera("forecourt-live.mp4"))
	p := play(t, device(t, map[string]any{"url": s.URL("cam1")}, ""))
	p.until(t, 10*time.Second, "online", hasKind("camera.online"))
	if err := s.Disconnect("cam1"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, p.ended(t, 3*time.Second), watch.ReasonReset)
}

func TestRun_ChangedParameterSetsMakeANewFormat(t *testing.T) {
	t.Parallel()
	s := serve(t, oneCamera("forecourt-live.mp4"))
	p := play(t, device(t, map[string]any{"url": s.URL("cam1")}, ""))
	p.until(t, 10*time.Second, "a picture", func(h *host) bool { return h.count(video) > 0 })
	p.mu.Lock()
	before := p.units[0].Format
	sps := string(before.SPS)
	p.mu.Unlock()
	if err := s.ChangeClip("cam1", "car-detection.mp4"); err != nil {
		t.Fatal(err)
	}
	p.until(t, 5*time.Second, "the change", hasKind("camera.format_changed"))
	p.mu.Lock()
	defer p.mu.Unlock()
	after := p.units[len(p.units)-1].Formats[0]
	if after == before || string(after.SPS) == sps {
		t.Error("the format is still the old one")
	}
	if string(before.SPS) != sps {
		t.Error("the old format was edited; receivers still hold it")
	}
}

func TestRun_DatesFramesByTheCameraOnlyWhileItsClockIsSane(t *testing.T) {
	t.Parallel()
	s := serve(t, oneCamera("forecourt-live.mp4"))
	p := play(t, device(t, map[string]any{"url": s.URL("cam1")}, ""))
	trusted := func(u watch.AccessUnit) bool { return u.FromSender }
	p.until(t, 10*time.Second, "frames dated by the camera", func(h *host) bool { return h.count(trusted) > 10 })
	p.mu.Lock()
	for _, u := range p.units {
		if off := time.Since(u.At); off < -time.Second || off > 15*time.Second {
			t.Errorf("a frame is dated %v ago", off)
		}
	}
	p.mu.Unlock()
	if err := s.ClockOffset("cam1", 7*time.Minute); err != nil {
		t.Fatal(err)
	}
	type clock struct {
		OffsetMS int64 `json:"offset_ms"`
		Trusted  bool
	}
	p.until(t, 10*time.Second, "a clock 7 minutes ahead", func(h *host) bool {
		r := h.find("camera.clock")
		if r == nil || !r.Sample {
			return false
		}
		c := body[clock](t, r)
		return c.OffsetMS > 419_000 && c.OffsetMS < 421_000 && !c.Trusted
	})
	p.mu.Lock()
	n := len(p.units)
	p.mu.Unlock()
	p.until(t, 5*time.Second, "more frames", func(h *host) bool { return len(h.units) > n+5 })
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := p.units[len(p.units)-1]; last.FromSender || time.Since(last.At).Abs() > 5*time.Second {
		t.Errorf("with a wrong camera clock a frame is dated %v (from sender: %v)", last.At, last.FromSender)
	}
}

func TestRun_TheSubStreamComesAndGoesBesideMain(t *testing.T) {
	t.Parallel()
	s := serve(t, sim.CameraOptions{Cameras: []sim.Camera{
		{Path: "main", Clip: "forecourt-live.mp4"}, {Path: "sub", Clip: "room-live.mp4"},
	}})
	p := play(t, device(t, map[string]any{"url": s.URL("main"), "sub_url": s.URL("sub")}, ""))
	sub := func(u watch.AccessUnit) bool { return u.Stream == "sub" }
	p.until(t, 10*time.Second, "sub pictures", func(h *host) bool { return h.count(sub) > 5 })
	if err := s.Hide("sub", true); err != nil {
		t.Fatal(err)
	}
	if err := s.Disconnect("sub"); err != nil {
		t.Fatal(err)
	}
	p.until(t, 5*time.Second, "sub lost", hasKind("camera.sub_lost"))
	if err := s.Hide("sub", false); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	lost := body[struct {
		Reason watch.Reason
		Retry  int `json:"retry_s"`
	}](t, p.find("camera.sub_lost"))
	before := p.count(sub)
	p.mu.Unlock()
	if lost.Reason != watch.ReasonReset || lost.Retry != 10 {
		t.Errorf("camera.sub_lost says %+v", lost)
	}
	p.until(t, 15*time.Second, "sub pictures again", func(h *host) bool { return h.count(sub) > before+5 })
	runs := map[string]map[uint64]bool{"main": {}, "sub": {}}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.units {
		runs[u.Stream][u.Run] = true
	}
	if len(runs["main"]) != 1 || len(runs["sub"]) != 2 {
		t.Errorf("runs: %v; want one of main and two of sub", runs)
	}
}

func TestRun_TakesRTSPSWithAPinAndRefusesAnUnknownCertificate(t *testing.T) {
	t.Parallel()
	cert := selfSigned(t)
	o := oneCamera("forecourt-live.mp4")
	o.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s := serve(t, o)
	sum := sha256.Sum256(cert.Certificate[0])
	pin := hex.EncodeToString(sum[:])
	p := play(t, device(t, map[string]any{"url": s.URL("cam1"), "tls_fingerprint": pin}, ""))
	p.until(t, 10*time.Second, "pictures", func(h *host) bool { return h.count(video) > 5 })

	err := device(t, map[string]any{"url": s.URL("cam1")}, "").Run(t.Context(), newHost())
	wantFault(t, err, watch.ReasonInsecure)
	if !strings.Contains(err.Error(), pin) {
		t.Errorf("the hint does not say which certificate was seen: %v", err)
	}
	other := strings.Repeat("ab", sha256.Size)
	err = device(t, map[string]any{"url": s.URL("cam1"), "tls_fingerprint": other}, "").Run(t.Context(), newHost())
	wantFault(t, err, watch.ReasonInsecure)
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "camera"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestDriver_SitsTheExam(t *testing.T) {
	mute := listen(t, func(net.Conn) {})
	config := []byte(`{"url":"rtsp://` + mute.Addr().String() + `/main","sub_url":"rtsp://` + mute.Addr().String() + `/sub"}`)
	devicetest.Exam(t, rtsp.Driver(), devices.Settings{ID: "cam-1", Config: config})
}
