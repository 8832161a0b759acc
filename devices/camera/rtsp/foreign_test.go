package rtsp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"siaga/devices"
	"siaga/internal/watch"
)

// Servers not written here: GStreamer's and VLC's. make test installs both; a missing one is a failure.

const (
	gstVideo = "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! "
	gstAudio = " audiotestsrc is-live=true ! audioconvert ! audioresample ! "
	gstH264  = gstVideo + "x264enc tune=zerolatency key-int-max=15 ! rtph264pay name=pay0 pt=96"
)

// gst is a running GStreamer server.
type gst struct {
	cmd  *exec.Cmd
	in   io.Closer
	port string
}

func (g *gst) url() string { return "rtsp://127.0.0.1:" + g.port + "/cam" }

// stop ends the server at once, as a power cut would.
func (g *gst) stop() {
	if g.cmd.ProcessState == nil {
		_ = g.cmd.Process.Kill()
		_ = g.cmd.Wait()
	}
}

func startGst(t *testing.T, port, launch string, login ...string) *gst {
	t.Helper()
	// Debian's own Python has GStreamer's bindings; one from elsewhere in the path has not.
	cmd := exec.Command("/usr/bin/python3", append([]string{"testdata/gst_server.py", port, "( " + launch + " )"}, login...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var say strings.Builder
	cmd.Stderr = &say
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g := &gst{cmd: cmd, in: in}
	t.Cleanup(g.stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		g.stop()
		t.Fatalf("GStreamer's server did not start: %v\n%s", err, say.String())
	}
	g.port = strings.TrimSpace(line)
	return g
}

func TestGStreamer_EveryCodecOverBothTransports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, launch string
		video, audio watch.Codec
	}{
		{"h264 aac", gstH264 + gstAudio + "avenc_aac ! rtpmp4gpay name=pay1 pt=97", watch.H264, watch.AAC},
		{"h264 aac latm", gstH264 + gstAudio + "avenc_aac ! rtpmp4apay name=pay1 pt=97", watch.H264, watch.AAC},
		{"h265 pcma", gstVideo + "x265enc tune=zerolatency key-int-max=15 ! rtph265pay name=pay0 pt=96" +
			gstAudio + "alawenc ! rtppcmapay name=pay1", watch.H265, watch.PCMA},
		{
			"mjpeg pcmu", strings.Replace(gstVideo, "raw,", "raw,format=I420,", 1) + "jpegenc ! rtpjpegpay name=pay0" + gstAudio + "mulawenc ! rtppcmupay name=pay1",
			watch.MJPEG, watch.PCMU,
		},
		{"h264 opus", gstH264 + gstAudio + "opusenc ! rtpopuspay name=pay1 pt=97", watch.H264, watch.Opus},
	} {
		for _, transport := range []string{"tcp", "udp"} {
			t.Run(c.name+" "+transport, func(t *testing.T) {
				g := startGst(t, "0", c.launch)
				p := play(t, device(t, map[string]any{"url": g.url(), "transport": transport}, ""))
				p.until(t, 15*time.Second, "15 pictures and 10 sounds", func(h *host) bool {
					return h.count(video) >= 15 &&
						h.count(func(u watch.AccessUnit) bool { return u.Format.Codec == c.audio }) >= 10
				})
				p.until(t, 5*time.Second, "online", hasKind("camera.online"))
				p.mu.Lock()
				defer p.mu.Unlock()
				checkUnits(t, p.units)
				b := body[struct {
					Codec, Audio  watch.Codec
					Width, Height int
					Transport     string
				}](t, p.find("camera.online"))
				if b.Codec != c.video || b.Audio != c.audio || b.Width != 320 || b.Height != 240 || b.Transport != transport {
					t.Errorf("camera.online says %+v", b)
				}
			})
		}
	}
}

func TestGStreamer_FaultsAndReturn(t *testing.T) {
	t.Parallel()
	g := startGst(t, "0", gstH264, "siaga", "right")
	config := map[string]any{"url": g.url(), "username": "siaga"}
	wantFault(t, device(t, config, "wrong").Run(t.Context(), newHost()), watch.ReasonRefused)
	wrongPath := map[string]any{"url": g.url() + "era", "username": "siaga"}
	wantFault(t, device(t, wrongPath, "right").Run(t.Context(), newHost()), watch.ReasonNotFound)

	d := device(t, config, "right")
	p := play(t, d)
	p.until(t, 10*time.Second, "pictures", func(h *host) bool { return h.count(video) > 5 })
	// A camera that hangs: the process stops, the kernel keeps its sockets.
	if err := g.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	wantFault(t, p.ended(t, 10*time.Second), watch.ReasonNoFrames)
	begin := time.Now()
	wantFault(t, d.Run(t.Context(), newHost()), watch.ReasonUnreachable)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("connecting to a hanging camera took %v", took)
	}
	if err := g.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	again := play(t, d)
	again.until(t, 5*time.Second, "pictures again", func(h *host) bool { return h.count(video) > 5 })
	// A power cut, and the camera comes back on the same port.
	g.stop()
	wantFault(t, again.ended(t, 3*time.Second), watch.ReasonReset)
	wantFault(t, d.Run(t.Context(), newHost()), watch.ReasonUnreachable)
	startGst(t, g.port, gstH264, "siaga", "right")
	back := play(t, d)
	back.until(t, 5*time.Second, "pictures after the return", func(h *host) bool { return h.count(video) > 5 })
}

// startVLC streams a clip with VLC, which refuses to run as root, and waits until it listens.
func startVLC(t *testing.T, clip string, args ...string) string {
	t.Helper()
	dir := publicDir(t, clip)
	port := freePort(t)
	all := append([]string{
		"cvlc", "-I", "dummy", "--no-dbus", "--loop", "--sout-keep", filepath.Join(dir, "clip.mp4"),
		"--sout", fmt.Sprintf("#rtp{sdp=rtsp://127.0.0.1:%d/cam}", port),
	}, args...)
	if os.Geteuid() == 0 {
		all = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, all...)
	}
	cmd := exec.Command(all[0], all[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // cvlc is a script; the group holds its child
	var say strings.Builder
	cmd.Stdout, cmd.Stderr = &say, &say
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	addr := "127.0.0.1:" + strconv.Itoa(port)
	if !listens(addr, 15*time.Second) {
		stop()
		t.Fatalf("VLC does not listen:\n%s", say.String())
	}
	return "rtsp://" + addr + "/cam"
}

// publicDir holds a copy of a clip where any user can read it.
func publicDir(t *testing.T, clip string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vlc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	raw, err := os.ReadFile(clip)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Chmod(dir, 0o777), os.WriteFile(filepath.Join(dir, "clip.mp4"), raw, 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// listens waits until somebody accepts connections.
func listens(addr string, limit time.Duration) bool {
	deadline := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return true
		}
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
}

// patient tries again while a server that just started answers 500, as VLC does until its file is open.
type patient struct{ devices.Device }

func (p patient) Run(ctx context.Context, host devices.Host) error {
	for {
		err := p.Device.Run(ctx, host)
		if watch.ReasonOf(err) != watch.ReasonProtocol {
			return err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestVLC_PlaysVideoAndAudioAndNamesFaults(t *testing.T) {
	t.Parallel()
	url := startVLC(t, filepath.Join(footage, "car-detection.mp4"), "--sout-rtsp-user=siaga", "--sout-rtsp-pwd=right")
	config := map[string]any{"url": url, "username": "siaga"}
	p := play(t, patient{device(t, config, "right")})
	p.until(t, 20*time.Second, "15 pictures and 10 sounds", func(h *host) bool {
		return h.count(video) >= 15 && h.count(func(u watch.AccessUnit) bool { return u.Format.Codec == watch.AAC }) >= 10
	})
	p.mu.Lock()
	checkUnits(t, p.units)
	p.mu.Unlock()
	wantFault(t, device(t, config, "wrong").Run(t.Context(), newHost()), watch.ReasonRefused)
	config["url"] = url + "/nothing"
	wantFault(t, device(t, config, "right").Run(t.Context(), newHost()), watch.ReasonNotFound)
}

func TestVLC_PlaysH265(t *testing.T) {
	t.Parallel()
	clip := filepath.Join(t.TempDir(), "h265.mp4")
	out, err := exec.Command("ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=15:duration=10",
		"-c:v", "libx265", "-x265-params", "log-level=error", "-bf", "0", "-g", "15", "-tag:v", "hvc1", clip).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	p := play(t, patient{device(t, map[string]any{"url": startVLC(t, clip), "transport": "udp"}, "")})
	p.until(t, 20*time.Second, "15 pictures", func(h *host) bool { return h.count(video) >= 15 })
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.units[0].Format; f.Codec != watch.H265 || f.Width != 640 {
		t.Errorf("format %+v", f)
	}
}
