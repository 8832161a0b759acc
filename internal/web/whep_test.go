package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"siaga/internal/view"
	"siaga/internal/watch"
)

// broadcast shows an H.264 stream of cam-1 until stop is called.
func (s *site) broadcast() (stop func()) {
	f := &watch.Format{
		Codec: watch.H264, ClockRate: 90_000, PPS: []byte{0x08, 0x06, 0x07, 0x08},
		SPS: []byte{
			0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03,
			0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20,
		},
	}
	end, ended := make(chan struct{}), make(chan struct{})
	offer := func(i int) {
		s.view.Offer("cam-1", watch.AccessUnit{
			Stream: "main", Run: 1, Formats: []*watch.Format{f}, Format: f, PTS: int64(i) * 3000, At: time.Now(), Key: true,
			Data: [][]byte{f.SPS, f.PPS, {0x65, 0x88, 0x84, 0x00, 0x10}},
		})
	}
	offer(0)
	go func() {
		defer close(ended)
		tick := time.NewTicker(33 * time.Millisecond)
		defer tick.Stop()
		for i := 1; ; i++ {
			select {
			case <-tick.C:
				offer(i)
			case <-end:
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

// browser opens a live picture over WHEP and returns where to hang up; states are those of the connection.
func (s *site) browser(role string) (session string, states <-chan webrtc.PeerConnectionState) {
	s.t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	must(s.t, err)
	s.t.Cleanup(func() { _ = pc.Close() })
	seen := make(chan webrtc.PeerConnectionState, 16)
	pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) { seen <- st })
	_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	must(s.t, err)
	offer, err := pc.CreateOffer(nil)
	must(s.t, err)
	gathered := webrtc.GatheringCompletePromise(pc)
	must(s.t, pc.SetLocalDescription(offer))
	<-gathered
	send := func() (*http.Response, string) {
		r := s.request(role, post, prefix+"/cameras/cam-1/whep?stream=main", pc.LocalDescription().SDP)
		r.Header.Set("Content-Type", sdpType)
		return s.do(r)
	}
	res, answer := send()
	for tries := 0; res.StatusCode == http.StatusServiceUnavailable && tries < 500; tries++ {
		<-time.After(10 * time.Millisecond) // live view is still binding its ports
		res, answer = send()
	}
	if res.StatusCode != http.StatusCreated || res.Header.Get("Content-Type") != sdpType {
		s.t.Fatalf("offer: %d %s", res.StatusCode, answer)
	}
	session = res.Header.Get("Location")
	if !strings.HasPrefix(session, prefix+"/cameras/cam-1/whep/") {
		s.t.Fatalf("hang up at %q", session)
	}
	must(s.t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	return session, seen
}

// await reads states until one of those named.
func await(t testing.TB, states <-chan webrtc.PeerConnectionState, want ...webrtc.PeerConnectionState) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case st := <-states:
			for _, w := range want {
				if st == w {
					return
				}
			}
		case <-limit:
			t.Fatalf("the connection never was %v", want)
		}
	}
}

func TestWHEP_OnlyItsOwnerHangsUpAndSigningOutDoes(t *testing.T) {
	v := view.New(view.Options{Listen: "127.0.0.1:0"})
	s := newSite(t, noHub(func(o *Options) { o.View = v }))
	s.view = v
	s.furnish()
	t.Cleanup(start(t, v.Run))
	t.Cleanup(s.broadcast())
	session, states := s.browser("guard")
	await(t, states, webrtc.PeerConnectionStateConnected)
	s.problem("leader", del, session, "", http.StatusNotFound, "not_found")
	s.call("guard", del, session, "", http.StatusNoContent, nil)
	await(t, states, webrtc.PeerConnectionStateClosed, webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateFailed)
	s.problem("guard", del, session, "", http.StatusNotFound, "not_found")

	_, states = s.browser("chair")
	await(t, states, webrtc.PeerConnectionStateConnected)
	s.call("chair", del, prefix+"/session", "", http.StatusNoContent, nil)
	await(t, states, webrtc.PeerConnectionStateClosed, webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateFailed)
}
