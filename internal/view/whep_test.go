package view_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"siaga/internal/sim"
	"siaga/internal/view"
)

// browser is a WebRTC client like a browser: it offers to receive, and takes pictures apart.
type browser struct {
	pc *webrtc.PeerConnection

	mu       sync.Mutex
	first    time.Time // first whole picture
	pictures int
	stamps   []uint32
	delays   []time.Duration
	keyFirst bool
	audio    int
	onVideo  func(ssrc uint32) // may be nil
}

func newBrowser(tb testing.TB, tcpOnly bool) *browser {
	tb.Helper()
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		tb.Fatal(err)
	}
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if tcpOnly {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		tb.Fatal(err)
	}
	b := &browser{pc: pc}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			tb.Fatal(err)
		}
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		var nalus [][]byte
		if t.Kind() == webrtc.RTPCodecTypeVideo && b.onVideo != nil {
			b.onVideo(uint32(t.SSRC()))
		}
		for {
			pkt, _, err := t.ReadRTP()
			if err != nil {
				return
			}
			if t.Kind() == webrtc.RTPCodecTypeAudio {
				b.mu.Lock()
				b.audio++
				b.mu.Unlock()
				continue
			}
			nalus = b.take(pkt, nalus)
		}
	})
	tb.Cleanup(func() {
		if err := pc.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b
}

// take collects NAL units and counts the picture at its marker.
func (b *browser) take(pkt *rtp.Packet, nalus [][]byte) [][]byte {
	if len(pkt.Payload) == 0 {
		return nalus
	}
	switch pkt.Payload[0] & 0x1f {
	case 24: // STAP-A
		for p := pkt.Payload[1:]; len(p) > 2; {
			n := int(p[0])<<8 | int(p[1])
			nalus = append(nalus, p[2:2+n])
			p = p[2+n:]
		}
	case 28: // FU-A: the type is all that is asked here
		if pkt.Payload[1]&0x80 != 0 {
			nalus = append(nalus, []byte{pkt.Payload[0]&0xe0 | pkt.Payload[1]&0x1f})
		}
	default:
		nalus = append(nalus, pkt.Payload)
	}
	if !pkt.Marker {
		return nalus
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	types := []byte{}
	for _, n := range nalus {
		types = append(types, n[0]&0x1f)
	}
	if b.pictures == 0 {
		b.first = time.Now()
		b.keyFirst = slices.Contains(types, 7) && slices.Contains(types, 8) && slices.Contains(types, 5)
	}
	if at, ok := sim.SendTime(nalus); ok {
		b.delays = append(b.delays, time.Since(at))
	}
	b.pictures++
	b.stamps = append(b.stamps, pkt.Timestamp)
	return nil
}

func (b *browser) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pictures
}

// offer is what a browser posts, with every candidate in it.
func (b *browser) offer(tb testing.TB) string {
	tb.Helper()
	offer, err := b.pc.CreateOffer(nil)
	if err != nil {
		tb.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(b.pc)
	if err := b.pc.SetLocalDescription(offer); err != nil {
		tb.Fatal(err)
	}
	<-gathered
	return b.pc.LocalDescription().SDP
}

// watch begins to view and returns the session and when it asked.
func (b *browser) watch(tb testing.TB, h *view.Hub, device string) (session string, asked time.Time) {
	tb.Helper()
	offer := b.offer(tb)
	asked = time.Now()
	answer, session, err := h.Answer(context.Background(), device, "main", offer)
	if err != nil {
		tb.Fatal(err)
	}
	if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		tb.Fatal(err)
	}
	return session, asked
}

func TestAnswer_ShowsTheFirstPictureAtOnceAndThenTheyAdvance(t *testing.T) {
	t.Parallel()
	s := newSite(t, footage, "car-detection") // key frames 4.8 s apart: only the kept group can be quick
	// Let the group of pictures grow, so that there is something to catch up with.
	feed, err := s.hub.Subscribe("car-detection", "main")
	if err != nil {
		t.Fatal(err)
	}
	for range 12 {
		if _, err := feed.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	feed.Close()
	for name, tcp := range map[string]bool{"udp": false, "tcp": true} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t, tcp)
			_, asked := b.watch(t, s.hub, "car-detection")
			eventually(t, 5*time.Second, "a picture", func() bool { return b.count() > 0 })
			n := b.count()
			eventually(t, 5*time.Second, "ten more", func() bool { return b.count() >= n+10 })
			b.mu.Lock()
			defer b.mu.Unlock()
			if took := b.first.Sub(asked); took > time.Second {
				t.Errorf("the first picture took %v", took)
			}
			if !b.keyFirst {
				t.Error("the first picture is not a key frame with its parameter sets")
			}
			for i := 1; i < len(b.stamps); i++ {
				if int32(b.stamps[i]-b.stamps[i-1]) <= 0 {
					t.Fatalf("picture %d is stamped %d after %d", i, b.stamps[i], b.stamps[i-1])
				}
			}
			last := b.delays[len(b.delays)-1]
			if last > 500*time.Millisecond {
				t.Errorf("the newest picture is %v old: the viewer stays behind", last)
			}
		})
	}
}

func TestAnswer_SendsStreamsThatWebRTCCannotCarryToTheOtherPath(t *testing.T) {
	t.Parallel()
	dir := clip(t, "h265", "-c:v", "libx265", "-x265-params", "log-level=error", "-g", "15", "-tag:v", "hvc1")
	s := newSite(t, dir, "h265")
	b := newSite(t, footage, "one-by-one-person-detection")
	eventually(t, 10*time.Second, "B-frames are noticed", func() bool {
		st, err := b.hub.State("one-by-one-person-detection", "main")
		return err == nil && st.NoWebRTC == view.ReasonBFrames
	})
	for _, c := range []struct {
		hub          *view.Hub
		device, want string
	}{{s.hub, "h265", view.ReasonCodec}, {b.hub, "one-by-one-person-detection", view.ReasonBFrames}} {
		_, _, err := c.hub.Answer(t.Context(), c.device, "main", newBrowser(t, false).offer(t))
		var needs *view.NeedsFMP4
		if !errors.As(err, &needs) || needs.Reason != c.want || !errors.Is(err, view.ErrNeedsFMP4) {
			t.Errorf("%s: got %v, want reason %s", c.device, err, c.want)
		}
	}
}

func TestAnswer_RefusesWhatIsNoOffer(t *testing.T) {
	t.Parallel()
	s := newSite(t, footage, "forecourt-live")
	noVideo := "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"
	noH264 := "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n"
	broken := "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
	for name, c := range map[string]struct {
		offer string
		want  error
	}{
		"empty": {"", view.ErrOffer}, "no video": {noVideo, view.ErrOffer}, "no H.264": {noH264, view.ErrNeedsFMP4},
		"broken": {broken, view.ErrOffer}, "huge": {string(make([]byte, 1<<20)), view.ErrOffer},
	} {
		if _, _, err := s.hub.Answer(t.Context(), "forecourt-live", "main", c.offer); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	var notLive *view.NotLive
	if _, _, err := s.hub.Answer(t.Context(), "nobody", "main", noVideo); !errors.As(err, &notLive) {
		t.Errorf("unknown device: got %v", err)
	}
}

func TestHangup_EndsTheViewerAndOnlyOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, footage, "forecourt-live")
	b := newBrowser(t, false)
	session, _ := b.watch(t, s.hub, "forecourt-live")
	viewers := func(n int) func() bool {
		return func() bool {
			st, err := s.hub.State("forecourt-live", "main")
			return err == nil && st.Viewers == n
		}
	}
	eventually(t, 5*time.Second, "a viewer is counted", viewers(1))
	if err := s.hub.Hangup(session); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the viewer is gone", viewers(0))
	eventually(t, 5*time.Second, "the session is unknown", func() bool { return errors.Is(s.hub.Hangup(session), view.ErrNoSession) })
}

func TestAnswer_GoesOnOverAReconnectOfTheCamera(t *testing.T) {
	t.Parallel()
	s := newSite(t, footage, "forecourt-live")
	b := newBrowser(t, false)
	b.watch(t, s.hub, "forecourt-live")
	eventually(t, 5*time.Second, "pictures", func() bool { return b.count() > 3 })
	key, err := s.hub.KeyFrame("forecourt-live", "main")
	if err != nil {
		t.Fatal(err)
	}
	before := b.count()
	// The same key frame as a camera sends it after a restart: another run, PTS from the start.
	key.Run++
	for i := range 5 {
		key.PTS = int64(i) * 9000
		s.hub.Offer("forecourt-live", key)
	}
	eventually(t, 5*time.Second, "pictures of the new run", func() bool { return b.count() >= before+5 })
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := 1; i < len(b.stamps); i++ {
		if d := int32(b.stamps[i] - b.stamps[i-1]); d <= 0 || d > 90000*3 {
			t.Errorf("picture %d is stamped %d after the one before", i, d)
		}
	}
}

func TestAnswer_AnnouncesTheConfiguredAddressOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, footage, "forecourt-live")
	key, err := s.hub.KeyFrame("forecourt-live", "main")
	if err != nil {
		t.Fatal(err)
	}
	h := view.New(view.Options{Listen: "127.0.0.1:0", Announce: []string{"192.0.2.7"}, MaxViewers: 1})
	run(t, h.Run)
	h.Offer("cam-1", key)
	var answer string
	eventually(t, 5*time.Second, "an answer", func() bool {
		answer, _, err = h.Answer(t.Context(), "cam-1", "main", newBrowser(t, false).offer(t))
		return !errors.Is(err, view.ErrNotRunning)
	})
	if err != nil {
		t.Fatal(err)
	}
	udp, tcp := 0, 0
	for line := range strings.Lines(answer) {
		if !strings.HasPrefix(line, "a=candidate:") {
			continue
		}
		if !strings.Contains(line, " 192.0.2.7 ") {
			t.Errorf("the answer tells %s", line)
		}
		if strings.Contains(line, " udp ") {
			udp++
		} else {
			tcp++
		}
	}
	if udp == 0 || tcp == 0 {
		t.Errorf("%d UDP and %d TCP candidates, want both", udp, tcp)
	}
	if _, _, err := h.Answer(t.Context(), "cam-1", "main", newBrowser(t, false).offer(t)); !errors.Is(err, view.ErrTooMany) {
		t.Errorf("one viewer too many: %v", err)
	}
}

func TestAnswer_ABrowserThatLostItsWayGetsTheGroupAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, footage, "car-detection")
	b := newBrowser(t, false)
	ssrc := make(chan uint32, 1)
	b.onVideo = func(id uint32) { ssrc <- id }
	b.watch(t, s.hub, "car-detection")
	eventually(t, 5*time.Second, "pictures", func() bool { return b.count() > 15 })
	id := <-ssrc
	// Pictures of a burst are a millisecond apart; those of the camera are 80.
	squeezed := func(from int) (n int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for i := max(from, 1); i < len(b.stamps); i++ {
			if b.stamps[i]-b.stamps[i-1] == 90 {
				n++
			}
		}
		return n
	}
	before := b.count()
	eventually(t, 10*time.Second, "the group again", func() bool {
		if err := b.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: id}}); err != nil {
			t.Fatal(err)
		}
		return squeezed(before) > 3
	})
	n := b.count()
	eventually(t, 5*time.Second, "more pictures", func() bool { return b.count() > n+10 })
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := 1; i < len(b.stamps); i++ {
		if int32(b.stamps[i]-b.stamps[i-1]) <= 0 {
			t.Fatalf("picture %d is stamped %d after %d", i, b.stamps[i], b.stamps[i-1])
		}
	}
}

// A browser that gets no pictures asks for them. It must not be given the last second again and again: the guard would
// take a dead camera for a live one.
func TestAnswer_NeverReplaysACameraThatStandsStill(t *testing.T) {
	t.Parallel()
	s := newSite(t, footage, "room-live")
	b := newBrowser(t, false)
	ssrc := make(chan uint32, 1)
	b.onVideo = func(id uint32) { ssrc <- id }
	b.watch(t, s.hub, "room-live")
	eventually(t, 5*time.Second, "pictures", func() bool { return b.count() > 15 })
	id := <-ssrc
	if err := s.cameras.Silence("room-live", true); err != nil {
		t.Fatal(err)
	}
	asks := 0
	eventually(t, 6*time.Second, "silence", func() bool {
		st, err := s.hub.State("room-live", "main")
		return err == nil && st.Age > 2100*time.Millisecond
	})
	before := b.count()
	eventually(t, 6*time.Second, "a silence of four seconds, with questions", func() bool {
		if err := b.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: id}}); err != nil {
			t.Fatal(err)
		}
		asks++
		st, err := s.hub.State("room-live", "main")
		return err == nil && st.Age > 4*time.Second
	})
	if n := b.count(); n != before {
		t.Errorf("%d questions brought %d pictures of a camera that stands still", asks, n-before)
	}
}

func TestHub_SurvivesViewersComingAndGoingWhileItStops(t *testing.T) {
	t.Parallel()
	h := view.New(view.Options{Listen: "127.0.0.1:0"})
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- h.Run(ctx) }()
	var wait sync.WaitGroup
	halt := make(chan struct{})
	for range 3 {
		wait.Go(func() {
			for i := int64(0); ; i++ {
				select {
				case <-halt:
					return
				default:
					h.Offer("cam-1", mjpegUnit(i))
				}
				f, err := h.Subscribe("cam-1", "main")
				if err != nil {
					continue
				}
				_, _ = f.Next(t.Context())
				f.Close()
				if i%7 == 0 {
					h.Forget("cam-1")
				}
			}
		})
	}
	eventually(t, 5*time.Second, "the stream", func() bool { return len(h.States()) > 0 })
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	close(halt)
	wait.Wait()
	for _, st := range h.States() {
		if st.Viewers != 0 {
			t.Errorf("%d viewers are left", st.Viewers)
		}
	}
}
