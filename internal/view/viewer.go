package view

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// viewer is one WebRTC session.
type viewer struct {
	id     string
	pc     *webrtc.PeerConnection
	stream *stream
	log    *slog.Logger

	video, audio *sender // audio may be nil
	connected    chan struct{}
	gone         chan struct{} // the connection failed, or somebody hung up
	goneOnce     sync.Once
	lost         chan struct{} // the browser asks for a key frame
}

func newViewer(pc *webrtc.PeerConnection, s *stream, log *slog.Logger) *viewer {
	v := &viewer{
		id: newSessionID(), pc: pc, stream: s, log: log,
		connected: make(chan struct{}), gone: make(chan struct{}), lost: make(chan struct{}, 1),
	}
	var once sync.Once
	pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) {
		switch st {
		case webrtc.PeerConnectionStateConnected:
			once.Do(func() { close(v.connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			v.hangUp()
		}
	})
	return v
}

// hangUp lets run end; it does not wait.
func (v *viewer) hangUp() { v.goneOnce.Do(func() { close(v.gone) }) }

// negotiate answers the offer with every candidate in the answer.
func (v *viewer) negotiate(ctx context.Context, c *agreed, offer string) (string, error) {
	var err error
	if v.video, err = v.addSender(c.video, "video"); err != nil {
		return "", err
	}
	if c.audio != nil {
		if v.audio, err = v.addSender(*c.audio, "audio"); err != nil {
			return "", err
		}
	}
	desc := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}
	if err := v.pc.SetRemoteDescription(desc); err != nil {
		return "", fmt.Errorf("%w: %w", ErrOffer, err)
	}
	answer, err := v.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrOffer, err)
	}
	gathered := webrtc.GatheringCompletePromise(v.pc)
	if err := v.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("%w: %w", ErrOffer, err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return v.pc.LocalDescription().SDP, nil
}

func (v *viewer) addSender(c webrtc.RTPCodecParameters, kind string) (*sender, error) {
	track, err := webrtc.NewTrackLocalStaticRTP(c.RTPCodecCapability, kind, "siaga")
	if err != nil {
		return nil, err
	}
	rs, err := v.pc.AddTrack(track)
	if err != nil {
		return nil, err
	}
	return &sender{track: track, rs: rs, rate: int64(c.ClockRate), seq: uint16(rand.Uint32()), base: rand.Uint32()}, nil
}

// run sends until the viewer is gone, and closes its connection.
func (v *viewer) run() {
	var feedback sync.WaitGroup
	for _, s := range []*sender{v.video, v.audio} {
		if s != nil {
			feedback.Go(func() { v.listen(s) })
		}
	}
	if v.awaitConnection() {
		v.send()
	}
	v.hangUp()
	if err := v.pc.Close(); err != nil {
		v.log.Debug("view: closing a viewer", "session", v.id, "error", err)
	}
	feedback.Wait()
}

func (v *viewer) awaitConnection() bool {
	t := time.NewTimer(connectTime)
	defer t.Stop()
	select {
	case <-v.connected:
		return true
	case <-v.gone:
	case <-t.C:
	}
	return false
}

// listen reads a sender's feedback until the connection closes: reading is what lets lost packets be sent again.
func (v *viewer) listen(s *sender) {
	buf := make([]byte, 1500)
	for {
		n, _, err := s.rs.Read(buf)
		if err != nil {
			return
		}
		if packets, err := rtcp.Unmarshal(buf[:n]); err == nil {
			v.noteLoss(packets)
		}
	}
}

func (v *viewer) noteLoss(packets []rtcp.Packet) {
	for _, p := range packets {
		switch p.(type) {
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			select {
			case v.lost <- struct{}{}:
			default:
			}
		}
	}
}

// minPrime is the least time between two bursts: a browser in trouble asks often, and a burst is expensive.
const minPrime = time.Second

// replayable is how old the newest picture may be for a burst. Browsers ask 3 s after the last picture.
const replayable = 2 * time.Second

// send primes the viewer with the group of pictures and passes on what comes.
func (v *viewer) send() {
	t, gop, err := v.stream.join()
	if err != nil {
		return
	}
	defer v.stream.leave(t)
	v.video.prepare()
	primed := time.Now()
	if !v.prime(gop) {
		return
	}
	for {
		select {
		case <-v.gone:
			return
		case <-t.ended:
			return
		case <-v.lost:
			// A camera cannot be asked for a key frame; the browser gets the group again. Not that of a camera
			// which stands still: a browser without pictures asks too, and would show the past for ever as live.
			if _, _, age := v.stream.describe(); age > replayable || time.Since(primed) < minPrime {
				continue
			}
			primed = time.Now()
			gop, rest := v.catchUp(t)
			if !v.prime(gop) || !v.passAll(rest) {
				return
			}
		case u := <-t.units:
			if !v.pass(u) {
				return
			}
		}
	}
}

// catchUp returns the group of pictures and drops from the queue what the group already holds.
func (v *viewer) catchUp(t *tap) (gop, rest []*unit) {
	gop = v.stream.group()
	held := make(map[*unit]bool, len(gop))
	for _, u := range gop {
		held[u] = true
	}
	for {
		select {
		case u := <-t.units:
			if len(gop) == 0 || !held[u] && u.got.After(gop[len(gop)-1].got) {
				rest = append(rest, u)
			}
		default:
			return gop, rest
		}
	}
}

func (v *viewer) passAll(units []*unit) bool {
	for _, u := range units {
		if !v.pass(u) {
			return false
		}
	}
	return true
}

// pass sends one unit; false when the viewer cannot go on.
func (v *viewer) pass(u *unit) bool {
	if u.bframes {
		return false // B-frames began; the screen asks again and is sent to the fMP4 path
	}
	if u.video() {
		return v.video.sendVideo(u, v.video.stamp(u))
	}
	if v.audio != nil {
		return v.audio.sendAudio(u)
	}
	return true
}

// Pacing of a burst: so many packets, then a breath. About 150 Mbit/s, which a browser's socket buffer follows.
const (
	burstPackets = 32
	burstBreath  = 2 * time.Millisecond
	squeezed     = 90 // timestamp units between two pictures of a burst: 1 ms
)

// prime sends the group of pictures at once. Its timestamps are squeezed into a millisecond each, ending at the
// last frame's own, so that the browser shows the present and does not replay the past.
func (v *viewer) prime(gop []*unit) bool {
	var pictures []*unit
	for _, u := range gop {
		if u.video() {
			pictures = append(pictures, u)
		}
	}
	if len(pictures) == 0 {
		return true
	}
	end := v.video.stampAfter(pictures[len(pictures)-1], len(pictures))
	sent := 0
	for i, u := range pictures {
		if sent >= burstPackets {
			sent = 0
			if !v.breathe() {
				return false
			}
		}
		sent += len(u.pack())
		if !v.video.sendVideo(u, end-uint32(len(pictures)-1-i)*squeezed) {
			return false
		}
	}
	return true
}

func (v *viewer) breathe() bool {
	t := time.NewTimer(burstBreath)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-v.gone:
		return false
	}
}

// sender is one outgoing track.
type sender struct {
	track *webrtc.TrackLocalStaticRTP
	rs    *webrtc.RTPSender
	rate  int64
	seq   uint16
	base  uint32 // added to every timestamp
	ext   uint8  // id of the playout delay extension; 0: not negotiated

	run     uint64
	last    int64 // PTS of the last unit
	lastGot time.Time
	shift   int64 // added to PTS, to go on smoothly over a reconnect
	begun   bool

	sent     bool
	lastSent uint32 // timestamp of the last picture
}

// prepare learns what was negotiated.
func (s *sender) prepare() {
	for _, e := range s.rs.GetParameters().HeaderExtensions {
		if e.URI == playoutDelay {
			s.ext = uint8(e.ID)
		}
	}
}

// stamp is the RTP timestamp of a unit. PTS starts anew with each connection to the camera; the viewer's clock
// goes on by the time that really passed.
func (s *sender) stamp(u *unit) uint32 {
	if s.begun && u.au.Run != s.run {
		passed := int64(u.got.Sub(s.lastGot)) * s.rate / int64(time.Second)
		s.shift += s.last + max(passed, 1) - u.au.PTS
	}
	s.begun, s.run, s.last, s.lastGot = true, u.au.Run, u.au.PTS, u.got
	return s.base + uint32(u.au.PTS+s.shift)
}

// stampAfter is the timestamp of the last of n squeezed pictures. It moves the viewer's clock on where the first
// of them would fall before what was already sent: browsers drop pictures that step back.
func (s *sender) stampAfter(u *unit, n int) uint32 {
	ts := s.stamp(u)
	if first := ts - uint32(n-1)*squeezed; s.sent && int32(first-s.lastSent) <= 0 {
		on := int64(int32(s.lastSent-first)) + squeezed
		s.shift += on
		ts += uint32(on)
	}
	return ts
}

// sendVideo sends one picture. An error means that the connection is closing.
func (s *sender) sendVideo(u *unit, ts uint32) bool {
	packets := u.pack()
	s.sent, s.lastSent = true, ts
	for i, payload := range packets {
		pkt := rtp.Packet{
			Header:  rtp.Header{Version: 2, Marker: i == len(packets)-1, SequenceNumber: s.seq, Timestamp: ts},
			Payload: payload,
		}
		if s.ext != 0 {
			// Least and most delay in 10 ms: show at once, never hold more than 100 ms.
			_ = pkt.SetExtension(s.ext, []byte{0, 0, 10})
		}
		s.seq++
		if s.track.WriteRTP(&pkt) != nil {
			return false
		}
	}
	return true
}

func (s *sender) sendAudio(u *unit) bool {
	pkt := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: s.seq, Timestamp: s.stamp(u)}, Payload: u.au.Data[0]}
	s.seq++
	return s.track.WriteRTP(&pkt) == nil
}
